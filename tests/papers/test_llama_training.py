"""LLaMA (arXiv:2302.13971), section 6 and table 15: GPU-hours, energy and carbon of its four sizes, and the MFU that they imply."""

import pytest

from llmpick.catalog.devices import device_named
from llmpick.catalog.training import load_whole_runs
from llmpick.estimate.training.budget import Cluster, Work, budget, exactly, implied_mfu

A100 = device_named("A100-80GB")
TABLE_15 = {
    "LLaMA-7B": (6.7e9, 1.0e12, 82_432, 36, 14),
    "LLaMA-13B": (13.0e9, 1.0e12, 135_168, 59, 23),
    "LLaMA-33B": (32.5e9, 1.4e12, 530_432, 233, 90),
    "LLaMA-65B": (65.2e9, 1.4e12, 1_022_362, 449, 173),
}


def amounts(params: float, tokens: float, mfu: float, gpus: int) -> dict[str, float]:
    assert A100.fp16_flops is not None
    assert A100.power_watts is not None
    cluster = Cluster(gpus, A100.fp16_flops.value, A100.power_watts.value, exactly(mfu), "given", exactly(2.0))
    return {line.name: line.amount.value for line in budget(Work(params, tokens), cluster)}  # pyright: ignore[reportAttributeAccessIssue]


def test_the_device_is_the_papers():
    assert A100.fp16_flops is not None
    assert A100.power_watts is not None
    assert (A100.fp16_flops.value, A100.power_watts.value) == (312e12, 400.0)


def test_7b_at_an_mfu_of_43_4_percent_takes_82432_hours_and_27_days_on_128():
    """The paper's hours; 43.4% is rounded, which is the difference of 0.05%."""
    taken = amounts(6.7e9, 1e12, 0.434, 128)
    assert taken["gpu_hours"] == pytest.approx(82_432, rel=5e-4)
    assert round(taken["days"]) == 27
    assert taken["money"] == pytest.approx(2 * 82_432, rel=5e-4)


@pytest.mark.parametrize("model", TABLE_15)
def test_energy_and_carbon_follow_from_the_hours(model: str):
    """What is printed is cut off, not rounded: 65B takes 449.84 MWh and is printed with 449."""
    params, tokens, hours, mwh, tons = TABLE_15[model]
    taken = amounts(params, tokens, implied_mfu(6 * params * tokens, hours, 312e12), 2048)
    assert taken["gpu_hours"] == pytest.approx(hours)
    assert int(taken["energy_mwh"]) == mwh
    assert round(taken["tco2e"]) == tons


def test_65b_takes_three_weeks_on_2048():
    params, tokens, hours, *_ = TABLE_15["LLaMA-65B"]
    assert round(amounts(params, tokens, implied_mfu(6 * params * tokens, hours, 312e12), 2048)["days"]) == 21


@pytest.mark.parametrize(("model", "mfu"), [("LLaMA-7B", 0.434), ("LLaMA-13B", 0.514), ("LLaMA-33B", 0.458), ("LLaMA-65B", 0.477)])
def test_the_mfu_of_each_size_in_the_catalog(model: str, mfu: float):
    run = next(run for run in load_whole_runs() if run.model == model)
    assert (run.params, run.tokens, run.gpu_hours) == TABLE_15[model][:3]
    assert run.mfu == pytest.approx(mfu, abs=5e-4)
