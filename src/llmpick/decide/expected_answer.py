"""The answers of `expect` and `need` as immutable records: what published scores lead one to expect, and from what."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from llmpick.evidence.ability import PublishedScore, TaskFamily
from llmpick.evidence.values import Interval

PRIOR = "This is a prior: published benchmarks of this family, not your task. llmpick race measures it."


@dataclass(frozen=True, slots=True)
class Question:
    """What was asked: the `task` if there is one, how likely it is of which family, what speaks for that, and the languages."""

    task: str | None
    families: Mapping[TaskFamily, float]
    because: str
    languages: tuple[str, ...]
    stands_for: Mapping[TaskFamily, tuple[str, ...]]
    """The benchmarks that stand for each family; none where nobody published scores of such tasks, and its neighbours have to do."""


@dataclass(frozen=True, slots=True)
class Says:
    """How much one kind of evidence says: the 90% interval with it and all kinds before it."""

    what: str
    score: Interval


@dataclass(frozen=True, slots=True)
class ExpectedModel:
    """`score` is the mixture over families, `families` the score at each. `published` are its own scores on their benchmarks, `siblings`
    counts those of models of its line. `facts` says what of it is known, in words; `says` is empty for a model that was not named.
    `bits_per_weight`: as quantised; None is the model as published.
    """

    model: str
    parameters: float
    score: Interval
    families: Mapping[TaskFamily, Interval]
    published: tuple[PublishedScore, ...] = ()
    siblings: Mapping[str, int] | None = None
    facts: tuple[str, ...] = ()
    says: tuple[Says, ...] = ()
    bits_per_weight: float | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Expectations:
    """The models in order: as named, else the best first. `left_out` counts those of the catalog that were not listed."""

    question: Question
    models: tuple[ExpectedModel, ...]
    left_out: int = 0
    as_of: date | None = None
    notes: tuple[str, ...] = (PRIOR,)


@dataclass(frozen=True, slots=True)
class Enough:
    """A model of the catalog with the probability that it clears the target."""

    model: str
    parameters: float
    probability: float


@dataclass(frozen=True, slots=True)
class Point:
    """One size of the recipe: its expected score, and the probability that it clears the target."""

    parameters: float
    score: Interval
    probability: float


@dataclass(frozen=True, slots=True)
class Need:
    """The smallest size that clears `target` with `probability`. None in `params`: no size within reach does, or `flat`: size does not
    matter, and `rise` (score of the largest size less that of the smallest looked at) says how little. `best` is the highest probability
    with which a size clears it.

    `low` and `high` are where the probability passes 5% and 95%, or `probability` where that lies beyond; None: not within reach.
    """

    question: Question
    target: float
    probability: float
    recipe: str
    params: float | None
    low: float | None
    high: float | None
    flat: bool
    rise: Interval
    best: float
    curve: tuple[Point, ...]
    models: tuple[Enough, ...]
    reasons: tuple[str, ...]
    measured: tuple[tuple[str, float, int], ...] = ()
    """Scores of the task that were measured, and count as evidence: model, score, rows."""
    run: str | None = None
    notes: tuple[str, ...] = (PRIOR,)

    @property
    def met(self) -> bool:
        """Some size clears the target with the probability."""
        return self.best >= self.probability

    @property
    def difficulty_known(self) -> bool:
        """A task of which nothing was measured may be easy or hard; a family is what its benchmarks are."""
        return self.question.task is None or bool(self.measured)
