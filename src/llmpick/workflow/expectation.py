"""What to expect of a candidate of `pick` before it runs: memory and speed, by the same formulas as `llmpick fit`."""

from dataclasses import replace

from llmpick.estimate.footprint import Line
from llmpick.estimate.shape import Range, shape_of
from llmpick.estimate.unknown_architecture import bounding_shapes
from llmpick.evidence.deployment import Deployment
from llmpick.evidence.device import Device, Load
from llmpick.evidence.model import Blueprint, ModelFacts, Weights
from llmpick.evidence.values import Estimate, Interval, Source, Unknown
from llmpick.workflow.facts_blueprint import blueprint_of_facts
from llmpick.workflow.fit_inputs import Place
from llmpick.workflow.fit_one import footprint_of, interval
from llmpick.workflow.fit_speed import speed_of
from llmpick.workflow.fit_variants import Case
from llmpick.workflow.weights_blueprint import blueprint_of

# As llmpick's own engine loads a model (measure/backends/llamacpp_child.py says why).
LLAMACPP = Deployment("llama.cpp", options={"swa_full": True, "flash_attn": "off"})
TRANSFORMERS = Deployment("transformers")

# `pick` measures the whole process, and a Python process with the engine's library in it holds so much before it loads a model.
IDLE_PROCESS = Line(
    "overhead",
    "a process with Python and the library",
    Range(30 * 2**20, 20 * 2**20, 45 * 2**20),
    "measured",
    Source("idle engine processes"),
)

Expectation = tuple[Estimate | Unknown, Estimate | Unknown]
"""Bytes, and tokens per second for each sequence."""


def of_files(weights: Weights, facts: ModelFacts | None, device: Device, load: Load, *, here: bool) -> Expectation:
    """A model on this machine, on `device` (which may be another: `here` tells)."""
    blueprint = blueprint_of(weights, active_parameters=facts.parameters_active.value if facts and facts.parameters_active else None)
    return _expected(blueprint, 0.0, device, load, here=here)


def as_fetched(facts: ModelFacts, quantization: str, device: Device, load: Load, *, here: bool) -> Expectation:
    """A model of the catalog, in the quantisation in which it would be fetched."""
    from llmpick.catalog.quantizations import find_quantization
    from llmpick.estimate.weights import stored_as

    blueprint = blueprint_of_facts(facts)
    if blueprint is None:
        unknown = Unknown("neither its files nor its number of parameters are known")
        return unknown, unknown
    return _expected(*stored_as(blueprint, find_quantization(quantization)), device, load, here=here)


def _expected(blueprint: Blueprint, spread: float, device: Device, load: Load, *, here: bool) -> Expectation:
    deployment = LLAMACPP if blueprint.format == "gguf" else TRANSFORMERS
    case = Case(blueprint, Place(device, here=here), deployment, load, prompt_tokens=load.context_tokens, spread=spread)
    shape = shape_of(blueprint, spread=spread)
    footprint = footprint_of(case, shape, None if shape else bounding_shapes(blueprint, spread=spread))
    if footprint is None:
        return Unknown("neither its layers nor its number of parameters are known"), Unknown("its layers are not known")
    if device.kind == "cpu" and deployment.engine == "llama.cpp":
        footprint = replace(footprint, lines=(*footprint.lines, IDLE_PROCESS), total_range=None)
    memory = Estimate(interval(footprint.total), "bytes", _source(blueprint, deployment))
    speed = speed_of(case, shape)
    decode = speed.decode_tokens_per_s
    return memory, Estimate(decode, "tokens/s", speed.source) if isinstance(decode, Interval) and speed.source else _why(decode)


def _why(decode: Interval | Unknown) -> Unknown:
    return decode if isinstance(decode, Unknown) else Unknown("nobody measured this engine on such a device")


def _source(blueprint: Blueprint, deployment: Deployment) -> Source:
    whence = {"files": "the model's own headers", "config": "its config.json", "facts": "published facts"}[blueprint.known_from]
    return Source(f"weights, KV cache, buffers and process of {deployment.engine}, from {whence} (llmpick fit --explain)")
