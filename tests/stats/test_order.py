"""Orders of rows: permutations all, reproducible, and each with the property that its user relies on."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmpick.stats.order import balanced_order, block_order, cluster_order, random_order

labels = st.lists(st.integers(0, 4), min_size=1, max_size=80).map(np.array)


@given(labels, st.integers(0, 10))
@settings(max_examples=60)
def test_every_order_holds_each_row_once_and_is_fixed_by_its_seed(strata: np.ndarray, seed: int) -> None:
    everything = list(range(len(strata)))
    makers = (
        lambda: random_order(len(strata), seed=seed),
        lambda: balanced_order(strata, seed=seed),
        lambda: cluster_order(strata.tolist(), seed=seed).rows,
        lambda: cluster_order(strata.tolist(), seed=seed, proportional=False).rows,
        lambda: block_order(strata, size=4, seed=seed).rows,
    )
    for make in makers:
        assert sorted(make()) == everything
        assert make().tolist() == make().tolist()


@given(labels, st.integers(0, 10))
@settings(max_examples=60)
def test_every_prefix_of_a_balanced_order_holds_the_strata_in_proportion(strata: np.ndarray, seed: int) -> None:
    order = balanced_order(strata, seed=seed)
    names, counts = np.unique(strata, return_counts=True)
    for name, share in zip(names, counts / len(strata), strict=True):
        held = np.cumsum(strata[order] == name)
        due = share * np.arange(1, len(strata) + 1)
        assert (np.abs(held - due) <= 1 + share * len(names) + 1e-9).all()


@given(labels, st.integers(0, 10), st.booleans())
@settings(max_examples=60)
def test_a_cluster_stands_together(clusters: np.ndarray, seed: int, proportional: bool) -> None:
    order = cluster_order(clusters.tolist(), seed=seed, proportional=proportional)
    assert (np.diff(order.units) >= 0).all()
    assert order.units[0] == 0
    for unit in range(order.units[-1] + 1):
        members = order.rows[order.units == unit]
        assert sorted(members) == np.flatnonzero(clusters == clusters[members[0]]).tolist()


@pytest.mark.parametrize(("proportional", "expected"), [(True, 0.75), (False, 0.5)])
def test_which_cluster_comes_first(proportional: bool, expected: float) -> None:
    """Six rows against two: three times in four, or every other time. 2,000 orders, so 4 standard errors are 0.045."""
    clusters = ["long"] * 6 + ["short"] * 2
    first = np.mean([cluster_order(clusters, seed=seed, proportional=proportional).rows[0] < 6 for seed in range(2000)])
    assert first == pytest.approx(expected, abs=0.045)


@given(labels, st.integers(1, 9), st.integers(0, 10))
@settings(max_examples=60)
def test_each_block_is_a_small_sample_of_all_strata(strata: np.ndarray, size: int, seed: int) -> None:
    order = block_order(strata, size=size, seed=seed)
    blocks = int(order.units[-1]) + 1
    for name, count in zip(*np.unique(strata, return_counts=True), strict=True):
        held = np.bincount(order.units[strata[order.rows] == name], minlength=blocks)
        assert held.max() <= -(-count // blocks)
        assert held.min() >= count // blocks
    assert np.bincount(order.units).max() <= size
