"""What the prior says of families of tasks: what grows with size, what does not, and how sure it is."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from llmpick.catalog.ability import ability_evidence, ability_facts
from llmpick.catalog.loader import find_model, load_models
from llmpick.estimate.ability import expected_abilities, prior_for_bayes
from llmpick.estimate.ability.comparison import probability_better
from llmpick.evidence.ability import AbilityFacts, TaskFamily
from llmpick.evidence.errors import InputError

EVIDENCE = ability_evidence()
NOISE = EVIDENCE.hyper.noise
GROW = [f for f in TaskFamily if f not in (TaskFamily.REWRITE, TaskFamily.SUMMARIZE)]


def known(*names):
    found = [find_model(name) for name in names]
    return [ability_facts(model) for model in found if model is not None]


def newcomer(parameters, languages=("en",), **other):
    """A model of a maker nobody has heard of, known by its card only."""
    return AbilityFacts(f"new {parameters:g} {languages}", "newcomer", parameters, None, 8e12, date(2024, 9, 1), True, languages, **other)


def scores(models, family, **more):
    return expected_abilities(models, family, EVIDENCE, **more).mean


@pytest.mark.parametrize("family", GROW)
def test_at_equal_other_facts_larger_is_better(family):
    ladder = [newcomer(p) for p in (0.5e9, 1.5e9, 3e9, 7e9, 14e9, 32e9, 72e9)]
    assert np.all(np.diff(scores(ladder, family)) > 0)


def test_translation_gains_less_from_size_than_mathematics():
    """Published: Llama 3B to 8B gain 7 points at GSM8K and 11 at MGSM; Qwen2.5 3B to 7B gain 3 at translation, and 9 at mathematics."""
    translate, mathematics = (
        np.diff(scores(known("Qwen/Qwen2.5-3B", "Qwen/Qwen2.5-7B"), f))[0] for f in (TaskFamily.TRANSLATE, TaskFamily.MATH)
    )
    assert abs(translate - 0.031) < 1.6449 * NOISE
    assert translate < 0.6 * mathematics


@pytest.mark.parametrize("family", [TaskFamily.REWRITE, TaskFamily.SUMMARIZE])
def test_flat_tasks_are_not_upsized(family):
    three, eight = scores(known("meta-llama/Llama-3.2-3B-Instruct", "meta-llama/Llama-3.1-8B-Instruct"), family)
    assert abs(eight - three) < 1.6449 * NOISE
    three, eight = scores([newcomer(3e9), newcomer(8e9)], family)
    assert abs(eight - three) < 0.05, "nobody of its family was scored: what a blank model could do tells too"


def test_contest_code_does_not_go_to_a_7b():
    names = ("Qwen/Qwen2.5-7B-Instruct", "Qwen/Qwen2.5-32B-Instruct", "Qwen/Qwen2.5-72B-Instruct")
    abilities = expected_abilities(known(*names), TaskFamily.CONTEST_CODE, EVIDENCE)
    assert np.all(probability_better(abilities, np.array([1, 2]), np.array([0, 0])) > 0.95)
    assert abilities.mean[0] < 0.75 * abilities.mean[2]
    easy = scores(known(*names), TaskFamily.CODE)
    assert easy[0] > 0.85 * easy[2], "while everyday code may"


def test_chinese_exams_prefer_the_model_trained_on_chinese():
    pair = [newcomer(7e9, ("en", "zh")), newcomer(7e9, ("en",))]
    chinese, english = scores(pair, TaskFamily.KNOWLEDGE, language="zh"), scores(pair, TaskFamily.KNOWLEDGE)
    assert chinese[0] > chinese[1] + 0.1
    assert abs(english[0] - english[1]) < 0.05


def test_scores_of_its_own_make_sure():
    seen, unseen = known("Qwen/Qwen2.5-7B-Instruct")[0], newcomer(7.6e9)
    abilities = expected_abilities([seen, unseen], TaskFamily.MATH, EVIDENCE)
    assert np.all(abilities.low < abilities.mean)
    assert np.all(abilities.mean < abilities.high)
    assert np.diff((abilities.low, abilities.high), axis=0)[0, 0] < 0.1 < np.diff((abilities.low, abilities.high), axis=0)[0, 1]


def test_a_family_without_benchmarks_is_less_sure_than_its_neighbour():
    models = known("Qwen/Qwen2.5-7B-Instruct")
    chat, writing = (expected_abilities(models, f, EVIDENCE) for f in (TaskFamily.CHAT, TaskFamily.WRITING))
    assert writing.high[0] - writing.low[0] > 3 * (chat.high[0] - chat.low[0])


def test_samples_follow_the_interval_and_the_seed():
    abilities = expected_abilities([newcomer(3e9), newcomer(7e9)], TaskFamily.CODE, EVIDENCE)
    draws = abilities.samples(20_000, seed=5)
    assert draws.shape == (20_000, 2)
    assert draws.mean(axis=0) == pytest.approx(abilities.mean, abs=0.005)
    assert np.quantile(draws, 0.05, axis=0) == pytest.approx(abilities.low, abs=0.01)
    assert np.array_equal(draws, abilities.samples(20_000, seed=5))
    assert np.mean(draws[:, 1] > draws[:, 0]) > 0.9, "errors of two sizes are shared, so their order is surer than their scores"


def test_the_users_task_is_less_sure_than_its_family():
    abilities = expected_abilities(known("Qwen/Qwen2.5-7B-Instruct", "Qwen/Qwen2.5-14B-Instruct"), TaskFamily.MATH, EVIDENCE)
    mean, covariance = prior_for_bayes(abilities)
    sd = np.sqrt(np.diag(covariance))
    assert np.all((mean > 0) & (mean < 1))
    assert np.all(2 * 1.6449 * sd > abilities.high - abilities.low)
    assert np.linalg.eigvalsh(covariance).min() > 0
    assert 0.8 < covariance[0, 1] / np.prod(sd) < 1, "a task that is hard for one is hard for the other"


def test_guessing_is_the_least_that_is_expected():
    tiny = AbilityFacts("tiny", "newcomer", 1e7, None, 1e9, date(2022, 1, 1), False, ("en",))
    for family, least in ((TaskFamily.KNOWLEDGE, 0.9 * (0.25 + 0.1 + 0.25) / 3), (TaskFamily.MATH, 0.0)):
        abilities = expected_abilities([tiny], family, EVIDENCE)
        assert abilities.floor == pytest.approx(least), "of MMLU, MMLU-Pro and MMLU-redux, in English; nobody guesses a free answer"
        assert least <= abilities.low[0] < abilities.mean[0] < least + 0.1
        assert np.all(abilities.samples(500, seed=1) >= least)


def test_a_model_in_many_quantisations_is_one_model():
    whole = known("Qwen/Qwen2.5-7B-Instruct")[0]
    four, whole_again = replace(whole, bits_per_weight=4.8), replace(whole, bits_per_weight=16.0)
    abilities = expected_abilities([whole, four, whole_again], TaskFamily.MATH, EVIDENCE)
    assert abilities.mean[0] == pytest.approx(abilities.mean[2])
    assert abilities.mean[0] > abilities.mean[1]
    assert abilities.latent_covariance[0, 2] == pytest.approx(abilities.latent_covariance[0, 0])
    assert abilities.latent_mean[0] == pytest.approx(expected_abilities([whole], TaskFamily.MATH, EVIDENCE).latent_mean[0])


def test_fewer_bits_cost_ability_and_small_models_more():
    def lost(parameters, bits):
        whole, rounded = (newcomer(parameters), newcomer(parameters, bits_per_weight=bits))
        abilities = expected_abilities([whole, rounded], TaskFamily.MATH, EVIDENCE)
        return abilities.latent_mean[0] - abilities.latent_mean[1]

    assert lost(7e9, 16) == 0
    assert 0 < lost(7e9, 8) < lost(7e9, 4.8) < lost(7e9, 3) < lost(7e9, 2)
    assert lost(70e9, 4) < lost(7e9, 4) < lost(1.8e9, 4)


def test_every_model_of_the_catalog_at_every_family():
    facts = [ability_facts(model) for model in load_models()]
    for family in TaskFamily:
        abilities = expected_abilities(facts, family, EVIDENCE, language="zh")
        assert np.all((abilities.low >= 0) & (abilities.low < abilities.mean) & (abilities.mean < abilities.high) & (abilities.high <= 1))
        assert np.linalg.eigvalsh(abilities.latent_covariance).min() > -1e-8


def test_a_family_of_which_nothing_is_known():
    with pytest.raises(InputError, match="stands for code"):
        expected_abilities([newcomer(7e9)], TaskFamily.CODE, replace(EVIDENCE, families={}))
