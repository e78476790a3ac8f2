"""Turns candidates into lanes of the race: how each is opened, asked, scored, recorded, and what it costs."""

import hashlib
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from glob import escape as glob_escape
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from llmpick.decide.limits import broken_by_memory, broken_by_speed
from llmpick.evidence.call import CallRecord, CallRequest, Completion, Outcome
from llmpick.evidence.errors import EngineError, RowRefusedError
from llmpick.evidence.model import Candidate, Endpoint, Weights
from llmpick.evidence.task import CostBy, Example, Task
from llmpick.evidence.values import Estimate, Interval, Measurement, Source, Unknown
from llmpick.measure.answer import score
from llmpick.measure.backend import Backend
from llmpick.measure.baselines import BaselineResult
from llmpick.measure.choice_backend import ChoiceBackend
from llmpick.measure.lane import Lane
from llmpick.measure.prompt import prompt_hash
from llmpick.measure.scorers import open_scorer
from llmpick.measure.server.talk import guessed_tokens
from llmpick.measure.thinking import kept_output, with_thinking
from llmpick.stats.means import mean_interval_t
from llmpick.workflow.accounts import answered, money, seconds_of

Opener = Callable[[Candidate], Backend]
Scorer = Callable[[int, Completion, str], tuple[Outcome, float | None]]
"""(row of the race order, what the model wrote, key of the call) → how it ended, and its score; None if the machinery lost it."""


@dataclass(frozen=True, slots=True)
class Identity:
    """`text` names everything about a model and its engine that can change an output: the content of its files, the engine and its
    version; or the address of a server. `sha256` is the file's hash where the model is one file.
    """

    text: str
    sha256: str | None


@dataclass(frozen=True, slots=True)
class Course:
    """The rows in race order, as examples and as requests: row i of every lane is the same row."""

    task: Task
    examples: tuple[Example, ...]
    requests: tuple[CallRequest, ...]
    judged: Scorer | None = None
    """Scores answers that no metric can; None where the task's metric does it."""

    @property
    def clusters(self) -> NDArray[np.int64] | None:
        """Which rows belong together, numbered, shape (N,); None where each stands alone."""
        if self.task.cluster is None:
            return None
        return np.unique([example.cluster or "" for example in self.examples], return_inverse=True)[1].astype(np.int64)


def model_lane(
    candidate: Candidate,
    course: Course,
    *,
    identity: Identity,
    open_backend: Opener,
    cost_by: CostBy,
    memory: Estimate | Unknown,
    room: Estimate | Unknown,
    measured_here: bool,
    resident_bytes: int | None,
) -> Lane:
    """A lane that asks an engine, and finds what it answered before under `identity`.

    `memory` is what serving it takes, `room` what its engine takes here. `resident_bytes` is the most that an engine with it was seen to
    hold in earlier runs of the same task: a run without a call of its own has no other measurement.
    """
    course = replace(course, requests=with_thinking(course.requests, candidate.thinking))

    asked = _asked_as(identity, course.task)

    def opened() -> Backend:
        backend = open_backend(candidate) if course.task.answer_by == "generation" else _by_likelihood(candidate, course.task)
        backend.prepare(course.requests)
        return backend

    def ask(backend: Backend, i: int) -> CallRecord:
        return _ask(candidate.id, asked, course, backend, i)

    def breaks(lane: Lane) -> tuple[str, ...]:
        """Only what was seen counts here; what was estimated decided before the race who may start."""
        limits = course.task.limits
        seen = broken_by_memory(peak_memory(lane), limits, available_bytes=None)
        speeds = broken_by_speed(decode_speed(lane.records), ttft(lane.records), limits, measured_here=measured_here)
        return (*([seen] if seen else []), *speeds)

    return Lane(
        candidate=candidate.id,
        keys=tuple(call_key(asked, request) for request in course.requests),
        cost=lambda lane: _cost(lane, candidate, cost_by, memory),
        breaks=breaks,
        open=opened,
        ask=ask,
        price=lambda records: money(records, candidate) or 0.0,
        spends=lambda lane: _cost(lane, candidate, "money" if cost_by == "money" else "seconds", memory),
        reuse=lambda record, i: _rescored(record, candidate.id, course, i),
        resident_bytes=[] if resident_bytes is None else [resident_bytes],
        held_is_free=course.judged is None,
        remote=isinstance(candidate.run, Endpoint),
        memory_bytes=int(room.interval.high) if isinstance(room, Estimate) else 0,
    )


def _asked_as(identity: Identity, task: Task) -> str:
    """The identity under which calls are kept: what is found by likelihood is another output than what is written."""
    return identity.text if task.answer_by == "generation" else f"{identity.text} by likelihood, read once, normalised: {task.normalise}"


def _by_likelihood(candidate: Candidate, task: Task) -> Backend:
    """The engine that scores text with this model, as one that answers with a label. Raises `LlmpickError` where there is none."""
    limits = task.limits
    scorer = open_scorer(candidate.run, context_tokens=limits.context_tokens, memory_limit_bytes=limits.memory_bytes)
    return ChoiceBackend(scorer, task.normalise)


def baseline_lane(result: BaselineResult, course: Course) -> Lane:
    """A lane whose rows are all run: a baseline costs nothing."""
    seconds = result.seconds / max(len(course.examples), 1)
    records = [
        CallRecord(
            key=f"baseline:{result.name}:{example.id}",
            candidate=f"baseline:{result.name}",
            row=example.id,
            prompt_hash="",
            outcome=Outcome.ANSWERED if result.outputs[example.id] else Outcome.EMPTY,
            output=result.outputs[example.id],
            score=result.scores[example.id],
            prompt_tokens=0,
            output_tokens=0,
            seconds=seconds,
            seed=course.task.seed,
        )
        for example in course.examples
    ]
    return Lane(candidate=f"baseline:{result.name}", records=records, cost=lambda lane: 0.0, breaks=lambda lane: ())  # noqa: ARG005


def identify(candidate: Candidate, *, file_hash: Callable[[Path], str]) -> Identity:
    """Names the model and the engine that would run it. Raises `ModelFileError` for a file that cannot be read."""
    run = candidate.run
    if isinstance(run, Endpoint):
        return Identity(f"{run.server} {run.url} {run.model}", None)
    assert isinstance(run, Weights)
    packages = {"gguf": ("xllamacpp",), "safetensors": ("transformers", "torch")}[run.format]
    files = weight_files(run)
    hashes = [file_hash(file) for file in files]
    versions = [f"{package} {package_version(package)}" for package in packages]
    return Identity(" ".join([*hashes, *versions]), hashes[0] if len(hashes) == 1 else None)


def weight_files(weights: Weights) -> list[Path]:
    """All files of a model: every part of a split GGUF, every shard of a safetensors folder."""
    if weights.format == "safetensors":
        return sorted(weights.path.glob("*.safetensors"))
    split = re.fullmatch(r"(.*)-\d{5}-of-(\d{5})\.gguf", weights.path.name)
    return sorted(weights.path.parent.glob(f"{glob_escape(split[1])}-*-of-{split[2]}.gguf")) if split else [weights.path]


def call_key(identity: str, request: CallRequest) -> str:
    """The SHA-256 under which a call is kept: the same model, engine and prompt are never paid for twice."""
    return hashlib.sha256(json.dumps([identity, prompt_hash(request)]).encode()).hexdigest()


PEAK = Source("measured: the most that llmpick's engine process was seen to hold (resident) in this run and earlier ones of this very task")


def peak_memory(lane: Lane) -> Measurement | Unknown:
    """Resident bytes of the engine's process at its highest."""
    if not lane.resident_bytes:
        return Unknown("no engine was seen while it ran this task")
    peak = max(lane.resident_bytes)
    return Measurement(Interval(peak, peak, peak, 1.0), "bytes", len(lane.resident_bytes), PEAK)


def decode_speed(records: Sequence[CallRecord]) -> Measurement | Unknown:
    """Tokens written per second after the first, per call, one user."""
    rates = [r.output_tokens / r.decode_seconds for r in records if r.decode_seconds and r.output_tokens >= 2]
    if len(rates) < 2:
        return Unknown("the engine does not tell, or its answers are one token")
    return Measurement(mean_interval_t(rates, confidence=0.95), "tokens/s", len(rates), Source("decode speed in this run, one user"))


def ttft(records: Sequence[CallRecord]) -> Measurement | Unknown:
    """Seconds until the first token, the task's common prompt already evaluated, one user."""
    seconds = [r.prefill_seconds for r in records if r.prefill_seconds is not None]
    if len(seconds) < 2:
        return Unknown("the engine does not tell when the first token came")
    return Measurement(mean_interval_t(seconds, confidence=0.95), "s", len(seconds), Source("time to first token in this run, one user"))


def _ask(candidate: str, identity: str, course: Course, backend: Backend, i: int) -> CallRecord:
    request, row = course.requests[i], course.examples[i].id
    key = call_key(identity, request)
    try:
        completion = backend.complete(request)
    except (RowRefusedError, EngineError) as error:
        if isinstance(error, EngineError) and error.fatal:
            raise
        return replace(lost_call(candidate, key, request, error), row=row)
    outcome, value = _scored(course, i, completion, key)
    return CallRecord(
        key=key,
        candidate=candidate,
        row=row,
        prompt_hash=prompt_hash(request),
        seed=request.sampling.seed,
        outcome=outcome,
        output=kept_output(completion, request.thinking),
        score=value,
        prompt_tokens=completion.prompt_tokens,
        output_tokens=completion.output_tokens,
        seconds=completion.seconds,
        prefill_seconds=completion.prefill_seconds,
        decode_seconds=completion.decode_seconds,
        label_probabilities=completion.label_probabilities,
    )


def lost_call(candidate: str, key: str, request: CallRequest, error: RowRefusedError | EngineError) -> CallRecord:
    """A call that failed. Attempts that were sent and broke off may have been charged: at least for what they asked."""
    asked = guessed_tokens(*(message.content for message in request.messages))
    return CallRecord(
        key=key,
        candidate=candidate,
        row=request.row,
        prompt_hash=prompt_hash(request),
        outcome=Outcome.FAILED,
        output="",
        score=None,
        prompt_tokens=asked * error.unanswered if isinstance(error, EngineError) else 0,
        output_tokens=0,
        seconds=0.0,
        seed=request.sampling.seed,
        error=f"{error.what} ({error.where})" + (f"; {error.remedy}" if isinstance(error, RowRefusedError) else ""),
    )


def _rescored(record: CallRecord, candidate: str, course: Course, i: int) -> CallRecord:
    """A kept call as this run sees it: the output is the same, but row, reference and metric are this run's own."""
    finish = "length" if record.outcome is Outcome.CUT_OFF else "stop"
    completion = Completion(record.output, finish, record.prompt_tokens, record.output_tokens, record.seconds)
    outcome, value = _scored(course, i, completion, record.key)
    return replace(record, candidate=candidate, row=course.examples[i].id, outcome=outcome, score=value)


def _scored(course: Course, i: int, completion: Completion, key: str) -> tuple[Outcome, float | None]:
    if course.judged is not None:
        return course.judged(i, completion, key)
    outcome, _, value = score(course.task, course.examples[i], completion)
    return outcome, value


def _cost(lane: Lane, candidate: Candidate, cost_by: CostBy, memory: Estimate | Unknown) -> float | None:
    """Cost per row by the user's measure; None where it is not known."""
    if cost_by == "memory":
        known = peak_memory(lane) if isinstance(memory, Unknown) else memory
        return None if isinstance(known, Unknown) else known.interval.value
    seen = answered(lane.records)
    if not seen:
        return None
    if cost_by == "money":
        price = money(lane.records, candidate)  # a lost row may have been charged for, too
        return None if price is None else price / len(seen)
    return seconds_of(seen) / len(seen)


def package_version(package: str) -> str:
    """Of a package that is installed here, as it names it itself."""
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
