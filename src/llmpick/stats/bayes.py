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

from llmpick.stats.goal import Goal
from llmpick.stats.population import ROUNDING, Array, Moments, Posterior, forecast, moments, posterior
from llmpick.stats.race import Progress, Standing

FIRST_ROWS = 10
"""What everybody runs before the first look."""
GROWTH = 0.02
"""A batch is so large a part of the rows that its last runner has done; stopping late costs at most as much."""
SURE_ROWS = 30
"""What the one who is returned must have run. Errors would allow fewer (on draws of the even rows of MMLU-Pro, of 666 answers after 10-29
rows 3% were wrong), but not the interval of its score: on the even rows of AlpacaEval it holds in 93.5% with 30 rows, in 93.0% with 20."""
CONTENDS = 0.45
"""Who runs on: those whose chance to be better, per cost, is at least this share of the greatest such chance. Found on draws of the even
rows of MMLU-Pro among 0.2, 0.3, 0.45, 0.6 and 0.8 (`benchmarks/race.py` reports on the odd ones)."""
RESOLVED = 0.02
"""A risk above this (ten of 512) is counted over the posterior's cases; below, the sum of the pairwise tails is taken for it, which errs to
the safe side, by little where the tails are thin, and has no smallest value."""


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
    """Counts over the posterior's equally likely cases; what they cannot resolve comes from the tails of the differences (`RESOLVED`)."""
    cases = found.samples
    behind = cases.max(axis=2, keepdims=True) - cases
    counted, loss = (behind > tolerance + ROUNDING).mean(axis=1), behind.mean(axis=1)
    above = _above(found, tolerance + ROUNDING)
    bound = above.sum(axis=1)
    risk = np.where(bound < RESOLVED, bound, counted)
    best = np.argmin(risk + 1e-6 * loss, axis=1)
    return Outlook(best, risk, loss, np.take_along_axis(above, best[:, None, None], 2)[:, :, 0])


def _above(found: Posterior, tolerance: float) -> Array:
    """For each pair the probability that k is better than l by more than the tolerance, (R, K, K); 0 on the diagonal."""
    from scipy.special import ndtr

    own = np.einsum("rkk->rk", found.covariance)
    variance = own[:, :, None] + own[:, None, :] - 2 * found.covariance
    spread = np.sqrt(np.maximum(variance, (ROUNDING / 10) ** 2))
    above = np.asarray(ndtr((found.mean[:, :, None] - found.mean[:, None, :] - tolerance) / spread), dtype=np.float64)
    return np.where(np.eye(own.shape[1], dtype=bool), 0.0, above)


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
    return np.maximum(np.where(runs & (done < goal[:, None]), goal[:, None], done), min(FIRST_ROWS, rows))


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
        best, allowed = int(view.best[0]), 1 - self.goal.confidence
        within = (view.risk[0] < allowed) & (progress.done > 0)
        worse = _above(found, -self.goal.tolerance)[0, :, best] < 1 - self.goal.confidence
        gone = worse & (np.arange(count) != best) & ~within
        over = bool(satisfied(view, progress.done[None], rows, self.goal)[0]) or bool((progress.done == rows).all())
        chosen = _cheapest(view, progress, self.goal) if over else None
        return Standing(within, np.where(gone, best, -1), np.zeros(count, dtype=bool), chosen)

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


def _cheapest(view: Outlook, progress: Progress, goal: Goal) -> int:
    """Of `best` and those whom the goal allows in its place, on rows enough, the cheapest; at equal cost `best`, as in a replay."""
    risk, loss = view.risk[0], view.loss[0]
    allowed = (risk < 1 - goal.confidence) & (progress.done >= min(SURE_ROWS, progress.scores.shape[1]))
    if goal.max_expected_loss is not None:
        allowed &= loss <= goal.max_expected_loss
    allowed[view.best[0]] = True
    return int(min(np.flatnonzero(allowed), key=lambda k: (progress.cost_rank[k], k != view.best[0], risk[k], loss[k])))
