"""Muennighoff et al. (arXiv:2305.16264): the decay of repeated data on the 182 runs of the fit, and that it is one of several minima."""

import numpy as np
import pytest
from tests.papers.scaling_data import column, table

from llmpick.estimate.scaling.fitting import best_of
from llmpick.estimate.scaling.huber import huber, minimise
from llmpick.estimate.scaling.optimal import data_constrained
from llmpick.estimate.scaling.repeated import FITTED, MUENNIGHOFF_LAW, OTHER_MINIMA, RepeatedRegression


@pytest.fixture(scope="module")
def problem() -> RepeatedRegression:
    rows = table("datablations/datablations_fit_set_outliers_removed.csv")
    params, tokens, unique = (1e9 * column(rows, name) for name in ("params_B", "tokens_B", "unique_tokens_B"))
    return RepeatedRegression(MUENNIGHOFF_LAW, params, tokens, unique, np.log(column(rows, "val_loss")))


def test_r_squared_and_huber_sum_at_the_published_constants(problem: RepeatedRegression):
    residual = problem.residuals(np.log([[MUENNIGHOFF_LAW.r_d, MUENNIGHOFF_LAW.r_n]]))[0][0]
    loss = np.exp(problem.log_loss)
    predicted = loss * np.exp(residual)
    assert len(loss) == 182
    assert 1 - ((predicted - loss) ** 2).sum() / ((loss - loss.mean()) ** 2).sum() == pytest.approx(0.7722, abs=5e-5)
    assert huber(residual, 1e-3).sum() == pytest.approx(0.0158259366, abs=2e-9)
    assert np.sqrt((residual**2).mean()) == pytest.approx(MUENNIGHOFF_LAW.scatter, abs=5e-4)
    assert residual.mean() == pytest.approx(-0.073, abs=5e-4)  # the law lies below the losses that it was fitted to


def test_r_d_and_r_n_from_a_start_near_them(problem: RepeatedRegression):
    found = np.exp(minimise(problem, np.log([[15.0, 5.0]]), delta=1e-3, tolerance=1e-13).theta[0])
    assert found[0] == pytest.approx(15.39, abs=0.02)
    assert found[1] == pytest.approx(5.31, abs=0.01)


def test_they_are_not_the_lowest_minimum(problem: RepeatedRegression):
    starts = np.log([[a, b] for a in (0.5, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0) for b in (0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0)])
    theta, objective = best_of(problem, starts, delta=1e-3, most=4)
    minima = np.exp(theta)
    for known in (*OTHER_MINIMA, (15.3718, 5.3151)):
        assert np.isclose(minima, known, rtol=1e-3).all(axis=1).any(), known
    assert (objective.max() - objective.min()) / objective.min() == pytest.approx(0.0013, abs=1e-4)


def test_the_derivatives(problem: RepeatedRegression):
    theta, step = np.log([[15.0, 5.0]]), 1e-6
    _, slopes = problem.residuals(theta)
    for i in range(2):
        moved = theta.copy()
        moved[0, i] += step
        np.testing.assert_allclose((problem.residuals(moved)[0] - problem.residuals(theta)[0]) / step, slopes[..., i], atol=1e-6)


def test_the_fitted_range_is_that_of_the_runs(problem: RepeatedRegression):
    for span, values in ((FITTED.params, problem.params), (FITTED.tokens, problem.tokens)):
        np.testing.assert_allclose(span, (values.min(), values.max()), rtol=0.05)
    assert FITTED.epochs == pytest.approx((problem.tokens / problem.unique).max(), rel=0.1)


def test_the_budget_of_gopher_and_the_parameters_for_55b_tokens():
    best = data_constrained(MUENNIGHOFF_LAW, 5.76e23, 1e15)
    assert best.params == pytest.approx(69.96e9, rel=1e-3)
    assert best.tokens == pytest.approx(1.372e12, rel=1e-3)
    assert MUENNIGHOFF_LAW.params_for(55e9) == pytest.approx(2.804e9, rel=1e-3)
