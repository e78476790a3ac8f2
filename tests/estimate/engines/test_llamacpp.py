"""llama.cpp's memory against what its process really held and what it logged: the shapes that the formulas were found with, and others."""

import csv
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.shared_data import shared_data

import llamacpp_memory
from llmpick.estimate.engines.llamacpp import engine_options, footprint
from llmpick.estimate.engines.llamacpp.buffers import gpu_buffer, host_buffer
from llmpick.estimate.engines.llamacpp.options import build, flash_attention
from llmpick.estimate.footprint import sum_of
from llmpick.estimate.shape import Shape, shape_of, stack
from llmpick.evidence.deployment import Deployment
from llmpick.evidence.device import Device
from llmpick.evidence.model import Architecture, AttentionLayer, Blueprint, Experts, TensorGroup
from llmpick.evidence.values import Source
from llmpick.sources.gguf import read_gguf
from llmpick.workflow.models.weights_blueprint import blueprint_of

MIB, GIB = 2**20, 2**30
CPU = Device("a CPU", "cpu", 64 * GIB, 64 * GIB)
GPU = Device("a GPU", "gpu", 24 * GIB, 24 * GIB)
MAC = Device("a Mac", "gpu", 24 * GIB, 24 * GIB, vendor="apple", shares_memory=True)
LLAMACPP = Deployment("llama.cpp")
NUMBERS = ("vocabulary", "hidden", "feed_forward", "blocks", "heads", "kv_heads", "head_size", "window", "experts", "state")


def kept_rows(part: str) -> list[dict[str, Any]]:
    lines = llamacpp_memory.KEPT.read_text(encoding="utf-8").splitlines()
    return [row for row in csv.DictReader(lines[1:]) if row["part"] == part]


def made_shapes(rows: list[dict[str, Any]], folder: Path) -> list[Shape]:
    """One file is made for all rows that differ in nothing but the context."""
    models = [
        llamacpp_memory.Made(row["architecture"], **{name: int(row[name]) for name in NUMBERS}, mix=row["mix"], tied=row["tied"] == "True")
        for row in rows
    ]
    shapes: dict[llamacpp_memory.Made, Shape] = {}
    for model in dict.fromkeys(models):
        llamacpp_memory.write_made(folder / "made.gguf", model)
        shapes[model] = of_file(folder / "made.gguf")
    return [shapes[model] for model in models]


def of_file(path: Path) -> Shape:
    shape = shape_of(blueprint_of(read_gguf(path)))
    assert shape is not None
    return shape


def decoder(
    hidden: int, inner: int, blocks: int, heads: int, kv_heads: int, vocabulary: int, experts: Experts | None = None, expert_size: int = 0
) -> Shape:
    """A shape by its published numbers; only the output matrix and the rest have bytes: 100 MiB, and 100 MiB a layer."""
    routed = 3 * hidden * expert_size * (experts.count if experts else 0) * blocks
    tensors = (
        TensorGroup("embedding", "Q4_K", vocabulary * hidden, 50 * MIB),
        TensorGroup("output", "Q6_K", vocabulary * hidden, 100 * MIB),
        TensorGroup("mlp", "Q4_K", 0 if experts else 3 * hidden * inner * blocks, 50 * MIB * blocks),
        TensorGroup("experts", "Q4_K", routed, 50 * MIB * blocks if routed else 0),
        TensorGroup("attention", "Q4_K", 4 * hidden * hidden * blocks, (0 if routed else 50) * MIB * blocks),
    )
    layers = (AttentionLayer(kv_heads, 128, 128),) * blocks
    architecture = Architecture(
        "a decoder", hidden, vocabulary, layers, blocks=blocks, heads=heads, intermediate_size=inner, experts=experts
    )
    shape = shape_of(Blueprint("a decoder", "files", "gguf", "Q4_K_M", architecture, tensors, None, Source("a test")))
    assert shape is not None
    return shape


LLAMA_3_8B = decoder(4096, 14336, 32, 32, 8, 128_256)
QWEN3_CODER = decoder(2048, 6144, 48, 32, 4, 151_936, Experts(128, 8), 768)


@pytest.mark.parametrize(("part", "mean", "worst"), [("fitted", 0.012, 0.02), ("tested", 0.004, 0.012)])
def test_the_estimate_is_what_the_process_held(part: str, mean: float, worst: float, tmp_path: Path):
    rows = kept_rows(part)
    context = np.array([float(row["context"]) for row in rows])
    measured = np.array([float(row["resident_mib"]) for row in rows]) * MIB
    total = footprint(stack(made_shapes(rows, tmp_path)), CPU, LLAMACPP, context_tokens=context).total
    error = np.abs(np.asarray(total.value) / measured - 1)
    assert error.mean() < mean
    assert error.max() < worst
    assert np.mean((total.low <= measured) & (measured <= total.high)) >= 0.85


@pytest.mark.parametrize("context", [512, 8192])
def test_a_real_file_takes_what_is_said(smollm2_path: Path, context: int):
    options = engine_options(LLAMACPP, CPU, context)
    total = footprint(of_file(smollm2_path), CPU, LLAMACPP, context_tokens=context).total
    assert float(total.value) / MIB == pytest.approx(llamacpp_memory.resident_mib(smollm2_path, options), rel=0.03)


def test_sliding_layers_keep_their_window_unless_told_otherwise(gemma_path: Path):
    """The figures are of the engine's log: 24 MiB for 3 full layers, 15 or 120 for 15 sliding ones, 39 or 144 in all."""
    shape = of_file(gemma_path)
    cache = footprint(shape, CPU, LLAMACPP, context_tokens=8192).part("kv_cache").value
    whole = footprint(shape, CPU, Deployment("llama.cpp", options={"swa_full": True}), context_tokens=8192)
    assert cache == 39 * MIB
    assert whole.part("kv_cache").value == 144 * MIB
    assert engine_options(Deployment("llama.cpp", options={"swa_full": True}), CPU, 8192)["swa_full"] is True


def test_the_context_is_rounded_to_cells_and_shared_by_the_sequences(smollm2_path: Path):
    shape = of_file(smollm2_path)
    one = footprint(shape, CPU, LLAMACPP, context_tokens=1000).part("kv_cache").value
    assert one == 22.5 * MIB  # 1,024 cells
    assert footprint(shape, CPU, LLAMACPP, context_tokens=1000, sequences=4).part("kv_cache").value == 4 * one
    assert engine_options(LLAMACPP, CPU, 1000, 4)["n_ctx"] == 4000
    eighth = footprint(shape, CPU, Deployment("llama.cpp", kv_type="q8_0"), context_tokens=1000).part("kv_cache").value
    assert eighth == one * 34 / 64


def test_a_long_prompt_writes_the_whole_buffer(smollm2_path: Path):
    """Measured after a prompt of 2,000 words at 4,096 tokens: 231.6 MiB."""
    shape = of_file(smollm2_path)
    short = footprint(shape, CPU, LLAMACPP, context_tokens=4096)
    filled = footprint(shape, CPU, LLAMACPP, context_tokens=4096, prompt_tokens=2000)
    assert filled.total.value == pytest.approx(231.6 * MIB, rel=0.01)
    assert short.total.value < 217 * MIB < filled.total.low
    assert filled.part("compute").value - host_buffer(shape, LLAMACPP, 4096).value == 4 * 49_152


def test_without_flash_attention_the_upper_end_has_the_scores_of_a_full_prompt(smollm2_path: Path):
    """Measured after a prompt of 2,000 words at 4,096 tokens: 274.5 MiB."""
    shape = of_file(smollm2_path)
    off = footprint(shape, CPU, Deployment("llama.cpp", options={"flash_attn": "off"}), context_tokens=4096).total
    assert off.value == pytest.approx(float(footprint(shape, CPU, LLAMACPP, context_tokens=4096).total.value), rel=1e-6)
    assert off.low < 274.5 * MIB < off.high


# The engine's own plans for files of these shapes, in MiB: flash attention, without it, and without it for four sequences.
@pytest.mark.parametrize(
    ("shape", "planned"),
    [(LLAMA_3_8B, (132.02, 580.01, 184.01)), (QWEN3_CODER, (96.02, 566.01, 170.01))],
    ids=["Llama-3-8B", "Qwen3-Coder-30B-A3B"],
)
def test_the_buffer_is_what_the_engine_plans(shape: Shape, planned: tuple[float, ...]):
    off = Deployment("llama.cpp", options={"flash_attn": "off"})
    estimates = (host_buffer(shape, LLAMACPP, 8192), host_buffer(shape, off, 8192), host_buffer(shape, off, 2048))
    assert [float(one.value) / MIB for one in estimates] == pytest.approx(planned, abs=0.05)


def published_buffers() -> list[dict[str, str]]:
    """Loads of Llama-3-8B and Qwen3-Coder-30B-A3B by llama.cpp itself, whose logs have the buffers of every GPU."""
    with shared_data("fit/memory_llamacpp.csv").open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["engine"] == "llama.cpp" and row["engine_build"].startswith("b")]
    return [row for row in rows if row["model_id"] in ("meta-llama/Meta-Llama-3-8B", "Qwen/Qwen3-Coder-30B-A3B-Instruct")]


def test_a_gpu_reserves_what_published_logs_say():
    rows = published_buffers()
    assert len(rows) == 8
    for row in rows:
        gpus = int(row["gpu_count"])
        options = {"flash_attn": "on" if row["flash_attn"] == "1" else "off"}
        deployment = Deployment("llama.cpp", version=row["engine_build"], pipeline_parallel=gpus, options=options)
        shape = LLAMA_3_8B if "Llama" in row["model_id"] else QWEN3_CODER
        buffer = gpu_buffer(shape, deployment, float(row["n_ctx_tokens"]), gpus)
        assert float(buffer.value) / MIB == pytest.approx(float(row["compute_gpu_mib"]) / gpus, rel=0.001), row["engine_build"]


# 32 layers of 100 MiB and an output of 100 MiB are 33 units, which the GPU gets from the end.
@pytest.mark.parametrize(
    ("gpu_layers", "gpus", "weights_mib", "cache_layers"),
    [
        (None, 1, 3300, 32),
        (-1, 1, 3300, 32),
        (99, 1, 3300, 32),
        (33, 1, 3300, 32),
        (17, 1, 1700, 16),
        (1, 1, 100, 0),
        (0, 1, 0, 0),
        (None, 2, 1700, 17),
        (None, 4, 900, 9),
        (20, 2, 1000, 10),
    ],
)
def test_layers_are_given_to_gpus_as_llamacpp_gives_them(gpu_layers: int | None, gpus: int, weights_mib: int, cache_layers: int):
    deployment = Deployment("llama.cpp", gpu_layers=gpu_layers, pipeline_parallel=gpus)
    placed = footprint(LLAMA_3_8B, GPU, deployment, context_tokens=1024)
    assert placed.part("weights").value == pytest.approx(weights_mib * MIB)
    assert placed.part("kv_cache").value == pytest.approx(cache_layers * 4 * MIB)
    assert placed.kind == "on the device"


def test_experts_can_stay_in_the_hosts_memory():
    behind = footprint(QWEN3_CODER, GPU, Deployment("llama.cpp", cpu_expert_layers=48), context_tokens=1024).part("weights")
    half = footprint(QWEN3_CODER, GPU, Deployment("llama.cpp", cpu_expert_layers=24), context_tokens=1024).part("weights")
    assert behind.value == pytest.approx((48 * 50 + 100) * MIB)
    assert half.value == pytest.approx((48 * 50 + 24 * 50 + 100) * MIB)
    assert half.low < half.value < half.high
    assert engine_options(Deployment("llama.cpp", cpu_expert_layers=24), GPU, 1024)["n_cpu_moe"] == 24


@pytest.mark.parametrize(("gpu_layers", "experts"), [(0, 0), (1, 0), (5, 0), (17, 0), (33, 0), (99, 0), (17, 4), (None, 6)])
@pytest.mark.parametrize("device", [GPU, MAC])
def test_what_is_not_on_the_gpu_is_on_the_host(gpu_layers: int | None, experts: int, device: Device):
    """The parts of weights and cache add up to the whole, wherever the layers are."""
    shape = decoder(4096, 0, 32, 32, 8, 128_256, Experts(8, 2), expert_size=512)
    deployment = Deployment("llama.cpp", gpu_layers=gpu_layers, cpu_expert_layers=experts)
    found = footprint(shape, device, deployment, context_tokens=8192)
    host = {part: sum(float(line.bytes.value) for line in found.host if line.part == part) for part in ("weights", "kv_cache")}
    assert host["weights"] + float(found.part("weights").value) == pytest.approx(float(shape.weights.value))
    whole = footprint(shape, device, LLAMACPP, context_tokens=8192).part("kv_cache")
    assert host["kv_cache"] + float(found.part("kv_cache").value) == pytest.approx(float(whole.value))
    assert all(line.bytes.low <= line.bytes.value <= line.bytes.high for line in found.host)


def test_the_host_is_told_only_where_something_was_kept_there(smollm2_path: Path):
    shape = of_file(smollm2_path)
    assert footprint(shape, GPU, LLAMACPP, context_tokens=2048).host == ()
    assert footprint(shape, CPU, Deployment("llama.cpp", gpu_layers=3), context_tokens=2048).host == ()
    held = [
        float(sum_of([line.bytes for line in footprint(shape, GPU, Deployment("llama.cpp", gpu_layers=n), context_tokens=2048).host]).value)
        for n in range(32)
    ]
    assert held == sorted(held, reverse=True), "the more layers on the GPU, the less on the host"
    experts = footprint(shape, GPU, Deployment("llama.cpp", cpu_expert_layers=2), context_tokens=2048).host
    assert not [line for line in experts if line.part == "kv_cache"], "all layers are on the GPU, with their cache"


def test_a_tied_table_is_copied_to_a_gpu_of_its_own_memory_and_shared_with_the_hosts(smollm2_path: Path):
    tied = of_file(smollm2_path)
    assert footprint(tied, GPU, LLAMACPP, context_tokens=1024).part("weights").value == pytest.approx(float(tied.weights.value))
    assert footprint(tied, MAC, LLAMACPP, context_tokens=1024).part("weights").value == pytest.approx(float(tied.weights.value))
    assert footprint(LLAMA_3_8B, MAC, LLAMACPP, context_tokens=1024).part("weights").value == pytest.approx(3350 * MIB)
    assert footprint(LLAMA_3_8B, MAC, LLAMACPP, context_tokens=1024).part("overhead").value == 0
    assert footprint(LLAMA_3_8B, GPU, LLAMACPP, context_tokens=1024).part("overhead").value > 100 * MIB


def test_vectors_for_every_layer_stay_on_the_host_though_the_table_is_tied():
    """Gemma 3n E2B: 30 layers with 256 elements each per token of their vocabulary beside 2,048 of the table itself."""
    tensors = (TensorGroup("embedding", "Q4_K", 262_144 * (2048 + 30 * 256), 950 * MIB), TensorGroup("mlp", "Q4_K", 2 * 10**9, 1000 * MIB))
    layers = (AttentionLayer(2, 256, 256),) * 20
    architecture = Architecture("gemma3n", 2048, 262_144, layers, blocks=30, heads=8, intermediate_size=8192)
    shape = shape_of(Blueprint("Gemma 3n", "files", "gguf", "Q4_K_M", architecture, tensors, None, Source("a test")))
    assert shape is not None
    assert footprint(shape, GPU, LLAMACPP, context_tokens=1024).part("weights").value == pytest.approx((1000 + 200) * MIB)
    assert shape.read_bytes == pytest.approx((1000 + 200) * MIB)


@pytest.mark.parametrize(
    ("version", "number"), [(None, float("inf")), ("b9272", 9272), ("9272", 9272), ("2026.10.11549", 11549), ("unknown", float("inf"))]
)
def test_the_build_is_read_from_the_version(version: str | None, number: float):
    assert build(Deployment("llama.cpp", version=version)) == number


def test_flash_attention_is_on_where_the_engine_decides_unless_it_is_too_old():
    assert flash_attention(LLAMACPP)
    assert not flash_attention(Deployment("llama.cpp", version="b2824"))
    assert flash_attention(Deployment("llama.cpp", version="b2824", options={"flash_attn": "on"}))
    assert not flash_attention(Deployment("llama.cpp", options={"flash_attn": False}))
    assert not flash_attention(Deployment("llama.cpp", options={"flash_attn_type": "LLAMA_FLASH_ATTN_TYPE_DISABLED"}))


def test_options_are_those_that_the_engine_has_by_these_names():
    """Whoever loads a model with them can set them as they are, but for `flash_attn` and `n_cpu_moe`, which it has under other names."""
    xllamacpp: Any = import_module("xllamacpp")
    params = xllamacpp.CommonParams()
    for name, value in engine_options(LLAMACPP, GPU, 1024, 4).items():
        if name != "flash_attn":
            setattr(params, name, value)
    assert (params.n_ctx, params.n_parallel) == (4096, 4)
