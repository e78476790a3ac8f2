"""Runs candidates side by side over the user's rows, in one random order fixed beforehand, until the choice is clear.

Between batches a rule (`stats/rules.py`) says what is shown, who runs how many rows next, and whether the race is over; this file only
makes those calls, each exactly once: what the ledger already holds is not asked again.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from llmpick.evidence.call import CallRecord
from llmpick.evidence.task import Budget
from llmpick.measure.budget import Beside, within_budget
from llmpick.measure.calls import StopNow, lost_before, run_batch, take_held, unused_of
from llmpick.measure.garage import Garage
from llmpick.measure.lane import Batch, Lane, Ledger
from llmpick.measure.scoreboard import Scoreboard
from llmpick.stats.plain import FIRST_BATCH, GROWTH
from llmpick.stats.race import Progress, Standing
from llmpick.stats.rules import Rule

LOADING_SHARE = 0.1
"""Where not all models fit into memory together, batches grow until loading takes at most this share of the time."""


@dataclass(frozen=True, slots=True)
class Look:
    """What one look at the race showed: the lanes in it, their progress and standing."""

    lanes: tuple[Lane, ...]
    progress: Progress
    standing: Standing


class Stop(StrEnum):
    """Why a race ended. `DECIDED` is the rule's word; the others leave the choice open."""

    DECIDED = "decided"
    BUDGET = "budget"
    INTERRUPTED = "interrupted"
    STUCK = "stuck"


@dataclass(frozen=True, slots=True)
class RaceEnd:
    """How the race ended: the last look, and why it stopped when it was not decided."""

    look: Look
    stop: Stop
    undecided_because: str | None


def run_race(
    lanes: Sequence[Lane],
    *,
    rows: int,
    rule: Rule,
    budget: Budget,
    ledger: Ledger,
    capacity_bytes: int,
    on_look: Callable[[Look], None],
    on_call: Callable[[Lane, CallRecord], None],
    beside: Callable[[], Beside] = Beside,
    on_interrupt: Callable[[], None] = lambda: None,
) -> RaceEnd:
    """Races the lanes over `rows` rows. Models stay loaded together as far as `capacity_bytes` allow. `beside` tells what was spent on
    the race beside the lanes' own calls.

    Ctrl-C ends the race like a spent budget, when the calls under way have come back and are recorded; what the ledger holds beyond them
    counts then, too. `on_interrupt` is called at once, and another Ctrl-C does not wait.
    """
    garage, board = Garage(capacity_bytes, ledger), Scoreboard(lanes, rows)
    try:
        for lane in lanes:
            lane.paid.extend(lost_before(lane.candidate, ledger))
        while True:
            look = _look(lanes, board, rule)
            on_look(look)
            if look.standing.chosen is not None and all(lane.records for lane in look.lanes):
                return RaceEnd(look, Stop.DECIDED, None)
            wanted = _wanted(look, rule, rows, garage) if look.lanes else {}
            if not wanted:
                return RaceEnd(look, Stop.STUCK, _why_stuck(look))
            batch = within_budget(wanted, lanes, budget, beside())
            if not batch:
                return RaceEnd(look, Stop.BUDGET, "the budget is spent")
            run_batch(batch, garage, ledger, on_call, on_interrupt)
    except KeyboardInterrupt as pressed:
        with suppress(KeyboardInterrupt):
            take_held([] if isinstance(pressed, StopNow) else lanes, ledger, on_call)
        return RaceEnd(_look(lanes, board, rule), Stop.INTERRUPTED, "it was interrupted")
    finally:
        garage.close()
        for lane in lanes:
            lane.paid.extend(unused_of(lane.candidate, lane.paid, ledger))


def _look(lanes: Sequence[Lane], board: Scoreboard, rule: Rule) -> Look:
    racing = tuple(lane for lane in lanes if lane.racing)
    progress = board.progress(racing)
    return Look(racing, progress, rule.judge(progress) if racing else _NOBODY)


_NOBODY = Standing(np.zeros(0, dtype=bool), np.zeros(0, dtype=np.int64), np.zeros(0, dtype=bool), None)


def _wanted(look: Look, rule: Rule, rows: int, garage: Garage) -> Batch:
    """What the rule wants to see next, as far as it can be had; a contender of which nothing is known runs a first batch in any case."""
    able = [k for k, lane in enumerate(look.lanes) if len(lane.records) < rows and not lane.gone]
    contenders = [k for k in able if not look.standing.beaten[k]]
    done = look.progress.done
    targets = rule.next_rows(look.progress, look.standing, _cost_per_call(look.lanes))
    first = {k: FIRST_BATCH for k in contenders if not done[k]}
    goals = {k: int(targets[k]) or first.get(k, 0) for k in able}
    asked = {k: goal for k, goal in goals.items() if goal > done[k]} or _without_the_gone(look, contenders)
    least = _worth_loading([look.lanes[k] for k in {*contenders, *asked}], [look.lanes[k] for k in asked], garage)
    return {look.lanes[k].candidate: (look.lanes[k], min(max(goal, least), rows) - int(done[k])) for k, goal in asked.items()}


def _cost_per_call(lanes: Sequence[Lane]) -> NDArray[np.float64]:
    """What a call of each lane is expected to cost; the mean of the others where it is not known yet, 1 where nothing is."""
    known = [lane.spends(lane) for lane in lanes]
    seen = [cost for cost in known if cost]
    mean = sum(seen) / len(seen) if seen else 1.0
    return np.array([cost or mean for cost in known])


def _without_the_gone(look: Look, contenders: Sequence[int]) -> dict[int, int]:
    """When the rule waits for lanes that cannot run any more, the others go on: what is left of the choice is still theirs to settle."""
    if look.standing.chosen is not None:
        return {}
    runners = [k for k in contenders if not look.standing.idle[k]]
    furthest = max((int(look.progress.done[k]) for k in runners), default=0)
    return {k: max(furthest + FIRST_BATCH, int(furthest * GROWTH)) for k in runners}


def _worth_loading(contenders: Sequence[Lane], asked: Sequence[Lane], garage: Garage) -> int:
    """How many rows the next batch should reach at least, where models take turns in memory; 0 where they need not."""
    if garage.all_fit(contenders):
        return 0
    seconds = {lane.candidate: sum(record.seconds for record in lane.paid) / len(lane.paid) for lane in asked if lane.paid}
    return max(
        (
            len(lane.records) + int(lane.load_seconds / max(lane.loads, 1) / LOADING_SHARE / max(seconds[lane.candidate], 1e-3))
            for lane in asked
            if lane.paid
        ),
        default=0,
    )


def _why_stuck(look: Look) -> str:
    if not look.lanes:
        return "no candidate could be run"
    gone = [lane.candidate for lane in look.lanes if lane.gone]
    lost = int(look.progress.lost.sum())
    if gone:
        return f"the engine of {', '.join(gone)} failed before the choice was clear"
    if not lost:
        return "all rows were run, and they do not decide"
    return f"{lost} rows were lost by failures of the machinery, and they could turn the choice"
