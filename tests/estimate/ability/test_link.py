"""The curve from ability to score."""

import numpy as np
import pytest

from llmpick.estimate.ability import link

LATENT = np.linspace(-8, 12, 41)


@pytest.mark.parametrize("floor", [0.0, 0.225, 0.45])
@pytest.mark.parametrize("k", [0.3, 0.5, 1.0, 4.0])
def test_it_grows_from_the_floor_to_1_and_its_slope_is_its_derivative(k, floor):
    score = link.score(LATENT, k, floor)
    assert np.all(np.diff(score) > 0) or (k > 1 and np.all(np.diff(score) >= 0)), "a steep curve reaches 1 to the last digit"
    assert floor <= score[0] < floor + 1e-3
    assert score[-1] > 0.95
    step = 1e-6
    rise = (link.score(LATENT + step, k, floor) - link.score(LATENT - step, k, floor)) / (2 * step)
    assert link.slope(LATENT, k, floor) == pytest.approx(np.maximum(rise, link.SMALLEST_SLOPE), abs=1e-8)


@pytest.mark.parametrize("k", [0.3, 1.0])
def test_the_inverse(k):
    score = np.linspace(0.02, 0.98, 25)
    assert link.score(link.latent(score, k), k) == pytest.approx(score)
    assert np.isfinite(link.latent(np.array([0.0, 1.0]), k)).all()


def test_the_inverse_with_a_floor_of_each():
    floor = np.array([0.0, 0.225, 0.45])
    score = np.array([0.3, 0.3, 0.9])
    assert link.score(link.latent(score, 0.5, floor), 0.5, floor) == pytest.approx(score)
    below = link.latent(np.array(0.1), 0.5, 0.225)
    assert link.score(below, 0.5, 0.225) == pytest.approx(0.225 + 0.775 * link.LOWEST_SHARE), (
        "scores below the floor are of the least ability"
    )


def test_logistic_at_one():
    assert link.score(LATENT, 1.0) == pytest.approx(1 / (1 + np.exp(-LATENT)))


def test_the_mean_score_against_draws():
    draws = np.random.default_rng(1).normal(0.5, 1.2, 400_000)
    assert link.mean_score(np.array(0.5), np.array(1.2), 0.5) == pytest.approx(link.score(draws, 0.5).mean(), abs=2e-3)
    assert link.mean_score(LATENT, np.zeros_like(LATENT), 0.5) == pytest.approx(link.score(LATENT, 0.5))
