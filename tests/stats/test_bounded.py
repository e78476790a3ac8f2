"""The interval for the mean of graded scores: against Beta, against the weights drawn at random, and how often it holds."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import beta
from scipy.stats import t as student
from tests.shared_data import shared_data

from llmpick.stats.bounded import bounded_mean
from race import matrices

Array = NDArray[np.float64]
SIZES = (20, 50, 100, 250, 500)
SCORES = st.lists(st.floats(0, 1), min_size=1, max_size=40)


@pytest.mark.parametrize("confidence", [0.5, 0.8, 0.95, 0.99])
@pytest.mark.parametrize(("k", "n"), [(0, 1), (0, 20), (3, 20), (10, 10), (10, 50), (999, 1000), (0, 10_000)])
def test_for_scores_of_zero_and_one_it_is_jeffreys_interval(k: int, n: int, confidence: float) -> None:
    found = bounded_mean(np.repeat([1.0, 0.0], [k, n - k]), confidence=confidence)
    low, high = beta.ppf([(1 - confidence) / 2, (1 + confidence) / 2], k + 0.5, n - k + 0.5)
    near = 0.02 * (high - low)
    assert (found.low, found.high) == pytest.approx((min(low, k / n), max(high, k / n)), abs=near)
    assert found.value == k / n


@pytest.mark.parametrize("confidence", [0.5, 0.95])
@pytest.mark.parametrize("n", [3, 40])
def test_its_ends_are_quantiles_of_the_mean_under_random_weights(n: int, confidence: float) -> None:
    rng = np.random.default_rng(n)
    scores = rng.beta(0.3, 2, n)
    rows, ends = rng.standard_exponential((200_000, n)), rng.gamma(0.5, size=(200_000, 2))
    drawn = (rows @ scores + ends[:, 1]) / (rows.sum(axis=1) + ends.sum(axis=1))
    low, high = np.quantile(drawn, [(1 - confidence) / 2, (1 + confidence) / 2])
    found = bounded_mean(scores, confidence=confidence)
    assert (found.low, found.high) == pytest.approx((min(low, scores.mean()), max(high, scores.mean())), abs=0.02 * (high - low))


@given(SCORES, st.sampled_from([0.8, 0.95, 0.99]))
@settings(max_examples=80, deadline=None)
def test_order_does_not_matter_ends_mirror_and_confidence_widens(scores: list[float], confidence: float) -> None:
    found = bounded_mean(np.array(scores), confidence=confidence)
    assert 0 <= found.low <= found.value <= found.high <= 1
    turned = bounded_mean(1 - np.array(scores[::-1]), confidence=confidence)
    assert (1 - turned.high, 1 - turned.low) == pytest.approx((found.low, found.high), abs=1e-6)
    wider = bounded_mean(np.array(scores), confidence=(1 + confidence) / 2)
    assert wider.low <= found.low + 1e-7
    assert found.high <= wider.high + 1e-7


@given(SCORES, st.integers(0, 10**6), st.floats(0, 1))
@settings(max_examples=80, deadline=None)
def test_a_higher_score_raises_both_ends(scores: list[float], which: int, share: float) -> None:
    raised = np.array(scores)
    raised[which % len(raised)] += share * (1 - raised[which % len(raised)])
    before, after = (bounded_mean(np.array(each), confidence=0.95) for each in (scores, raised))
    assert after.low >= before.low - 1e-6
    assert after.high >= before.high - 1e-6


def covered(population: Array, n: int, repeats: int, rng: np.random.Generator) -> tuple[int, int]:
    """How often it holds, of `repeats` samples of n rows, and how often Student's t does."""
    found = student_held = 0
    for _ in range(repeats):
        sample, truth = rng.choice(population, n), population.mean()
        interval = bounded_mean(sample, confidence=0.95)
        found += interval.low <= truth <= interval.high
        reach = student.ppf(0.975, n - 1) * sample.std(ddof=1) / np.sqrt(n)
        student_held += abs(sample.mean() - truth) <= reach
    return found, student_held


@pytest.mark.parametrize("n", SIZES)
def test_coverage_of_recorded_win_probabilities(n: int) -> None:
    """Most are near 0. The method was chosen on the even models and rows of AlpacaEval; here are the odd ones, 30 samples of each."""
    matrix = matrices(shared_data("evaluation/mmlu_pro/scores.csv.gz").parents[1], "all")["alpaca_eval"]
    odd = matrix.scores[1::2][:, matrix.seen.all(axis=0)][:, 1::2]
    rng = np.random.default_rng(n)
    held = np.sum([covered(model, n, 30, rng) for model in odd], axis=0) / (30 * len(odd))
    assert 0.93 <= held[0] <= 0.97
    assert n > 100 or held[1] < 0.93, "the case must be one that Student's t does not master"


SHAPES = {
    "even": np.linspace(0, 1, 1001),
    "skewed": np.random.default_rng(1).beta(0.2, 2, 4000),
    "graded high": np.repeat([0.1, 0.5, 0.7, 0.8, 0.9, 1.0], [5, 5, 10, 30, 30, 20]),
    "one in twenty a success, the others near 0": np.concatenate([np.ones(50), np.linspace(0, 0.02, 950)]),
}


@pytest.mark.parametrize("n", [20, 100, 500])
@pytest.mark.parametrize("shape", SHAPES)
def test_coverage_of_other_shapes(shape: str, n: int) -> None:
    """Of 600 samples; three standard errors are 2.7 points. With so few rows that rare ones are seldom seen it holds more often."""
    held = covered(SHAPES[shape], n, 600, np.random.default_rng(n))[0] / 600
    assert 0.923 <= held <= (0.977 if n > 20 else 0.995)
