"""Ratios of sums, such as bits per byte: their intervals, and those of their paired comparison, from units that were drawn at random.

A model's figure is all its bits over all bytes, so a long text counts for more than a short one. The ratio of two sums is not the mean
of anything, so its error is found by leaving out one unit at a time (the jackknife), on the logarithm of the ratio: the figures are
positive, and what is asked of them is relative ("one per cent fewer bits"). Student's t gets one degree of freedom less than there
are *effective* units, (sum of sizes)^2 over sum of squared sizes: with G - 1 the intervals of few and unequal units are too short. Two
models on the same units are compared by leaving out the same unit from both, so what makes a text hard for both cancels.

The units say what the interval is for. Units drawn without replacement from the user's own text (`population`): for that text, and an
exact point once all of it was seen. Units that are whole documents (`groups`): for new documents like these.

Source: jackknife variance of a ratio, Cochran, "Sampling Techniques" (1977), section 6.17; left-out clusters centred at the full
estimate, MacKinnon, Nielsen and Webb, "Fast and reliable jackknife and bootstrap methods for cluster-robust inference" (Journal of
Applied Econometrics 2023), equation 8 (CV3); the effective number of clusters, Carter, Schnepel and Steigerwald, "Asymptotic behavior of
a t-test robust to cluster heterogeneity" (Review of Economics and Statistics 2017). `tests/stats/test_ratios.py` measures the coverage.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from llmpick.evidence.values import Interval

LEAST_BITS = 1e-9
"""No model predicts a text for nothing; a smaller sum would have no logarithm."""
LARGEST_EXPONENT = 700.0
"""Of a number that can still be written."""


@dataclass(frozen=True, slots=True)
class LogRatios:
    """K ratios on the same units: `log`, shape (K,), their natural logarithms.

    `moves`, shape (K, G), is how far each moves when one unit is left out, scaled so that the squares of a row add up to the jackknife
    variance, and those of the difference of two rows to that of the paired difference. `units` is G; with one there is no interval.
    `degrees` is of freedom, infinite when all units of the population were seen.
    """

    log: NDArray[np.float64]
    moves: NDArray[np.float64]
    units: int
    degrees: float

    @property
    def exact(self) -> bool:
        """All units of the population were seen."""
        return math.isinf(self.degrees)

    def interval(self, k: int, confidence: float) -> Interval:
        """The k-th ratio itself. Raises ValueError for a single unit, of which nothing follows for others."""
        return self._exponential(float(self.log[k]), float(np.linalg.norm(self.moves[k])), confidence)

    def relative_difference(self, k: int, other: int, confidence: float) -> Interval:
        """How much more the k-th ratio is than the other one, as a share of it: 0.05 is 5% more. Raises ValueError for a single unit."""
        value = float(self.log[k] - self.log[other])
        ratio = self._exponential(value, float(np.linalg.norm(self.moves[k] - self.moves[other])), confidence)
        return Interval(ratio.value - 1, ratio.low - 1, ratio.high - 1, confidence)

    def errors_of_differences(self) -> NDArray[np.float64]:
        """Standard errors of log[k] - log[other], shape (K, K)."""
        return np.stack([np.linalg.norm(self.moves - own, axis=1) for own in self.moves])

    def reach(self, error: float) -> float:
        """How many standard errors a one-sided bound needs that is wrong with a probability of `error`."""
        if self.exact:
            return 0.0
        if self.units < 2:
            raise ValueError("an interval needs at least two units")
        return quantile(1 - error, self.degrees)

    def _exponential(self, value: float, error: float, confidence: float) -> Interval:
        reach = self.reach((1 - confidence) / 2) * error
        return Interval(math.exp(value), math.exp(value - reach), math.exp(min(value + reach, LARGEST_EXPONENT)), confidence)


def log_ratios(
    bits: NDArray[np.float64], sizes: NDArray[np.float64], *, groups: NDArray[np.int64] | None = None, population: int | None = None
) -> LogRatios:
    """`bits` over `sizes`, both of shape (K, n), for K models on the same n pieces in random order.

    `groups`, shape (n,), numbers the unit (document) of each piece; without it each piece is a unit. `population` is how many units there
    are in all, when they are drawn from a finite set without replacement. Assumes at least one piece and positive sizes.
    """
    if groups is not None:
        bits, sizes = _by_group(bits, groups), _by_group(sizes, groups)
    units = bits.shape[1]
    log = _log(bits.sum(axis=1)) - _log(sizes.sum(axis=1))
    if population == units:
        return LogRatios(log, np.zeros_like(bits), units, math.inf)
    if units < 2:
        return LogRatios(log, np.zeros_like(bits), units, 0.0)
    left_out = _log(bits.sum(axis=1, keepdims=True) - bits) - _log(sizes.sum(axis=1, keepdims=True) - sizes)
    unseen = 1.0 if population is None else 1 - units / population
    effective = float(sizes[0].sum() ** 2 / (sizes[0] ** 2).sum())
    moves = (left_out - log[:, None]) * math.sqrt(unseen * (units - 1) / units)
    return LogRatios(log, moves, units, max(effective - 1, 1.0))


def quantile(probability: float, degrees: float) -> float:
    """Of Student's t distribution."""
    from scipy.special import stdtrit  # a light part of scipy: scipy.stats takes half a second to load

    return float(stdtrit(degrees, probability))


def _by_group(values: NDArray[np.float64], groups: NDArray[np.int64]) -> NDArray[np.float64]:
    names, number = np.unique(groups, return_inverse=True)
    sums = np.zeros((len(names), len(values)))
    np.add.at(sums, number, values.T)
    return sums.T


def _log(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.log(np.maximum(sums, LEAST_BITS))
