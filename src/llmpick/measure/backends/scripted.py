"""A backend of canned answers: for users' tests and for runs that must not touch a model.

Tokens are words here (runs of characters between white space), so that limits, cut-offs and counts can be worked out by hand.
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from types import TracebackType
from typing import Any, Self

from llmpick.evidence.call import CallRequest, Completion, EngineInfo, OneLabel
from llmpick.evidence.errors import EngineError, InputError, TimedOutError
from llmpick.measure.thinking import split

Scripted = str | Completion | Exception
Script = Mapping[str, Scripted] | Callable[[CallRequest], Scripted]


class ScriptedBackend:
    """Answers from a mapping of row ids, or from a function of the request.

    A string is the model's text, and is cut off at the request's token limit; a `Completion` is returned as it is; an exception is
    raised. `<think>…</think>` at its front is reasoning, cut at the request's budget. A call takes `seconds_per_call`, without waiting.
    A row that the script does not know is the test's own mistake: `InputError`.
    """

    def __init__(
        self,
        answers: Script,
        *,
        name: str = "scripted",
        options: Mapping[str, Any] | None = None,
        context_tokens: int | None = None,
        seconds_per_call: float = 0.0,
        load_seconds: float = 0.0,
        resident_bytes: int | None = None,
        concurrency: int = 1,
        call_timeout_s: float | None = None,
    ) -> None:
        self.engine = EngineInfo(name=name, version="1", device="none", options=dict(options or {}))
        self.load_seconds = load_seconds
        self.concurrency = concurrency
        self.call_timeout_s = call_timeout_s
        self.asked: list[str] = []
        """The rows that were asked, in order."""
        self._answers = answers
        self._context_tokens = context_tokens
        self._seconds = seconds_per_call
        self._resident_bytes = resident_bytes
        self._closed = False
        self._lock = threading.Lock()

    def prepare(self, requests: Sequence[CallRequest]) -> None:
        self._check_open()
        for request in requests:
            needed = len(request.completion.split()) + _limit(request)
            if self._context_tokens is not None and needed > self._context_tokens:
                raise InputError(
                    f"the prompt and its answer need {needed} tokens, the context holds {self._context_tokens}",
                    where=f"row {request.row}",
                    remedy="shorten the row or the prompt",
                )

    def complete(self, request: CallRequest) -> Completion:
        self._check_open()
        with self._lock:
            self.asked.append(request.row)
        answer = self._answers(request) if callable(self._answers) else self._answers.get(request.row, _unknown(request))
        if isinstance(answer, Exception):
            raise answer
        if self.call_timeout_s is not None and self._seconds > self.call_timeout_s:
            raise TimedOutError("the call takes too long", where=f"row {request.row}", remedy="allow more time for a call")
        if isinstance(answer, Completion):
            return answer
        return self._completion(request, answer)

    def resident_bytes(self) -> int | None:
        return self._resident_bytes

    def close(self) -> None:
        self._closed = True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def _completion(self, request: CallRequest, text: str) -> Completion:
        parts = split(text)
        thought = parts.reasoning.split()
        if not thought:
            parts = replace(parts, answer=text)
        budget = request.thinking.max_tokens if request.thinking else len(thought)
        words = parts.answer.split()
        cut = len(words) > _limit(request)
        return Completion(
            text=" ".join(words[: _limit(request)]) if cut else parts.answer,
            finish="length" if cut else "stop",
            prompt_tokens=len(request.completion.split()),
            output_tokens=min(len(thought), budget) + min(len(words), _limit(request)),
            seconds=self._seconds,
            reasoning=" ".join(thought[:budget]),
            reasoning_tokens=min(len(thought), budget),
            reasoning_cut=len(thought) > budget,
        )

    def _check_open(self) -> None:
        if self._closed:
            raise EngineError("the scripted backend was closed", where=self.engine.name, remedy="open a new one", fatal=True)


def _limit(request: CallRequest) -> int:
    """The most words of an answer; a label is never longer than the longest one."""
    answer = request.answer
    return max(len(label.split()) for label in answer.labels) if isinstance(answer, OneLabel) else answer.max_tokens


def _unknown(request: CallRequest) -> InputError:
    return InputError("the script has no answer for this row", where=f"row {request.row}", remedy="add the row to the script")
