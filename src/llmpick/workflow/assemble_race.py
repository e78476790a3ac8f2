"""Puts the end of a race, live or recorded, together into the one record that reports show."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from llmpick.decide.answer import Spending
from llmpick.decide.placing import Placing, placing
from llmpick.decide.placing_clustered import by_clusters
from llmpick.decide.placing_labelled import by_labels
from llmpick.decide.race_answer import NewInputs, Passed, Place, Placed, RaceAnswer, Racer, RaceStop, RaceVerdict
from llmpick.decide.stakes import stakes
from llmpick.evidence.call import EngineInfo
from llmpick.evidence.model import Candidate
from llmpick.evidence.values import Unknown
from llmpick.measure.lane import Lane
from llmpick.measure.race import RaceEnd, Stop
from llmpick.stats.goal import Goal, Guarantee
from llmpick.stats.judged_race import HumanLabels
from llmpick.stats.race import Progress, Standing
from llmpick.stats.rules import rule_for
from llmpick.workflow.accounts import on_all_rows, paid_for, total
from llmpick.workflow.bought import what_thinking_bought

NOT_RUN = Unknown("not run")
WAYMARKS = 24
"""So many points tell how a candidate's score went along the rows."""
FIRST_MARK = 10
"""Means of fewer rows than this jump about."""


@dataclass(frozen=True, slots=True)
class Contestant:
    """Who runs in a lane."""

    lane: Lane
    candidate: Candidate
    engine: EngineInfo | None = None
    quantization: str | None = None
    file_sha256: str | None = None


def in_their_order(lanes: Iterable[Lane]) -> list[Lane]:
    """By name: in which order somebody typed the candidates, or a file has its columns, is not to change a digit of the answer. Ties of
    scores go by order, and so do the cases that the posterior is counted over.
    """
    return sorted(lanes, key=lambda lane: lane.candidate)


def assemble_race(
    blank: RaceAnswer,
    goal: Goal,
    contestants: Sequence[Contestant],
    end: RaceEnd,
    *,
    labels: HumanLabels | None = None,
    clusters: NDArray[np.int64] | None = None,
    opponent: str | None = None,
) -> RaceAnswer:
    """The answer after the race of the contestants; `blank` holds what was known before it. `labels` correct the judge of a race,
    `clusters`, shape (N,), says which rows belong together. `opponent` is the contestant that a judge compares all with, if it races.
    """
    racing = [one for one in contestants if one.lane in end.look.lanes]
    dropped = [_dropped(one, blank.rows) for one in contestants if one not in racing]
    if not racing:
        reason = end.undecided_because or "nothing was run"
        return replace(blank, reasons=(reason,), candidates=(*dropped, *blank.candidates), spent=total(one.spent for one in dropped))
    progress, standing = end.look.progress, end.look.standing
    ids = [one.candidate.id for one in racing]
    claims = blank.guarantee if labels is None else "labelled"
    half = ids.index(opponent) if opponent in ids else None
    placed = placing(ids, progress, standing, goal, claims, opponent=half)
    if labels is not None:
        placed = by_labels(placed, ids, progress, standing, labels, goal.confidence, opponent=half)
    if clusters is not None:
        placed = by_clusters(placed, ids, progress, goal, claims, clusters, opponent=half)
    racers = [replace(_racer(one, placed.places[k], blank.rows), way=_way(progress, k)) for k, one in enumerate(racing)]
    if not progress.done.any():
        waiting = [replace(one, placed=replace(one.placed, place=Place.OPEN, reasons=("it ran no row",))) for one in racers]
        reason = f"no row was run: {end.undecided_because or 'the race stopped before the first'}"
        stop = _stop(end, placed, progress, standing, goal)
        everyone = (*waiting, *dropped, *blank.candidates)
        sums = {"spent": total(one.spent for one in everyone), "everything": total(one.everything for one in everyone)}
        return replace(blank, stop=stop, reasons=(reason,), candidates=everyone, **sums)
    everyone = (*_in_order(racers, placed), *dropped, *blank.candidates)
    leader = racing[placed.leader].candidate.id
    return replace(
        blank,
        verdict=placed.verdict,
        stop=_stop(end, placed, progress, standing, goal),
        reasons=_story(leader, racers, placed, end),
        chosen=leader if placed.chosen is not None else None,
        leader=leader,
        candidates=everyone,
        new_inputs=placed.new_inputs,
        spent=total(one.spent for one in everyone),
        everything=total(one.everything for one in everyone),
        thinking=what_thinking_bought([(one.lane, one.candidate) for one in contestants], confidence=goal.confidence, rows=blank.rows),
        **({} if labels is not None else _stakes(blank.guarantee, goal, progress, standing, placed.leader)),
    )


def _way(progress: Progress, k: int) -> tuple[Passed, ...]:
    """The running score of candidate k at some of the rows that it ran, the last one included."""
    known = ~progress.lost[k, : progress.done[k]]
    answered, summed = known.cumsum(), (progress.scores[k, : progress.done[k]] * known).cumsum()
    marks = np.unique(np.linspace(min(FIRST_MARK, progress.done[k]), progress.done[k], WAYMARKS).astype(int))
    return tuple(Passed(int(n), float(summed[n - 1] / answered[n - 1])) for n in marks if n and answered[n - 1])


def kept_out(candidate: Candidate, place: Place, reasons: tuple[str, ...], *, quantization: str | None = None) -> Racer:
    """A candidate that never started."""
    return Racer(
        candidate, Placed(place, reasons, 0, 0, NOT_RUN, NOT_RUN, NOT_RUN, NOT_RUN), Spending(), Spending(), None, None, quantization
    )


def _racer(one: Contestant, placed: Placed, rows: int) -> Racer:
    gone = one.lane.gone
    told = (*placed.reasons, f"its engine failed: {gone.what} ({gone.where})") if gone else placed.reasons
    return Racer(
        candidate=one.candidate,
        placed=replace(placed, reasons=told),
        spent=paid_for(one.lane, one.candidate),
        everything=on_all_rows(one.lane, one.candidate, rows) if one.lane.records or gone else Spending(calls=rows),
        cost=one.lane.cost(one.lane),
        engine=one.engine,
        quantization=one.quantization,
        file_sha256=one.file_sha256,
        outcomes=Counter(record.outcome for record in one.lane.records),
    )


def _dropped(one: Contestant, rows: int) -> Racer:
    """A model that cannot be the answer: its engine failed before the first row, or it was seen to break a limit."""
    gone = one.lane.gone
    place, reasons = (Place.FAILED, (f"{gone.what} ({gone.where}); {gone.remedy}",)) if gone else (Place.EXCLUDED, one.lane.broken)
    run = len(one.lane.records)
    blank = Placed(place, (), run, 0, NOT_RUN, NOT_RUN, NOT_RUN, NOT_RUN)
    return replace(_racer(one, blank, rows), placed=replace(blank, reasons=reasons))


def _in_order(racers: Sequence[Racer], placed: Placing) -> list[Racer]:
    """The chosen or leading one first, then by the paired difference to it; those of which nothing is known last."""

    def key(k: int) -> tuple[bool, float]:
        gap = racers[k].placed.difference
        gap = racers[k].placed.difference_on_new_inputs if isinstance(gap, Unknown) else gap
        return k != placed.leader, -gap.value if not isinstance(gap, Unknown) else 2.0

    return [racers[k] for k in sorted(range(len(racers)), key=key)]


def _stop(end: RaceEnd, placed: Placing, progress: Progress, standing: Standing, goal: Goal) -> RaceStop:
    if placed.verdict is RaceVerdict.ALONE and end.stop is Stop.DECIDED:
        return RaceStop.ALONE
    if placed.chosen is None or end.stop is not Stop.DECIDED:
        return RaceStop(end.stop.value)
    if (progress.done[~standing.beaten | standing.within] == progress.scores.shape[1]).all():
        return RaceStop.ALL_ROWS
    return RaceStop.DECIDED if goal.max_expected_loss is None else RaceStop.EXPECTED_LOSS


def _story(leader: str, racers: Sequence[Racer], placed: Placing, end: RaceEnd) -> tuple[str, ...]:
    if placed.chosen is not None:
        return ()
    if placed.verdict is RaceVerdict.ALONE:
        return (f"only {leader} took part: it was compared with nothing",)
    rivals = [one.candidate.id for one in racers if one.placed.place is Place.OPEN]
    against = f" against {', '.join(rivals)}" if rivals else ""
    return (f"{leader} leads{against}, but {end.undecided_because or 'the evidence does not decide'}",)


def _stakes(guarantee: Guarantee, goal: Goal, progress: Progress, standing: Standing, leader: int) -> dict[str, float | Unknown]:
    """What stopping here would mean for the candidate that is named, on average over tasks, and what the rule's next batch would save."""
    then = rule_for(guarantee, goal).next_rows(progress, standing, np.ones(len(progress.done)))
    found = stakes(progress, leader, goal.tolerance, then)
    return {"risk": found.risk, "expected_loss": found.expected_loss, "next_saving": found.next_saving}


def blank_answer(**known: object) -> RaceAnswer:
    """The answer before anything was run."""
    nothing = {
        "verdict": RaceVerdict.UNDECIDED,
        "stop": RaceStop.NOT_RUN,
        "reasons": (),
        "chosen": None,
        "leader": None,
        "candidates": (),
        "new_inputs": NewInputs(),
        "spent": Spending(),
        "everything": Spending(),
    }
    return RaceAnswer(**{**nothing, **known})  # pyright: ignore[reportArgumentType]
