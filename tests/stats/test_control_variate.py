"""Controls: right whatever they are, and narrower when they foretell something."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from llmpick.stats.control_variate import control_wagers, hedged_wagers, regression_mean, regression_step, strata_controls
from llmpick.stats.means import mean_interval_t
from llmpick.stats.wager import Wagers, log_capital, mean_interval

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


# A judge that has scored all rows is a control for the labels of people.


def judged(kind: str, rows: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """A judge's scores and human labels of 0 and 1 for each row: the judge flatters, is useless, or says the contrary."""
    draw = np.random.default_rng(seed)
    human = (draw.random(rows) < 0.5).astype(float)
    judge = {
        "good": np.where(draw.random(rows) < 0.9, human, 1.0),
        "graded": np.clip(0.35 + 0.5 * human + 0.2 * draw.standard_normal(rows), 0, 1),
        "useless": (draw.random(rows) < 0.8).astype(float),
        "contrary": 1 - human,
    }[kind]
    return judge, human


def trusting(judge: np.ndarray, labels: np.ndarray) -> Wagers:
    """Bets that begin by taking the judge at its word, which two labels outweigh."""
    return control_wagers(labels, judge[None], low=0.0, high=1.0, prior=np.ones(1), penalty_rows=2.0, limit=math.inf)


@pytest.mark.parametrize("kind", ["good", "useless", "contrary"])
def test_labels_added_one_by_one_cover_the_rows_own_mean(kind: str) -> None:
    missed = 0
    for seed in range(60):
        judge, human = judged(kind, 200, seed)
        interval = mean_interval(trusting(judge, human[:60]), confidence=0.8)
        missed += not interval.low <= human.mean() <= interval.high
    assert missed <= 0.2 * 60


def test_labels_that_suffice_are_fewer_with_a_good_judge() -> None:
    judge, human = judged("good", 500, 1)
    ours, alone = (mean_interval(trusting(control, human[:100]), confidence=0.95) for control in (judge, 0 * judge))
    assert ours.high - ours.low < 0.75 * (alone.high - alone.low)


@given(st.integers(0, 10_000), st.integers(1, 12), st.integers(0, 4))
@settings(max_examples=60, deadline=None)
def test_what_the_labels_leave_possible_is_never_left_out(seed: int, n: int, unseen: int) -> None:
    """No interval contradicts the labels for certain: the mean lies between the unlabelled rows all 0 and all 1."""
    draw = np.random.default_rng(seed)
    rows = n + unseen
    judge, human = draw.random(rows), draw.integers(0, 2, rows).astype(float)
    interval = mean_interval(trusting(judge, human[:n]), confidence=0.95)
    least, most = human[:n].sum() / rows, (human[:n].sum() + unseen) / rows
    assert least - 1e-6 <= interval.high
    assert interval.low <= most + 1e-6


def test_the_estimate_is_that_of_ppi_plus_plus() -> None:
    """lambda = cov / ((1 + n/m) var), on the m unlabelled rows alone, with moments of the labelled rows (arXiv 2311.01453, section 6)."""
    judge, human = judged("graded", 100, 13)
    j, h = judge[:30], human[:30]
    strength = np.cov(j, h)[0, 1] / j.var(ddof=1) / (1 + 30 / 70)
    expected = h.mean() + strength * (judge[30:].mean() - j.mean())
    assert regression_mean(h, judge[None], confidence=0.95, population=100).value == pytest.approx(expected)
