"""Runs that a law does not describe: named, with what they change, and never dropped on the quiet.

The Huber loss with a small delta means Laplace residuals, whose tail is exp(-|r| / b): of n such residuals 0.05 are expected beyond
b log(n / 0.05). A run beyond that is reported, unless it lies where the loss is still quadratic. Outliers hide one another by pulling
the fit, so the rest is refitted and all runs are judged again, until the same ones stand out.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from llmpick.estimate.scaling.fitting import Fit, fit
from llmpick.evidence.errors import InputError

FALSE_ALARMS = 0.05
ROUNDS = 20


@dataclass(frozen=True, slots=True)
class Outlier:
    """One run: its row (from 0), observed and expected loss, and |r| in units of the Laplace scale b. `reason` is for people."""

    row: int
    params: float
    tokens: float
    loss: float
    expected: float
    scales: float
    reason: str


@dataclass(frozen=True, slots=True)
class OutlierReport:
    """`outliers` by size of the miss, the fit `without` them, and what each constant changes by when they are left out, as a share."""

    outliers: tuple[Outlier, ...]
    without: Fit
    changes: dict[str, float]


def report_outliers(fitted: Fit) -> OutlierReport:
    """What stands out from `fitted`, and the fit without it. The fit itself stays as it is: leaving out is the user's choice."""
    runs, kept, current = fitted.runs, np.ones(len(fitted.runs), dtype=bool), fitted
    misses, scale = np.abs(fitted.residuals), laplace_scale(fitted.residuals)
    for _ in range(ROUNDS):
        flagged = misses > max(scale * np.log(len(runs) / FALSE_ALARMS), fitted.delta)
        if np.array_equal(~flagged, kept) or (~flagged).sum() <= max(len(runs) // 2, fitted.theta.size):
            break
        try:
            current = fit(runs.only(~flagged), tied=fitted.regression.tied, delta=fitted.delta)
        except InputError:
            break  # the others alone make no law
        kept = ~flagged
        residuals = _residuals_of(current, fitted)
        misses, scale = np.abs(residuals), laplace_scale(residuals[kept])
    residuals = _residuals_of(current, fitted)
    rows = np.flatnonzero(~kept)
    rows = rows[np.argsort(-np.abs(residuals[rows]))]
    found = tuple(_outlier(fitted, int(row), float(residuals[row]), scale, kept) for row in rows)
    before, after = fitted.constants, current.constants
    return OutlierReport(found, current, {name: after[name] / before[name] - 1.0 for name in before})


def laplace_scale(residuals: NDArray[np.float64]) -> float:
    """B of a Laplace distribution from the median of |r|, which outliers do not move: median / log 2."""
    return float(np.median(np.abs(residuals)) / np.log(2.0))


def _residuals_of(law: Fit, of: Fit) -> NDArray[np.float64]:
    """What the constants of `law` miss on all runs of `of`."""
    constants = law.regression.constants(law.theta)
    return of.regression.residuals(of.regression.coordinates(constants)[None])[0][0]


def _outlier(fitted: Fit, row: int, residual: float, scale: float, kept: NDArray[np.bool_]) -> Outlier:
    runs = fitted.runs
    params, tokens, loss = float(runs.params[row]), float(runs.tokens[row]), float(runs.loss[row])
    expected, ratio = loss * float(np.exp(residual)), tokens / params
    least = float((runs.tokens / runs.params)[kept].min())
    size = abs(residual) / scale
    reason = f"loss {loss:.3f} where {expected:.3f} is expected, {size:.0f} times the usual miss"
    if ratio < least:
        reason += f"; {ratio:.2g} tokens per parameter, below all runs that are described ({least:.2g})"
    return Outlier(row, params, tokens, loss, expected, size, reason)
