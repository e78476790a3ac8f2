"""How often the intervals of the estimators hold the truth: simulated rows, every interval of `stats/` that uses strata, clusters,
controls or stages.

    python benchmarks/estimators.py --coverage 4000

A fixed-size interval is looked at once and should hold in 95% of the repeats, no more and no less; an anytime interval counts as held
only if it held at every look.
"""

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from llmpick.evidence.values import Interval
from llmpick.stats.cascade import anytime_cascade, cascade_mean
from llmpick.stats.clustered import Population, cluster_mean, cluster_wagers, new_cluster_log_capital
from llmpick.stats.control_variate import control_wagers, hedged_wagers, regression_mean, strata_controls
from llmpick.stats.order import balanced_order, block_order, cluster_order
from llmpick.stats.stratified import post_stratified_mean
from llmpick.stats.wager import Wagers, best_log_capital

ROWS = 400
SEEN = 120
CONFIDENCE = 0.95
Rng = np.random.Generator


def rows(rng: Rng, count: int = ROWS) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
    """Paired differences in {-1, 0, 1}, a cheap signal that foretells a third of their variance, and strata of unequal size."""
    strata = rng.choice(5, size=count, p=[0.4, 0.3, 0.15, 0.1, 0.05])
    latent = rng.normal(size=count) + np.array([0.9, 0.2, -0.4, 0.0, 1.5])[strata]
    score = (latent > 0.8).astype(float) - (latent < -0.5)
    return score, 0.6 * latent + 0.8 * rng.normal(size=count), strata


def documents(rng: Rng, count: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """0/1 rows of `count` documents of 1 to 9 rows each, alike within a document, and better in longer documents."""
    sizes = rng.integers(1, 10, size=count)
    level = rng.normal(size=count) + 0.1 * (sizes - 5)
    names = np.repeat(np.arange(count), sizes)
    return (level[names] + rng.normal(size=len(names)) > 0.3).astype(float), names


LONG_RUN = documents(np.random.default_rng(1), 400_000)[0].mean()
"""The mean per row over very many documents: the truth for new ones."""


def _holds(interval: Interval, truth: float) -> bool:
    return interval.low - 1e-9 <= truth <= interval.high + 1e-9


def post_stratified(rng: Rng) -> bool:
    score, _, strata = rows(rng)
    seen = rng.permutation(ROWS)[:SEEN]
    return _holds(post_stratified_mean(score[seen], strata[seen], np.bincount(strata), confidence=CONFIDENCE), score.mean())


def post_stratified_balanced(rng: Rng) -> bool:
    score, _, strata = rows(rng)
    seen = balanced_order(strata, seed=int(rng.integers(2**31)))[:SEEN]
    return _holds(post_stratified_mean(score[seen], strata[seen], np.bincount(strata), confidence=CONFIDENCE), score.mean())


def regression(rng: Rng, *, seen: int = 40, known: int = ROWS) -> bool:
    score, cheap, _ = rows(rng)
    order = rng.permutation(ROWS)
    interval = regression_mean(score[order[:seen]], cheap[order[:known]][None], confidence=CONFIDENCE, population=ROWS)
    return _holds(interval, score.mean())


def regression_two_phase(rng: Rng) -> bool:
    return regression(rng, known=200)


def clusters_new(rng: Rng) -> bool:
    score, names = documents(rng, 40)
    return _holds(cluster_mean(score, names, confidence=CONFIDENCE), LONG_RUN)


def clusters_finite(rng: Rng) -> bool:
    score, names = documents(rng, 80)
    order = cluster_order(names.tolist(), seed=int(rng.integers(2**31)), proportional=False)
    seen = order.rows[order.units < 30]
    interval = cluster_mean(score[seen], names[seen], confidence=CONFIDENCE, population=Population(80, len(names)))
    return _holds(interval, score.mean())


def cascade(rng: Rng) -> bool:
    truth, cheap, _ = rows(rng)
    middle = truth + 0.7 * rng.normal(size=ROWS) + 0.3
    order = rng.permutation(ROWS)
    stages = [cheap[order], middle[order[:200]], truth[order[:50]]]
    return _holds(cascade_mean(stages, confidence=CONFIDENCE, population=ROWS), truth.mean())


FIXED: dict[str, Callable[[Rng], bool]] = {
    "post-stratified, random order": post_stratified,
    "post-stratified, balanced order": post_stratified_balanced,
    "regression, control on all rows": regression,
    "regression, control on half": regression_two_phase,
    "clusters, new documents": clusters_new,
    "clusters, finite set": clusters_finite,
    "cascade of three stages": cascade,
}


def controls_anytime(rng: Rng) -> bool:
    score, cheap, strata = rows(rng)
    order = rng.permutation(ROWS)
    controls = np.vstack([cheap[order], strata_controls(strata[order])])
    return _never_rejected(float(score.mean()), control_wagers(score[order[:300]], controls, low=-1.0, high=1.0))


def hedged_anytime(rng: Rng) -> bool:
    score, cheap, _ = rows(rng)
    order = rng.permutation(ROWS)
    return _never_rejected(float(score.mean()), *hedged_wagers(score[order[:300]], cheap[order][None], low=-1.0, high=1.0))


def blocks_anytime(rng: Rng) -> bool:
    score, _, strata = rows(rng)
    order = block_order(strata, size=6, seed=int(rng.integers(2**31)))
    return _never_rejected(float(score.mean()), cluster_wagers(score[order.rows[:300]], order.units, low=-1.0, high=1.0))


def clusters_anytime(rng: Rng) -> bool:
    score, names = documents(rng, 80)
    order = cluster_order(names.tolist(), seed=int(rng.integers(2**31)))
    seen = int(0.75 * len(names))
    return _never_rejected(float(score.mean()), cluster_wagers(score[order.rows[:seen]], order.units, low=0.0, high=1.0))


def _never_rejected(mean: float, *wagers: Wagers) -> bool:
    threshold = math.log(2 / (1 - CONFIDENCE))
    above = best_log_capital(*wagers, null_mean=mean)
    below = best_log_capital(*(one.mirrored() for one in wagers), null_mean=-mean)
    return bool(max(above, below) < threshold)


def new_clusters_anytime(rng: Rng) -> bool:
    score, names = documents(rng, 100)
    sums, sizes = np.bincount(names, weights=score), np.bincount(names).astype(float)
    above = new_cluster_log_capital(sums, sizes, LONG_RUN, largest=9, low=0.0).max()
    below = new_cluster_log_capital(-sums, sizes, -LONG_RUN, largest=9, low=-1.0).max()
    return bool(max(above, below) < math.log(2 / (1 - CONFIDENCE)))


def cascade_anytime(rng: Rng, looks: int = 3) -> bool:
    """The first stage is complete or not, by turns; the others grow from look to look."""
    truth, cheap, _ = rows(rng)
    middle = truth + 0.5 * rng.normal(size=ROWS) + 0.3
    order, complete = rng.permutation(ROWS), int(rng.integers(2))
    for look in np.linspace(40, 300, looks).astype(int):
        first, second = ROWS if complete else min(3 * look, ROWS), min(2 * look, ROWS)
        stages = [cheap[order[:first]], middle[order[:second]], truth[order[:look]]]
        interval = anytime_cascade(stages, confidence=CONFIDENCE, rows=ROWS, complete=complete, pilot=20, low=-1.0, high=1.0)
        if not _holds(interval, float(truth.mean())):
            return False
    return True


ANYTIME: dict[str, Callable[[Rng], bool]] = {
    "controls and strata, every row": controls_anytime,
    "hedged with and without a control, every row": hedged_anytime,
    "blocks of strata, every block": blocks_anytime,
    "clusters, finite set, every cluster": clusters_anytime,
    "clusters, new documents, every cluster": new_clusters_anytime,
    "cascade of three stages, three looks": cascade_anytime,
}


def coverage(holds: Callable[[Rng], bool], *, repeats: int, seed: int = 0) -> float:
    """Share of seeded repeats in which the interval held the truth."""
    return float(np.mean([holds(np.random.default_rng((seed, repeat))) for repeat in range(repeats)]))


def print_coverage(repeats: int) -> None:
    for title, table in (("looked at once (goal 93-97%)", FIXED), ("at all looks together (goal at least 95%)", ANYTIME)):
        print(f"coverage of 95% intervals, {title}, {repeats} repeats")
        for name, holds in table.items():
            print(f"  {name:48}{coverage(holds, repeats=repeats):8.1%}")
