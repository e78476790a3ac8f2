"""Bets on rows, put in the general form, are those of `stats/betting.py`; several wagers share one stake."""

import math

import numpy as np
import pytest

from llmpick.stats import betting
from llmpick.stats.control_variate import control_wagers
from llmpick.stats.wager import Wagers, best_log_capital, log_capital, mean_interval

ROWS = (np.random.default_rng(3).random((4, 150)) < 0.6).astype(float)


def plain(values: np.ndarray, population: int) -> Wagers:
    return control_wagers(values, np.zeros((1, population)), low=0.0, high=1.0)


@pytest.mark.parametrize("null_mean", [0.2, 0.5, 0.6, 0.97])
@pytest.mark.parametrize("strict", [False, True])
def test_without_a_control_the_capital_is_that_of_bets_on_rows(null_mean: float, strict: bool) -> None:
    ours = log_capital(plain(ROWS, 200), null_mean=null_mean, strict=strict)
    theirs = betting.log_capital(ROWS, null_mean, population=200, low=0.0, high=1.0, strict=strict)
    np.testing.assert_allclose(ours, theirs, atol=1e-9)


def test_without_a_control_the_interval_is_that_of_bets_on_rows() -> None:
    ours = mean_interval(plain(ROWS[0], 200), confidence=0.95)
    theirs = betting.mean_interval(ROWS[0], confidence=0.95, population=200)
    assert (ours.value, ours.low, ours.high) == pytest.approx((theirs.value, theirs.low, theirs.high), abs=1e-6)


def test_two_wagers_lose_at_most_log_two_against_the_better() -> None:
    one, other = plain(ROWS[0], 200), control_wagers(ROWS[0], np.arange(200.0)[None], low=0.0, high=1.0)
    both = log_capital(one, other, null_mean=0.4)
    better = np.maximum(log_capital(one, null_mean=0.4), log_capital(other, null_mean=0.4))
    assert (both >= better - math.log(2) - 1e-9).all()
    assert (both <= better + 1e-9).all()


def test_before_the_first_bet_nothing_is_shown() -> None:
    nothing = plain(ROWS[:, :0], 200)
    assert (best_log_capital(nothing, null_mean=0.0) == -math.inf).all()
    with pytest.raises(ValueError, match="at least one value"):
        mean_interval(plain(ROWS[0, :0], 200), confidence=0.95)


def test_all_rows_seen_leave_a_point() -> None:
    interval = mean_interval(plain(ROWS[0], 150), confidence=0.95)
    assert interval.low == interval.high == pytest.approx(ROWS[0].mean())


def test_a_range_that_shuts_out_the_estimate_is_widened() -> None:
    """Eighty ones, then nothing but zeros: the early looks reject what the last estimate says."""
    values = np.r_[np.ones(80), np.zeros(320)]
    interval = mean_interval(plain(values, 800), confidence=0.95)
    assert interval.low <= interval.value <= interval.high
