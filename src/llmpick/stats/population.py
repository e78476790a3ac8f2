"""The posterior of every candidate's score on the whole, finite set of rows, from the rows that each has run so far.

The model. The scores of K candidates on one row are a draw from a normal distribution with means mu and covariance S; rows are
exchangeable. The means have the prior mu_k ~ N(m, s^2), m unknown, s one of a few scales that are weighed by how well they explain what
was seen (so the best of many is pulled towards the rest, as far as the rest says). Wanted is theta, the mean over all N rows: rows
that were run count as they are, the others as predicted by mu and by the answers of those who ran them.

All candidates run the same rows in the same order, candidate k the first n_k. Sorted by n, the missing cells form a staircase, for which
everything has a closed form: with S = L L' and W = inverse of L, the j-th row of W turns the scores into an innovation that was seen
n_j times. Hence the information on mu is W' diag(n) W, and theta = mu + L (T - diag(n) W mu + noise) / N, where T are the summed
innovations and the noise has variance N - n. Cost: a few K x K factorisations, whatever the number of rows.

Source: the factored likelihood of monotone missing data: Little and Rubin, "Statistical Analysis with Missing Data", section 7.4; the
finite population by prediction of what was not seen: Ericson, "Subjective Bayesian models in sampling finite populations" (JRSS B 1969).
Everything has a leading axis R, so that many races are computed at once.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

SCALES = np.array([0.04, 0.07, 0.1, 0.15, 0.22])
"""Standard deviations of candidates' scores that are thought equally likely: from variants of one model to models of every size."""
CORRELATION = 0.35
"""Two candidates' answers to one row, before any is seen: the mean over the models of MMLU-Pro (0.19 to 0.59 from pair to pair)."""
CORRELATION_ROWS = 3
"""How many rows of every candidate that prior weighs."""
PAIR_ROWS = 100
"""A pair's own correlation counts as much as the mean of all pairs when both have run so many rows."""
ROUNDING = 1e-5
"""Scores are told apart to a thousandth of a point: rounding of sums stays ten times below it."""
VARIANCE_ROWS = 100
"""A candidate's own variance counts as much as the one that its mean implies when it has run so many rows."""
IMAGINED = 1.0
"""So many successes and as many failures are added before a mean implies a variance: ten of ten right do not make the next one certain
(Laplace's rule of succession). Without them the 95% intervals held in 87% of the cases on the even rows of AlpacaEval and in 91% of
simulated tasks; with one, and 100 `VARIANCE_ROWS`, in 94% (among 0, 1, 1.5 and 2, with 20, 50 and 100 rows; `benchmarks/race_coverage.py`).
"""


@dataclass(frozen=True, slots=True)
class Moments:
    """What is known of the rows seen. `done` (R, K); for candidates k, l over the rows that both have run: how many `shared`, the sum of
    k's scores `sums[k, l]`, and the sum of the `products`, each (R, K, K).
    """

    done: NDArray[np.int64]
    shared: NDArray[np.int64]
    sums: Array
    products: Array


def moments(scores: Array, done: NDArray[np.int64]) -> Moments:
    """Of one race, R = 1: `scores` (K, N), of which the first `done[k]` columns of row k are read."""
    furthest = int(done.max(initial=0))
    seen = (np.arange(furthest) < done[:, None]).astype(np.float64)
    read = scores[:, :furthest] * seen
    return Moments(done[None], np.minimum(done[:, None], done)[None], (read @ seen.T)[None], (read @ read.T)[None])


@dataclass(frozen=True, slots=True)
class Model:
    """The fitted covariance of one row, (R, K, K), with the factor of its sorted form and the order of the sorting (R, K)."""

    covariance: Array
    factor: Array
    order: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Posterior:
    """Normal posterior of the mean over all N rows: `mean` (R, K), `covariance` (R, K, K)."""

    mean: Array
    covariance: Array
    model: Model
    scale_weights: Array

    @property
    def samples(self) -> Array:
        """Equally likely cases, shape (R, 512, K): a fixed quasi-random set, so that the same posterior always gives the same answer."""
        count = self.mean.shape[1]
        root = np.linalg.cholesky(self.covariance + (ROUNDING / 10) ** 2 * np.eye(count))
        return self.mean[:, None] + _normals(count) @ root.transpose(0, 2, 1)


def posterior(seen: Moments, rows: int) -> Posterior:
    """Fits the covariance and infers the scores, in two rounds, since a score's variance follows from its mean."""
    count = seen.done.shape[1]
    total = np.einsum("rkk->rk", seen.sums)
    means = np.repeat(total.sum(1, keepdims=True) / np.maximum(seen.done.sum(1, keepdims=True), 1), count, axis=1)
    found = None
    for _ in range(2):
        model = _sorted(_row_covariance(seen, np.clip(means, 0.02, 0.98)), seen.done)
        found, means = _infer(seen, model, rows)
    assert found is not None
    return found


def forecast(now: Posterior, then: NDArray[np.int64], rows: int) -> Array:
    """How far the posterior mean will move by the time that `then` (R, K) rows are run: the covariance of the move, (R, K, K).

    It is what the posterior covariance will lose by then, which depends on how many rows are run but not on what they will show.
    """
    model = _sorted(now.model.covariance, then)
    later = _unsorted(_spread(model, np.take_along_axis(then, model.order, 1), rows, now.scale_weights), model.order)
    values, vectors = np.linalg.eigh(now.covariance - later)
    return (vectors * np.maximum(values, 0.0)[:, None]) @ vectors.transpose(0, 2, 1)


def _row_covariance(seen: Moments, means: Array) -> Array:
    """Covariance of the scores on one row: variances and correlations, each shrunk towards what all candidates have in common."""
    done, shared = seen.done.astype(np.float64), np.maximum(seen.shared, 1)
    centred = seen.products / shared - (seen.sums / shared) * (seen.sums.transpose(0, 2, 1) / shared)
    own = np.einsum("rkk->rk", centred)
    graded = ((done * own).sum(1) + 0.4) / ((done * means * (1 - means)).sum(1) + 0.4)
    likely = (done * means + IMAGINED) / (done + 2 * IMAGINED)
    implied = np.minimum(graded, 1.0)[:, None] * likely * (1 - likely)
    variance = (done * own + VARIANCE_ROWS * implied) / (done + VARIANCE_ROWS)
    deviation = np.sqrt(np.maximum(variance, 1e-4))
    unit = deviation[:, :, None] * deviation[:, None, :]
    return _correlations(seen.shared, centred / unit) * unit


def _correlations(shared: NDArray[np.int64], own: Array) -> Array:
    """`own` correlations (R, K, K), each shrunk towards the common one, and made positive definite."""
    count = own.shape[1]
    pairs = ~np.eye(count, dtype=bool)
    weight = CORRELATION_ROWS * count * max(count - 1, 1)
    common = ((shared * own)[:, pairs].sum(1) + weight * CORRELATION) / (shared[:, pairs].sum(1) + weight)
    mixed = (shared * own + PAIR_ROWS * np.clip(common, 0.0, 0.9)[:, None, None]) / (shared + PAIR_ROWS)
    mixed = np.clip(mixed, -0.95, 0.97)
    mixed[:, ~pairs] = 1.0
    values, vectors = np.linalg.eigh(mixed)
    for r in np.flatnonzero(values[:, 0] < 0.02):
        lifted = (vectors[r] * np.maximum(values[r], 0.02)) @ vectors[r].T
        root = np.sqrt(lifted.diagonal())
        mixed[r] = lifted / root[:, None] / root
    return mixed


def _sorted(covariance: Array, done: NDArray[np.int64]) -> Model:
    order = np.argsort(-done, axis=1, kind="stable")
    return Model(covariance, np.asarray(np.linalg.cholesky(_reordered(covariance, order)), dtype=np.float64), order)


def _infer(seen: Moments, model: Model, rows: int) -> tuple[Posterior, Array]:
    """The posterior of theta, and the posterior means of mu, both in the candidates' own order."""
    factor, order = model.factor, model.order
    count = order.shape[1]
    whiten = np.asarray(np.linalg.inv(factor), dtype=np.float64)
    done = np.take_along_axis(seen.done, order, 1).astype(np.float64)
    innovations = np.einsum("rjk,rkj->rj", whiten, _reordered(seen.sums, order))
    information = whiten.transpose(0, 2, 1) @ (done[:, :, None] * whiten)
    evidence = np.einsum("rjk,rj->rk", whiten, innovations)
    precision = information[:, None] + _prior_precision(count)
    spread = np.linalg.inv(precision)
    centres = np.einsum("rgjk,rk->rgj", spread, evidence)
    log_weight = -(count - 1) * np.log(SCALES) - 0.5 * np.linalg.slogdet(precision)[1] + 0.5 * np.einsum("rgj,rj->rg", centres, evidence)
    weights = np.exp(log_weight - log_weight.max(1, keepdims=True))
    weights /= weights.sum(1, keepdims=True)
    centre = np.einsum("rg,rgj->rj", weights, centres)
    away = centres - centre[:, None]
    between = np.einsum("rg,rgj,rgk->rjk", weights, away, away)
    carried = _carried(factor, whiten, done, rows)
    mean = np.einsum("rjk,rk->rj", carried, centre) + np.einsum("rjk,rk->rj", factor, innovations) / rows
    covariance = _spread(model, done, rows, weights) + carried @ between @ carried.transpose(0, 2, 1)
    back = np.argsort(order, axis=1)
    found = Posterior(np.take_along_axis(mean, back, 1), _unsorted(covariance, order), model, weights)
    return found, np.take_along_axis(centre, back, 1)


def _spread(model: Model, done: NDArray[np.generic], rows: int, weights: Array) -> Array:
    """Posterior covariance of theta in sorted order: what is unknown of mu, and the scatter of the rows that were not run."""
    factor = model.factor
    whiten = np.asarray(np.linalg.inv(factor), dtype=np.float64)
    done = np.asarray(done, dtype=np.float64)
    information = whiten.transpose(0, 2, 1) @ (done[:, :, None] * whiten)
    spread = np.einsum("rg,rgjk->rjk", weights, np.linalg.inv(information[:, None] + _prior_precision(factor.shape[1])))
    carried = _carried(factor, whiten, done, rows)
    scatter = (factor * (rows - done)[:, None, :]) @ factor.transpose(0, 2, 1) / rows**2
    return carried @ spread @ carried.transpose(0, 2, 1) + scatter


def _carried(factor: Array, whiten: Array, done: Array, rows: int) -> Array:
    """How much of mu still matters for theta: all of it before the first row, nothing after the last."""
    return np.eye(factor.shape[1]) - factor @ ((done / rows)[:, :, None] * whiten)


def _prior_precision(count: int) -> Array:
    """Of the deviations from an unknown common mean, one matrix for each scale: (G, K, K)."""
    if count == 1:
        return np.zeros((len(SCALES), 1, 1))
    return (np.eye(count) - 1 / count) / (SCALES**2)[:, None, None]


def _reordered(matrices: Array, order: NDArray[np.int64]) -> Array:
    return np.take_along_axis(np.take_along_axis(matrices, order[:, :, None], 1), order[:, None, :], 2)


def _unsorted(matrices: Array, order: NDArray[np.int64]) -> Array:
    return _reordered(matrices, np.argsort(order, axis=1))


_KEPT: dict[int, Array] = {}


def _normals(count: int) -> Array:
    """512 points of a standard normal distribution in `count` dimensions: scrambled Sobol points with a fixed seed."""
    if count not in _KEPT:
        from scipy.special import ndtri
        from scipy.stats import qmc  # scipy.stats takes half a second to load

        _KEPT[count] = ndtri(np.clip(qmc.Sobol(count, rng=np.random.default_rng(0)).random(512), 1e-6, 1 - 1e-6))
    return _KEPT[count]
