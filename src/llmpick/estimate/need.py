"""The smallest size of model that clears a target: one recipe (family, tokens, day, tuning) at many sizes, through the ability prior.

At each size the score is uncertain, so it clears the target with a probability, which grows with the size. The sizes where it passes 5%,
the wanted probability and 95% are the answer. Where the expected score hardly grows, the task is flat, and a larger model buys nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import median

import numpy as np
from numpy.typing import NDArray

from llmpick.estimate.ability import link
from llmpick.estimate.expected_task import LEVEL, Weighed, chance_above
from llmpick.evidence.ability import AbilityFacts
from llmpick.evidence.values import Interval

Array = NDArray[np.float64]
SMALLEST, LARGEST = 0.1e9, 1e12
"""Sizes that are looked at: what runs on a phone, and about the largest dense equivalent of a model that can be had."""
STEPS_PER_DECADE = 12
FLAT_FROM, FLAT_TO = 3e9, 70e9
FLAT = 0.03
"""A task is flat when from 3B to 70B the expected score rises by less: the same model is reported three points apart by one maker in 18
of 164 pairs of posts, so that published scores could not show a smaller rise. Below 3B nearly everything rises."""
LOW, HIGH = 0.05, 0.95
CASES, SEED = 2000, 0
"""Draws from the joint distribution at the two ends of the rise, for its interval."""


@dataclass(frozen=True, slots=True)
class Clearing:
    """`chance` (S,) at each of the `sizes`; `at`, `low`, `high`: where it passes the wanted one, 5% and 95%; None: not by the largest.
    Where less than 5% or more than 95% is wanted, `low` or `high` is `at`: it is never outside of them.

    `rise`: of the score from 3B to 70B, with 90%.
    """

    sizes: Array
    chance: Array
    at: float | None
    low: float | None
    high: float | None
    rise: Interval

    @property
    def flat(self) -> bool:
        return self.rise.value < FLAT


def sizes() -> Array:
    """Sizes (S,) in equal steps of their logarithm, in parameters."""
    count = round(np.log10(LARGEST / SMALLEST) * STEPS_PER_DECADE) + 1
    return np.geomspace(SMALLEST, LARGEST, count)


def recipe_of(models: Sequence[AbilityFacts]) -> AbilityFacts:
    """What the models of one family have in common: the median of days and tokens, languages of the newest; `at_sizes` sets its size."""
    tokens = [one.tokens for one in models if one.tokens is not None]
    dated = sorted((one for one in models if one.released is not None), key=lambda one: str(one.released))
    newest = dated[-1] if dated else models[-1]
    return replace(
        newest,
        tokens=median(tokens) if tokens else None,
        released=dated[len(dated) // 2].released if dated else None,
        active=None,
        bits_per_weight=None,
    )


def at_sizes(recipe: AbilityFacts, wanted: Array) -> list[AbilityFacts]:
    """The recipe as a dense model of each size; none of them is a model that exists."""
    return [replace(recipe, id=f"{recipe.family} at {size:.4g}", parameters=float(size)) for size in wanted]


def clearing(parts: Sequence[Weighed], wanted: Array, target: float, probability: float) -> Clearing:
    """`parts` hold the recipe at the sizes `wanted` (S,), ascending; target and probability inside (0, 1)."""
    chance = np.maximum.accumulate(chance_above(parts, target))
    at, low, high = (_passes(wanted, chance, one) for one in (probability, min(LOW, probability), max(HIGH, probability)))
    return Clearing(wanted, chance, at, low, high, _rise(parts, wanted))


def _passes(wanted: Array, chance: Array, level: float) -> float | None:
    """The size at which the chance passes the level, linear between two sizes' logarithms; the smallest where it is above from there on."""
    above = np.flatnonzero(chance >= level)
    if not len(above):
        return None
    k = int(above[0])
    if k == 0:
        return float(wanted[0])
    share = (level - chance[k - 1]) / (chance[k] - chance[k - 1])
    return float(np.exp(np.log(wanted[k - 1]) + share * np.log(wanted[k] / wanted[k - 1])))


def _rise(parts: Sequence[Weighed], wanted: Array) -> Interval:
    """Of the score between the sizes nearest to 3B and 70B, whose errors go together."""
    ends = [int(np.argmin(np.abs(np.log(wanted / size)))) for size in (FLAT_FROM, FLAT_TO)]
    rng = np.random.default_rng(SEED)
    normal = rng.standard_normal((CASES, 2))
    draws, weights = list[Array](), list[Array]()
    for part in parts:
        two = part.only(ends)
        values, vectors = np.linalg.eigh(two.covariance)
        latent = two.mean + normal @ (vectors * np.sqrt(np.maximum(values, 0.0))).T
        scores = link.score(latent, two.link, two.floor)
        draws.append(scores[:, 1] - scores[:, 0])
        weights.append(np.full(CASES, part.probability / CASES))
    rises, weight = np.concatenate(draws), np.concatenate(weights)
    order = np.argsort(rises)
    below = np.cumsum(weight[order])
    low, high = (float(rises[order][min(np.searchsorted(below, end), len(order) - 1)]) for end in ((1 - LEVEL) / 2, (1 + LEVEL) / 2))
    return Interval(float(np.clip(rises @ weight, low, high)), low, high, LEVEL)
