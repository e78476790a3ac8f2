"""Mixtures over families, chances to clear a target, and what scores of the task itself teach; sizes that clear it."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import ndtri

from llmpick.estimate.ability import link
from llmpick.estimate.expected_task import Measured, Weighed, chance_above, mixed
from llmpick.estimate.expected_task import given as after
from llmpick.estimate.need import clearing, sizes
from llmpick.evidence.ability import TaskFamily as F

K = 0.5
NOBODY = Measured(np.array([], dtype=np.int64), np.array([]), np.array([], dtype=np.int64))


def part(mean, covariance, probability=1.0, family=F.MATH) -> Weighed:
    return Weighed(probability, family, np.asarray(mean, dtype=float), np.asarray(covariance, dtype=float), K)


def measured(model: int, score: float, rows: int) -> Measured:
    return Measured(np.array([model]), np.array([score]), np.array([rows]))


def test_one_family_alone_has_the_quantiles_of_its_normal() -> None:
    mean, low, high = mixed([part([0.3, -1.0], [[0.25, 0.0], [0.0, 1.0]])])
    centre, sd = np.array([0.3, -1.0]), np.array([0.5, 1.0])
    assert low == pytest.approx(link.score(centre - ndtri(0.95) * sd, K), abs=2e-3)
    assert high == pytest.approx(link.score(centre + ndtri(0.95) * sd, K), abs=2e-3)
    assert mean == pytest.approx(link.mean_score(centre, sd, K), abs=1e-3)


def test_two_families_far_apart_span_both() -> None:
    two = [part([-3.0], [[0.01]], 0.5), part([3.0], [[0.01]], 0.5, F.CODE)]
    mean, low, high = mixed(two)
    assert low[0] < 0.1
    assert high[0] > 0.7
    assert mean[0] == pytest.approx(np.mean([mixed([part([m], [[0.01]])])[0][0] for m in (-3.0, 3.0)]))


@given(st.floats(0.02, 0.98), st.floats(-3, 3), st.floats(0.05, 2))
def test_the_chance_is_the_share_of_draws_above_the_target(target: float, mean: float, sd: float) -> None:
    cases = link.score(mean + sd * ndtri((np.arange(20_000) + 0.5) / 20_000), K)
    assert chance_above([part([mean], [[sd**2]])], target)[0] == pytest.approx((cases >= target).mean(), abs=1e-3)


@given(st.floats(0.02, 0.98), st.floats(-3, 3), st.floats(0.05, 2))
def test_the_same_where_guessing_scores(target: float, mean: float, sd: float) -> None:
    cases = link.score(mean + sd * ndtri((np.arange(20_000) + 0.5) / 20_000), K, 0.225)
    guessed = replace(part([mean], [[sd**2]]), floor=0.225)
    assert chance_above([guessed], target)[0] == pytest.approx((cases >= target).mean(), abs=1e-3)
    assert mixed([guessed])[0] == pytest.approx(cases.mean(), abs=1e-3)


def test_a_score_below_chance_shows_that_guessing_does_worse_here() -> None:
    guessed = replace(part([0.5, 0.5], [[1.0, 0.9], [0.9, 1.0]]), floor=0.225)
    (told,) = after([guessed], measured(0, 0.05, 400))
    assert told.floor == pytest.approx(0.05, abs=0.01)
    mean, low, _ = mixed([told])
    assert low[0] < mean[0] < 0.15
    assert mean[1] < mixed([guessed])[0][1]
    (kept,) = after([guessed], measured(0, 0.6, 400))
    assert kept.floor == 0.225
    assert mixed([kept])[0][0] == pytest.approx(0.6, abs=0.01)


def test_a_measured_model_is_known_and_teaches_of_the_one_that_resembles_it() -> None:
    prior = [part([0.0, 0.0, 0.0], [[1.0, 0.9, 0.0], [0.9, 1.0, 0.0], [0.0, 0.0, 1.0]])]
    (told,) = after(prior, measured(0, 0.8, 1000))
    mean, low, high = mixed([told])
    assert mean[0] == pytest.approx(0.8, abs=0.01)
    assert high[0] - low[0] < 0.06
    before = mixed(prior)
    assert before[0][1] < mean[1] < mean[0]
    assert high[1] - low[1] < before[2][1] - before[1][1]
    assert (mean[2], low[2], high[2]) == pytest.approx((before[0][2], before[1][2], before[2][2]))


def test_the_posterior_is_that_of_weighted_draws() -> None:
    """Against importance sampling with the exact binomial likelihood."""
    covariance = np.array([[0.8, 0.5], [0.5, 0.6]])
    (told,) = after([part([0.2, 0.4], covariance)], measured(0, 0.6, 200))
    draws = np.random.default_rng(0).multivariate_normal([0.2, 0.4], covariance, 200_000)
    scores = link.score(draws, K)
    log = 120 * np.log(scores[:, 0]) + 80 * np.log1p(-scores[:, 0])
    weights = np.exp(log - log.max())
    weights /= weights.sum()
    assert mixed([told])[0] == pytest.approx(weights @ scores, abs=0.005)


def test_scores_tell_which_family_it_is() -> None:
    two = [part([-2.0, -2.0], np.eye(2) * 0.2, 0.5), part([1.5, 1.5], np.eye(2) * 0.2, 0.5, F.CODE)]
    told = after(two, measured(0, 0.75, 100))
    assert [one.family for one in told] == [F.MATH, F.CODE]
    assert told[1].probability > 0.99
    assert sum(one.probability for one in told) == pytest.approx(1)
    assert mixed(told)[0][1] > mixed(two)[0][1]


def test_nothing_measured_changes_nothing() -> None:
    prior = [part([0.0], [[1.0]])]
    assert after(prior, NOBODY) == prior


@pytest.mark.parametrize("score", [0.0, 1.0])
def test_a_perfect_score_of_few_rows_is_not_certain(score: float) -> None:
    (told,) = after([part([0.0], [[1.0]])], measured(0, score, 5))
    _, low, high = mixed([told])
    assert 0 < low[0] < high[0] < 1
    assert high[0] - low[0] > 0.1


SIZES = sizes()
GROWING = [part(np.log(SIZES / 7e9) / 2, np.full((len(SIZES),) * 2, 0.1) + 0.05 * np.eye(len(SIZES)))]
LEVEL = [part(np.full(len(SIZES), -0.5), np.full((len(SIZES),) * 2, 0.5) + 0.01 * np.eye(len(SIZES)))]


@given(st.floats(0.2, 0.6), st.floats(0.1, 0.9))
def test_a_higher_target_and_a_surer_answer_need_a_larger_model(target: float, probability: float) -> None:
    found, higher = (clearing(GROWING, SIZES, one, probability) for one in (target, target + 0.05))
    surer = clearing(GROWING, SIZES, target, probability + 0.05)
    assert found.at is not None
    assert higher.at is not None
    assert surer.at is not None
    assert found.at <= higher.at
    assert found.at <= surer.at
    assert (found.low is not None and found.low <= found.at) or probability < 0.05
    assert not found.flat
    at = int(np.searchsorted(SIZES, found.at))
    assert found.chance[at] >= probability
    assert at == 0 or found.chance[at - 1] < probability


@given(st.floats(0.2, 0.6), st.floats(0.001, 0.999))
def test_low_and_high_lie_around_the_answer_however_sure_it_is_to_be(target: float, probability: float) -> None:
    found = clearing(GROWING, SIZES, target, probability)
    assert found.at is not None
    assert found.low is not None
    assert found.low <= found.at
    assert found.high is None or found.at <= found.high


def test_a_level_task_is_flat_however_uncertain_its_level_is() -> None:
    found = clearing(LEVEL, SIZES, 0.5, 0.8)
    assert found.flat
    assert abs(found.rise.value) < 0.01
    assert found.rise.low < 0 < found.rise.high


def test_what_no_size_clears_has_no_size() -> None:
    found = clearing(GROWING, SIZES, 0.97, 0.8)
    assert found.at is None
    assert found.high is None
