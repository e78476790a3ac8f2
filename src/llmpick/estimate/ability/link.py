"""The way from the latent ability z to a score: g(z) = 1 - (1 + e^z / k)^(-k).

k = 1 is the logistic curve, k -> infinity the complementary log-log; a small k approaches the best possible score slowly, as benchmarks
do whose last questions are hard or wrong. There is no floor at chance: published scores fall below it.
"""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
HIGHEST = 30.0
"""Beyond this latent ability the score is 1 to the last digit; e^z would overflow."""
SMALLEST_SLOPE = 2e-3
NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(15)
WEIGHTS = WEIGHTS / WEIGHTS.sum()


def score(latent: Array, k: float) -> Array:
    """Latent abilities of any shape -> scores in [0, 1]."""
    return -np.expm1(-k * np.log1p(np.exp(np.minimum(latent, HIGHEST)) / k))


def slope(latent: Array, k: float) -> Array:
    """dg/dz, kept off zero so that a Newton step stays finite."""
    grown = np.exp(np.minimum(latent, HIGHEST))
    return np.maximum(grown * np.exp(-(k + 1) * np.log1p(grown / k)), SMALLEST_SLOPE)


def latent(score: Array, k: float) -> Array:
    """The inverse of `score`; a score of 0 or 1 counts as 0.02 or 0.98, whose latent ability is finite."""
    inside = np.clip(score, 0.02, 0.98)
    return np.log(k * np.expm1(-np.log1p(-inside) / k))


def mean_score(mean: Array, sd: Array, k: float) -> Array:
    """E[g(z)] of normal z, by Gauss-Hermite quadrature; arrays of one shape."""
    return score(mean[..., None] + sd[..., None] * NODES, k) @ WEIGHTS
