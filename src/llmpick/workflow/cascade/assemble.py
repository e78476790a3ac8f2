"""Puts the end of a cascade together into the one record that reports show."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from llmpick.decide.answer import Spending
from llmpick.decide.cascade_answer import CascadeAnswer, CascadeStop, Comparison, Measured, StageTold, Unit
from llmpick.decide.cascading import TOO_FEW, Evidence, Standing, explained, known, standing, variances
from llmpick.decide.race_answer import Place, RaceVerdict
from llmpick.evidence.model import Candidate
from llmpick.evidence.values import Unknown
from llmpick.workflow.accounts import paid_for, total
from llmpick.workflow.cascade.budget import told as told_amount
from llmpick.workflow.cascade.stages import Cascade, Prices, Rung, prices
from llmpick.workflow.findings import Entry, Findings, runnable
from llmpick.workflow.ledger import RunLedger

NOT_RUN = Unknown("not run")
IMPAIRED = "{} rows were lost by failures of the machinery; the intervals take them to be like the others"
BROKEN_OFF = (
    "It was broken off: the intervals hold if that was not because of what had been seen. The same command goes on with the plan as it was."
)

CUT_SHORT = "The budget ended before the plan did, since calls took more than in the pilot: the truth has fewer rows than were planned."
IN_PILOT = "The budget ended in the pilot of {} rows, so that nothing could be shared out."
TOO_DEAR = "The budget does not reach through the pilot of {} rows, which would take about {} by its first rows: nothing more was spent."


def spent_on(ladder: Sequence[Rung], candidates: Sequence[Candidate]) -> Spending:
    """What this run paid for these stages, judges and opponents included."""
    lanes = [paid_for(lane, candidate) for rung in ladder for lane, candidate in zip(rung.lanes, candidates, strict=True)]
    return total([*lanes, *(rung.bench.paid for rung in ladder if rung.bench)])


@dataclass(frozen=True, slots=True)
class _Told:
    """What the answer rests on: the stages `used`, their rows, and what they show; nothing where too few rows were run."""

    used: tuple[int, ...]
    sizes: tuple[int, ...]
    evidence: Evidence | None
    prices: Prices | None


def assemble_cascade(
    course: Cascade, findings: Findings, ledger: RunLedger, unit: Unit, amount: float, pilot: int, run_id: str
) -> CascadeAnswer:
    """The answer, from whatever has been run."""
    told, task = _told(course, findings, unit), findings.task
    entries = runnable(findings.entries)
    found = standing(told.evidence, confidence=task.confidence, tolerance=task.tolerance) if told.evidence else None
    alone = _comparison(course, told)
    everyone = [*_measured(course, found, entries, ledger, alone), *_absent(findings)]
    leader = entries[course.running[found.leader]].candidate.id if found else None
    verdict = found.verdict if found else RaceVerdict.UNDECIDED
    won = verdict is RaceVerdict.WON
    stop = course.stop if course.running else CascadeStop.FAILED
    lost = told.evidence.lost if told.evidence else 0
    notes = [*([IMPAIRED.format(lost)] if lost else []), *_ended(course, stop, unit, pilot)]
    return CascadeAnswer(
        **_asked(findings, unit, amount),
        verdict=verdict,
        stop=stop,
        reasons=() if won else _why(stop, found, leader, course.pilot_takes),
        chosen=leader if won else None,
        leader=leader,
        candidates=tuple(everyone),
        stages=tuple(_stage(course, j, told, [entry.candidate for entry in entries]) for j in range(len(course.ladder))),
        comparison=alone[0] if alone else TOO_FEW,
        spent=spent_on(course.ladder, [entry.candidate for entry in entries]),
        pilot=pilot,
        rows_lost=lost,
        run=run_id,
        notes=(*findings.notes, *notes),
    )


def nobody(findings: Findings, unit: Unit, amount: float) -> CascadeAnswer:
    """The answer when no model satisfies the task's limits."""
    return CascadeAnswer(
        **_asked(findings, unit, amount),
        verdict=RaceVerdict.NONE_FITS,
        stop=CascadeStop.NOT_RUN,
        reasons=("no model satisfies the task's limits",),
        chosen=None,
        leader=None,
        candidates=_absent(findings),
        stages=(),
        comparison=NOT_RUN,
        spent=Spending(),
        pilot=0,
        rows_lost=0,
        run=None,
    )


def _asked(findings: Findings, unit: Unit, amount: float) -> dict[str, Any]:
    task = findings.task
    return {
        "task": task.name,
        "unit": unit,
        "budget": amount,
        "rows": len(findings.course.examples),
        "confidence": task.confidence,
        "tolerance": task.tolerance,
        "metric": task.metric.name,
        "seed": task.seed,
        "device": findings.device.name,
    }


def _told(course: Cascade, findings: Findings, unit: Unit) -> _Told:
    """Stages whose rows fall from one to the next: one that broke off below the next is left out, since the truth is not cut for it."""
    sizes, least = [0] * len(course.ladder), 0
    for j in reversed(range(len(course.ladder))):
        run = course.rows_run(j)
        if j in course.left_out:
            continue
        if run < max(least, 1):
            course.left_out.setdefault(j, "it broke off before the stages after it")
            continue
        sizes[j] = least = run
    used = tuple(j for j, size in enumerate(sizes) if size)
    last = len(course.ladder) - 1
    costs = prices(course.ladder, course.running, unit) if course.rows_run(last) else None
    if last not in used or not course.running:
        return _Told((), tuple(sizes), None, costs)
    seen = [course.ladder[j].evidence(course.running, sizes[j]) for j in used]
    evidence = known([values for values, _ in seen], [lost for _, lost in seen], len(findings.course.examples))
    return _Told(used, tuple(sizes), evidence if evidence.enough else None, costs)


def _comparison(course: Cascade, told: _Told) -> tuple[Comparison, np.ndarray] | None:
    """The cascade against the truth alone, and the same for each candidate. Both pay for what was bought, the pilot included."""
    if told.evidence is None or told.prices is None:
        return None
    bought = told.prices.of([course.rows_run(j) for j in range(len(course.ladder))])
    rows = min(int(bought / told.prices.alone), told.evidence.rows)
    ours, alone = variances(told.evidence, max(rows, 1))
    if ours.sum() <= 0:
        return None
    spread = float(told.evidence.values[-1].var(axis=1, ddof=1).mean())
    as_wide = 1 / (float(ours.mean()) / spread + 1 / told.evidence.rows)
    each = np.divide(alone, ours, out=np.zeros_like(alone), where=ours > 0)
    return Comparison(rows, float(alone.sum() / ours.sum()), as_wide * told.prices.alone / bought), each


def _measured(
    course: Cascade,
    found: Standing | None,
    entries: Sequence[Entry],
    ledger: RunLedger,
    alone: tuple[Comparison, np.ndarray] | None,
) -> list[Measured]:
    """The candidates that were run, the leader first, then by score."""
    seen: list[Measured] = []
    order = sorted(range(len(course.running)), key=lambda i: -found.scores_on_rows[i].value) if found else range(len(course.running))
    for i in order:
        candidate = entries[course.running[i]].candidate
        seen.append(
            Measured(
                candidate=candidate.id,
                place=found.places[i] if found else Place.OPEN,
                reasons=(),
                score_on_rows=found.scores_on_rows[i] if found else TOO_FEW,
                score=found.scores[i] if found else TOO_FEW,
                difference_on_rows=found.differences_on_rows[i] if found else TOO_FEW,
                difference=found.differences[i] if found else TOO_FEW,
                worth=float(alone[1][i]) if alone and alone[1][i] > 0 else Unknown("its truth is the same on all rows seen"),
                engine=ledger.engine(candidate.id),
            )
        )
    for k, entry in enumerate(entries):
        if k not in course.running:
            lane = course.ladder[-1].lanes[k]
            reasons = (f"{lane.gone.what} ({lane.gone.where}); {lane.gone.remedy}",) if lane.gone else lane.broken
            seen.append(_out(entry, Place.FAILED if lane.gone else Place.EXCLUDED, reasons))
    return seen


def _absent(findings: Findings) -> tuple[Measured, ...]:
    """The models that never started."""
    kept_out = [entry for entry in findings.entries if entry.error or entry.excluded]
    return tuple(
        _out(entry, Place.FAILED, (f"{entry.error.what} ({entry.error.where}); {entry.error.remedy}",))
        if entry.error
        else _out(entry, Place.EXCLUDED, entry.excluded)
        for entry in kept_out
    )


def _out(entry: Entry, place: Place, reasons: tuple[str, ...]) -> Measured:
    return Measured(entry.candidate.id, place, reasons, NOT_RUN, NOT_RUN, NOT_RUN, NOT_RUN, NOT_RUN)


def _stage(course: Cascade, j: int, told: _Told, candidates: Sequence[Candidate]) -> StageTold:
    last = len(course.ladder) - 1
    run, truth = course.rows_run(j), course.rows_run(last)
    both = min(run, truth)
    share: float | Unknown = 1.0 if j == last else TOO_FEW
    if j != last and both >= 4:
        seen = [course.ladder[stage].evidence(course.running, both) for stage in (j, last)]
        pair = known([values for values, _ in seen], [lost for _, lost in seen], both)
        share = explained(*pair.values)
    used = [stage in told.used for stage in range(last + 1)]
    return StageTold(
        name=course.ladder[j].name,
        rows=told.sizes[j],
        rows_bought=run,
        cost_per_row=told.prices.beyond(j, used) if told.prices and run else NOT_RUN,
        explains=share,
        spent=spent_on([course.ladder[j]], candidates),
        left_out=course.left_out.get(j),
    )


def _ended(course: Cascade, stop: CascadeStop, unit: Unit, pilot: int) -> list[str]:
    """What an end before the plan's means for the answer."""
    if stop is CascadeStop.INTERRUPTED:
        return [BROKEN_OFF]
    if stop is not CascadeStop.BUDGET:
        return []
    if course.pilot_takes is not None:
        return [TOO_DEAR.format(pilot, told_amount(course.pilot_takes, unit))]
    return [CUT_SHORT if course.rows_run(len(course.ladder) - 1) >= pilot else IN_PILOT.format(pilot)]


def _why(stop: CascadeStop, found: Standing | None, leader: str | None, pilot_takes: float | None) -> tuple[str, ...]:
    if found is None:
        ended = {CascadeStop.BUDGET: "the budget is spent", CascadeStop.INTERRUPTED: "it was interrupted"}.get(stop, "the engines failed")
        return (f"{ended} before enough rows had all stages",)
    if found.verdict is RaceVerdict.ALONE:
        return (f"only {leader} took part: it was compared with nothing",)
    if pilot_takes is not None:
        return ("the budget does not reach through the pilot",)
    return ("the evidence that was bought does not show that no other is better by more than the tolerance",)
