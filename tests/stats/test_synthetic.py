"""Synthetic matrices have the means, the agreement and the variance that were asked for."""

import numpy as np
import pytest

from llmpick.estimate.decision_cost import PUBLIC_PRIOR
from llmpick.stats.synthetic import draw_means, draw_scores, draw_task

MEANS = np.array([0.1, 0.5, 0.7])
ROWS = 20_000


def test_whole_scores():
    scores = draw_scores(MEANS, ROWS, 0.0, np.random.default_rng(0))
    assert set(np.unique(scores)) == {0.0, 1.0}
    assert scores.mean(axis=1) == pytest.approx(MEANS, abs=0.015)
    assert np.abs(np.corrcoef(scores) - np.eye(3)).max() < 0.03


def test_agreement_of_two_with_half_of_the_rows_right():
    """The orthant probability of a normal pair (Sheppard, 1899): both right with 1/4 + arcsin(r) / (2 pi)."""
    scores = draw_scores(np.array([0.5, 0.5]), ROWS, np.sqrt(0.5), np.random.default_rng(0))
    assert (scores[0] * scores[1]).mean() == pytest.approx(0.25 + np.arcsin(0.5) / (2 * np.pi), abs=0.012)


def test_exact_means_hold_on_these_rows():
    scores = draw_scores(MEANS, 300, 0.7, np.random.default_rng(0), exact=True)
    assert scores.sum(axis=1).tolist() == [30, 150, 210]


@pytest.mark.parametrize("share", [0.06, 0.3, 0.8])
def test_graded_scores_have_the_mean_and_the_variance(share: float):
    scores = draw_scores(MEANS, ROWS, 0.5, np.random.default_rng(0), variance_share=share)
    assert scores.min() >= 0
    assert scores.max() <= 1
    assert scores.mean(axis=1) == pytest.approx(MEANS, abs=0.015)
    assert scores.var(axis=1) / (MEANS * (1 - MEANS)) == pytest.approx(np.full(3, share), rel=0.06)


def test_a_task_of_the_prior():
    rng = np.random.default_rng(0)
    assert draw_task(PUBLIC_PRIOR, 4, 50, rng).shape == (4, 50)
    graded = draw_task(PUBLIC_PRIOR, 4, 50, rng, graded=True)
    assert ((graded > 0) & (graded < 1)).any()
    wanted = np.array([0.2, 0.8])
    assert draw_task(PUBLIC_PRIOR, 2, ROWS, rng, means=wanted).mean(axis=1) == pytest.approx(wanted, abs=0.02)


def test_the_spread_of_means_is_the_priors():
    from scipy.special import ndtri

    rng = np.random.default_rng(0)
    spreads = [ndtri(draw_means(PUBLIC_PRIOR, 50, rng)).std(ddof=1) for _ in range(400)]
    assert np.log(spreads).mean() == pytest.approx(PUBLIC_PRIOR.log_spread[0], abs=0.1)
    assert np.log(spreads).std() == pytest.approx(PUBLIC_PRIOR.log_spread[1], abs=0.1)


def test_the_same_seed_gives_the_same_matrix():
    one, two = (draw_task(PUBLIC_PRIOR, 3, 20, np.random.default_rng(5), graded=True) for _ in range(2))
    assert (one == two).all()
