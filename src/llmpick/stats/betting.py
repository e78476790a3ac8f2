"""Tests by betting: evidence that may be looked at after every row without losing its error bound.

Whoever doubts "the mean is at most m" bets on each next value. If the doubt is unfounded, the capital of the bets is a
non-negative supermartingale, so that by Ville's inequality it ever reaches 1/alpha with a probability of at most alpha, however
often one looks and whenever one stops. Bets against a *finite* set of rows drawn without replacement use the mean that the rows
still to come would need, so the test is exact once all rows are seen.

Source: Waudby-Smith and Ramdas, "Estimating means of bounded random variables by betting" (JRSS B 2024, arXiv 2010.09686),
theorem 3 (hedged capital) and section 4 (without replacement); the capital here is the average over a fixed grid of bets.
"""

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from llmpick.evidence.values import Interval

BETS = np.geomspace(0.01, 0.95, 12)
"""Stakes as a share of the largest allowed one. A grid over two decades: within a few per cent of the best fixed stake for
gaps from 1 to 60 points; 0.95 keeps a single contrary row from ending the bet."""

_CERTAIN = math.inf


def log_capital(
    values: NDArray[np.float64], null_mean: float, *, population: int | None, low: float, high: float, strict: bool = False
) -> NDArray[np.float64]:
    """Natural log of the capital against "the mean is at most `null_mean`" after each value.

    `values` has shape (..., n), in [low, high], in the random order in which they were seen; the result has the same shape.
    `population` is the size of the finite set they were drawn from without replacement, None for independent draws. The capital is
    infinite as soon as the values seen contradict the null for certain. `strict` turns the null into "the mean is less than
    `null_mean`", which differs only when all rows are seen and the mean is exactly there.
    """
    seen = np.arange(values.shape[-1])
    total = np.cumsum(values, axis=-1)
    needed = np.full_like(values, null_mean)
    if population is not None:
        needed = (population * null_mean - (total - values)) / (population - seen)
    room = np.maximum(needed - low, 1e-12)
    step = np.where(needed < high, (values - needed) / room, 0.0)
    capital = mixed(step)
    if population is None:
        return capital
    least = total + (population - 1 - seen) * low
    tolerance = 1e-9 * population
    contradicted = least >= population * null_mean - tolerance if strict else least > population * null_mean + tolerance
    return np.where(contradicted, _CERTAIN, capital)


def best_log_capital(
    values: NDArray[np.float64], null_mean: float, *, population: int | None, low: float, high: float, strict: bool = False
) -> NDArray[np.float64]:
    """The highest log capital reached so far, shape (...): what Ville's inequality bounds. Minus infinity before the first value."""
    if values.shape[-1] == 0:
        return np.full(values.shape[:-1], -math.inf)
    return log_capital(values, null_mean, population=population, low=low, high=high, strict=strict).max(axis=-1)


def mean_interval(
    values: NDArray[np.float64], *, confidence: float, population: int | None = None, low: float = 0.0, high: float = 1.0
) -> Interval:
    """The mean of `values`, shape (n,), with a range that holds at `confidence` however the number of values was decided.

    With `population` the range is for the mean of that finite set (and is a point when all of it was seen), without for the mean of
    the distribution that the values were drawn from. Assumes random order, and values in [low, high]. Each side gets half of the
    error. Raises ValueError for no values: nothing was seen, so there is nothing to report.
    """
    if values.shape[0] == 0:
        raise ValueError("an interval needs at least one value")
    mean = float(values.mean())
    if len(values) == population:
        return Interval(mean, mean, mean, confidence)
    threshold = math.log(2 / (1 - confidence))

    def bound(seen: NDArray[np.float64]) -> float:
        def capital(null_mean: float) -> float:
            return float(best_log_capital(seen, null_mean, population=population, low=low, high=high))

        return lower_bound(capital, low, float(seen.mean()), threshold)

    return Interval(mean, min(bound(values), mean), max(low + high - bound(low + high - values), mean), confidence)


def mixed(steps: NDArray[np.float64]) -> NDArray[np.float64]:
    """Log of the capital averaged over the fixed grid of stakes, shape (..., T), from gains in units of the largest possible loss."""
    growth = np.log1p(BETS.reshape(-1, *([1] * steps.ndim)) * np.maximum(steps, -1.0))
    return np.logaddexp.reduce(np.cumsum(growth, axis=-1), axis=0) - math.log(len(BETS))


def lower_bound(best_log_capital_against: Callable[[float], float], lowest: float, highest: float, threshold: float) -> float:
    """The largest mean in [`lowest`, `highest`] that the bets reject as an upper bound at `threshold`; `lowest` where they reject none.

    By bisection: the capital falls as the null mean grows.
    """
    if best_log_capital_against(lowest) < threshold:
        return lowest
    rejected, accepted = lowest, highest
    for _ in range(30):
        middle = (accepted + rejected) / 2
        if best_log_capital_against(middle) >= threshold:
            rejected = middle
        else:
            accepted = middle
    return rejected
