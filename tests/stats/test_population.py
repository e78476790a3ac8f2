"""The posterior of the scores on all rows: what conditioning one large normal distribution cell by cell gives, only faster."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from llmpick.stats import population
from llmpick.stats.population import Moments, Posterior, forecast, moments, posterior

Array = NDArray[np.float64]
WIDE = 1e3
"""Standard deviation of the common mean in the brute-force model, where the closed form takes it as unknown."""


@dataclass(frozen=True)
class Brute:
    """Posterior of the means over all rows, given one scale, and the log likelihood of what was seen."""

    mean: Array
    covariance: Array
    log_likelihood: float


def conditioned(scores: Array, done: Sequence[int], row_covariance: Array, scale: float) -> Brute:
    """Every cell is a coordinate of one normal distribution; the seen ones are conditioned on."""
    count, rows = scores.shape
    between = scale**2 * np.eye(count) + WIDE**2
    cells = np.kron(between, np.ones((rows, rows))) + np.kron(row_covariance, np.eye(rows))
    averages = np.kron(np.eye(count), np.full((1, rows), 1 / rows))
    seen = (np.arange(rows) < np.array(done)[:, None]).ravel()
    values, known = scores.ravel()[seen], cells[np.ix_(seen, seen)]
    gain = np.linalg.solve(known, cells[seen] @ averages.T).T
    log_likelihood = -0.5 * (np.linalg.slogdet(known)[1] + values @ np.linalg.solve(known, values))
    return Brute(gain @ values, averages @ cells @ averages.T - gain @ cells[seen] @ averages.T, float(log_likelihood))


def mixture(parts: Sequence[Brute]) -> Brute:
    """The scales weighed by how well they explain what was seen."""
    likelihood = np.array([part.log_likelihood for part in parts])
    weights = np.exp(likelihood - likelihood.max())
    weights /= weights.sum()
    mean = np.tensordot(weights, [part.mean for part in parts], 1)
    spread = [part.covariance + np.outer(part.mean - mean, part.mean - mean) for part in parts]
    return Brute(mean, np.tensordot(weights, spread, 1), 0.0)


def answers(count: int, rows: int, seed: int, *, graded: bool = False) -> Array:
    """Scores with a common difficulty of rows."""
    rng = np.random.default_rng([seed, count, rows])
    hidden = rng.normal(size=rows) + rng.normal(size=(count, rows)) + rng.normal(size=(count, 1))
    return 1 / (1 + np.exp(-hidden)) if graded else (hidden > 0).astype(float)


def of(scores: Array, done: Sequence[int]) -> Posterior:
    return posterior(moments(scores, np.array(done)), scores.shape[1])


STAIRCASES = [
    (1, 5, (3,)),
    (1, 5, (1,)),
    (2, 6, (6, 2)),
    (2, 6, (2, 6)),
    (2, 6, (0, 4)),
    (2, 1, (1, 0)),
    (3, 7, (4, 4, 4)),
    (3, 7, (1, 7, 3)),
    (3, 7, (0, 0, 2)),
    (4, 6, (5, 2, 5, 0)),
    (5, 8, (8, 1, 3, 3, 7)),
]


@pytest.mark.parametrize("graded", [False, True])
@pytest.mark.parametrize(("count", "rows", "done"), STAIRCASES)
def test_one_scale_equals_conditioning_every_cell(
    monkeypatch: pytest.MonkeyPatch, count: int, rows: int, done: tuple[int, ...], graded: bool
) -> None:
    monkeypatch.setattr(population, "SCALES", np.array([0.12]))
    scores = answers(count, rows, 1, graded=graded)
    found = of(scores, done)
    wanted = conditioned(scores, done, found.model.covariance[0], 0.12)
    np.testing.assert_allclose(found.mean[0], wanted.mean, atol=1e-6)
    np.testing.assert_allclose(found.covariance[0], wanted.covariance, atol=2e-6)


@pytest.mark.parametrize(("count", "rows", "done"), [case for case in STAIRCASES if case[0] > 1])
def test_scales_are_weighed_by_the_likelihood_of_what_was_seen(count: int, rows: int, done: tuple[int, ...]) -> None:
    scores = answers(count, rows, 2)
    found = of(scores, done)
    wanted = mixture([conditioned(scores, done, found.model.covariance[0], scale) for scale in population.SCALES])
    np.testing.assert_allclose(found.mean[0], wanted.mean, atol=1e-5)
    np.testing.assert_allclose(found.covariance[0], wanted.covariance, atol=1e-5)


@st.composite
def races(draw: st.DrawFn) -> tuple[Array, list[int]]:
    """A matrix and how far each has come; at least one row of somebody."""
    count, rows = draw(st.integers(1, 6)), draw(st.integers(1, 40))
    done = draw(st.lists(st.integers(0, rows), min_size=count, max_size=count).filter(any))
    return answers(count, rows, draw(st.integers(0, 10**6)), graded=draw(st.booleans())), done


@given(races())
@settings(max_examples=60, deadline=None)
def test_whatever_was_run_it_is_a_distribution(race: tuple[Array, list[int]]) -> None:
    scores, done = race
    found = of(scores, done)
    assert np.isfinite(found.mean).all()
    assert np.linalg.eigvalsh(found.covariance[0]).min() > -1e-9
    np.testing.assert_allclose(found.covariance[0], found.covariance[0].T, atol=1e-12)
    row = found.model.covariance[0]
    assert np.linalg.eigvalsh(row).min() > 0
    assert found.scale_weights.sum() == pytest.approx(1)
    np.testing.assert_array_equal(found.samples, of(scores, done).samples)


@given(races(), st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_order_of_candidates_does_not_matter(race: tuple[Array, list[int]], random) -> None:
    scores, done = race
    order = list(range(len(done)))
    random.shuffle(order)
    found, other = of(scores, done), of(scores[order], np.array(done)[order].tolist())
    np.testing.assert_allclose(other.mean[0], found.mean[0][order], atol=1e-9)
    np.testing.assert_allclose(other.covariance[0], found.covariance[0][np.ix_(order, order)], atol=1e-9)


@given(races())
@settings(max_examples=40, deadline=None)
def test_rows_that_were_run_are_known_and_the_rest_is_not_read(race: tuple[Array, list[int]]) -> None:
    scores, done = race
    rows = scores.shape[1]
    blind = np.where(np.arange(rows) < np.array(done)[:, None], scores, 0.77)
    found = of(scores, done)
    np.testing.assert_array_equal(found.mean, of(blind, done).mean)
    full = np.array(done) == rows
    np.testing.assert_allclose(found.mean[0][full], scores.mean(axis=1)[full], atol=1e-9)
    np.testing.assert_allclose(found.covariance[0][full], 0.0, atol=1e-9)


def test_all_rows_leave_a_point() -> None:
    scores = answers(4, 30, 5, graded=True)
    found = of(scores, [30] * 4)
    np.testing.assert_allclose(found.mean[0], scores.mean(axis=1), atol=1e-12)
    np.testing.assert_allclose(found.covariance, 0.0, atol=1e-12)


def test_a_single_candidate_is_a_sample_without_replacement() -> None:
    """One candidate, flat prior: the sample mean, and the finite-population variance of its error."""
    scores = answers(1, 50, 6)
    found = of(scores, [20])
    variance = found.model.covariance[0, 0, 0]
    assert found.mean[0, 0] == pytest.approx(scores[0, :20].mean())
    assert found.covariance[0, 0, 0] == pytest.approx(variance / 20 * (1 - 20 / 50))


def test_who_has_run_nothing_is_expected_to_be_like_the_rest() -> None:
    scores = answers(3, 200, 7)
    found = of(scores, [100, 100, 0])
    low, high = sorted(found.mean[0, :2])
    assert low < found.mean[0, 2] < high
    assert found.covariance[0, 2, 2] > 4 * found.covariance[0, :2, :2].diagonal().max()


def test_answers_of_others_help_on_rows_that_a_candidate_has_not_run() -> None:
    """Two answer alike; the second has seen that the rows to come are easy, so the first is expected to do well there too."""
    first, second = np.zeros(60), np.zeros(60)
    first[:15], second[:15], second[20:] = 1.0, 1.0, 1.0
    found = of(np.stack([first, second]), [20, 60])
    assert found.mean[0, 0] > first[:20].mean() + 0.02


@pytest.mark.parametrize(
    ("done", "then"),
    [((2, 2, 2), (6, 6, 6)), ((2, 5, 0), (4, 5, 3)), ((1, 1, 1), (8, 8, 8)), ((3, 3, 3), (3, 3, 3)), ((6, 2, 4), (6, 8, 4))],
)
def test_a_forecast_is_what_the_covariance_loses(monkeypatch: pytest.MonkeyPatch, done: tuple[int, ...], then: tuple[int, ...]) -> None:
    monkeypatch.setattr(population, "SCALES", np.array([0.1]))
    scores = answers(3, 8, 8)
    now = of(scores, done)
    row = now.model.covariance[0]
    before, after = (conditioned(scores, seen, row, 0.1).covariance for seen in (done, then))
    np.testing.assert_allclose(forecast(now, np.array([then]), 8)[0], before - after, atol=3e-6)


def test_a_forecast_is_how_far_the_mean_moves(monkeypatch: pytest.MonkeyPatch) -> None:
    """Averaged over the normal model itself: the mean after more rows scatters around the present one as forecast."""
    monkeypatch.setattr(population, "SCALES", np.array([0.1]))
    rng, done, then, rows, draws = np.random.default_rng(9), (3, 3), (7, 5), 10, 1500
    scores = answers(2, rows, 9)
    now = of(scores, done)
    wanted = forecast(now, np.array([then]), rows)[0]
    row = now.model.covariance[0]
    cells = np.kron(0.1**2 * np.eye(2) + WIDE**2, np.ones((rows, rows))) + np.kron(row, np.eye(rows))
    seen = (np.arange(rows) < np.array(done)[:, None]).ravel()
    gain = np.linalg.solve(cells[np.ix_(seen, seen)], cells[seen][:, ~seen]).T
    left = cells[np.ix_(~seen, ~seen)] - gain @ cells[np.ix_(seen, ~seen)]
    means = []
    for to_come in rng.multivariate_normal(gain @ scores.ravel()[seen], left, size=draws):
        filled = scores.ravel().copy()
        filled[~seen] = to_come
        means.append(conditioned(filled.reshape(2, rows), then, row, 0.1).mean)
    np.testing.assert_allclose(np.cov(np.array(means).T), wanted, atol=5 * wanted.max() * np.sqrt(2 / draws))


def test_many_races_at_once_are_the_same_as_one_by_one() -> None:
    single = [moments(answers(3, 20, seed), np.array(done)) for seed, done in enumerate([(4, 4, 4), (20, 3, 9), (0, 20, 1)])]
    together = posterior(Moments(*(np.concatenate([getattr(one, name) for one in single]) for name in Moments.__slots__)), 20)
    for r, one in enumerate(single):
        alone = posterior(one, 20)
        np.testing.assert_allclose(together.mean[r], alone.mean[0], atol=1e-12)
        np.testing.assert_allclose(together.covariance[r], alone.covariance[0], atol=1e-12)
        np.testing.assert_allclose(together.samples[r], alone.samples[0], atol=1e-9)


def test_samples_have_the_moments_of_the_posterior() -> None:
    found = of(answers(4, 100, 3), [40, 40, 20, 5])
    cases = found.samples[0]
    np.testing.assert_allclose(cases.mean(axis=0), found.mean[0], atol=2e-3)
    np.testing.assert_allclose(np.cov(cases.T), found.covariance[0], atol=0.06 * found.covariance.max())
