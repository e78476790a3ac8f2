"""What to do with a training budget: the rule as a table, and its reasons in words."""

import pytest

from llmpick.decide.training_verdict import Cost, Span, Threshold, Way, choose_way, tokens_text, verdict_reasons
from llmpick.evidence.values import Interval, Unknown

COST = Cost(1e22, Span(1000.0, 900.0, 1500.0), Span(3000.0, 2700.0, 4500.0), "6 N D / rate")
THRESHOLD = 5e22
NEVER = Unknown("never within what was ever spent: at 4e+25 FLOPs it would win with probability 42%")


def way(action, score: float, beats: float | None = None, obstacle: str | None = None, tokens: float = 3e11) -> Way:
    model = None if action == "train" else f"org/{action}"
    cost = None if action == "take" else COST
    return Way(
        action, model, 7e9, 0.0 if action == "take" else tokens, cost, Interval(score, score - 0.1, score + 0.1, 0.9), beats, obstacle
    )


TAKE = way("take", 0.6)


@pytest.mark.parametrize(
    ("others", "flops", "threshold", "action"),
    [
        ([], 1e22, None, "take"),
        ([way("train", 0.7, 0.8)], 6e22, THRESHOLD, "train"),
        ([way("train", 0.7, 0.8)], THRESHOLD, THRESHOLD, "train"),
        ([way("train", 0.7, 0.8)], 4e22, THRESHOLD, "take"),  # open models of this size are weak, larger ones are not
        ([way("train", 0.7, 0.8)], 6e22, None, "take"),
        ([way("train", 0.55, 0.4)], 6e22, THRESHOLD, "take"),
        ([way("continue", 0.7, 0.8)], 1e22, None, "continue"),
        ([way("continue", 0.7, 0.8, "too few tokens")], 1e22, None, "take"),
        ([way("continue", 0.61, 0.55)], 1e22, None, "take"),  # a tie, which what is free wins
        ([way("continue", 0.7, 0.49)], 1e22, None, "take"),
        ([way("finetune", 0.7, 0.8)], 1e22, None, "finetune"),
        ([way("finetune", 0.7)], 1e22, None, "take"),  # the prior cannot tell
        ([way("train", 0.7, 0.8), way("continue", 0.65, 0.7)], 6e22, THRESHOLD, "train"),
        ([way("train", 0.7, 0.8), way("continue", 0.7, 0.8), way("finetune", 0.7, 0.8)], 6e22, THRESHOLD, "finetune"),  # the cheapest
    ],
)
def test_the_rule(others, flops, threshold, action):
    assert choose_way([*others, TAKE], flops, threshold).action == action
    assert choose_way([TAKE, *reversed(others)], flops, threshold).action == action


def said(ways, flops: float, threshold) -> list[str]:
    chosen = choose_way(ways, flops, threshold.cost.flops if isinstance(threshold, Threshold) else None)
    return list(verdict_reasons(chosen, ways, flops, threshold, "knowledge (en)"))


def test_the_reasons_of_taking():
    ways = [way("train", 0.5, 0.25), way("continue", 0.55, 0.3), way("finetune", 0.6, None, "only a race tells"), TAKE]
    assert said(ways, 1e22, NEVER) == [
        "org/take is free, and at knowledge (en) 60% [50, 70] is expected of it.",
        "Your own 7B model on 300B tokens would reach 50% [40, 60], and be better than org/take with probability 25%.",
        f"When training would start to pay: {NEVER.reason}.",
        "The rule of thumb, no training from scratch on fewer than 1T tokens, agrees; it is no part of the reckoning.",
        "The prior alone does not settle it: the 90% interval of the difference holds zero.",
        "Continuing the pre-training of org/continue on 300B tokens (1,000 GPU-hours, $3,000) would lead to 55% [45, 65], "
        "and be better than org/take with probability 30%.",
        "Fine-tuning org/finetune on 300B tokens (1,000 GPU-hours, $3,000): only a race tells.",
    ]


def test_the_reasons_of_training():
    threshold = Threshold(Cost(5e22, Span(1.0, 1.0, 1.0), Span(1.0, 1.0, 1.0), ""), 2e10, 4e11)
    reasons = said([way("train", 0.7, 0.97), TAKE], 1e23, threshold)
    assert reasons[0].startswith("Your own 7B model on 300B tokens would reach 70%")
    assert reasons[1] == "Training starts to pay at 5e+22 FLOPs, 20B parameters on 400B tokens: this budget is 2 times that."
    assert "would say otherwise" in reasons[2]
    assert reasons[3].startswith("org/take is free")
    assert len(reasons) == 4  # 97% is settled


@pytest.mark.parametrize(("tokens", "rule"), [(3e11, "agrees"), (2e12, "would not have objected to 2T")])
def test_the_rule_of_thumb_only_comments(tokens, rule):
    assert any(rule in reason for reason in said([way("train", 0.5, 0.25, tokens=tokens), TAKE], 1e22, NEVER))


def test_weak_small_models_and_a_tie_are_said():
    assert any("open models so small are weak" in reason for reason in said([way("train", 0.7, 0.6), TAKE], 1e22, NEVER))
    assert any("a tie within 2 points" in reason for reason in said([way("continue", 0.61, 0.55), TAKE], 1e22, NEVER))


@pytest.mark.parametrize(("value", "text"), [(1.05e12, "1.05T"), (9.996e11, "1T"), (3.66e11, "366B"), (6.2e7, "62M"), (1500.0, "1.5e+03")])
def test_tokens(value, text):
    assert tokens_text(value) == text
