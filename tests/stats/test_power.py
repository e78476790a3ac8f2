"""What rows can tell: promises held against simulated pairs whose truth is known, and against the bets that decide in a race."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmpick.evidence.values import Interval, Unknown
from llmpick.stats.betting import best_log_capital
from llmpick.stats.power import MOST_ROWS, design_effect, more_rows, rows_to_decide, shown_beyond, smallest_difference


def pairs(wins: float, losses: float, size: tuple[int, ...], seed: int = 0) -> np.ndarray:
    """Differences of 0/1 scores: 1 with probability `wins`, -1 with `losses`, else 0."""
    u = np.random.default_rng(seed).random(size)
    return np.where(u < wins, 1.0, np.where(u < wins + losses, -1.0, 0.0))


def rows_of(differences: np.ndarray, *arguments: float, **options) -> Interval:
    found = rows_to_decide(differences, *arguments, **options)
    assert isinstance(found, Interval)
    return found


def decided(differences: np.ndarray, tolerance: float) -> bool:
    return bool(abs(differences.mean()) + tolerance >= 1.645 * differences.std() / math.sqrt(len(differences)))


def test_by_hand():
    """Differences of variance 0.25 whose mean is 0: the paired z test with a power of 80% needs (1.645 + 0.842)^2 * 0.25 / 0.05^2 = 618."""
    exact = rows_of(np.array([1.0, -1.0]), 0.05, 0.95, cheapest=True, truth=(0.0, 0.5))
    assert exact.value + 2 == pytest.approx(618, rel=0.01)
    assert exact.high - exact.low <= 1  # where the truth is known, nothing is left open


def test_half_of_the_spread_needs_a_quarter_of_the_rows():
    seen = pairs(0.15, 0.15, (200,))
    wide, narrow = (rows_of(seen * scale, 0.02 * scale, 0.95, truth=(0.0, 0.5 * scale)).value for scale in (1.0, 0.5))
    assert narrow == pytest.approx(wide, rel=0.01)  # the same question in other units
    assert rows_of(seen, 0.01, 0.95).value > 2 * rows_of(seen, 0.02, 0.95).value


@pytest.mark.parametrize(("n", "tolerance"), [(60, 0.05), (150, 0.03)])
def test_the_power_and_the_range_hold_over_pairs_that_rows_leave_open(n: int, tolerance: float):
    """Gaps as real ones are: normal with a standard deviation of 10 points. Decided after the rows named: 80%; range: 90%."""
    rng = np.random.default_rng(1)
    told = right = inside = 0
    while told < 120:
        gap = rng.normal(0, 0.1)
        wins, losses = 0.2 + gap / 2, 0.2 - gap / 2
        if losses < 0 or wins < 0:
            continue
        seen = pairs(wins, losses, (n,), rng.integers(2**32))
        more = rows_to_decide(seen, tolerance, 0.95)
        if isinstance(more, Unknown) or more.value == 0:
            continue
        told += 1
        truth = (gap, math.sqrt(0.4 - gap**2))
        inside += more.low <= rows_of(seen, tolerance, 0.95, truth=truth).value <= more.high
        right += decided(np.concatenate([seen, pairs(wins, losses, (int(more.value),), rng.integers(2**32))]), tolerance)
    assert 0.70 <= right / told <= 0.92
    assert 0.82 <= inside / told <= 0.98


def test_the_rows_for_peeking_are_those_that_the_bets_need():
    """`shown_beyond` with peeking against the bets themselves: the rows by its formula decide 80% of the races."""
    wins, losses, tolerance = 0.15, 0.13, 0.05
    gap, deviation = wins - losses, math.sqrt(wins + losses - (wins - losses) ** 2)
    for confidence in (0.9, 0.95, 0.99):
        rows = math.ceil(((shown_beyond(confidence, peeking=True) + 0.8416) * deviation / (gap + tolerance)) ** 2)
        differences = pairs(wins, losses, (400, rows))
        capital = best_log_capital(differences, -tolerance, population=None, low=-1.0, high=1.0)
        assert 0.73 <= (capital >= -math.log(1 - confidence)).mean() <= 0.87


def test_what_is_asked_matters():
    seen = pairs(0.2, 0.18, (200,))
    plain = rows_of(seen, 0.02, 0.95)
    assert rows_of(seen, 0.02, 0.95, peeking=True).value > plain.value
    assert rows_of(seen, 0.02, 0.99).value > plain.value
    assert rows_of(seen, 0.02, 0.95, 0.9).value > plain.value
    assert rows_of(seen, 0.02, 0.95, cheapest=True).value >= plain.value
    assert rows_of(seen, 0.02, 0.95, clusters=np.arange(200) // 10).value >= plain.value


def test_cheapest_asks_about_the_second_of_the_two():
    """The second is worse by 20 points: shown at once that it is beaten; the first is better: shown to be within even sooner."""
    beaten = pairs(0.35, 0.1, (400,))
    assert rows_of(beaten, 0.02, 0.95, cheapest=True).value == 0
    at_the_bound = np.tile([1.0, 1.0, 1.0, -1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], 20)
    assert at_the_bound.mean() == pytest.approx(0.1)
    assert rows_of(at_the_bound, 0.1, 0.95).value == 0
    assert rows_of(at_the_bound, 0.1, 0.95, cheapest=True).value > 400


def test_little_is_never_certain():
    """Ten rows on which both were right: equal so far, but far from shown."""
    assert isinstance(rows_to_decide(np.zeros(1), 0.02, 0.95), Unknown)
    assert isinstance(rows_to_decide(np.zeros(0), 0.02, 0.95), Unknown)
    few = rows_of(np.zeros(10), 0.02, 0.95)
    assert few.value > 50
    assert few.low < few.value < few.high


def test_no_tolerance_may_need_more_rows_than_there_are():
    undecided = rows_of(np.tile([1.0, -1.0], 50), 0.0, 0.95)
    assert undecided.high > 10 * undecided.value
    assert isinstance(rows_to_decide(np.tile([1.0, -1.0], 50), 0.0, 0.95, truth=(0.0, 1.0), power=0.95), Unknown)


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.floats(-1, 1), min_size=2, max_size=60),
    st.floats(0.005, 0.3),
    st.sampled_from([0.8, 0.95, 0.99]),
)
def test_it_is_always_an_ordered_range_or_a_reason(values: list[float], tolerance: float, confidence: float):
    found = rows_to_decide(np.array(values), tolerance, confidence)
    mirrored = rows_to_decide(-np.array(values), tolerance, confidence)
    if isinstance(found, Interval):
        assert 0 <= found.low <= found.value <= found.high <= MOST_ROWS
        assert isinstance(mirrored, Interval)
        assert mirrored.value == pytest.approx(found.value, abs=1)  # which of the two is named first does not matter


def test_the_smallest_difference_is_millers():
    """Miller's example, section 5: a variance of 1/9 and a power of 80% at 5% tell 3 points on 969 rows."""
    assert smallest_difference(1 / 3, 969, 0.95) == pytest.approx(0.03, rel=0.001)
    assert smallest_difference(0.5, 100, 0.95, population=100) == 0.0
    assert smallest_difference(0.5, 50, 0.95, population=100) < smallest_difference(0.5, 50, 0.95)
    assert smallest_difference(0.5, 0, 0.95) == math.inf
    assert smallest_difference(0.5, 100, 0.95, peeking=True) > smallest_difference(0.5, 100, 0.95)


def test_the_smallest_difference_is_seen_four_times_in_five():
    rows, gap = 400, smallest_difference(math.sqrt(0.3), 400, 0.95)
    differences = pairs(0.15 + gap / 2, 0.15 - gap / 2, (2000, rows))
    errors = differences.std(axis=1) / math.sqrt(rows)
    assert (differences.mean(axis=1) >= 1.96 * errors).mean() == pytest.approx(0.8, abs=0.03)


def test_clusters():
    same = np.repeat(pairs(0.3, 0.3, (50,)), 4)
    assert design_effect(same, np.repeat(np.arange(50), 4)) == pytest.approx(4.0, rel=0.05)  # four copies of each row are one row
    assert design_effect(same, np.arange(200)) == 1.0
    assert design_effect(same, np.zeros(200, dtype=int)) == 1.0  # nothing can be told from one document
    assert design_effect(pairs(0.3, 0.3, (4000,)), np.random.default_rng(0).integers(400, size=4000)) < 1.3
    assert design_effect(np.zeros(0), np.zeros(0, dtype=int)) == 1.0


def test_more_rows_are_those_that_the_power_asks_for():
    error = 0.02
    assert smallest_difference(error * math.sqrt(500), 500, 0.95) == pytest.approx(2.8016 * error, rel=1e-4)
    assert more_rows(500, error, 2.8016 * error, 0.95) in (0, 1)
    assert more_rows(500, error, 1.4008 * error, 0.95) == pytest.approx(1500, abs=2)
    assert more_rows(500, error, 0.0, 0.95) is None
    assert more_rows(500, error, -0.1, 0.95) is None
