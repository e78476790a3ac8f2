"""People's labels in a judged race: from the table that they filled in to the correction of the judge.

Rows to be labelled are drawn by a coin (`stats/judged_race.draw_rows`), not chosen: who picks the rows picks the result. The same task,
seed and share draw the same rows, so that a label of any other row is refused. A sheet (`label_sheet.py`) names the two answers that were
compared by a mark; a label of another answer, from before a prompt or a model was changed, is refused as well.
"""

import hashlib
from collections.abc import Iterable, Sequence, Set

import numpy as np
from numpy.typing import NDArray

from llmpick.decide.answer import LabelsTold
from llmpick.evidence.call import CallRequest
from llmpick.evidence.errors import InputError
from llmpick.evidence.task import HumanLabel
from llmpick.measure.lane import Lane
from llmpick.measure.thinking import with_thinking
from llmpick.stats.goal import Goal
from llmpick.stats.judged_race import CorrectedRule, HumanLabels, draw_rows
from llmpick.stats.race import Progress
from llmpick.workflow.findings import Entry, Findings
from llmpick.workflow.lanes import call_key


def mark(key: str, opponent_key: str) -> str:
    """Names two answers by what they come from: model, engine and prompt."""
    return hashlib.sha256(f"{key} {opponent_key}".encode()).hexdigest()[:12]


class Labelled:
    """The labels of a race: as the rule sees them, for those who are in the race at each look."""

    def __init__(self, findings: Findings, lanes: Sequence[Lane], opponent: Entry) -> None:
        """Raises `InputError` for labels of rows that were not drawn or of other answers, and for a candidate without any."""
        task, course = findings.task, findings.course
        assert task.judge is not None, "only a judged task has labels"
        assert opponent.identity is not None, "a model is identified before it runs"
        rows = len(course.examples)
        self._lanes, self._share = lanes, task.judge.label_share
        self._drawn = draw_rows(rows, self._share, seed=task.seed)
        place = {example.id: i for i, example in enumerate(course.examples)}
        theirs = _keys(opponent, with_thinking(course.requests, opponent.candidate.thinking))
        self._scores = {lane.candidate: np.zeros(rows) for lane in lanes}
        self._given = {lane.candidate: np.zeros(rows, dtype=bool) for lane in lanes}
        keys = {lane.candidate: lane.keys for lane in lanes}
        _check_drawn(task.judge.labels, {row for row, i in place.items() if self._drawn[i]}, task.seed, self._share)
        for label in task.judge.labels:
            i = place[label.row]
            if label.model in keys:
                _check_answers(label, expected=mark(keys[label.model][i], theirs[i]))
                self._scores[label.model][i], self._given[label.model][i] = label.score, True
        _check_everyone(self._given, task.judge.labels)

    def rule(self, goal: Goal) -> CorrectedRule:
        return CorrectedRule(goal, self.now)

    def now(self) -> HumanLabels:
        """Those of the candidates that are in the race now."""
        names = [lane.candidate for lane in self._lanes if lane.racing]
        rows = len(self._drawn)
        scores = np.array([self._scores[name] for name in names]).reshape(-1, rows)
        return HumanLabels(scores, np.array([self._given[name] for name in names], dtype=bool).reshape(-1, rows), self._drawn, self._share)

    def told(self, progress: Progress) -> LabelsTold:
        """How the labels that count so far compare with the judge's verdicts."""
        labels = self.now()
        counts = (np.arange(len(self._drawn)) < progress.done[:, None]) & self._drawn
        both = counts & labels.given & ~progress.lost
        return LabelsTold(
            given=int((counts & labels.given).sum()),
            missing=int((counts & ~labels.given).sum()),
            same=int((both & (labels.scores == progress.scores)).sum()),
            off=_mean(np.abs(progress.scores - labels.scores)[both]),
        )


def _mean(values: NDArray[np.float64]) -> float:
    return float(values.mean()) if len(values) else 0.0


def _check_drawn(labels: Iterable[HumanLabel], drawn: Set[str], seed: int, share: float) -> None:
    """Before the answers are: another seed draws other rows, and gives other answers, too."""
    for label in labels:
        if label.row not in drawn:
            what = f"the row {label.row!r} has a label but was not drawn with seed {seed} and label_share {share:g}"
            remedy = "race with the seed and the label_share that the sheet was drawn with (race --draw-labels), and label drawn rows only"
            raise InputError(what, where=label.place, remedy=remedy)


def _check_answers(label: HumanLabel, *, expected: str) -> None:
    if label.answers not in (None, expected):
        remedy = "draw a new sheet: a model, the prompt or the opponent is another since then"
        raise InputError(f"the label of row {label.row!r} is of other answers than those of this race", where=label.place, remedy=remedy)


def _check_everyone(given: dict[str, NDArray[np.bool_]], labels: Iterable[HumanLabel]) -> None:
    without = [name for name, has in given.items() if not has.any()]
    if without:
        known = ", ".join(dict.fromkeys(label.model for label in labels))
        remedy = f"name models as in the file ({known}), or label the others too"
        raise InputError(f"no answer of {without[0]} is labelled", where="[judge], key labels", remedy=remedy)


def _keys(model: Entry, requests: Sequence[CallRequest]) -> tuple[str, ...]:
    assert model.identity is not None, "a model is identified before it runs"
    return tuple(call_key(model.identity.text, request) for request in requests)
