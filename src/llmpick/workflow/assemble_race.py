"""Puts the end of a race, live or recorded, together into the one record that reports show."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from llmpick.decide.answer import Spending
from llmpick.decide.placing import Placing, placing
from llmpick.decide.race_answer import NewInputs, Place, Placed, RaceAnswer, Racer, RaceStop, RaceVerdict
from llmpick.evidence.call import EngineInfo
from llmpick.evidence.model import Candidate
from llmpick.evidence.values import Unknown
from llmpick.measure.lane import Lane
from llmpick.measure.race import RaceEnd, Stop
from llmpick.stats.race import Progress, Standing
from llmpick.stats.rules import Goal, Guarantee, rule_for
from llmpick.workflow.accounts import on_all_rows, paid_for, total
from llmpick.workflow.bought import what_thinking_bought

NOT_RUN = Unknown("not run")


@dataclass(frozen=True, slots=True)
class Contestant:
    """Who runs in a lane."""

    lane: Lane
    candidate: Candidate
    engine: EngineInfo | None = None
    quantization: str | None = None
    file_sha256: str | None = None


def assemble_race(blank: RaceAnswer, goal: Goal, contestants: Sequence[Contestant], end: RaceEnd) -> RaceAnswer:
    """The answer after the race of the contestants; `blank` holds what was known before it."""
    racing = [one for one in contestants if one.lane in end.look.lanes]
    dropped = [_dropped(one, blank.rows) for one in contestants if one not in racing]
    if not racing:
        reason = end.undecided_because or "nothing was run"
        return replace(blank, reasons=(reason,), candidates=(*dropped, *blank.candidates), spent=total(one.spent for one in dropped))
    progress, standing = end.look.progress, end.look.standing
    placed = placing([one.candidate.id for one in racing], progress, standing, goal)
    racers = [_racer(one, placed.places[k], blank.rows) for k, one in enumerate(racing)]
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
        **_stakes(blank.guarantee, goal, progress, standing, placed),
    )


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
        everything=on_all_rows(one.lane, one.candidate, rows),
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
        return k != placed.leader, -gap.value if not isinstance(gap, Unknown) else 2.0

    return [racers[k] for k in sorted(range(len(racers)), key=key)]


def _stop(end: RaceEnd, placed: Placing, progress: Progress, standing: Standing, goal: Goal) -> RaceStop:
    if placed.chosen is None or end.stop is not Stop.DECIDED:
        return RaceStop(end.stop.value)
    loss = standing.expected_loss
    if goal.max_expected_loss is not None and loss is not None and loss <= goal.max_expected_loss:
        return RaceStop.EXPECTED_LOSS
    return RaceStop.ALL_ROWS if (progress.done[~standing.beaten] == progress.scores.shape[1]).all() else RaceStop.DECIDED


def _story(leader: str, racers: Sequence[Racer], placed: Placing, end: RaceEnd) -> tuple[str, ...]:
    if placed.chosen is not None:
        return ()
    rivals = [one.candidate.id for one in racers if one.placed.place is Place.OPEN]
    against = f" against {', '.join(rivals)}" if rivals else ""
    return (f"{leader} leads{against}, but {end.undecided_because or 'the evidence does not decide'}",)


def _stakes(guarantee: Guarantee, goal: Goal, progress: Progress, standing: Standing, placed: Placing) -> dict[str, float | Unknown]:
    """What stopping here would mean on average. A rule that bounds each race has no average of its own, so the other one is asked."""
    if standing.expected_loss is None and guarantee != "bayes" and len(progress.done) > 1 and progress.done.all():
        asked = rule_for("bayes", goal).judge(progress)
        standing = asked if (asked.chosen in (None, placed.leader)) else standing
    why = Unknown("it takes at least two candidates that have run" if len(progress.done) < 2 else "the rule does not compute it")

    def known(value: float | None) -> float | Unknown:
        return why if value is None or not np.isfinite(value) else float(value)

    return {"risk": known(standing.risk), "expected_loss": known(standing.expected_loss), "next_saving": known(standing.next_saving)}


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
