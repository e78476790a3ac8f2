"""Bets on something other than the bare row: the mean of a cluster, or a row less what a cheap signal foretold.

All that a bet needs is a value whose expectation, given everything seen before, is the mean of the rows still to come. If the mean of
all N rows is m and the rows seen so far sum to s, the rows still to come have the mean (N m - s) / (rows left); under "the mean is at
most m" the capital is therefore a non-negative supermartingale, whatever the value bet on, as long as its lowest possible amount is
known beforehand. Ville's inequality then bounds the error at all looks together, as in `stats/betting.py`, whose grid of stakes is used.

Source: Waudby-Smith and Ramdas, arXiv 2010.09686, section 4; the generalisation only replaces x_t by a value with the same conditional
mean and by bounds that are known before it is seen (their theorem 3 asks for no more).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from llmpick.evidence.values import Interval
from llmpick.stats.betting import lower_bound, mixed


@dataclass(frozen=True, slots=True)
class Wagers:
    """T bets in the order in which they were made. Shapes: `values`, `low`, `high` (..., T); `seen` (..., T + 1); `left` (T + 1,).

    `values[t]` has, given all that came before, the mean of the rows still to come, and lies in [`low[t]`, `high[t]`], bounds that were
    known before. `seen[t]` is the sum of the true rows seen before bet t, `left[t]` how many rows of the population were then left, so
    `left[0]` is the size of the population. `row_low` and `row_high` bound a single row. `estimate` (...) is the best guess of the mean.
    """

    values: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    seen: NDArray[np.float64]
    left: NDArray[np.float64]
    row_low: float
    row_high: float
    estimate: NDArray[np.float64]

    def mirrored(self) -> "Wagers":
        """The same bets on the negative of every row: what shows "at most" here shows "at least" there."""
        return Wagers(-self.values, -self.high, -self.low, -self.seen, self.left, -self.row_high, -self.row_low, -self.estimate)


def log_capital(*wagers: Wagers, null_mean: float, strict: bool = False) -> NDArray[np.float64]:
    """Natural log of the capital against "the mean of all rows is at most `null_mean`" after each bet, shape (..., T).

    Several `wagers` on the same rows share the stake evenly: at most log 2 is lost against the better of two. Infinite as soon as the rows
    seen contradict the null for certain. `strict` turns the null into "is less than `null_mean`".
    """
    capitals = np.stack([_log_capital(one, null_mean, strict=strict) for one in wagers])
    return np.logaddexp.reduce(capitals, axis=0) - math.log(len(wagers))


def _log_capital(wagers: Wagers, null_mean: float, *, strict: bool) -> NDArray[np.float64]:
    rows = wagers.left[0]
    needed = (rows * null_mean - wagers.seen[..., :-1]) / np.maximum(wagers.left[:-1], 1)
    capital = mixed(np.where(needed < wagers.high, (wagers.values - needed) / np.maximum(needed - wagers.low, 1e-12), 0.0))
    least = wagers.seen[..., 1:] + wagers.left[1:] * wagers.row_low
    slack = 1e-9 * rows
    contradicted = least >= rows * null_mean - slack if strict else least > rows * null_mean + slack
    return np.where(contradicted, math.inf, capital)


def best_log_capital(*wagers: Wagers, null_mean: float, strict: bool = False) -> NDArray[np.float64]:
    """The highest log capital so far, shape (...): what Ville's inequality bounds. Minus infinity before the first bet."""
    values = wagers[0].values
    if values.shape[-1] == 0:
        return np.full(values.shape[:-1], -math.inf)
    return log_capital(*wagers, null_mean=null_mean, strict=strict).max(axis=-1)


def mean_interval(*wagers: Wagers, confidence: float) -> Interval:
    """The mean of all N rows, for `wagers` of shape (T,), with a range that holds at `confidence` at all looks together.

    Each side gets half of the error; the range of an early look may shut out the later estimate, and is then widened to hold it. The
    value is the estimate of the last of the `wagers`. A point when all rows are seen. Raises ValueError for no bets.
    """
    last = wagers[-1]
    if last.values.shape[-1] == 0:
        raise ValueError("an interval needs at least one value")
    if last.left[-1] == 0:
        mean = float(last.seen[-1] / last.left[0])
        return Interval(mean, mean, mean, confidence)
    low, high = mean_range(*wagers, threshold=math.log(2 / (1 - confidence)))
    mean = float(np.clip(last.estimate, last.row_low, last.row_high))
    return Interval(mean, min(low, mean), max(high, mean), confidence)


def mean_range(*wagers: Wagers, threshold: float) -> tuple[float, float]:
    """The lowest and the highest mean that are not rejected at a log capital of `threshold` on either side."""
    return _at_least(wagers, threshold), -_at_least([one.mirrored() for one in wagers], threshold)


def _at_least(wagers: Sequence[Wagers], threshold: float) -> float:
    def capital(null_mean: float) -> float:
        return float(best_log_capital(*wagers, null_mean=null_mean))

    return lower_bound(capital, wagers[0].row_low, wagers[0].row_high, threshold)
