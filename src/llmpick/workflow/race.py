"""`race`: the models of a task side by side on its rows, until it is clear who wins, or as far as the budget reaches.

It goes the way of `pick` without its catalog and baselines: survey, one run in the store, lanes, race, answer. Every call is kept under
the same key as `pick`'s, so that what one of them paid for the other does not pay again.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from llmpick.decide.answer import LabelsTold
from llmpick.decide.race_answer import Place, RaceAnswer, Racer, RaceStop, RaceVerdict
from llmpick.evidence.device import Load
from llmpick.evidence.errors import InputError
from llmpick.evidence.model import Endpoint, Weights
from llmpick.measure.lane import Lane
from llmpick.measure.race import RaceEnd, Stop, run_race
from llmpick.stats.goal import Goal, Guarantee
from llmpick.stats.judged_race import HumanLabels
from llmpick.stats.rules import rule_for
from llmpick.store.store import Store
from llmpick.workflow.accounts import total
from llmpick.workflow.assemble_race import Contestant, assemble_race, blank_answer, in_their_order, kept_out
from llmpick.workflow.findings import Entry, Findings, runnable
from llmpick.workflow.judged.bench import Bench, bench_bytes, beside, on_the_bench
from llmpick.workflow.judged.human_labels import Labelled
from llmpick.workflow.judged.notes import OPPONENT, bench_notes, sitting
from llmpick.workflow.ledger import RunLedger
from llmpick.workflow.models.gather import TWICE
from llmpick.workflow.running import Ended, Watch, capacity_bytes, in_one_run, model_lanes, refuse_if_nothing_ran
from llmpick.workflow.survey import PickOptions, survey
from llmpick.workflow.yardsticks import Yardsticks


@dataclass(frozen=True, slots=True)
class RaceOptions(PickOptions):
    """What the user asked for. `max_expected_loss` is in score: 0.01 is one point."""

    guarantee: Guarantee = "anytime"
    max_expected_loss: float | None = None


def race(
    options: RaceOptions, *, environ: Mapping[str, str], to_document: Callable[[RaceAnswer], Mapping[str, Any]], watch: Watch | None = None
) -> RaceAnswer:
    """Races. `to_document` turns the answer into what the store keeps of it. After Ctrl-C the answer names who leads.

    Raises `LlmpickError` for bad input and for machinery of which nothing ran.
    """
    watch = watch or Watch()
    findings, load = survey(options, environ)
    if findings.task.judge and findings.task.judge.labels and options.guarantee != "anytime":
        remedy = "use --guarantee anytime, or remove the labels"
        raise InputError("labels correct a judge in every single race, not on average", where="[judge], key labels", remedy=remedy)
    if not runnable(findings.entries):
        return _nobody(findings, options)
    _refuse_alone(findings, options)
    _check_cost(findings, options)

    def work(findings: Findings, ledger: RunLedger, run_id: str) -> tuple[RaceAnswer, Ended]:
        with on_the_bench(findings.course, ledger, findings.bench, context_tokens=load.context_tokens) as (course, bench):
            answer = _race(replace(findings, course=course), ledger, run_id, load, options, watch, bench)
        return answer, Ended(to_document(answer), interrupted=answer.stop is RaceStop.INTERRUPTED)

    with Store.open(options.store_url) as store:
        asked = ("race", options.guarantee, options.max_expected_loss)
        return in_one_run(findings, store, options, verb="race", asked=asked, watch=watch, work=work)


def _race(
    findings: Findings, ledger: RunLedger, run_id: str, load: Load, options: RaceOptions, watch: Watch, bench: Bench | None
) -> RaceAnswer:
    task, rows = findings.task, len(findings.course.examples)
    goal = Goal(task.tolerance, task.confidence, max_expected_loss=options.max_expected_loss)
    lanes = in_their_order(model_lanes(findings, load, ledger))
    labelled = Labelled(findings, lanes, findings.bench[1]) if task.judge and task.judge.labels and findings.bench else None
    yardsticks = Yardsticks(task)
    watch.start(lanes, rows)
    end = run_race(
        lanes,
        rows=rows,
        rule=labelled.rule(goal) if labelled else rule_for(options.guarantee, goal),
        budget=task.budget,
        ledger=ledger,
        capacity_bytes=capacity_bytes(task, findings.machine, taken_bytes=bench_bytes(findings.bench)),
        on_look=watch.look,
        on_call=watch.call,
        beside=beside(bench),
        on_interrupt=watch.stopping,
    )
    if end.stop is not Stop.INTERRUPTED:
        refuse_if_nothing_ran(lanes, findings)
    answer = _answer(findings, ledger, run_id, options, goal, lanes, end, labelled.now() if labelled else None)
    leader = next((lane for lane in lanes if lane.candidate == answer.leader), None)
    told = yardsticks.beside(leader, confidence=task.confidence, wait=end.stop is not Stop.INTERRUPTED)
    return _with_judging(replace(answer, yardsticks=told), findings, bench, lanes, labelled.told(end.look.progress) if labelled else None)


def _with_judging(
    answer: RaceAnswer, findings: Findings, bench: Bench | None, lanes: Sequence[Lane], labels: LabelsTold | None
) -> RaceAnswer:
    """The judge's calls and the opponent's count like any other."""
    if bench is None:
        return answer
    judging = replace(
        bench.told(confidence=answer.confidence, candidates=len(lanes), opponent_races=sitting(findings, OPPONENT) is not None),
        labels=labels,
    )
    return replace(
        answer,
        judging=judging,
        notes=(*answer.notes, *bench_notes(findings)),
        spent=total((answer.spent, judging.spent)),
        everything=total((answer.everything, judging.everything)),
    )


def _answer(
    findings: Findings,
    ledger: RunLedger,
    run_id: str,
    options: RaceOptions,
    goal: Goal,
    lanes: Sequence[Lane],
    end: RaceEnd,
    labels: HumanLabels | None,
) -> RaceAnswer:
    entries = {entry.candidate.id: entry for entry in findings.entries}
    contestants = [
        Contestant(
            lane,
            entries[lane.candidate].candidate,
            engine=ledger.engine(lane.candidate),
            quantization=_quantization(entries[lane.candidate]),
            file_sha256=identity.sha256 if (identity := entries[lane.candidate].identity) else None,
        )
        for lane in lanes
    ]
    blank = blank_answer(**_known(findings, options, run_id), candidates=_absentees(findings))
    opponent = sitting(findings, OPPONENT)
    return assemble_race(blank, goal, contestants, end, labels=labels, clusters=findings.course.clusters, opponent=opponent)


def _nobody(findings: Findings, options: RaceOptions) -> RaceAnswer:
    """When no model can start: a limit that nothing satisfies is an answer, a file that cannot be read is its error."""
    failed = [entry.error for entry in findings.entries if entry.error]
    if failed:
        raise failed[0]
    if not findings.entries:
        raise InputError("there is no model to race", where="this machine", remedy="name at least two with --model")
    blank = blank_answer(**_known(findings, options, None), candidates=_absentees(findings))
    return replace(blank, verdict=RaceVerdict.NONE_FITS, reasons=("no model satisfies the task's limits",))


def _refuse_alone(findings: Findings, options: RaceOptions) -> None:
    if len(findings.entries) > 1:
        return
    only = "".join(entry.candidate.id for entry in findings.entries)
    twice = next((note for note in findings.notes if TWICE in note), None)
    what = f"there is nothing to compare {only} with: {twice or 'no other model is named' if options.models else 'no other is found'}"
    raise InputError(what, where="--model", remedy="name at least two with --model; llmpick pick measures a single one")


def _check_cost(findings: Findings, options: RaceOptions) -> None:
    """Asked for on the command line, money that nothing is known of is a misunderstanding."""
    if options.cost_by == "money" and not any(_has_price(entry) for entry in runnable(findings.entries)):
        remedy = "give prices in the task, [prices], or compare by seconds or memory"
        raise InputError("no model of this race has a price", where="--cost-by money", remedy=remedy)


def _cost_notes(findings: Findings) -> tuple[str, ...]:
    """Whose price is not known where money decides between equals."""
    ready = runnable(findings.entries) if findings.cost_by == "money" else []
    unpriced = [entry.candidate.id for entry in ready if not _has_price(entry)]
    if not unpriced:
        return ()
    if len(unpriced) == len(ready):
        return ("No model has a price, so that none is the cheaper of two equals",)
    return (f"No price is known of {', '.join(unpriced)}: it counts as dearer than the others",)


def _has_price(entry: Entry) -> bool:
    run = entry.candidate.run
    return isinstance(run, Endpoint) and run.input_price is not None and run.output_price is not None


def _absentees(findings: Findings) -> tuple[Racer, ...]:
    """The models that never started."""
    return tuple(_kept_out(entry) for entry in findings.entries if entry.error or entry.excluded)


def _kept_out(entry: Entry) -> Racer:
    error, quantization = entry.error, _quantization(entry)
    if error:
        return kept_out(entry.candidate, Place.FAILED, (f"{error.what} ({error.where}); {error.remedy}",), quantization=quantization)
    return kept_out(entry.candidate, Place.EXCLUDED, entry.excluded, quantization=quantization)


def _quantization(entry: Entry) -> str | None:
    return entry.candidate.run.quantization if isinstance(entry.candidate.run, Weights) else None


def _known(findings: Findings, options: RaceOptions, run_id: str | None) -> dict[str, Any]:
    task = findings.task
    return {
        "task": task.name,
        "source": "models",
        "guarantee": options.guarantee,
        "confidence": task.confidence,
        "tolerance": task.tolerance,
        "max_expected_loss": options.max_expected_loss,
        "rows": len(findings.course.examples),
        "cost_by": findings.cost_by,
        "metric": task.metric.name,
        "seed": task.seed,
        "run": run_id,
        "device": findings.device.name,
        "as_of": findings.as_of,
        "notes": (*findings.notes, *_cost_notes(findings)),
    }
