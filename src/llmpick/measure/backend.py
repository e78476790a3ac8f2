"""The one seam between llmpick and everything that generates text.

A backend is started or connected, told all prompts it will see, asked for one completion at a time, and closed. Everything
above this file is the same for llama.cpp, a server at the other end of the world, and a script of canned answers.
"""

from collections.abc import Sequence
from types import TracebackType
from typing import Protocol, Self, runtime_checkable

from llmpick.evidence.call import CallRequest, Completion, EngineInfo


@runtime_checkable
class Backend(Protocol):
    """What every engine must do. `tests/contract` holds each one to it."""

    engine: EngineInfo
    load_seconds: float
    """Wall-clock seconds from the request to start until the first call could be made; 0.0 for a server that was there."""
    concurrency: int
    """How many `complete` calls may be under way at once, from different threads."""
    call_timeout_s: float | None
    """Seconds that one call may take, None for what the engine thinks right; it may be set between calls."""

    def prepare(self, requests: Sequence[CallRequest]) -> None:
        """Looks at all requests of the run before the first is made, so that what they share is computed once.

        Raises `InputError` for a request that can never succeed (longer than the context), `EngineError` if the engine is gone.
        """
        ...

    def complete(self, request: CallRequest) -> Completion:
        """Answers one request. The same request gets the same output, whatever was asked before it (greedy or seeded).

        With `request.thinking` the model reasons within its budget, and the text is what it answers after that, in the asked form.
        Raises `EngineError` when the machinery failed (`TimedOutError` when it took too long), `RowRefusedError` when a server will not
        answer this row; a model's bad answer is returned, not raised. What arrives after an error is never returned.
        """
        ...

    def resident_bytes(self) -> int | None:
        """Resident memory that the engine's own process holds now; None where it cannot be seen (a remote server)."""
        ...

    def close(self) -> None:
        """Frees the model and everything started for it. May be called twice."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None: ...
