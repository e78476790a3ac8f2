"""What needs no language model, beside a race on the same rows: chance, and the baselines that `pick` lets compete.

They take no part: a race asks which model wins. But a winner that lies below them is no answer to the user's task, which has to be said.
They are computed while the models answer, so that they take no time of their own.
"""

import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from typing import Literal

import numpy as np

from llmpick.decide.race_answer import Yardstick
from llmpick.evidence.call import CallRecord
from llmpick.evidence.task import Task, TaskKind
from llmpick.evidence.values import Interval, Unknown
from llmpick.measure.baselines import BaselineResult, run_baselines
from llmpick.measure.lane import Lane
from llmpick.stats.betting import mean_interval

NOT_ANSWERED = Unknown("no row was answered")


class Yardsticks:
    """Begins to compute the baselines of `task` at once, in a thread that nobody waits for when the program ends."""

    def __init__(self, task: Task) -> None:
        self._task = task
        self._results: Future[Sequence[BaselineResult]] = Future()
        threading.Thread(target=self._run, daemon=True).start()

    def beside(self, leader: Lane | None, *, confidence: float, wait: bool) -> tuple[Yardstick, ...]:
        """Each with its lead over the leader on the rows that this one answered. Without `wait` only what is known by now."""
        results = self._results.result() if wait or self._results.done() else ()
        records = leader.records if leader else []
        by_row = [*_chance(self._task), *((result.name, result.scores) for result in results)]
        rows = len(self._task.examples)
        return tuple(Yardstick(name, sum(own.values()) / rows, _lead(own, records, rows, confidence)) for name, own in by_row)

    def _run(self) -> None:
        try:
            self._results.set_result(() if self._task.judge else run_baselines(self._task))
        except BaseException as error:
            self._results.set_exception(error)


def _chance(task: Task) -> list[tuple[Literal["chance"], Mapping[str, float]]]:
    """What answering with any of the labels scores on each row, on average; only a choice has labels."""
    if task.kind is not TaskKind.CHOICE or task.judge:
        return []
    return [("chance", {example.id: 1 / len(task.labels) for example in task.examples})]


def _lead(own: Mapping[str, float], records: Sequence[CallRecord], rows: int, confidence: float) -> Interval | Unknown:
    """Over whose records these are, on all of the user's rows that the machinery did not lose; valid whenever the race stopped."""
    values = np.array([own[record.row] - record.score for record in records if record.score is not None])
    if not len(values):
        return NOT_ANSWERED
    return mean_interval(values, confidence=confidence, population=rows - len(records) + len(values), low=-1.0)
