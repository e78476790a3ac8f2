from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmpick.estimate.rooflines import Layout, weights_read
from llmpick.estimate.shape import Range, Shape, shape_of, stack
from llmpick.estimate.speed_constants import SpeedConstants
from llmpick.estimate.throughput import Throughput, estimate_throughput
from llmpick.evidence.deployment import Deployment
from llmpick.evidence.device import Device
from llmpick.evidence.model import Architecture, AttentionLayer, Blueprint, Experts, RecurrentLayer, TensorGroup
from llmpick.evidence.values import Source, Unknown

SOURCE = Source("test")
# A device and an engine in round figures, so that every term can be worked out by hand.
GPU = Device("round", "gpu", 10**11, 10**11, 1e12, vendor="nvidia", fp16_flops=1e14, link_bytes_per_s=1e11, host_link_bytes_per_s=1e10)
IDEAL = SpeedConstants("ideal", SOURCE)
LLAMA = Deployment("llama.cpp")
VLLM = Deployment("vllm")


def dense(blocks: int = 10, gigabytes: float = 10.0, window: int | None = None) -> Shape:
    """5e9 weights of 2 bytes, hidden 1000, 10 layers of 2 KV heads x 100: 8,000 bytes of cache per token, whose tables take nothing."""
    layers = (AttentionLayer(2, 100, 100, window=window),) * blocks
    architecture = Architecture("round", 1000, 1, layers, blocks, 10, 4000)
    group = TensorGroup("mlp", "F16", int(gigabytes * 5e8), int(gigabytes * 1e9))
    return built(architecture, (group, TensorGroup("embedding", "F16", 1, 0), TensorGroup("output", "F16", 1, 1)))


def mixture(count: int = 100, active: int = 10) -> Shape:
    """1 GB for every token and 10 GB of experts."""
    architecture = Architecture("mixture", 1000, 1, (AttentionLayer(2, 100, 100),) * 10, 10, 10, 4000, Experts(count, active))
    groups = (
        TensorGroup("mlp", "F16", 5 * 10**8, 10**9),
        TensorGroup("experts", "F16", 5 * 10**9, 10**10),
        TensorGroup("output", "F16", 1, 1),
    )
    return built(architecture, groups)


def built(architecture: Architecture, groups: tuple[TensorGroup, ...]) -> Shape:
    shape = shape_of(Blueprint("x", "config", "gguf", "F16", architecture, groups, None, SOURCE))
    assert shape is not None
    return shape


def speed(shape: Shape, constants: SpeedConstants = IDEAL, deployment: Deployment = LLAMA, **asked: float) -> Throughput:
    asked = {"context_tokens": 0, "prompt_tokens": 512, "sequences": 1} | asked
    return estimate_throughput(shape, GPU, deployment, constants, **asked)  # type: ignore[arg-type]


def step(shape: Shape, constants: SpeedConstants = IDEAL, deployment: Deployment = LLAMA, **asked: float) -> float:
    return 1 / value(speed(shape, constants, deployment, **asked).decode_tokens_per_s)


def value(found: Range | Unknown) -> float:
    assert isinstance(found, Range)
    return float(found.value)


@pytest.mark.parametrize(
    ("constants", "deployment", "asked", "seconds"),
    [
        pytest.param({}, LLAMA, {}, 0.010, id="10 GB at 1 TB/s"),
        pytest.param({"weight_efficiency": 0.5}, LLAMA, {}, 0.020, id="at half of the bandwidth"),
        pytest.param({"token_s": 1e-3, "layer_s": 1e-4}, LLAMA, {}, 0.012, id="1 ms and 10 layers of 0.1 ms"),
        pytest.param({"expert_layer_s": 1e-3, "recurrent_layer_s": 1e-3}, LLAMA, {}, 0.010, id="no experts, no recurrent layers"),
        pytest.param({}, LLAMA, {"context_tokens": 100_000}, 0.0108, id="800 MB of cache"),
        pytest.param({"kv_efficiency": 0.5}, LLAMA, {"context_tokens": 100_000}, 0.0116, id="cache at half of the bandwidth"),
        pytest.param({}, replace(LLAMA, kv_type="q8_0"), {"context_tokens": 100_000}, 0.010425, id="cache in 8.5 bits"),
        pytest.param({}, VLLM, {"sequences": 10, "context_tokens": 10_000}, 0.0108, id="ten caches, one reading of the weights"),
        pytest.param({}, VLLM, {"sequences": 1000}, 0.100, id="many sequences: 2 x 5e9 x 1000 operations at 100 TFLOPS"),
        pytest.param({"sequence_s": 1e-4}, VLLM, {"sequences": 10}, 0.011, id="0.1 ms per sequence"),
        pytest.param({}, replace(VLLM, tensor_parallel=2), {}, 0.0050004, id="half each, 20 exchanges of 2,000 bytes at 100 GB/s"),
        pytest.param({"allreduce_s": 1e-5}, replace(VLLM, tensor_parallel=2), {}, 0.0052004, id="and their latency"),
        pytest.param({}, replace(VLLM, pipeline_parallel=4), {}, 0.010, id="stages take turns"),
        pytest.param({}, replace(LLAMA, gpu_layers=5), {}, 0.005 + 5 / (0.7 * 60), id="half of the layers in the host's memory"),
        pytest.param({"bandwidth_bytes_per_s": 2e12}, LLAMA, {}, 0.005, id="a measured bandwidth takes the place of the rated one"),
    ],
)
def test_a_decode_step_is_the_sum_of_its_terms(
    constants: dict[str, float], deployment: Deployment, asked: dict[str, float], seconds: float
):
    assert step(dense(), replace(IDEAL, **constants), deployment, **asked) == pytest.approx(seconds, rel=1e-6)


def test_a_mixture_reads_the_experts_that_are_taken():
    assert step(mixture()) == pytest.approx((1 + 1) / 1000)
    two = 1 + 10 * (1 - 0.9**2)
    assert step(mixture(), deployment=VLLM, sequences=2) == pytest.approx(two / 1000)
    assert weights_read(mixture(), 1000, Layout()).device == pytest.approx(11e9)


def test_experts_in_the_host_memory_are_read_there():
    half = replace(LLAMA, cpu_expert_layers=5)
    assert step(mixture(), deployment=half) == pytest.approx(1.5 / 1000 + 0.5 / (0.7 * 60))
    faster = estimate_throughput(
        mixture(), GPU, half, IDEAL, context_tokens=0, prompt_tokens=512, host_bandwidth_bytes_per_s=600e9
    ).decode_tokens_per_s
    assert value(faster) == pytest.approx(1 / (1.5 / 1000 + 0.5 / (0.7 * 600)))


def test_recurrent_layers_read_and_write_their_state():
    layers = (AttentionLayer(2, 100, 100), RecurrentLayer(10**8, 0))
    architecture = Architecture("hybrid", 1000, 1, layers, 2, 10, 4000)
    shape = built(architecture, (TensorGroup("mlp", "F16", 5 * 10**9, 10**10), TensorGroup("output", "F16", 1, 1)))
    assert step(shape) == pytest.approx(0.010 + 2 * 4e8 / 1e12, rel=1e-6)
    assert step(shape, replace(IDEAL, recurrent_layer_s=1e-3)) == pytest.approx(0.0118, rel=1e-6)


def test_unpacking_binds_quantised_weights_on_slow_gpus():
    packed = dense(gigabytes=10)._replace(parameters=2e10, active_parameters=2e10)
    assert step(packed, replace(IDEAL, unpack_ops=100.0)) == pytest.approx(2e12 / 1e14, rel=1e-6)
    assert step(dense(), replace(IDEAL, unpack_ops=100.0)) == pytest.approx(0.010, rel=1e-6)


@pytest.mark.parametrize(
    ("constants", "prompt", "seconds"),
    [
        ({}, 4096, 4096 * 1e10 / 1e14 + 10 * 4 * 1000 * 4096**2 / 2 / 1e14),
        ({"compute_efficiency": 0.5}, 4096, 4096 * 2e10 / 1e14 + 10 * 4 * 1000 * 4096**2 / 2 / 1e14),
        ({"attention_efficiency": 0.1}, 4096, 4096 * 1e10 / 1e14 + 10 * 4 * 1000 * 4096**2 / 2 / 1e13),
        ({"prefill_s": 0.1, "layer_s": 1e-3}, 512, 0.1 + 10e-3 + 512 * 1e10 / 1e14 + 10 * 4 * 1000 * 512**2 / 2 / 1e14),
        ({}, 10, 0.010 + 10 * 4 * 1000 * 10**2 / 2 / 1e14),
    ],
    ids=["operations and attention", "at half of the rate", "attention at a tenth", "fixed costs", "short: the weights must be read"],
)
def test_a_prompt_is_computed_or_the_weights_are_read(constants: dict[str, float], prompt: int, seconds: float):
    found = speed(dense(), replace(IDEAL, **constants), prompt_tokens=prompt)
    assert prompt / value(found.prefill_tokens_per_s) == pytest.approx(seconds, rel=1e-4)


def test_the_first_token_takes_the_prompt_and_one_step():
    constants = replace(IDEAL, request_s=0.05)
    found = speed(dense(), constants, prompt_tokens=512, context_tokens=512)
    prompt = 512 / value(found.prefill_tokens_per_s)
    assert value(found.ttft_s) == pytest.approx(0.05 + prompt + 1 / value(found.decode_tokens_per_s))


def test_a_window_bounds_reading_and_attention():
    full, slid = dense(), dense(window=1000)
    assert step(slid, context_tokens=100_000) == pytest.approx(step(full, context_tokens=1000))
    assert value(speed(slid, prompt_tokens=32768).prefill_tokens_per_s) > value(speed(full, prompt_tokens=32768).prefill_tokens_per_s)
    whole = replace(LLAMA, options={"swa_full": True})
    assert step(slid, deployment=whole, context_tokens=100_000) == pytest.approx(step(full, context_tokens=100_000))


def test_what_is_not_known_is_said():
    nothing = estimate_throughput(dense(), replace(GPU, bandwidth_bytes_per_s=None), LLAMA, IDEAL, context_tokens=0, prompt_tokens=1)
    assert all(isinstance(found, Unknown) and "memory bandwidth of round" in found.reason for found in nothing)
    no_rate = estimate_throughput(dense(), replace(GPU, fp16_flops=None), LLAMA, IDEAL, context_tokens=0, prompt_tokens=1)
    assert value(no_rate.decode_tokens_per_s) == pytest.approx(100)
    assert isinstance(no_rate.prefill_tokens_per_s, Unknown)
    assert isinstance(no_rate.ttft_s, Unknown)
    cores = replace(GPU, fp16_flops=None, cores=10)
    by_cores = estimate_throughput(dense(), cores, LLAMA, replace(IDEAL, core_flops=1e12), context_tokens=0, prompt_tokens=512)
    assert value(by_cores.prefill_tokens_per_s) == pytest.approx(1000, rel=0.01)


def test_intervals_have_the_stated_width_and_grow_with_what_is_unknown():
    constants = replace(IDEAL, decode_spread=0.2)
    narrow = speed(dense(), constants).decode_tokens_per_s
    assert isinstance(narrow, Range)
    assert narrow.high / narrow.value == pytest.approx(np.exp(0.2))
    assert narrow.low / narrow.value == pytest.approx(np.exp(-0.2))
    offloaded = speed(dense(), constants, replace(LLAMA, gpu_layers=5)).decode_tokens_per_s
    guessed = speed(dense()._replace(weights=Range.relative(10e9, 0.2)), constants).decode_tokens_per_s
    assert isinstance(offloaded, Range)
    assert isinstance(guessed, Range)
    assert min(offloaded.high / offloaded.value, guessed.high / guessed.value) > np.exp(0.2)


def test_many_configurations_are_estimated_at_once():
    shapes = [dense(), dense(gigabytes=20), mixture(), dense(window=1000)]
    contexts = np.array([0.0, 1000.0, 2000.0, 4000.0])
    together = estimate_throughput(stack(shapes), GPU, LLAMA, IDEAL, context_tokens=contexts, prompt_tokens=512)
    for part, name in ((together.decode_tokens_per_s, "decode_tokens_per_s"), (together.ttft_s, "ttft_s")):
        assert isinstance(part, Range)
        alone = [value(getattr(speed(shape, context_tokens=c), name)) for shape, c in zip(shapes, contexts, strict=True)]
        assert np.asarray(part.value) == pytest.approx(alone)


@given(context=st.integers(0, 100_000), more=st.integers(1, 100_000), sequences=st.integers(1, 64))
def test_more_context_and_more_sequences_are_never_faster(context: int, more: int, sequences: int):
    now = step(mixture(), deployment=VLLM, context_tokens=context, sequences=sequences)
    assert step(mixture(), deployment=VLLM, context_tokens=context + more, sequences=sequences) >= now
    assert step(mixture(), deployment=VLLM, context_tokens=context, sequences=sequences + 1) >= now
