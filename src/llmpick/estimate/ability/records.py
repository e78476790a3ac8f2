"""What the ability prior is given: scores, facts of the scored models, what each benchmark stands for, and fitted numbers."""

from collections.abc import Mapping
from dataclasses import dataclass

from llmpick.evidence.ability import AbilityFacts, PublishedScore, TaskFamily


@dataclass(frozen=True, slots=True)
class Benchmark:
    """`skill` groups benchmarks that rise and fall together; `language` is that of its questions, `multi` for many."""

    skill: str
    language: str


@dataclass(frozen=True, slots=True)
class Standing:
    """What speaks for a family of tasks: `benchmarks` that consist of such tasks.

    Where nobody published such scores, `benchmarks` is empty, and the family is a new benchmark of `skill`: known by its neighbours only.
    """

    skill: str
    benchmarks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Quantized:
    """What rounding the weights costs of latent ability: `loss` 2^(-`rate` bits) (parameters / 7e9)^(-`size`).

    `spread` is the standard deviation of measured losses about that, which the noise of the measurements is part of.
    """

    loss: float
    rate: float
    size: float
    spread: float


@dataclass(frozen=True, slots=True)
class Hyperparameters:
    """The numbers fitted by marginal likelihood.

    `amplitudes`: level -> term -> standard deviation of the latent ability; `noise`: standard deviation of one published score in [0, 1];
    `shapes`: the constants of `features` and `kernel` by name; `link`: the shape of the curve from ability to score.
    """

    amplitudes: Mapping[str, Mapping[str, float]]
    shapes: Mapping[str, float]
    noise: float
    link: float


@dataclass(frozen=True, slots=True, eq=False)
class AbilityEvidence:
    """All that the prior knows. Compared by identity, so that what is learnt from it can be kept."""

    facts: tuple[AbilityFacts, ...]
    scores: tuple[PublishedScore, ...]
    benchmarks: Mapping[str, Benchmark]
    families: Mapping[TaskFamily, Standing]
    hyper: Hyperparameters
    quantized: Quantized | None = None
