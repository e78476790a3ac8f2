"""What the data cannot tell: the best fit for each fixed value of one constant (profile likelihood).

The deviance 2 n log(objective / least objective) is that of residuals with density exp(-huber(r) / s) and the scale s fitted; within
Wilks' theorem values below 3.84 make a 95 % interval. Where it never gets there on one side, the interval is open: infinite.
"""

from dataclasses import dataclass, replace

import numpy as np

from llmpick.estimate.scaling.fitting import Fit
from llmpick.estimate.scaling.forms import NAMES, AdditiveRegression
from llmpick.estimate.scaling.huber import Array, minimise

CHI2_95 = 3.841458820694124
"""95 % point of chi-squared with one degree of freedom."""
WIDTH = 3.0
POINTS = 121


@dataclass(frozen=True, slots=True)
class Profile:
    """`deviance` (n,) at `values` (n,) of the constant `name`; `low` and `high` bound the 95 % interval, infinite or 0 where open."""

    name: str
    values: Array
    deviance: Array
    low: float
    high: float

    @property
    def is_open(self) -> bool:
        """The data do not bound the constant on one side."""
        return self.low == 0.0 or np.isinf(self.high)


def profile(fitted: Fit, name: str, *, width: float = WIDTH, points: int = POINTS) -> Profile:
    """The profile of A, alpha, B, beta or E, evenly in its logarithm.

    A first look goes from 1/e^`width` to e^`width` times the fitted value, a second one only to where the first left the interval.
    """
    wide = np.linspace(-width, width, points)
    outside = np.flatnonzero(_deviance(fitted, name, wide) > CHI2_95)
    below, above = outside[wide[outside] < 0.0], outside[wide[outside] > 0.0]
    factors = np.linspace(wide[below[-1]] if len(below) else -width, wide[above[0]] if len(above) else width, points)
    deviance = _deviance(fitted, name, factors)
    low, high = (_crossing(factors, deviance, side) for side in (-1, 1))
    scale = fitted.constants[name]
    return Profile(name, scale * np.exp(factors), deviance, scale * float(np.exp(low)), scale * float(np.exp(high)))


def _deviance(fitted: Fit, name: str, factors: Array) -> Array:
    """The deviance where the constant is exp(`factors`) times its fitted value."""
    regression, place = replace(fitted.regression, centre=(0.0, 0.0)), _place(fitted.regression, name)
    start = regression.coordinates(fitted.regression.constants(fitted.theta))
    values = fitted.constants[name] * np.exp(factors)
    objective = _sweep(regression, start, values if name in ("alpha", "beta") else np.log(values), place, fitted.delta)
    return 2.0 * len(fitted.runs) * np.log(np.maximum(objective / fitted.objective, 1.0))


def _sweep(regression: AdditiveRegression, start: Array, fixed: Array, place: int, delta: float) -> Array:
    """The least objective for each of `fixed`: all at once from the optimum, then from where their neighbours came to rest."""
    free = np.ones(start.size, dtype=bool)
    free[place] = False
    theta = np.tile(start, (len(fixed), 1))
    objective = np.full(len(fixed), np.inf)
    for shift in (0, 1, -1, 1, -1):
        trial = np.roll(theta, shift, axis=0)
        trial[:, place] = fixed
        found = minimise(regression, trial, delta=delta, free=free, iterations=400)
        better = found.objective < objective
        theta[better], objective[better] = found.theta[better], found.objective[better]
    return objective


def _crossing(factors: Array, deviance: Array, side: int) -> float:
    """Where the deviance first passes the threshold on the way from 0 to one `side`, linearly between points; or infinity."""
    away = factors * side
    order = np.argsort(away)
    order = order[away[order] >= 0.0]
    beyond = np.flatnonzero(deviance[order] > CHI2_95)
    if not len(beyond):
        return side * np.inf
    last, first = order[max(beyond[0] - 1, 0)], order[beyond[0]]
    rise = deviance[first] - deviance[last]
    share = 1.0 if rise <= 0.0 else (CHI2_95 - deviance[last]) / rise
    return float(factors[last] + share * (factors[first] - factors[last]))


def _place(regression: AdditiveRegression, name: str) -> int:
    order = ("A", "alpha", "B", "E") if regression.tied else NAMES
    return order.index("alpha" if regression.tied and name == "beta" else name)
