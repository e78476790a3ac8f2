"""What a race tells of scores and differences, in the sense of its guarantee: intervals by betting, or those of the posterior.

`ByBets`: they hold together for all candidates, at every look and whenever the race stopped: K scores, and K - 1 differences to the leader,
share the error. `ByBelief`: each is right with the stated probability, on average over tasks like these. The score on the user's rows is
that of the finite set; new inputs like them are taken as more rows than can be counted.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from llmpick.evidence.values import Interval, Unknown
from llmpick.stats.anytime import Bets
from llmpick.stats.bayes import believed, outlook
from llmpick.stats.betting import mean_interval
from llmpick.stats.goal import Goal
from llmpick.stats.population import Posterior, moments, posterior
from llmpick.stats.race import Progress

COUNTLESS = 10**9
"""So many rows stand for new inputs: what was seen of them is nothing in comparison."""
NO_ROW = Unknown("no row was answered")
COMPARED = Unknown("the others are compared with it")


class Intervals(Protocol):
    """Intervals of one race whose leader is known. Candidates are indices."""

    @property
    def peeking(self) -> bool:
        """Whether they hold at every look of every single race."""
        ...

    def score(self, k: int, *, on_rows: bool) -> Interval | Unknown:
        """Of k's mean over the user's rows, or over new inputs like them; in [0, 1]."""
        ...

    def difference(self, k: int, *, on_rows: bool) -> Interval | Unknown:
        """Of k's score minus the leader's; in [-1, 1]."""
        ...

    def in_question(self) -> list[int]:
        """Those of whom it is not shown that they are not better than the leader by more than the tolerance on new inputs."""
        ...

    def sure_of_each(self) -> float:
        """With which each of them is to be shown, so that the choice as a whole holds at the goal's confidence."""
        ...


@dataclass(frozen=True)
class ByBets:
    """Intervals by betting. A row that the machinery lost is no part of the set of rows.

    Who may be better than the leader on new inputs is asked of the bets of the race itself (`stats/anytime.py`), which share no error.
    """

    progress: Progress
    leader: int
    goal: Goal
    peeking: bool = True

    def score(self, k: int, *, on_rows: bool) -> Interval | Unknown:
        values = self.progress.scores[k, answered(self.progress, k)]
        return self._interval(values, self._rows_without_lost([k]) if on_rows else None, shared_by=len(self.progress.done), low=0.0)

    def difference(self, k: int, *, on_rows: bool) -> Interval | Unknown:
        if k == self.leader:
            return COMPARED
        shared_by = max(len(self.progress.done) - 1, 1)
        values = gaps(self.progress, k, self.leader)
        return self._interval(values, self._rows_without_lost([k, self.leader]) if on_rows else None, shared_by=shared_by, low=-1.0)

    def in_question(self) -> list[int]:
        """A row that somebody did not run is taken as one that the machinery lost: at its worst for the claim."""
        count, furthest = len(self.progress.done), int(self.progress.done.max(initial=0))
        known = seen(self.progress) & ~self.progress.lost
        worst = np.where(known, self.progress.scores, 0.0)[None, :, :furthest]
        kindest = np.where(known, self.progress.scores, 1.0)[None, :, :furthest]
        bets = Bets.start(1, count, COUNTLESS, self.goal)
        for row in range(furthest):
            bets.step(worst[:, :, row], kindest[:, :, row])
        return [k for k in range(count) if k != self.leader and not bets.shown[0, k, self.leader]]

    def sure_of_each(self) -> float:
        return self.goal.confidence

    def _rows_without_lost(self, of: Sequence[int]) -> int:
        lost = self.progress.lost[list(of)] & seen(self.progress)[list(of)]
        return int((~lost.any(axis=0)).sum())

    def _interval(self, values: NDArray[np.float64], population: int | None, *, shared_by: int, low: float) -> Interval | Unknown:
        if not len(values):
            return NO_ROW
        confidence = 1 - (1 - self.goal.confidence) / shared_by
        found = mean_interval(values, confidence=confidence, population=population, low=low, high=1.0)
        return Interval(found.value, found.low, found.high, self.goal.confidence)


@dataclass(frozen=True)
class ByBelief:
    """Normal intervals of the posterior, cut to the possible values; a point where all of the user's rows were run.

    Whoever has not answered a row yet has no interval: it would be the prior's alone.
    """

    progress: Progress
    leader: int
    goal: Goal
    peeking: bool = False

    def score(self, k: int, *, on_rows: bool) -> Interval | Unknown:
        own = self.progress.scores[k, answered(self.progress, k)]
        if not len(own):
            return NO_ROW
        if on_rows and self._whole([k]):
            return self._point(float(own.mean()))
        found = self._found(on_rows=on_rows)
        return self._interval(found.mean[0, k], found.covariance[0, k, k], low=0.0)

    def difference(self, k: int, *, on_rows: bool) -> Interval | Unknown:
        if k == self.leader:
            return COMPARED
        both = gaps(self.progress, k, self.leader)
        if not len(both):
            return NO_ROW
        if on_rows and self._whole([k, self.leader]):
            return self._point(float(both.mean()))
        found, one, other = self._found(on_rows=on_rows), k, self.leader
        covariance = found.covariance[0]
        variance = covariance[one, one] + covariance[other, other] - 2 * covariance[one, other]
        return self._interval(found.mean[0, one] - found.mean[0, other], variance, low=-1.0)

    def in_question(self) -> list[int]:
        """The fewest, so that it is improbable enough that any of the others is better by more than the tolerance."""
        rivals = [k for k in range(len(self.progress.done)) if k != self.leader]
        if not rivals or not self.progress.done.any():
            return rivals
        cases = self._on_new.samples[0]
        better = cases - cases[:, [self.leader]] > self.goal.tolerance
        rivals.sort(key=lambda k: -better[:, k].mean())
        for count in range(len(rivals)):
            if better[:, rivals[count:]].any(axis=1).mean() < 1 - self.goal.confidence:
                return rivals[:count]
        return rivals

    def sure_of_each(self) -> float:
        return confidence_of_one(self.progress, self.goal)

    @cached_property
    def _on_rows(self) -> Posterior:
        return believed(self.progress)

    @cached_property
    def _on_new(self) -> Posterior:
        """A row that the machinery lost says nothing: it counts as the candidate's own mean."""
        known = seen(self.progress) & ~self.progress.lost
        means = np.where(known, self.progress.scores, 0.0).sum(axis=1) / np.maximum(known.sum(axis=1), 1)
        filled = np.where(self.progress.lost, means[:, None], self.progress.scores)
        return posterior(moments(filled, self.progress.done), COUNTLESS)

    def _found(self, *, on_rows: bool) -> Posterior:
        return self._on_rows if on_rows else self._on_new

    def _whole(self, of: Sequence[int]) -> bool:
        return bool((self.progress.done[list(of)] == self.progress.scores.shape[1]).all())

    def _point(self, value: float) -> Interval:
        return Interval(value, value, value, self.goal.confidence)

    def _interval(self, mean: float, variance: float, *, low: float) -> Interval:
        from scipy.special import ndtri  # scipy.special is loaded only where there is something to compute

        reach = float(ndtri((1 + self.goal.confidence) / 2)) * math.sqrt(max(float(variance), 0.0))
        value, bottom, top = (float(np.clip(end, low, 1.0)) for end in (mean, mean - reach, mean + reach))
        return Interval(value, bottom, top, self.goal.confidence)


@dataclass(frozen=True)
class BesideOpponent:
    """The same where the opponent of a judge races too. It ties with itself, so that its score is one half by definition, and so much is
    known of every row: the others differ from it by their own score less one half.
    """

    others: Intervals
    leader: int
    opponent: int
    confidence: float

    @property
    def peeking(self) -> bool:
        return self.others.peeking

    def score(self, k: int, *, on_rows: bool) -> Interval | Unknown:
        return itself(self.confidence) if k == self.opponent else self.others.score(k, on_rows=on_rows)

    def difference(self, k: int, *, on_rows: bool) -> Interval | Unknown:
        if k == self.leader or self.opponent not in (k, self.leader):
            return self.others.difference(k, on_rows=on_rows)
        return from_half(self.others.score(self.leader if k == self.opponent else k, on_rows=on_rows), opposite=k == self.opponent)

    def in_question(self) -> list[int]:
        return self.others.in_question()

    def sure_of_each(self) -> float:
        return self.others.sure_of_each()


def itself(confidence: float) -> Interval:
    """What a judge's opponent scores against itself."""
    return Interval(0.5, 0.5, 0.5, confidence)


def from_half(score: Interval | Unknown, *, opposite: bool) -> Interval | Unknown:
    """By how much who scores this is ahead of the opponent; `opposite`: by how much the opponent is ahead of it."""
    if isinstance(score, Unknown):
        return score
    ends = (0.5 - score.value, 0.5 - score.high, 0.5 - score.low) if opposite else (score.value - 0.5, score.low - 0.5, score.high - 0.5)
    return Interval(*ends, score.confidence)


def believed_best(progress: Progress, tolerance: float) -> int | None:
    """Whom the posterior would return: the one with an answer that is least likely to lie more than the tolerance below the best."""
    able = [k for k in range(len(progress.done)) if answered(progress, k).any()]
    if not able:
        return None
    view = outlook(believed(progress), tolerance)
    return min(able, key=lambda k: float(view.risk[0, k] + 1e-6 * view.loss[0, k]))


def confidence_of_one(progress: Progress, goal: Goal) -> float:
    """Of one comparison with the leader, where all of them are to hold together."""
    return 1 - (1 - goal.confidence) / max(len(progress.done) - 1, 1)


def seen(progress: Progress) -> NDArray[np.bool_]:
    """The cells that were run, shape (K, N)."""
    return np.arange(progress.scores.shape[1]) < progress.done[:, None]


def answered(progress: Progress, k: int) -> NDArray[np.bool_]:
    """The rows that k has run and the machinery did not lose, shape (N,)."""
    return seen(progress)[k] & ~progress.lost[k]


def gaps(progress: Progress, a: int, b: int) -> NDArray[np.float64]:
    """Score of a minus score of b on the rows that both have answered, in race order."""
    both = answered(progress, a) & answered(progress, b)
    return progress.scores[a, both] - progress.scores[b, both]
