"""Besiroglu et al. (arXiv:2404.10102): the fit to 240 points, its bootstrap, and that all 245 give another answer."""

import numpy as np
import pytest
from tests.papers.scaling_data import HIGHEST_LEFT_OUT, all_chinchilla, chinchilla

from llmpick.estimate.scaling.fitting import Bootstrap, Fit, as_law, bootstrap, fit, straight_residuals
from llmpick.estimate.scaling.forms import NAMES
from llmpick.estimate.scaling.huber import minimise
from llmpick.estimate.scaling.outliers import report_outliers
from llmpick.estimate.scaling.profile import profile
from llmpick.estimate.scaling.published import CHINCHILLA_RUNS, CHINCHILLA_SPREAD, EPOCH, EPOCH_PAPER, HOFFMANN, HOFFMANN_TEX

NOTEBOOK = {"A": 477.84, "alpha": 0.34731, "B": 2143.86, "beta": 0.36718, "E": 1.8172}
PUBLISHED_95 = {"A": (285.2, 743.6), "alpha": (0.317, 0.373), "B": (1042.4, 5810.3), "beta": (0.331, 0.415), "E": (1.769, 1.871)}
PUBLISHED_SE = {"A": 124.52, "alpha": 0.0154, "B": 1293.28, "beta": 0.0206, "E": 0.0257}


@pytest.fixture(scope="module")
def found() -> Fit:
    return fit(chinchilla())


@pytest.fixture(scope="module")
def resampled(found: Fit) -> Bootstrap:
    return bootstrap(found, 4000, seed=1)


def test_the_constants_of_the_notebook(found: Fit):
    for name, value in NOTEBOOK.items():
        assert found.constants[name] == pytest.approx(value, rel=5e-4), name
    assert found.objective == pytest.approx(0.0010182740, abs=5e-11)
    assert found.compute_exponent == pytest.approx(0.513, abs=0.002)
    assert found.r2 == pytest.approx(0.9942, abs=1e-4)


def test_the_constants_of_the_paper_lie_within_a_tenth_of_their_standard_error(found: Fit):
    for name, value in zip(NAMES, EPOCH.constants, strict=True):
        assert abs(found.constants[name] - value) < 0.1 * PUBLISHED_SE[name], name


def test_the_bootstrap(resampled: Bootstrap):
    """Ends of intervals within a quarter of a standard error: what two bootstraps of 4,000 may differ by in such long tails."""
    intervals, errors = resampled.interval(), resampled.standard_errors()
    for name, bounds in PUBLISHED_95.items():
        np.testing.assert_allclose(intervals[name], bounds, atol=0.25 * PUBLISHED_SE[name], err_msg=name)
        assert errors[name] == pytest.approx(PUBLISHED_SE[name], rel=0.15), name
    low, high = resampled.exponent_interval()
    assert (high - low) / (2 * 1.96) == pytest.approx(0.020, abs=0.001)


def test_all_245_points_give_another_answer_and_the_five_are_named():
    runs = all_chinchilla()
    whole = fit(runs)
    for name, value in {"A": 495.7, "B": 12846, "E": 1.891, "alpha": 0.349, "beta": 0.453}.items():
        assert whole.constants[name] == pytest.approx(value, rel=2e-3), name
    report = report_outliers(whole)
    highest = set(np.argsort(runs.loss)[-HIGHEST_LEFT_OUT:].tolist())
    assert highest <= {one.row for one in report.outliers}
    assert len(report.outliers) == 7
    assert report.without.constants["B"] == pytest.approx(1807, rel=0.01)
    assert len(whole.runs) == 245  # named, and still in the fit


def test_the_likelihood_ratio_against_hoffmann_is_84_by_the_constants_of_the_tex_source(found: Fit):
    """2 n log(sum |r| / least sum |r|), of Laplace residuals; the printed exponents do far worse than what they are a rounding of."""
    regression = found.regression
    least = minimise(regression, found.theta[None], delta=1e-5, tolerance=1e-12).theta
    best = np.abs(regression.residuals(least)[0]).sum()
    for law, ratio in ((HOFFMANN_TEX, 84.00), (HOFFMANN, 589.1)):
        given = np.abs(regression.residuals(regression.coordinates(np.array(law.constants))[None])[0]).sum()
        assert 2 * len(found.runs) * np.log(given / best) == pytest.approx(ratio, abs=0.1)


def test_the_published_spread_and_range_are_those_of_these_runs(found: Fit, resampled: Bootstrap):
    law = as_law(found, resampled, name="again", source=EPOCH_PAPER)
    assert law.spread is not None
    np.testing.assert_allclose(law.spread.covariance, CHINCHILLA_SPREAD.covariance, rtol=2e-3)
    assert law.spread.params == pytest.approx(CHINCHILLA_SPREAD.params, rel=1e-3)
    assert law.spread.tokens == pytest.approx(CHINCHILLA_SPREAD.tokens, rel=1e-3)
    assert law.scatter == pytest.approx(EPOCH.scatter, abs=1e-4)
    np.testing.assert_allclose(law.fitted.params, CHINCHILLA_RUNS.params, rtol=0.01)
    np.testing.assert_allclose(law.fitted.tokens, CHINCHILLA_RUNS.tokens, rtol=0.01)


def test_profiles_are_narrower_than_the_bootstrap_and_show_what_few_runs_cannot_tell(found: Fit, resampled: Bootstrap):
    low, high = resampled.interval()["alpha"]
    assert low < profile(found, "alpha").low < found.constants["alpha"] < profile(found, "alpha").high < high
    runs = found.runs
    near_optimal = fit(runs.only(np.abs(runs.tokens / runs.params / 20 - 1) < 0.5))
    one_line, everything = profile(near_optimal, "alpha"), profile(found, "alpha")
    assert one_line.high - one_line.low > 3 * (everything.high - everything.low)


def test_a_straight_line_misses_more(found: Fit):
    assert np.sqrt((straight_residuals(found.runs) ** 2).mean()) > 0.03
