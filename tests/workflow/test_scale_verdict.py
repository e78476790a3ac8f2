"""The search for the budget from which training pays, on curves whose crossings are known, and costs the one from the other."""

from datetime import date

import numpy as np
import pytest

from llmpick.estimate.scaling.optimal import compute_optimal
from llmpick.estimate.scaling.published import EPOCH
from llmpick.evidence.values import Unknown
from llmpick.workflow.scale_verdict_costs import prices_on
from llmpick.workflow.scale_verdict_prior import crossing

LOW, HIGH = 1e18, 1e25


def found(beats, most_tokens: float = np.inf):
    return crossing(lambda split: beats(split.flops), lambda flops: compute_optimal(EPOCH, flops), LOW, HIGH, most_tokens)


def test_one_crossing():
    at = found(lambda flops: np.where(flops >= 3.7e22, 0.7, 0.2))
    assert at.flops is not None
    assert 3.7e22 <= at.flops == pytest.approx(3.7e22, rel=1e-3)
    assert (at.most, at.beats_at_most) == pytest.approx((HIGH, 0.7))


def test_the_last_of_several_crossings():
    """Between 1e20 and 1e21 no open model is as large; above 1e21 one is, up to 5e23."""
    assert found(lambda flops: np.where((flops > 5e23) | ((flops > 1e20) & (flops < 1e21)), 0.6, 0.4)).flops == pytest.approx(
        5e23, rel=1e-3
    )


def test_never_and_always():
    never = found(lambda flops: np.full(flops.shape, 0.49))
    assert (never.flops, never.beats_at_most) == (None, 0.49)
    assert found(lambda flops: np.full(flops.shape, 0.5)).flops == pytest.approx(LOW)


def test_more_tokens_than_there_are_is_out_of_reach():
    pays_from = 1e24
    most = float(compute_optimal(EPOCH, pays_from / 10).tokens)
    at = found(lambda flops: np.where(flops >= pays_from, 0.9, 0.1), most)
    assert at.flops is None
    assert at.most <= pays_from / 10


def test_costs_and_hours_are_each_others_inverse():
    prices = prices_on("A100-80GB", mfu=0.434, price=2.0, as_of=None)
    cost = prices.cost(6.7e9, 1e12)
    assert cost.gpu_hours.value == pytest.approx(82_432, rel=5e-4)
    assert not isinstance(cost.money, Unknown)
    assert prices.hours_for(cost.money.value).value == pytest.approx(cost.gpu_hours.value)
    assert cost.gpu_hours.value * prices.flops_per_hour.value == pytest.approx(cost.flops)


def test_the_largest_training_of_a_day():
    that_day = prices_on("A100-80GB", mfu=None, price=None, as_of=date(2023, 5, 15))
    assert that_day.largest == "LLaMA-65B"
    assert prices_on("A100-80GB", mfu=None, price=None, as_of=None).most_spent > 10 * that_day.most_spent
    assert prices_on("RTX 4090", mfu=None, price=None, as_of=None).foreign
