"""SGLang's memory: its default fraction by GPU, one pool that was measured, and when a load fits."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from llmpick.estimate.engines import sglang
from llmpick.estimate.footprint import probability_that_it_fits
from llmpick.estimate.shape import Range, Shape, shape_of, stack
from llmpick.evidence.deployment import Deployment
from llmpick.evidence.device import Device
from llmpick.evidence.model import Architecture, AttentionLayer, Blueprint, Experts, TensorGroup
from llmpick.evidence.values import Source

GIB = 2**30
HERE = Source("a test", checked=date(2026, 11, 24))
H100 = Device("H100-80GB", "gpu", int(79.19 * GIB), int(78.68 * GIB), vendor="nvidia")


def shape(parameters: int = 8_030_000_000, layers: int = 32, kv_heads: int = 8, experts: Experts | None = None) -> Shape:
    attention = (AttentionLayer(kv_heads, 128, 128),) * layers
    architecture = Architecture("x", 4096, 151_936, attention, blocks=layers, heads=32, intermediate_size=14_336, experts=experts)
    role = "experts" if experts else "mlp"
    found = shape_of(
        Blueprint("x", "files", "safetensors", "BF16", architecture, (TensorGroup(role, "BF16", parameters, 2 * parameters),), None, HERE)
    )
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("gib", "gpus", "chunk", "graph", "reserved_mib"),
    [
        (15.7, 1, 2048, 8, 512 + 3072 + 16 + 128),
        (24, 1, 2048, 24, 512 + 3072 + 48 + 128),
        (24, 4, 2048, 80, 512 + 3072 + 160 + 512),
        (44.5, 1, 4096, 32, 512 + 6144 + 64 + 128),
        (79.19, 1, 8192, 256, 512 + 12_288 + 512 + 128),
        (79.19, 8, 8192, 512, 512 + 12_288 + 1024 + 1024),
        (178, 1, 16_384, 512, 512 + 24_576 + 1024 + 128),
    ],
)
def test_the_default_fraction_leaves_what_the_engine_reserves(gib: float, gpus: int, chunk: int, graph: int, reserved_mib: float):
    device = Device("a GPU", "gpu", int(gib * GIB), int(gib * GIB), vendor="nvidia")
    options = sglang.engine_options(Deployment("sglang", tensor_parallel=gpus), device, 8192)
    assert (options["chunked_prefill_size"], options["cuda_graph_max_bs"]) == (chunk, graph)
    assert options["mem_fraction_static"] == pytest.approx(1 - reserved_mib / (gib * 1024), abs=0.0006)


def test_a_measured_pool():
    """Qwen3-235B-A22B-FP8 on four H100 at 0.93: 367,404 tokens in 16.46 GiB a GPU (vLLM issue 21348)."""
    model = shape(235_000_000_000, layers=94, kv_heads=4, experts=Experts(128, 8))
    model = model._replace(weights=Range.exact(235.09e9 * 1.005))  # eight bits, and 16-bit embeddings
    found = sglang.footprint(model, H100, Deployment("sglang", tensor_parallel=4, memory_utilization=0.93), context_tokens=8192)
    assert found.kv_pool is not None
    assert np.asarray(found.kv_pool.value) / GIB == pytest.approx(16.46, rel=0.05)
    assert np.asarray(found.kv_pool.low) / GIB < 16.46 < np.asarray(found.kv_pool.high) / GIB
    assert np.asarray(found.pool_tokens) == pytest.approx(367_404, rel=0.05)


def test_it_fits_as_long_as_the_pool_holds_the_load():
    for sequences in (1, 16, 60, 64, 256):
        found = sglang.footprint(shape(), H100, Deployment("sglang"), context_tokens=8192, sequences=sequences)
        assert found.kv_pool is not None
        likely = probability_that_it_fits(found.total, sglang.available_bytes(shape(), H100, Deployment("sglang")))
        assert (np.asarray(likely) >= 0.5) == bool(np.asarray(found.part("kv_cache").value <= found.kv_pool.value))


def test_the_users_options_stand():
    deployment = Deployment("sglang", options={"mem_fraction_static": 0.7, "chunked_prefill_size": 4096, "disable_cuda_graph": True})
    options = sglang.engine_options(deployment, H100, 8192, 1000)
    assert (options["mem_fraction_static"], options["chunked_prefill_size"], options["max_running_requests"]) == (0.7, 4096, 1000)
    found = sglang.footprint(shape(), H100, deployment, context_tokens=8192)
    assert np.asarray(found.part("overhead").value) == 0
    assert sglang.engine_options(replace(deployment, memory_utilization=0.8), H100, 8192)["mem_fraction_static"] == 0.7


def test_many_models_at_once_give_what_each_gives_alone():
    models = [shape(), shape(1_000_000_000, 16), shape(30_000_000_000, 48, 4, Experts(128, 8))]
    many = sglang.footprint(stack(models), H100, Deployment("sglang", tensor_parallel=2), context_tokens=np.array([100.0, 8192.0, 4096.0]))
    for i, (model, tokens) in enumerate(zip(models, (100.0, 8192.0, 4096.0), strict=True)):
        alone = sglang.footprint(model, H100, Deployment("sglang", tensor_parallel=2), context_tokens=tokens)
        assert np.asarray(many.total.value)[i] == pytest.approx(float(np.asarray(alone.total.value)))
