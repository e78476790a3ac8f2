"""Betting: never too sure at any look, exact when all rows are seen, and not so cautious as to be useless."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmpick.stats.betting import best_log_capital, log_capital, mean_interval

scores = st.lists(st.sampled_from([0.0, 0.25, 0.5, 1.0]), min_size=1, max_size=60)


def test_an_interval_needs_a_value() -> None:
    with pytest.raises(ValueError, match="at least one value"):
        mean_interval(np.array([]), confidence=0.95)


@given(scores, st.integers(0, 50))
@settings(max_examples=80)
def test_the_interval_holds_the_mean_inside_the_range(values: list[float], unseen: int) -> None:
    interval = mean_interval(np.array(values), confidence=0.95, population=len(values) + unseen)
    assert 0 <= interval.low <= np.mean(values) <= interval.high <= 1


@given(scores)
def test_all_rows_seen_leave_no_doubt(values: list[float]) -> None:
    interval = mean_interval(np.array(values), confidence=0.95, population=len(values))
    assert interval.low == interval.high == interval.value


def test_one_row_says_next_to_nothing_of_new_inputs() -> None:
    interval = mean_interval(np.array([1.0]), confidence=0.95)
    assert interval.low < 0.05
    assert interval.high == 1.0


@pytest.mark.parametrize("strict", [False, True])
def test_the_last_row_decides_a_claim_about_the_rows_themselves(strict: bool) -> None:
    """Mean exactly at the null: "at most 0.5" is true, "less than 0.5" is false, and the last row shows it."""
    values = np.array([1.0, 0.0, 1.0, 0.0])
    capital = log_capital(values, 0.5, population=4, low=0.0, high=1.0, strict=strict)
    assert math.isinf(capital[-1]) == strict


@given(scores, st.floats(0.05, 0.9), st.floats(0.01, 0.1))
@settings(max_examples=60)
def test_capital_falls_as_the_null_grows(values: list[float], null: float, more: float) -> None:
    array = np.array(values)
    low, high = (best_log_capital(array, m, population=None, low=0.0, high=1.0) for m in (null, null + more))
    assert high <= low + 1e-9


def test_more_confidence_is_a_wider_interval() -> None:
    values = (np.arange(200) % 10 < 7).astype(float)
    narrow, wide = (mean_interval(values, confidence=c) for c in (0.8, 0.99))
    assert wide.low < narrow.low < narrow.high < wide.high


@pytest.mark.parametrize("mean", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("population", [None, 300])
def test_the_truth_is_rejected_at_any_look_in_at_most_the_stated_share(mean: float, population: int | None) -> None:
    """1,000 repetitions, a look at each of 250 rows. The interval leaves out the truth just when the capital against it, on one of
    the two sides, ever reaches 2 / 0.05: at most 5% in theory, and more than 0.5%, or the test would be too timid to be of use.
    """
    rng = np.random.default_rng(7)
    if population:
        rows = rng.permuted(np.tile((np.arange(population) < population * mean).astype(float), (1000, 1)), axis=1)[:, :250]
    else:
        rows = (rng.random((1000, 250)) < mean).astype(float)
    above = best_log_capital(rows, mean, population=population, low=0.0, high=1.0)
    below = best_log_capital(1 - rows, 1 - mean, population=population, low=0.0, high=1.0)
    rejected = (np.maximum(above, below) >= math.log(2 / 0.05)).mean()
    assert 0.005 < rejected <= 0.05 + 2 * math.sqrt(0.05 * 0.95 / 1000)


def test_the_interval_ends_where_the_capital_reaches_its_bound() -> None:
    values = (np.random.default_rng(2).permutation(200) < 130).astype(float)
    interval = mean_interval(values, confidence=0.95, population=400)
    at_the_end = best_log_capital(values, interval.low, population=400, low=0.0, high=1.0)
    assert at_the_end == pytest.approx(math.log(2 / 0.05), abs=1e-3)


def test_the_interval_is_of_use() -> None:
    """At 250 rows it is at most 1.7 times as wide as Wilson's, which may be looked at only once."""
    values = (np.random.default_rng(1).permutation(250) < 200).astype(float)
    interval = mean_interval(values, confidence=0.95)
    wilson_width = 2 * 1.96 * math.sqrt(0.8 * 0.2 / 250)
    assert interval.high - interval.low < 1.7 * wilson_width
