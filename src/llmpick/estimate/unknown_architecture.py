"""Bounds for a model of which only the size is known: its weights are certain, what it keeps per token of context is not.

The measure is the cache of a decoder without grouped queries that is shaped like LLaMA-1 of this size: 12 x layers x width^2 parameters,
of which width = 128 x layers (arXiv:2302.13971, table 2). Of the catalog's models none keeps more than 1.15 of it (Qwen3-0.6B, with wide
heads for its size), the median 0.27 (grouped queries); at least nothing is kept (recurrent layers only).
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from llmpick.estimate.footprint import Footprint, Line
from llmpick.estimate.shape import Number, Range, Shape, shape_of
from llmpick.evidence.model import Architecture, AttentionLayer, Blueprint

_HEAD_SIZE = 128
_LIKELY, _MOST = 0.27, 1.2
_VOCABULARY = 128_000
_PARAMETERS_PER_LAYER = 12  # x width^2: four matrices of attention, and a feed-forward part of eight


class Bounds(NamedTuple):
    """The shapes with the least, the likely and the most cache."""

    least: Shape
    likely: Shape
    most: Shape


def bounding_shapes(blueprint: Blueprint, *, spread: float = 0.0) -> Bounds | None:
    """Three shapes of the model's size; None where not even that is known."""
    if blueprint.parameters <= 0:
        return None
    width = (blueprint.parameters * _HEAD_SIZE / _PARAMETERS_PER_LAYER) ** (1 / 3)
    heads = max(1, round(width / _HEAD_SIZE))
    shape = _shape(blueprint, heads, spread)
    return Bounds(*(shape._replace(kv_elements=shape.kv_elements * part) for part in (0.0, _LIKELY, _MOST)))


def bounded(least: Footprint, likely: Footprint, most: Footprint) -> Footprint:
    """One footprint whose intervals reach from the low ends of `least` to the high ends of `most`, line by line."""
    lines, host = (
        _bounded(*three) for three in ((one.lines for one in (least, likely, most)), (one.host for one in (least, likely, most)))
    )
    pool = likely.kv_pool
    if pool is not None and least.kv_pool is not None and most.kv_pool is not None:
        pool = Range(pool.value, min(least.kv_pool.low, most.kv_pool.low), max(least.kv_pool.high, most.kv_pool.high))
    total = Range(likely.total.value, least.total.low, most.total.high)
    return Footprint(lines, likely.kind, total_range=total, kv_pool=pool, host=host)


def _bounded(least: Sequence[Line], likely: Sequence[Line], most: Sequence[Line]) -> tuple[Line, ...]:
    low = {(line.part, line.name): line.bytes.low for line in least}
    high = {(line.part, line.name): line.bytes.high for line in most}
    return tuple(_line(line, low.get((line.part, line.name), 0.0), high[line.part, line.name]) for line in likely)


def _shape(blueprint: Blueprint, heads: int, spread: float) -> Shape:
    layers = (AttentionLayer(heads, _HEAD_SIZE, _HEAD_SIZE),) * heads  # as many layers as heads
    architecture = Architecture("unknown", heads * _HEAD_SIZE, _VOCABULARY, layers, blocks=heads, heads=heads)
    shape = shape_of(replace(blueprint, architecture=architecture), spread=spread)
    assert shape is not None
    return shape


def _line(likely: Line, low: Number, high: Number) -> Line:
    if low >= likely.bytes.low and high <= likely.bytes.high:
        return likely
    formula = f"{likely.formula}; its layers are not known, so bounds"
    return likely._replace(bytes=Range(likely.bytes.value, min(low, likely.bytes.low), max(high, likely.bytes.high)), formula=formula)
