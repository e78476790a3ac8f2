"""The memory formula: exact where it can be, and honest where it cannot, against what was measured."""

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmpick.estimate.memory import estimate_memory, fits, kv_bytes_per_sequence
from llmpick.evidence.device import Device, Load
from llmpick.evidence.model import Architecture, AttentionLayer, ModelFacts, TensorGroup, Weights
from llmpick.evidence.values import Estimate, Fact, Interval, Source, Unknown
from llmpick.sources.gguf import read_gguf

GIB, MIB = 2**30, 2**20
CPU = Device("a CPU", "cpu", 16 * GIB, 16 * GIB)
GPU = Device("a GPU", "gpu", 24 * GIB, 24 * GIB)
PAPER = Source("a paper")
LLAMA3_8B = Architecture("llama", 4096, 128_256, (AttentionLayer(8, 128, 128),) * 32)
LLAMA1_7B = Architecture("llama", 4096, 32_000, (AttentionLayer(32, 128, 128),) * 32)
SLIDING = Architecture("gemma3", 640, 262_144, ((AttentionLayer(1, 256, 256, 512),) * 5 + (AttentionLayer(1, 256, 256),)) * 3)


def facts(parameters: int | None, architecture: Architecture | None = None) -> ModelFacts:
    return ModelFacts(
        "m",
        "M",
        "m",
        "base",
        parameters_total=None if parameters is None else Fact(parameters, PAPER),
        architecture=None if architecture is None else Fact(architecture, PAPER),
    )


def weights(size: int, architecture: Architecture | None = LLAMA3_8B, parameters: int | None = None, q4_bytes: int = 0) -> Weights:
    return Weights(
        Path("m.gguf"), "gguf", size, "Q4_K_M", architecture, 8192, None, parameters, tensors=(TensorGroup("other", "Q4_K", 0, q4_bytes),)
    )


def interval(*arguments: object) -> Interval:
    estimate = estimate_memory(*arguments)  # pyright: ignore[reportArgumentType]
    assert isinstance(estimate, Estimate)
    assert estimate.unit == "bytes"
    return estimate.interval


@pytest.mark.parametrize(
    ("architecture", "tokens", "whole", "size"),
    [
        (LLAMA3_8B, 1, False, 128 * 1024),  # 128 KiB a token: 32 layers x 8 heads x 2 x 128 x 2 bytes
        (LLAMA1_7B, 2048, False, GIB),  # 512 KiB a token
        (LLAMA3_8B, 0, False, 0),
        (SLIDING, 512, False, 18 * 512 * 1024),
        (SLIDING, 4096, False, (3 * 4096 + 15 * 512) * 1024),
        (SLIDING, 4096, True, 18 * 4096 * 1024),
    ],
)
def test_kv_cache_bytes(architecture: Architecture, tokens: int, whole: bool, size: int):
    assert kv_bytes_per_sequence(architecture, tokens, whole_context=whole) == size
    assert kv_bytes_per_sequence(architecture, tokens, 1, whole_context=whole) == size // 2


# Resident memory of the engine's process in MiB, measured with flash attention off and on (see the comment in the module).
MEASURED = {
    "smollm2": [(1024, 194.5), (2048, 243.0), (4096, 331.4), (1024, 185.3), (4096, 255.7)],
    "gemma": [(1024, 380.4), (2048, 413.3), (4096, 474.0), (1024, 377.3), (4096, 437.9)],
}


@pytest.mark.parametrize("model", MEASURED)
def test_what_was_measured_lies_inside_the_interval(model: str, request: pytest.FixtureRequest):
    read = read_gguf(request.getfixturevalue(f"{model}_path"))
    for position, (context, resident_mib) in enumerate(MEASURED[model]):
        estimate = interval(read, None, CPU, Load(context))
        assert estimate.low < resident_mib * MIB < estimate.high
        if position < 3:
            assert estimate.value == pytest.approx(resident_mib * MIB, rel=0.07)


ENGINE = """
import sys, psutil, xllamacpp
params = xllamacpp.CommonParams()
params.model.path, params.n_ctx, params.n_parallel, params.verbosity, params.swa_full = sys.argv[1], 1024, 1, -1, True
params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
params.flash_attn_type = xllamacpp.llama_flash_attn_type.LLAMA_FLASH_ATTN_TYPE_DISABLED
server = xllamacpp.Server(params)
server.handle_completions({"prompt": "the quick brown fox " * 20, "n_predict": 1})
print(psutil.Process().memory_info().rss)
"""


def test_the_real_engine_stays_inside_the_interval(smollm2_path: Path):
    pytest.importorskip("xllamacpp", reason="the engine is not installed")
    done = subprocess.run([sys.executable, "-c", ENGINE, str(smollm2_path)], capture_output=True, text=True, timeout=120, check=True)
    estimate = interval(read_gguf(smollm2_path), None, CPU, Load(1024))
    assert estimate.low < int(done.stdout) < estimate.high


def test_files_and_cache_are_exact_and_the_rest_is_small_for_a_large_model():
    estimate = interval(weights(40 * GIB), None, GPU, Load(4096))
    known = 40 * GIB + 4096 * 128 * 1024
    assert known < estimate.low < estimate.value < estimate.high < known + GIB


def test_the_cpu_keeps_a_rearranged_copy_of_some_types():
    on_cpu, on_gpu = (interval(weights(5 * GIB, q4_bytes=4 * GIB), None, device, Load(1024)) for device in (CPU, GPU))
    assert on_cpu.value - on_gpu.value == 4 * GIB
    assert on_cpu.low == on_gpu.low


def test_a_model_that_is_not_here_is_taken_in_q4_k_m():
    """Llama-3.1-8B in Q4_K_M has 4.58 GiB; https://github.com/ggml-org/llama.cpp/blob/master/tools/quantize/README.md"""
    here = interval(weights(round(4.58 * GIB)), None, GPU, Load(4096))
    estimate = interval(None, facts(8_030_000_000, LLAMA3_8B), GPU, Load(4096))
    assert estimate.value == pytest.approx(here.value, rel=0.01)
    assert estimate.low < here.value < estimate.high


@pytest.mark.parametrize(("parameters", "architecture"), [(8_030_000_000, LLAMA3_8B), (6_738_000_000, LLAMA1_7B)])
def test_an_unknown_architecture_makes_the_interval_wide_enough_for_the_true_one(parameters: int, architecture: Architecture):
    true = interval(None, facts(parameters, architecture), GPU, Load(4096))
    blind = interval(None, facts(parameters), GPU, Load(4096))
    assert blind.low < true.value < blind.high
    assert blind.high - blind.low > true.high - true.low


def test_gemma_270m_as_a_download_is_inside_its_interval(gemma_path: Path):
    read = read_gguf(gemma_path)
    assert read.architecture is not None
    assert read.parameters_total is not None
    estimate = interval(None, facts(read.parameters_total, read.architecture), CPU, Load(1024))
    assert estimate.low < 380.4 * MIB < estimate.high


def test_what_is_not_known_is_said():
    assert estimate_memory(None, None, CPU, Load(1)) == Unknown("neither its files nor its number of parameters are known")
    assert isinstance(estimate_memory(None, facts(None, LLAMA3_8B), CPU, Load(1)), Unknown)
    assert isinstance(estimate_memory(weights(GIB, architecture=None), None, CPU, Load(1)), Unknown)
    assert isinstance(estimate_memory(weights(GIB, architecture=None, parameters=10**9), None, CPU, Load(1)), Estimate)


@given(context=st.integers(1, 200_000), more=st.integers(0, 100_000), sequences=st.integers(1, 64), size=st.integers(1, 2**42))
def test_more_context_sequences_or_bytes_never_need_less(context: int, more: int, sequences: int, size: int):
    least = interval(weights(size), None, CPU, Load(context))
    for other in (
        interval(weights(size), None, CPU, Load(context + more)),
        interval(weights(size), None, CPU, Load(context, sequences)),
        interval(weights(size + more), None, CPU, Load(context)),
    ):
        assert least.value <= other.value
        assert least.low <= other.low
        assert least.high <= other.high


@pytest.mark.parametrize(("limit", "answer"), [(9, "no"), (10, "marginal"), (19, "marginal"), (20, "yes"), (21, "yes")])
def test_whether_it_fits(limit: int, answer: str):
    assert fits(Estimate(Interval(12, 10, 20, 0.8), "bytes", PAPER), limit) == answer
    assert fits(Unknown("why"), limit) == "unknown"
