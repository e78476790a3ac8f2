"""The prior in the code is what its script fits, and forecasts hold on models that the fit has not seen: a small form of the benchmark."""

import numpy as np
import pytest
from tests.shared_data import shared_data

import plan
from llmpick.estimate.decision_cost import PUBLIC_PRIOR, Setting
from llmpick.stats.goal import Goal
from llmpick.stats.synthetic import draw_scores


@pytest.fixture(scope="module")
def matrices() -> tuple[list[plan.Matrix], list[plan.Matrix]]:
    return plan.matrices(shared_data("evaluation/mmlu_pro/scores.csv.gz").parents[1])


def test_the_constants_are_what_the_script_fits(matrices):
    fitted = matrices[0]
    fits = [plan.fit(matrix) for matrix in fitted]
    levels, spreads = [one.level for one in fits], np.log([one.spread for one in fits])
    assert PUBLIC_PRIOR.level == pytest.approx((np.mean(levels), np.std(levels, ddof=1)), abs=0.006)
    assert PUBLIC_PRIOR.log_spread == pytest.approx((spreads.mean(), spreads.std(ddof=1)), abs=0.006)
    agreement = (np.mean([one.agreement for one in fits]), np.mean([one.agreement_spread for one in fits]))
    assert PUBLIC_PRIOR.agreement == pytest.approx(agreement, abs=0.006)
    shares = plan.graded_shares(shared_data("evaluation/mmlu_pro/scores.csv.gz").parents[1], fitted[1])
    assert PUBLIC_PRIOR.graded_variance == pytest.approx(tuple(shares), abs=0.006)


def test_no_family_is_on_both_sides(matrices):
    for fitted, unseen in zip(matrices[0], matrices[1], strict=False):
        assert len(fitted.models) + len(unseen.models) >= 15
        assert not {*map(plan.family, fitted.models)} & {*map(plan.family, unseen.models)}


def test_the_fit_finds_what_was_put_in():
    means = np.linspace(0.2, 0.8, 8)
    found = plan.fit(plan.Matrix("made", tuple("abcdefgh"), draw_scores(means, 6000, np.sqrt(0.5), np.random.default_rng(0))))
    assert found.agreement == pytest.approx(0.5, abs=0.04)
    assert found.agreement_spread < 0.03
    assert found.level == pytest.approx(0, abs=0.05)


@pytest.mark.parametrize("which", [0, 2, 4])
def test_calls_lie_inside_the_forecast(matrices, which: int):
    """Wanted 90%; of 30 races 21 or fewer would happen once in 500 times."""
    matrix = matrices[1][which]
    setting = Setting(5, min(200, matrix.scores.shape[1]), Goal(0.05, 0.95), graded=matrix.graded)
    assert plan.covered(matrix, setting, "anytime", draws=30, races=60, seed=0).inside.sum() >= 22


def test_more_rows_decide_as_often_as_they_should(matrices):
    found = plan.more_rows(matrices[1][0], seen=100, tolerance=0.05, draws=60, seed=0)
    assert 0.65 <= found.decided / found.told <= 0.95  # wanted 80%
    assert found.inside / found.told >= 0.8  # wanted 90%
