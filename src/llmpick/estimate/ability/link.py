"""The way from the latent ability z to a score: g(z) = f + (1 - f) (1 - (1 + e^z / k)^(-k)).

k = 1 is the logistic curve, k -> infinity the complementary log-log; a small k approaches the best possible score slowly, as benchmarks
do whose last questions are hard or wrong. f is the `floor`, what a model without any ability scores: by guessing, of multiple choice.
Functions take latent abilities or scores of any shape, and a floor for all or one for each.
"""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Floor = Array | float
HIGHEST = 30.0
"""Beyond this latent ability the score is 1 to the last digit; e^z would overflow."""
SMALLEST_SLOPE = 2e-3
LOWEST_SHARE, HIGHEST_SHARE = 0.02, 0.98
NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(15)
WEIGHTS = WEIGHTS / WEIGHTS.sum()


def score(latent: Array, k: float, floor: Floor = 0.0) -> Array:
    """Latent abilities -> scores in [floor, 1]."""
    return floor - (1.0 - floor) * np.expm1(-k * np.log1p(np.exp(np.minimum(latent, HIGHEST)) / k))


def slope(latent: Array, k: float, floor: Floor = 0.0) -> Array:
    """dg/dz, kept off zero so that a Newton step stays finite."""
    grown = np.exp(np.minimum(latent, HIGHEST))
    return np.maximum((1.0 - floor) * grown * np.exp(-(k + 1) * np.log1p(grown / k)), SMALLEST_SLOPE)


def latent(score: Array, k: float, floor: Floor = 0.0) -> Array:
    """The inverse of `score`; less than 2% of the way from the floor to 1, or more than 98%, counts as that, whose ability is finite."""
    return exact_latent(np.clip((score - floor) / (1.0 - floor), LOWEST_SHARE, HIGHEST_SHARE), k)


def exact_latent(share: Array, k: float) -> Array:
    """The inverse of `score` without a floor, inside (0, 1)."""
    return np.log(k * np.expm1(-np.log1p(-share) / k))


def mean_score(mean: Array, sd: Array, k: float, floor: Floor = 0.0) -> Array:
    """E[g(z)] of normal z, by Gauss-Hermite quadrature; arrays of one shape, one floor."""
    return score(mean[..., None] + sd[..., None] * NODES, k, floor) @ WEIGHTS
