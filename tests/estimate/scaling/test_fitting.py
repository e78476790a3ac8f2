"""Fits to runs that a known law made: the constants come back, whatever the order; bad runs are named; what cannot be told is open."""

import numpy as np
import pytest

from llmpick.estimate.scaling.conventions import ModelSize
from llmpick.estimate.scaling.fitting import Runs, as_law, bootstrap, checked_runs, fit, foretell, held_out_residuals, straight_residuals
from llmpick.estimate.scaling.forms import NAMES, AdditiveRegression
from llmpick.estimate.scaling.huber import huber, minimise
from llmpick.estimate.scaling.laws import predict
from llmpick.estimate.scaling.outliers import report_outliers
from llmpick.estimate.scaling.profile import profile
from llmpick.estimate.scaling.published import EPOCH, EPOCH_PAPER
from llmpick.evidence.errors import InputError


def runs_of(n: int, noise: float, seed: int = 0) -> Runs:
    """Sizes and tokens over 2.5 decades each, with Laplace noise on log loss."""
    rng = np.random.default_rng(seed)
    params, tokens = 10 ** rng.uniform(7.5, 10, n), 10 ** rng.uniform(9, 11.5, n)
    return Runs(params, tokens, EPOCH.at(params, tokens) * np.exp(noise * rng.laplace(size=n)))


def test_without_noise_the_law_comes_back():
    found = fit(runs_of(40, 0.0))
    for name, value in zip(NAMES, EPOCH.constants, strict=True):
        assert found.constants[name] == pytest.approx(value, rel=1e-4), name
    assert found.r2 == pytest.approx(1.0)
    assert np.abs(held_out_residuals(found)).max() < 1e-6


def test_with_noise_the_bootstrap_covers_it():
    """95 % intervals of five constants on 20 data sets: at least 80 of 100 hold, since a bootstrap of 100 runs is a little narrow."""
    held = 0
    for seed in range(20):
        found = fit(runs_of(100, 0.005, seed))
        intervals = bootstrap(found, 200, seed=seed).interval()
        held += sum(intervals[name][0] <= value <= intervals[name][1] for name, value in zip(NAMES, EPOCH.constants, strict=True))
    assert 80 <= held <= 100


def test_the_order_of_runs_does_not_matter_and_the_seed_does():
    runs = runs_of(60, 0.003)
    turned = runs.only(np.random.default_rng(1).permutation(60))
    assert fit(turned).objective == pytest.approx(fit(runs).objective, rel=1e-9)
    found = fit(runs)
    np.testing.assert_array_equal(bootstrap(found, 50, seed=3).constants, bootstrap(found, 50, seed=3).constants)
    assert (bootstrap(found, 50, seed=3).constants != bootstrap(found, 50, seed=4).constants).any()


def test_no_start_finds_a_better_minimum_than_scipy_does_from_the_optimum():
    """An independent descent of the same sum, from the optimum and from around it, gains nothing."""
    from scipy.optimize import minimize

    found = fit(runs_of(80, 0.01))

    def objective(theta: np.ndarray) -> float:
        return float(huber(found.regression.residuals(theta[None])[0][0], found.delta).sum())

    for seed in range(4):
        start = found.theta + 0.05 * np.random.default_rng(seed).normal(size=5)
        reached = minimize(objective, start, method="Nelder-Mead", options={"maxiter": 4000, "xatol": 1e-9, "fatol": 1e-15})
        assert reached.fun >= found.objective * (1 - 1e-6)


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("logarithmic", [False, True])
def test_the_derivatives(tied: bool, logarithmic: bool):
    runs = runs_of(20, 0.01)
    problem = AdditiveRegression.of(runs.params, runs.tokens, runs.loss, tied=tied, logarithmic=logarithmic)
    theta = problem.starts(np.array([0.3, 0.5]))[:1]
    _, slopes = problem.residuals(theta)
    for i in range(theta.shape[1]):
        up, down = theta.copy(), theta.copy()
        up[0, i] += 1e-6
        down[0, i] -= 1e-6
        np.testing.assert_allclose((problem.residuals(up)[0] - problem.residuals(down)[0]) / 2e-6, slopes[..., i], atol=1e-6)


def test_constants_and_coordinates_are_each_others_inverse():
    runs = runs_of(20, 0.01)
    for tied, constants in ((False, (400.0, 0.34, 410.0, 0.28, 1.7)), (True, (400.0, 0.34, 410.0, 0.34, 1.7))):
        problem = AdditiveRegression.of(runs.params, runs.tokens, runs.loss, tied=tied)
        np.testing.assert_allclose(problem.constants(problem.coordinates(np.array(constants))), constants)


def test_gadres_form_comes_from_its_five_runs():
    """Least squares of the loss with one exponent: 166.21, 366.69, 0.2729 and 1.8366 on RedPajama (C4 losses of arXiv:2403.08540)."""
    params = np.array([10_569_312.0, 78_914_048.0, 153_677_376.0, 411_616_256.0, 10_569_312.0])
    tokens = params * np.array([20.0, 20.0, 20.0, 20.0, 320.0])
    loss = np.array([5.38702091510821, 3.899942990231468, 3.531147408490181, 3.149769456671634, 4.572292613487238])
    problem = AdditiveRegression.of(params, tokens, loss, tied=True, logarithmic=False)
    minima = minimise(problem, problem.starts(np.geomspace(0.05, 1.5, 12)), delta=np.inf, iterations=500)
    a, alpha, b, _, floor = problem.constants(minima.theta[minima.objective.argmin()])
    np.testing.assert_allclose((a, b * 6 ** (alpha / 2), alpha, floor), (166.21, 366.69, 0.27285, 1.8366), rtol=2e-4)


@pytest.mark.parametrize(("size", "delta", "loss"), [(0.5, 1.0, 0.125), (2.0, 1.0, 1.5), (-2.0, 1.0, 1.5), (3.0, np.inf, 4.5)])
def test_the_huber_loss(size: float, delta: float, loss: float):
    assert huber(np.array([size]), delta) == pytest.approx(loss)


def test_a_bad_run_is_named():
    good = np.array([1e9, 2e9, 3e9])
    for bad in (0.0, -1.0, np.nan, np.inf):
        with pytest.raises(InputError) as error:
            checked_runs(good, np.array([2.0, bad, 2.0]), tokens=good)
        assert error.value.where == "run 2"
    with pytest.raises(InputError, match="one of them"):
        checked_runs(good, good)


@pytest.mark.parametrize(
    ("runs", "what"),
    [
        (runs_of(5, 0.01), "5 constants need more than 5 runs"),
        (Runs(np.full(9, 1e9), np.geomspace(1e9, 1e11, 9), np.linspace(4, 3, 9)), "same parameters"),
        (Runs(np.geomspace(1e9, 1e11, 9), np.full(9, 1e9), np.linspace(4, 3, 9)), "same tokens"),
        (Runs(np.geomspace(1e9, 1e11, 9), np.geomspace(1e9, 1e11, 9), np.full(9, 3.0)), "same loss"),
        (Runs(runs_of(30, 0).params, runs_of(30, 0).tokens, runs_of(30, 0).params ** 0.05), "not fall as a power of their parameters"),
    ],
)
def test_runs_that_determine_no_law(runs: Runs, what: str):
    with pytest.raises(InputError, match=what):
        fit(runs)


def test_an_outlier_is_named_stays_in_the_fit_and_leaves_the_rest_alone():
    runs = runs_of(100, 0.003)
    loss = runs.loss.copy()
    loss[[17, 40]] *= 1.2
    spoiled = fit(Runs(runs.params, runs.tokens, loss))
    report = report_outliers(spoiled)
    assert {17, 40} <= {one.row for one in report.outliers}
    assert len(report.outliers) <= 4
    assert len(spoiled.runs) == 100
    assert report.without.objective < 0.6 * spoiled.objective
    for one in report.outliers[:2]:
        assert one.expected == pytest.approx(runs.loss[one.row], rel=0.03)
        assert "times the usual miss" in one.reason


def test_clean_runs_have_few_outliers():
    """0.05 are expected in each data set: over 20 of them hardly more than a handful."""
    assert sum(len(report_outliers(fit(runs_of(100, 0.003, seed))).outliers) for seed in range(20)) <= 8


def test_a_profile_is_least_at_the_estimate_and_wide_where_runs_lie_on_one_line():
    runs = runs_of(60, 0.01)
    found = fit(runs)
    for name in NAMES:
        each = profile(found, name)
        assert each.low < found.constants[name] < each.high
        assert each.deviance.min() == pytest.approx(0.0, abs=0.05)
    rng = np.random.default_rng(5)
    params = np.geomspace(1e8, 1e9, 12)
    line = fit(Runs(params, 20 * params, EPOCH.at(params, 20 * params) * np.exp(0.02 * rng.laplace(size=12))))
    assert any(profile(line, name).is_open for name in NAMES)


def test_a_fit_as_a_law_foretells_held_out_runs():
    runs = runs_of(200, 0.004)
    seen, rest = runs.only(np.arange(100)), runs.only(np.arange(100, 200))
    found = fit(seen)
    law = as_law(found, bootstrap(found, 300, seed=0), name="mine", source=EPOCH_PAPER)
    guess = predict(law, ModelSize(total=rest.params), rest.tokens)
    assert 0.83 <= np.mean((guess.low <= rest.loss) & (rest.loss <= guess.high)) <= 0.99


def test_percentiles_of_resamples_foretell_as_a_law_with_their_covariance_does():
    found = fit(runs_of(200, 0.004))
    resampled = bootstrap(found, 2000, seed=0)
    law = as_law(found, resampled, name="mine", source=EPOCH_PAPER)
    for params, tokens in ((1e9, 2e10), (7e10, 1e12), (1e8, 1e13)):
        direct, by_law = foretell(found, resampled, law, params, tokens, confidence=0.9), predict(law, ModelSize(total=params), tokens)
        np.testing.assert_allclose(direct.low, by_law.low, rtol=0.005)
        np.testing.assert_allclose(direct.high, by_law.high, rtol=0.005)


def test_a_straight_line_is_found_where_there_is_one():
    params, tokens = np.meshgrid(np.geomspace(1e8, 1e10, 5), np.geomspace(1e9, 1e12, 5))
    line = Runs(params.ravel(), tokens.ravel(), 10 - 0.1 * np.log(params.ravel()) - 0.2 * np.log(tokens.ravel()))
    assert np.abs(straight_residuals(line)).max() < 1e-9
