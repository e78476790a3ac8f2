"""`pick`: from a task file to one answer. Facts screen, estimates fit, measurements race, and what is shown decides.

Every stage hands the next one fewer candidates and knows more about them: screen (facts), fit (estimates of memory), expect (a prior
from published scores, which orders what is worth fetching), race (calls on the user's rows), decide. This file is the order of the
stages; each stage lives in its own place.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from llmpick.decide.answer import Answer, LearningPoint, Trace
from llmpick.decide.race_intervals import itself
from llmpick.evidence.device import Load
from llmpick.evidence.model import ModelFacts
from llmpick.evidence.task import Task
from llmpick.evidence.values import Interval
from llmpick.measure.baselines import learning_curve, run_baselines
from llmpick.measure.lane import Lane
from llmpick.measure.race import Look, Stop, run_race
from llmpick.stats.betting import mean_interval
from llmpick.stats.goal import Goal
from llmpick.stats.means import mean_interval_t
from llmpick.stats.plain import PlainRule
from llmpick.store.store import Store
from llmpick.workflow.accounts import left_over, total
from llmpick.workflow.assemble import assemble, assemble_plan
from llmpick.workflow.choose_unseen import choose_without_calls
from llmpick.workflow.expected_candidates import with_prior
from llmpick.workflow.findings import Findings
from llmpick.workflow.judged.bench import Bench, bench_bytes, beside, on_the_bench
from llmpick.workflow.judged.notes import OPPONENT, bench_notes, sitting
from llmpick.workflow.lanes import baseline_lane
from llmpick.workflow.ledger import RunLedger
from llmpick.workflow.next_steps import with_next_steps
from llmpick.workflow.running import Ended, Watch, capacity_bytes, in_one_run, model_lanes, refuse_if_nothing_ran
from llmpick.workflow.survey import PickOptions, survey

_LABELS_NOT_USED = "pick believes the judge alone: people's labels correct it in llmpick race"


@dataclass(slots=True)
class _Traces:
    """The running scores of all lanes, one point per lane and look at which it had moved."""

    rows: int
    confidence: float
    opponent: str | None
    """The candidate that a judge compares all with: what it scores is known beforehand."""
    points: list[Trace] = field(default_factory=list[Trace])

    def add(self, look: Look) -> None:
        seen = {(point.candidate, point.rows) for point in self.points}
        for k, lane in enumerate(look.lanes):
            done = int(look.progress.done[k])
            answered = look.progress.scores[k, :done][~look.progress.lost[k, :done]]
            if lane.ask and len(answered) and (lane.candidate, done) not in seen:
                running = mean_interval(answered, confidence=self.confidence, population=self.rows)
                self.points.append(Trace(lane.candidate, done, itself(self.confidence) if lane.candidate == self.opponent else running))


def pick(
    options: PickOptions, *, environ: Mapping[str, str], to_document: Callable[[Answer], Mapping[str, Any]], watch: Watch | None = None
) -> Answer:
    """Chooses. `to_document` turns the answer into what the store keeps of it.

    Raises `LlmpickError` for bad input and failed machinery, `KeyboardInterrupt` after Ctrl-C: what was measured is kept by then.
    """
    watch = watch or Watch()
    findings, load = survey(options, environ)
    ranked = with_prior(findings)
    if options.no_calls:
        return with_next_steps(choose_without_calls(findings, load), ranked, options)
    if options.dry_run:
        return with_next_steps(assemble_plan(ranked), ranked, options)

    def work(findings: Findings, ledger: RunLedger, run_id: str) -> tuple[Answer, Ended]:
        with on_the_bench(findings.course, ledger, findings.bench, context_tokens=load.context_tokens) as (course, bench):
            return _race(replace(findings, course=course), ledger, run_id, load, to_document, watch, bench)

    with Store.open(options.store_url) as store:
        return in_one_run(ranked, store, options, verb="pick", watch=watch, work=work)


def worth_fetching(options: PickOptions, *, environ: Mapping[str, str]) -> tuple[ModelFacts, ...]:
    """The catalog's models that are not on this machine and that nothing rules out, in the order in which the answer lists them."""
    findings, _ = survey(replace(options, models=()), environ)
    return tuple(entry.candidate.facts for entry in with_prior(findings).absent if entry.candidate.facts and not entry.excluded)


def _race(
    findings: Findings,
    ledger: RunLedger,
    run_id: str,
    load: Load,
    to_document: Callable[[Answer], Mapping[str, Any]],
    watch: Watch,
    bench: Bench | None,
) -> tuple[Answer, Ended]:
    """Races inside one run of the store. Raises `KeyboardInterrupt` after Ctrl-C, when what was measured is in the ledger."""
    task, course = findings.task, findings.course
    models = model_lanes(findings, load, ledger)
    lanes = [*(baseline_lane(result, course) for result in run_baselines(task)), *models]
    traces = _Traces(len(course.examples), task.confidence, sitting(findings, OPPONENT))

    def look(seen: Look) -> None:
        traces.add(seen)
        watch.look(seen)

    watch.start(models, len(course.examples))
    end = run_race(
        lanes,
        rows=len(course.examples),
        rule=PlainRule(Goal(task.tolerance, task.confidence)),
        budget=task.budget,
        ledger=ledger,
        capacity_bytes=capacity_bytes(task, findings.machine, taken_bytes=bench_bytes(findings.bench)),
        on_look=look,
        on_call=watch.call,
        beside=beside(bench),
        on_interrupt=watch.stopping,
    )
    if end.stop is Stop.INTERRUPTED:
        raise KeyboardInterrupt
    refuse_if_nothing_ran(models, findings)
    findings = replace(findings, learning_curve=_learning_curve(task))
    answer = assemble(findings, run=run_id, lanes=lanes, end=end, traces=tuple(traces.points), ledger=ledger)
    answer = _with_judging(answer, findings, bench, models)
    return answer, Ended(to_document(answer))


def _with_judging(answer: Answer, findings: Findings, bench: Bench | None, models: Sequence[Lane]) -> Answer:
    """The judge's calls and the opponent's count like any other."""
    if bench is None:
        return answer
    labelled = bool(findings.task.judge and findings.task.judge.labels)
    judging = bench.told(confidence=answer.confidence, candidates=len(models), opponent_races=sitting(findings, OPPONENT) is not None)
    return replace(
        answer,
        notes=(*answer.notes, *bench_notes(findings), *([_LABELS_NOT_USED] if labelled else [])),
        judging=judging,
        spent=total((answer.spent, judging.spent)),
        saved=total((answer.saved, left_over(judging.everything, judging.spent))),
    )


def _learning_curve(task: Task) -> tuple[LearningPoint, ...]:
    """How the learned baseline fares when it may train on fewer labelled rows, one point per number of rows."""
    return tuple(
        LearningPoint(rows, _in_unit(mean_interval_t(scores, confidence=task.confidence)))
        for rows, _, scores in learning_curve(task)
        if len(scores) > 1
    )


def _in_unit(interval: Interval) -> Interval:
    """Scores lie in [0, 1], whatever Student's t says."""
    return replace(interval, low=max(interval.low, 0.0), high=min(interval.high, 1.0))
