"""llama.cpp's memory against what its process really held: the shapes that the formula was found with, and others."""

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import llamacpp_memory
from llmpick.estimate.engines.llamacpp import engine_options, footprint
from llmpick.estimate.shape import Shape, shape_of, stack
from llmpick.evidence.deployment import Deployment
from llmpick.evidence.device import Device
from llmpick.sources.gguf import read_gguf
from llmpick.workflow.blueprints import blueprint_of

MIB, GIB = 2**20, 2**30
CPU = Device("a CPU", "cpu", 64 * GIB, 64 * GIB)
GPU = Device("a GPU", "gpu", 24 * GIB, 24 * GIB)
LLAMACPP = Deployment("llama.cpp")


def kept_rows(part: str) -> list[dict[str, Any]]:
    lines = llamacpp_memory.KEPT.read_text(encoding="utf-8").splitlines()
    return [row for row in csv.DictReader(lines[1:]) if row["part"] == part]


def made_shape(row: dict[str, Any], folder: Path) -> Shape:
    words = {field: row[field] for field in ("architecture", "mix")}
    numbers = {
        field: int(row[field]) for field in ("vocabulary", "hidden", "feed_forward", "blocks", "heads", "kv_heads", "head_size", "window")
    }
    path = folder / f"{abs(hash(tuple(row.values())))}.gguf"
    llamacpp_memory.write_made(path, llamacpp_memory.Made(**words, **numbers, tied=row["tied"] == "True"))
    return of_file(path)


def of_file(path: Path) -> Shape:
    shape = shape_of(blueprint_of(read_gguf(path)))
    assert shape is not None
    return shape


@pytest.mark.parametrize(("part", "mean", "worst"), [("fitted", 0.03, 0.05), ("tested", 0.01, 0.02)])
def test_the_estimate_is_what_the_process_held(part: str, mean: float, worst: float, tmp_path: Path):
    rows = kept_rows(part)
    shapes = [made_shape(row, tmp_path) for row in rows]
    context = np.array([float(row["context"]) for row in rows])
    measured = np.array([float(row["resident_mib"]) for row in rows]) * MIB
    total = footprint(stack(shapes), CPU, LLAMACPP, context_tokens=context).total
    error = np.abs(np.asarray(total.value) / measured - 1)
    assert error.mean() < mean
    assert error.max() < worst
    assert ((total.low <= measured) & (measured <= total.high)).all()


@pytest.mark.parametrize("context", [512, 8192])
def test_a_real_file_takes_what_is_said(smollm2_path: Path, context: int):
    options = engine_options(LLAMACPP, CPU, context)
    total = footprint(of_file(smollm2_path), CPU, LLAMACPP, context_tokens=context).total
    assert float(total.value) / MIB == pytest.approx(llamacpp_memory.resident_mib(smollm2_path, options), rel=0.05)


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


def test_without_flash_attention_a_full_prompt_writes_its_scores(smollm2_path: Path):
    """Measured after a prompt of 2,000 words at 4,096 tokens: 274.5 MiB without flash attention, 231.6 with."""
    shape = of_file(smollm2_path)
    off = Deployment("llama.cpp", options={"flash_attn": "off"})
    with_it = footprint(shape, CPU, LLAMACPP, context_tokens=4096).total
    without = footprint(shape, CPU, off, context_tokens=4096).total
    assert with_it.low < 231.6 * MIB < with_it.high
    assert with_it.high < 274.5 * MIB < without.high


def test_a_gpu_holds_no_input_table_and_less_when_layers_or_experts_stay_behind(gemma_path: Path, smollm2_path: Path):
    shape = of_file(smollm2_path)
    untied = shape._replace(tied=0.0, output_bytes=shape.embedding_bytes)
    whole = footprint(shape, GPU, LLAMACPP, context_tokens=4096)
    assert whole.kind == "on the device"
    assert whole.part("weights").value == shape.weights.value  # tied: the table is the output matrix
    assert footprint(untied, GPU, LLAMACPP, context_tokens=4096).part("weights").value == shape.weights.value - shape.embedding_bytes
    half = footprint(shape, GPU, Deployment("llama.cpp", gpu_layers=15), context_tokens=4096)
    assert half.part("kv_cache").value == whole.part("kv_cache").value / 2
    assert half.total.value < whole.total.value
    mixture = shape._replace(expert_bytes=shape.weights.value / 2)
    behind = footprint(mixture, GPU, Deployment("llama.cpp", cpu_expert_layers=30), context_tokens=4096)
    assert behind.part("weights").value == shape.weights.value / 2
