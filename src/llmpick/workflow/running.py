"""What every verb that races models does the same way: name them by content, work inside one run of the store, open their lanes."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, TypeVar

from llmpick.decide.screen import context_of
from llmpick.evidence.call import CallRecord
from llmpick.evidence.device import Device, Load
from llmpick.evidence.errors import LlmpickError
from llmpick.evidence.model import Candidate, Endpoint, Weights
from llmpick.evidence.task import Task
from llmpick.measure.backend import Backend
from llmpick.measure.engines import open_backend
from llmpick.measure.lane import Lane
from llmpick.measure.race import Look
from llmpick.store.store import Store
from llmpick.workflow.findings import Entry, Findings, runnable
from llmpick.workflow.judged.bench import bench_names
from llmpick.workflow.lanes import identify, model_lane
from llmpick.workflow.ledger import RunLedger
from llmpick.workflow.models.content import file_hasher
from llmpick.workflow.row_facts import rows_to_keep
from llmpick.workflow.survey import PickOptions

T = TypeVar("T")


@dataclass(slots=True)
class Watch:
    """What is told while it runs. All default to silence."""

    note: Callable[[str], None] = lambda _: None
    start: Callable[[Sequence[Lane], int], None] = lambda _, __: None
    call: Callable[[Lane, CallRecord], None] = lambda _, __: None
    look: Callable[[Look], None] = lambda _: None

    def stopping(self) -> None:
        """Answers the first Ctrl-C at once."""
        self.note("stopping after the calls under way; Ctrl-C again stops now")


@dataclass(frozen=True, slots=True)
class Ended:
    """What came of the work on a run: `document` is what the store keeps of it, None for nothing."""

    document: Mapping[str, Any] | None
    interrupted: bool = False


def in_one_run(
    findings: Findings,
    store: Store,
    options: PickOptions,
    *,
    verb: str,
    asked: Sequence[Any] = (),
    watch: Watch,
    work: Callable[[Findings, RunLedger, str], tuple[T, Ended]],
) -> T:
    """Does the work inside one run of the store, an unfinished one of the same work if there is one, and keeps how it ended.

    `asked` is what the verb was asked beyond the survey: two runs with different wishes are different work.
    """
    findings = replace(
        findings,
        entries=tuple(_identified(entry, store, watch) for entry in findings.entries),
        bench=_bench_identified(findings.bench, store, watch),
    )
    identities = {entry.candidate.id: entry.identity.text for entry in findings.entries if entry.identity}
    identities |= bench_names(findings.bench) if findings.bench else {}
    run = store.begin(
        fingerprint=_fingerprint(findings, identities, asked),
        verb=verb,
        title=findings.task.name,
        seed=findings.task.seed,
        inputs={
            "task": str(options.task_file),
            "models": [entry.candidate.id for entry in findings.entries],
            "content": findings.task.content_hash,
            "rows": rows_to_keep(findings.task),
        },
        now=datetime.now(UTC),
    )
    if run.resumed:
        watch.note(f"going on with the unfinished run {run.id}")
    try:
        answer, ended = work(findings, RunLedger(store, run.id, identities), run.id)
    except KeyboardInterrupt:
        store.finish(run.id, status="interrupted", answer=None, now=datetime.now(UTC))
        raise
    except LlmpickError:
        store.finish(run.id, status="failed", answer=None, now=datetime.now(UTC))
        raise
    store.finish(run.id, status="interrupted" if ended.interrupted else "finished", answer=ended.document, now=datetime.now(UTC))
    return answer


def model_lanes(findings: Findings, load: Load, ledger: RunLedger) -> list[Lane]:
    """A lane for every model that nothing keeps from running."""
    return [_lane(entry, findings, load, ledger) for entry in runnable(findings.entries)]


def capacity_bytes(task: Task, machine: Device, *, taken_bytes: int = 0) -> int:
    """Bytes that loaded candidates may fill together on this machine, beside what others will have taken."""
    free = max(machine.memory_free_bytes - taken_bytes, 0)
    return min(free, task.limits.memory_bytes) if task.limits.memory_bytes else free


def refuse_if_nothing_ran(models: Sequence[Lane], findings: Findings) -> None:
    """When every model failed before its first row there is nothing to compare: the first failure is the answer."""
    if models and len(models) == len(findings.entries) and all(lane.gone and not lane.records for lane in models):
        error = models[0].gone
        assert error is not None
        raise error


def _identified(entry: Entry, store: Store, watch: Watch) -> Entry:
    """Names the entry's model by the content of its files. A file that cannot be read fails this candidate only."""
    if not runnable([entry]):
        return entry

    try:
        return replace(entry, identity=identify(entry.candidate, file_hash=file_hasher(store, watch.note)))
    except LlmpickError as error:
        return replace(entry, error=error)


def _bench_identified(bench: tuple[Entry, Entry] | None, store: Store, watch: Watch) -> tuple[Entry, Entry] | None:
    """Names judge and opponent by content. Without them there is no race, so that a file that cannot be read is an error."""
    if bench is None:
        return None
    judge, opponent = (_identified(entry, store, watch) for entry in bench)
    if error := judge.error or opponent.error:
        raise error
    return judge, opponent


def _lane(entry: Entry, findings: Findings, load: Load, ledger: RunLedger) -> Lane:
    assert entry.identity is not None, "a model is identified before it runs"
    limits = findings.task.limits
    context = min(load.context_tokens, context_of(entry.candidate) or load.context_tokens)

    def opened(candidate: Candidate) -> Backend:
        assert isinstance(candidate.run, Weights | Endpoint)
        return open_backend(
            candidate.run, context_tokens=context, memory_limit_bytes=limits.memory_bytes, call_timeout_s=findings.call_timeout_s
        )

    return model_lane(
        entry.candidate,
        findings.course,
        identity=entry.identity,
        open_backend=opened,
        cost_by=findings.cost_by,
        memory=entry.memory,
        measured_here=limits.device == "this machine" and limits.users == 1,
        room=entry.room,
        resident_bytes=ledger.peak_resident(entry.candidate.id),
    )


def _fingerprint(findings: Findings, identities: Mapping[str, str], asked: Sequence[Any]) -> str:
    """What makes two runs the same work: task content, settings, candidates with their file hashes, and the day of the facts."""
    task = findings.task
    wishes = [
        task.content_hash,
        task.seed,
        task.confidence,
        task.tolerance,
        findings.cost_by,
        [task.budget.calls, task.budget.tokens, task.budget.minutes, task.budget.money],
        str(findings.as_of),
        sorted(identities.items()),
        *asked,
    ]
    return hashlib.sha256(json.dumps(wishes).encode()).hexdigest()
