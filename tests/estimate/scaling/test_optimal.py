"""Splits of a budget: closed forms against a search, one question asked from both ends, and what serving and few data change."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmpick.estimate.scaling.laws import AdditiveLaw
from llmpick.estimate.scaling.optimal import (
    compute_optimal,
    data_constrained,
    optimal_for_loss,
    optimal_for_params,
    optimal_params_of,
    overtraining,
    serving_optimal,
    tokens_for_loss,
)
from llmpick.estimate.scaling.published import EPOCH, HOFFMANN, HOFFMANN_PRINTED, SARDANA
from llmpick.estimate.scaling.registry import GADRE_REDPAJAMA
from llmpick.estimate.scaling.repeated import MUENNIGHOFF_LAW, saturated
from llmpick.evidence.errors import InputError

LAWS = (EPOCH, HOFFMANN, HOFFMANN_PRINTED, GADRE_REDPAJAMA.loss, SARDANA[10_000], MUENNIGHOFF_LAW.additive())
BUDGETS = np.geomspace(1e18, 1e26, 9)


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.name)
def test_the_closed_form_is_the_best_of_a_grid(law: AdditiveLaw):
    best = compute_optimal(law, BUDGETS)
    np.testing.assert_allclose(6 * best.params * best.tokens, BUDGETS)
    params = best.params * np.geomspace(0.01, 100, 2001)[:, None]
    assert (law.at(params, BUDGETS / 6 / params).argmin(axis=0) == 1000).all()


def test_many_constants_at_once_and_what_has_no_best_split():
    constants = np.array([law.constants for law in LAWS])
    for flops in BUDGETS:
        np.testing.assert_allclose(optimal_params_of(constants, flops), [float(compute_optimal(law, flops).params) for law in LAWS])
    assert np.isnan(optimal_params_of(np.array([400.0, -0.1, 400.0, 0.3, 1.7]), 1e21))
    assert np.isfinite(optimal_params_of(np.array([1e-260, 1e-9, 1e260, 80.0, 1e-260]), 1e21))


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.name)
def test_budget_size_and_loss_ask_the_same_question(law: AdditiveLaw):
    best = compute_optimal(law, BUDGETS)
    np.testing.assert_allclose(optimal_for_params(law, best.params).flops, BUDGETS)
    np.testing.assert_allclose(optimal_for_loss(law, best.loss).flops, BUDGETS, rtol=1e-6)
    np.testing.assert_allclose(tokens_for_loss(law, best.params, best.loss), best.tokens, rtol=1e-6)


@given(quality=st.floats(1e9, 1e12), served=st.floats(1e9, 1e15))
def test_what_is_served_is_smaller_trained_longer_and_cheaper_in_all(quality: float, served: float):
    best = optimal_for_params(HOFFMANN, quality)
    found = serving_optimal(HOFFMANN, best.loss, served)
    assert found.params <= best.params * (1 + 1e-9)
    assert found.tokens_ratio >= 1 - 1e-9
    assert found.total_ratio <= 1 + 1e-9
    for factor in (0.97, 1.03):
        tokens = tokens_for_loss(HOFFMANN, found.params * factor, best.loss)
        assert 6 * found.params * factor * tokens + 2 * found.params * factor * served >= found.total_flops * (1 - 1e-9)


def test_without_serving_nothing_changes_and_more_of_it_shrinks_the_model():
    best = optimal_for_params(EPOCH, 30e9)
    assert serving_optimal(EPOCH, best.loss, 0.0).params == pytest.approx(best.params, rel=1e-6)
    sizes = serving_optimal(EPOCH, best.loss, np.array([0.0, 1e11, 1e12, 1e13, 1e15])).params
    assert (np.diff(sizes) < 0).all()


def test_a_loss_below_the_floor_is_refused():
    with pytest.raises(InputError, match="never reaches a loss"):
        optimal_for_loss(EPOCH, 1.5)
    assert tokens_for_loss(EPOCH, 1e8, 2.0) == np.inf


def test_few_data_are_repeated_and_the_model_shrinks():
    plenty = compute_optimal(MUENNIGHOFF_LAW.additive(), 1e22)
    few = data_constrained(MUENNIGHOFF_LAW, 1e22, np.array([1e10, 3e10, 1e11, 1e15]))
    assert few.params[-1] == pytest.approx(plenty.params, rel=1e-3)
    assert (np.diff(few.params) > 0).all()
    assert (np.diff(few.loss) < 0).all()
    params = few.params[0] * np.geomspace(0.2, 5, 401)
    assert MUENNIGHOFF_LAW.at(params, 1e22 / 6 / params, 1e10).min() >= few.loss[0] - 1e-9


def test_over_training_of_llama_7b():
    """6.7B on 1T, by Epoch's constants: 149 tokens per parameter in place of 20, and 1.43 times the cheapest training of its loss."""
    found = overtraining(EPOCH, 6.7e9, 1e12)
    assert (found.tokens_per_param, found.optimal_tokens_per_param) == (pytest.approx(149.3, abs=0.1), pytest.approx(19.7, abs=0.1))
    assert found.compute_ratio == pytest.approx(1.428, abs=1e-3)
    best = compute_optimal(EPOCH, 1e22)
    none = overtraining(EPOCH, best.params, best.tokens)
    assert (none.compute_ratio, none.params_ratio, none.loss_excess) == (pytest.approx(1), pytest.approx(1), pytest.approx(0, abs=1e-12))


@given(unique=st.floats(1e6, 1e13), repeats=st.floats(0, 1e4), more=st.floats(0.1, 100))
def test_a_repeated_token_is_worth_less_than_a_new_one_and_all_of_them_at_most_r_plus_one(unique: float, repeats: float, more: float):
    worth = float(saturated(unique, repeats, 15.4))
    assert unique <= worth <= unique * min(1 + repeats, 1 + 15.4) * (1 + 1e-12)
    assert float(saturated(unique, repeats + more, 15.4)) >= worth


def test_more_unique_tokens_than_tokens_is_refused():
    with pytest.raises(InputError, match="more tokens are unique"):
        MUENNIGHOFF_LAW.effective_tokens(1e9, 2e9)
