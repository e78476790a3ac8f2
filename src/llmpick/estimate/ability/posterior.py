"""What published scores teach: the posterior of the latent abilities, by Laplace's approximation.

    score = g(z) + e,  e ~ N(0, noise^2),  z ~ GP(0, K)
Gauss-Newton finds the mode: at each step the score is linear in z, so that it reads as an observation z + (score - g) / g' of variance
noise^2 / g'^2, and the posterior is that of an ordinary Gaussian process.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.linalg import cho_solve, cholesky, solve_triangular

from llmpick.estimate.ability import link
from llmpick.estimate.ability.features import Array, Models, Usual, as_models, usual
from llmpick.estimate.ability.kernel import SHARED, Rows, as_rows, model_kernels, model_terms, row_covariance
from llmpick.estimate.ability.records import AbilityEvidence, Hyperparameters

JITTER = 1e-6
STEPS, TOLERANCE = 12, 3e-3
"""The mode has converged when no latent value moves by more: where a score changes fastest, a thousandth of it."""
LONGEST_STEP = 1.5


@dataclass(frozen=True, slots=True)
class Mode:
    """At the most probable latent values `latent` (N,): `observed` (N,) = z + (score - g) / g', `slope` (N,) = g', the lower Cholesky
    `factor` (N, N) of K + noise^2 / g'^2, and `weights` (N,) = its inverse times `observed`.
    """

    latent: Array
    observed: Array
    slope: Array
    factor: Array
    weights: Array


def find_mode(score: Array, covariance: Array, hyper: Hyperparameters, start: Array | None = None) -> Mode:
    """Gauss-Newton from `start` (None: the scores' own latent values); scores (N,) and their prior covariance (N, N)."""
    mode = _linearised(score, covariance, hyper, link.latent(score, hyper.link) if start is None else start)
    for _ in range(STEPS):
        moved = covariance @ mode.weights - mode.latent
        if np.abs(moved).max() < TOLERANCE:
            break
        mode = _linearised(score, covariance, hyper, mode.latent + np.clip(moved, -LONGEST_STEP, LONGEST_STEP))
    return mode


def _linearised(score: Array, covariance: Array, hyper: Hyperparameters, latent: Array) -> Mode:
    slope = link.slope(latent, hyper.link)
    observed = latent + np.clip((score - link.score(latent, hyper.link)) / slope, -LONGEST_STEP, LONGEST_STEP)
    noisy = covariance.copy()
    noisy[np.diag_indices(len(score))] += (hyper.noise / slope) ** 2 + JITTER
    factor = cholesky(noisy, lower=True, overwrite_a=True, check_finite=False)
    return Mode(latent, observed, slope, factor, cho_solve((factor, True), observed, check_finite=False))


@dataclass(frozen=True, slots=True)
class Learnt:
    """The posterior, ready for questions."""

    models: Models
    expected: Usual
    rows: Rows
    hyper: Hyperparameters
    mode: Mode

    def ask(self, models: Models, keys: Mapping[str, Mapping[str, float]]) -> tuple[Array, Array]:
        """Mean (M,) and covariance (M, M) of a weighted mean of the latent abilities of `models` over benchmarks.

        `keys` has, for each level of `SHARED`, the weights of its keys; a key that no published score has stands for a new benchmark.
        """
        amplitudes, shapes = self.hyper.amplitudes, self.hyper.shapes
        across = model_kernels(model_terms(models, self.models, shapes), amplitudes)
        within = model_kernels(model_terms(models, models, shapes), amplitudes)
        covariance, to_rows = np.zeros((len(models.ids),) * 2), np.zeros((len(models.ids), len(self.rows.model)))
        for level in SHARED:
            covariance += within[level] * sum(weight**2 for weight in keys[level].values())
            of_key = np.zeros(len(self.rows.codes[level]))
            for key, weight in keys[level].items():
                if key in self.rows.codes[level]:
                    of_key[self.rows.codes[level][key]] = weight
            to_rows += across[level][:, self.rows.model] * of_key[self.rows.keys[level]]
        explained = solve_triangular(self.mode.factor, to_rows.T, lower=True, check_finite=False)
        return to_rows @ self.mode.weights, covariance - explained.T @ explained


@lru_cache(maxsize=4)
def learn(evidence: AbilityEvidence) -> Learnt:
    """The posterior given all of the evidence; kept for as long as the evidence is asked again."""
    return learn_from(evidence, lambda _: True)


def learn_from(evidence: AbilityEvidence, wanted: Callable[[int], bool]) -> Learnt:
    """The posterior given the scores whose positions are `wanted`."""
    expected = usual(evidence.facts)
    models = as_models(evidence.facts, expected)
    rows = rows_of(evidence, wanted)
    kernels = model_kernels(model_terms(models, models, evidence.hyper.shapes), evidence.hyper.amplitudes)
    mode = find_mode(rows.score, row_covariance(rows, kernels), evidence.hyper)
    return Learnt(models, expected, rows, evidence.hyper, mode)


def rows_of(evidence: AbilityEvidence, wanted: Callable[[int], bool]) -> Rows:
    """The scores at the `wanted` positions as arrays."""
    place = {facts.id: i for i, facts in enumerate(evidence.facts)}
    scores = [score for i, score in enumerate(evidence.scores) if wanted(i)]
    return as_rows(
        [place[s.model] for s in scores],
        [s.benchmark for s in scores],
        [s.source for s in scores],
        [s.score for s in scores],
        evidence.benchmarks,
    )
