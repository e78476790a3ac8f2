"""The authored facts of trainings: plausible, sourced, of one kind each."""

import pytest

from llmpick.catalog.devices import find_device
from llmpick.catalog.loader import load_models
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
    """Why the two are never mixed: the median finished run on an H100 is below the least benchmark, and the best is below the best."""
    runs = mfu_of_runs(runs_on("H100 SXM"), with_attention=True)
    benchmarks = mfu_of_benchmarks(benchmarks_on("H100 SXM", "fsdp"))
    assert benchmarks is not None
    assert runs.range.value < benchmarks.range.low
    assert runs.range.high < benchmarks.range.high


CONTEXTS = dict.fromkeys(("LLaMA", "OPT", "BLOOM", "GLM"), 2048) | dict.fromkeys(("Llama-2", "SmolLM3"), 4096)
CONTEXTS |= dict.fromkeys(("Llama-3", "Llama-3.1"), 8192)


@pytest.mark.parametrize("run", load_whole_runs(), ids=lambda run: run.model)
def test_attention_is_a_small_part_of_what_finished_runs_did(run):
    """At 2,048 to 8,192 tokens: 3% of OPT-175B, 28% of DeepSeek-V3, whose heads are many."""
    assert 0.02 < run.attention < 0.3
    assert 0.15 < run.mfu_with_attention < 0.6
    facts = next((model for model in load_models() if model.name == run.model and model.architecture), None)
    if facts is not None and facts.architecture is not None and run.model != "DeepSeek-V3":
        shape = facts.architecture.value
        context = CONTEXTS[run.model.rsplit("-", 1)[0]]
        assert run.attention == pytest.approx(2 * len(shape.layers) * shape.hidden_size * context / run.params)


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
