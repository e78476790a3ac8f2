"""Simple curves of one ladder in size, the prior's competitors: each fits a family's own scores on one benchmark and nothing else."""

import warnings
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from scipy.optimize import OptimizeWarning, curve_fit

Array = np.ndarray[Any, Any]


def same_as_largest(size: Array, score: Array, asked: Array) -> Array:
    return np.full(len(asked), score[np.argmax(size)])


def log_linear(size: Array, score: Array, asked: Array) -> Array:
    return np.clip(np.polyval(np.polyfit(np.log(size), score, 1), np.log(asked)), 0, 1)


def sigmoid_with_ceiling(size: Array, score: Array, asked: Array) -> Array:
    def form(x: Array, start: float, rise: float, ceiling: float) -> Array:
        return ceiling / (1 + np.exp(-(start + rise * x)))

    return _best(form, ((0, 0.5, 0.9), (-1, 1, 0.7), (-2, 0.3, 1.0)), ((-20, 0, 0.05), (20, 10, 1)), size, score, asked)


def bounded_power(size: Array, score: Array, asked: Array) -> Array:
    """1 - (a N^-b + c)."""

    def form(x: Array, scale: float, exponent: float, floor: float) -> Array:
        return 1 - (scale * np.exp(-exponent * x) + floor)

    return _best(form, ((0.5, 0.3, 0.1), (0.5, 1, 0.3), (0.9, 0.1, 0.0)), ((0, 0, 0), (3, 5, 1)), size, score, asked)


CURVES: Mapping[str, Callable[[Array, Array, Array], Array]] = {
    "same as the largest seen": same_as_largest,
    "log-linear": log_linear,
    "sigmoid with ceiling": sigmoid_with_ceiling,
    "1 - (a N^-b + c)": bounded_power,
}


def _best(form: Callable[..., Array], starts: Any, bounds: Any, size: Array, score: Array, asked: Array) -> Array:
    """Least squares from several starts, sizes in billions; the fit of the smallest error."""
    x = np.log(size / 1e9)
    found = list[tuple[float, Array]]()
    for start in starts:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", OptimizeWarning)
            try:
                fitted, _ = curve_fit(form, x, score, p0=start, bounds=bounds, maxfev=5000)
            except RuntimeError:
                continue
        found.append((float(np.sum((form(x, *fitted) - score) ** 2)), fitted))
    return form(np.log(asked / 1e9), *min(found, key=lambda pair: pair[0])[1])
