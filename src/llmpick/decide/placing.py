"""From the last look at a race to places: who is chosen or leads, what is shown of the others, and what the rows tell of new inputs."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from llmpick.decide.race_answer import NewInputs, Place, Placed, RaceVerdict
from llmpick.evidence.values import Interval, Unknown
from llmpick.stats.betting import best_log_capital, mean_interval
from llmpick.stats.power import rows_to_decide
from llmpick.stats.race import Progress, Standing
from llmpick.stats.rules import Goal


@dataclass(frozen=True, slots=True)
class Placing:
    """`chosen` and `leader` are indices into the candidates; `leader` is the chosen one where there is one."""

    verdict: RaceVerdict
    chosen: int | None
    leader: int
    places: tuple[Placed, ...]
    new_inputs: NewInputs


def placing(ids: Sequence[str], progress: Progress, standing: Standing, goal: Goal) -> Placing:
    """Judges K >= 1 candidates, which `ids` and the first axis of `progress` name. All intervals hold together at the goal's confidence."""
    leader = standing.chosen if standing.chosen is not None else leading(progress, standing)
    pairs = _Pairs(progress, leader, goal)
    kinds = [_kind(k, standing, leader) for k in range(len(ids))]
    places = tuple(
        Placed(
            place=kinds[k],
            reasons=_reasons(kinds[k], k, ids, standing, leader, goal),
            rows_run=int(progress.done[k]),
            rows_lost=int((~_answered(progress, k)[: progress.done[k]]).sum()),
            score_on_rows=pairs.score(k, on_rows=True),
            score=pairs.score(k, on_rows=False),
            difference=pairs.difference(k, on_rows=True),
            difference_on_new_inputs=pairs.difference(k, on_rows=False),
        )
        for k in range(len(ids))
    )
    return Placing(_verdict(kinds), standing.chosen, leader, places, _new_inputs(ids, progress, pairs))


def leading(progress: Progress, standing: Standing) -> int:
    """Who is returned when nothing is decided: of those that are not beaten, whose worst paired difference to another is the best.

    Candidates may have run different numbers of rows, and rows differ in difficulty, so that plain means do not compare them.
    """
    left = [k for k in range(len(progress.done)) if not standing.beaten[k] and _answered(progress, k).any()]
    if not left:
        return int(np.argmax(progress.means))

    def worst(k: int) -> float:
        gaps = [values.mean() for other in left if other != k and len(values := _gaps(progress, k, other))]
        return float(min(gaps, default=0.0))

    return max(left, key=lambda k: (worst(k), progress.means[k]))


@dataclass(frozen=True, slots=True)
class _Pairs:
    """Intervals by betting, valid whenever the race stopped: K scores, and K - 1 differences to the leader, share the error."""

    progress: Progress
    leader: int
    goal: Goal

    def score(self, k: int, *, on_rows: bool) -> Interval | Unknown:
        values = self.progress.scores[k, _answered(self.progress, k)]
        return self._interval(values, self._rows_without_lost([k]) if on_rows else None, shared_by=len(self.progress.done), low=0.0)

    def difference(self, k: int, *, on_rows: bool) -> Interval | Unknown:
        if k == self.leader:
            return Unknown("the others are compared with it")
        values = _gaps(self.progress, k, self.leader)
        return self._interval(values, self._rows_without_lost([k, self.leader]) if on_rows else None, shared_by=self.rivals, low=-1.0)

    def within_on_new_inputs(self, k: int) -> bool:
        """Whether it is shown that k is not better than the leader by more than the tolerance on new inputs like these."""
        against = _gaps(self.progress, self.leader, k)
        capital = best_log_capital(against, -self.goal.tolerance, population=None, low=-1.0, high=1.0)
        return bool(capital >= -math.log(1 - self.confidence_of_one))

    @property
    def rivals(self) -> int:
        return max(len(self.progress.done) - 1, 1)

    @property
    def confidence_of_one(self) -> float:
        return 1 - (1 - self.goal.confidence) / self.rivals

    def _rows_without_lost(self, of: Sequence[int]) -> int:
        return int((~_lost(self.progress, of)).sum())

    def _interval(self, values: NDArray[np.float64], population: int | None, *, shared_by: int, low: float) -> Interval | Unknown:
        if not len(values):
            return Unknown("no row was answered")
        confidence = 1 - (1 - self.goal.confidence) / shared_by
        found = mean_interval(values, confidence=confidence, population=population, low=low, high=1.0)
        return Interval(found.value, found.low, found.high, self.goal.confidence)


def _kind(k: int, standing: Standing, leader: int) -> Place:
    if k == leader:
        return Place.LEADER if standing.chosen is None else Place.CHOSEN
    if standing.beaten[k]:
        return Place.BEATEN
    if standing.within[k]:
        return Place.TIED
    return Place.OPEN if standing.chosen is None else Place.BEHIND


def _verdict(kinds: Sequence[Place]) -> RaceVerdict:
    if Place.CHOSEN not in kinds:
        return RaceVerdict.UNDECIDED
    return RaceVerdict.TIE if Place.TIED in kinds else RaceVerdict.WON


def _reasons(kind: Place, k: int, ids: Sequence[str], standing: Standing, leader: int, goal: Goal) -> tuple[str, ...]:
    points = f"{100 * goal.tolerance:g} points"
    told: dict[Place, Callable[[], str]] = {
        Place.CHOSEN: lambda: f"no other is better by more than {points}",
        Place.LEADER: lambda: "the best so far, and nothing more is shown",
        Place.BEATEN: lambda: f"shown to be more than {points} worse than {ids[standing.beaten_by[k]]}",
        Place.TIED: lambda: f"shown to be within {points} of the best",
        Place.BEHIND: lambda: f"not better than {ids[leader]} by more than {points}; whether it is as good was not looked into",
        Place.OPEN: lambda: "could still have won when the race stopped",
    }
    return (told[kind](),)


def _new_inputs(ids: Sequence[str], progress: Progress, pairs: _Pairs) -> NewInputs:
    """Whom the rows leave in question for new inputs. A candidate of which no row is known is in question for want of rows."""
    tolerance, leader = pairs.goal.tolerance, pairs.leader
    rivals = [k for k in range(len(ids)) if k != leader and not pairs.within_on_new_inputs(k)]
    if not rivals:
        return NewInputs()
    needed = [rows_to_decide(_gaps(progress, leader, k), tolerance, pairs.confidence_of_one, peeking=True) for k in rivals]
    unknown = next((one for one in needed if isinstance(one, Unknown)), None)
    known = [one for one in needed if isinstance(one, Interval)]
    alike = [leader, *rivals]
    return NewInputs(
        alike=tuple(ids[k] for k in alike),
        rows_more=unknown or max(known, key=lambda one: one.value),
        rows_left=progress.scores.shape[1] - int(progress.done[alike].min()),
    )


def _lost(progress: Progress, of: Sequence[int]) -> NDArray[np.bool_]:
    """The rows that the machinery lost for one of these."""
    seen = np.arange(progress.scores.shape[1]) < progress.done[list(of), None]
    return (progress.lost[list(of)] & seen).any(axis=0)


def _answered(progress: Progress, k: int) -> NDArray[np.bool_]:
    return (np.arange(progress.scores.shape[1]) < progress.done[k]) & ~progress.lost[k]


def _gaps(progress: Progress, a: int, b: int) -> NDArray[np.float64]:
    """Score of a minus score of b on the rows that both have answered, in race order."""
    both = _answered(progress, a) & _answered(progress, b)
    return progress.scores[a, both] - progress.scores[b, both]
