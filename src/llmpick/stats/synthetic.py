"""Score matrices that look like real ones: candidates of different ability on rows of different difficulty.

Every row has a difficulty that all candidates share and something that each candidate alone finds hard in it, both normal:
z = loading_k * shared_i + sqrt(1 - loading_k^2) * own_ki. Candidate k scores 1 where z is in the upper part that its mean score asks for
(two candidates then agree as much as a tetrachoric correlation of loading_a * loading_b says), or, graded, the quantile of a beta
distribution with that mean. Nothing here is random of itself: the generator is an argument.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from llmpick.evidence.values import Source

_GRADES = 513
"""Points of the table of a graded score's quantiles; between them it is linear."""
_HIGHEST_Z = 4.0


@dataclass(frozen=True, slots=True)
class Prior:
    """What the candidates of one task tend to be like, before any of them has run.

    Mean scores are normal on the probit scale: around a level that differs from task to task (`level`: mean and standard deviation), with
    a spread between the candidates of one task that itself differs (`log_spread`: mean and standard deviation of its natural log).
    `agreement` is the correlation of two candidates' latent scores, as it varies between pairs (mean and standard deviation); a pair's is
    the geometric mean of a value of each, which therefore vary by the square root of 2 more.
    `graded_variance`: equally probable values of the share that the variance of a graded score has of the most it could, m (1 - m) at
    mean m.
    """

    level: tuple[float, float]
    log_spread: tuple[float, float]
    agreement: tuple[float, float]
    graded_variance: tuple[float, ...]
    source: Source


def draw_task(
    prior: Prior, candidates: int, rows: int, rng: np.random.Generator, *, graded: bool = False, means: NDArray[np.float64] | None = None
) -> NDArray[np.float64]:
    """Scores of `candidates` on `rows` rows of a task drawn from the prior, shape (candidates, rows), in [0, 1].

    `means`, shape (candidates,), takes the place of the prior's mean scores.
    """
    if means is None:
        means = draw_means(prior, candidates, rng)
    share = float(rng.choice(prior.graded_variance)) if graded else 1.0
    agreement, between = prior.agreement
    loadings = np.sqrt(np.clip(rng.normal(agreement, between * np.sqrt(2), size=candidates), 0.0, 0.95))
    return draw_scores(means, rows, loadings, rng, variance_share=share)


def draw_means(prior: Prior, candidates: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """True mean scores of the candidates of one task, shape (candidates,)."""
    from scipy.special import ndtr

    level, spread = rng.normal(*prior.level), np.exp(rng.normal(*prior.log_spread))
    return ndtr(level + spread * rng.normal(size=candidates))


def draw_scores(
    means: NDArray[np.float64],
    rows: int,
    loadings: NDArray[np.float64] | float,
    rng: np.random.Generator,
    *,
    variance_share: float = 1.0,
    exact: bool = False,
) -> NDArray[np.float64]:
    """Scores with the given expected means, shape (K, rows). `loadings`, shape (K,) or one for all, lie in [0, 1).

    `variance_share` 1 gives scores of 0 and 1, less gives graded ones. `exact`: scores of 0 and 1 only, and each candidate's mean on
    these very rows is its mean rounded to a whole number of rows.
    """
    from scipy.special import ndtri

    weight = np.broadcast_to(np.asarray(loadings, dtype=float), means.shape)[:, None]
    latent = weight * rng.normal(size=rows) + np.sqrt(1 - weight**2) * rng.normal(size=(len(means), rows))
    if exact:
        rank = latent.argsort(axis=1).argsort(axis=1)
        return (rank >= rows - np.round(means * rows).astype(int)[:, None]).astype(float)
    if variance_share >= 1.0:
        return (latent > -ndtri(means)[:, None]).astype(float)
    return np.stack([_graded(row, mean, variance_share) for row, mean in zip(latent, means, strict=True)])


def _graded(latent: NDArray[np.float64], mean: float, variance_share: float) -> NDArray[np.float64]:
    """The beta distribution with this mean, whose variance is `variance_share` of mean * (1 - mean), at the quantiles of `latent`."""
    from scipy.special import betaincinv, ndtr

    size = 1 / variance_share - 1
    mean = min(max(mean, 1e-6), 1 - 1e-6)
    table = np.linspace(-_HIGHEST_Z, _HIGHEST_Z, _GRADES)
    return np.interp(latent, table, betaincinv(mean * size, (1 - mean) * size, ndtr(table)))
