"""The mean of unbounded measurements, such as seconds or tokens per second."""

from collections.abc import Sequence

import numpy as np

from llmpick.evidence.values import Interval


def mean_interval_t(values: Sequence[float], *, confidence: float) -> Interval:
    """Student's t interval for the mean of independent values, shape (n,). Raises ValueError for fewer than two values."""
    if len(values) < 2:
        raise ValueError("an interval needs at least two values")
    from scipy.stats import t  # scipy.stats takes half a second to load

    array = np.asarray(values, dtype=float)
    mean, error = float(array.mean()), float(array.std(ddof=1)) / len(array) ** 0.5
    reach = float(t.ppf((1 + confidence) / 2, len(array) - 1)) * error
    return Interval(mean, mean - reach, mean + reach, confidence)
