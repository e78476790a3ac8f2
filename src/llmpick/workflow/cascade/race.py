"""`race --cascade`: each candidate's mean with one valid interval at the end, from cheaper evidence on many rows and the truth on few.

A pilot runs the first rows of the one random order through all stages. What it shows of costs and covariances decides how many rows
each stage gets for the budget (`stats/allocation.py`), the same for all candidates, so that their differences are paired; the pilot's rows
are part of the answer. Calls go through the lanes and the store of a race: nothing is paid for twice, and a broken run goes on.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from llmpick.decide.answer import Spending
from llmpick.decide.cascade_answer import CascadeAnswer, CascadeStop, Unit
from llmpick.decide.cascading import covariances, known
from llmpick.evidence.call import Outcome, Thinking
from llmpick.evidence.device import Load
from llmpick.evidence.errors import EngineError, LlmpickError
from llmpick.evidence.task import Budget
from llmpick.measure.budget import NOTHING, within_budget
from llmpick.measure.calls import run_batch
from llmpick.measure.garage import Garage
from llmpick.measure.lane import Lane
from llmpick.sources.names_settings import split_settings
from llmpick.stats.allocation import allocate, least_explained
from llmpick.store.store import Store
from llmpick.workflow.cascade.assemble import assemble_cascade, nobody, spent_on
from llmpick.workflow.cascade.budget import PILOT, calls_ahead, checked_budget, priced_out, refuse_too_little
from llmpick.workflow.cascade.stages import Cascade, Rung, prices, rungs
from llmpick.workflow.findings import Entry, Findings, runnable
from llmpick.workflow.judged.bench import bench_bytes, bench_models
from llmpick.workflow.lanes import identify
from llmpick.workflow.ledger import RunLedger
from llmpick.workflow.models.content import file_hasher
from llmpick.workflow.models.gather import gather
from llmpick.workflow.running import Ended, Watch, capacity_bytes, in_one_run, refuse_if_nothing_ran
from llmpick.workflow.survey import PickOptions, bench_entry, survey

PROBE = 5
"""Rows after which a stage that costs nearly as much as the truth is given up: costs differ little from row to row."""
SMALLEST_BATCH = 32


def cascade(
    options: PickOptions,
    *,
    environ: Mapping[str, str],
    to_document: Callable[[CascadeAnswer], Mapping[str, Any]],
    watch: Watch | None = None,
) -> CascadeAnswer:
    """Measures every model of the task. `to_document` turns the answer into what the store keeps of it. After Ctrl-C the answer is from
    what there is.

    Raises `LlmpickError` for a task without stages, without a budget in exactly one unit, or with too few rows, and for machinery of
    which nothing ran.
    """
    watch = watch or Watch()
    findings, load = survey(options, environ)
    unit, amount = checked_budget(findings.task, str(options.task_file))
    if not runnable(findings.entries):
        if failed := [entry.error for entry in findings.entries if entry.error]:
            raise failed[0]
        return nobody(findings, unit, amount)
    hopeless = _hopeless(findings, unit, watch)
    refuse_too_little(findings, unit, amount, hopeless)

    with Store.open(options.store_url) as store:
        judges, quiet = _judges(findings, load, environ, store, watch), _quiet(findings, environ)

        def work(findings: Findings, ledger: RunLedger, run_id: str) -> tuple[CascadeAnswer, Ended]:
            pairs = [findings.bench and judge and (judge, findings.bench[1]) for judge in judges]
            with rungs(findings, pairs, ledger, load, quiet) as ladder:
                course = Cascade(ladder, list(range(len(ladder[-1].lanes))), [PILOT] * len(ladder), dict(hopeless))
                _run(course, findings, ledger, unit, amount, watch, sum(bench_bytes(pair) for pair in (*pairs, findings.bench)))
                answer = assemble_cascade(course, findings, ledger, unit, amount, PILOT, run_id)
            return answer, Ended(to_document(answer), interrupted=answer.stop is CascadeStop.INTERRUPTED)

        names = [judge and judge.identity and judge.identity.text for judge in judges]
        asked = ("cascade", repr(findings.task.stages), names)
        return in_one_run(findings, store, options, verb="race", asked=asked, watch=watch, work=work)


def _judges(findings: Findings, load: Load, environ: Mapping[str, str], store: Store, watch: Watch) -> list[Entry | None]:
    """For each stage its judge, identified; None for a stage without one."""
    found: list[Entry | None] = []
    for stage in findings.task.stages:
        if stage.model is None or findings.task.judge is None:
            found.append(None)
            continue
        model, _ = bench_models(replace(findings.task.judge, model=stage.model), environ)
        entry = bench_entry(model, findings.task, findings.machine, load)
        found.append(replace(entry, identity=identify(model, file_hash=file_hasher(store, watch.note))))
    return found


def _quiet(findings: Findings, environ: Mapping[str, str]) -> dict[str, Thinking | None]:
    """How each candidate is told not to think, where a stage wants it. Raises `InputError` for a model that cannot be told."""
    if not any(stage.thinking for stage in findings.task.stages):
        return {}
    names = [entry.candidate.id for entry in runnable(findings.entries)]
    return {
        name: gather((f"{split_settings(name)[0]}?thinking=off",), as_of=None, environ=environ).candidates[0].thinking for name in names
    }


def _hopeless(findings: Findings, unit: Unit, watch: Watch) -> dict[int, str]:
    """Stages that are left out before the first call, and why: only of calls is it known what a row takes."""
    if unit != "calls":
        return {}
    stages = range(len(findings.task.stages) + 1)
    reasons = priced_out(calls_ahead(findings.task, len(runnable(findings.entries)), stages), unit)
    for j, why in reasons.items():
        watch.note(f"the stage by {findings.task.stages[j].by} is left out: {why}")
    return reasons


def _run(course: Cascade, findings: Findings, ledger: RunLedger, unit: Unit, amount: float, watch: Watch, taken_bytes: int) -> None:
    """Runs the pilot, has the rest of the budget shared out, and buys it; `course` then tells how far it came."""
    rows, ladder = len(findings.course.examples), course.ladder
    watch.start([lane for rung in ladder for lane in rung.lanes], rows)
    garage = Garage(capacity_bytes(findings.task, findings.machine, taken_bytes=taken_bytes), ledger)

    def advance(sizes: Sequence[int]) -> bool:
        reached = all(
            _advance(course, stage, size, findings, garage, ledger, watch)
            for stage, size in enumerate(sizes)
            if stage not in course.left_out
        )
        _settle(course, findings)
        return reached

    try:
        reached = advance([PROBE] * len(ladder))
        if reached and course.running:
            reached = _priced(course, unit, amount) and advance([PILOT] * len(ladder))
        if reached and course.running and course.rows_run(len(ladder) - 1) >= PILOT:
            _plan(course, rows, unit, amount, watch)
            reached = advance(course.sizes)
        if not reached:
            course.stop = CascadeStop.BUDGET
    except KeyboardInterrupt:
        course.stop = CascadeStop.INTERRUPTED
        course.running = [k for k, lane in enumerate(ladder[-1].lanes) if _can_be_had(lane)]
    finally:
        garage.close()


def _can_be_had(truth: Lane) -> bool:
    return truth.gone is None and truth.racing


def _settle(course: Cascade, findings: Findings) -> None:
    """Who is still in it, and which stages; raises the error when every model failed before its first row."""
    truth = course.ladder[-1].lanes
    refuse_if_nothing_ran(truth, findings)
    course.running = [k for k in course.running if _can_be_had(truth[k])]
    for j, rung in enumerate(course.ladder[:-1]):
        gone = [rung.lanes[k].gone for k in course.running if rung.lanes[k].gone]
        if gone and j not in course.left_out and course.rows_run(j) < course.rows_run(len(course.ladder) - 1):
            course.left_out[j] = f"it cannot be had: {_told(gone[0])}"


def _priced(course: Cascade, unit: Unit, amount: float) -> bool:
    """Leaves out stages by what the first rows cost, whatever they may tell. False where the budget does not reach through the pilot."""
    usable = course.usable
    if any(not course.rows_run(j) for j in usable):
        return True
    found = prices([course.ladder[j] for j in usable], course.running, unit)
    course.left_out |= {usable[i]: why for i, why in priced_out(found, unit).items()}
    needed = found.of([PROBE if j in course.left_out else PILOT for j in usable]) + course.loading(unit)
    course.pilot_takes = needed if needed > amount else None
    return course.pilot_takes is None


def _told(error: LlmpickError | None) -> str:
    return f"{error.what} ({error.where})" if error else ""


def _advance(course: Cascade, stage: int, target: int, findings: Findings, garage: Garage, ledger: RunLedger, watch: Watch) -> bool:
    """Brings all lanes of a stage to `target` rows; False when the budget does not reach."""
    rung = course.ladder[stage]
    others = [one for one in course.ladder if one is not rung]
    candidates = [entry.candidate for entry in runnable(findings.entries)]
    while True:
        lanes = [rung.lanes[k] for k in course.running]
        behind = [(lane, target - len(lane.records)) for lane in lanes if lane.gone is None and len(lane.records) < target]
        if not behind:
            return True
        wanted = {lane.candidate: (lane, min(left, max(SMALLEST_BATCH, (left + 1) // 2))) for lane, left in behind}
        left = _less(findings.task.budget, spent_on(others, candidates))
        beside = rung.bench.beside() if rung.bench else NOTHING
        batch = within_budget(wanted, rung.lanes, left, beside) if left else {}
        if not batch:
            return False
        run_batch(batch, garage, ledger, watch.call, watch.stopping)
        _count_once(rung, others)


def _count_once(rung: Rung, others: Sequence[Rung]) -> None:
    """What stages share was paid for once. In a run that goes on after it was broken off each of them finds it as paid for by this run."""
    counted = {call.key for other in others for calls in other.paid() for call in calls if call.outcome is not Outcome.FAILED}
    for calls in rung.paid():
        calls[:] = [call for call in calls if call.key not in counted]


def _less(budget: Budget, spent: Spending) -> Budget | None:
    """What is left of the budget; None where nothing is."""
    left = {
        "calls": None if budget.calls is None else budget.calls - spent.calls,
        "tokens": None if budget.tokens is None else budget.tokens - spent.tokens,
        "minutes": None if budget.minutes is None else budget.minutes - spent.seconds / 60,
        "money": None if budget.money is None else budget.money - (spent.money or 0.0),
    }
    return None if any(amount is not None and amount <= 0 for amount in left.values()) else Budget(**left)  # pyright: ignore


def _plan(course: Cascade, rows: int, unit: Unit, amount: float, watch: Watch) -> None:
    """How many rows each stage gets for the rest of the budget: from the pilot's covariances and costs, and from nothing else."""
    ladder, truth = course.ladder, len(course.ladder) - 1
    usable = course.usable
    seen = [ladder[j].evidence(course.running, PILOT) for j in usable]
    pilot = known([values for values, _ in seen], [lost for _, lost in seen], rows)
    found = prices([ladder[j] for j in usable], course.running, unit)
    if pilot.values[-1].shape[1] < len(usable) + 2:
        lost = f"{pilot.lost} of the first {PILOT} rows were lost by the machinery"
        raise EngineError(lost, where="the pilot", remedy="see llmpick show for the errors, and mend the engine")
    bought = prices(ladder, course.running, unit).of([course.rows_run(j) for j in range(len(ladder))])
    plan = allocate(
        covariances(pilot),
        np.maximum(found.each, 1e-9 * found.alone),
        budget=amount - course.loading(unit) - bought,
        rows=rows,
        observed=pilot.values[-1].shape[1],
        parts=found.parts,
        have=PILOT,
    )
    sizes = dict(zip(usable, plan.rows, strict=True))
    course.sizes = [sizes.get(j, 0) for j in range(len(ladder))]
    for j in usable[:-1]:
        if not sizes[j]:
            least = least_explained(found.beyond(usable.index(j), [True] * usable.index(j)), found.alone)
            course.left_out[j] = f"it does not pay at its cost (to pay at all it would have to foretell {100 * least:.0f}%)"
    if course.sizes[truth] == rows:
        course.stop = CascadeStop.ALL_ROWS
    told = ", ".join(f"{rung.name} on {size:,} rows" for rung, size in zip(ladder, course.sizes, strict=True) if size)
    watch.note(f"after {PILOT} rows{' on all stages' if len(usable) > 1 else ''} the budget is shared out: {told}")
