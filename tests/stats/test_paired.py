"""The paired difference: against scipy and published figures, its coverage, and what it must not promise."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest, ttest_rel

from llmpick.stats.paired import (
    PairedDifference,
    detectable_difference,
    exact_sign_p,
    holm,
    mean_score,
    more_rows,
    paired_difference,
    tango_interval,
)

ZERO_ONE = st.lists(st.tuples(st.sampled_from([0.0, 1.0]), st.sampled_from([0.0, 1.0])), min_size=1, max_size=60)
GRADED = st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=60)


def difference(pairs: list[tuple[float, float]], clusters: list[str] | None = None, confidence: float = 0.95) -> PairedDifference:
    values = np.array(pairs)
    return paired_difference(values[:, 0], values[:, 1], confidence=confidence, clusters=None if clusters is None else np.array(clusters))


@pytest.mark.parametrize(("wins", "losses"), [(0, 0), (1, 0), (5, 5), (12, 3), (0, 40), (300, 420)])
def test_mcnemar_is_the_exact_binomial_test(wins: int, losses: int) -> None:
    expected = binomtest(wins, wins + losses).pvalue if wins + losses else 1.0
    assert exact_sign_p(wins, losses) == pytest.approx(expected)
    found = difference([(1, 0)] * wins + [(0, 1)] * losses + [(1, 1)] * 7 + [(0, 0)] * 3)
    assert (found.test, found.counts) == ("McNemar, exact", (7, wins, losses, 3))
    assert found.p == pytest.approx(expected)


@pytest.mark.parametrize(("only_first", "only_second", "n"), [(12, 2, 44), (40, 20, 160), (3, 0, 50), (1, 1, 20), (60, 75, 2000)])
def test_tangos_interval_holds_all_differences_that_the_score_test_allows(only_first: int, only_second: int, n: int) -> None:
    found = tango_interval(only_first, only_second, n, confidence=0.95)
    assert score_statistic(only_first, only_second, n, found.low) == pytest.approx(1.959964, abs=1e-3)
    assert score_statistic(only_first, only_second, n, found.high) == pytest.approx(1.959964, abs=1e-3)


@pytest.mark.parametrize("n", [1, 10, 300])
def test_rows_without_any_difference_leave_room_for_one(n: int) -> None:
    found, square = tango_interval(0, 0, n, confidence=0.95), 1.959964**2
    assert (found.low, found.high) == pytest.approx((-square / (n + square), square / (n + square)), rel=1e-4)


def score_statistic(only_first: int, only_second: int, n: int, delta: float) -> float:
    """The same statistic with the nuisance parameter found by search in place of the closed form."""
    shares = np.linspace(max(0.0, -delta) + 1e-9, (1 - delta) / 2 - 1e-9, 400_001)  # of rows that only the second has right
    likelihood = (
        only_second * np.log(shares) + only_first * np.log(shares + delta) + (n - only_first - only_second) * np.log1p(-2 * shares - delta)
    )
    share = float(shares[int(np.argmax(np.where(np.isfinite(likelihood), likelihood, -np.inf)))])
    return abs(only_first - only_second - n * delta) / math.sqrt(n * (2 * share + delta * (1 - delta)))


def test_graded_scores_have_students_t() -> None:
    draw = np.random.default_rng(4)
    first, second = draw.random(80), draw.random(80) * 0.8
    found, expected = paired_difference(first, second, confidence=0.9), ttest_rel(first, second)
    assert (found.test, found.counts) == ("paired t", None)
    assert found.p == pytest.approx(float(expected.pvalue))
    reference = expected.confidence_interval(0.9)
    assert (found.interval.low, found.interval.high) == pytest.approx((float(reference.low), float(reference.high)))


def simulate(repeats: int, draw_pairs, true: float) -> tuple[float, float]:
    """Coverage of the 95% interval, and how often the test rejects at 5%."""
    draw = np.random.default_rng(20261124)
    found = [paired_difference(*draw_pairs(draw), confidence=0.95) for _ in range(repeats)]
    covered = sum(one.interval.low <= true <= one.interval.high for one in found)
    return covered / repeats, sum(one.p <= 0.05 for one in found) / repeats


@pytest.mark.parametrize(("n", "only_first", "only_second"), [(40, 0.1, 0.1), (100, 0.15, 0.05), (400, 0.02, 0.02), (1000, 0.2, 0.17)])
def test_coverage_of_zero_one_scores(n: int, only_first: float, only_second: float) -> None:
    def pairs(draw: np.random.Generator):
        kind = draw.choice(4, n, p=[only_first, only_second, 0.4, 0.6 - only_first - only_second])
        return np.isin(kind, (0, 2)).astype(float), np.isin(kind, (1, 2)).astype(float)

    coverage, rejected = simulate(2000, pairs, only_first - only_second)
    assert 0.93 <= coverage <= 0.975
    assert only_first != only_second or rejected <= 0.05


@pytest.mark.parametrize("n", [10, 50, 300])
def test_coverage_of_graded_scores(n: int) -> None:
    def pairs(draw: np.random.Generator):
        hard = draw.normal(size=n)
        return (1 / (1 + np.exp(-hard - 1.5 * draw.normal(size=n))) for _ in range(2))

    coverage, rejected = simulate(2000, pairs, 0.0)
    assert 0.935 <= coverage <= 0.965
    assert rejected <= 0.065


@pytest.mark.parametrize(("groups", "at_least"), [(12, 0.925), (40, 0.935)])
def test_coverage_of_clusters_of_unlike_sizes(groups: int, at_least: float) -> None:
    draw = np.random.default_rng(5)
    covered = plain = 0
    for _ in range(1500):
        clusters = np.repeat(np.arange(groups), draw.integers(1, 16, groups))
        shift, n = draw.normal(size=groups)[clusters], len(clusters)
        first, second = ((draw.normal(size=n) + part > 0).astype(float) for part in (shift, 0))
        interval = paired_difference(first, second, confidence=0.95, clusters=clusters.astype(str)).interval
        covered += interval.low <= 0 <= interval.high
        alone = paired_difference(first, second, confidence=0.95).interval
        plain += alone.low <= 0 <= alone.high
    assert at_least <= covered / 1500 <= 0.97
    assert plain / 1500 < 0.85, "without clusters the interval would promise too much"


def test_few_rows_that_differ_do_not_make_the_others_certain() -> None:
    same = difference([(0.5, 0.5)] * 100)
    assert (same.interval.low, same.interval.high) == pytest.approx((-0.0362, 0.0362), abs=1e-3), "1 - 0.025 ** (1 / 100)"
    shifted = difference([(0.6, 0.5)] * 20)
    assert shifted.interval.low < 0 < shifted.interval.high
    one = difference([(0.7, 0.2)])
    assert one.interval.high - one.interval.low > 1.4
    assert one.p == 1.0
    assert difference([(0.7, 0.2)] * 3 + [(0.5, 0.5)] * 500).p == 0.25, "three of three by chance"


def test_a_cluster_of_equal_rows_counts_once() -> None:
    pairs = [(1.0, 0.0), (0.0, 1.0), (1.0, 0.0), (1.0, 1.0), (0.0, 0.0), (1.0, 0.0)] * 5
    once = difference(pairs, [str(k) for k in range(30)])
    four_times = difference([pair for pair in pairs for _ in range(4)], [str(k) for k in range(30) for _ in range(4)])
    assert (once.interval, once.clusters) == (four_times.interval, 30)
    assert once.p == pytest.approx(four_times.p)
    with pytest.raises(ValueError, match="at least two"):
        difference(pairs, ["only"] * 30)
    with pytest.raises(ValueError, match="no paired rows"):
        paired_difference(np.zeros(0), np.zeros(0), confidence=0.95)


@given(st.one_of(ZERO_ONE, GRADED), st.sampled_from([0.8, 0.95, 0.99]))
def test_turning_the_pair_turns_the_difference(pairs: list[tuple[float, float]], confidence: float) -> None:
    forward, back = difference(pairs, confidence=confidence), difference([(b, a) for a, b in pairs], confidence=confidence)
    assert forward.interval.low == pytest.approx(-back.interval.high, abs=1e-9)
    assert forward.p == pytest.approx(back.p)
    assert (forward.wins, forward.losses) == (back.losses, back.wins)
    assert -1 <= forward.interval.low < forward.interval.high <= 1
    assert 0 <= forward.p <= 1
    assert forward.standard_error > 0


@given(ZERO_ONE)
def test_the_order_of_rows_does_not_matter_and_confidence_widens(pairs: list[tuple[float, float]]) -> None:
    found = difference(pairs)
    assert difference(pairs[::-1]).interval == found.interval
    wider = difference(pairs, confidence=0.99).interval
    assert wider.low <= found.interval.low
    assert found.interval.high <= wider.high


def test_means() -> None:
    wilson = mean_score(np.array([1.0] * 8 + [0.0] * 2), confidence=0.95)
    expected = binomtest(8, 10).proportion_ci(0.95, method="wilson")
    assert (wilson.low, wilson.high) == pytest.approx((float(expected.low), float(expected.high)))
    for scores in ([1.0], [0.0, 0.0], [0.4], [0.4, 0.9, 0.1]):
        interval = mean_score(np.array(scores), confidence=0.95)
        assert 0 <= interval.low <= interval.value <= interval.high <= 1
        assert interval.high - interval.low > 0.3
    graded = mean_score(np.linspace(0, 1, 200), confidence=0.95)
    assert graded.high - graded.value == pytest.approx(1.96 * math.sqrt(1 / 12 / 200), rel=0.02)


def test_more_rows_are_those_that_the_power_asks_for() -> None:
    error = 0.02
    assert detectable_difference(error, confidence=0.95) == pytest.approx(2.8016 * error, rel=1e-4)
    assert more_rows(500, error, 2.8016 * error, confidence=0.95) in (0, 1)
    assert more_rows(500, error, 1.4008 * error, confidence=0.95) == pytest.approx(1500, abs=2)
    assert more_rows(500, error, 0.0, confidence=0.95) is None
    assert more_rows(500, error, -0.1, confidence=0.95) is None


def test_holm() -> None:
    assert holm([]) == []
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.9, 0.6]) == [1.0, 1.0]
