"""The paired difference: against scipy and published figures, its coverage, and what it must not promise."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, binomtest, ttest_rel

from llmpick.stats.paired import (
    PairedDifference,
    holm,
    mcnemar_p,
    mean_score,
    paired_difference,
    tango_interval,
)

ZERO_ONE = st.lists(st.tuples(st.sampled_from([0.0, 1.0]), st.sampled_from([0.0, 1.0])), min_size=1, max_size=60)
GRADED = st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=60)


def difference(pairs: list[tuple[float, float]], clusters: list[str] | None = None, confidence: float = 0.95) -> PairedDifference:
    values = np.array(pairs)
    return paired_difference(values[:, 0], values[:, 1], confidence=confidence, clusters=None if clusters is None else np.array(clusters))


@pytest.mark.parametrize(("wins", "losses"), [(0, 0), (1, 0), (5, 5), (12, 3), (0, 40), (300, 420)])
def test_mcnemar_is_the_score_test_at_no_difference(wins: int, losses: int) -> None:
    found = difference([(1.0, 0.0)] * wins + [(0.0, 1.0)] * losses + [(1.0, 1.0)] * 7 + [(0.0, 0.0)] * 3)
    assert (found.test, found.counts) == ("McNemar, score", (7, wins, losses, 3))
    statistic = score_statistic(wins, losses, wins + losses + 10, 0.0) if wins + losses else 0.0
    assert found.p == pytest.approx(math.erfc(statistic / math.sqrt(2)), abs=1e-4)


@pytest.mark.parametrize("n", [16, 24, 50, 100, 200])
def test_the_level_of_the_score_test_counted_out(n: int) -> None:
    """The probability of p <= 0.05 without a difference, when this share of rows differs: by the rows' own binomials, nothing drawn."""
    rejects = [np.array([mcnemar_p(wins, differ - wins) <= 0.05 for wins in range(differ + 1)]) for differ in range(n + 1)]
    given_differ = np.array([binom.pmf(np.arange(m + 1), m, 0.5)[rejects[m]].sum() for m in range(n + 1)])
    level = {share: float(binom.pmf(np.arange(n + 1), n, share) @ given_differ) for share in (0.05, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 0.99)}
    assert max(level[share] for share in (0.05, 0.2, 0.3, 0.4, 0.5, 0.6)) <= 0.0545
    assert min(level[share] for share in (0.3, 0.4, 0.5, 0.6)) >= 0.039
    assert max(level.values()) <= 0.08


def test_the_exact_test_would_hold_back() -> None:
    level = 0.0
    for differ in range(1, 25):
        rejected = np.array([binomtest(wins, differ).pvalue <= 0.05 for wins in range(differ + 1)])
        level += binom.pmf(differ, 24, 0.3) * binom.pmf(np.arange(differ + 1), differ, 0.5)[rejected].sum()
    assert level < 0.02, "McNemar's exact test wastes more than half of the error that is allowed"


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


def simulate(repeats: int, draw_pairs, true: float, *, any_stop: bool = False) -> tuple[float, float]:
    """Coverage of the 95% interval, and how often the test rejects at 5%; the two never contradict each other."""
    draw = np.random.default_rng(20261124)
    found = [paired_difference(*draw_pairs(draw), confidence=0.95, any_stop=any_stop) for _ in range(repeats)]
    covered = sum(one.interval.low <= true <= one.interval.high for one in found)
    assert all(consistent(one) for one in found)
    return covered / repeats, sum(one.p <= 0.05 for one in found) / repeats


def consistent(found: PairedDifference) -> bool:
    """Whether p rejects exactly where the interval leaves 0 out; at the very edge either may be."""
    error, interval = 1 - found.interval.confidence, found.interval
    edge = min(abs(interval.low), abs(interval.high)) < 1e-6 or abs(found.p - error) < 1e-6 * error
    return edge or (found.p <= error) == (not interval.low <= 0 <= interval.high)


@pytest.mark.parametrize("n", [24, 100])
@pytest.mark.parametrize(("only_first", "only_second"), [(0.1, 0.1), (0.15, 0.05), (0.3, 0.1), (0.25, 0.25), (0.5, 0.1)])
def test_coverage_of_zero_one_scores(n: int, only_first: float, only_second: float) -> None:
    def pairs(draw: np.random.Generator):
        kind = draw.choice(4, n, p=[only_first, only_second, 0.2, 0.8 - only_first - only_second])
        return np.isin(kind, (0, 2)).astype(float), np.isin(kind, (1, 2)).astype(float)

    coverage, rejected = simulate(3000, pairs, only_first - only_second)
    assert 0.93 <= coverage <= 0.97
    assert only_first != only_second or rejected <= 0.06


@pytest.mark.parametrize(("n", "share"), [(24, 0.04), (100, 0.02), (400, 0.005)])
def test_few_rows_that_differ_are_covered_too(n: int, share: float) -> None:
    """Few outcomes are possible, so that coverage lies above what is stated."""

    def pairs(draw: np.random.Generator):
        kind = draw.choice(3, n, p=[share / 2, share / 2, 1 - share])
        return (kind == 0).astype(float), (kind == 1).astype(float)

    assert simulate(2000, pairs, 0.0)[0] >= 0.945


@pytest.mark.parametrize("n", [10, 24, 100, 300])
def test_coverage_of_graded_scores(n: int) -> None:
    def pairs(draw: np.random.Generator):
        hard = draw.normal(size=n)
        return (1 / (1 + np.exp(-hard - 1.5 * draw.normal(size=n))) for _ in range(2))

    coverage, rejected = simulate(2000, pairs, 0.0)
    assert 0.935 <= coverage <= 0.965
    assert rejected <= 0.065


@pytest.mark.parametrize("n", [24, 100])
def test_coverage_of_verdicts_that_may_be_ties(n: int) -> None:
    def pairs(draw: np.random.Generator):
        return draw.choice([0, 0.5, 1], n, p=[0.2, 0.4, 0.4]), draw.choice([0, 0.5, 1], n, p=[0.4, 0.4, 0.2])

    assert 0.935 <= simulate(2000, pairs, 0.2)[0] <= 0.97


@pytest.mark.parametrize(("n", "share"), [(1000, 0.005), (1000, 0.01), (100, 0.05), (100, 0.1)])
def test_coverage_where_few_rows_tell(n: int, share: float) -> None:
    """Student's t alone covers 88% to 93% of such."""

    def pairs(draw: np.random.Generator):
        return np.where(draw.random(n) < share, 0.9, 0.5), np.full(n, 0.5)

    coverage, _ = simulate(600, pairs, 0.4 * share)
    assert coverage >= 0.955


def test_looking_after_every_row_until_it_is_shown() -> None:
    """A race that stops as soon as the scores say so: what holds for a fixed number of rows errs, what holds at any stop does not."""
    draw, races, rows = np.random.default_rng(3), 120, range(20, 201, 20)
    erred = {False: 0, True: 0}
    for _ in range(races):
        first, second = (draw.random(200) < 0.5).astype(float), (draw.random(200) < 0.5).astype(float)
        for any_stop in erred:
            looks = (paired_difference(first[:n], second[:n], confidence=0.95, any_stop=any_stop) for n in rows)
            erred[any_stop] += any(look.p <= 0.05 and consistent(look) for look in looks)
    assert erred[True] <= 0.05 * races
    assert erred[False] > 0.1 * races


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
    assert same.interval.low == pytest.approx(-same.interval.high, abs=1e-6)
    assert 0.02 < same.interval.high < 0.04, "a row in 40 may yet be otherwise, as three in a hundred by 1 - 0.05 ** (1 / 100)"
    shifted = difference([(0.6, 0.5)] * 20)
    assert shifted.interval.low < 0 < shifted.interval.high
    assert 0.05 < shifted.p < 0.1, "all alike, and yet not certain"
    one = difference([(0.7, 0.2)])
    assert one.interval.high - one.interval.low > 1.4
    assert one.p == 1.0
    three = difference([(0.7, 0.2)] * 3 + [(0.5, 0.5)] * 500)
    assert three.test == "random weights"
    assert 0.05 < three.p < 0.25, "three of three by chance"


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


@given(st.one_of(ZERO_ONE, GRADED), st.sampled_from([0.8, 0.95, 0.99]), st.booleans())
def test_p_and_interval_are_one_test(pairs: list[tuple[float, float]], confidence: float, any_stop: bool) -> None:
    values = np.array(pairs)
    clusters = (np.arange(len(pairs)) // 3).astype(str) if len(pairs) > 3 else None
    for named in (None, clusters):
        assert consistent(paired_difference(values[:, 0], values[:, 1], confidence=confidence, clusters=named, any_stop=any_stop))


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


def test_holm() -> None:
    assert holm([]) == []
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.9, 0.6]) == [1.0, 1.0]
