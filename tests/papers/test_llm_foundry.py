"""llm-foundry's training benchmarks (commit 061f2c7): their memory and their MFU, from shapes and throughput.

77 rows of bfloat16 training of MPT models under FSDP, 3B to 70B on A100 and H100, as printed. Their micro-batches were chosen to fill the
memory, so every row is a layout that fits, and the tightest of a kind is not far from one that does not.
"""

import csv
from pathlib import Path

import numpy as np
import pytest

from llmpick.catalog.devices import device_named
from llmpick.catalog.training import load_benchmarks
from llmpick.estimate.training.layout import laid_out
from llmpick.estimate.training.memory import Setup
from llmpick.estimate.training.shape import TrainingShape
from llmpick.estimate.training.utilization import attention_share

TABLE = Path(__file__).parents[1] / "data/training/llm_foundry.csv"
ROWS = list(csv.DictReader(TABLE.read_text(encoding="utf-8").splitlines()))
MPT = {"3b": (32, 2560, 32), "7b": (32, 4096, 32), "13b": (40, 5120, 40), "30b": (48, 7168, 56), "70b": (80, 8192, 64)}
"""Layers, width, heads: the training configurations of the same repository. The vocabulary is 50,368, input and output share it."""


def shape(row: dict[str, str]) -> TrainingShape:
    layers, width, heads = MPT[row["model"]]
    return TrainingShape(float(row["params"]), layers, width, heads, heads, width // heads, 4 * width, 50_368, tables=1, gated=False)


def share_of_memory(row: dict[str, str], micro_batch: int) -> float:
    """Of the device, by the formulas."""
    device = device_named(row["device"])
    assert device.driver_memory_bytes is not None
    recompute = "full" if row["recomputed"] == "True" else "none"
    setup = Setup(int(row["context"]), micro_batch, zero_stage=3, data_parallel=int(row["gpus"]), recompute=recompute)
    training = laid_out(shape(row), setup, float(device.driver_memory_bytes.value))
    return training.total_bytes / training.available_bytes


def test_the_shapes_have_the_printed_parameters() -> None:
    """12 L d^2 + V d + positions: within a thousandth, so layers and widths are those of the rows."""
    for row in ROWS:
        layers, width, _ = MPT[row["model"]]
        counted = 12 * layers * width**2 + (50_368 + int(row["context"])) * width
        assert counted == pytest.approx(float(row["params"]), rel=1e-3)


def test_what_ran_is_estimated_to_fit() -> None:
    shares = np.array([share_of_memory(row, int(row["micro_batch"])) for row in ROWS])
    assert len(shares) == 77
    assert shares.max() < 0.9
    assert np.median(shares) == pytest.approx(0.68, abs=0.01)
    assert shares.min() == pytest.approx(0.37, abs=0.01)


@pytest.mark.parametrize(("device", "model", "context", "gpus"), [("A100-80", "7b", "2048", "8"), ("A100-40", "3b", "2048", "32")])
def test_where_the_memory_was_full_little_more_would_fit(device: str, model: str, context: str, gpus: str) -> None:
    """The rows without recomputation and with the largest micro-batch: two more sequences are estimated not to fit."""
    row = next(row for row in ROWS if (row["device"], row["model"], row["context"], row["gpus"]) == (device, model, context, gpus))
    assert row["recomputed"] == "False"
    batch = int(row["micro_batch"])
    assert share_of_memory(row, batch) < 1 < share_of_memory(row, batch + 2)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: "-".join(row[key] for key in ("device", "model", "context", "gpus")))
def test_the_printed_mfu_is_6nd_and_attention(row: dict[str, str]) -> None:
    """What is printed is what this project calls MFU: the share of 6 N D times (1 + 12 L d s / 6 N)."""
    rate = device_named(row["device"]).fp16_flops
    assert rate is not None
    params = float(row["params"])
    plain = 6 * params * float(row["tokens_per_gpu_s"]) / rate.value
    counted = plain * (1 + float(attention_share(shape(row), params, int(row["context"]))))
    assert 100 * counted == pytest.approx(float(row["printed_mfu"]), abs=0.2)


@pytest.mark.parametrize(
    ("device", "counted", "plain"), [("A100-80", (0.13, 0.15), (0.55, 0.61)), ("H100 SXM", (0.27, 0.29), (0.63, 0.67))]
)
def test_with_attention_counted_the_mfu_of_long_contexts_is_near_that_of_short_ones(
    device: str, counted: tuple[float, float], plain: tuple[float, float]
) -> None:
    """Why hours count attention: from 1,024 to 32,768 tokens the share of 6 N D falls by some 60%, with attention by 14% and 28%.

    Halving attention, as its mask would allow, leaves a fall of 33% to 47%: these kernels compute all of it.
    """
    for model in ("7b", "13b"):
        ends = [
            row
            for row in ROWS
            if (row["device"], row["model"], row["gpus"]) == (device, model, "8") and row["context"] in ("1024", "32768")
        ]
        ends.sort(key=lambda row: int(row["context"]))
        speeds = np.array([float(row["params"]) * float(row["tokens_per_gpu_s"]) for row in ends])
        shares = np.array([float(attention_share(shape(row), float(row["params"]), int(row["context"]))) for row in ends])
        falls = [1 - (1 + part * shares[1]) / (1 + part * shares[0]) * speeds[1] / speeds[0] for part in (1.0, 0.0, 0.5)]
        assert counted[0] < falls[0] < counted[1]
        assert plain[0] < falls[1] < plain[1]
        assert 0.33 < falls[2] < 0.48


def test_the_catalog_has_the_rows_of_2048_tokens() -> None:
    rows = [(row["device"], float(row["params"]), int(row["gpus"]), float(row["printed_mfu"])) for row in ROWS if row["context"] == "2048"]
    catalog = [one for one in load_benchmarks() if one.layout == "fsdp"]
    assert sorted((one.device, one.params, one.gpus, round(100 * one.mfu, 2)) for one in catalog) == sorted(rows)
    assert all(one.source.title.startswith("llm-foundry") for one in catalog)
