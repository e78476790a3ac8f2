"""What to do with a training budget: the rule as a table, and its reasons in words."""

import pytest

from llmpick.decide.training_reasons import Question, verdict_reasons
from llmpick.decide.training_verdict import Cost, Rival, SameSize, Span, Threshold, Way, choose_way, tokens_text
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


def said(ways, flops: float, threshold, **beside) -> list[str]:
    taken = ways[-1]
    best = rival(taken.model, taken.params, taken.params, taken.score.value)
    question = Question("knowledge (en)", flops, threshold, **{"best": best, **beside})
    return list(verdict_reasons(choose_way(ways, flops, question.pays_from), ways, question))


def rival(model: str, active: float, total: float, score: float) -> Rival:
    return Rival(model, active, total, 1e12, None, "mit", "yes", Interval(score, score - 0.05, score + 0.05, 0.9))


def test_the_reasons_of_taking():
    ways = [way("train", 0.5, 0.25), way("continue", 0.55, 0.3), way("finetune", 0.6, None, "only a race tells"), TAKE]
    assert said(ways, 1e22, NEVER) == [
        "org/take is free, and at knowledge (en) 60% [50, 70] is expected of it.",
        "Your own 7B model on 300B tokens would reach 50% [40, 60], and be better than org/take with probability 25%.",
        "The prior does not settle which of the two is better: the 90% interval of their difference holds zero.",
        f"When training would start to pay: {NEVER.reason}.",
        "The rule of thumb, no training from scratch on fewer than 1T tokens, agrees; it is no part of the reckoning.",
        "Continuing the pre-training of org/continue on 300B tokens (1,000 GPU-hours, $3,000) would lead to 55% [45, 65], "
        "and be better than org/take with probability 30%.",
        "Fine-tuning all weights of org/finetune on 300B tokens (1,000 GPU-hours, $3,000): only a race tells.",
    ]


def test_the_reasons_of_training():
    threshold = Threshold(Cost(5e22, Span(1.0, 1.0, 1.0), Span(1.0, 1.0, 1.0), ""), 2e10, 4e11)
    reasons = said([way("train", 0.7, 0.97), TAKE], 1e23, threshold)
    assert reasons[0].startswith("Your own 7B model on 300B tokens would reach 70%")
    assert reasons[1] == "Training starts to pay at 5e22 FLOPs, 20B parameters on 400B tokens: this budget is 2 times that."
    assert "would say otherwise" in reasons[2]
    assert reasons[3].startswith("org/take is free")
    assert len(reasons) == 4  # 97% is settled


@pytest.mark.parametrize(("tokens", "rule"), [(3e11, "agrees"), (2e12, "would not have objected to 2T")])
def test_the_rule_of_thumb_only_comments(tokens, rule):
    assert any(rule in reason for reason in said([way("train", 0.5, 0.25, tokens=tokens), TAKE], 1e22, NEVER))


def test_weak_small_models_and_a_tie_are_said():
    assert any("open models so small are weak" in reason for reason in said([way("train", 0.7, 0.6), TAKE], 1e22, NEVER))
    assert any("a tie within 2 points" in reason for reason in said([way("continue", 0.61, 0.55), TAKE], 1e22, NEVER))


def test_what_pays_is_not_said_to_agree_with_the_rule():
    """Training would pay, but continuing is better: the rule, which forbids it, does not agree."""
    reasons = said([way("train", 0.65, 0.6), way("continue", 0.7, 0.8), TAKE], 6e22, pays_from(THRESHOLD))
    assert reasons[0].startswith("Continuing")
    assert "So it would pay too, but more is expected of the way above." in reasons
    assert any("would say otherwise" in reason for reason in reasons)
    assert not any("agrees" in reason for reason in reasons)


def pays_from(flops: float) -> Threshold:
    return Threshold(Cost(flops, Span(1.0, 1.0, 1.0), Span(1.0, 1.0, 1.0), ""), 2e10, 4e11)


def test_larger_and_smaller_open_models_stand_beside():
    beside = {"larger": rival("org/huge", 1e11, 2e12, 0.9), "same_size": SameSize(rival("org/tiny", 7e7, 7e7, 0.2), 0.78)}
    reasons = said([way("train", 0.25, 0.01), TAKE], 1e18, NEVER, **beside)
    assert reasons[1] == (
        "Larger ones are free too, where they can be served: org/huge (100B parameters per token, 2T in memory), 90% [85, 95]."
    )
    assert reasons[3] == (
        "Of open models that compute no more for a token, org/tiny (70M) is the best expected, 20% [15, 25]: "
        "yours would be better than that with probability 78%."
    )


def test_no_model_is_recommended_as_good_that_only_guesses():
    assert (
        "is expected of it: no better than guessing (25%)."
        in said([way("train", 0.2, 0.3), way("take", 0.26)], 1e18, NEVER, guessing=0.25)[0]
    )
    assert said([way("train", 0.2, 0.3), TAKE], 1e18, NEVER, guessing=0.25)[0].endswith("is expected of it.")


def test_where_no_open_model_is_so_small():
    same = SameSize(rival("org/tiny", 7e10, 7e10, 0.2), 0.4)
    assert "No open model is so small; the smallest is org/tiny (70B), 20% [15, 25]." in said(
        [way("train", 0.2, 0.01), TAKE], 1e18, NEVER, same_size=same
    )


@pytest.mark.parametrize(("beats", "text"), [(0.001, "less than 1%"), (0.28, "28%"), (0.999, "more than 99%")])
def test_no_probability_is_certain(beats, text):
    assert said([way("train", 0.2, beats), TAKE], 1e18, NEVER)[1].endswith(f"with probability {text}.")


def test_the_lightest_that_is_as_good_is_taken_and_the_best_is_the_measure():
    reasons = said([way("train", 0.5, 0.2), way("continue", 0.615, 0.55), TAKE], 1e22, NEVER, best=rival("org/best", 5e10, 1.6e12, 0.615))
    assert (
        reasons[1] == "It is the lightest within 2 points of org/best, the best with 62% [56, 66], which keeps 1.6T parameters in memory."
    )
    assert "and be better than org/best with probability 20%." in reasons[2]
    assert any("better than org/best with probability 55%: a tie within 2 points" in reason for reason in reasons)


def test_what_was_not_learnt_is_said_beside_the_figure():
    reasons = said([way("train", 0.5, 0.2), TAKE], 1e18, NEVER, caution="No model so small was scored.", undecided="No score decides.")
    assert reasons[0] == "No score decides."
    assert reasons[reasons.index("No model so small was scored.") - 1].startswith("Your own 7B model")


def test_an_obstacle_to_training_is_said_and_forbids_it():
    ways = [way("train", 0.9, 0.9, "there is no such text"), TAKE]
    assert choose_way(ways, 6e22, THRESHOLD).action == "take"
    reasons = said(ways, 6e22, pays_from(THRESHOLD))
    assert "with probability 90%, but there is no such text." in reasons[1]
    assert any("agrees" in reason for reason in reasons)


@pytest.mark.parametrize(
    ("value", "text"),
    [(1.05e12, "1.05T"), (9.996e11, "1T"), (3.66e11, "366B"), (6.2e7, "62M"), (1500.0, "1,500"), (2.5e16, "25,000T"), (2.264e15, "2,260T")],
)
def test_tokens(value, text):
    assert tokens_text(value) == text
