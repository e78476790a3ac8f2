"""Many small robust regressions at once: every start and every resample is one problem of a batch, and all advance together.

Minimises sum_i w_i huber(residual_i) for P parameters, with the step of (H + mu M) step = -gradient:
  H = J' diag(w [|r| <= delta]) J   curvature where the Huber loss is quadratic (semismooth Newton, exact near the optimum),
  M = J' diag(w min(1, delta/|r|)) J the majorising quadratic of iteratively reweighted least squares (safe far from it),
and mu by the ratio of the gain to what was foretold (Levenberg-Marquardt; Nielsen 1999). The residuals' own second derivatives are
left out: they weigh sqrt(n) delta against n. With delta = infinity this is weighted least squares.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
BATCH_RESIDUALS = 30_000


class Regression(Protocol):
    """n residuals of P parameters, for K parameter vectors at once."""

    def residuals(self, theta: Array) -> tuple[Array, Array]:
        """`theta` (K, P) -> residuals (K, n) and their derivatives (K, n, P)."""
        ...


@dataclass(frozen=True, slots=True)
class Minima:
    """Where each of K problems came to rest: `theta` (K, P), `objective` (K,), `converged` (K,)."""

    theta: Array
    objective: Array
    converged: NDArray[np.bool_]


def huber(residuals: Array, delta: float) -> Array:
    """r^2 / 2 within delta, delta (|r| - delta / 2) beyond (Huber 1964); r^2 / 2 everywhere for an infinite delta."""
    size = np.abs(residuals)
    inside = np.minimum(size, delta)
    return inside * (size - 0.5 * inside)


def minimise(
    problem: Regression,
    starts: Array,
    *,
    delta: float,
    weights: Array | None = None,
    free: NDArray[np.bool_] | None = None,
    iterations: int = 200,
    tolerance: float = 1e-10,
) -> Minima:
    """The local minimum that each of `starts` (K, P) leads to.

    `weights` (K, n) or (1, n) counts how often a point is in the sample; `free` (P,) says which parameters may move. A problem has
    converged when a step gains less than `tolerance` of its objective twice in a row, or can gain no more. So many problems are taken at a
    time that their residuals stay in the processor's cache.
    """
    starts = np.array(starts, dtype=float, ndmin=2)
    batch = max(1, BATCH_RESIDUALS // problem.residuals(starts[:1])[0].shape[1])
    parts: list[Minima] = []
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):  # a step too far is an infinite objective, and is not taken
        for first in range(0, len(starts), batch):
            chosen = slice(first, first + batch)
            weight = None if weights is None else weights if len(weights) == 1 else weights[chosen]
            parts.append(_advance(problem, starts[chosen], delta, weight, free, iterations, tolerance))
    return Minima(
        np.concatenate([part.theta for part in parts]),
        np.concatenate([part.objective for part in parts]),
        np.concatenate([part.converged for part in parts]),
    )


def _advance(
    problem: Regression,
    theta: Array,
    delta: float,
    weights: Array | None,
    free: NDArray[np.bool_] | None,
    iterations: int,
    tolerance: float,
) -> Minima:
    """All problems of one batch, until the last has converged; those that have leave the batch."""
    moving = np.ones(theta.shape[1], dtype=bool) if free is None else free
    final = theta.copy()
    objectives = np.full(len(theta), np.inf)
    done = np.zeros(len(theta), dtype=bool)
    alive = np.arange(len(theta))
    weight = np.ones((1, 1)) if weights is None else weights
    residual, jacobian = problem.residuals(theta)
    value = (weight * huber(residual, delta)).sum(axis=1)
    value[~np.isfinite(value)] = np.inf
    mu, growth, small = np.full(len(theta), 1.0), np.full(len(theta), 2.0), np.zeros(len(theta), dtype=int)
    for _ in range(iterations):
        step, foretold = _step(residual, jacobian[..., moving], weight, delta, mu)
        trial = theta.copy()
        trial[:, moving] += step
        trial_residual, trial_jacobian = problem.residuals(trial)
        trial_value = (weight * huber(trial_residual, delta)).sum(axis=1)
        gain = value - trial_value
        better = gain > 0.0
        ratio = np.where(better, gain / np.maximum(foretold, 1e-300), 0.0)
        small = np.where(better & (gain > tolerance * value), 0, small + (better | (foretold < tolerance * value)))
        theta[better], value[better] = trial[better], trial_value[better]
        residual[better], jacobian[better] = trial_residual[better], trial_jacobian[better]
        shrink = np.maximum(1.0 / 3.0, 1.0 - (2.0 * np.minimum(ratio, 1.0) - 1.0) ** 3)
        mu = np.where(better, np.maximum(mu * shrink, 1e-12), mu * growth)
        growth = np.where(better, 2.0, growth * 2.0)
        finished = (small >= 2) | (mu > 1e12)
        final[alive], objectives[alive], done[alive] = theta, value, finished
        if finished.any():
            keep = ~finished
            alive, theta, value, residual, jacobian = alive[keep], theta[keep], value[keep], residual[keep], jacobian[keep]
            mu, growth, small = mu[keep], growth[keep], small[keep]
            weight = weight if len(weight) == 1 else weight[keep]
        if not len(alive):
            break
    return Minima(final, objectives, done)


def _step(residual: Array, jacobian: Array, weight: Array, delta: float, mu: Array) -> tuple[Array, Array]:
    """The damped step of each problem and the gain that the quadratic model foretells."""
    size = np.abs(residual)
    pull = np.minimum(1.0, delta / np.maximum(size, 1e-300))
    gradient = np.matmul((weight * pull * residual)[:, None, :], jacobian)[:, 0, :]
    curvature = weight * ((size <= delta) + mu[:, None] * pull)
    transposed = np.swapaxes(jacobian, 1, 2)
    matrix = np.matmul(transposed * curvature[:, None, :], jacobian)
    diagonal = np.einsum("kpp->kp", matrix)
    diagonal += 1e-13 * diagonal.max(axis=1, keepdims=True) + 1e-300
    sound = np.isfinite(matrix).all(axis=(1, 2)) & np.isfinite(gradient).all(axis=1)
    matrix[~sound], gradient[~sound] = np.eye(matrix.shape[1]), 0.0
    step = -np.linalg.solve(matrix, gradient[..., None])[..., 0]
    return step, -0.5 * (gradient * step).sum(axis=1)
