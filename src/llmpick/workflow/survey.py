"""The first stages of `pick`, before any call: the task, the models, and what facts and estimates say of each (screen, fit)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Literal

import numpy as np

from llmpick.catalog.loader import find_device, load_licences
from llmpick.decide.limits import broken_by_memory, broken_by_price
from llmpick.decide.screen import broken_by_facts, context_of
from llmpick.evidence.device import Device, Load
from llmpick.evidence.errors import InputError
from llmpick.evidence.model import Candidate, Endpoint, Weights
from llmpick.evidence.task import Budget, CostBy, Judge, Limits, Task
from llmpick.evidence.values import Estimate, Unknown
from llmpick.measure.engines import missing_engine
from llmpick.measure.metrics import resolve
from llmpick.measure.prompt import build_requests
from llmpick.sources.hardware import gpus, idle_gpu_note, this_machine
from llmpick.sources.names_settings import split_settings
from llmpick.sources.task import load_task
from llmpick.workflow.expectation import Expectation, as_fetched, of_files, while_measured
from llmpick.workflow.findings import DEFAULT_CONTEXT_TOKENS, Entry, Findings
from llmpick.workflow.judged.bench import bench_models
from llmpick.workflow.lanes import Course
from llmpick.workflow.models.fetch import fetch_advice
from llmpick.workflow.models.gather import Broken, gather

ELSEWHERE = Unknown("it runs on the server's machine")


@dataclass(frozen=True, slots=True)
class PickOptions:
    """What the user asked for. None leaves the task file's own value."""

    task_file: Path
    models: tuple[str, ...] = ()
    directories: tuple[Path, ...] = ()
    as_of: date | None = None
    seed: int | None = None
    confidence: float | None = None
    tolerance: float | None = None
    cost_by: CostBy | None = None
    budget: Budget | None = None
    call_timeout_s: float | None = None
    dry_run: bool = False
    no_calls: bool = False
    store_url: str | None = None


def survey(options: PickOptions, environ: Mapping[str, str]) -> tuple[Findings, Load]:
    """Everything before the first call: the task, the models, and what facts and estimates say of them."""
    task = _with_overrides(load_task(options.task_file), options)
    machine = this_machine()
    idle_gpu = idle_gpu_note()
    device = _device(task, machine, engine_uses_gpu=idle_gpu is None)
    if task.judge is None:
        resolve(task.metric)  # a metric that does not exist is an error now, and not after the first call
    kept_with_task = () if options.models else tuple(folder for folder in map(Path, task.model_directories) if folder.is_dir())
    found = gather(options.models, directories=(*options.directories, *kept_with_task), as_of=options.as_of, environ=environ)
    load = Load(task.limits.context_tokens or DEFAULT_CONTEXT_TOKENS, task.limits.users, task.max_output_tokens)
    sieve = _Sieve(task, device, machine, load, options.as_of)
    entries = tuple(sieve.here(_priced(candidate, task)) for candidate in found.candidates)
    absent = [sieve.absent(candidate, environ) for candidate in found.catalog]
    findings = Findings(
        task=task,
        course=_course(task),
        device=device,
        machine=machine,
        cost_by=task.cost_by or _default_cost(entries),
        entries=(*entries, *(_unreadable(broken) for broken in found.broken)),
        absent=tuple(absent),
        as_of=options.as_of,
        notes=(*([idle_gpu] if idle_gpu else []), *found.notes, *_cluster_notes(task)),
        bench=_bench(task.judge, sieve, environ),
        call_timeout_s=options.call_timeout_s,
    )
    return findings, load


def _with_overrides(task: Task, options: PickOptions) -> Task:
    given = {name: getattr(options, name) for name in ("seed", "confidence", "tolerance", "cost_by", "budget")}
    return replace(task, **{name: value for name, value in given.items() if value is not None})


def _device(task: Task, machine: Device, *, engine_uses_gpu: bool) -> Device:
    """The device that the limits speak of: this machine's (its GPU if the engine can use it), or one of the catalog."""
    if task.limits.device == "this machine":
        usable = gpus() if engine_uses_gpu else ()
        return usable[0] if usable else machine
    known = find_device(task.limits.device)
    if known is None:
        raise InputError(
            f"the device {task.limits.device!r} is not known",
            where="[limits] device",
            remedy='name one of the catalog\'s devices, or "this machine", or set memory in its place',
        )
    return known.as_device()


def _course(task: Task) -> Course:
    """The rows in one random order, fixed here and shared by all candidates."""
    order = np.random.default_rng(task.seed).permutation(len(task.examples))
    requests = build_requests(task)
    return Course(task, tuple(task.examples[i] for i in order), tuple(requests[i] for i in order))


def _bench(terms: Judge | None, sieve: "_Sieve", environ: Mapping[str, str]) -> tuple[Entry, Entry] | None:
    if terms is None:
        return None
    judge, opponent = (bench_entry(one, sieve.task, sieve.machine, sieve.load) for one in bench_models(terms, environ))
    return judge, opponent


def bench_entry(candidate: Candidate, task: Task, machine: Device, load: Load) -> Entry:
    """A model that serves the race: it runs on this machine, and the task's limits do not concern it."""
    if not isinstance(candidate.run, Weights):
        return Entry(_priced(candidate, task), ELSEWHERE, ELSEWHERE)
    context = _load_of(candidate, load).context_tokens
    served = of_files(candidate.run, candidate.facts, machine, Load(context), here=True)
    return Entry(candidate, *served, room=while_measured(candidate.run, candidate.facts, machine, context))


def _load_of(candidate: Candidate, load: Load) -> Load:
    return replace(load, context_tokens=min(load.context_tokens, context_of(candidate) or load.context_tokens))


@dataclass(frozen=True, slots=True)
class _Sieve:
    """Screen and fit: what every model of the survey is held against. `device` is what the limits speak of, `machine` this one."""

    task: Task
    device: Device
    machine: Device
    load: Load
    as_of: date | None

    def here(self, candidate: Candidate) -> Entry:
        """A model that is on this machine or served: it must fit the device, and to be measured it must be able to run here."""
        if not isinstance(candidate.run, Weights):
            return Entry(candidate, ELSEWHERE, ELSEWHERE, self._reasons(candidate, ELSEWHERE))
        load = self._load(candidate)
        memory, speed = self._expected(candidate.run, candidate, load)
        room = while_measured(candidate.run, candidate.facts, self.machine, load.context_tokens)
        reasons = self._reasons(candidate, memory)
        others = (None if reasons else self._no_room(room), missing_engine(candidate.run))
        return Entry(candidate, memory, speed, (*reasons, *(reason for reason in others if reason)), room=room)

    def _no_room(self, room: Estimate | Unknown) -> str | None:
        """Why a model that its user could serve cannot be measured here."""
        reason = broken_by_memory(room, Limits(), available_bytes=self.machine.memory_free_bytes)
        return f"to be measured here it {reason}" if reason else None

    def absent(self, candidate: Candidate, environ: Mapping[str, str]) -> Entry:
        """A model of the catalog, as it would be fetched."""
        fetch = fetch_advice(candidate.facts, environ=environ) if candidate.facts else None
        load = self._load(candidate)
        memory, speed = self._expected(None, candidate, load, fetch.quantization if fetch else "Q4_K_M")
        room = min(self.device.memory_free_bytes, self.task.limits.memory_bytes or self.device.memory_free_bytes)
        told = replace(fetch, fits=_fits(memory, room)) if fetch else None
        return Entry(candidate, memory, speed, self._reasons(candidate, memory), told)

    def _expected(self, weights: Weights | None, candidate: Candidate, load: Load, quantization: str = "Q4_K_M") -> Expectation:
        here = self.device == self.machine
        if weights:
            return of_files(weights, candidate.facts, self.device, load, here=here)
        if candidate.facts:
            return as_fetched(candidate.facts, quantization, self.device, load, here=here)
        unknown = Unknown("neither its files nor its number of parameters are known")
        return unknown, unknown

    def _load(self, candidate: Candidate) -> Load:
        return _load_of(candidate, self.load)

    def _reasons(self, candidate: Candidate, memory: Estimate | Unknown) -> tuple[str, ...]:
        limits = self.task.limits
        found = (
            *broken_by_facts(candidate, limits=limits, as_of=self.as_of, commercial_use=_commercial_use),
            broken_by_memory(memory, limits, available_bytes=self.device.memory_free_bytes),
            broken_by_price(candidate, limits),
        )
        return tuple(reason for reason in found if reason)


def _fits(memory: Estimate | Unknown, limit_bytes: int) -> Literal["yes", "marginal", "no", "unknown"]:
    """Whether what was estimated stays within `limit_bytes`; "marginal" when the limit lies inside the interval."""
    if isinstance(memory, Unknown):
        return "unknown"
    if memory.interval.high <= limit_bytes:
        return "yes"
    return "no" if memory.interval.low > limit_bytes else "marginal"


def _priced(candidate: Candidate, task: Task) -> Candidate:
    """The candidate with the price that the task file gives it, by its whole name or by that without its `?thinking=`."""
    price = task.prices.get(candidate.id) or task.prices.get(split_settings(candidate.id)[0])
    if price is None or not isinstance(candidate.run, Endpoint):
        return candidate
    return replace(candidate, run=replace(candidate.run, input_price=price.input, output_price=price.output))


def _commercial_use(licence: str) -> Literal["yes", "no", "conditions"] | None:
    known = load_licences().get(licence)
    return known.commercial_use if known else None


def _unreadable(broken: Broken) -> Entry:
    unknown = Unknown("its file cannot be read")
    return Entry(Candidate(broken.id, None), unknown, unknown, error=broken.error)


def _default_cost(entries: Sequence[Entry]) -> CostBy:
    """Money when every model has a price, else seconds."""
    prices = [isinstance(e.candidate.run, Endpoint) and e.candidate.run.input_price is not None for e in entries if not e.excluded]
    return "money" if prices and all(prices) else "seconds"


def _cluster_notes(task: Task) -> tuple[str, ...]:
    """Says by what rows belong together: it widens what is said of new inputs."""
    if task.cluster is None:
        return ()
    clusters = len({example.cluster for example in task.examples})
    return (f"The {len(task.examples):,} rows come from {clusters:,} of {task.cluster}: new inputs are taken to bring new ones.",)
