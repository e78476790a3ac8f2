"""The ability prior asked for `scale verdict`: models that could be trained beside the open models of a day."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date

import numpy as np
from numpy.typing import NDArray

from llmpick.catalog.ability import ability_evidence, ability_facts
from llmpick.decide.training_verdict import EVEN
from llmpick.estimate.ability import Abilities, expected_abilities
from llmpick.estimate.ability.comparison import probability_better
from llmpick.estimate.ability.features import line_of
from llmpick.estimate.scaling.optimal import Split
from llmpick.evidence.ability import AbilityFacts, TaskFamily
from llmpick.evidence.errors import InputError
from llmpick.evidence.model import ModelFacts
from llmpick.evidence.values import Interval

GRID, ROUNDS = 33, 3
"""Budgets looked at at once, and how often the cell of the threshold is looked at again: 32^3 cells, below 0.1% each."""
CONFIDENCE = 0.9


@dataclass(frozen=True, slots=True)
class Weighed:
    """H hypothetical models beside F free ones; `own` (H,) and `free` (F,) are positions in `abilities`.

    `taken` (H,): which free one is the best expected of at most the same serving cost; `beats` (H,): the probability to be better than it.
    """

    abilities: Abilities
    own: NDArray[np.int64]
    free: NDArray[np.int64]
    taken: NDArray[np.int64]
    beats: NDArray[np.float64]

    @property
    def own_mean(self) -> NDArray[np.float64]:
        return self.abilities.mean[self.own]

    def own_score(self, number: int) -> Interval:
        return self._score(self.own[number])

    def free_score(self, number: int) -> Interval:
        return self._score(self.free[number])

    def _score(self, position: int) -> Interval:
        a = self.abilities
        return Interval(float(a.mean[position]), float(a.low[position]), float(a.high[position]), CONFIDENCE)


@dataclass(frozen=True, slots=True)
class OpenModels:
    """The open models of a day, what the prior reads of them, and the task."""

    models: tuple[ModelFacts, ...]
    facts: tuple[AbilityFacts, ...]
    family: TaskFamily
    language: str
    mean: NDArray[np.float64]
    """The expected score of each (F,)."""

    @classmethod
    def of(cls, models: Sequence[ModelFacts], family: TaskFamily, language: str) -> "OpenModels":
        """Raises `InputError` when no model of known size is there."""
        sized = tuple(model for model in models if model.parameters_total is not None)
        if not sized:
            raise InputError("no open model was there yet", where="--as-of", remedy="name a later day")
        facts = tuple(_with_languages_of_line([ability_facts(model) for model in sized]))
        return cls(sized, facts, family, language, expected_abilities(facts, family, ability_evidence(), language=language).mean)

    @property
    def active(self) -> NDArray[np.float64]:
        return np.array([facts.active or facts.parameters for facts in self.facts])

    @property
    def most_tokens(self) -> float:
        """Of the longest training."""
        return max(facts.tokens or 0.0 for facts in self.facts)

    def weigh(
        self, hypothetical: Sequence[AbilityFacts], most_active: NDArray[np.float64], *, tuned: NDArray[np.bool_] | None = None
    ) -> Weighed:
        """`most_active` (H,) parameters bound what each is compared with; where no open model is so small, the smallest stands in.

        Each counts as the better of base model and tuned one, as the free ones do; where `tuned` (H,), as the tuned one. One without a date
        has that of the model that it must beat, which is equal know-how: what a year of progress brings comes to open models too.
        """
        within = self.active <= np.maximum(most_active, self.active.min())[:, None]
        taken = np.where(within, self.mean, -np.inf).argmax(axis=1)
        dated = [replace(one, released=one.released or self.facts[at].released) for one, at in zip(hypothetical, taken, strict=True)]
        both = [replace(one, id=f"{tuning} {i}", tuned=tuning == "tuned") for tuning in ("tuned", "base") for i, one in enumerate(dated)]
        abilities = expected_abilities([*both, *self.facts], self.family, ability_evidence(), language=self.language)
        as_tuned, as_base = np.arange(len(dated)), np.arange(len(dated), len(both))
        must = np.zeros(len(dated), dtype=bool) if tuned is None else tuned
        own = np.where(must | (abilities.mean[as_tuned] >= abilities.mean[as_base]), as_tuned, as_base)
        free = np.arange(len(both), len(abilities.models))
        return Weighed(abilities, own, free, taken, probability_better(abilities, own, free[taken]))


def _with_languages_of_line(facts: Sequence[AbilityFacts]) -> list[AbilityFacts]:
    """Where makers name no languages, those that they named of their last model of the same line (Qwen3.5: those of Qwen3)."""
    last: dict[str, tuple[str, ...]] = {}
    for one in sorted(facts, key=lambda one: one.released or date.min):
        if one.languages is not None:
            last[line_of(one.family)] = one.languages
    return [replace(one, languages=one.languages or last.get(line_of(one.family))) for one in facts]


@dataclass(frozen=True, slots=True)
class Crossing:
    """The least budget in FLOPs from which training wins up to `most`, the largest that was looked at; None if it does not win there."""

    flops: float | None
    most: float
    beats_at_most: float


def crossing(
    beats: Callable[[Split], NDArray[np.float64]],
    split: Callable[[NDArray[np.float64]], Split],
    low: float,
    high: float,
    most_tokens: float,
) -> Crossing:
    """Where `beats` passes 1/2 for good between the budgets `low` and `high`.

    Budgets that need more than `most_tokens` are left out. It is a bisection with a grid: the best free model changes with the size, so
    `beats` can cross more than once, and the last budget that does not pay is wanted, not the first that does.
    """
    most, at_most = high, 0.0
    for turn in range(ROUNDS):
        splits = split(np.geomspace(low, high, GRID))
        kept = max(int(np.sum(splits.tokens <= most_tokens * (1 + 1e-9))), 1)
        budgets, chances = splits.flops[:kept], beats(splits)[:kept]
        if turn == 0:
            most, at_most = float(budgets[-1]), float(chances[-1])
        losing = np.flatnonzero(chances < EVEN)
        if len(losing) == 0:
            return Crossing(float(budgets[0]), most, at_most)
        if losing[-1] == kept - 1:
            return Crossing(None, most, at_most)
        low, high = float(budgets[losing[-1]]), float(budgets[losing[-1] + 1])
    return Crossing(high, most, at_most)
