"""Clusters: equal to the plain interval when each holds one row, wider when rows resemble each other, exact at the end."""

import numpy as np
import pytest
from scipy import stats

from llmpick.stats.betting import log_capital as log_capital_of_rows
from llmpick.stats.betting import mean_interval as mean_interval_of_rows
from llmpick.stats.clustered import (
    Population,
    _degrees_of_freedom,
    cluster_mean,
    cluster_wagers,
    new_cluster_log_capital,
    new_input_interval,
)
from llmpick.stats.means import mean_interval_t
from llmpick.stats.order import cluster_order
from llmpick.stats.wager import log_capital, mean_interval

VALUES = np.random.default_rng(4).random(60)


def test_clusters_of_one_row_are_plain_rows() -> None:
    interval, plain = cluster_mean(VALUES, np.arange(60), confidence=0.95), mean_interval_t(VALUES.tolist(), confidence=0.95)
    assert (interval.low, interval.high) == pytest.approx((plain.low, plain.high))


def test_rows_that_are_copies_of_each_other_count_once() -> None:
    copied = cluster_mean(np.repeat(VALUES, 5), np.repeat(np.arange(60), 5), confidence=0.95)
    once = mean_interval_t(VALUES.tolist(), confidence=0.95)
    assert (copied.low, copied.high) == pytest.approx((once.low, once.high))


def test_the_degrees_of_freedom_are_those_of_the_matrix_written_out() -> None:
    """Against tr(B)^2 / tr(B^2) of the matrix itself."""
    sizes = np.array([1.0, 2.0, 2.0, 9.0, 4.0])
    share = sizes / sizes.sum()
    residual = np.eye(5) - np.outer(share, np.ones(5))
    matrix = residual @ np.diag(share**2) @ residual.T
    scaled = matrix / np.sqrt(np.outer(1 - share, 1 - share))
    assert _degrees_of_freedom(share) == pytest.approx(np.trace(scaled) ** 2 / np.trace(scaled @ scaled))
    assert _degrees_of_freedom(np.full(8, 1 / 8)) == pytest.approx(7)


def test_a_finite_set_seen_in_full_leaves_no_doubt() -> None:
    interval = cluster_mean(VALUES, np.arange(60) // 3, confidence=0.95, population=Population(20, 60))
    assert interval.low == interval.high == pytest.approx(VALUES.mean())


@pytest.mark.parametrize("count", [0, 1])
def test_one_cluster_says_nothing_of_others(count: int) -> None:
    with pytest.raises(ValueError, match="two clusters"):
        cluster_mean(VALUES[: count * 5], np.zeros(count * 5, dtype=np.int64), confidence=0.95)


def test_bets_on_clusters_of_one_row_are_bets_on_rows() -> None:
    ours = log_capital(cluster_wagers(VALUES[:40], np.arange(60), low=0.0, high=1.0), null_mean=0.4)
    np.testing.assert_allclose(ours, log_capital_of_rows(VALUES[:40], 0.4, population=60, low=0.0, high=1.0), atol=1e-9)


def test_the_next_cluster_is_expected_to_have_the_mean_of_the_rows_left() -> None:
    """What the proof needs, by counting: the first cluster's mean over 2,000 orders against the mean of all rows."""
    clusters = np.repeat(np.arange(6), [1, 1, 2, 3, 5, 8])
    values = (clusters * 0.15) ** 2
    firsts = []
    for seed in range(2_000):
        order = cluster_order(clusters.tolist(), seed=seed)
        firsts.append(cluster_wagers(values[order.rows][:8], order.units, low=0.0, high=1.0).values[0])
    assert np.mean(firsts) == pytest.approx(values.mean(), abs=4 * np.std(firsts) / len(firsts) ** 0.5)


def test_a_cluster_seen_in_part_waits() -> None:
    clusters = np.array([0, 0, 0, 1, 1, 1])
    wagers = cluster_wagers(np.array([0.0, 1.0, 0.5, 1.0, 1.0]), clusters, low=0.0, high=1.0)
    assert wagers.values.tolist() == [0.5]
    assert wagers.left.tolist() == [6, 3]
    assert cluster_wagers(np.array([0.0]), clusters, low=0.0, high=1.0).values.shape == (0,)
    done = mean_interval(cluster_wagers(np.array([0.0, 1.0, 0.5, 1, 1, 1]), clusters, low=0.0, high=1.0), confidence=0.95)
    assert done.low == done.high == pytest.approx(0.75)


def test_scattered_clusters_are_refused() -> None:
    with pytest.raises(ValueError, match="stand together"):
        cluster_wagers(VALUES[:3], np.array([0, 1, 0]), low=0.0, high=1.0)


def test_many_pairs_at_once_give_what_each_gives_alone() -> None:
    clusters = np.arange(60) // 4
    together = cluster_wagers(VALUES.reshape(1, 60) * np.array([[1.0], [0.5]]), clusters, low=0.0, high=1.0)
    alone = cluster_wagers(VALUES * 0.5, clusters, low=0.0, high=1.0)
    np.testing.assert_allclose(log_capital(together, null_mean=0.3)[1], log_capital(alone, null_mean=0.3))


def test_new_documents() -> None:
    """Clear evidence is found, none where there is none, and a document longer than was promised is refused."""
    sizes = np.full(80, 4.0)
    sums = stats.binom(4, 0.8).rvs(80, random_state=1).astype(float)
    assert new_cluster_log_capital(sums, sizes, 0.5, largest=6, low=0.0)[-1] > np.log(20)
    assert new_cluster_log_capital(sums, sizes, 0.85, largest=6, low=0.0).max() < np.log(20)
    with pytest.raises(ValueError, match="largest"):
        new_cluster_log_capital(sums, sizes, 0.5, largest=3, low=0.0)


def test_rows_of_one_document_widen_what_is_said_of_new_ones() -> None:
    """Bets on rows that stand alone; copies count once; a single document says nothing of others."""
    values, alone = (VALUES > 0.4).astype(float), np.arange(60)
    by_rows = mean_interval_of_rows(values, confidence=0.95)
    own = new_input_interval(values, alone, confidence=0.95)
    assert own.low == pytest.approx(min(by_rows.low, cluster_mean(values, alone, confidence=0.95).low))
    copied = new_input_interval(np.repeat(values, 5), np.repeat(alone, 5), confidence=0.95)
    assert (copied.value, copied.low, copied.high) == pytest.approx((own.value, own.low, own.high))
    one = new_input_interval(values, np.zeros(60, dtype=int), confidence=0.95)
    assert (one.low, one.high) == (0.0, 1.0)
    same = new_input_interval(np.ones(60), alone // 6, confidence=0.95)
    assert same.low < new_input_interval(np.ones(60), alone, confidence=0.95).low < same.high == 1


def test_new_documents_are_covered_when_the_rows_were_stopped_as_they_liked() -> None:
    """All rows of a document agree mostly; a race stops when bets on the rows at hand are settled. Bets on rows, and the interval for
    one look, miss the mean of new documents too often.
    """
    repeats, missed = 150, {"both": 0, "one look": 0, "rows": 0}
    for seed in range(repeats):
        rng = np.random.default_rng(seed)
        means = np.where(rng.random((30, 1)) < 0.9, rng.random((30, 1)) < 0.6, rng.random((30, 8)) < 0.6).astype(float)
        order = rng.permutation(240)
        values, clusters = means.ravel()[order], (np.arange(240) // 8)[order]
        stops = range(24, 240, 24)
        n = next((n for n in stops if abs(mean_interval_of_rows(values[:n], confidence=0.95, population=240).low - 0.5) < 0.05), 240)
        found = {
            "both": new_input_interval(values[:n], clusters[:n], confidence=0.95),
            "one look": cluster_mean(values[:n], clusters[:n], confidence=0.95),
            "rows": mean_interval_of_rows(values[:n], confidence=0.95),
        }
        for name, interval in found.items():
            missed[name] += not interval.low <= 0.6 <= interval.high
    assert missed["both"] <= 0.05 * repeats
    assert missed["rows"] > 2 * missed["both"]
