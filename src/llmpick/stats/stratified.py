"""Strata: groups of rows known before any call, in which the candidates' difference is more alike than over all rows.

A free signal (language, topic, length of the text, how sure the baseline was) is turned into groups; the estimate then weighs each group
by its known share of the N rows, so that only the variation *within* groups is left as error. For bets see `stats/control_variate.py`,
which takes the same groups.
"""

from collections import Counter
from collections.abc import Hashable, Sequence

import numpy as np
from numpy.typing import NDArray

from llmpick.evidence.values import Interval

SMALLEST_SHARE = 0.04
"""A group below this share of the rows is joined to the others like it: it would get too few calls for a variance of its own."""
LEAST_SEEN = 5
"""Groups with fewer rows seen are joined for the estimate: a variance from less has hardly any degrees of freedom."""


def strata_of(column: Sequence[object], *, bins: int = 5) -> NDArray[np.int64]:
    """Groups from one column of the user's rows, shape (N,), numbered from 0.

    Numbers are cut at quantiles. Texts are categories when they repeat (at most one distinct value for every ten rows), otherwise they
    are cut at quantiles of their length in characters. Rows without a value (None) are a group of their own.
    """
    given = [value for value in column if value is not None]
    if any(isinstance(value, int | float) and not isinstance(value, bool) for value in given):
        numbers = [float(value) if isinstance(value, int | float) else None for value in column]
        return quantile_strata(numbers, bins=bins)
    texts = [None if value is None else str(value) for value in column]
    if len(set(texts)) <= max(len(texts) / 10, 2):
        return category_strata(texts)
    return quantile_strata([None if text is None else len(text) for text in texts], bins=bins)


def quantile_strata(values: Sequence[float | None], *, bins: int = 5) -> NDArray[np.int64]:
    """At most `bins` groups of about equal size, shape (N,), lowest values first; equal values are never parted. None: the last group."""
    known = np.array([value for value in values if value is not None], dtype=float)
    if not len(known):
        return np.zeros(len(values), dtype=np.int64)
    edges = np.quantile(known, np.arange(1, bins) / bins)
    groups = np.array([bins if value is None else np.searchsorted(edges, value, side="left") for value in values], dtype=np.int64)
    return _renumbered(groups)


def category_strata(values: Sequence[Hashable]) -> NDArray[np.int64]:
    """One group for each value, shape (N,), the most frequent first; all with less than `SMALLEST_SHARE` of the rows share the last."""
    counts = Counter(values)
    large = [value for value, count in counts.most_common() if count >= SMALLEST_SHARE * len(values)]
    numbers = {value: number for number, value in enumerate(large)}
    return _renumbered(np.array([numbers.get(value, len(large)) for value in values], dtype=np.int64))


def crossed(first: NDArray[np.int64], second: NDArray[np.int64]) -> NDArray[np.int64]:
    """Groups of rows that are alike in both, the small ones joined, shape (N,)."""
    return category_strata(list(zip(first.tolist(), second.tolist(), strict=True)))


def _renumbered(groups: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.unique(groups, return_inverse=True)[1].astype(np.int64)


def post_stratified_mean(
    values: NDArray[np.float64], strata: NDArray[np.int64], sizes: NDArray[np.int64], *, confidence: float, new_inputs: bool = False
) -> Interval:
    """The mean over the N rows from `values`, shape (n,), of rows drawn at random (or by `order.balanced_order`); for a pair pass a - b.

    `strata` (n,) names the group of each row seen, `sizes` (H,) how many of the N rows each group has. The variance is that of stratified
    sampling without replacement given how many of each group were seen, sum_h W_h^2 (1/n_h - 1/N_h) s_h^2 (Cochran, Sampling Techniques,
    3rd edition, 5A.9 and equation 5.6), with Satterthwaite's degrees of freedom (5.16). `new_inputs` adds s^2 / N: the rows themselves
    are then a sample. Groups with fewer than `LEAST_SEEN` rows seen are joined. Raises ValueError for fewer than two values.
    """
    if len(values) < 2:
        raise ValueError("an interval needs at least two values")
    strata, sizes = _joined(strata, sizes)
    seen = np.bincount(strata, minlength=len(sizes)).astype(float)
    means = np.bincount(strata, weights=values, minlength=len(sizes)) / seen
    within = np.bincount(strata, weights=(values - means[strata]) ** 2, minlength=len(sizes)) / np.maximum(seen - 1, 1)
    share, rows = sizes / sizes.sum(), float(sizes.sum())
    parts = share**2 * (1 / seen - 1 / sizes) * within
    mean = float(share @ means)
    variance, spread = float(parts.sum()), float(share @ (within + (means - mean) ** 2))
    freedom = variance**2 / (parts**2 / np.maximum(seen - 1, 1)).sum() if variance > 0 else len(values) - 1.0
    from scipy.special import stdtrit  # Student's t; scipy.stats would take half a second to load

    reach = float(stdtrit(freedom, (1 + confidence) / 2)) * (variance + new_inputs * spread / rows) ** 0.5
    return Interval(mean, mean - reach, mean + reach, confidence)


def _joined(strata: NDArray[np.int64], sizes: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The groups seen too rarely as one; while that one is itself too small, the next smallest joins it. By counts, never by values."""
    seen = np.bincount(strata, minlength=len(sizes))
    by_seen = np.argsort(seen, kind="stable")
    small = int((seen < LEAST_SEEN).sum())
    while 0 < small < len(sizes) and seen[by_seen[:small]].sum() < LEAST_SEEN:
        small += 1
    target = np.arange(len(sizes))
    if small:
        target[by_seen[:small]] = by_seen[0]
    kept, number = np.unique(target, return_inverse=True)
    return number[strata], np.bincount(number, weights=sizes, minlength=len(kept)).astype(np.int64)
