"""Sizes of stages: within the budget, falling, and better than the truth alone or the same."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmpick.stats.allocation import allocate


def two(correlation: float) -> np.ndarray:
    return np.array([[1.0, correlation], [correlation, 1.0]])


def test_two_stages_follow_the_formula() -> None:
    """n1 / n2 = sqrt(r^2 c2 / ((1 - r^2) c1))."""
    plan = allocate(two(0.8), np.array([1.0, 20.0]), budget=2000.0, rows=100_000)
    assert plan.rows[0] / plan.rows[1] == pytest.approx((0.64 * 20 / 0.36) ** 0.5, rel=0.03)
    assert plan.variance < 0.62 * plan.plain_variance


@pytest.mark.parametrize("correlation", [0.0, 0.1])
def test_a_stage_not_worth_its_cost_is_left_out(correlation: float) -> None:
    plan = allocate(two(correlation), np.array([1.0, 5.0]), budget=500.0, rows=1000)
    assert plan.rows == (0, 100)
    assert plan.variance == plan.plain_variance


def test_few_rows_behind_the_covariance_make_it_cautious() -> None:
    known, guessed = (allocate(two(0.5), np.array([1.0, 20.0]), budget=400.0, rows=1000, observed=n) for n in (None, 12))
    assert guessed.variance > known.variance
    assert guessed.rows[1] >= known.rows[1]


def test_a_budget_for_everything_buys_the_truth() -> None:
    assert allocate(two(0.9), np.array([1.0, 5.0]), budget=1e6, rows=300).rows == (0, 300)


@pytest.mark.parametrize(("costs", "budget"), [((1.0, 5.0), 4.0), ((0.0, 5.0), 50.0), ((1.0,) * 9, 50.0)])
def test_what_cannot_be_planned(costs: tuple[float, ...], budget: float) -> None:
    with pytest.raises(ValueError, match="positive costs"):
        allocate(np.eye(len(costs)), np.array(costs), budget=budget, rows=100)


@given(st.integers(0, 1000), st.integers(1, 4), st.floats(30, 5000))
@settings(max_examples=60)
def test_within_the_budget_and_never_worse_than_the_truth_alone(seed: int, stages: int, budget: float) -> None:
    rng = np.random.default_rng(seed)
    root = rng.normal(size=(stages, stages))
    costs = np.sort(rng.lognormal(0, 1.5, size=stages))
    plan = allocate(root @ root.T, costs, budget=max(budget, float(costs[-1])), rows=500)
    used = [n for n in plan.rows if n]
    assert used == sorted(used, reverse=True)
    assert plan.rows[-1] >= 1
    assert max(used) <= 500
    assert plan.cost == pytest.approx(float(costs @ np.array(plan.rows)))
    assert plan.cost <= max(budget, float(costs[-1])) + 1e-6
    assert plan.variance <= plan.plain_variance


def test_what_a_pilot_has_is_not_bought_again_nor_given_back() -> None:
    """With 20 rows of everything paid for, the rest of the budget is shared as all of it would have been."""
    covariance, costs = two(0.8), np.array([1.0, 20.0])
    whole = allocate(covariance, costs, budget=2000.0, rows=100_000)
    rest = allocate(covariance, costs, budget=2000.0 - 20 * 21, rows=100_000, have=20)
    assert rest.rows == whole.rows
    assert rest.cost == pytest.approx(whole.cost - 20 * 21)
    tiny = allocate(two(0.999), np.array([1.0, 20.0]), budget=300.0, rows=100_000, have=20)
    assert tiny.rows == (320, 20), "the truth has more rows than it needs, so that all goes to the cheap stage"
    assert allocate(covariance, costs, budget=0.0, rows=1000, have=20).rows[-1] == 20


def test_what_stages_share_is_bought_once() -> None:
    """Two judges read the same answer: a part of its own for each verdict, and one for the answer."""
    costs, parts = np.array([10.0, 1.0, 20.0]), np.array([[True, True, False], [True, False, True]])
    shared = allocate(two(0.8), costs, budget=2000.0, rows=100_000, parts=parts)
    assert shared.rows[0] / shared.rows[1] == pytest.approx((0.64 * 20 / (0.36 * 11)) ** 0.5, rel=0.03)
    assert shared.cost == pytest.approx(11 * shared.rows[0] + 20 * shared.rows[1])
    alone = allocate(two(0.0), costs, budget=2000.0, rows=100_000, parts=parts)
    assert alone.rows == (0, 66), "without the cheap judge the truth pays for the answer itself"


def test_several_candidates_share_their_sizes() -> None:
    """The mean of their variances is made least: one that nothing foretells weighs against one that everything does."""
    costs = np.array([1.0, 20.0])
    both = allocate(np.stack([two(0.8), two(0.0)]), costs, budget=2000.0, rows=100_000)
    mean = allocate(two((0.64 / 2) ** 0.5), costs, budget=2000.0, rows=100_000)
    assert both.rows == mean.rows
    assert both.variance == pytest.approx(mean.variance)
