"""What the ability prior says of a task whose family is uncertain: scores as a mixture over families, and chances to clear a target.

Within a family the latent ability is normal, and a score a growing function of it (`estimate/ability`); a task of the family differs from
its mean by `task_covariance`. Scores of the very task that were measured condition both: the abilities (and with them those of models
that resemble the measured ones), and how likely each family is.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve
from scipy.special import ndtr, ndtri

from llmpick.estimate.ability import Abilities, link
from llmpick.evidence.ability import TaskFamily

Array = NDArray[np.float64]
LEVEL = 0.9
CASES = 400
"""Equally likely cases that stand for a normal distribution in a mixture: ends of 90% intervals are then exact to a tenth of a point."""
_QUANTILES = ndtri((np.arange(CASES) + 0.5) / CASES)
JITTER = 1e-9


@dataclass(frozen=True, slots=True)
class Weighed:
    """M models at one family, which the task is of with `probability`: `mean` (M,) and `covariance` (M, M) of the latent ability,
    the shape `link` of the curve from ability to score, and the `floor` where it begins.
    """

    probability: float
    family: TaskFamily
    mean: Array
    covariance: Array
    link: float
    floor: float = 0.0

    def only(self, models: Sequence[int]) -> "Weighed":
        """The same of some of the models, in their order."""
        at = np.asarray(models, dtype=np.int64)
        return replace(self, mean=self.mean[at], covariance=self.covariance[np.ix_(at, at)])


@dataclass(frozen=True, slots=True)
class Measured:
    """Scores of the task itself: of the models at the positions `models` (n,), mean `scores` over `rows` rows each."""

    models: NDArray[np.int64]
    scores: Array
    rows: NDArray[np.int64]


def weigh(probability: float, abilities: Abilities, *, own_task: bool) -> Weighed:
    """`own_task`: what is asked is one task of the family, and not the mean over them."""
    wider = abilities.task_covariance if own_task else 0.0
    covariance = abilities.latent_covariance + wider
    return Weighed(probability, abilities.family, abilities.latent_mean, covariance, abilities.link, abilities.floor)


def mixed(parts: Sequence[Weighed]) -> tuple[Array, Array, Array]:
    """Mean, low and high (M,) of the score at 90%, over all families."""
    cases = np.concatenate([_cases(part) for part in parts], axis=1)
    weights = np.repeat([part.probability / CASES for part in parts], CASES)
    order = np.argsort(cases, axis=1)
    ranked, weighed = np.take_along_axis(cases, order, 1), weights[order]
    middle = np.cumsum(weighed, axis=1) - weighed / 2
    low, high = (_quantile(ranked, middle, end) for end in ((1 - LEVEL) / 2, (1 + LEVEL) / 2))
    return cases @ weights, low, high


def _quantile(ranked: Array, middle: Array, end: float) -> Array:
    """Of each row of ascending cases, linear between the two whose cumulated probabilities `middle` lie around `end`."""
    after = np.clip((middle < end).sum(axis=1, keepdims=True), 1, middle.shape[1] - 1)
    (x0, x1), (p0, p1) = ([np.take_along_axis(one, at, 1)[:, 0] for at in (after - 1, after)] for one in (ranked, middle))
    return x0 + (x1 - x0) * (end - p0) / np.maximum(p1 - p0, JITTER)


def chance_above(parts: Sequence[Weighed], target: float) -> Array:
    """The probability (M,) that a model's score reaches `target`, in (0, 1)."""
    return np.sum([part.probability * _chance_above(part, target) for part in parts], axis=0)


def _chance_above(part: Weighed, target: float) -> Array:
    if target <= part.floor:
        return np.ones(len(part.mean))
    needed = link.exact_latent(np.array((target - part.floor) / (1.0 - part.floor)), part.link)
    return ndtr((part.mean - needed) / _deviation(part))


def given(parts: Sequence[Weighed], measured: Measured) -> list[Weighed]:
    """The same after `measured` was seen. A score's error is binomial over its rows; ten of ten right count as one of twelve wrong, halved
    (Laplace), so that no score is certain. The score is taken as linear in the ability about what was measured. Where guessing does worse
    than at the family's benchmarks, the floor is the least that was measured: nobody falls below it.
    """
    if not len(measured.models):
        return list(parts)
    seen = (measured.scores * measured.rows + 1) / (measured.rows + 2)
    variance = seen * (1 - seen) / (measured.rows + 2)
    fitted = [_given(part, measured.models, seen, variance) for part in parts]
    logs = np.array([np.log(part.probability) + log for (_, log), part in zip(fitted, parts, strict=True)])
    weights = np.exp(logs - logs.max())
    return [replace(part, probability=float(w)) for (part, _), w in zip(fitted, weights / weights.sum(), strict=True)]


def _given(part: Weighed, at: NDArray[np.int64], seen: Array, variance: Array) -> tuple[Weighed, float]:
    """The conditioned part, and the log density of what was seen."""
    part = replace(part, floor=min(part.floor, float(seen.min())))
    observed = _latent(seen, part)
    slope = link.slope(observed, part.link, part.floor)
    gap = observed - part.mean[at]
    noisy = part.covariance[np.ix_(at, at)] + np.diag(variance / slope**2 + JITTER)
    factor = cho_factor(noisy, lower=True)
    across = part.covariance[:, at]
    mean = part.mean + across @ cho_solve(factor, gap)
    covariance = part.covariance - across @ cho_solve(factor, across.T)
    density = -0.5 * gap @ cho_solve(factor, gap) - np.log(np.diag(factor[0])).sum() + np.log(slope).sum()
    return replace(part, mean=mean, covariance=covariance), float(density)


def _cases(part: Weighed) -> Array:
    return link.score(part.mean[:, None] + _deviation(part)[:, None] * _QUANTILES, part.link, part.floor)


def _deviation(part: Weighed) -> Array:
    return np.sqrt(np.maximum(np.diag(part.covariance), JITTER))


def _latent(score: Array, part: Weighed) -> Array:
    """The inverse of the link, for scores inside (0, 1); at the floor and below it, of what is 2% above."""
    return link.exact_latent(np.maximum((score - part.floor) / (1.0 - part.floor), link.LOWEST_SHARE if part.floor else 0.0), part.link)
