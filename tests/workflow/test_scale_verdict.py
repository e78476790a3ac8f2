"""The search for the budget from which training pays, on curves whose crossings are known, and costs the one from the other."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from llmpick.catalog.ability import ability_evidence
from llmpick.catalog.loader import load_models
from llmpick.estimate.ability import expected_abilities
from llmpick.estimate.scaling.optimal import compute_optimal
from llmpick.estimate.scaling.published import EPOCH
from llmpick.evidence.ability import TaskFamily
from llmpick.evidence.values import Unknown
from llmpick.workflow.scale.verdict_costs import prices_on
from llmpick.workflow.scale.verdict_notes import not_learnt
from llmpick.workflow.scale.verdict_options import VerdictOptions
from llmpick.workflow.scale.verdict_prior import OpenModels, crossing, learnt_of, separates
from llmpick.workflow.scale.verdict_ways import beyond_all_text

LOW, HIGH = 1e18, 1e25


def found(beats, most_tokens: float = np.inf):
    return crossing(lambda split: beats(split.flops), lambda flops: compute_optimal(EPOCH, flops), LOW, HIGH, most_tokens)


def test_one_crossing():
    at = found(lambda flops: np.where(flops >= 3.7e22, 0.7, 0.2))
    assert at.flops is not None
    assert 3.7e22 <= at.flops == pytest.approx(3.7e22, rel=1e-3)
    assert (at.most, at.beats_at_most) == pytest.approx((HIGH, 0.7))


def test_the_last_of_several_crossings():
    """Between 1e20 and 1e21 no open model is as large; above 1e21 one is, up to 5e23."""
    assert found(lambda flops: np.where((flops > 5e23) | ((flops > 1e20) & (flops < 1e21)), 0.6, 0.4)).flops == pytest.approx(
        5e23, rel=1e-3
    )


def test_never_and_always():
    never = found(lambda flops: np.full(flops.shape, 0.49))
    assert (never.flops, never.beats_at_most) == (None, 0.49)
    assert found(lambda flops: np.full(flops.shape, 0.5)).flops == pytest.approx(LOW)


def test_more_tokens_than_there_are_is_out_of_reach():
    pays_from = 1e24
    most = float(compute_optimal(EPOCH, pays_from / 10).tokens)
    at = found(lambda flops: np.where(flops >= pays_from, 0.9, 0.1), most)
    assert at.flops is None
    assert at.most <= pays_from / 10


def test_costs_and_hours_are_each_others_inverse():
    prices = prices_on("A100-80GB", mfu=0.434, price=2.0, as_of=None)
    cost = prices.cost(6.7e9, 1e12)
    assert cost.gpu_hours.value == pytest.approx(82_432, rel=5e-4)
    assert not isinstance(cost.money, Unknown)
    assert prices.hours_for(cost.money.value).value == pytest.approx(cost.gpu_hours.value)
    assert cost.gpu_hours.value * prices.flops_per_hour.value == pytest.approx(cost.flops)


def test_the_largest_training_of_a_day():
    that_day = prices_on("A100-80GB", mfu=None, price=None, as_of=date(2023, 5, 15))
    assert that_day.largest == "LLaMA-65B"
    assert prices_on("A100-80GB", mfu=None, price=None, as_of=None).most_spent > 10 * that_day.most_spent
    assert that_day.borrowed is None


def test_consumer_cards_borrow_the_mfu_and_train_at_the_rate_of_32_bit_sums():
    card = prices_on("RTX 4090", mfu=None, price=None, as_of=None)
    assert card.cluster.peak_flops == pytest.approx(165.2e12, rel=1e-3)
    assert card.borrowed is not None
    assert card.borrowed.range.low < 0.2 < 0.5 < card.borrowed.range.high
    assert prices_on("RTX 4090", mfu=0.4, price=None, as_of=None).borrowed is None


def test_the_rent_is_the_middle_of_the_offers():
    rent = prices_on("H100", mfu=None, price=None, as_of=None).cluster.dollars_per_hour
    assert rent == (pytest.approx(0.5 * (2.69 + 4.76)), 2.69, 4.76)


@pytest.fixture(scope="module")
def open_models() -> OpenModels:
    return OpenModels.of(load_models(), TaskFamily.KNOWLEDGE, "en")


def test_what_can_be_served(open_models):
    """No more active parameters, or few in all; a named limit leaves the second out, and the smallest stands in where none is so small."""
    active, total = open_models.active, np.array([facts.parameters for facts in open_models.facts])
    small, large = open_models.servable(np.array([1e8, 3e9]), 8e9)
    assert set(np.flatnonzero(small)) == set(np.flatnonzero((active <= 1.05e8) | (total <= 8.4e9)))
    assert (small <= large).all()
    assert ((active[large] <= 3.15e9) | (total[large] <= 8.4e9)).all()
    strict = open_models.servable(np.array([1.0, 3e9]), 0.0)
    assert set(np.flatnonzero(strict[0])) == set(np.flatnonzero(active <= 1.05 * active.min()))
    assert set(np.flatnonzero(strict[1])) == set(np.flatnonzero(active <= 3.15e9))


def test_what_is_called_8b_can_be_served_by_who_serves_8b(open_models):
    servable = open_models.servable(np.array([8e9]), 0.0)[0]
    named = {model.id: within for model, within in zip(open_models.models, servable, strict=True)}
    assert (named["meta-llama/Llama-3.1-8B-Instruct"], named["Qwen/Qwen3-8B"], named["Qwen/Qwen3.5-9B"]) == (True, True, False)


def test_models_are_separated_where_they_differ_by_more_than_they_are_uncertain(open_models):
    abilities = expected_abilities(open_models.facts, TaskFamily.KNOWLEDGE, ability_evidence())
    assert separates(abilities)
    assert open_models.separates
    assert open_models.merit is open_models.mean
    uncertain = replace(abilities, latent_covariance=100.0 * abilities.latent_covariance)
    assert not separates(uncertain)
    assert not separates(replace(abilities, latent_mean=0.1 * abilities.latent_mean))


def test_what_the_prior_has_learnt_from():
    chinese, nothing = (learnt_of(ability_evidence(), family, "zh") for family in (TaskFamily.KNOWLEDGE, TaskFamily.CLASSIFY))
    assert chinese.exactly
    assert chinese.chance == 0.25
    assert chinese.params[0] < 1e9 < 1e11 < chinese.params[1]
    assert not nothing.exactly
    assert nothing.models > chinese.models
    options = VerdictOptions(money=300, language="zh")
    small, few = 0.5 * chinese.params[0], 0.5 * chinese.tokens[0]
    assert not_learnt(chinese, options, 7e9, 2 * chinese.tokens[0]) is None
    assert "so small (the smallest has" in (not_learnt(chinese, options, small, few) or "")
    assert "guessing scores 25%" in (not_learnt(chinese, options, small, few) or "")
    assert "trained on so little" in (not_learnt(chinese, options, 7e9, few) or "")
    assert "guessing" not in (not_learnt(chinese, options, 1e13, 2 * chinese.tokens[1]) or "guessing")


@pytest.mark.parametrize(("tokens", "beyond"), [(1e12, False), (3e14, False), (8.69e14, True)])
def test_text_is_finite(tokens, beyond):
    assert (beyond_all_text(tokens) is not None) == beyond
