"""What to expect of a candidate of `pick` before it runs: memory and speed as served, and what the engine that measures it here will take.

Memory as served is `llmpick fit`'s figure at the same context, and it stays the candidate's memory when calls were made: it is a function
of the model's file and the task alone. What a process was seen to hold depends on what it had been asked by then (the grammar of JSON
answers alone takes 130 MiB with a vocabulary of 262,144 tokens). It is told, and held against the task's limit, but orders no candidates.
"""

from dataclasses import replace

from llmpick.estimate.footprint import Footprint, Line
from llmpick.estimate.shape import Range, shape_of
from llmpick.estimate.unknown_architecture import bounding_shapes
from llmpick.evidence.deployment import Deployment
from llmpick.evidence.device import Device, Load
from llmpick.evidence.model import Blueprint, ModelFacts, Weights
from llmpick.evidence.values import Estimate, Interval, Source, Unknown
from llmpick.workflow.fit.inputs import Place
from llmpick.workflow.fit.one import footprint_of, interval
from llmpick.workflow.fit.speed import speed_of
from llmpick.workflow.fit.variants import Case
from llmpick.workflow.models.facts_blueprint import blueprint_of_facts
from llmpick.workflow.models.weights_blueprint import blueprint_of

SERVED = Deployment("llama.cpp")
# As llmpick's own engine loads a model (measure/backends/llamacpp_child.py says why).
LLAMACPP = Deployment("llama.cpp", options={"swa_full": True, "flash_attn": "off"})
TRANSFORMERS = Deployment("transformers")

# A Python process with the engine's library in it holds so much before it loads a model.
IDLE_PROCESS = Line(
    "overhead",
    "a process with Python and the library",
    Range(30 * 2**20, 20 * 2**20, 45 * 2**20),
    "measured",
    Source("idle engine processes"),
)

NO_SIZE = Unknown("neither its layers nor its number of parameters are known")
Expectation = tuple[Estimate | Unknown, Estimate | Unknown]
"""Bytes, and tokens per second for each sequence."""


def of_files(weights: Weights, facts: ModelFacts | None, device: Device, load: Load, *, here: bool) -> Expectation:
    """A model on this machine, served on `device` (which may be another: `here` tells)."""
    return _expected(_blueprint(weights, facts), 0.0, device, load, here=here)


def as_fetched(facts: ModelFacts, quantization: str, device: Device, load: Load, *, here: bool) -> Expectation:
    """A model of the catalog, in the quantisation in which it would be fetched."""
    from llmpick.catalog.quantizations import find_quantization
    from llmpick.estimate.weights import stored_as

    blueprint = blueprint_of_facts(facts)
    if blueprint is None:
        unknown = Unknown("neither its files nor its number of parameters are known")
        return unknown, unknown
    return _expected(*stored_as(blueprint, find_quantization(quantization)), device, load, here=here)


def while_measured(weights: Weights, facts: ModelFacts | None, machine: Device, context_tokens: int) -> Estimate | Unknown:
    """Bytes of llmpick's own engine process on this machine while it answers: one sequence, and options that no server has."""
    blueprint = _blueprint(weights, facts)
    deployment = LLAMACPP if blueprint.format == "gguf" else TRANSFORMERS
    case = Case(blueprint, Place(machine, here=True), deployment, Load(context_tokens), prompt_tokens=context_tokens)
    footprint = _footprint(case)
    if footprint is None:
        return NO_SIZE
    if machine.kind == "cpu" and deployment.engine == "llama.cpp":
        footprint = replace(footprint, lines=(*footprint.lines, IDLE_PROCESS), total_range=None)
    return Estimate(interval(footprint.total), "bytes", Source(f"llmpick's own process with {deployment.engine}"))


def _blueprint(weights: Weights, facts: ModelFacts | None) -> Blueprint:
    return blueprint_of(weights, active_parameters=facts.parameters_active.value if facts and facts.parameters_active else None)


def _footprint(case: Case) -> Footprint | None:
    shape = shape_of(case.blueprint, spread=case.spread)
    return footprint_of(case, shape, None if shape else bounding_shapes(case.blueprint, spread=case.spread))


def _expected(blueprint: Blueprint, spread: float, device: Device, load: Load, *, here: bool) -> Expectation:
    deployment = SERVED if blueprint.format == "gguf" else TRANSFORMERS
    case = Case(blueprint, Place(device, here=here), deployment, load, prompt_tokens=load.context_tokens, spread=spread)
    footprint = _footprint(case)
    if footprint is None:
        return NO_SIZE, Unknown("its layers are not known")
    memory = Estimate(interval(footprint.total), "bytes", _source(blueprint, deployment, load))
    speed = speed_of(case, shape_of(blueprint, spread=spread))
    decode = speed.decode_tokens_per_s
    return memory, Estimate(decode, "tokens/s", speed.source) if isinstance(decode, Interval) and speed.source else _why(decode)


def _why(decode: Interval | Unknown) -> Unknown:
    return decode if isinstance(decode, Unknown) else Unknown("nobody measured this engine on such a device")


def _source(blueprint: Blueprint, deployment: Deployment, load: Load) -> Source:
    whence = {"files": "the model's own headers", "config": "its config.json", "facts": "published facts"}[blueprint.known_from]
    users = f" for each of {load.sequences:,} users" if load.sequences > 1 else ""
    parts = f"weights, KV cache of {load.context_tokens:,} tokens{users}, buffers and process of {deployment.engine}"
    return Source(f"computed: {parts}, from {whence} (llmpick fit --explain has every term)")
