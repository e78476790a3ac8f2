"""Train your own, continue or fine-tune an open model, or take one as it is: the rule, and what the answer holds.

What is free is the default. A way that costs is taken when nothing rules it out and it would more probably than not be better than the best
that is free at the same serving cost. Training from scratch must pay at every larger budget too: where it only does at sizes of which the
open models are few or weak, a larger one that is free undoes it. The reasons in words are in `training_reasons.py`.
"""

from collections.abc import Sequence
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
EVERYDAY = 8e9
"""Parameters in all of a model that anybody can serve: its weights in 4 bits take 4 to 5 GB, which a computer of 8 GB holds."""
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
class SameSize:
    """The best expected of the open models that compute no more for a token than the own one, and the probability `beats` to be better."""

    rival: Rival
    beats: float


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
    """`rivals` are the first of `rival_count` open models that can be served, the best expected first.

    They compute with at most `serving_params` active parameters, or have at most `everyday_params` in all (0: where the user said what can
    be served). `same_size` is the best of those as small as the own one where that is not the best that can be served; `larger` the best of
    all, where much more is expected of it. `licence` is that of the chosen model, and `commercial` whether it allows such use.
    `undecided` says why the prior does not separate models at this task, if it does not. `searched_flops` is the largest budget in which
    the threshold was looked for, `searched_beats` the probability there that training wins. `next_steps` are commands.
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
    everyday_params: float
    same_size: SameSize | None
    larger: Rival | None
    licence: str | None
    commercial: Literal["yes", "no", "conditions"] | None
    undecided: str | None
    ways: tuple[Way, ...]
    rivals: tuple[Rival, ...]
    rival_count: int
    threshold: Threshold | Unknown
    searched_flops: float
    searched_beats: float
    next_steps: tuple[str, ...]
    notes: tuple[str, ...]
    sources: tuple[Source, ...]


def choose_way(ways: Sequence[Way], flops: float, threshold: float | None) -> Way:
    """The way of which most is expected among `take` and those that pay. `threshold` None: training never pays."""
    taken = next(way for way in ways if way.action == "take")
    good = [way for way in ways if way is taken or pays(way, taken, flops, threshold)]
    return max(good, key=lambda way: (way.score.value, -ACTIONS.index(way.action)))


def tokens_text(value: float) -> str:
    """1.05e12 → "1.05T", 366e9 → "366B", 62e6 → "62M", 2.5e16 → "25,000T": three digits that count."""
    unit, size = next(((unit, size) for unit, size in (("T", 1e12), ("B", 1e9), ("M", 1e6)) if value >= 0.9995 * size), ("", 1.0))
    return f"{float(f'{value / size:.3g}'):,.15g}{unit}"


def pays(way: Way, taken: Way, flops: float, threshold: float | None) -> bool:
    """Whether a way that costs is better than what is free, with nothing against it."""
    if way.obstacle is not None or way.beats is None or way.beats < EVEN:
        return False
    if way.action == "train":
        return threshold is not None and flops >= threshold
    return not tied(way, taken.score)


def tied(way: Way, free: Interval) -> bool:
    return way.score.value - free.value <= TIE


def _pays(way: Way, taken: Way, flops: float, threshold: float | None) -> bool:
    if way.obstacle is not None or way.beats is None or way.beats < EVEN:
        return False
    if way.action == "train":
        return threshold is not None and flops >= threshold
    return not _tied(way, taken)


def _tied(way: Way, taken: Way) -> bool:
    return way.score.value - taken.score.value <= TIE
