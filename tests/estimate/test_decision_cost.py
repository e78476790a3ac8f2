"""Forecasts of a race: they follow the setting as a race does, and amounts follow the calls."""

import dataclasses

import numpy as np
import pytest

from llmpick.estimate import decision_cost
from llmpick.estimate.decision_cost import (
    PUBLIC_PRIOR,
    Forecast,
    Setting,
    amount,
    chance_within,
    forecast,
    resolution,
    run_one,
    spread,
    still_to_pay,
)
from llmpick.evidence.values import Interval
from llmpick.stats.goal import Goal

GOAL = Goal(0.05, 0.95)
SETTING = Setting(3, 150, GOAL)


@pytest.fixture(scope="module")
def expected() -> Forecast:
    return forecast(SETTING, "anytime", races=40, seed=0)


def point(value: float) -> Interval:
    return Interval(value, value, value, 0.9)


def test_calls_lie_between_the_first_batch_and_all(expected: Forecast):
    assert expected.calls_each.shape == (40, 3)
    assert 3 <= expected.calls.low <= expected.calls.value <= expected.calls.high <= 450
    assert expected.share.value == pytest.approx(expected.calls.value / 450, abs=0.002)
    assert 0 <= expected.by_half <= expected.early <= 1


def test_the_same_seed_gives_the_same_forecast(expected: Forecast):
    again, other = (forecast(SETTING, "anytime", races=40, seed=seed) for seed in (0, 1))
    assert again.calls == expected.calls
    assert other.calls != expected.calls


def test_a_wider_tolerance_and_less_confidence_take_fewer_calls(expected: Forecast):
    for goal in (Goal(0.2, 0.95), Goal(0.05, 0.6)):
        easier = forecast(dataclasses.replace(SETTING, goal=goal), "anytime", races=40, seed=0)
        assert easier.calls_each.sum() < expected.calls_each.sum()


def test_candidates_far_apart_take_fewer_calls(expected: Forecast):
    apart = dataclasses.replace(PUBLIC_PRIOR, level=(0.0, 0.1), log_spread=(0.5, 0.1))
    assert forecast(SETTING, "anytime", races=40, seed=0, prior=apart).calls_each.sum() < expected.calls_each.sum()


def test_amounts(expected: Forecast):
    assert amount(expected, [point(1.0)] * 3, seed=0) == expected.calls
    assert amount(expected, [point(7.0)] * 3, seed=0).value == pytest.approx(7 * expected.calls.value)
    only_first = amount(expected, [point(1.0), point(0.0), point(0.0)], seed=0)
    assert only_first.value == np.median(expected.calls_each[:, 0])
    wide = amount(expected, [Interval(10.0, 5.0, 30.0, 0.9)] * 3, seed=0)
    narrow = amount(expected, [point(10.0)] * 3, seed=0)
    assert wide.high > narrow.high
    assert wide.low < narrow.low


def test_the_chance_of_a_budget(expected: Forecast):
    chances = [chance_within(expected, [point(1.0)] * 3, bound, seed=0) for bound in (0, 100, 300, 450)]
    assert chances == sorted(chances)
    assert chances[0] == 0
    assert chances[-1] == expected.decided.mean()


def test_resolution_grows_finer_with_the_rows():
    coarse, fine = (resolution(SETTING.with_rows(rows), tasks=40, seed=0) for rows in (100, 1600))
    assert fine.new_inputs.value == pytest.approx(coarse.new_inputs.value / 4, rel=0.4)
    assert fine.decides > coarse.decides
    assert fine.half_of_rows.value == pytest.approx(fine.new_inputs.value, rel=0.01)  # half of them left out, half as many run


def test_few_rows_tell_nothing():
    few = resolution(Setting(2, 3, Goal(0.0, 0.95)), tasks=40, seed=0)
    assert few.new_inputs.low > 0.5
    assert few.new_inputs.high == 1.0
    assert few.decides == 0.0


def test_graded_scores_tell_more(expected: Forecast):
    graded = dataclasses.replace(SETTING, graded=True)
    assert resolution(graded, tasks=60, seed=0).new_inputs.value < resolution(SETTING, tasks=60, seed=0).new_inputs.value


def test_one_candidate_needs_no_race():
    end = run_one(np.ones((1, 50)), GOAL, "anytime")
    assert end.decided
    assert end.done.tolist() < [50]
    assert forecast(Setting(1, 50, GOAL), "anytime", races=5, seed=0).calls.high < 50


def test_two_equal_candidates_without_tolerance_run_all_rows():
    scores = np.tile([0.0, 1.0], (2, 30))
    end = run_one(scores, Goal(0.0, 0.95), "anytime")
    assert end.done.tolist() == [60, 60]
    assert end.decided  # all rows are known then


def test_huge_matrices_get_fewer_races(monkeypatch: pytest.MonkeyPatch):
    easy = Setting(2, 100, Goal(0.3, 0.9))
    monkeypatch.setattr(decision_cost, "MOST_CELLS", 8_000)
    assert [len(forecast(easy, "anytime", races=races, seed=0).decided) for races in (5, 39, 60)] == [5, 39, 40]
    monkeypatch.setattr(decision_cost, "MOST_CELLS", 400)
    assert len(forecast(easy, "anytime", races=60, seed=0).decided) == decision_cost.FEWEST_RACES


def test_spread_of_one_value_is_that_value():
    assert spread(np.array([3.0])) == point(3.0)


def test_what_is_kept_is_not_paid_again() -> None:
    """By the rows themselves: a kept row that a race does not come to saves nothing."""
    told = forecast(Setting(3, 80, GOAL), "anytime", races=20, seed=4)
    kept = [np.zeros(80, dtype=bool) for _ in range(3)]
    assert (still_to_pay(told, kept).calls_each == told.calls_each).all()
    kept[1][[0, 2, 79]] = True
    unpaid = still_to_pay(told, kept)
    ran = told.calls_each[:, 1]
    assert (told.calls_each - unpaid.calls_each == np.stack([0 * ran, (ran > 0) * 1 + (ran > 2) + (ran > 79), 0 * ran], axis=1)).all()
    assert still_to_pay(told, [np.ones(80, dtype=bool)] * 3).calls.high == 0
