"""The authored facts of trainings: plausible, sourced, of one kind each."""

import pytest

from llmpick.catalog.devices import find_device
from llmpick.catalog.training import benchmarks_on, load_benchmarks, load_whole_runs, runs_on, same_family
from llmpick.estimate.training.utilization import mfu_of_benchmarks, mfu_of_runs


@pytest.mark.parametrize("run", load_whole_runs(), ids=lambda run: run.model)
def test_a_run_is_plausible_and_sourced(run):
    assert find_device(run.device) is not None
    assert 0.1 < run.mfu < 0.6
    assert run.source.url is not None
    assert run.source.published is not None


@pytest.mark.parametrize("row", load_benchmarks(), ids=lambda row: f"{row.device}-{row.params:.3g}-{row.gpus}")
def test_a_benchmark_is_plausible_and_sourced(row):
    assert find_device(row.device) is not None
    assert 0.3 < row.mfu < 0.7
    assert row.source.url is not None


def test_what_the_cards_say():
    """DeepSeek-V3's 2.788M hours are 33% of the H800's 16-bit rate; Llama 3's cards imply 14% to 35%."""
    by_name = {run.model: run.mfu for run in load_whole_runs()}
    assert by_name["DeepSeek-V3"] == pytest.approx(0.331, abs=0.001)
    assert by_name["Llama-3.1-405B"] == pytest.approx(0.345, abs=0.001)
    assert by_name["Llama-3.1-8B"] == pytest.approx(0.138, abs=0.001)
    assert by_name["Llama-2-70B"] == pytest.approx(0.435, abs=0.001)


def test_whole_runs_stay_below_benchmarks():
    """Why the two are never mixed: on an H100 even the best finished run is below the least benchmark."""
    runs = mfu_of_runs(runs_on("H100 SXM"))
    benchmarks = mfu_of_benchmarks(benchmarks_on("H100 SXM", "fsdp"))
    assert benchmarks is not None
    assert runs.range.high < benchmarks.range.low


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("A100-80", "A100-40 PCIe", True),
        ("H800 SXM", "H100 PCIe", True),
        ("A100-80", "H100 SXM", False),
        ("RTX 4090", "RTX 4090", True),
        ("RTX A1000", "A100-80", False),
    ],
)
def test_families(one, other, same):
    assert same_family(one, other) is same


def test_a_device_that_nobody_trained_on():
    assert runs_on("RTX 4090") == ()
    assert mfu_of_benchmarks(benchmarks_on("RTX 4090", "fsdp")) is None
