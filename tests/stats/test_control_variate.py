"""Controls: right whatever they are, and narrower when they foretell something."""

import math

import numpy as np
import pytest
from scipy import stats

from llmpick.stats.control_variate import control_wagers, hedged_wagers, regression_mean, regression_step, strata_controls
from llmpick.stats.means import mean_interval_t
from llmpick.stats.wager import log_capital, mean_interval

RNG = np.random.default_rng(5)
CHEAP = RNG.normal(size=500)
DEAR = (CHEAP + 0.5 * RNG.normal(size=500) > 0).astype(float)


def test_a_useless_control_changes_nothing() -> None:
    ours = regression_mean(DEAR[:50], np.ones((1, 500)), confidence=0.95, population=None)
    plain = mean_interval_t(DEAR[:50].tolist(), confidence=0.95)
    shift = regression_step(DEAR[:50], np.ones((1, 500)))
    assert (shift.shift, shift.freedom) == (0.0, 49)
    assert (ours.low, ours.high) == pytest.approx((plain.low, plain.high))


def test_the_estimate_is_that_of_a_regression_at_the_controls_mean() -> None:
    line = stats.linregress(CHEAP[:50], DEAR[:50])
    interval = regression_mean(DEAR[:50], CHEAP[None], confidence=0.95, population=500)
    assert interval.value == pytest.approx(line.intercept + line.slope * CHEAP.mean())


def test_a_control_that_foretells_everything_leaves_no_doubt() -> None:
    interval = regression_mean(3 * CHEAP[:20] + 1, CHEAP[None], confidence=0.95, population=500)
    assert interval.high - interval.low < 1e-9
    assert interval.value == pytest.approx(3 * CHEAP.mean() + 1)


@pytest.mark.parametrize("seen", [60, 120])
def test_a_good_control_is_worth_many_calls(seen: int) -> None:
    with_control = regression_mean(DEAR[:seen], CHEAP[None], confidence=0.95, population=500)
    without = regression_mean(DEAR[:seen], np.zeros((1, 500)), confidence=0.95, population=500)
    assert with_control.high - with_control.low < 0.85 * (without.high - without.low)


def test_too_few_rows_for_the_controls() -> None:
    with pytest.raises(ValueError, match="three rows more"):
        regression_mean(DEAR[:4], RNG.normal(size=(2, 500)), confidence=0.95, population=500)


def test_a_bet_has_the_mean_of_the_rows_left_whatever_the_control() -> None:
    """What the proof needs, exactly: over all rows that could come next, the values bet on have the mean of the rows left."""
    rows, seen = 12, 9
    values, controls = RNG.random(rows), RNG.normal(size=(2, rows))
    bets = []
    for following in range(seen, rows):
        order = np.r_[np.arange(seen), following, [i for i in range(seen, rows) if i != following]]
        wagers = control_wagers(values[order][: seen + 1], controls[:, order], low=0.0, high=1.0)
        bets.append(wagers.values[-1])
        assert wagers.low[-1] <= bets[-1] <= wagers.high[-1]
    assert np.mean(bets) == pytest.approx(values[seen:].mean())


def test_coefficients_come_from_past_rows_only() -> None:
    """Changing a row changes no bet before it, apart from nothing at all: not even its bounds."""
    changed = DEAR[:100].copy()
    changed[60:] = 1 - changed[60:]
    one, other = (control_wagers(values, CHEAP[None], low=0.0, high=1.0) for values in (DEAR[:100], changed))
    for name in ("values", "low", "high"):
        np.testing.assert_array_equal(getattr(one, name)[:60], getattr(other, name)[:60])


def test_a_coefficient_held_at_one_is_the_paired_difference() -> None:
    cheap = (CHEAP > 0.2).astype(float)
    wagers = control_wagers(DEAR[:100], cheap[None], low=0.0, high=1.0, prior=np.ones(1), penalty_rows=1e12, limit=math.inf)
    left = cheap[::-1].cumsum()[::-1] / np.arange(500, 0, -1)
    np.testing.assert_allclose(wagers.values, DEAR[:100] - cheap[:100] + left[:100], atol=1e-6)


def test_many_rows_of_values_at_once_give_what_each_gives_alone() -> None:
    both = control_wagers(np.stack([DEAR[:90], 1 - DEAR[:90]]), CHEAP[None], low=0.0, high=1.0)
    alone = control_wagers(1 - DEAR[:90], CHEAP[None], low=0.0, high=1.0)
    np.testing.assert_allclose(log_capital(both, null_mean=0.4)[1], log_capital(alone, null_mean=0.4))


def test_a_good_control_proves_earlier_and_a_hedge_follows_it() -> None:
    plain = control_wagers(DEAR[:200], np.zeros((1, 500)), low=0.0, high=1.0)
    helped = control_wagers(DEAR[:200], CHEAP[None], low=0.0, high=1.0)
    hedged = hedged_wagers(DEAR[:200], CHEAP[None], low=0.0, high=1.0)
    widths = [interval.high - interval.low for interval in (mean_interval(*w, confidence=0.95) for w in ((plain,), (helped,), hedged))]
    assert widths[1] < 0.9 * widths[0]
    assert widths[2] < widths[1] + 0.3 * (widths[0] - widths[1])


def test_strata_as_controls() -> None:
    assert strata_controls(np.array([0, 2, 1])).tolist() == [[1, 0, 0], [0, 0, 1], [0, 1, 0]]
    everything = control_wagers(DEAR, strata_controls((CHEAP > 0).astype(np.int64)), low=0.0, high=1.0)
    assert mean_interval(everything, confidence=0.95).low == pytest.approx(DEAR.mean())
