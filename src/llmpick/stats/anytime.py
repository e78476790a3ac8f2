"""The rule `anytime`: bets on every row against "this candidate is the best one", valid at every look of every single race.

The claim. Candidate a is returned only when, for every other b, capital against "b is the best, and better than a by more than the
tolerance" has reached 1 / (1 - confidence). On each row b's bettor stakes against one opponent i, chosen from past rows. If b is the best,
the mean of b - i over all rows is at least 0, whoever i is; and more than the tolerance if i is a. So the capital M[b, a] multiplies by
1 + stake * (y_i - y_b - m) with m = -tolerance for i = a and 0 otherwise, both corrected for the rows already seen (sampling without
replacement, as in `stats/betting.py`).

The error, without a union over candidates. Only the truly best b can be wronged. Let A be the set of those that are worse than b by more
than the tolerance: it is fixed, though unknown. For every a in A, M[b, a] <= M*[b], the same product with m = -tolerance for each
opponent in A, since the stakes are the same in all copies and a factor grows as m falls. M*[b] is a non-negative supermartingale, so by
Ville's inequality it ever reaches 1 / (1 - confidence) with a probability of at most 1 - confidence; and no a in A is returned before.
The same event bounds "b is not the best" (M[b, b], m = 0 throughout) for all candidates at once.

The stakes are what makes it quick. A bettor matters only in those races in which b has to be shown to be worse, so it stakes by Kelly's
rule on the gap that is expected *given that there is one*: a normal prior for the gap, truncated at zero. The tolerance counts where the
opponent leads, and for the leader itself, whose closest rival would do as well. The opponent is the best of the others; the lead passes
on only when it is clear by half of a standard deviation, so that evidence gathers in one copy.

Assumes: scores in [0, 1]; rows in an order that is random and fixed beforehand; all who are still in the race run the same rows.
Sources: Waudby-Smith and Ramdas, arXiv 2010.09686 (betting without replacement); Kelly, "A new interpretation of information rate" (1956).
"""

import math
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from llmpick.stats.goal import Goal
from llmpick.stats.population import CORRELATION, Array
from llmpick.stats.race import Progress, Standing

GAP = 0.1
"""Standard deviation of the difference of two candidates' scores that is expected before any row is seen."""
VARIANCE_ROWS = 60
"""A pair's own variance of differences counts as much as the one expected of all pairs after so many rows."""
LEAD = 0.5
"""Standard deviations of the summed difference by which a new leader must be ahead of the old one."""
BOLDEST = 0.9
"""Largest stake as a share of the one that a single row could ruin."""
ROUNDING = 1e-9
"""Sums of scores that differ by less per row are equal."""
FIRST_ROWS = 8
GROWTH = 0.05
"""A batch is so large a part of the rows that were run; stopping late costs at most as much."""
MOST_ROWS = 64
"""Rows of a batch at most, so that the bets on them are made within 20 ms for 50 candidates (`benchmarks/race_speed.py`)."""


@dataclass(slots=True)
class Bets:
    """R races after `rows_seen` rows. `capital` and its highest value so far `reached` are natural logs, (R, K, K): [b, a] against "b is
    the best and better than a by more than the tolerance", [b, b] against "b is the best". `alive` (R, K): not shown not to be the best.
    """

    rows: int
    tolerance: float
    threshold: float
    worst: Array
    kindest: Array
    squares: Array
    capital: Array
    reached: Array
    alive: NDArray[np.bool_]
    leader: NDArray[np.int64]
    rows_seen: int = 0

    @classmethod
    def start(cls, races: int, count: int, rows: int, goal: Goal) -> "Bets":
        flat, square = (races, count), (races, count, count)
        return cls(
            rows,
            goal.tolerance,
            -math.log(1 - goal.confidence),
            np.zeros(flat),
            np.zeros(flat),
            np.zeros(square),
            np.zeros(square),
            np.zeros(square),
            np.ones(flat, dtype=bool),
            np.zeros(races, dtype=np.int64),
        )

    def only(self, races: NDArray[np.bool_]) -> "Bets":
        """The same for a part of the races."""
        return Bets(
            self.rows,
            self.tolerance,
            self.threshold,
            self.worst[races],
            self.kindest[races],
            self.squares[races],
            self.capital[races],
            self.reached[races],
            self.alive[races],
            self.leader[races],
            self.rows_seen,
        )

    @property
    def shown(self) -> NDArray[np.bool_]:
        """(R, K, K): [b, a] whether b is shown not to be better than a by more than the tolerance."""
        count = self.alive.shape[1]
        dropped = np.einsum("rbb->rb", self.reached) >= self.threshold
        return np.logical_or(self.reached >= self.threshold, dropped[:, :, None]) | np.eye(count, dtype=bool)

    @property
    def within(self) -> NDArray[np.bool_]:
        """(R, K): shown to be within the tolerance of the best."""
        return np.asarray(self.shown.all(axis=1), dtype=np.bool_)

    def step(self, worst: Array, kindest: Array) -> None:
        """One more row of all races: the scores (R, K), twice, where a lost one is taken as 0 in `worst` and 1 in `kindest`.

        The copies of a bettor's capital differ on one row only in that of the opponent, who alone has the tolerance.
        """
        left, everyone = self.rows - self.rows_seen, np.arange(self.alive.shape[1])
        expected = self._expected_variance()
        self._lead(expected)
        opponent = self._opponents()
        ahead, variance = self._ahead(everyone, opponent, expected)
        needed, relief = -ahead / left, self.tolerance * self.rows / left
        leads = (everyone == self.leader[:, None]) | (opponent == self.leader[:, None])
        drift = _gap_if_any(ahead, variance, self.rows_seen) - needed + relief * leads
        betting = self.alive & (self.alive.sum(axis=1) > 1)[:, None]
        stake = np.maximum(np.minimum(drift / (variance + drift**2), BOLDEST / np.maximum(1 + needed, 1e-3)), 0.0) * betting
        bet = np.take_along_axis(worst, opponent, 1) - kindest
        against_the_opponent = (np.arange(len(opponent))[:, None], everyone, opponent)
        relieved = self.capital[against_the_opponent] + _gain(stake, bet, needed - relief, betting)
        self.capital += _gain(stake, bet, needed, betting)[:, :, None]
        self.capital[against_the_opponent] = relieved
        np.maximum(self.reached, self.capital, out=self.reached)
        self.worst, self.kindest = self.worst + worst, self.kindest + kindest
        self.squares += (worst[:, None, :] - kindest[:, :, None]) ** 2
        self.rows_seen += 1
        if self.rows_seen == self.rows:
            self._all_seen()
        left_in = self.alive & (np.einsum("rbb->rb", self.reached) < self.threshold)
        self.alive = np.where(left_in.any(axis=1, keepdims=True), left_in, self.alive)

    def _all_seen(self) -> None:
        """After the last row nothing is left to bet on: what the sums say is certain, lost rows apart."""
        everyone = np.arange(self.alive.shape[1])
        behind = self.kindest[:, :, None] - self.worst[:, None, :]
        certain = behind <= self.tolerance * self.rows + ROUNDING * self.rows
        outdone = behind < -ROUNDING * self.rows
        outdone[:, everyone, everyone] = False
        certain[:, everyone, everyone] = outdone.any(axis=2)
        self.reached = np.where(certain, math.inf, self.reached)

    def _expected_variance(self) -> Array:
        """What all scores together suggest for the variance of a paired difference on one row, (R, 1)."""
        total = (self.worst * self.alive).sum(axis=1, keepdims=True) / self.alive.sum(axis=1, keepdims=True)
        mean = np.minimum(np.maximum((total + 2.0) / (self.rows_seen + 4), 0.02), 0.98)
        return 2 * (1 - CORRELATION) * mean * (1 - mean)

    def _ahead(self, candidate: NDArray[np.int64], opponent: NDArray[np.int64], expected: Array) -> tuple[Array, Array]:
        """By how much each `opponent`, (R, P), is ahead of `candidate`, (R, P) or (P,), in sum; and the variance of their paired difference
        on one row, shrunk towards the `expected` one.
        """
        seen, races = self.rows_seen, np.arange(len(self.alive))[:, None]
        ahead = self.worst[races, opponent] - self.kindest[races, candidate]
        own = self.squares[races, candidate, opponent] - ahead**2 / max(seen, 1)
        return ahead, np.maximum((own + VARIANCE_ROWS * expected) / (seen + VARIANCE_ROWS), 0.01)

    def _lead(self, expected: Array) -> None:
        races = np.arange(len(self.alive))
        best = np.where(self.alive, self.worst, -1.0).argmax(axis=1)
        _, variance = self._ahead(self.leader[:, None], best[:, None], expected)
        clear = LEAD * np.sqrt(variance[:, 0] * self.rows_seen)
        stays = self.alive[races, self.leader] & (self.worst[races, best] - self.worst[races, self.leader] < clear)
        self.leader = np.where(stays, self.leader, best)

    def _opponents(self) -> NDArray[np.int64]:
        """Against whom each candidate's bettor stakes: the best of the others that are alive, (R, K)."""
        races, everyone = np.arange(len(self.alive)), np.arange(self.alive.shape[1])
        standing = np.where(self.alive, self.worst, -1.0)
        best = standing.argmax(axis=1)
        standing[races, best] = -2.0
        return np.where(everyone == best[:, None], standing.argmax(axis=1)[:, None], best[:, None])


def _gain(stake: Array, bet: Array, needed: Array, betting: NDArray[np.bool_]) -> Array:
    """Natural log of what one row multiplies the capital by; infinite where no score can be as low as the mean that the null needs."""
    gain = np.log1p(np.maximum(stake * (bet - needed), -1 + 1e-12))
    return np.where((needed < -1 - 1e-9) & betting, math.inf, gain)


def _gap_if_any(ahead: Array, variance: Array, seen: int) -> Array:
    """The opponent's expected lead per row given that it has one: the mean of a truncated normal posterior.

    Imprecise far in the tail, where no bet would be made anyway.
    """
    weight = seen + variance / GAP**2
    mean, deviation = ahead / weight, np.sqrt(variance / weight)
    z = np.maximum(mean / deviation, -3.0)
    return np.maximum(mean, -3.0 * deviation) + deviation * _inverse_mills(z)


def _inverse_mills(z: Array) -> Array:
    """Density over distribution function of a standard normal variable at z >= -3."""
    from scipy.special import ndtr

    return np.exp(-0.5 * z * z) / math.sqrt(2 * math.pi) / ndtr(z)


@dataclass(slots=True)
class AnytimeRule:
    """Keeps the protocol `Rule` for one race. What was computed for earlier rows is kept, and checked against the rows before it is used:
    a judgement depends on the progress alone.
    """

    goal: Goal
    _bets: Bets | None = field(default=None, repr=False)
    _seen: Progress | None = field(default=None, repr=False)
    """The progress of the last look, cut to the rows that were bet on."""

    def judge(self, progress: Progress) -> Standing:
        count = len(progress.done)
        if count == 0:
            nobody = np.zeros(0, dtype=bool)
            return Standing(nobody, np.zeros(0, dtype=np.int64), nobody, None)
        bets = self._advanced(progress)
        within = bets.within[0] & (progress.done > 0)
        dropped = ~bets.alive[0]
        chosen = int(min(np.flatnonzero(within), key=lambda k: (progress.cost_rank[k], -bets.worst[0, k]))) if within.any() else None
        best = int(np.where(dropped, -1.0, bets.worst[0]).argmax())
        beaten_by = np.where(dropped, best if chosen is None else chosen, -1)
        if chosen is not None and dropped[chosen]:
            beaten_by[chosen] = -1
        return Standing(within, beaten_by, np.zeros(count, dtype=bool), chosen)

    def next_rows(self, progress: Progress, standing: Standing, cost_per_call: Array) -> NDArray[np.int64]:  # noqa: ARG002
        """All who may still be the best go on to the same row."""
        rows, done = progress.scores.shape[1], progress.done
        runs = (~standing.beaten | (done == 0)) & (done < rows)
        furthest = int(done[done < rows].max(initial=0))
        target = min(furthest + min(max(FIRST_ROWS, int(furthest * GROWTH)), MOST_ROWS), rows)
        return np.where(runs, np.maximum(done, target), done)

    def _advanced(self, progress: Progress) -> Bets:
        """The bets on all rows that everybody who is still in the race has run; a row that the others have not run is like a lost one."""
        count, rows = progress.scores.shape
        bets = self._bets if self._continues(progress) else None
        bets = bets or Bets.start(1, count, rows, self.goal)
        while (shared := int(progress.done[bets.alive[0]].min())) > bets.rows_seen:
            new, alive = slice(bets.rows_seen, shared), bets.alive
            unknown = progress.lost[:, new] | (np.arange(new.start, shared) >= progress.done[:, None])
            worst, kindest = np.where(unknown, 0.0, progress.scores[:, new]), np.where(unknown, 1.0, progress.scores[:, new])
            for column in range(shared - new.start):
                bets.step(worst[None, :, column], kindest[None, :, column])
                if (bets.alive != alive).any():
                    break
        used = slice(bets.rows_seen)
        self._bets, self._seen = bets, replace(progress, scores=progress.scores[:, used].copy(), lost=progress.lost[:, used].copy())
        return bets

    def _continues(self, progress: Progress) -> bool:
        """Whether the rows that were bet on are the same in this progress."""
        before, bets = self._seen, self._bets
        if before is None or bets is None or (bets.rows, len(before.done)) != progress.scores.shape[::-1]:
            return False
        used = slice(bets.rows_seen)
        return bool(
            (progress.done >= before.done).all()
            and np.array_equal(before.scores, progress.scores[:, used])
            and np.array_equal(before.lost, progress.lost[:, used])
        )
