"""What the ability prior is given: scores, facts of the scored models, what each benchmark stands for, and fitted numbers."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from llmpick.evidence.ability import AbilityFacts, PublishedScore, TaskFamily


@dataclass(frozen=True, slots=True)
class Benchmark:
    """`skill` groups benchmarks that rise and fall together; `language` is that of its questions, `multi` for many.

    `chance` is the score of guessing: one over the number of options of multiple choice, else 0.
    """

    skill: str
    language: str
    chance: float = 0.0


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
    `shapes`: the constants of `features` and `kernel` by name; `link`: the shape of the curve from ability to score; `floor`: where it
    begins, as a share of chance (published scores fall a little below chance).
    """

    amplitudes: Mapping[str, Mapping[str, float]]
    shapes: Mapping[str, float]
    noise: float
    link: float
    floor: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class AbilityEvidence:
    """All that the prior knows. Compared by identity, so that what is learnt from it can be kept.

    `modes`: score -> its latent ability as it was once found, from where it is found again in fewer steps; it changes no answer.
    """

    facts: tuple[AbilityFacts, ...]
    scores: tuple[PublishedScore, ...]
    benchmarks: Mapping[str, Benchmark]
    families: Mapping[TaskFamily, Standing]
    hyper: Hyperparameters
    quantized: Quantized | None = None
    modes: Mapping[PublishedScore, float] = field(default_factory=dict)
