"""The rule of `pick`: bets on every ordered pair (`stats/race.py`), and everybody who can still change the answer runs the same rows."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from llmpick.stats.goal import Goal
from llmpick.stats.race import Progress, Standing, judge

FIRST_BATCH = 16
GROWTH = 1.4
"""Each look makes all candidates wait for the slowest, so later batches are longer: at most 40% beyond the row that would have decided."""


@dataclass(slots=True)
class PlainRule:
    """Keeps the protocol `Rule`. It does not stop at the first candidate within the tolerance of the best while a cheaper one is open."""

    goal: Goal

    def judge(self, progress: Progress) -> Standing:
        return judge(progress, tolerance=self.goal.tolerance, confidence=self.goal.confidence)

    def next_rows(self, progress: Progress, standing: Standing, cost_per_call: NDArray[np.float64]) -> NDArray[np.int64]:  # noqa: ARG002
        """All that are neither beaten nor idle go on to the same row; those that are known in full, like baselines, set no pace."""
        rows, done = progress.scores.shape[1], progress.done
        runs = ~standing.beaten & (~standing.idle | (done == 0)) & (done < rows)
        furthest = int(done[done < rows].max(initial=0))
        target = min(max(furthest + FIRST_BATCH, int(furthest * GROWTH)), rows)
        return np.where(runs, np.maximum(done, target), done)
