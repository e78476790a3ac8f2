"""The rules of a race by bits per byte: who leaves, when it is over, and how often it errs."""

import numpy as np
import pytest
from numpy.typing import NDArray

from llmpick.stats.looks import looks
from llmpick.stats.ratios import log_ratios
from llmpick.stats.text_race import TextStanding, error_per_claim, judge_text

SIZES = np.full(40, 1000.0)


def standing(rates: list[float], ranks: list[int] | None = None, *, read: int = 40, tolerance: float = 0.01) -> TextStanding:
    bits = np.array(rates)[:, None] * SIZES[:read]
    ratios = log_ratios(bits, np.broadcast_to(SIZES[:read], bits.shape), population=40)
    return judge_text(ratios, np.array(ranks or range(len(rates))), tolerance=tolerance, error=error_per_claim(len(rates), 40, 0.95))


@pytest.mark.parametrize(
    ("rates", "ranks", "chosen", "beaten_by"),
    [
        ([1.0, 1.2], None, 0, [-1, 0]),
        ([1.2, 1.0], None, 1, [1, -1]),
        ([1.009, 1.0], None, 0, [-1, -1]),
        ([1.009, 1.0], [1, 0], 1, [-1, -1]),
        ([1.01, 1.0], None, 0, [-1, -1]),
        ([1.0101, 1.0], None, 1, [1, -1]),
        ([1.009, 1.0], [0, 0], 1, [-1, -1]),
        ([1.3, 1.2, 1.0], None, 2, [2, 2, -1]),
        ([1.0], None, 0, [-1]),
    ],
)
def test_all_chunks_read_always_decide(rates: list[float], ranks: list[int] | None, chosen: int, beaten_by: list[int]) -> None:
    """A gap of exactly the tolerance is a tie, and the cheapest within it is taken."""
    result = standing(rates, ranks)
    assert result.chosen == chosen
    assert list(result.beaten_by) == beaten_by


GROUPS = np.repeat(np.arange(60), np.maximum(1, np.round(np.random.default_rng(5).lognormal(1.0, 0.7, 60))).astype(int))


def corpus(rng: np.random.Generator, rates: list[float]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """A text of 60 documents on which the models' ratios are exactly `rates`; chunks of a document are alike."""
    sizes = 2048.0 + rng.integers(-300, 300, len(GROUPS))
    hard = np.exp(rng.normal(0, 0.25, 60)[GROUPS] + rng.normal(0, 0.15, len(GROUPS)))
    taste = np.exp(rng.normal(0, 0.05, (len(rates), 60))[:, GROUPS] + rng.normal(0, 0.05, (len(rates), len(GROUPS))))
    bits = hard * taste * sizes
    bits *= (np.array(rates) * sizes.sum() / bits.sum(axis=1))[:, None]
    order = rng.permutation(len(GROUPS))
    return bits[:, order], np.broadcast_to(sizes[order], bits.shape)


def race(bits: NDArray[np.float64], sizes: NDArray[np.float64]) -> tuple[int, float]:
    """Who is returned, and the share of reads that it took."""
    count, chunks = bits.shape
    left, spent, before = np.arange(count), 0, 0
    error = error_per_claim(count, chunks, 0.95)
    for read in looks(chunks):
        spent, before = spent + len(left) * (read - before), read
        ratios = log_ratios(bits[left, :read], sizes[left, :read], population=chunks)
        result = judge_text(ratios, np.arange(len(left)), tolerance=0.01, error=error)
        if result.chosen is not None:
            return int(left[result.chosen]), spent / count / chunks
        left = left[result.beaten_by < 0]
    raise AssertionError("the last look decides")


@pytest.mark.parametrize(("rates", "most"), [([1.0101, 1.0], 0.05), ([1.0101, 1.0101, 1.0101, 1.0], 0.05)])
def test_the_error_of_whole_races_where_it_is_hardest(rates: list[float], most: float) -> None:
    """The cheaper models are worse by just more than the tolerance, so any of them returned is an error. 600 races: at most 5%, up to
    three standard errors of that count; about 5% are measured for two models, under 1% for four.
    """
    rng = np.random.default_rng(len(rates))
    wrong = sum(race(*corpus(rng, rates))[0] != len(rates) - 1 for _ in range(600))
    assert wrong / 600 <= most + 3 * np.sqrt(most * (1 - most) / 600)


def test_clear_races_cost_little() -> None:
    rng = np.random.default_rng(0)
    ends = [race(*corpus(rng, [1.0, 1.1, 1.2, 1.3])) for _ in range(50)]
    assert all(winner == 0 for winner, _ in ends)
    assert np.mean([spent for _, spent in ends]) < 0.12
