"""Bounds for models of which only the size is known, held against models whose layers are known."""

import pytest

from llmpick.catalog.loader import load_models
from llmpick.estimate.footprint import Footprint, Line
from llmpick.estimate.kv_cache import cache_bytes
from llmpick.estimate.shape import Range, shape_of
from llmpick.estimate.unknown_architecture import bounded, bounding_shapes
from llmpick.evidence.model import Blueprint, TensorGroup
from llmpick.evidence.values import Source
from llmpick.workflow.models.facts_blueprint import blueprint_of_facts

KNOWN = [one for one in map(blueprint_of_facts, load_models()) if one and one.architecture]


def sized(parameters: int) -> Blueprint:
    group = TensorGroup("other", "BF16", parameters, 2 * parameters)
    return Blueprint("x", "facts", "safetensors", "BF16", None, (group,), None, Source("card"))


def test_the_weights_are_known_and_the_cache_is_between_nothing_and_that_of_llama_1():
    bounds = bounding_shapes(sized(6_738_415_616))
    assert bounds is not None
    assert bounds.most.weights == Range.exact(2 * 6_738_415_616)
    least, likely, most = (cache_bytes(shape, 2048).total for shape in bounds)
    assert least == 0
    assert most == pytest.approx(1.2 * 2**30, rel=0.08)  # LLaMA-7B: 32 layers x 2 x 4,096 x 2,048 tokens x 2 bytes
    assert likely == pytest.approx(0.27 * 2**30, rel=0.08)


def test_no_known_model_keeps_more_than_the_bound():
    above = []
    for blueprint in KNOWN:
        shape, bounds = shape_of(blueprint), bounding_shapes(sized(blueprint.parameters))
        assert shape is not None
        assert bounds is not None
        if cache_bytes(shape, 2048).total > cache_bytes(bounds.most, 2048).total:
            above.append(blueprint.name)
    assert above == []


def test_nothing_known_has_no_bounds():
    assert bounding_shapes(sized(0)) is None


def test_the_interval_reaches_from_the_least_to_the_most():
    def footprint(cache: float) -> Footprint:
        source = Source("x")
        lines = (
            Line("weights", "w", Range.exact(100.0), "100", source),
            Line("kv_cache", "kv", Range(cache, cache - 1, cache + 1), "cache", source),
        )
        return Footprint(lines, "resident", kv_pool=Range(50 - cache, 49 - cache, 51 - cache))

    whole = bounded(footprint(1), footprint(5), footprint(20))
    assert (whole.total.value, whole.total.low, whole.total.high) == (105, 100, 121)
    assert whole.part("kv_cache") == Range(5, 0, 21)
    assert whole.part("weights") == Range.exact(100)
    assert whole.kv_pool == Range(45, 29, 50)
    assert "not known" in whole.lines[1].formula
    assert "not known" not in whole.lines[0].formula
