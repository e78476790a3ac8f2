"""Plain racing: the peer that `llmpick race` is measured against, on the same draws (`benchmarks/race.py`).

`plain_bayes`: batches of 20 rows, then 15% more; a normal posterior of each difference over the finite rows; a model leaves when it is
better with a probability below 1.5%, and the race stops when the summed probabilities of being better by more than the tolerance are below
8%. `plain_anytime`: a betting e-process without replacement, mixed over 12 bets, for each ordered pair, at the threshold (K - 1) / 0.05.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from llmpick.stats.betting import log_capital

Array = NDArray[np.float64]


def plain_bayes(scores: Array, tolerance: float, *, leave: float = 0.015, stop: float = 0.08) -> tuple[int, NDArray[np.int64]]:
    """One race on `scores` (K, N) in race order: who is returned, and how many rows each has run."""
    count, rows = scores.shape
    alive, done, target = np.ones(count, dtype=bool), np.zeros(count, dtype=np.int64), 20
    while True:
        seen = min(target, rows)
        done[alive] = seen
        who = np.flatnonzero(alive)
        best = int(scores[who, :seen].mean(axis=1).argmax())
        gaps = scores[who, :seen] - scores[who[best], :seen]
        if seen == rows:
            return int(who[best]), done
        deviation = np.sqrt(np.maximum(gaps.var(axis=1, ddof=1), 1e-4) / seen * (1 - seen / rows))
        better, clearly = ndtr(gaps.mean(axis=1) / deviation), ndtr((gaps.mean(axis=1) - tolerance) / deviation)
        better[best], clearly[best] = 1.0, 0.0
        if clearly[better >= leave].sum() < stop:
            return int(who[best]), done
        alive[who[better < leave]] = False
        target = seen + max(20, int(0.15 * seen))


def plain_anytime(scores: Array, tolerance: float, *, error: float = 0.05) -> tuple[int, NDArray[np.int64]]:
    """One race on `scores` (K, N), looked at after every row: who is returned, and how many rows each has run."""
    count, rows = scores.shape
    threshold = np.log((count - 1) / error)
    better, within = np.full((count, count), rows + 1), np.zeros((count, count), dtype=np.int64)
    for a in range(count):
        others = np.delete(np.arange(count), a)
        gaps = scores[a] - scores[others]
        better[a, others] = _first(log_capital(gaps, 0.0, population=rows, low=-1.0, high=1.0) >= threshold)
        within[a, others] = _first(log_capital(gaps, -tolerance, population=rows, low=-1.0, high=1.0, strict=True) >= threshold)
    leaves = better.min(axis=0)
    settled = np.minimum(within, leaves)
    np.fill_diagonal(settled, 0)
    shown = settled.max(axis=1)
    shown = np.where(leaves < shown, rows + 1, shown)
    end = int(min(shown.min(), rows))
    returned = int(shown.argmin()) if shown.min() <= rows else int(scores.mean(axis=1).argmax())
    return returned, np.minimum(leaves, end)


def _first(reached: NDArray[np.bool_]) -> NDArray[np.int64]:
    """After how many rows each line was first true; one more than there are if never."""
    return np.where(reached.any(axis=1), reached.argmax(axis=1) + 1, reached.shape[1] + 1)
