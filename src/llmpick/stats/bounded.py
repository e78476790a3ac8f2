"""The mean of graded scores in [0, 1] for new inputs like the rows, however skewed: most near 0 and sometimes 1, or the other way round.

Student's t is too sure of such scores: of the judged answers of AlpacaEval its 95% interval holds in 71% of samples of 20 rows and in 91%
of samples of 100, since a sample without the rare rows shows no spread. Here each row has a random weight (the Bayesian bootstrap: Rubin,
Annals of Statistics 9, 1981), and beside the rows stands half a row at either end, for what was not seen. The weights are Dirichlet, so for
scores of 0 and 1 it is the interval of Jeffreys, Beta(k + 1/2, n - k + 1/2), whose coverage is right on average (Brown, Cai and DasGupta,
Statistical Science 16, 2001). Nothing is drawn: a Dirichlet mean is below q where a sum of gamma variables is below 0, and the probability
of that has a saddlepoint approximation (Lugannani and Rice, Advances in Applied Probability 12, 1980), here in the form of
Barndorff-Nielsen: the ends are off by two hundredths of the interval's width at most.
"""

import math

import numpy as np
from numpy.typing import NDArray

from llmpick.evidence.values import Interval

END_ROWS = 0.5
"""Weight of the imagined row at each end: that of Jeffreys' prior for a share."""
_FURTHEST = 60.0
_HALVINGS = 32


def bounded_mean(scores: NDArray[np.float64], *, confidence: float) -> Interval:
    """The mean of scores in [0, 1], shape (n,), n >= 1, for new inputs, from rows that are drawn independently; looked at once."""
    return weighted_mean(scores, np.ones(len(scores)), confidence=confidence)


def weighted_mean(scores: NDArray[np.float64], times: NDArray[np.float64], *, confidence: float) -> Interval:
    """The same of scores that count `times` rows each, shape (n,): the means of clusters, say, by their shares of all rows."""
    from scipy.special import ndtri  # scipy.special is loaded only where there is something to compute

    values, weights = _with_ends(scores, times)
    mean, z = float(np.average(scores, weights=times)), float(ndtri((1 + confidence) / 2))
    return Interval(mean, min(_limit(values, weights, -z), mean), max(_limit(values, weights, z), mean), confidence)


def bounded_p(scores: NDArray[np.float64], times: NDArray[np.float64], null_mean: float) -> float:
    """The least error at which the interval of `weighted_mean` leaves `null_mean`, in (0, 1), out."""
    from scipy.special import ndtr

    values, weights = _with_ends(scores, times)
    mean = float(np.average(scores, weights=times))
    low, high = -_FURTHEST, _FURTHEST
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (low, middle) if _tilted(values, weights, middle)[0] > null_mean else (middle, high)
    z = _tilted(values, weights, (low + high) / 2)[1]
    inside = null_mean == mean or (z > 0) != (null_mean > mean)  # the interval always holds the mean itself
    return 1.0 if inside else float(2 * ndtr(-abs(z)))


def _with_ends(scores: NDArray[np.float64], times: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Each value once, with its weight, and the imagined rows at both ends."""
    levels, index = np.unique(scores, return_inverse=True)
    return np.concatenate([levels, [0.0, 1.0]]), np.concatenate([np.bincount(index, times), [END_ROWS, END_ROWS]])


def _limit(values: NDArray[np.float64], weights: NDArray[np.float64], z: float) -> float:
    """The q below which the weighted mean is with the probability that a standard normal variable is below z."""
    low, high = -_FURTHEST, _FURTHEST
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (low, middle) if _tilted(values, weights, middle)[1] > z else (middle, high)
    return _tilted(values, weights, (low + high) / 2)[0]


def _tilted(values: NDArray[np.float64], weights: NDArray[np.float64], tilt: float) -> tuple[float, float]:
    """The q of which `tilt` is the saddlepoint, and the standard normal quantile of the probability that the weighted mean is below q.

    With gamma variables g of the shapes `weights`, the mean is below q where S = sum g (x - q) < 0. The cumulant function of S is
    K(t) = -sum weights log(1 - t (x - q)), and K'(t) = 0 where q is the mean of x under weights / (1 - s x), s = t / (1 + t q). So any
    tilt = -log(1 - s) has its q in closed form; from minus to plus infinity q goes from 0 to 1.
    """
    shrink = math.exp(-tilt)
    left = (1 - values) + values * shrink
    share = weights / left
    q, rest = float((share * values).sum() / share.sum()), float((share * (1 - values)).sum() / share.sum())
    root = math.copysign(math.sqrt(max(2 * float((weights * np.log(left / (rest + q * shrink))).sum()), 0.0)), tilt)
    if abs(root) < _CENTRE:
        return q, root
    slope = (1 - shrink) * math.sqrt(float((weights * ((values - q) / left) ** 2).sum()))
    return q, root + math.log(slope / root) / root


_CENTRE = 0.01
"""Nearer to the centre the correction is lost in rounding; no interval of a confidence above 10% ends there."""
