"""Train your own, continue or fine-tune an open model, or take one as it is: the rule, and its reasons in words.

What is free is the default. A way that costs is taken when nothing rules it out and it would more probably than not be better than the best
that is free at the same serving cost. Training from scratch must pay at every larger budget too: where it only does at sizes of which the
open models are few or weak, a larger one that is free undoes it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal, NamedTuple

from llmpick.evidence.ability import TaskFamily
from llmpick.evidence.values import Interval, Source, Unknown

Action = Literal["train", "continue", "finetune", "take"]
ACTIONS: tuple[Action, ...] = ("take", "finetune", "continue", "train")
"""The cheapest first: among ways of which equally much is expected, the earlier wins."""
EVEN = 0.5
SETTLED = 0.95
"""A probability beyond which the prior alone settles who is better: the 90% interval of the difference then leaves zero out."""
TIE = 0.02
"""Scores closer than this are a tie, as in a task, and what is free wins it: for ways that start from an open model and may gain nothing.
Training from scratch has its threshold instead."""
RULE_OF_THUMB = 1e12
"""Tokens below which nobody should train from scratch, says the rule of thumb. It decides nothing here; a reason says whether it agrees."""


class Span(NamedTuple):
    """A value with the least and the most of the evidence: no interval of a stated confidence."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Cost:
    """What a training takes, with the formula of its GPU-hours."""

    flops: float
    gpu_hours: Span
    money: Span | Unknown
    formula: str


@dataclass(frozen=True, slots=True)
class Rival:
    """An open model that is there. `active` parameters are its serving cost; `score` is what the prior expects of it."""

    model: str
    active: float
    total: float
    tokens: float | None
    released: date | None
    licence: str | None
    commercial: Literal["yes", "no", "conditions"] | None
    score: Interval


@dataclass(frozen=True, slots=True)
class Way:
    """One way to a model. `model` is what it starts from, None from scratch; `tokens` it would be trained on, 0 for one that is taken.

    `score` is expected of the result; `beats` the probability that it is better than what would be taken, None of that one itself and
    where the prior cannot tell; `obstacle` what rules it out whatever the prior says.
    """

    action: Action
    model: str | None
    params: float
    tokens: float
    cost: Cost | None
    score: Interval
    beats: float | None
    obstacle: str | None = None


@dataclass(frozen=True, slots=True)
class LawSplit:
    """What one law makes of the budget, and what the prior expects of that model."""

    law: str
    params: float
    tokens: float
    loss: float
    score: Interval
    beats: float


@dataclass(frozen=True, slots=True)
class Bought:
    """What the budget buys: the best split by `law`, with the interval of its loss; `others` by other laws.

    `beats` is a span over the range of `flops`, which is that of the MFU and of the rent.
    """

    gpu_hours: Span
    money: Span | Unknown
    mfu: Span
    flops: Span
    formula: str
    law: str
    corpus: str
    params: float
    tokens: float
    loss: Interval
    score: Interval
    beats: Span
    others: tuple[LawSplit, ...]


@dataclass(frozen=True, slots=True)
class Threshold:
    """The least budget from which training pays, at every larger one too, and the model that it buys."""

    cost: Cost
    params: float
    tokens: float


@dataclass(frozen=True, slots=True)
class TrainingVerdict:
    """`rivals` are the first of `rival_count` open models with at most `serving_params` active parameters, the best expected first.

    `searched_flops` is the largest budget in which the threshold was looked for, `searched_beats` the probability there that training wins.
    """

    action: Action
    chosen: Way
    reasons: tuple[str, ...]
    family: TaskFamily
    language: str
    as_of: date | None
    device: str
    served_tokens: float | None
    bought: Bought
    serving_params: float
    ways: tuple[Way, ...]
    rivals: tuple[Rival, ...]
    rival_count: int
    threshold: Threshold | Unknown
    searched_flops: float
    searched_beats: float
    notes: tuple[str, ...]
    sources: tuple[Source, ...]


def choose_way(ways: Sequence[Way], flops: float, threshold: float | None) -> Way:
    """The way of which most is expected among `take` and those that pay. `threshold` None: training never pays."""
    taken = next(way for way in ways if way.action == "take")
    good = [way for way in ways if way is taken or _pays(way, taken, flops, threshold)]
    return max(good, key=lambda way: (way.score.value, -ACTIONS.index(way.action)))


def verdict_reasons(chosen: Way, ways: Sequence[Way], flops: float, threshold: Threshold | Unknown, task: str) -> tuple[str, ...]:
    """Why the chosen way, then why not each of the others; `task` names the family and language."""
    named = {way.action: way for way in ways}
    order = sorted(ways, key=lambda way: (way is not chosen, -ACTIONS.index(way.action)))
    said = [sentence for way in order for sentence in _about(way, chosen, named["take"], flops, threshold, task)]
    return tuple(said)


def tokens_text(value: float) -> str:
    """1.05e12 → "1.05T", 366e9 → "366B", 62e6 → "62M": three digits at most."""
    unit, size = next(((unit, size) for unit, size in (("T", 1e12), ("B", 1e9), ("M", 1e6)) if value >= 0.9995 * size), ("", 1.0))
    return f"{value / size:.3g}{unit}"


def _pays(way: Way, taken: Way, flops: float, threshold: float | None) -> bool:
    if way.obstacle is not None or way.beats is None or way.beats < EVEN:
        return False
    if way.action == "train":
        return threshold is not None and flops >= threshold
    return not _tied(way, taken)


def _tied(way: Way, taken: Way) -> bool:
    return way.score.value - taken.score.value <= TIE


def _about(way: Way, chosen: Way, taken: Way, flops: float, threshold: Threshold | Unknown, task: str) -> Iterator[str]:
    if way.action == "take":
        yield f"{way.model} is free, and at {task} {_score(way)} is expected of it."
    elif way.action == "train":
        yield from _about_training(way, chosen, taken, flops, threshold)
    elif way.obstacle is not None:
        yield f"{_doing(way)}: {way.obstacle}."
    elif way.beats is not None:
        tie = ": a tie within 2 points, which what is free wins" if way.beats >= EVEN and _tied(way, taken) else ""
        yield f"{_doing(way)} would lead to {_score(way)}, {_better(way.beats, taken)}{tie}."


def _doing(way: Way) -> str:
    assert way.cost is not None
    money = "" if isinstance(way.cost.money, Unknown) else f", ${_whole(way.cost.money.value)}"
    doing = "Continuing the pre-training of" if way.action == "continue" else "Fine-tuning"
    return f"{doing} {way.model} on {tokens_text(way.tokens)} tokens ({_whole(way.cost.gpu_hours.value)} GPU-hours{money})"


def _whole(value: float) -> str:
    """Of hours and dollars: 1,234 and 0.5."""
    return f"{value:,.0f}" if value >= 10 else f"{value:.2g}"


def _about_training(way: Way, chosen: Way, taken: Way, flops: float, threshold: Threshold | Unknown) -> Iterator[str]:
    assert way.beats is not None
    made = f"Your own {tokens_text(way.params)} model on {tokens_text(way.tokens)} tokens would reach {_score(way)}"
    yield f"{made}, {_better(way.beats, taken)}."
    if isinstance(threshold, Unknown):
        yield f"When training would start to pay: {threshold.reason}."
    else:
        starts = f"{threshold.cost.flops:.3g} FLOPs, {tokens_text(threshold.params)} parameters on {tokens_text(threshold.tokens)} tokens"
        yield f"Training starts to pay at {starts}: this budget is {flops / threshold.cost.flops:.2g} times that."
    if chosen is not way and way.beats >= EVEN and (isinstance(threshold, Unknown) or flops < threshold.cost.flops):
        yield "At this size it would probably win, as open models so small are weak; larger ones are free, and training one loses."
    few = way.tokens < RULE_OF_THUMB
    if few:
        agrees = "agrees" if chosen is not way else "would say otherwise"
        yield f"The rule of thumb, no training from scratch on fewer than 1T tokens, {agrees}; it is no part of the reckoning."
    elif chosen is not way:
        yield f"The rule of thumb, no training from scratch on fewer than 1T tokens, would not have objected to {tokens_text(way.tokens)}."
    if 1 - SETTLED < way.beats < SETTLED:
        yield "The prior alone does not settle it: the 90% interval of the difference holds zero."


def _better(beats: float, taken: Way) -> str:
    return f"and be better than {taken.model} with probability {beats:.0%}"


def _score(way: Way) -> str:
    return f"{way.score.value:.0%} [{100 * way.score.low:.0f}, {100 * way.score.high:.0f}]"
