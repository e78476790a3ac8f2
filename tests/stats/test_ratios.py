"""Ratios of sums: exact figures worked out by hand, and the share of intervals that hold the truth."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from llmpick.stats.ratios import log_ratios

Matrix = NDArray[np.float64]


def test_a_ratio_is_all_bits_over_all_bytes() -> None:
    ratios = log_ratios(np.array([[10.0, 300.0]]), np.array([[10.0, 100.0]]))
    assert ratios.interval(0, 0.95).value == pytest.approx(310 / 110)


def test_two_units_by_hand() -> None:
    """Left-out ratios 3 and 1, the whole 310/110: jackknife variance (1/2) x (sum of squared moves)."""
    ratios = log_ratios(np.array([[10.0, 300.0]]), np.array([[10.0, 100.0]]))
    whole = math.log(310 / 110)
    assert (ratios.moves**2).sum() == pytest.approx(((math.log(3) - whole) ** 2 + whole**2) / 2)
    assert ratios.degrees == 1.0  # 110^2 / (10^2 + 100^2) = 1.2 effective units


def test_one_unit_says_nothing_of_others_and_all_say_everything() -> None:
    bits, sizes = np.array([[10.0], [30.0]]), np.array([[10.0], [10.0]])
    with pytest.raises(ValueError, match="at least two units"):
        log_ratios(bits, sizes).interval(0, 0.95)
    exact = log_ratios(bits, sizes, population=1)
    assert exact.exact
    assert exact.interval(1, 0.95).low == exact.interval(1, 0.95).high == pytest.approx(3.0)
    assert exact.relative_difference(1, 0, 0.95).value == pytest.approx(2.0)


@given(st.integers(0, 1000), st.integers(3, 12))
def test_what_makes_a_text_hard_for_both_cancels(seed: int, units: int) -> None:
    rng = np.random.default_rng(seed)
    sizes = rng.uniform(50, 200, units)
    hard = rng.lognormal(0, 1, units) * sizes
    difference = log_ratios(np.stack([1.1 * hard, hard]), np.stack([sizes, sizes])).relative_difference(0, 1, 0.95)
    assert [difference.low, difference.value, difference.high] == pytest.approx([0.1, 0.1, 0.1])


@given(st.integers(0, 1000))
def test_the_order_of_units_and_the_names_of_groups_do_not_matter(seed: int) -> None:
    rng = np.random.default_rng(seed)
    bits, sizes, groups = rng.uniform(1, 9, (2, 20)), np.ones((2, 20)), rng.integers(0, 5, 20)
    order = rng.permutation(20)
    one = log_ratios(bits, sizes, groups=groups)
    other = log_ratios(bits[:, order], sizes[:, order], groups=7 * groups[order] + 3)
    assert other.errors_of_differences() == pytest.approx(one.errors_of_differences())
    assert other.interval(0, 0.9).low == pytest.approx(one.interval(0, 0.9).low)


def documents(rng: np.random.Generator, count: int, chunks_each: float = 1.2) -> tuple[Matrix, Matrix, NDArray[np.int64]]:
    """Bits of two models, the second 2% worse, on documents of very unequal length: texts differ in hardness, models in taste."""
    groups = np.repeat(np.arange(count), np.maximum(1, np.round(rng.lognormal(chunks_each, 0.8, count))).astype(int))
    sizes = 2048.0 + rng.integers(-300, 300, len(groups))
    hard = np.exp(rng.normal(0, 0.25, count)[groups] + rng.normal(0, 0.15, len(groups)))
    taste = np.exp(rng.normal(0, 0.05, (2, count))[:, groups] + rng.normal(0, 0.05, (2, len(groups))))
    bits = np.array([[1.0], [1.02]]) * hard * taste * sizes
    return bits, np.stack([sizes, sizes]), groups


@pytest.fixture(scope="module")
def everything() -> NDArray[np.float64]:
    """The log ratios on 200,000 documents: the truth for new ones."""
    bits, sizes, _ = documents(np.random.default_rng(9), 200_000)
    return np.log(bits.sum(axis=1) / sizes.sum(axis=1))


@pytest.mark.parametrize("count", [4, 8, 30])
def test_intervals_for_new_documents_hold_at_their_level(everything: NDArray[np.float64], count: int) -> None:
    """Within four standard errors of 95% for the model and for the paired difference: 1,500 draws, documents from 1 to over 20 chunks."""
    rng = np.random.default_rng(count)
    figure, difference = math.exp(everything[0]), math.exp(everything[1] - everything[0]) - 1
    held = np.zeros(2)
    for _ in range(1500):
        ratios = log_ratios(*(drawn := documents(rng, count))[:2], groups=drawn[2])
        own, apart = ratios.interval(0, 0.95), ratios.relative_difference(1, 0, 0.95)
        held += [own.low <= figure <= own.high, apart.low <= difference <= apart.high]
    assert (held / 1500 > 0.927).all()
    assert (held / 1500 < 0.985).all()


@pytest.mark.parametrize("read", [8, 30, 60])
def test_intervals_for_the_whole_text_hold_at_their_level(read: int) -> None:
    """Chunks drawn from one finite text: clusters do no harm, and the interval shrinks as the text is used up."""
    rng = np.random.default_rng(read)
    bits, sizes, _ = documents(np.random.default_rng(3), 20)
    population = bits.shape[1]
    truth = bits.sum(axis=1) / sizes.sum(axis=1)
    held = np.zeros(2)
    for _ in range(2000):
        drawn = rng.permutation(population)[:read]
        ratios = log_ratios(bits[:, drawn], sizes[:, drawn], population=population)
        own, apart = ratios.interval(0, 0.95), ratios.relative_difference(1, 0, 0.95)
        held += [own.low <= truth[0] <= own.high, apart.low <= truth[1] / truth[0] - 1 <= apart.high]
    assert population > 70
    assert (held / 2000 > 0.93).all()
    assert (held / 2000 < 0.97).all()
