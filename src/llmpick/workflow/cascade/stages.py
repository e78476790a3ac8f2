"""The stages of a cascade as lanes: how each kind of evidence is asked for, what a call of it tells of its row, and what it takes.

A stage's calls are kept like all others, under the model, the engine and the prompt: what two stages share, such as the answer that two
judges read, is asked for once.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from llmpick.decide.cascade_answer import CascadeStop, Unit
from llmpick.evidence.call import CallRecord, CallRequest, Completion, OneLabel, Outcome, Thinking
from llmpick.evidence.device import Load
from llmpick.evidence.model import Candidate
from llmpick.evidence.task import Stage, Task, TaskKind
from llmpick.measure.answer import score
from llmpick.measure.backend import Backend
from llmpick.measure.lane import Lane
from llmpick.measure.metrics import resolve
from llmpick.measure.prompt import answer_text
from llmpick.measure.reference_backend import ReferenceBackend
from llmpick.measure.scorers import open_scorer
from llmpick.workflow.accounts import answered, seconds_of, tokens_of
from llmpick.workflow.findings import Entry, Findings, runnable
from llmpick.workflow.judged.bench import Bench, bench_names, on_the_bench
from llmpick.workflow.lanes import Course, model_lane
from llmpick.workflow.ledger import RunLedger
from llmpick.workflow.running import model_lanes

TRUTH = "truth"
Calls = Sequence[CallRecord]


@dataclass(slots=True)
class Rung:
    """One stage at work: a lane for each candidate, in the same order for all stages; `tells` reads a call's evidence, None if it was lost.

    `bench` is the judge's, where there is one.
    """

    name: str
    lanes: list[Lane]
    tells: Callable[[Lane, int], float | None]
    bench: Bench | None = None

    def paid(self) -> list[list[CallRecord]]:
        """What this run paid for, by who was asked."""
        return [*(lane.paid for lane in self.lanes), *(seat.paid for seat in (self.bench.seats if self.bench else ()))]

    def evidence(self, lanes: Sequence[int], count: int) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """What the first `count` rows told of the candidates numbered `lanes`, and where it was lost; both of shape (K, count)."""
        told = [[self.tells(self.lanes[k], i) for i in range(count)] for k in lanes]
        lost = np.array([[one is None for one in row] for row in told], dtype=bool).reshape(len(lanes), count)
        return np.array([[one or 0.0 for one in row] for row in told], dtype=float).reshape(len(lanes), count), lost


@contextmanager
def rungs(
    findings: Findings,
    judges: Sequence[tuple[Entry, Entry] | None],
    ledger: RunLedger,
    load: Load,
    quiet: Mapping[str, Thinking | None],
) -> Iterator[list[Rung]]:
    """All stages of the task, the truth last. `judges` holds for each stage its judge and opponent, None where it has none; identified.
    `quiet` says how a candidate is told not to think.
    """
    task, entries = findings.task, runnable(findings.entries)
    names = _names(task.stages)
    with ExitStack() as benches:

        def judged(pair: tuple[Entry, Entry] | None) -> tuple[Course, Bench | None]:
            if pair is not None:
                ledger.also_named(bench_names(pair))
            return benches.enter_context(on_the_bench(findings.course, ledger, pair, context_tokens=load.context_tokens))

        ladder: list[Rung] = []
        for stage, name, pair in zip(task.stages, names, judges, strict=True):
            theirs = [
                _in_stage(entry, name, quiet[entry.candidate.id] if stage.thinking else entry.candidate.thinking) for entry in entries
            ]
            ledger.also_named({one.candidate.id: f"{one.identity.text} {name}" for one in theirs if one.identity})
            if stage.by == "likelihood" and task.kind is not TaskKind.CHOICE:
                ladder.append(_right_answer(name, theirs, findings, load))
                continue
            course, bench = judged(pair) if stage.by == "judge" else (_course(stage, findings.course), None)
            part = replace(findings, task=course.task, course=course, entries=tuple(theirs))
            tells = _probability_of_the_label(course) if stage.by == "likelihood" else _score
            ladder.append(Rung(name, model_lanes(part, load, ledger), tells, bench))
        course, bench = judged(findings.bench)
        part = replace(findings, course=course, entries=tuple(entries))
        yield [*ladder, Rung(TRUTH, model_lanes(part, load, ledger), _score, bench)]


def _in_stage(entry: Entry, stage: str, thinking: Thinking | None) -> Entry:
    """The candidate under the name that its calls for the stage have in the run's log."""
    return replace(entry, candidate=replace(entry.candidate, id=f"{stage}:{entry.candidate.id}", thinking=thinking))


def _names(stages: Sequence[Stage]) -> tuple[str, ...]:
    """What each stage is called, numbered where two are of one kind."""
    kinds = [stage.by for stage in stages]
    return tuple(kind if kinds.count(kind) == 1 else f"{kind}-{kinds[: i + 1].count(kind)}" for i, kind in enumerate(kinds))


def _score(lane: Lane, i: int) -> float | None:
    return lane.records[i].score


def _probability_of_the_label(course: Course) -> Callable[[Lane, int], float | None]:
    def tells(lane: Lane, i: int) -> float | None:
        return (lane.records[i].label_probabilities or {}).get(course.examples[i].reference)

    return tells


def _course(stage: Stage, course: Course) -> Course:
    """The rows as a stage by generation, or the likelihood of a choice, asks and scores them."""
    if stage.by == "likelihood":
        return replace(course, task=replace(course.task, answer_by="likelihood", normalise=stage.normalise))
    task = replace(course.task, judge=None, answer_by="generation", metric=stage.metric or course.task.metric)
    resolve(task.metric)  # a metric that does not exist is an error before the first call
    if stage.max_tokens is None:
        return replace(course, task=task, judged=_metric(task, course))
    requests = tuple(_shortened(request, stage.max_tokens) for request in course.requests)
    return replace(course, task=replace(task, max_output_tokens=stage.max_tokens), requests=requests, judged=_metric(task, course))


def _shortened(request: CallRequest, max_tokens: int) -> CallRequest:
    return replace(request, answer=replace(request.answer, max_tokens=max_tokens))  # pyright: ignore[reportCallIssue, reportArgumentType]


def _metric(task: Task, course: Course) -> Callable[[int, Completion, str], tuple[Outcome, float | None]]:
    """Scores an answer as it stands: a short one is cut off on purpose, and may foretell the whole one all the same."""

    def scored(i: int, completion: Completion, key: str) -> tuple[Outcome, float | None]:  # noqa: ARG001
        outcome, _, value = score(task, course.examples[i], replace(completion, finish="stop"))
        return (Outcome.CUT_OFF if completion.finish == "length" else outcome), value

    return scored


def _right_answer(name: str, entries: Sequence[Entry], findings: Findings, load: Load) -> Rung:
    """The likelihood of the row's right answer, for answers that are no labels."""
    task, course = findings.task, findings.course
    references = [answer_text(task, example.reference).strip() for example in course.examples]
    requests = tuple(
        replace(request, answer=OneLabel((reference,)), thinking=None)
        for request, reference in zip(course.requests, references, strict=True)
    )
    asked = replace(course, task=replace(task, judge=None), requests=requests, judged=_no_score)

    def opened(candidate: Candidate) -> Backend:
        scorer = open_scorer(candidate.run, context_tokens=load.context_tokens, memory_limit_bytes=task.limits.memory_bytes)
        return ReferenceBackend(scorer)

    def lane(entry: Entry) -> Lane:
        assert entry.identity is not None, "a model is identified before it runs"
        identity = replace(entry.identity, text=f"{entry.identity.text} likelihood of the right answer")
        common: dict[str, Any] = {"cost_by": findings.cost_by, "memory": entry.memory, "room": entry.room}
        common |= {"measured_here": False, "resident_bytes": None}
        silent = replace(entry.candidate, thinking=None)
        return model_lane(silent, asked, identity=identity, open_backend=opened, **common)

    def tells(lane: Lane, i: int) -> float | None:
        return (lane.records[i].label_probabilities or {}).get(references[i])

    return Rung(name, [lane(entry) for entry in entries], tells)


def _no_score(i: int, completion: Completion, key: str) -> tuple[Outcome, float | None]:  # noqa: ARG001
    """Nothing was written that could be right or wrong."""
    return Outcome.ANSWERED, None


@dataclass(slots=True)
class Cascade:
    """How far a cascade has come. `sizes` are the rows planned for each stage, `running` the candidates whose truth can be had.
    `pilot_takes` is what the pilot would have taken, by its first rows, where the budget does not reach through it.
    """

    ladder: list[Rung]
    running: list[int]
    sizes: list[int]
    left_out: dict[int, str] = field(default_factory=dict[int, str])
    stop: CascadeStop = CascadeStop.DONE
    pilot_takes: float | None = None

    @property
    def usable(self) -> list[int]:
        return [j for j in range(len(self.ladder)) if j not in self.left_out]

    def loading(self, unit: Unit) -> float:
        """What loading takes of a budget in this unit."""
        return sum(lane.load_seconds for rung in self.ladder for lane in rung.lanes) if unit == "seconds" else 0.0

    def rows_run(self, stage: int) -> int:
        """So many rows every candidate has run."""
        return min((len(self.ladder[stage].lanes[k].records) for k in self.running), default=0)


@dataclass(frozen=True, slots=True)
class Prices:
    """What a row costs for all candidates together: `each` of the K parts, and which `parts` (J, K) every stage needs."""

    each: NDArray[np.float64]
    parts: NDArray[np.bool_]

    def of(self, rows: Sequence[int]) -> float:
        """What all stages cost at these sizes; a part that several stages need is bought once."""
        needed = np.where(self.parts, np.array(rows)[:, None], 0).max(axis=0)
        return float(needed @ self.each)

    @property
    def alone(self) -> float:
        """A row of the truth without any other stage."""
        return float(self.each[self.parts[-1]].sum())

    def beyond(self, stage: int, used: Sequence[bool]) -> float:
        """A row of the stage beyond what the used ones before it have bought."""
        before = self.parts[:stage][np.array(used[:stage], dtype=bool)].any(axis=0)
        return float(self.each[self.parts[stage] & ~before].sum())


def prices(ladder: Sequence[Rung], lanes: Sequence[int], unit: Unit) -> Prices:
    """Measured on the rows that each stage has run, calls that were kept from earlier runs included; 0 for what was not run at all."""
    parts: dict[Any, float] = defaultdict(float)
    needs: list[set[Any]] = []
    for rung in ladder:
        asked = [rung.lanes[k] for k in lanes]
        rows = max(min(len(lane.records) for lane in asked), 1)
        own = ("answers", *((lane.keys[0], lane.keys[-1]) for lane in asked))
        theirs: dict[Any, float] = {own: sum(_used(answered(lane.records), unit, lane.price) / max(len(lane.records), 1) for lane in asked)}
        if rung.bench:
            judge, opponent = rung.bench.seats
            for role, seat in ((judge.identity, judge), ("opponent", opponent)):
                theirs[(role,)] = _used(seat.used, unit, lambda calls, seat=seat: seat.price(calls) or 0.0) / rows
        for part, cost in theirs.items():
            parts[part] = max(parts[part], cost)  # a stage that could not be had says nothing of what it shares
        needs.append(set(theirs))
    names = list(parts)
    each = np.array([parts[name] for name in names])
    return Prices(each, np.array([[name in need for name in names] for need in needs], dtype=bool))


def _used(calls: Calls, unit: Unit, price: Callable[[Calls], float]) -> float:
    match unit:
        case "calls":
            return float(len(calls))
        case "tokens":
            return float(tokens_of(calls))
        case "seconds":
            return seconds_of(calls)
        case "money":
            return price(calls)
