"""Stages of evidence: one stage is the plain interval, two are the regression estimate, a useless stage does no harm."""

import numpy as np
import pytest

from llmpick.stats.cascade import anytime_cascade, cascade_mean
from llmpick.stats.control_variate import regression_mean
from llmpick.stats.means import mean_interval_t

RNG = np.random.default_rng(6)
TRUTH = RNG.random(400).round(1)
MIDDLE = TRUTH + 0.15 * RNG.normal(size=400) - 2.0
CHEAP = 30 * MIDDLE + 15 * RNG.normal(size=400)


def width(stages: list[np.ndarray]) -> float:
    interval = cascade_mean(stages, confidence=0.95, population=400)
    return interval.high - interval.low


def test_one_stage_is_the_plain_interval() -> None:
    ours, plain = cascade_mean([TRUTH[:40]], confidence=0.9, population=None), mean_interval_t(TRUTH[:40].tolist(), confidence=0.9)
    assert (ours.low, ours.high) == pytest.approx((plain.low, plain.high))


@pytest.mark.parametrize("population", [None, 400, 1000])
def test_two_stages_are_the_regression_estimate(population: int | None) -> None:
    ours = cascade_mean([CHEAP[:300], TRUTH[:40]], confidence=0.95, population=population)
    theirs = regression_mean(TRUTH[:40], CHEAP[None, :300], confidence=0.95, population=population)
    assert (ours.value, ours.low, ours.high) == pytest.approx((theirs.value, theirs.low, theirs.high))


def test_each_good_stage_makes_it_narrower_and_a_useless_one_hardly_wider() -> None:
    alone, two, three = (width(stages) for stages in ([TRUTH[:40]], [MIDDLE[:150], TRUTH[:40]], [CHEAP, MIDDLE[:150], TRUTH[:40]]))
    assert three < two < 0.8 * alone
    noise = np.random.default_rng(1).normal(size=400)
    assert width([noise, TRUTH[:40]]) < 1.1 * alone


def test_a_stage_that_ends_where_the_next_does_adds_nothing() -> None:
    assert width([CHEAP[:40], TRUTH[:40]]) == pytest.approx(width([TRUTH[:40]]), rel=0.03)


def test_everything_seen_leaves_no_doubt() -> None:
    assert width([CHEAP, MIDDLE, TRUTH]) == pytest.approx(0)
    interval = anytime_cascade([CHEAP, MIDDLE, TRUTH], confidence=0.95, rows=400, complete=0, pilot=20)
    assert interval.low == interval.high == pytest.approx(TRUTH.mean())


@pytest.mark.parametrize(
    ("sizes", "complaint"),
    [((10, 20), "more rows than the cheaper"), ((401, 20), "more rows than the population"), ((100, 3), "two rows more"), ((), "two rows")],
)
def test_sizes_that_are_no_cascade(sizes: tuple[int, ...], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        cascade_mean([np.zeros(size) for size in sizes], confidence=0.95, population=400)


@pytest.mark.parametrize(
    ("sizes", "complete", "pilot", "complaint"),
    [
        ((300, 20), 1, 0, "all rows"),
        ((400, 20), 2, 0, "all rows"),
        ((20, 30), 0, 10, "more than the cheaper"),
        ((400, 0), 1, 0, "some rows"),
        ((400, 200, 20), 1, 4, "pilot"),
        ((400, 200, 20), 1, 21, "pilot"),
    ],
)
def test_anytime_sizes_that_are_no_cascade(sizes: tuple[int, ...], complete: int, pilot: int, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        anytime_cascade([np.zeros(size) for size in sizes], confidence=0.95, rows=400, complete=complete, pilot=pilot)


def test_scores_outside_the_range_are_refused() -> None:
    with pytest.raises(ValueError, match="between"):
        anytime_cascade([CHEAP, 2 * np.ones(50)], confidence=0.95, rows=400, complete=1)


@pytest.mark.parametrize(("complete", "pilot"), [(1, 30), (0, 30)])
def test_the_range_holds_the_truth_and_every_score_stays_inside(complete: int, pilot: int) -> None:
    stages = [CHEAP if complete else CHEAP[:390], MIDDLE[:300], TRUTH[:100]]
    interval = anytime_cascade(stages, confidence=0.95, rows=400, complete=complete, pilot=pilot)
    assert 0 <= interval.low <= TRUTH.mean() <= interval.high <= 1


def test_cheap_stages_on_all_rows_narrow_the_anytime_range() -> None:
    cascade = anytime_cascade([MIDDLE, TRUTH[:100]], confidence=0.95, rows=400, complete=1)
    alone = anytime_cascade([TRUTH[:100]], confidence=0.95, rows=400, complete=0)
    assert cascade.high - cascade.low < 0.9 * (alone.high - alone.low)


def test_scores_on_another_scale() -> None:
    """Differences in [-1, 1] instead of scores in [0, 1]: the same rows, twice as wide."""
    one = anytime_cascade([CHEAP, MIDDLE[:300], TRUTH[:100]], confidence=0.95, rows=400, complete=1, pilot=20)
    other = anytime_cascade([CHEAP, MIDDLE[:300], 2 * TRUTH[:100] - 1], confidence=0.95, rows=400, complete=1, pilot=20, low=-1.0)
    assert (other.low, other.high) == pytest.approx((2 * one.low - 1, 2 * one.high - 1), abs=1e-6)
