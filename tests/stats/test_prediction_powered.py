"""A biased judge corrected by a few human labels: right whatever the judge, narrower than labels alone when it is good.

The worlds are simulated with fixed seeds. Coverage is read from the capital against the truth itself: an interval leaves the truth out
exactly when that capital reaches the threshold.
"""

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from llmpick.stats.betting import mean_interval
from llmpick.stats.prediction_powered import rectify

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
