"""The first stages of `pick`, before any call: the task, the models, and what facts and estimates say of each (screen, fit, expect)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Literal

import numpy as np

from llmpick.catalog.loader import find_device, load_licences
from llmpick.decide.limits import broken_by_memory, broken_by_price
from llmpick.decide.screen import broken_by_facts, context_of
from llmpick.estimate.ability import expected_scores
from llmpick.estimate.memory import estimate_memory
from llmpick.estimate.speed import estimate_decode_speed
from llmpick.evidence.device import Device, Load
from llmpick.evidence.errors import InputError
from llmpick.evidence.model import Candidate, Endpoint, Weights
from llmpick.evidence.task import Budget, CostBy, Limits, Task
from llmpick.evidence.values import Unknown
from llmpick.measure.engines import missing_engine
from llmpick.measure.prompt import build_requests
from llmpick.sources.hardware import gpus, idle_gpu_note, this_machine
from llmpick.sources.task import load_task
from llmpick.workflow.fetch import fetch_advice
from llmpick.workflow.findings import DEFAULT_CONTEXT_TOKENS, Entry, Findings
from llmpick.workflow.gather import Broken, Gathered, gather
from llmpick.workflow.lanes import Course


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
    dry_run: bool = False
    store_url: str | None = None


def survey(options: PickOptions, environ: Mapping[str, str]) -> tuple[Findings, Load]:
    """Everything before the first call: the task, the models, and what facts and estimates say of them."""
    task = _with_overrides(load_task(options.task_file), options)
    machine = this_machine()
    device = _device(task, machine)
    directories = (*options.directories, *(folder for folder in map(Path, task.model_directories) if folder.is_dir()))
    found = gather(options.models, directories=() if options.models else directories, as_of=options.as_of, environ=environ)
    load = Load(task.limits.context_tokens or DEFAULT_CONTEXT_TOKENS, task.limits.users, task.max_output_tokens)
    entries = tuple(_entry(candidate, task, device, load, options.as_of, machine) for candidate in found.candidates)
    absent = [_with_fetch(_entry(candidate, task, device, load, options.as_of, None), environ) for candidate in found.catalog]
    findings = Findings(
        task=task,
        course=_course(task),
        device=device,
        machine=machine,
        cost_by=task.cost_by or _default_cost(entries),
        entries=(*entries, *(_unreadable(broken) for broken in found.broken)),
        absent=tuple(sorted(absent, key=_newest_first)),
        as_of=options.as_of,
        notes=_notes(found, task),
    )
    return findings, load


def _with_overrides(task: Task, options: PickOptions) -> Task:
    given = {name: getattr(options, name) for name in ("seed", "confidence", "tolerance", "cost_by", "budget")}
    return replace(task, **{name: value for name, value in given.items() if value is not None})


def _device(task: Task, machine: Device) -> Device:
    """The device that the limits speak of: this machine's (its GPU if the engine can use it), or one of the catalog."""
    if task.limits.device == "this machine":
        usable = () if idle_gpu_note() else gpus()
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


def _entry(candidate: Candidate, task: Task, device: Device, load: Load, as_of: date | None, machine: Device | None) -> Entry:
    """Screen and fit one model: its estimates, and every reason that rules it out. `machine` is where it would run to be measured."""
    weights = candidate.run if isinstance(candidate.run, Weights) else None
    load = replace(load, context_tokens=min(load.context_tokens, context_of(candidate) or load.context_tokens))
    if isinstance(candidate.run, Endpoint):
        memory = speed = Unknown("it runs on the server's machine")
    else:
        memory = estimate_memory(weights, candidate.facts, device, load)
        speed = estimate_decode_speed(weights, candidate.facts, device, load)
    reasons = [
        *broken_by_facts(candidate, limits=task.limits, languages=task.languages, as_of=as_of, commercial_use=_commercial_use),
        broken_by_memory(memory, task.limits, available_bytes=device.memory_free_bytes),
        broken_by_memory(memory, Limits(), available_bytes=machine.memory_free_bytes) if machine and machine != device else None,
        broken_by_price(candidate, task.limits),
        missing_engine(candidate.run) if isinstance(candidate.run, Weights | Endpoint) else None,
    ]
    return Entry(candidate, memory, speed, tuple(reason for reason in reasons if reason))


def _commercial_use(licence: str) -> Literal["yes", "no", "conditions"] | None:
    known = load_licences().get(licence)
    return known.commercial_use if known else None


def _unreadable(broken: Broken) -> Entry:
    unknown = Unknown("its file cannot be read")
    return Entry(Candidate(broken.id, None), unknown, unknown, error=broken.error)


def _with_fetch(entry: Entry, environ: Mapping[str, str]) -> Entry:
    return replace(entry, fetch=fetch_advice(entry.candidate.facts, environ=environ) if entry.candidate.facts else None)


def _default_cost(entries: Sequence[Entry]) -> CostBy:
    """Money when every model has a price, else seconds."""
    prices = [isinstance(e.candidate.run, Endpoint) and e.candidate.run.input_price is not None for e in entries if not e.excluded]
    return "money" if prices and all(prices) else "seconds"


def _newest_first(entry: Entry) -> tuple[int, int]:
    """The order of what is worth fetching. It says nothing of quality: nothing does yet before a model has run."""
    facts = entry.candidate.facts
    released = facts.released.value.toordinal() if facts and facts.released else 0
    return -released, -(facts.parameters_total.value if facts and facts.parameters_total else 0)


def _notes(found: Gathered, task: Task) -> tuple[str, ...]:
    idle = idle_gpu_note()
    prior = expected_scores(found.candidates, task)
    return (
        *([idle] if idle else []),
        *(["No prior ranks the models that were not run: nothing is said about how good they would be."] if prior is None else []),
    )
