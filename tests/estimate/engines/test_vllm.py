"""vLLM's memory: the logged boots, what each option moves, and how the pool is told in tokens."""

import re
from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from benchmarks.vllm_pool import left_out, read, relative
from hypothesis import given
from hypothesis import strategies as st
from tests.shared_data import shared_data

from llmpick.estimate.engines import vllm
from llmpick.estimate.footprint import probability_that_it_fits
from llmpick.estimate.shape import Range, Shape, shape_of, stack
from llmpick.evidence.deployment import Deployment
from llmpick.evidence.device import Device
from llmpick.evidence.errors import InputError
from llmpick.evidence.model import Architecture, AttentionLayer, Blueprint, Experts, TensorGroup
from llmpick.evidence.values import Source

GIB = 2**30
HERE = Source("a test", checked=date(2026, 11, 24))
H100 = Device("H100-80GB", "gpu", int(79.19 * GIB), int(78.68 * GIB), vendor="nvidia")
RTX = Device("RTX 4090", "gpu", 24 * GIB, 24 * GIB, vendor="nvidia")
CURRENT = Deployment("vllm", "0.19.0", memory_utilization=0.95)


def shape(
    *,
    layers: tuple[AttentionLayer, ...] = (AttentionLayer(8, 128, 128),) * 32,
    vocabulary: int = 128_256,
    hidden: int = 4096,
    experts: int = 0,
) -> Shape:
    """A Llama-3-8B, or what the arguments make of it."""
    width, blocks = 14_336, len(layers)
    feed_forward = blocks * 3 * hidden * width
    tensors = (
        TensorGroup("embedding", "BF16", vocabulary * hidden, 2 * vocabulary * hidden),
        TensorGroup("output", "BF16", vocabulary * hidden, 2 * vocabulary * hidden),
        TensorGroup("experts" if experts else "mlp", "BF16", feed_forward * max(experts, 1), 2 * feed_forward * max(experts, 1)),
        TensorGroup("attention", "BF16", blocks * hidden * 10_240, 2 * blocks * hidden * 10_240),
    )
    mixture = Experts(experts, 2) if experts else None
    architecture = Architecture("x", hidden, vocabulary, layers, blocks=blocks, heads=32, intermediate_size=width, experts=mixture)
    found = shape_of(Blueprint("x", "files", "safetensors", "BF16", architecture, tensors, 8192, HERE))
    assert found is not None
    return found


def pool(model: Shape, device: Device = H100, deployment: Deployment = CURRENT, context: float = 8192) -> float:
    claimed = vllm.footprint(model, device, deployment, context_tokens=context).kv_pool
    assert claimed is not None
    return float(np.asarray(claimed.value)) / GIB


def line(model: Shape, name: str, device: Device = H100, deployment: Deployment = CURRENT) -> float:
    lines = vllm.footprint(model, device, deployment, context_tokens=8192).lines
    return next(float(np.asarray(line.bytes.value)) for line in lines if line.name.startswith(name)) / GIB


def test_the_logged_boots_of_0_19():
    boots = [b for b in read(shared_data("fit/memory_vllm.csv").parent) if b.row["engine_version"] == "0.19.0" and b.measured_pool]
    assert len(boots) >= 30
    for boot in boots:
        error = relative(float(boot.pool.value), boot.measured_pool)
        assert error is not None
        assert abs(error) < 0.006, boot.name
        assert boot.pool.low <= (boot.measured_pool or 0) <= boot.pool.high, boot.name
    errors = [abs(error) for family in left_out(boots).values() for error in family]
    assert max(errors) < 0.01


def test_the_activation_peak_of_each_logged_version():
    boots = [boot for boot in read(shared_data("fit/memory_vllm.csv").parent) if boot.row["activation_peak_gib"] and boot.row["pp"] != "2"]
    for boot in boots:
        version, stages = boot.row["engine_version"], int(boot.row["pp"] or 1)
        if stages == 1 and not version.startswith(("0.6", "0.7")):
            logged = float(boot.row["activation_peak_gib"])
            assert float(np.asarray(boot.line("activation").value)) / GIB == pytest.approx(
                logged, abs=0.18 if "VL" in boot.name else 0.02, rel=0.04
            )


@pytest.mark.parametrize(
    ("version", "utilization", "tokens", "rows"),
    [("0.19.0", 0.9, 8192, 1024), ("0.28.0", 0.92, 8192, 1024), (None, 0.92, 8192, 1024), ("0.6.4", 0.9, 8192, 256)],
)
def test_default_options_of_an_h100(version: str | None, utilization: float, tokens: int, rows: int):
    assert vllm.engine_options(Deployment("vllm", version), H100, 8192) == {
        "max_model_len": 8192,
        "max_num_batched_tokens": tokens,
        "max_num_seqs": rows,
        "gpu_memory_utilization": utilization,
        "enforce_eager": False,
        "kv_cache_dtype": "auto",
        "tensor_parallel_size": 1,
        "pipeline_parallel_size": 1,
    }


def test_default_options_of_other_gpus_and_those_that_the_user_sets():
    a100 = replace(H100, name="A100-80GB")
    for device in (a100, RTX):
        options = vllm.engine_options(Deployment("vllm"), device, 8192)
        assert (options["max_num_batched_tokens"], options["max_num_seqs"]) == (2048, 256)
    chosen = Deployment("vllm", options={"max_num_seqs": 16, "enforce_eager": True, "swap_space": 4})
    options = vllm.engine_options(chosen, H100, 4, 2)
    assert (options["max_num_seqs"], options["max_num_batched_tokens"], options["swap_space"]) == (16, 64, 4)
    assert vllm.engine_options(Deployment("vllm"), RTX, 512, 400)["max_num_seqs"] == 400


def test_the_peak_grows_with_the_vocabulary_and_no_tensor_parallelism_shrinks_it():
    small, large = shape(vocabulary=128_256), shape(vocabulary=262_144)
    logits = (262_144 - 128_256) * (1024 * 14 + 132 * 4) / GIB
    assert line(large, "activation") - line(small, "activation") == pytest.approx(logits)
    assert line(small, "activation", deployment=replace(CURRENT, tensor_parallel=4)) == line(small, "activation")


def test_experts_add_two_workspaces_that_tensor_parallelism_shrinks():
    dense, mixture = shape(vocabulary=32_000), shape(vocabulary=32_000, experts=8)
    workspaces = 8192 * 2 * 2 * (14_336 + 2 * 14_336) / GIB
    without = shape(vocabulary=32_000)._replace(mlp_outputs=0.0)
    assert line(mixture, "activation") - line(without, "activation") == pytest.approx(workspaces)
    halved = line(mixture, "activation", deployment=replace(CURRENT, tensor_parallel=2))
    assert halved == pytest.approx(line(mixture, "activation") - workspaces / 2)
    assert line(dense, "activation") > line(without, "activation")


@pytest.mark.parametrize(
    ("layers", "layers_charged"),
    [
        ((AttentionLayer(8, 128, 128),) * 32, 32),
        ((AttentionLayer(8, 128, 128), AttentionLayer(8, 128, 128, 4096)) * 13, 26),  # Gemma-2: two groups
        (((AttentionLayer(8, 128, 128, 1024),) * 52 + (AttentionLayer(8, 128, 128),) * 10), 70),  # Gemma-3-27B: 52 fill up to 60
        ((AttentionLayer(8, 128, 128, 4096),) * 32, 32),
    ],
)
def test_tokens_of_the_pool_with_sliding_layers(layers: tuple[AttentionLayer, ...], layers_charged: int):
    found = vllm.footprint(shape(layers=layers), H100, CURRENT, context_tokens=8192)
    assert found.kv_pool is not None
    per_token = layers_charged * 2 * 8 * 128 * 2
    assert np.asarray(found.pool_tokens) == np.floor(np.asarray(found.kv_pool.value) / per_token)


def test_a_layer_with_smaller_pages_is_charged_the_larger_ones():
    """Gemma-4-31B: 24.54 GiB held 26,800 tokens (hf-mem pull request 61)."""
    layers = (AttentionLayer(16, 256, 256, 1024),) * 50 + (AttentionLayer(4, 512, 512),) * 10
    found = vllm.footprint(shape(layers=layers), H100, CURRENT, context_tokens=8192)
    assert found.kv_pool is not None
    per_token = float(np.asarray(found.kv_pool.value)) / float(np.asarray(found.pool_tokens))
    assert per_token == pytest.approx(24.54 * GIB / 26_800, rel=0.001)


def test_a_latent_cache_stands_whole_on_every_gpu_and_heads_are_divided_as_far_as_they_go():
    latent = shape(layers=(AttentionLayer(1, 576, 0, latent=True),) * 27)
    grouped = shape()

    def need(model: Shape, gpus: int) -> float:
        return line(model, "KV cache", deployment=replace(CURRENT, tensor_parallel=gpus))

    assert need(latent, 4) == need(latent, 1) == 27 * 576 * 2 * 8192 / GIB
    assert need(grouped, 1) == 8 * need(grouped, 8) == 8 * need(grouped, 16)


def test_the_cache_in_eight_bits_doubles_the_tokens():
    wide = vllm.footprint(shape(), H100, CURRENT, context_tokens=8192)
    narrow = vllm.footprint(shape(), H100, replace(CURRENT, kv_type="fp8"), context_tokens=8192)
    assert np.asarray(narrow.pool_tokens) == pytest.approx(2 * np.asarray(wide.pool_tokens), abs=2)
    with pytest.raises(InputError, match="fp7"):
        vllm.footprint(shape(), H100, replace(CURRENT, kv_type="fp7"), context_tokens=8192)


def test_graphs_are_paid_from_the_pool_since_0_21():
    before, after = replace(CURRENT, version="0.20.2"), replace(CURRENT, version="0.21.0")
    assert pool(shape(), deployment=before) - pool(shape(), deployment=after) == pytest.approx(line(shape(), "CUDA graphs"))
    eager = replace(after, options={"enforce_eager": True})
    assert pool(shape(), deployment=eager) == pytest.approx(pool(shape(), deployment=before))


def test_it_fits_as_long_as_the_pool_holds_the_load():
    sixteen = {"context_tokens": 8192, "sequences": 16}
    for device in (H100, RTX):
        for load in (sixteen, {"context_tokens": 131_072, "sequences": 16}):
            for version in ("0.19.0", "0.28.0"):
                deployment = replace(CURRENT, version=version, memory_utilization=0.9)
                found = vllm.footprint(shape(), device, deployment, **load)
                assert found.kv_pool is not None
                likely = probability_that_it_fits(found.total, vllm.available_bytes(shape(), device, deployment))
                holds = found.part("kv_cache").value <= found.kv_pool.value
                assert (np.asarray(likely) >= 0.5) == bool(np.asarray(holds))


def test_a_model_that_leaves_no_room_has_an_empty_pool():
    model = shape(vocabulary=256_000, hidden=8192)
    assert pool(model, RTX) == 0
    assert np.asarray(probability_that_it_fits(vllm.footprint(model, RTX, CURRENT, context_tokens=8192).total, 24 * GIB)) < 0.05


def test_many_models_at_once_give_what_each_gives_alone():
    models = [shape(), shape(experts=8), shape(layers=(AttentionLayer(1, 576, 0, latent=True),) * 27), shape(vocabulary=32_000)]
    for deployment in (CURRENT, replace(CURRENT, pipeline_parallel=2), replace(CURRENT, tensor_parallel=2, version="0.28")):
        contexts = np.array([512.0, 8192.0, 32_768.0, 1000.0])
        many = vllm.footprint(stack(models), H100, deployment, context_tokens=contexts, sequences=np.array([1.0, 2.0, 3.0, 400.0]))
        for i, (model, count) in enumerate(zip(models, (1.0, 2.0, 3.0, 400.0), strict=True)):
            alone = vllm.footprint(model, H100, deployment, context_tokens=float(contexts[i]), sequences=count)
            assert np.broadcast_to(np.asarray(many.total.value), 4)[i] == pytest.approx(float(np.asarray(alone.total.value)))
            assert many.kv_pool is not None
            assert alone.kv_pool is not None
            assert np.broadcast_to(np.asarray(many.kv_pool.low), 4)[i] == pytest.approx(float(np.asarray(alone.kv_pool.low)))


@given(st.floats(0.3, 0.99), st.integers(1, 8), st.integers(1, 4), st.sampled_from(["0.6", "0.11", "0.19", "0.28", None]))
def test_ranges_hold_their_values_and_a_larger_claim_a_larger_pool(utilization: float, gpus: int, stages: int, version: str | None):
    deployment = Deployment("vllm", version, tensor_parallel=gpus, pipeline_parallel=stages, memory_utilization=utilization)
    found = vllm.footprint(shape(), H100, deployment, context_tokens=8192)
    assert found.kv_pool is not None
    for part in (found.kv_pool, found.total, *(line.bytes for line in found.lines)):
        low, value, high = (float(np.asarray(bound)) for bound in (part.low, part.value, part.high))
        assert 0 <= low <= value <= high
    assert (
        pool(shape(), deployment=replace(deployment, memory_utilization=utilization + 0.01)) >= float(np.asarray(found.kv_pool.value)) / GIB
    )


def test_stages_divide_the_layers_and_the_last_one_limits():
    """Llama-3.1-8B on two stages: weights 7.51 GiB each, 2.01 GiB of activations on the last one, 8.69 and 9.60 in all."""
    model = shape()._replace(weights=Range.exact(14.99 * GIB))
    assert pool(model, deployment=replace(CURRENT, pipeline_parallel=2)) == pytest.approx(0.95 * 79.19 - 9.60, abs=0.05)
    assert line(model, "activation", deployment=replace(CURRENT, pipeline_parallel=2)) == pytest.approx(2.01, abs=0.02)


NUMBERS = re.compile(r"[\d,]*\d(?:\.\d+)?")


def numbers_of(formula: str) -> list[float]:
    return [float(number.replace(",", "")) for number in NUMBERS.findall(formula)]


@pytest.mark.parametrize("experts", [0, 8])
@pytest.mark.parametrize(("tp", "pp"), [(1, 1), (2, 1), (1, 4)])
def test_formulas_have_their_numbers_filled_in(experts: int, tp: int, pp: int):
    """Each is worked out again from what it says."""
    deployment = replace(CURRENT, tensor_parallel=tp, pipeline_parallel=pp)
    found = vllm.footprint(shape(experts=experts), H100, deployment, context_tokens=8192, sequences=3)
    said = {line.name: (numbers_of(line.formula), float(np.asarray(line.bytes.value))) for line in found.lines}
    (held, *split), weights = said["weights"]
    size, stages, gpus, kept = split or (held, 1, 1, 0)
    assert (gpus, stages, size) == (tp, pp, float(np.asarray(shape(experts=experts).weights.value)))
    assert (held == size) == (pp == 1)
    assert weights == pytest.approx(held / gpus + kept)
    (one, tokens, block, sequences), cache = said["KV cache of the load"]
    assert (tokens, block, sequences) == (8192, 16, 3)
    assert cache == pytest.approx(one * sequences)
    (layers, _, sampler, _, kept), peak = said["activation peak"]
    assert peak == pytest.approx(max(layers, sampler) + kept, rel=1e-6)
    (gib,), outside = said["outside torch (CUDA, NCCL, kernels)"]
    assert outside == pytest.approx(gib * GIB, rel=0.03)
    (fixed, each, blocks, *more), graphs = said["CUDA graphs"]
    assert graphs == pytest.approx((fixed + sum(more)) * GIB + each * 2**20 * blocks)


def test_what_is_not_there_is_said():
    eager = replace(CURRENT, options={"enforce_eager": True})
    assert [line.formula for line in vllm.footprint(shape(), H100, eager, context_tokens=8192).lines][-1] == "none: enforce_eager"
