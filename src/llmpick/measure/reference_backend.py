"""A scorer of texts as an engine that tells how probable a model finds the right answer of a row, and writes nothing."""

import math
import threading
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from llmpick.evidence.call import CallRequest, Completion, OneLabel
from llmpick.evidence.errors import InputError
from llmpick.measure.likelihood import TextScorer


class ReferenceBackend:
    """Keeps the promises of `measure.backend.Backend` for requests whose only label is the row's right answer.

    `label_probabilities` then holds that answer with the geometric mean of its bytes' probabilities, which compares answers of different
    length. The plain text of a request is read, as by a base model.
    """

    concurrency = 1
    call_timeout_s: float | None = None

    def __init__(self, scorer: TextScorer) -> None:
        self.engine = scorer.engine
        self.load_seconds = scorer.load_seconds
        self._scorer = scorer
        self._lock = threading.Lock()

    def prepare(self, requests: Sequence[CallRequest]) -> None:
        """Has the engine read once what the requests of a group begin with. Raises `InputError` for a request that holds no right answer.
        Whether a row fits is seen when it is scored.
        """
        groups: dict[str, list[str]] = {}
        for request in requests:
            _reference(request)
            groups.setdefault(request.group, []).append(request.completion.rstrip())
        with self._lock:
            self._scorer.prepare(list(groups.values()))

    def complete(self, request: CallRequest) -> Completion:
        reference = _reference(request)
        started = time.perf_counter()
        with self._lock:
            found = self._scorer.score(request.completion.rstrip(), f" {reference}")
        probability = math.exp(found.nats / found.text_bytes)
        seconds = time.perf_counter() - started
        return Completion(reference, "stop", found.processed_tokens, 0, seconds, label_probabilities={reference: probability})

    def resident_bytes(self) -> int | None:
        return None

    def close(self) -> None:
        self._scorer.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


def _reference(request: CallRequest) -> str:
    if not isinstance(request.answer, OneLabel) or len(request.answer.labels) != 1 or not request.answer.labels[0].strip():
        remedy = "fill in the reference of the row"
        raise InputError("there is no right answer whose likelihood could be told", where=f"row {request.row}", remedy=remedy)
    return request.answer.labels[0]
