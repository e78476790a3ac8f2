"""From the last look at a race to places: who is chosen or leads, what is shown of the others, and what the rows tell of new inputs.

What "beaten" means depends on the rule. `anytime` shows that a candidate is not the best, which leaves open how far below it lies; `bayes`
holds it for probable that another is better by more than the tolerance; a judge corrected by people's labels shows the same. The words of
each place are those of its rule, and no stronger.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from llmpick.decide.choice import rows_to_settle
from llmpick.decide.race_answer import NewInputs, Place, Placed, RaceVerdict
from llmpick.decide.race_intervals import BesideOpponent, ByBelief, ByBets, Intervals, answered, believed_best, gaps
from llmpick.evidence.values import Interval, Unknown
from llmpick.stats.goal import Goal
from llmpick.stats.race import Progress, Standing

Claims = Literal["anytime", "bayes", "labelled"]
"""Whose claims a standing holds: those of a guarantee's rule, or of `stats/judged_race.py`, where people's labels correct a judge."""


@dataclass(frozen=True, slots=True)
class Placing:
    """`chosen` and `leader` are indices into the candidates; `leader` is the chosen one where there is one."""

    verdict: RaceVerdict
    chosen: int | None
    leader: int
    places: tuple[Placed, ...]
    new_inputs: NewInputs


def placing(
    ids: Sequence[str], progress: Progress, standing: Standing, goal: Goal, claims: Claims, *, opponent: int | None = None
) -> Placing:
    """Judges K >= 1 candidates, which `ids` and the first axis of `progress` name. `opponent` is the one that a judge compares all with."""
    if len(ids) == 1:  # a rule has nothing to show, so that it would be over at once
        standing = replace(standing, chosen=None)
    leader = standing.chosen if standing.chosen is not None else leading(progress, standing, goal, claims)
    intervals: Intervals = ByBelief(progress, leader, goal) if claims == "bayes" else ByBets(progress, leader, goal)
    if opponent is not None:
        intervals = BesideOpponent(intervals, leader, opponent, goal.confidence)
    kinds = [_kind(k, standing, leader) for k in range(len(ids))]
    words = _Told(ids, progress, standing, leader, goal, claims)
    places = list[Placed]()
    for k, kind in enumerate(kinds):
        difference = intervals.difference(k, on_rows=True)
        places.append(
            Placed(
                place=kind,
                reasons=(words.why(k, kind, difference),),
                rows_run=int(progress.done[k]),
                rows_lost=int((~answered(progress, k)[: progress.done[k]]).sum()),
                score_on_rows=intervals.score(k, on_rows=True),
                score=intervals.score(k, on_rows=False),
                difference=difference,
                difference_on_new_inputs=intervals.difference(k, on_rows=False),
            )
        )
    return Placing(_verdict(kinds), standing.chosen, leader, tuple(places), _new_inputs(ids, progress, goal, leader, intervals))


def leading(progress: Progress, standing: Standing, goal: Goal, claims: Claims) -> int:
    """Who is returned when nothing is decided: whom the posterior would return; else, of those that are not beaten, the one whose worst
    paired difference to another is the best.

    Candidates may have run different numbers of rows, and rows differ in difficulty, so that plain means do not compare them.
    """
    believed = believed_best(progress, goal.tolerance) if claims == "bayes" else None
    if believed is not None:
        return believed
    left = [k for k in range(len(progress.done)) if not standing.beaten[k] and answered(progress, k).any()]
    if not left:
        return int(np.argmax(progress.means))

    def worst(k: int) -> float:
        differences = [values.mean() for other in left if other != k and len(values := gaps(progress, k, other))]
        return float(min(differences, default=0.0))

    return max(left, key=lambda k: (worst(k), progress.means[k]))


def _kind(k: int, standing: Standing, leader: int) -> Place:
    """Who is within the tolerance of the best ties, also when it is shown not to be the best itself.

    Where the race stopped on its expected loss, nothing keeps the others from being better by more than the tolerance.
    """
    if k == leader:
        return Place.LEADER if standing.chosen is None else Place.CHOSEN
    if standing.within[k]:
        return Place.TIED
    if standing.beaten[k]:
        return Place.BEATEN
    return Place.BEHIND if standing.chosen is not None and standing.within[leader] else Place.OPEN


def _verdict(kinds: Sequence[Place]) -> RaceVerdict:
    if len(kinds) == 1:
        return RaceVerdict.ALONE
    if Place.CHOSEN not in kinds:
        return RaceVerdict.UNDECIDED
    return RaceVerdict.TIE if Place.TIED in kinds else RaceVerdict.WON


@dataclass(frozen=True, slots=True)
class _Told:
    """Says why a candidate has its place, in the sense of the rule."""

    ids: Sequence[str]
    progress: Progress
    standing: Standing
    leader: int
    goal: Goal
    claims: Claims

    def why(self, k: int, kind: Place, difference: Interval | Unknown) -> str:
        match kind:
            case Place.CHOSEN if not self.standing.within[k]:
                return "naming it is expected to lose no more than was allowed"
            case Place.CHOSEN:
                return f"no other is better{self._by_more}{self._sure}"
            case Place.LEADER if len(self.ids) == 1:
                return "the only one that took part, so that it was compared with nothing"
            case Place.LEADER:
                return "the best so far, and nothing more is shown"
            case Place.TIED:
                return f"{self._shown}{self._level}{self._sure}"
            case Place.BEATEN:
                return self._beaten(k, difference)
            case Place.BEHIND:
                chosen = self.ids[self.leader]
                return f"not better than {chosen}{self._by_more}{self._sure}; whether it is as good was not looked into"
            case _:
                return "could still have won when the race stopped"

    def _beaten(self, k: int, difference: Interval | Unknown) -> str:
        """Bets of `anytime` show only that a candidate is not the best; how far below it lies is a matter of the interval."""
        if self.claims != "anytime":
            return f"{self._shown}{self._worse_than(self.standing.beaten_by[k])}{self._sure}"
        if isinstance(difference, Interval) and difference.high < -self.goal.tolerance:
            return f"shown not to be the best, and {self._worse_than(self.leader)}"
        perhaps = f", but perhaps within {self._points} of it" if self.goal.tolerance else ""
        return f"shown not to be the best{self._by(k)}{perhaps}"

    def _worse_than(self, k: int) -> str:
        return f"{f'more than {self._points} ' if self.goal.tolerance else ''}worse than {self.ids[k]}"

    def _by(self, k: int) -> str:
        """The bets on k's rows go against whoever leads at the time: the one that gathered the largest lead on them says most."""
        leads = {other: gaps(self.progress, other, k) for other in range(len(self.ids)) if other != k}
        other, lead = max(leads.items(), key=lambda pair: float(pair[1].sum()), default=(k, np.zeros(0)))
        if lead.sum() <= 0:
            return ""
        shared = f"{len(lead):,} rows" if len(lead) > 1 else "one row"
        return f" ({self.ids[other]} scored {100 * lead.mean():.1f} points more on the {shared} that both answered)"

    @property
    def _points(self) -> str:
        return f"{100 * self.goal.tolerance:g} points"

    @property
    def _by_more(self) -> str:
        return f" by more than {self._points}" if self.goal.tolerance else ""

    @property
    def _level(self) -> str:
        return f"within {self._points} of the best" if self.goal.tolerance else "as good as the best"

    @property
    def _shown(self) -> str:
        return "" if self.claims == "bayes" else "shown to be "

    @property
    def _sure(self) -> str:
        return f" with a probability above {100 * self.goal.confidence:g}%" if self.claims == "bayes" else ""


def _new_inputs(ids: Sequence[str], progress: Progress, goal: Goal, leader: int, intervals: Intervals) -> NewInputs:
    """Whom the rows leave in question for new inputs. A candidate of which no row is known is in question for want of rows."""
    rivals = intervals.in_question()
    if not rivals:
        return NewInputs()
    sure, peeking = intervals.sure_of_each(), intervals.peeking
    needed = [rows_to_settle(gaps(progress, leader, k), goal.tolerance, sure, peeking=peeking) for k in rivals]
    unknown = next((one for one in needed if isinstance(one, Unknown)), None)
    known = [one for one in needed if isinstance(one, Interval)]
    alike = [leader, *rivals]
    return NewInputs(
        alike=tuple(ids[k] for k in alike),
        rows_more=unknown or max(known, key=lambda one: one.value),
        rows_left=progress.scores.shape[1] - int(progress.done[alike].min()),
    )
