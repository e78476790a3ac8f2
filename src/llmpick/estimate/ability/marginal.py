"""Fits the hyperparameters: those under which the published scores are most probable (empirical Bayes).

The marginal likelihood is Laplace's: at the mode it is that of an ordinary Gaussian process, whose gradient is a trace. Terms are
functions of models only, so the N x N trace is first summed over the rows of each pair of models. Amplitudes have a half-normal prior of
scale 1, shapes a log-normal one about `START`, which only matters where the scores say nothing.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
from scipy import sparse
from scipy.linalg import LinAlgError, cho_solve, cholesky
from scipy.optimize import minimize

from llmpick.estimate.ability import link
from llmpick.estimate.ability.features import Array, Models, as_models, usual
from llmpick.estimate.ability.kernel import LEVELS, Rows, model_kernels, model_terms, row_covariance
from llmpick.estimate.ability.posterior import JITTER, Mode, find_mode, rows_of
from llmpick.estimate.ability.records import AbilityEvidence, Hyperparameters

SHAPE_SD = 0.5
IMPOSSIBLE = 1e10
START_SHAPES = {
    "size_length": 1.3, "saturation": 0.3, "token_length": 1.0, "year_length": 1.5, "data_weight": 0.7, "progress": 0.7, "total_share": 0.5,
}  # fmt: skip
"""Where shapes start, and the median of their wide prior: kernels as long as a ladder's step, little saturation, parameters and tokens as
limiting as each other at 7B and 3T or a little less, nearly a step of size per year, total and active parameters of a mixture alike."""
KEYS = tuple((level, term) for level, terms in LEVELS.items() for term in terms)
SHAPES = slice(len(KEYS) + 1, None)
"""Where the shapes are in the packed vector."""
SMALLEST, LARGEST = 2e-3, 3.0


LINK, FLOOR = 0.33, 0.9
"""Of the curve from ability to score. Of k = 0.25, 0.33, 0.4, 0.5, 1 and floors of 0, 0.6, 0.9, 0.96 of chance, the most probable given the
scores of all families but Qwen2.5, whose large sizes `benchmarks/ability.py` hides: k is worth 18 units of log likelihood against 0.5, the
floor 88 against none."""


def start() -> Hyperparameters:
    """All amplitudes alike: nothing is known of their relation."""
    amplitudes = {level: dict.fromkeys(terms, 0.2) for level, terms in LEVELS.items()}
    return Hyperparameters(amplitudes, START_SHAPES, 0.02, LINK, FLOOR)


def fit(
    evidence: AbilityEvidence,
    wanted: Callable[[int], bool],
    *,
    rounds: int = 3,
    iterations: int = 25,
    heard: Callable[[str], None] = lambda _: None,
) -> tuple[Hyperparameters, float]:
    """The hyperparameters that explain the `wanted` scores best, from those of the evidence on, and the negative log posterior at the end.

    Each round finds the mode, then moves the hyperparameters under the linearised scores; `heard` is told how it goes.
    """
    rows = rows_of(evidence, wanted)
    used = sorted(set(rows.model.tolist()))
    models = as_models([evidence.facts[i] for i in used], usual(evidence.facts))
    rows = replace(rows, model=np.searchsorted(used, rows.model))
    hyper, mode = evidence.hyper, None
    for turn in range(rounds):
        mode = _mode(models, rows, hyper, mode)
        found = minimize(
            _objective,
            _pack(hyper),
            args=(models, rows, mode, hyper),
            jac=True,
            method="L-BFGS-B",
            bounds=[(np.log(SMALLEST), np.log(LARGEST))] * len(KEYS) + [(-6, -1)] + [(-4, 1.2)] * len(START_SHAPES),
            options={"maxiter": iterations},
        )
        hyper = _unpack(found.x, hyper)
        heard(f"round {turn + 1}: {found.fun:.2f} after {found.nit} steps")
    return hyper, _laplace(models, rows, hyper, mode)


def _mode(models: Models, rows: Rows, hyper: Hyperparameters, before: Mode | None) -> Mode:
    covariance = row_covariance(rows, model_kernels(model_terms(models, models, hyper.shapes), hyper.amplitudes))
    return find_mode(rows.score, rows.chance, covariance, hyper, None if before is None else before.latent)


def _laplace(models: Models, rows: Rows, hyper: Hyperparameters, before: Mode | None) -> float:
    """Negative log marginal likelihood of the scores themselves, constants left out: comparable between links (`hyper.link`)."""
    mode = _mode(models, rows, hyper, before)
    residual = (rows.score - link.score(mode.latent, hyper.link, hyper.floor * rows.chance)) / hyper.noise
    wide = np.log(np.diag(mode.factor)) + np.log(mode.slope)
    prior, _ = _prior(_pack(hyper))
    return float(0.5 * residual @ residual + 0.5 * mode.latent @ mode.weights + wide.sum() + prior)


def _objective(packed: Array, models: Models, rows: Rows, mode: Mode, fixed: Hyperparameters) -> tuple[float, Array]:
    """Negative log posterior of the hyperparameters under the scores linearised at `mode`, and its gradient."""
    hyper = _unpack(packed, fixed)
    terms = model_terms(models, models, hyper.shapes)
    noisy = row_covariance(rows, model_kernels(terms, hyper.amplitudes))
    noise = (hyper.noise / mode.slope) ** 2
    noisy[np.diag_indices(len(noise))] += noise + JITTER
    try:
        factor = cholesky(noisy, lower=True, overwrite_a=True, check_finite=False)
    except LinAlgError:  # numerically singular: a line search that went too far comes back
        return IMPOSSIBLE, np.zeros_like(packed)
    weights = cho_solve((factor, True), mode.observed, check_finite=False)
    value = 0.5 * mode.observed @ weights + np.log(np.diag(factor)).sum()
    trace = cho_solve((factor, True), np.eye(len(noise)), check_finite=False, overwrite_b=True)
    trace -= np.outer(weights, weights)
    by_level = {level: _by_models(trace, rows, level, len(models.ids)) for level in LEVELS}
    amplitudes = [hyper.amplitudes[level][term] ** 2 * np.sum(by_level[level] * terms[term]) for level, term in KEYS]
    gradient = np.array([*amplitudes, np.diag(trace) @ noise, *_shape_gradient(models, hyper, terms, by_level)])
    prior, prior_gradient = _prior(packed)
    return float(value + prior), gradient + prior_gradient


def _by_models(trace: Array, rows: Rows, level: str, count: int) -> Array:
    """The sum of `trace` over the rows of each pair of models that share the key of a level (count, count)."""
    same = rows.keys[level][:, None] == rows.keys[level]
    to_model = sparse.csr_matrix((np.ones(len(rows.model)), (rows.model, np.arange(len(rows.model)))), shape=(count, len(rows.model)))
    return to_model @ (to_model @ (trace * same)).T


def _shape_gradient(models: Models, hyper: Hyperparameters, terms: Mapping[str, Array], by_level: Mapping[str, Array]) -> list[float]:
    """With respect to the logarithms of the shapes, by forward differences of the terms."""
    gradient, step = list[float](), 1e-4
    for name, value in hyper.shapes.items():
        moved = model_terms(models, models, {**hyper.shapes, name: value * np.exp(step)})
        changed = {t: (moved[t] - terms[t]) / step for t in terms if not np.array_equal(moved[t], terms[t])}
        parts = (hyper.amplitudes[lv][t] ** 2 * np.sum(by_level[lv] * changed[t]) for lv, t in KEYS if t in changed)
        gradient.append(0.5 * float(sum(parts)))
    return gradient


def _prior(packed: Array) -> tuple[float, Array]:
    gradient = np.zeros_like(packed)
    variances = np.exp(2 * packed[: len(KEYS)])
    off = packed[SHAPES] - np.log(list(START_SHAPES.values()))
    gradient[: len(KEYS)] = variances
    gradient[SHAPES] = off / SHAPE_SD**2
    return float(0.5 * variances.sum() + 0.5 * np.sum(off**2) / SHAPE_SD**2), gradient


def _pack(hyper: Hyperparameters) -> Array:
    """Logarithms: amplitudes, noise, shapes."""
    amplitudes = (hyper.amplitudes[level][term] for level, term in KEYS)
    return np.log([*amplitudes, hyper.noise, *(hyper.shapes[name] for name in START_SHAPES)])


def _unpack(packed: Array, fixed: Hyperparameters) -> Hyperparameters:
    """The curve from ability to score is that of `fixed`."""
    values = np.exp(packed)
    amplitudes: dict[str, dict[str, float]] = {level: {} for level in LEVELS}
    for (level, term), value in zip(KEYS, values, strict=False):
        amplitudes[level][term] = float(value)
    shapes = dict(zip(START_SHAPES, values[SHAPES].tolist(), strict=True))
    return Hyperparameters(amplitudes, shapes, float(values[len(KEYS)]), fixed.link, fixed.floor)
