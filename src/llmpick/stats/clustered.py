"""Several rows of one document: rows that resemble each other say less than their number.

For *these* N rows a random order of the rows makes clusters harmless; every interval of the other modules stands. They matter for new
inputs, which will be new documents, and where whole documents are run at a time. Four tools:

- `cluster_mean`: the fixed-size interval, also for paired differences (pass a - b);
- `new_input_interval`: the same where the race stopped when it liked;
- `cluster_wagers`: bets on the means of whole clusters, drawn without replacement in the order of `order.cluster_order`;
- `new_cluster_log_capital`: the claim "at most m for new documents", at all looks.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from llmpick.evidence.values import Interval
from llmpick.stats.betting import mean_interval, mixed
from llmpick.stats.wager import Wagers


@dataclass(frozen=True, slots=True)
class Population:
    """The finite set that whole clusters were drawn from."""

    clusters: int
    rows: int


def cluster_mean(
    values: NDArray[np.float64], clusters: NDArray[np.int64], *, confidence: float, population: Population | None = None
) -> Interval:
    """The mean per row of `values`, shape (n,), of whole clusters drawn at random (all equally likely), named by `clusters`, shape (n,).

    Without `population` for new clusters like these; with it for the rows of that finite set (its share seen lowers the variance). The
    ratio sum / size with the bias-reduced cluster-robust variance, and Student's t with Satterthwaite's degrees of freedom for clusters
    whose rows go together entirely, which is the cautious case. Source: Bell and McCaffrey, Survey Methodology 28 (2002), "CR2", written
    out for a mean. Raises ValueError for fewer than two clusters.
    """
    names, index = np.unique(clusters, return_inverse=True)
    if len(names) < 2:
        raise ValueError("a cluster-robust interval needs at least two clusters")
    sizes, sums = np.bincount(index).astype(float), np.bincount(index, weights=values)
    mean, share = float(sums.sum() / sizes.sum()), sizes / sizes.sum()
    residual = (sums - mean * sizes) / sizes.sum()
    unseen = 1 - len(names) / population.clusters if population else 1.0
    error = float(np.sqrt(unseen * (residual**2 / (1 - share)).sum()))
    from scipy.special import stdtrit  # Student's t; scipy.stats would take half a second to load

    reach = float(stdtrit(_degrees_of_freedom(share), (1 + confidence) / 2)) * error
    return Interval(mean, mean - reach, mean + reach, confidence)


def new_input_interval(
    values: NDArray[np.float64], clusters: NDArray[np.int64], *, confidence: float, low: float = 0.0, high: float = 1.0
) -> Interval:
    """The mean of `values`, shape (n,), in [low, high], on new clusters like these, for rows run in random order until a race stopped.

    It holds both the interval of `cluster_mean` and that of bets on the clusters' means (`stats/betting.py`), each cluster as one draw.
    The first weighs clusters by their rows, but is meant for one look; the second is valid at every look where clusters are of one size
    and seen whole, and allows for what no cluster has shown yet. Nothing is known from a single cluster. Raises ValueError for no rows.
    """
    if not len(values):
        raise ValueError("an interval needs at least one row")
    mean = float(values.mean())
    names, index = np.unique(clusters, return_inverse=True)
    if len(names) < 2:
        return Interval(mean, low, high, confidence)
    first = np.argsort(np.unique(clusters, return_index=True)[1])
    means = (np.bincount(index, weights=values) / np.bincount(index))[first]
    robust = cluster_mean(values, clusters, confidence=confidence)
    bets = mean_interval(means, confidence=confidence, low=low, high=high)
    return Interval(mean, max(min(robust.low, bets.low), low), min(max(robust.high, bets.high), high), confidence)


def _degrees_of_freedom(share: NDArray[np.float64]) -> float:
    """tr(B)^2 / tr(B^2) of the variance estimate as a quadratic form, when a cluster's sum has a variance in proportion to its size
    squared.

    The residual of cluster c is y_c - h_c sum(y) with h the shares, so cov(c, d) = s_c [c = d] - h_d s_c - h_c s_d + h_c h_d sum(s),
    weighted by 1 / (1 - h); the double sum is multiplied out, so that the time grows with the number of clusters only. 1 less than the
    number of clusters when all have one size.
    """
    weight, variance = 1 / (1 - share), share**2
    total = variance.sum()
    own = variance - 2 * share * variance + share**2 * total
    squares, crossed, shares = (weight * variance**2).sum(), (weight * variance * share).sum(), (weight * share**2).sum()
    off = 2 * squares * shares + 2 * crossed**2 - 4 * total * crossed * shares + (total * shares) ** 2
    diagonal = (weight**2 * variance * (variance + 2 * (own - variance))).sum()
    return float((weight * own).sum() ** 2 / (off + diagonal))


def cluster_wagers(values: NDArray[np.float64], clusters: NDArray[np.int64], *, low: float, high: float) -> Wagers:
    """Bets on the mean of each cluster of which all rows were seen, for `stats/wager.py`.

    `values` has shape (..., n), in [low, high], the rows seen so far; `clusters` has shape (N,) and names the cluster of every row of the
    population, in the order of `order.cluster_order` or `order.block_order`. A cluster that was seen in part waits for its last row.
    Given the past, cluster c is drawn with the probability n_c / (rows left), so its mean has the expectation sum_c (n_c / left)(y_c /
    n_c), which is the mean of the rows left. Raises ValueError when a cluster does not stand together.
    """
    starts = np.flatnonzero(np.r_[True, clusters[1:] != clusters[:-1]])
    if len(np.unique(clusters)) != len(starts):
        raise ValueError("the rows of a cluster must stand together in the race order")
    ends = np.r_[starts[1:], len(clusters)]
    complete = ends <= values.shape[-1]
    starts, ends = starts[complete], ends[complete]
    total = np.concatenate([np.zeros((*values.shape[:-1], 1)), np.cumsum(values, axis=-1)], axis=-1)
    seen = total[..., np.r_[0, ends]]
    means = (total[..., ends] - total[..., starts]) / (ends - starts)
    estimate = seen[..., -1] / max(int(ends[-1]), 1) if len(ends) else np.zeros(values.shape[:-1])
    left = (len(clusters) - np.r_[0, ends]).astype(float)
    return Wagers(means, np.full_like(means, low), np.full_like(means, high), seen, left, low, high, estimate)


def new_cluster_log_capital(
    sums: NDArray[np.float64], sizes: NDArray[np.float64], null_mean: float, *, largest: int, low: float
) -> NDArray[np.float64]:
    """Natural log of the capital against "the mean per row over new clusters is at most `null_mean`", shape (..., C), after each cluster.

    `sums` (..., C) and `sizes` (C,) of clusters in random order, all orders equally likely (`cluster_order(..., proportional=False)`),
    rows at least `low`. Mean per row is E[sum] / E[size]; under the null E[sum - m size] <= 0, and no cluster has more than `largest`
    rows, which is the user's assumption about new documents. Raises ValueError when one of the seen has more.
    """
    if (sizes > largest).any():
        raise ValueError("a cluster has more rows than the stated largest size")
    return mixed((sums - null_mean * sizes) / (largest * max(null_mean - low, 1e-12)))
