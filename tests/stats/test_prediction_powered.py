"""A biased judge corrected by a few human labels: right whatever the judge, narrower than labels alone when it is good.

The worlds are simulated with fixed seeds. Coverage is read from the capital against the truth itself: an interval leaves the truth out
exactly when that capital reaches the threshold.
"""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from llmpick.stats.betting import mean_interval
from llmpick.stats.prediction_powered import corrected_mean, labels_interval, rectify

Floats = NDArray[np.float64]
THRESHOLD = math.log(2 / 0.05)
TRUTH = 0.5


def world(kind: str, shape: tuple[int, ...], seed: int) -> tuple[Floats, Floats]:
    """Human labels of 0 and 1, half of each, and what a judge makes of them: it flatters, is useless, or says the contrary."""
    draw = np.random.default_rng(seed)
    human = (draw.random(shape) < TRUTH).astype(float)
    judge = {
        "good": np.where(draw.random(shape) < 0.9, human, 1.0),
        "fair": np.where(draw.random(shape) < 0.7, human, 1.0),
        "graded": np.clip(0.35 + 0.5 * human + 0.2 * draw.standard_normal(shape), 0, 1),
        "useless": (draw.random(shape) < 0.8).astype(float),
        "contrary": 1 - human,
    }[kind]
    return judge, human


def rejected(judge: Floats, human: Floats, labelled: NDArray[np.bool_], share: float) -> float:
    """In how many of the rows of the first axis the truth is left out, at any look."""
    stream = rectify(judge, human, labelled, np.full(judge.shape, share))
    above = stream.best_log_capital(TRUTH) >= THRESHOLD
    below = stream.negated().best_log_capital(-TRUTH) >= THRESHOLD
    return float((above | below).mean())


@pytest.mark.parametrize("kind", ["good", "fair", "graded", "useless", "contrary"])
def test_the_corrected_judge_covers_at_every_look(kind: str) -> None:
    judge, human = world(kind, (400, 600), seed=1)
    labelled = np.random.default_rng(2).random(judge.shape) < 0.2
    assert rejected(judge, human, labelled, 0.2) <= 0.05


@pytest.mark.parametrize("kind", ["good", "fair", "graded", "useless"])
def test_the_raw_judge_does_not(kind: str) -> None:
    judge, _ = world(kind, (2000,), seed=1)
    assert mean_interval(judge, confidence=0.95).low > TRUTH


def test_labels_that_are_not_random_are_found_out() -> None:
    """The coins must be what they are said to be: labels on the good rows only break the coverage, so the test above can fail."""
    judge, human = world("useless", (50, 600), seed=1)
    assert rejected(judge, human, (human == 1) & (np.random.default_rng(2).random(human.shape) < 0.2), 0.2) == 1


def test_coins_may_be_thrown_by_what_the_judge_says() -> None:
    """Labels where the judge is in doubt: probabilities differ, the smallest is named, the coverage holds."""
    judge, human = world("graded", (200, 600), seed=3)
    share = np.where(np.abs(judge - 0.5) < 0.25, 0.4, 0.1)
    labelled = np.random.default_rng(4).random(judge.shape) < share
    stream = rectify(judge, human, labelled, share, least_probability=0.1)
    above = stream.best_log_capital(TRUTH) >= THRESHOLD
    below = stream.negated().best_log_capital(-TRUTH) >= THRESHOLD
    assert (above | below).mean() <= 0.05


@pytest.mark.parametrize(
    ("kind", "at_most"),
    [("good", 0.75), ("contrary", 0.75), ("graded", 0.85), ("fair", 0.9), ("useless", 1.1)],
)
def test_it_is_narrower_than_labels_alone_with_a_good_judge_and_never_much_wider(kind: str, at_most: float) -> None:
    judge, human = world(kind, (10, 1000), seed=5)
    labelled = np.random.default_rng(6).random(judge.shape) < 0.15
    ours = [rectify(j, h, coins, np.full(1000, 0.15)).interval(confidence=0.95) for j, h, coins in zip(judge, human, labelled, strict=True)]
    alone = [mean_interval(h[coins], confidence=0.95) for h, coins in zip(human, labelled, strict=True)]
    assert sum(i.high - i.low for i in ours) <= at_most * sum(i.high - i.low for i in alone)


def test_rectified_rows_keep_within_their_bounds_and_have_the_humans_mean() -> None:
    judge, human = world("fair", (300, 400), seed=7)
    labelled = np.random.default_rng(8).random(judge.shape) < 0.25
    stream = rectify(judge, human, labelled, np.full(judge.shape, 0.25))
    assert (stream.values >= stream.low - 1e-9).all()
    assert (stream.values <= stream.high + 1e-9).all()
    assert abs(stream.values.mean() - human.mean()) < 0.01


def test_the_line_is_fitted_to_the_past_only() -> None:
    """Whatever the last row says, it changes no value before it, and not its own bounds."""
    judge, human = world("fair", (50,), seed=9)
    labelled = np.ones(50, dtype=bool)
    share = np.full(50, 0.5)
    first = rectify(judge, human, labelled, share)
    human[-1] = 1 - human[-1]
    second = rectify(judge, human, labelled, share)
    assert (first.values[:-1] == second.values[:-1]).all()
    assert (first.low == second.low).all()
    assert first.values[-1] != second.values[-1]


def test_every_row_labelled_is_the_test_without_a_judge() -> None:
    judge, human = world("useless", (80,), seed=10)
    ours = rectify(judge, human, np.ones(80, dtype=bool), np.ones(80)).interval(confidence=0.9)
    alone = mean_interval(human, confidence=0.9)
    assert (ours.low, ours.value, ours.high) == pytest.approx((alone.low, alone.value, alone.high), abs=1e-6)


def test_differences_of_two_candidates_are_rectified_alike() -> None:
    """Scores in [-1, 1], as a race compares them: the judge favours one by far, the humans neither."""
    draw = np.random.default_rng(11)
    human = draw.choice([-1.0, 0.0, 1.0], (200, 500))
    judge = np.clip(human + draw.choice([0.0, 1.0], human.shape), -1, 1)
    labelled = draw.random(human.shape) < 0.3
    stream = rectify(judge, human, labelled, np.full(human.shape, 0.3), low=-1.0, high=1.0)
    assert (stream.best_log_capital(0.0) >= math.log(1 / 0.05)).mean() <= 0.05
    assert (stream.negated().best_log_capital(-0.5) >= math.log(1 / 0.05)).mean() > 0.9


@pytest.mark.parametrize(("share", "least"), [(0.0, None), (1.2, None), (0.2, 0.5), (0.2, 0.0)])
def test_a_probability_outside_its_range_is_refused(share: float, least: float | None) -> None:
    with pytest.raises(ValueError, match="probabilities"):
        rectify(np.zeros(3), np.zeros(3), np.zeros(3, dtype=bool), np.full(3, share), least_probability=least)


def test_no_rows_show_nothing() -> None:
    nothing = np.zeros(0)
    stream = rectify(nothing, nothing, np.zeros(0, dtype=bool), nothing)
    assert stream.best_log_capital(0.5) == -math.inf
    with pytest.raises(ValueError, match="at least one value"):
        stream.interval(confidence=0.95)


# Labels on rows that the judge has all scored: the mean of the rows themselves.


@pytest.mark.parametrize("kind", ["good", "useless", "contrary"])
def test_labels_added_one_by_one_cover_the_rows_own_mean(kind: str) -> None:
    missed = 0
    for seed in range(60):
        judge, human = world(kind, (200,), seed=seed)
        order = np.random.default_rng(seed + 1000).permutation(200)[:60]
        interval = labels_interval(judge, order, human[order], confidence=0.8)
        missed += not interval.low <= human.mean() <= interval.high
    assert missed <= 0.2 * 60


def test_labels_that_suffice_are_fewer_with_a_good_judge() -> None:
    judge, human = world("good", (500,), seed=1)
    order = np.random.default_rng(2).permutation(500)[:100]
    ours = labels_interval(judge, order, human[order], confidence=0.95)
    alone = mean_interval(human[order], confidence=0.95, population=500)
    assert ours.high - ours.low < 0.75 * (alone.high - alone.low)


def test_all_rows_labelled_are_a_point_and_no_label_is_an_error() -> None:
    judge, human = world("fair", (30,), seed=1)
    interval = labels_interval(judge, np.arange(30), human, confidence=0.95)
    assert interval.low == interval.high == pytest.approx(human.mean())
    with pytest.raises(ValueError, match="at least one label"):
        labels_interval(judge, np.arange(0), human[:0], confidence=0.95)


@given(st.integers(0, 10_000), st.integers(1, 12), st.integers(0, 4))
@settings(max_examples=60, deadline=None)
def test_what_the_labels_leave_possible_is_never_left_out(seed: int, n: int, unseen: int) -> None:
    """No interval contradicts the labels for certain: the mean lies between the unlabelled rows all 0 and all 1."""
    draw = np.random.default_rng(seed)
    rows = n + unseen
    judge, human = draw.random(rows), draw.integers(0, 2, rows).astype(float)
    order = draw.permutation(rows)[:n]
    interval = labels_interval(judge, order, human[order], confidence=0.95)
    least, most = human[order].sum() / rows, (human[order].sum() + unseen) / rows
    assert least - 1e-6 <= interval.high
    assert interval.low <= most + 1e-6


# One look, how many labels fixed beforehand.


@pytest.mark.parametrize(("kind", "of"), [(kind, of) for kind in ("good", "graded", "useless") for of in ("rows", "inputs")])
def test_the_corrected_mean_covers(kind: str, of: str) -> None:
    judge, human = world(kind, (500, 300), seed=12)
    missed = 0
    for j, h, seed in zip(judge, human, range(500), strict=True):
        labelled = np.random.default_rng(seed).permutation(300) < 45
        interval = corrected_mean(j, h, labelled, confidence=0.95, of="rows" if of == "rows" else "inputs")
        truth = h.mean() if of == "rows" else TRUTH
        missed += not interval.low <= truth <= interval.high
    assert missed <= 0.07 * 500


def test_the_estimate_is_that_of_ppi_plus_plus() -> None:
    """lambda = cov / ((1 + n/m) var), on the m unlabelled rows alone, with moments of the labelled rows (arXiv 2311.01453, section 6)."""
    judge, human = world("graded", (100,), seed=13)
    labelled = np.arange(100) < 30
    j, h = judge[labelled], human[labelled]
    strength = np.cov(j, h)[0, 1] / j.var(ddof=1) / (1 + 30 / 70)
    expected = h.mean() + strength * (judge[~labelled].mean() - j.mean())
    assert corrected_mean(judge, human, labelled, confidence=0.95).value == pytest.approx(expected)


def test_a_few_faultless_labels_do_not_prove_a_faultless_judge() -> None:
    judge = (np.arange(200) % 2).astype(float)
    labelled = np.arange(200) < 20
    interval = corrected_mean(judge, judge, labelled, confidence=0.95)
    assert interval.high - interval.low > 2 * 3 / 20 * 0.8
    with pytest.raises(ValueError, match="three labels"):
        corrected_mean(judge, judge, np.arange(200) < 2, confidence=0.95)
