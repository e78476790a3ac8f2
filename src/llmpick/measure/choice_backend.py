"""A scorer of texts as an engine of the race: it answers a choice with the label that it finds most likely, and writes nothing."""

import time

from llmpick.evidence.call import CallRequest, Completion, OneLabel
from llmpick.evidence.errors import InputError
from llmpick.evidence.likelihood import TextScore
from llmpick.evidence.task import Normalisation
from llmpick.measure.choices import ChoiceScores, asked_context, score_alone, score_choices
from llmpick.measure.likelihood import TextScorer
from llmpick.measure.scorer_backend import ScorerBackend


class ChoiceBackend(ScorerBackend):
    """For requests whose answer is one label.

    The plain text of a request is read, as by a base model: no chat template stands between the question and its answer.
    """

    def __init__(self, scorer: TextScorer, normalise: Normalisation) -> None:
        super().__init__(scorer)
        self._normalise: Normalisation = normalise
        self._alone: dict[tuple[str, ...], dict[str, TextScore]] = {}

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

    def _context(self, request: CallRequest) -> str:
        _labels(request)
        return asked_context(request.completion)

    def _scored(self, context: str, labels: tuple[str, ...]) -> ChoiceScores:
        """Without calibration the empty context is not asked for, and nothing reads it."""
        nothing = TextScore(0.0, 1, 1)
        return score_choices(self._scorer, context, labels, alone=self._alone.get(labels) or dict.fromkeys(labels, nothing))


def _labels(request: CallRequest) -> tuple[str, ...]:
    if not isinstance(request.answer, OneLabel):
        raise InputError("only a choice can be answered by likelihood", where=f"row {request.row}", remedy="set [answer] by = 'generation'")
    return request.answer.labels
