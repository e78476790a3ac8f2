"""`pick`: from a task file to one answer. Facts screen, estimates fit, measurements race, and what is shown decides.

Every stage hands the next one fewer candidates and knows more about them: screen (facts), fit (estimates of memory), expect (a prior,
which does not rank yet), race (calls on the user's rows), decide. This file is the order of the stages; each stage lives in its own place.
"""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from llmpick.decide.answer import Answer, LearningPoint, Trace
from llmpick.decide.screen import context_of
from llmpick.evidence.call import CallRecord
from llmpick.evidence.device import Device, Load
from llmpick.evidence.errors import LlmpickError, ModelFileError
from llmpick.evidence.model import Candidate, Endpoint, ModelFacts, Weights
from llmpick.evidence.task import Task
from llmpick.evidence.values import Interval
from llmpick.measure.backend import Backend
from llmpick.measure.baselines import learning_curve, run_baselines
from llmpick.measure.engines import open_backend
from llmpick.measure.race import InterruptedRaceError, Lane, Look, run_race
from llmpick.sources.filehash import sha256_of
from llmpick.sources.hub import published_sha256
from llmpick.stats.betting import mean_interval
from llmpick.stats.means import mean_interval_t
from llmpick.store.store import Store
from llmpick.workflow.assemble import assemble, assemble_plan
from llmpick.workflow.findings import Entry, Findings, runnable
from llmpick.workflow.lanes import baseline_lane, identify, model_lane
from llmpick.workflow.ledger import RunLedger
from llmpick.workflow.survey import PickOptions, survey


@dataclass(slots=True)
class Watch:
    """What is told while it runs. All default to silence."""

    note: Callable[[str], None] = lambda _: None
    start: Callable[[Sequence[Lane], int], None] = lambda _, __: None
    call: Callable[[Lane, CallRecord], None] = lambda _, __: None
    look: Callable[[Look], None] = lambda _: None


@dataclass(slots=True)
class _Traces:
    """The running scores of all lanes, one point per lane and look at which it had moved."""

    rows: int
    confidence: float
    points: list[Trace] = field(default_factory=list[Trace])

    def add(self, look: Look) -> None:
        seen = {(point.candidate, point.rows) for point in self.points}
        for k, lane in enumerate(look.lanes):
            done = int(look.progress.done[k])
            answered = look.progress.scores[k, :done][~look.progress.lost[k, :done]]
            if lane.ask and len(answered) and (lane.candidate, done) not in seen:
                self.points.append(Trace(lane.candidate, done, mean_interval(answered, confidence=self.confidence, population=self.rows)))


def pick(
    options: PickOptions, *, environ: Mapping[str, str], to_document: Callable[[Answer], Mapping[str, Any]], watch: Watch | None = None
) -> Answer:
    """Chooses. `to_document` turns the answer into what the store keeps of it.

    Raises `LlmpickError` for bad input and failed machinery, `KeyboardInterrupt` after Ctrl-C: what was measured is kept by then.
    """
    watch = watch or Watch()
    findings, load = survey(options, environ)
    if options.dry_run:
        return assemble_plan(findings)
    with Store.open(options.store_url) as store:
        return _run(findings, store, options, load, to_document, watch)


def worth_fetching(options: PickOptions, *, environ: Mapping[str, str]) -> tuple[ModelFacts, ...]:
    """The catalog's models that are not on this machine and that nothing rules out, in the order in which the answer lists them."""
    findings, _ = survey(replace(options, models=()), environ)
    return tuple(entry.candidate.facts for entry in findings.absent if entry.candidate.facts and not entry.excluded)


def _run(
    findings: Findings,
    store: Store,
    options: PickOptions,
    load: Load,
    to_document: Callable[[Answer], Mapping[str, Any]],
    watch: Watch,
) -> Answer:
    """Races inside one run of the store, and keeps how it ended."""
    findings = replace(findings, entries=tuple(_identified(entry, store, watch) for entry in findings.entries))
    run = store.begin(
        fingerprint=_fingerprint(findings),
        verb="pick",
        title=findings.task.name,
        seed=findings.task.seed,
        inputs={"task": str(options.task_file), "models": [entry.candidate.id for entry in findings.entries]},
        now=datetime.now(UTC),
    )
    if run.resumed:
        watch.note(f"going on with the unfinished run {run.id}")
    try:
        answer = _race(findings, RunLedger(store, run.id, _identities(findings)), run.id, load, watch)
    except (InterruptedRaceError, KeyboardInterrupt) as interrupt:
        store.finish(run.id, status="interrupted", answer=None, now=datetime.now(UTC))
        raise KeyboardInterrupt from interrupt
    except LlmpickError:
        store.finish(run.id, status="failed", answer=None, now=datetime.now(UTC))
        raise
    store.finish(run.id, status="finished", answer=to_document(answer), now=datetime.now(UTC))
    return answer


def _race(findings: Findings, ledger: RunLedger, run_id: str, load: Load, watch: Watch) -> Answer:
    task, course = findings.task, findings.course
    models = [_lane(entry, findings, load, ledger) for entry in runnable(findings.entries)]
    lanes = [*(baseline_lane(result, course) for result in run_baselines(task)), *models]
    traces = _Traces(len(course.examples), task.confidence)

    def look(seen: Look) -> None:
        traces.add(seen)
        watch.look(seen)

    watch.start(models, len(course.examples))
    end = run_race(
        lanes,
        rows=len(course.examples),
        tolerance=task.tolerance,
        confidence=task.confidence,
        budget=task.budget,
        ledger=ledger,
        capacity_bytes=_capacity(task, findings.machine),
        on_look=look,
        on_call=watch.call,
    )
    _refuse_if_nothing_ran(models, findings)
    findings = replace(findings, learning_curve=_learning_curve(task))
    return assemble(findings, run=run_id, lanes=lanes, end=end, traces=tuple(traces.points), ledger=ledger)


def _identified(entry: Entry, store: Store, watch: Watch) -> Entry:
    """Names the entry's model by the content of its files. A file that cannot be read fails this candidate only."""
    if not runnable([entry]):
        return entry

    def file_hash(path: Path) -> str:
        status = path.stat()
        kept = store.file_hash(path, status.st_size, status.st_mtime_ns)
        if kept is None:
            watch.note(f"computing the SHA-256 of {path.name}")
            kept = sha256_of(path)
            store.remember_file_hash(path, status.st_size, status.st_mtime_ns, kept)
        published = published_sha256(path)
        if published not in (None, kept):
            remedy = "the file is damaged: delete it and download it again"
            raise ModelFileError(f"its SHA-256 is {kept}, the hub published {published}", where=str(path), remedy=remedy)
        return kept

    try:
        return replace(entry, identity=identify(entry.candidate, file_hash=file_hash))
    except LlmpickError as error:
        return replace(entry, error=error)


def _lane(entry: Entry, findings: Findings, load: Load, ledger: RunLedger) -> Lane:
    assert entry.identity is not None, "a model is identified before it runs"
    limits = findings.task.limits
    kept = ledger.last_load(entry.candidate.id)
    context = min(load.context_tokens, context_of(entry.candidate) or load.context_tokens)

    def opened(candidate: Candidate) -> Backend:
        assert isinstance(candidate.run, Weights | Endpoint)
        return open_backend(candidate.run, context_tokens=context, memory_limit_bytes=limits.memory_bytes)

    return model_lane(
        entry.candidate,
        findings.course,
        identity=entry.identity,
        open_backend=opened,
        cost_by=findings.cost_by,
        memory=entry.memory,
        measured_here=limits.device == "this machine" and limits.users == 1,
        resident_bytes=kept.resident_bytes if kept else None,
    )


def _capacity(task: Task, machine: Device) -> int:
    """Bytes that loaded models may fill together on this machine."""
    free = machine.memory_free_bytes
    return min(free, task.limits.memory_bytes) if task.limits.memory_bytes else free


def _refuse_if_nothing_ran(models: Sequence[Lane], findings: Findings) -> None:
    """When every model failed before its first row there is nothing to compare: the first failure is the answer."""
    if models and len(models) == len(findings.entries) and all(lane.gone and not lane.records for lane in models):
        error = models[0].gone
        assert error is not None
        raise error


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


def _identities(findings: Findings) -> dict[str, str]:
    return {entry.candidate.id: entry.identity.text for entry in findings.entries if entry.identity}


def _fingerprint(findings: Findings) -> str:
    """What makes two runs the same work: task content, settings, candidates with their file hashes, and the day of the facts."""
    task = findings.task
    asked = [
        task.content_hash,
        task.seed,
        task.confidence,
        task.tolerance,
        findings.cost_by,
        [task.budget.calls, task.budget.tokens, task.budget.minutes, task.budget.money],
        str(findings.as_of),
        sorted(_identities(findings).items()),
    ]
    return hashlib.sha256(json.dumps(asked).encode()).hexdigest()
