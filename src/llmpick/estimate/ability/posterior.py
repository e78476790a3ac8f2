"""What published scores teach: the posterior of the latent abilities, by Laplace's approximation.

    score = g(z) + e,  e ~ N(0, noise^2),  z ~ GP(0, K)
Gauss-Newton finds the mode: at each step the score is linear in z, so that it reads as an observation z + (score - g) / g' of variance
noise^2 / g'^2, and the posterior is that of an ordinary Gaussian process. Blank models (`blank`) are observed in z itself; their score
is NaN.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from scipy.linalg import cho_solve, cholesky, solve_triangular

from llmpick.estimate.ability import blank, link
from llmpick.estimate.ability.blank import BLANK
from llmpick.estimate.ability.features import Array, Models, Usual, as_models, usual
from llmpick.estimate.ability.kernel import SHARED, Rows, as_rows, model_kernels, model_terms, row_covariance
from llmpick.estimate.ability.records import AbilityEvidence, Hyperparameters
from llmpick.evidence.ability import AbilityFacts

JITTER = 1e-6
STEPS, TOLERANCE = 12, 3e-3
"""The mode has converged when no latent value moves by more: where a score changes fastest, a thousandth of it."""
LONGEST_STEP = 1.5


@dataclass(frozen=True, slots=True)
class Mode:
    """At the most probable latent values `latent` (N,): `observed` (N,) = z + (score - g) / g' and its standard deviation `noise` (N,) =
    noise / g', `slope` (N,) = g' (1 for a blank model), the lower Cholesky `factor` (N, N) of K + noise^2 / g'^2, and `weights` (N,) = its
    inverse times `observed`.
    """

    latent: Array
    observed: Array
    noise: Array
    slope: Array
    factor: Array
    weights: Array


def find_mode(score: Array, chance: Array, covariance: Array, hyper: Hyperparameters, start: Array | None = None) -> Mode:
    """Gauss-Newton from `start` (NaN or None: the scores' own latent values); scores and their chances (N,), prior covariance (N, N)."""
    floor = hyper.floor * chance
    own = np.where(np.isnan(score), blank.LATENT, link.latent(score, hyper.link, floor))
    mode = _linearised(score, floor, covariance, hyper, own if start is None else np.where(np.isnan(start), own, start))
    for _ in range(STEPS):
        moved = covariance @ mode.weights - mode.latent
        if np.abs(moved[~np.isnan(score)]).max() < TOLERANCE:
            break
        mode = _linearised(score, floor, covariance, hyper, mode.latent + np.clip(moved, -LONGEST_STEP, LONGEST_STEP))
    return replace(mode, latent=np.where(np.isnan(score), covariance @ mode.weights, mode.latent))


def _linearised(score: Array, floor: Array, covariance: Array, hyper: Hyperparameters, latent: Array) -> Mode:
    unscored = np.isnan(score)
    slope = np.where(unscored, 1.0, link.slope(latent, hyper.link, floor))
    step = np.clip((score - link.score(latent, hyper.link, floor)) / slope, -LONGEST_STEP, LONGEST_STEP)
    observed = np.where(unscored, blank.LATENT, latent + step)
    noise = np.where(unscored, blank.SD, hyper.noise / slope)
    noisy = covariance.copy()
    noisy[np.diag_indices(len(score))] += noise**2 + JITTER
    factor = cholesky(noisy, lower=True, overwrite_a=True, check_finite=False)
    return Mode(latent, observed, noise, slope, factor, cho_solve((factor, True), observed, check_finite=False))


@dataclass(frozen=True, slots=True)
class Learnt:
    """The posterior, ready for questions."""

    models: Models
    expected: Usual
    rows: Rows
    hyper: Hyperparameters
    mode: Mode

    def ask(self, models: Models, keys: Mapping[str, Mapping[str, float]]) -> tuple[Array, Array, Array]:
        """Mean (M,) and covariance (M, M) of a weighted mean of the latent abilities of `models` over benchmarks, and the covariance (M, M)
        of what one more benchmark differs by.

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
            weights = of_key[self.rows.keys[level]]
            at = np.flatnonzero(weights)
            to_rows[:, at] += across[level][:, self.rows.model[at]] * weights[at]
        explained = solve_triangular(self.mode.factor, to_rows.T, lower=True, check_finite=False)
        return to_rows @ self.mode.weights, covariance - explained.T @ explained, within["benchmark"]


@lru_cache(maxsize=4)
def learn(evidence: AbilityEvidence) -> Learnt:
    """The posterior given all of the evidence; kept for as long as the evidence is asked again."""
    return learn_from(evidence, lambda _: True)


def learn_from(evidence: AbilityEvidence, wanted: Callable[[int], bool]) -> Learnt:
    """The posterior given the scores whose positions are `wanted`."""
    expected = usual(evidence.facts)
    models = as_models(scored_models(evidence), expected)
    rows = rows_of(evidence, wanted, blanks=(BLANK,))
    kernels = model_kernels(model_terms(models, models, evidence.hyper.shapes), evidence.hyper.amplitudes)
    kept = [evidence.modes.get(score, np.nan) for i, score in enumerate(evidence.scores) if wanted(i)]
    start = np.array(kept + [np.nan] * (len(rows.score) - len(kept)))
    mode = find_mode(rows.score, rows.chance, row_covariance(rows, kernels), evidence.hyper, start)
    return Learnt(models, expected, rows, evidence.hyper, mode)


def scored_models(evidence: AbilityEvidence) -> tuple[AbilityFacts, ...]:
    """The models that the rows of `rows_of` index, the blank one last."""
    return (*evidence.facts, BLANK)


def rows_of(evidence: AbilityEvidence, wanted: Callable[[int], bool], blanks: Sequence[AbilityFacts] = ()) -> Rows:
    """The scores at the `wanted` positions as arrays, and after them the `blanks` on every benchmark, whose score is NaN."""
    place = {facts.id: i for i, facts in enumerate(scored_models(evidence))}
    scores = [(s.model, s.benchmark, s.source, s.score) for i, s in enumerate(evidence.scores) if wanted(i)]
    scores += [(one.id, name, "", np.nan) for one in blanks for name in evidence.benchmarks]
    model, benchmark, source, score = zip(*scores, strict=True)
    return as_rows([place[one] for one in model], benchmark, source, score, evidence.benchmarks)
