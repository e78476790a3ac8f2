"""The ability prior asked for `scale verdict`: models that could be trained beside the open models of a day."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from llmpick.catalog.ability import ability_evidence, ability_facts
from llmpick.decide.training_verdict import EVEN
from llmpick.estimate.ability import Abilities, AbilityEvidence, expected_abilities
from llmpick.estimate.ability.comparison import probability_better
from llmpick.estimate.scaling.optimal import Split
from llmpick.evidence.ability import AbilityFacts, TaskFamily
from llmpick.evidence.errors import InputError
from llmpick.evidence.model import ModelFacts
from llmpick.evidence.values import Interval

GRID, ROUNDS = 33, 3
"""Budgets looked at at once, and how often the cell of the threshold is looked at again: 32^3 cells, below 0.1% each."""
CONFIDENCE = 0.9
ROUNDLY = 1.05
"""What is called 8B has up to 8.2B parameters, and who can serve 8B means those."""
GENERAL = (TaskFamily.KNOWLEDGE, TaskFamily.REASONING, TaskFamily.INSTRUCTIONS, TaskFamily.CHAT)
"""Families whose mean orders models where the one that is asked does not separate them."""


@dataclass(frozen=True, slots=True)
class Weighed:
    """H hypothetical models beside F free ones; `own` (H,) and `free` (F,) are positions in `abilities`.

    `taken` (H,): which free one is the best of those that can be served; `beats` (H,): the probability to be better than it.
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

    def beats_free(self, number: int, at: int) -> float:
        """The probability that hypothetical model `number` is better than the free one `at`."""
        return float(probability_better(self.abilities, self.own[[number]], self.free[[at]])[0])

    def _score(self, position: int) -> Interval:
        a = self.abilities
        return Interval(float(a.mean[position]), float(a.low[position]), float(a.high[position]), CONFIDENCE)


@dataclass(frozen=True, slots=True)
class OpenModels:
    """The open models of a day, what the prior reads of them, and the task.

    `mean` (F,) is the expected score of each, and `merit` (F,) what they are ordered by: the same, or what is expected in general where the
    prior does not separate models at the family (`separates`).
    """

    models: tuple[ModelFacts, ...]
    facts: tuple[AbilityFacts, ...]
    family: TaskFamily
    language: str
    mean: NDArray[np.float64]
    merit: NDArray[np.float64]
    separates: bool

    @classmethod
    def of(cls, models: Sequence[ModelFacts], family: TaskFamily, language: str) -> "OpenModels":
        """Raises `InputError` when no model of known size is there."""
        sized = tuple(model for model in models if model.parameters_total is not None)
        if not sized:
            raise InputError("no open model was there yet", where="--as-of", remedy="name a later day")
        facts = tuple(ability_facts(model) for model in sized)
        abilities, separated = expected_abilities(facts, family, ability_evidence(), language=language), True
        merit = abilities.mean
        if not separates(abilities):
            in_general = [expected_abilities(facts, one, ability_evidence(), language=language).mean for one in GENERAL]
            merit, separated = np.mean(in_general, axis=0), False
        return cls(sized, facts, family, language, abilities.mean, merit, separated)

    @property
    def active(self) -> NDArray[np.float64]:
        return np.array([facts.active or facts.parameters for facts in self.facts])

    def servable(self, most_active: NDArray[np.float64], everyday: float) -> NDArray[np.bool_]:
        """Which of them (H, F) have no more active parameters than `most_active` (H,), or no more in all than `everyday`.

        Sizes are named roundly, so `ROUNDLY` more is no more. Where none is so small, the smallest stands in.
        """
        total = np.array([facts.parameters for facts in self.facts])
        return (self.active <= ROUNDLY * np.maximum(most_active, self.active.min())[:, None]) | (total <= ROUNDLY * everyday)

    def best(self, allowed: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Of the allowed ones (..., F) that of which most is expected (...)."""
        return np.where(allowed, self.merit, -np.inf).argmax(axis=-1)

    @property
    def most_tokens(self) -> float:
        """Of the longest training."""
        return max(facts.tokens or 0.0 for facts in self.facts)

    def weigh(self, hypothetical: Sequence[AbilityFacts], allowed: NDArray[np.bool_], *, tuned: NDArray[np.bool_] | None = None) -> Weighed:
        """`allowed` (H, F): the free models that each is compared with.

        Each counts as the better of base model and tuned one, as the free ones do; where `tuned` (H,), as the tuned one. One without a date
        has that of the model that it must beat, which is equal know-how: what a year of progress brings comes to open models too.
        """
        taken = self.best(allowed)
        dated = [replace(one, released=one.released or self.facts[at].released) for one, at in zip(hypothetical, taken, strict=True)]
        both = [replace(one, id=f"{tuning} {i}", tuned=tuning == "tuned") for tuning in ("tuned", "base") for i, one in enumerate(dated)]
        abilities = expected_abilities([*both, *self.facts], self.family, ability_evidence(), language=self.language)
        as_tuned, as_base = np.arange(len(dated)), np.arange(len(dated), len(both))
        must = np.zeros(len(dated), dtype=bool) if tuned is None else tuned
        own = np.where(must | (abilities.mean[as_tuned] >= abilities.mean[as_base]), as_tuned, as_base)
        free = np.arange(len(both), len(abilities.models))
        return Weighed(abilities, own, free, taken, probability_better(abilities, own, free[taken]))


def separates(abilities: Abilities) -> bool:
    """Whether what is expected of models differs by more than it is uncertain of one: else most of an order is noise.

    In terms of test theory, whether the reliability of an order by the expected abilities is at least 1/2.
    """
    uncertain = np.sqrt(np.median(np.diag(abilities.latent_covariance)))
    return float(np.std(abilities.latent_mean)) >= float(uncertain)


@dataclass(frozen=True, slots=True)
class Learnt:
    """How small and how large the models are that were scored at a family, on how few and many tokens they were trained, and their number.

    Where not `exactly`, nobody published scores of the family, and all scored models stand in. `chance` is the score of guessing.
    """

    models: int
    params: tuple[float, float]
    tokens: tuple[float, float]
    chance: float
    exactly: bool


def learnt_of(evidence: AbilityEvidence, family: TaskFamily, language: str) -> Learnt:
    """Of the benchmarks that stand for the family in the language, else of all that do."""
    standing = evidence.families[family].benchmarks
    spoken = {name for name in standing if evidence.benchmarks[name].language == language} or set(standing)
    scored = {score.model for score in evidence.scores if not spoken or score.benchmark in spoken}
    facts = [one for one in evidence.facts if one.id in scored]
    params, tokens = [one.parameters for one in facts], [one.tokens for one in facts if one.tokens]
    chance = float(np.mean([evidence.benchmarks[name].chance for name in spoken])) if spoken else 0.0
    return Learnt(len(facts), (min(params), max(params)), (min(tokens), max(tokens)), chance, bool(spoken))


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
