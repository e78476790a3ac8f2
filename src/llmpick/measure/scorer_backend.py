"""What engines of the race that only score text share: they write nothing, answer one call at a time, and read once what rows share."""

import threading
from abc import ABC, abstractmethod
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from llmpick.evidence.call import CallRequest, Completion
from llmpick.measure.likelihood import TextScorer


class ScorerBackend(ABC):
    """Keeps the promises of `measure.backend.Backend` but for `complete`, on a scorer that it closes."""

    concurrency = 1
    call_timeout_s: float | None = None

    def __init__(self, scorer: TextScorer) -> None:
        self.engine = scorer.engine
        self.load_seconds = scorer.load_seconds
        self._scorer = scorer
        self._lock = threading.Lock()

    @abstractmethod
    def complete(self, request: CallRequest) -> Completion: ...

    @abstractmethod
    def _context(self, request: CallRequest) -> str:
        """What the request's text is scored after. Raises `InputError` for a request that cannot be answered so."""

    def prepare(self, requests: Sequence[CallRequest]) -> None:
        """Has the engine read once what the requests of a group begin with. Raises `InputError` for a request that cannot be answered so.
        Whether a row fits is seen when it is scored.
        """
        groups: dict[str, list[str]] = {}
        for request in requests:
            groups.setdefault(request.group, []).append(self._context(request))
        with self._lock:
            self._scorer.prepare(list(groups.values()))

    def resident_bytes(self) -> int | None:
        return None

    def close(self) -> None:
        self._scorer.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()
