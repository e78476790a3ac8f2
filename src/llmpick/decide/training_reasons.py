"""The reasons of `scale verdict` in words: why the chosen way, and why not each of the others."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from llmpick.decide.training_verdict import (
    ACTIONS,
    EVEN,
    RULE_OF_THUMB,
    SETTLED,
    TIE,
    Rival,
    SameSize,
    Threshold,
    Way,
    pays,
    tied,
    tokens_text,
)
from llmpick.evidence.values import Interval, Unknown


@dataclass(frozen=True, slots=True)
class Question:
    """What the ways are weighed for: `task` names the family and language, `flops` is the budget. The others are as in the verdict.

    The other ways are compared with `best`, the best of the open models; the one to take may be a lighter one that is as good.
    `caution` says what of the own model the prior has not learnt, `guessing` the score of guessing at the task.
    """

    task: str
    flops: float
    threshold: Threshold | Unknown
    best: Rival
    same_size: SameSize | None = None
    larger: Rival | None = None
    undecided: str | None = None
    caution: str | None = None
    guessing: float = 0.0

    @property
    def pays_from(self) -> float | None:
        return None if isinstance(self.threshold, Unknown) else self.threshold.cost.flops


def verdict_reasons(chosen: Way, ways: Sequence[Way], question: Question) -> tuple[str, ...]:
    """Why the chosen way, then why not each of the others."""
    taken = next(way for way in ways if way.action == "take")
    order = sorted(ways, key=lambda way: (way is not chosen, -ACTIONS.index(way.action)))
    said = [sentence for way in order for sentence in _about(way, chosen, taken, question)]
    return tuple([question.undecided, *said] if question.undecided else said)


def score_text(score: Interval) -> str:
    return f"{score.value:.0%} [{100 * score.low:.0f}, {100 * score.high:.0f}]"


def chance_text(chance: float) -> str:
    """28%, and never 0% or 100%."""
    return "less than 1%" if chance < 0.005 else "more than 99%" if chance > 0.995 else f"{chance:.0%}"


def _about(way: Way, chosen: Way, taken: Way, question: Question) -> Iterator[str]:
    if way.action == "take":
        guess = f": no better than guessing ({question.guessing:.0%})" if way.score.value < question.guessing + TIE else ""
        yield f"{way.model} is free, and at {question.task} {score_text(way.score)} is expected of it{guess}."
        yield from _about_the_best(way, question)
        yield from _about_larger(question.larger)
    elif way.action == "train":
        yield from _about_training(way, chosen, taken, question)
    elif way.obstacle is not None:
        yield f"{_doing(way)}: {way.obstacle}."
    elif way.beats is not None:
        tie = ": a tie within 2 points, which what is free wins" if way.beats >= EVEN and tied(way, question.best.score) else ""
        yield f"{_doing(way)} would lead to {score_text(way.score)}, {_better(way.beats, question.best)}{tie}."


def _about_the_best(way: Way, question: Question) -> Iterator[str]:
    best = question.best
    if way.model != best.model:
        best_at = "which is the best in general and" if question.undecided else f"the best with {score_text(best.score)}, which"
        yield f"It is the lightest within 2 points of {best.model}, {best_at} keeps {tokens_text(best.total)} parameters in memory."


def _about_larger(larger: Rival | None) -> Iterator[str]:
    if larger is not None:
        size = f"{tokens_text(larger.active)} parameters per token"
        size += "" if larger.total == larger.active else f", {tokens_text(larger.total)} in memory"
        yield f"Larger ones are free too, where they can be served: {larger.model} ({size}), {score_text(larger.score)}."


def _doing(way: Way) -> str:
    assert way.cost is not None
    money = "" if isinstance(way.cost.money, Unknown) else f", ${_whole(way.cost.money.value)}"
    doing = "Continuing the pre-training of" if way.action == "continue" else "Fine-tuning all weights of"
    return f"{doing} {way.model} on {tokens_text(way.tokens)} tokens ({_whole(way.cost.gpu_hours.value)} GPU-hours{money})"


def _whole(value: float) -> str:
    """Of hours and dollars: 1,234 and 0.5."""
    return f"{value:,.0f}" if value >= 10 else f"{value:.2g}"


def _about_training(way: Way, chosen: Way, taken: Way, question: Question) -> Iterator[str]:
    assert way.beats is not None
    made = f"Your own {tokens_text(way.params)} model on {tokens_text(way.tokens)} tokens"
    but = f", but {way.obstacle}" if way.obstacle else ""
    yield f"{made} would reach {score_text(way.score)}, {_better(way.beats, question.best)}{but}."
    if question.caution:
        yield question.caution
    if 1 - SETTLED < way.beats < SETTLED:
        yield "The prior does not settle which of the two is better: the 90% interval of their difference holds zero."
    yield from _about_size(question.same_size, way.params)
    yield from _about_threshold(way, chosen, question)
    yield from _about_the_rule(way, pays(way, taken, question.flops, question.pays_from))


def _about_size(same: SameSize | None, params: float) -> Iterator[str]:
    if same is not None:
        rival = same.rival
        if rival.active > 2 * params:
            yield f"No open model is so small; the smallest is {rival.model} ({tokens_text(rival.active)}), {score_text(rival.score)}."
            return
        yield (
            f"Of open models that compute no more for a token, {rival.model} ({tokens_text(rival.active)}) is the best expected, "
            f"{score_text(rival.score)}: yours would be better than that with probability {chance_text(same.beats)}."
        )


def _about_threshold(way: Way, chosen: Way, question: Question) -> Iterator[str]:
    assert way.beats is not None
    threshold = question.threshold
    if isinstance(threshold, Unknown):
        yield f"When training would start to pay: {threshold.reason}."
    else:
        starts = (
            f"{_flops(threshold.cost.flops)} FLOPs, {tokens_text(threshold.params)} parameters on {tokens_text(threshold.tokens)} tokens"
        )
        yield f"Training starts to pay at {starts}: this budget is {question.flops / threshold.cost.flops:.2g} times that."
    reached = question.pays_from is not None and question.flops >= question.pays_from
    if chosen is way or way.beats < EVEN or way.obstacle is not None:
        return
    if reached:
        yield "So it would pay too, but more is expected of the way above."
    else:
        yield "At this size it would probably win, as open models so small are weak; larger ones are free, and training one loses."


def _about_the_rule(way: Way, pays_off: bool) -> Iterator[str]:
    rule = "The rule of thumb, no training from scratch on fewer than 1T tokens,"
    if way.tokens < RULE_OF_THUMB:
        yield f"{rule} {'would say otherwise' if pays_off else 'agrees'}; it is no part of the reckoning."
    elif not pays_off:
        yield f"{rule} would not have objected to {tokens_text(way.tokens)}."


def _better(beats: float, best: Rival) -> str:
    return f"and be better than {best.model} with probability {chance_text(beats)}"


def _flops(value: float) -> str:
    return f"{value:.3g}".replace("e+", "e")
