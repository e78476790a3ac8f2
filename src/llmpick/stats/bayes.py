"""The rule `bayes`: stop when, by the posterior, the choice probably loses no more than the tolerance.

Returned is the candidate of whom it is least likely that another is better by more than the tolerance; the race is over when that
probability, the *risk*, is below 1 - confidence. It may be looked at after every row: a posterior does not depend on why it was looked at.
The price is that the error is right on average over tasks like those that the prior stands for, not for each single race.

Calls go to the one who would be returned and to those who may be better than it by more than the tolerance, weighed by the cost of
a call; those who lag behind catch up first, since only rows that both have run say much about a difference.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from llmpick.stats.population import ROUNDING, Array, Moments, Posterior, forecast, moments, posterior
from llmpick.stats.race import Progress, Standing
from llmpick.stats.rules import Goal

FIRST_ROWS = 10
"""What everybody runs before the first look."""
GROWTH = 0.03
"""A batch is so large a part of the rows that its last runner has done; stopping late costs at most as much."""
SURE_ROWS = 30
"""What the one who is returned must have run: with fewer rows a normal posterior is too sure. On the even rows of MMLU-Pro, answers given
after 20 to 30 were wrong in 17% of the cases for a stated 4%."""
CONTENDS = 0.3
"""Who runs on: those whose chance to be better, per cost, is at least this share of the greatest such chance. Found on draws of the even
rows of MMLU-Pro among 0.1, 0.3, 0.6 and 0.9 (`benchmarks/race.py` reports on the odd ones)."""


@dataclass(frozen=True, slots=True)
class Outlook:
    """What is to be expected of R races. `best` (R,): whom to return; `risk` (R, K): the probability that another candidate is better
    than this one by more than the tolerance; `loss` (R, K): the expected distance to the best; `chance` (R, K): the probability of being
    better than `best` by more than the tolerance.
    """

    best: NDArray[np.int64]
    risk: Array
    loss: Array
    chance: Array

    def only(self, races: NDArray[np.bool_]) -> "Outlook":
        """The same for a part of the races."""
        return Outlook(self.best[races], self.risk[races], self.loss[races], self.chance[races])


def satisfied(view: Outlook, done: NDArray[np.int64], rows: int, goal: Goal) -> NDArray[np.bool_]:
    """Whether each race may stop, (R,): the risk of returning `best` is allowed, or its expected loss, where the goal names one."""
    own = view.risk if goal.max_expected_loss is None else view.loss
    mine = np.take_along_axis(own, view.best[:, None], 1)[:, 0]
    run = np.take_along_axis(done, view.best[:, None], 1)[:, 0]
    small = mine < 1 - goal.confidence if goal.max_expected_loss is None else mine <= goal.max_expected_loss
    return np.logical_and(small, run >= min(SURE_ROWS, rows))


def outlook(found: Posterior, tolerance: float) -> Outlook:
    """Counts over the posterior's equally likely cases."""
    cases = found.samples
    behind = cases.max(axis=2, keepdims=True) - cases
    risk, loss = (behind > tolerance + ROUNDING).mean(axis=1), behind.mean(axis=1)
    best = np.argmin(risk + 1e-6 * loss, axis=1)
    own = np.take_along_axis(cases, best[:, None, None], 2)
    chance = (cases - own > tolerance + ROUNDING).mean(axis=1)
    return Outlook(best, risk, loss, chance)


def targets(view: Outlook, done: NDArray[np.int64], rows: int, cost: Array) -> NDArray[np.int64]:
    """How many rows each candidate should have run after the next batch, (R, K), given what a call costs, (R, K)."""
    count = done.shape[1]
    able = done < rows
    worth = np.where(able, view.chance / cost, 0.0)
    np.put_along_axis(worth, view.best[:, None], 0.0, 1)
    runs = (worth >= CONTENDS * worth.max(axis=1, keepdims=True)) & (worth > 0)
    runs = (runs | (np.arange(count) == view.best[:, None])) & able
    runs = np.where(runs.any(axis=1, keepdims=True), runs, able)
    slowest = np.where(runs, done, rows).min(axis=1)
    goal = np.minimum(np.maximum(slowest + 2, (slowest * (1 + GROWTH)).astype(np.int64)), rows)
    goal = np.maximum(goal, min(FIRST_ROWS, rows))
    return np.where((runs & (done < goal[:, None])) | (done < min(FIRST_ROWS, rows)), goal[:, None], done)


def expected_saving(found: Posterior, best: NDArray[np.int64], then: NDArray[np.int64], rows: int) -> Array:
    """By how much the next batch will probably lower the expected loss, (R,): the mean of the best posterior mean after it, less the
    present mean of `best`. Source: Frazier, Powell and Dayanik, "The knowledge-gradient policy for correlated normal beliefs" (2009).
    """
    moved = Posterior(found.mean, forecast(found, then, rows), found.model, found.scale_weights).samples
    now = np.take_along_axis(found.mean, best[:, None], 1)[:, 0]
    return np.maximum(moved.max(axis=2).mean(axis=1) - now, 0.0)


@dataclass(slots=True)
class BayesRule:
    """Keeps the protocol `Rule` for one race. The posterior of the progress judged last is kept for the choice of the next batch."""

    goal: Goal
    _last: tuple[Progress, Posterior] | None = field(default=None, repr=False)

    def judge(self, progress: Progress) -> Standing:
        count, rows = progress.scores.shape
        if count == 0:
            nobody = np.zeros(0, dtype=bool)
            return Standing(nobody, np.zeros(0, dtype=np.int64), nobody, None)
        if (progress.done == 0).all():
            return Standing(np.zeros(count, dtype=bool), np.full(count, -1), np.zeros(count, dtype=bool), None)
        found = self._believed(progress)
        view = outlook(found, self.goal.tolerance)
        best, risk, loss = int(view.best[0]), view.risk[0], view.loss[0]
        allowed = 1 - self.goal.confidence
        within = (risk < allowed) & (progress.done > 0)
        gone = np.array([_probably_worse(found, k, best, self.goal) for k in range(count)]) & ~within
        over = bool(satisfied(view, progress.done[None], rows, self.goal)[0]) or bool((progress.done == rows).all())
        tied = within | (np.arange(count) == best)
        chosen = _cheapest(tied, progress.cost_rank, found.mean[0]) if over else None
        then = targets(view, progress.done[None], rows, np.ones((1, count)))
        saving = float(expected_saving(found, view.best, then, rows)[0])
        named = best if chosen is None else chosen
        beaten_by = np.where(gone, best, -1)
        return Standing(
            within, beaten_by, np.zeros(count, dtype=bool), chosen, float(risk[named]), float(loss[named]), min(saving, float(loss[named]))
        )

    def next_rows(self, progress: Progress, standing: Standing, cost_per_call: Array) -> NDArray[np.int64]:  # noqa: ARG002
        rows = progress.scores.shape[1]
        if (progress.done == 0).all():
            return np.full(len(progress.done), min(FIRST_ROWS, rows))
        view = outlook(self._believed(progress), self.goal.tolerance)
        return targets(view, progress.done[None], rows, cost_per_call[None])[0]

    def _believed(self, progress: Progress) -> Posterior:
        if self._last is None or self._last[0] is not progress:
            self._last = progress, believed(progress)
        return self._last[1]


def believed(progress: Progress) -> Posterior:
    """The posterior of all scores on the whole row set, after at least one row of somebody."""
    return posterior(_moments(progress), progress.scores.shape[1])


def _moments(progress: Progress) -> Moments:
    """A row that the machinery lost counts as the candidate's own mean: it says nothing."""
    seen = (np.arange(progress.scores.shape[1]) < progress.done[:, None]) & ~progress.lost
    means = np.where(seen, progress.scores, 0.0).sum(axis=1) / np.maximum(seen.sum(axis=1), 1)
    return moments(np.where(progress.lost, means[:, None], progress.scores), progress.done)


def _probably_worse(found: Posterior, k: int, best: int, goal: Goal) -> bool:
    """Whether k is within the tolerance of `best`, or above it, with a probability below the allowed error."""
    from scipy.special import ndtr

    covariance = found.covariance[0]
    spread = np.sqrt(max(covariance[k, k] + covariance[best, best] - 2 * covariance[k, best], 1e-18))
    return k != best and float(ndtr((found.mean[0, k] - found.mean[0, best] + goal.tolerance) / spread)) < 1 - goal.confidence


def _cheapest(tied: NDArray[np.bool_], cost_rank: NDArray[np.int64], means: Array) -> int:
    return int(min(np.flatnonzero(tied), key=lambda k: (cost_rank[k], -means[k])))
