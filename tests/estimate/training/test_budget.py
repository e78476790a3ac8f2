"""The arithmetic of a budget, and what it refuses."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmpick.estimate.training.budget import Cluster, Line, Range, Work, budget, exactly, implied_mfu, tokens_for_hours
from llmpick.estimate.training.shape import TrainingShape
from llmpick.estimate.training.utilization import (
    Benchmark,
    WholeRun,
    attention_share,
    mfu_of_benchmarks,
    mfu_of_runs,
    pipeline_idle,
    recompute_factor,
)
from llmpick.evidence.errors import InputError
from llmpick.evidence.values import Source, Unknown

HALF = Cluster(8, 300e12, 400.0, Range(0.4, 0.2, 0.5), "evidence", Range(2.0, 1.0, 4.0))


def lines(work: Work, cluster: Cluster = HALF) -> dict[str, Line]:
    return {line.name: line for line in budget(work, cluster)}


def amount(line: Line) -> Range:
    assert isinstance(line.amount, Range)
    return line.amount


def test_every_line_by_hand():
    taken = {name: amount(line) for name, line in lines(Work(1e9, 1e11)).items()}
    assert taken["flops"] == exactly(6e20)
    assert taken["gpu_hours"].value == pytest.approx(6e20 / (300e12 * 0.4 * 3600))
    assert taken["days"].value == pytest.approx(taken["gpu_hours"].value / 192)
    assert taken["money"].value == pytest.approx(2 * taken["gpu_hours"].value)
    assert taken["energy_mwh"].value == pytest.approx(taken["gpu_hours"].value * 400 * 1.1 / 1e6)
    assert taken["tco2e"].value == pytest.approx(taken["energy_mwh"].value * 0.385)


def test_ranges_are_those_of_the_mfu_and_of_the_rent():
    taken = {name: amount(line) for name, line in lines(Work(1e9, 1e11)).items()}
    for name in ("gpu_hours", "days", "energy_mwh", "tco2e"):
        assert taken[name].low / taken[name].value == pytest.approx(0.4 / 0.5)
        assert taken[name].high / taken[name].value == pytest.approx(0.4 / 0.2)
    assert taken["money"].low == pytest.approx(1.0 * taken["gpu_hours"].low)
    assert taken["money"].high == pytest.approx(4.0 * taken["gpu_hours"].high)


@pytest.mark.parametrize("method", ["lora", "qlora"])
def test_frozen_weights_save_a_third(method):
    assert Work(7e9, 1e9, method).flops == pytest.approx(2 / 3 * Work(7e9, 1e9, "full").flops)
    assert Work(7e9, 1e9, method, 1.6e8).flops == pytest.approx((4 * 7e9 + 6 * 1.6e8) * 1e9)
    assert "4 N D" in lines(Work(7e9, 1e9, method))["flops"].formula


def test_what_is_not_known_has_a_reason():
    without = lines(Work(1e9, 1e11), Cluster(1, 300e12, None, exactly(0.4), "given"))
    assert all(isinstance(without[name].amount, Unknown) for name in ("money", "energy_mwh", "tco2e"))
    assert without["days"].formula.endswith("(1 GPU x 24)")


@given(params=st.floats(1e6, 1e13), hours=st.floats(1, 1e9), mfu=st.floats(0.01, 1))
def test_there_and_back(params, hours, mfu):
    tokens = tokens_for_hours(params, hours, 300e12, mfu)
    assert implied_mfu(6 * params * tokens, hours, 300e12) == pytest.approx(mfu)
    assert amount(lines(Work(params, tokens), Cluster(8, 300e12, 400.0, exactly(mfu), "given"))["gpu_hours"]).value == pytest.approx(hours)


@pytest.mark.parametrize("numbers", [(0, 1e9), (1e9, 0), (-1, 1), (math.inf, 1), (math.nan, 1), (1e9, 1e9, "lora", -1)])
def test_work_that_is_none(numbers):
    with pytest.raises(InputError):
        Work(*numbers)


@pytest.mark.parametrize(
    "numbers",
    [
        (0, 1e12, 1.0, exactly(0.4)),
        (1, 1e12, 1.0, exactly(0.0)),
        (1, 1e12, 1.0, exactly(1.1)),
        (1, 1e12, 1.0, Range(0.4, 0.5, 0.6)),
    ],
)
def test_a_cluster_that_is_none(numbers):
    with pytest.raises(InputError):
        Cluster(*numbers, "given")


def test_a_pue_below_one_is_refused():
    with pytest.raises(InputError, match="PUE"):
        Cluster(1, 1e12, 1.0, exactly(0.4), "given", pue=0.9)


def test_the_median_of_runs_with_the_least_and_the_most():
    runs = [WholeRun(f"m{hours}", "d", 1e9, 1e12, hours, 0.25, 1e15, Source("s")) for hours in (5_000, 10_000, 4_000)]
    evidence = mfu_of_runs(runs)
    assert evidence.range == pytest.approx((1 / 3, 1 / 6, 6e21 / (4_000 * 3600 * 1e15)))
    assert (evidence.names, evidence.sources) == (("m5000", "m10000", "m4000"), (Source("s"),))
    assert mfu_of_runs(runs, with_attention=True).range == pytest.approx([1.25 * share for share in evidence.range])


def test_attention_comes_on_top_and_frozen_weights_save_none_of_it():
    plain, full, lora = (lines(work) for work in (Work(1e9, 1e11), Work(1e9, 1e11, "full", 0, 3e9), Work(1e9, 1e11, "lora", 0, 3e9)))
    assert amount(full["flops"]) == amount(plain["flops"]) == exactly(6e20)
    assert amount(full["attention_flops"]) == amount(lora["attention_flops"]) == exactly(3e20)
    assert amount(full["gpu_hours"]).value == pytest.approx(1.5 * amount(plain["gpu_hours"]).value)
    unknown = lines(Work(1e9, 1e11, attention=Unknown("no shape")))
    assert unknown["attention_flops"].amount == Unknown("no shape")
    assert amount(unknown["gpu_hours"]) == amount(plain["gpu_hours"])


def test_attention_by_hand_and_by_windows():
    """PaLM's 12 L h s; a window counts twice what a token sees in the mean, and one as wide as the context changes nothing."""
    shape = TrainingShape(1e9, 4, 512, 8, 8, 64, 2048, 32_000)
    assert shape.attention_flops(2048) == 12 * 4 * 512 * 2048
    half = replace(shape, windows=(None, 1024, None, 1024))
    seen = np.minimum(np.arange(1, 2049), 1024).mean()
    assert half.attention_flops(2048) == pytest.approx(12 * 512 * (2 * 2048 + 2 * 2 * seen), rel=1e-3)
    for windows in ((None,) * 4, (2048,) * 4, (10_000,) * 4):
        assert replace(shape, windows=windows).attention_flops(2048) == shape.attention_flops(2048)
    assert replace(shape, windows=(None,)).attention_flops(np.array([1.0, 2.0])) == pytest.approx(12 * 512 * np.array([1.0, 2.0]))


def test_benchmarks_are_of_their_own_kind():
    rows = [Benchmark("d", 7e9, gpus, 2048, "fsdp", "none", mfu, Source("s")) for gpus, mfu in ((8, 0.5), (16, 0.6))]
    evidence = mfu_of_benchmarks(rows)
    assert evidence is not None
    assert evidence.names == ("7B on 8/16 d",)
    assert evidence.range == pytest.approx((0.55, 0.5, 0.6))
    assert mfu_of_benchmarks([]) is None


def test_pipelines_and_recomputation():
    """Narayanan: (p - 1) / m, divided by the chunks of interleaving; selective recomputation of GPT-3 is a hundredth of the work."""
    assert pipeline_idle(8, 64) == pytest.approx(7 / 64)
    assert pipeline_idle(8, 64, 4) == pytest.approx(7 / 256)
    assert pipeline_idle(1, 64) == 0
    gpt_3 = TrainingShape(175e9, 96, 12_288, 96, 96, 128, 49_152, 51_200, gated=False)
    assert attention_share(gpt_3, 175e9, 2048) == pytest.approx(12 * 96 * 12_288 * 2048 / (6 * 175e9))
    assert recompute_factor("none") == 1
    assert recompute_factor("full") == pytest.approx(4 / 3)
    assert recompute_factor("selective", context=2048, hidden_size=12_288) == pytest.approx(1 + 2048 / (18 * 12_288))
