"""Fitting E + A/N^alpha + B/D^beta to runs: Huber loss on log loss (delta 1e-3), from a grid of starts, with bootstrap (Hoffmann, D.2).

All starts and all resamples advance together (`huber.minimise`). Starts are a grid of the two exponents, with A, B and E by least
squares for each: on the data that Epoch extracted, 97 of 100 starts end in the same optimum. A resample starts from every optimum that
the grid found.
"""

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from llmpick.estimate.scaling.conventions import LARGEST_LOG, six_nd, tokens_of_flops
from llmpick.estimate.scaling.forms import NAMES, AdditiveRegression
from llmpick.estimate.scaling.huber import Array, Regression, minimise
from llmpick.estimate.scaling.laws import PER_DECADE, AdditiveLaw, FittedRange, Prediction, Spread
from llmpick.evidence.errors import InputError
from llmpick.evidence.values import Source

DELTA = 1e-3
"""Where the Huber loss turns from quadratic to linear (Hoffmann, D.2). Most residuals are larger: nearly least absolute deviations."""
EXPONENTS = np.geomspace(0.05, 1.5, 12)
MOST_OPTIMA = 4
STARTS_KEPT = 24
LARGEST_EXPONENT = 3.0
DRAWN_AT_ONCE = 4_000_000
FOLDS = 10


@dataclass(frozen=True, slots=True)
class Runs:
    """Final losses (nats per token) of `n` training runs with their parameters and tokens."""

    params: Array
    tokens: Array
    loss: Array

    def __len__(self) -> int:
        return len(self.loss)

    def only(self, chosen: NDArray[np.intp] | NDArray[np.bool_]) -> "Runs":
        """The runs at `chosen` (indices or booleans)."""
        return Runs(self.params[chosen], self.tokens[chosen], self.loss[chosen])


def checked_runs(params: Array, loss: Array, *, tokens: Array | None = None, flops: Array | None = None) -> Runs:
    """Runs with tokens, or with training FLOPs in their place (D = C / 6N). Raises `InputError` naming the first unusable row."""
    if (tokens is None) == (flops is None):
        raise InputError("a run needs tokens or training FLOPs, one of them", where="columns", remedy="name one column")
    n, y = np.asarray(params, dtype=float), np.asarray(loss, dtype=float)
    d = np.asarray(tokens, dtype=float) if tokens is not None else tokens_of_flops(flops, n)
    for name, column in (("parameters", n), ("tokens", d), ("loss", y)):
        bad = np.flatnonzero(~(np.isfinite(column) & (column > 0.0)))
        if len(bad):
            raise InputError(
                f"{name} must be positive, not {column[bad[0]]:g}", where=f"run {bad[0] + 1}", remedy="correct or leave out the row"
            )
    return Runs(n, d, y)


@dataclass(frozen=True, slots=True)
class Fit:
    """`objective` is the sum of Huber losses; `optima` (K, P) and `optima_objectives` the distinct ends of the starts, best first."""

    runs: Runs
    regression: AdditiveRegression
    theta: Array
    objective: float
    optima: Array
    optima_objectives: Array
    delta: float

    @property
    def constants(self) -> dict[str, float]:
        return dict(zip(NAMES, map(float, self.regression.constants(self.theta)), strict=True))

    @property
    def residuals(self) -> Array:
        """Predicted less observed log loss, (n,)."""
        return self.regression.residuals(self.theta[None])[0][0]

    @property
    def r2(self) -> float:
        """Share of the variance of the loss (not of its log) that the law explains."""
        predicted = self.runs.loss * np.exp(self.residuals)
        return float(1.0 - ((predicted - self.runs.loss) ** 2).sum() / ((self.runs.loss - self.runs.loss.mean()) ** 2).sum())

    @property
    def compute_exponent(self) -> float:
        """A of N_opt ~ C^a."""
        found = self.constants
        return found["beta"] / (found["alpha"] + found["beta"])


def fit(runs: Runs, *, tied: bool = False, delta: float = DELTA) -> Fit:
    """The best minimum that is a law: both exponents above 0 and at most `LARGEST_EXPONENT`; beyond it a term describes single runs.

    Raises `InputError` for no more runs than constants, runs that are all of one size, tokens or loss, and where no minimum is a law.
    """
    needed = 4 if tied else 5
    if len(runs) <= needed:
        raise InputError(f"{needed} constants need more than {needed} runs, and there are {len(runs)}", where="runs", remedy="add runs")
    for name, column in (("parameters", runs.params), ("tokens", runs.tokens), ("loss", runs.loss)):
        if np.unique(column).size < 2:
            raise InputError(f"all runs have the same {name}: no law can be found", where=name, remedy="add runs that differ in it")
    regression = AdditiveRegression.of(runs.params, runs.tokens, runs.loss, tied=tied)
    optima, objectives = best_of(regression, regression.starts(EXPONENTS), delta=delta, most=STARTS_KEPT)
    exponents = regression.constants(optima)[:, [1, 3]]
    lawful = ((exponents > 0.0) & (exponents <= LARGEST_EXPONENT)).all(axis=1)
    if not lawful.any():
        raise _no_law(exponents[0])
    optima, objectives = optima[lawful][:MOST_OPTIMA], objectives[lawful][:MOST_OPTIMA]
    return Fit(runs, regression, optima[0], float(objectives[0]), optima, objectives, delta)


def _no_law(exponents: Array) -> InputError:
    names = [name for name, value in zip(("parameters", "tokens"), exponents, strict=True) if not 0.0 < value <= LARGEST_EXPONENT]
    return InputError(
        f"the loss of these runs does not fall as a power of their {' and '.join(names)}: the best exponents are {exponents[0]:.3g} "
        f"and {exponents[1]:.3g}",
        where="runs",
        remedy="see that the columns are right, and that parameters and tokens are what the runs mostly differ in",
    )


def best_of(problem: Regression, starts: Array, *, delta: float, most: int = MOST_OPTIMA) -> tuple[Array, Array]:
    """The distinct minima that `starts` lead to, best first: (K, P) and (K,). Equal within 1e-6 of the objective counts as one."""
    minima = minimise(problem, starts, delta=delta)
    chosen = _distinct(minima.objective, 1e-4)[: 2 * most]
    polished = minimise(problem, minima.theta[chosen], delta=delta, tolerance=1e-15, iterations=500)
    best = _distinct(polished.objective, 1e-6)[:most]
    return polished.theta[best], polished.objective[best]


def _distinct(objective: Array, tolerance: float) -> NDArray[np.intp]:
    """The finite objectives in order, one of each group that lies within `tolerance` of its neighbour."""
    order = np.argsort(objective)
    order = order[np.isfinite(objective[order])]
    value = objective[order]
    return order[np.concatenate([[True], np.diff(value) > tolerance * value[:-1]])]


@dataclass(frozen=True, slots=True)
class Bootstrap:
    """`constants` (resamples, 5) of fits to resampled runs, and `theta` (resamples, P) in the fit's coordinates."""

    constants: Array
    theta: Array
    seed: int

    def interval(self, confidence: float = 0.95) -> dict[str, tuple[float, float]]:
        """Percentile interval of each constant (Efron 1979)."""
        tail = 50.0 * (1.0 - confidence)
        low, high = np.percentile(self.constants, [tail, 100.0 - tail], axis=0)
        return {name: (float(a), float(b)) for name, a, b in zip(NAMES, low, high, strict=True)}

    def standard_errors(self) -> dict[str, float]:
        return {name: float(sd) for name, sd in zip(NAMES, self.constants.std(axis=0, ddof=1), strict=True)}

    def exponent_interval(self, confidence: float = 0.95) -> tuple[float, float]:
        """Percentile interval of a = beta / (alpha + beta)."""
        ratio = self.constants[:, 3] / (self.constants[:, 1] + self.constants[:, 3])
        tail = 50.0 * (1.0 - confidence)
        low, high = np.percentile(ratio, [tail, 100.0 - tail])
        return float(low), float(high)


def bootstrap(fitted: Fit, resamples: int, *, seed: int) -> Bootstrap:
    """Fits to runs drawn with replacement, each from every optimum of the fit; the best counts."""
    rng = np.random.default_rng(seed)
    n = len(fitted.runs)
    step = max(1, DRAWN_AT_ONCE // n)
    parts = [
        _refitted(fitted, rng.multinomial(n, np.full(n, 1.0 / n), size=min(step, resamples - first)).astype(float))
        for first in range(0, resamples, step)
    ]
    theta = np.concatenate(parts)
    return Bootstrap(fitted.regression.constants(theta), theta, seed)


def _refitted(fitted: Fit, weights: Array) -> Array:
    """The best theta (resamples, P) for each row of `weights` (resamples, n)."""
    theta = np.empty((len(weights), fitted.theta.size))
    best = np.full(len(weights), np.inf)
    for start in fitted.optima:
        found = minimise(fitted.regression, np.tile(start, (len(weights), 1)), delta=fitted.delta, weights=weights)
        better = found.objective < best
        theta[better], best[better] = found.theta[better], found.objective[better]
    return theta


def as_law(fitted: Fit, resampled: Bootstrap, *, name: str, source: Source) -> AdditiveLaw:
    """The fit as a law that foretells with intervals: covariance from the bootstrap, scatter from held-out runs."""
    runs, regression = fitted.runs, fitted.regression
    x, y = regression.centre
    covariance = tuple(tuple(float(v) for v in row) for row in np.cov(regression.untied(resampled.theta).T))
    spread = Spread(float(np.exp(x)), float(np.exp(y)), covariance, f"bootstrap of {len(resampled.constants)}, seed {resampled.seed}")
    span = FittedRange(_span(runs.params), _span(runs.tokens), _span(six_nd(runs.params, runs.tokens)))
    scatter = float(np.sqrt((held_out_residuals(fitted) ** 2).mean()))
    a, alpha, b, beta, e = fitted.constants.values()
    return AdditiveLaw(name, source, a, alpha, b, beta, e, span, scatter, "ten folds of neighbouring FLOPs", spread)


def foretell(fitted: Fit, resampled: Bootstrap, law: AdditiveLaw, params: float, tokens: float, *, confidence: float) -> Prediction:
    """The loss at one point by `law`, which is `as_law` of the fit, with the constants' part as percentiles of the resamples themselves.

    A covariance would give constants that the runs leave open no bound. Ends of independent parts are added in quadrature.
    """
    value, decades = np.asarray(law.at(params, tokens)), np.asarray(law.fitted.decades_outside(params, tokens))
    tail = 50.0 * (1.0 - confidence)
    low, high = np.percentile(fitted.regression.log_loss_at(resampled.theta, params, tokens), [tail, 100.0 - tail])
    rest = NormalDist().inv_cdf(0.5 + confidence / 2.0) * np.hypot(law.scatter, PER_DECADE * decades)
    sides = np.maximum([np.log(value) - low, high - np.log(value)], 0.0)
    below, above = np.exp(np.minimum(np.hypot(sides, rest), LARGEST_LOG))
    return Prediction(value, value / below, value * above, decades, confidence)


def held_out_residuals(fitted: Fit, folds: int = FOLDS) -> Array:
    """What each run's log loss is missed by when it and its neighbours in FLOPs are left out of the fit, (n,)."""
    weights = _fold_weights(fitted.runs, folds)
    found = minimise(fitted.regression, np.tile(fitted.theta, (len(weights), 1)), delta=fitted.delta, weights=weights)
    missed, _ = fitted.regression.residuals(found.theta)
    return np.where(weights == 0.0, missed, 0.0).sum(axis=0)


def straight_residuals(runs: Runs, folds: int = FOLDS) -> Array:
    """The same for the straight line loss = a + b log N + c log D by least squares, which has no floor and no bend, (n,)."""
    design = np.stack([np.ones(len(runs)), np.log(runs.params), np.log(runs.tokens)], axis=-1)
    missed = np.zeros(len(runs))
    for weight in _fold_weights(runs, folds):
        kept = weight > 0.0
        line = np.linalg.lstsq(design[kept], runs.loss[kept], rcond=None)[0]
        missed[~kept] = np.log(np.maximum(design[~kept] @ line, 1e-3) / runs.loss[~kept])
    return missed


def _fold_weights(runs: Runs, folds: int) -> Array:
    """(folds, n): 0 for the runs that a fold leaves out, 1 for the rest."""
    parts = np.array_split(np.argsort(runs.params * runs.tokens), min(folds, len(runs)))
    weights = np.ones((len(parts), len(runs)))
    for fold, rows in enumerate(parts):
        weights[fold, rows] = 0.0
    return weights


def _span(values: Array) -> tuple[float, float]:
    return float(values.min()), float(values.max())
