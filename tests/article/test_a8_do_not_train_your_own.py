"""A8: from scratch with fewer than 1T tokens, do not. What the ability prior says of it, on the article's day and today.

The verdict knows no such rule: it weighs what the budget would train against the open models that cost as little to serve.
"""

from datetime import date

import pytest

from llmpick.catalog.ability import ability_evidence
from llmpick.decide.training_verdict import RULE_OF_THUMB, Threshold, TrainingVerdict
from llmpick.evidence.ability import TaskFamily
from llmpick.workflow.scale.verdict import training_verdict
from llmpick.workflow.scale.verdict_options import VerdictOptions

DAY = date(2023, 5, 15)
LLAMA_HOURS = 82_432
"""Of LLaMA-7B, on A100-80GB."""


def verdict(gpu_hours: float = LLAMA_HOURS, **given) -> TrainingVerdict:
    return training_verdict(VerdictOptions(gpu_hours=gpu_hours, device="A100-80GB", **given))


@pytest.mark.parametrize("day", [DAY, None], ids=["that day", "today"])
@pytest.mark.parametrize("gpu_hours", [100, 1_000, 10_000, LLAMA_HOURS, 300_000])
def test_on_fewer_than_a_trillion_tokens_an_open_model_is_better(day, gpu_hours):
    answer = verdict(gpu_hours, as_of=day)
    assert answer.bought.tokens < RULE_OF_THUMB
    assert answer.action == "take"
    below = [split for split in answer.bought.others if split.tokens < RULE_OF_THUMB]
    assert gpu_hours < LLAMA_HOURS or all(split.beats < 0.5 for split in below)
    assert gpu_hours < LLAMA_HOURS or answer.bought.beats.high < 0.5
    assert any("agrees; it is no part of the reckoning" in reason for reason in answer.reasons)


@pytest.mark.parametrize("day", [DAY, None], ids=["that day", "today"])
@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("family", list(TaskFamily))
def test_whatever_the_task_llamas_own_hours_do_not_pay(day, language, family):
    """In Chinese and in code the answer of that day may be to train an open model further, but not from scratch."""
    assert verdict(as_of=day, language=language, family=family).action != "train"


@pytest.mark.parametrize("size", [7e9, 13e9])
def test_at_the_sizes_of_llama_half_a_trillion_loses(size):
    """LLaMA-7B and 13B had 1T: as large a model of one's own on half of that is expected to be worse."""
    answer = verdict(6 * size * 0.5e12 / (312e12 * 3600 * 0.434), mfu=0.434, max_params=size, as_of=DAY)
    assert answer.bought.tokens == pytest.approx(0.5e12)
    assert answer.action == "take"
    assert answer.bought.beats.value < 0.5


def test_at_three_billion_it_would_have_paid():
    """Small open models of that day were weak; BTLM-3B, trained on 627B tokens that summer, was indeed better than the best of them."""
    answer = verdict(6 * 3e9 * 0.627e12 / (312e12 * 3600 * 0.434), mfu=0.434, max_params=3e9, as_of=DAY)
    assert answer.action == "train"
    assert any("would say otherwise" in reason for reason in answer.reasons)
    btlm, best = scores_of("cerebras/btlm-3b-8k-base"), scores_of(answer.rivals[0].model)
    both = sorted(btlm.keys() & best.keys())
    assert len(both) >= 8
    assert sum(btlm[name] for name in both) > sum(best[name] for name in both) + 0.02 * len(both)


def scores_of(model: str) -> dict[str, float]:
    """What one source, which ran all of them alike, published of it."""
    return {score.benchmark: score.score for score in ability_evidence().scores if score.model == model and score.source == "obsscaling"}


def test_where_training_starts_to_pay():
    """In English not within what anybody had spent by that day; today not within what anybody ever spent, nor below 1T in Chinese."""
    assert not isinstance(verdict(as_of=DAY).threshold, Threshold)
    assert not isinstance(verdict().threshold, Threshold)
    chinese = verdict(language="zh").threshold
    assert not isinstance(chinese, Threshold) or chinese.tokens > RULE_OF_THUMB


def test_the_rule_was_bolder_than_the_evidence_in_chinese():
    """Little was open that knew Chinese: the prior would have had it below half a trillion tokens, and about the hours of LLaMA-7B."""
    threshold = verdict(language="zh", as_of=DAY).threshold
    assert isinstance(threshold, Threshold)
    assert 0.2e12 < threshold.tokens < 0.5 * RULE_OF_THUMB
    assert 0.5 < threshold.cost.gpu_hours.value / LLAMA_HOURS < 2.0


def test_it_is_the_prior_that_decides_and_not_the_rule():
    """A budget beyond what had been spent by then pays on that day, and no longer today."""
    assert verdict(5e6, as_of=DAY).action == "train"
    assert verdict(5e6).action == "take"
