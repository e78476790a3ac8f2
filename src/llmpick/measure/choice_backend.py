"""A scorer of texts as an engine of the race: it answers a choice with the label that it finds most likely, and writes nothing."""

import threading
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from llmpick.evidence.call import CallRequest, Completion, OneLabel
from llmpick.evidence.errors import InputError
from llmpick.evidence.likelihood import TextScore
from llmpick.evidence.task import Normalisation
from llmpick.measure.choices import ChoiceScores, asked_context, score_alone, score_choices
from llmpick.measure.likelihood import TextScorer


class ChoiceBackend:
    """Keeps the promises of `measure.backend.Backend` for requests whose answer is one label.

    The plain text of a request is read, as by a base model: no chat template stands between the question and its answer.
    """

    concurrency = 1
    call_timeout_s: float | None = None

    def __init__(self, scorer: TextScorer, normalise: Normalisation) -> None:
        self.engine = scorer.engine
        self.load_seconds = scorer.load_seconds
        self._scorer = scorer
        self._normalise: Normalisation = normalise
        self._alone: dict[tuple[str, ...], dict[str, TextScore]] = {}
        self._lock = threading.Lock()

    def prepare(self, requests: Sequence[CallRequest]) -> None:
        """Has the engine read once what the requests of a group begin with. Raises `InputError` for a request that is no choice.
        Whether a row fits is seen when it is scored.
        """
        groups: dict[str, list[str]] = {}
        for request in requests:
            _labels(request)
            groups.setdefault(request.group, []).append(asked_context(request.completion))
        with self._lock:
            self._scorer.prepare(list(groups.values()))

    def complete(self, request: CallRequest) -> Completion:
        """The label that is most likely by the task's measure. Tokens of the empty context are counted with the first row."""
        labels = _labels(request)
        started = time.perf_counter()
        with self._lock:
            read = 0
            if labels not in self._alone and self._normalise == "calibrated":
                self._alone[labels] = score_alone(self._scorer, labels)
                read = sum(score.processed_tokens for score in self._alone[labels].values())
            scores = self._scored(request.completion, labels)
        read += sum(score.processed_tokens for score in scores.asked)
        return Completion(
            text=scores.best(self._normalise),
            finish="stop",
            prompt_tokens=read,
            output_tokens=0,
            seconds=time.perf_counter() - started,
            label_probabilities=scores.probabilities(self._normalise),
        )

    def resident_bytes(self) -> int | None:
        return None

    def close(self) -> None:
        self._scorer.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def _scored(self, context: str, labels: tuple[str, ...]) -> ChoiceScores:
        """Without calibration the empty context is not asked for, and nothing reads it."""
        nothing = TextScore(0.0, 1, 1)
        return score_choices(self._scorer, context, labels, alone=self._alone.get(labels) or dict.fromkeys(labels, nothing))


def _labels(request: CallRequest) -> tuple[str, ...]:
    if not isinstance(request.answer, OneLabel):
        raise InputError("only a choice can be answered by likelihood", where=f"row {request.row}", remedy="set [answer] by = 'generation'")
    return request.answer.labels
