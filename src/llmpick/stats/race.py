"""Who may leave a race, and when it is over: the pure rules, on nothing but a matrix of scores.

The question. Every candidate has a cost rank, 0 for the cheapest; equal cost, equal rank. Wanted is the cheapest one whose mean score
over the user's N rows is at most `tolerance` below the best candidate's. For every ordered pair two claims can be shown by betting on
the paired differences of the rows that both have answered (`stats/betting.py`):

- *within*: rival i is not better than a by more than the tolerance;
- *beaten*: rival i is better than a by more than the tolerance, which takes a out of the choice.

The race is over when one of the cheapest candidates that are not beaten is shown to be within the tolerance of every rival left.

The error. Let b be the truly best candidate. A wrong answer (more than the tolerance below b) needs a false "b is within" claim about
the returned candidate, or a false "b is beaten" claim. For one rival the second implies the first whenever the rival is more than
the tolerance below b, since both bet on the same differences and the capital falls as the null mean grows. So K - 1 events can
go wrong, each with probability (1 - confidence) / (K - 1) by the threshold below; betting needs no correction for the looks.

A row that the machinery lost is scored 0 for the one and 1 for the other side of each claim, whichever is worse for the claim:
what is decided holds whatever the lost rows would have been.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from llmpick.stats.betting import best_log_capital


@dataclass(frozen=True, slots=True)
class Progress:
    """What has been seen: `scores` in [0, 1] and `lost` (machinery failures), both of shape (K, N) with columns in race order.

    Candidate k has run its first `done[k]` columns; what stands further right is not read. `cost_rank` has shape (K,).
    """

    scores: NDArray[np.float64]
    lost: NDArray[np.bool_]
    done: NDArray[np.int64]
    cost_rank: NDArray[np.int64]

    @property
    def means(self) -> NDArray[np.float64]:
        """Mean score of each candidate over the rows that it has run, a lost row counted 0; 0 before the first row."""
        seen = np.arange(self.scores.shape[1]) < self.done[:, None]
        return np.where(seen & ~self.lost, self.scores, 0.0).sum(axis=1) / np.maximum(self.done, 1)


@dataclass(frozen=True, slots=True)
class Standing:
    """What is shown so far. `within[a]`: a is shown to be within the tolerance of every rival that is not beaten itself.

    `beaten_by[a]` is a rival that is better than a, -1 for none: by more than the tolerance, for sure or (rule `bayes`) probably; the
    rule `anytime` shows only that a is not the best, and names who leads. `idle[a]`: a need not run on, because
    the first of the cheapest that are not beaten is shown to be as good within the tolerance. `chosen` is None while open.
    """

    within: NDArray[np.bool_]
    beaten_by: NDArray[np.int64]
    idle: NDArray[np.bool_]
    chosen: int | None

    @property
    def beaten(self) -> NDArray[np.bool_]:
        return self.beaten_by >= 0


def judge(progress: Progress, *, tolerance: float, confidence: float) -> Standing:
    """Draws all conclusions that the rows seen so far allow. Pure: the same progress gives the same standing."""
    not_better, better = _claims(progress, tolerance=tolerance, confidence=confidence)
    return conclude(progress, not_better, better)


def conclude(progress: Progress, not_better: NDArray[np.bool_], better: NDArray[np.bool_]) -> Standing:
    """The standing that follows from the claims that are shown: two matrices of shape (K, K), rival first.

    `not_better`: the rival is not better than a by more than the tolerance; `better`: it is.
    """
    count = len(progress.done)
    if count == 0:
        nobody = np.zeros(0, dtype=bool)
        return Standing(nobody, np.zeros(0, dtype=np.int64), nobody, None)
    beaten_by = _beaten(better, progress.means)
    left = beaten_by < 0
    within = np.array([left[a] and not_better[left, a].all() for a in range(count)])
    rank = progress.cost_rank
    cheapest = left & (rank == rank[left].min())
    answers = np.flatnonzero(cheapest & within)
    chosen = int(max(answers, key=lambda a: progress.means[a])) if len(answers) else None
    first = int(np.flatnonzero(cheapest)[0])
    idle = left & not_better[:, first] & (np.arange(count) != first)
    return Standing(within, beaten_by, idle, chosen)


def _claims(progress: Progress, *, tolerance: float, confidence: float) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Two matrices of shape (K, K), rival first: "rival is not better than a by more than the tolerance", and "rival is better by more"."""
    count, rows = progress.scores.shape
    threshold = math.log(max(count - 1, 1) / (1 - confidence))
    worst = np.where(progress.lost, 0.0, progress.scores)
    kindest = np.where(progress.lost, 1.0, progress.scores)
    not_better, better = np.eye(count, dtype=bool), np.zeros((count, count), dtype=bool)
    rivals, others = np.nonzero(~np.eye(count, dtype=bool))
    shared = np.minimum(progress.done[rivals], progress.done[others])
    for n in np.unique(shared):
        rival, a = rivals[shared == n], others[shared == n]
        against, in_favour = worst[a, :n] - kindest[rival, :n], worst[rival, :n] - kindest[a, :n]
        not_better[rival, a] = best_log_capital(against, -tolerance, population=rows, low=-1.0, high=1.0, strict=True) >= threshold
        better[rival, a] = best_log_capital(in_favour, tolerance, population=rows, low=-1.0, high=1.0) >= threshold
    return not_better, better


def _beaten(better: NDArray[np.bool_], means: NDArray[np.float64]) -> NDArray[np.int64]:
    """For each candidate the rival that beats it, -1 for none; of several the one with the highest mean.

    Should the claims contradict each other in a circle (within the stated error), the candidate with the highest mean stays.
    """
    beaten_by = np.array([max(np.flatnonzero(column), key=lambda rival: means[rival], default=-1) for column in better.T], dtype=np.int64)
    if (beaten_by >= 0).all():
        beaten_by[int(np.argmax(means))] = -1
    return beaten_by
