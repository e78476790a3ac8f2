"""Every model of the catalog x quantisation x context on one device, computed in one vectorised pass."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from llmpick.estimate.footprint import probability_that_it_fits
from llmpick.estimate.run_memory import run_available, run_footprint
from llmpick.estimate.shape import Range, Shape, shape_of
from llmpick.estimate.stored_shapes import stored_shapes
from llmpick.estimate.throughput import estimate_throughput
from llmpick.estimate.unknown_architecture import Bounds, bounding_shapes
from llmpick.evidence.deployment import Deployment
from llmpick.evidence.device import Device, Load
from llmpick.evidence.model import Blueprint, ModelFacts
from llmpick.evidence.quantization import Quantization
from llmpick.evidence.values import Unknown
from llmpick.workflow.fit.inputs import Place
from llmpick.workflow.fit.one import HARDLY, SURELY
from llmpick.workflow.fit.speed import constants_for
from llmpick.workflow.models.facts_blueprint import blueprint_of_facts

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True)
class Grid:
    """All configurations, one entry each: which model, which quantisation, which context, and what was found."""

    models: Array
    stored: Array
    contexts: Array
    weights: Array
    total: Range
    available: Array
    probability: Array
    decode: Range | Unknown
    bounded: Array
    """Where the layers are not known and the bounds leave it open whether it fits."""

    def fits(self) -> Array:
        """The words for all of them."""
        words = np.where(self.probability >= SURELY, "yes", np.where(self.probability <= HARDLY, "no", "marginal"))
        return np.where(self.bounded, "unknown", words)


@dataclass(frozen=True, slots=True)
class Known:
    """A model whose size is known, as the formulas take it."""

    facts: ModelFacts
    blueprint: Blueprint
    shape: Shape
    bounds: Bounds | None


def compute(
    known: Sequence[Known],
    quantizations: Sequence[Quantization],
    contexts: Sequence[int],
    wanted: Array,
    place: Place,
    deployment: Deployment,
    load: Load,
    prompt_tokens: int,
) -> Grid:
    """Every configuration whose context the model was trained for, and the one that is wanted of it. `wanted`: tokens by model."""
    device = place.device
    models, stored, tokens = _rows(known, len(quantizations), contexts, wanted)
    blueprints = [one.blueprint for one in known]
    shape = stored_shapes([one.shape for one in known], blueprints, quantizations, models, stored)
    found = run_footprint(shape, device, deployment, context_tokens=tokens, sequences=load.sequences)
    total = Range(*(np.broadcast_to(part, models.shape).astype(float) for part in found.total))
    available = np.broadcast_to(run_available(shape, device, deployment), models.shape).astype(float)
    unknown = np.array([one.bounds is not None for one in known])[models]
    if unknown.any():
        total = _with_bounds(total, unknown, shape, known, models, device, deployment, tokens, load)
    constants = constants_for(place, deployment)
    decode: Range | Unknown = constants if isinstance(constants, Unknown) else Unknown("")
    if not isinstance(constants, Unknown):
        decode = estimate_throughput(
            shape, device, deployment, constants, context_tokens=tokens, prompt_tokens=prompt_tokens, sequences=load.sequences
        ).decode_tokens_per_s
    probability = np.asarray(probability_that_it_fits(total, available))
    open_ = unknown & (total.low <= available) & (available < total.high)
    return Grid(models, stored, tokens, np.asarray(shape.weights.value), total, available, probability, decode, open_)


def known_model(facts: ModelFacts) -> Known | None:
    blueprint = blueprint_of_facts(facts)
    if blueprint is None:
        return None
    shape = shape_of(blueprint)
    bounds = None if shape else bounding_shapes(blueprint)
    likely = shape or (bounds.likely if bounds else None)
    return Known(facts, blueprint, likely, bounds) if likely else None


def _rows(known: Sequence[Known], stored: int, contexts: Sequence[int], wanted: Array) -> tuple[Array, Array, Array]:
    """The grid as three columns: model, quantisation, tokens of context."""
    pairs = list[tuple[int, int]]()
    for number, one in enumerate(known):
        longest = one.blueprint.context_tokens or int(wanted[number])
        pairs.extend((number, tokens) for tokens in sorted({*(c for c in contexts if c <= longest), int(wanted[number])}))
    models, tokens = np.array(pairs).T
    return np.repeat(models, stored), np.tile(np.arange(stored), len(pairs)), np.repeat(tokens, stored).astype(float)


def _with_bounds(
    total: Range,
    unknown: Array,
    shape: Shape,
    known: Sequence[Known],
    models: Array,
    device: Device,
    deployment: Deployment,
    tokens: Array,
    load: Load,
) -> Range:
    """Where layers are not known, the interval reaches from no cache to the most that a model of this size keeps."""
    most = np.array([one.bounds.most.kv_elements if one.bounds else 0.0 for one in known])[models]
    least = shape._replace(kv_elements=np.where(unknown, 0.0, shape.kv_elements))
    greatest = shape._replace(kv_elements=np.where(unknown, most, shape.kv_elements))
    low = run_footprint(least, device, deployment, context_tokens=tokens, sequences=load.sequences).total.low
    high = run_footprint(greatest, device, deployment, context_tokens=tokens, sequences=load.sequences).total.high
    return Range(total.value, np.where(unknown, low, total.low), np.where(unknown, high, total.high))
