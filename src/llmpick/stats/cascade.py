"""Cheapest evidence first, one valid interval at the end.

Evidence comes in stages, the cheapest first and the truth last: likelihood, a short generation, a judge, a person. Stage j is bought for
the first n_j rows of one random order, n_1 >= n_2 >= ... >= n_J, so every stage's rows are a random sample of the stage before it, and

    estimate = mean of y on n_J rows + sum over j < J of (mean of g_j on n_j rows - mean of g_j on n_(j+1) rows),

where g_j foretells the truth y from the evidence of stages 1 to j. It is unbiased for any fixed g_j (a cheap stage may be biased or
useless, never harmful to the interval's validity), with the variance sum_j (1/n_j - 1/n_(j-1)) S^2(y - g_(j-1)), n_0 = N, g_0 = 0: given
the rows of stage j - 1, the last term is a sample mean of them. Two stages are the prediction-powered estimate of Angelopoulos and others
(arXiv 2301.09633, 2311.01453), and the regression estimate of `stats/control_variate.py`.

`cascade_mean` looks once, `bounded_cascade_mean` too and knows when a t interval cannot be trusted, `anytime_cascade` looks at any time.
"""

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from llmpick.evidence.values import Interval
from llmpick.stats.betting import mean_interval as by_bets
from llmpick.stats.control_variate import hedged_wagers, regression_step
from llmpick.stats.wager import mean_interval, mean_range

FEW = 5
"""With fewer rows than this away from the commonest score the spread is not known well enough for a t interval; the rule of thumb for
proportions (n p >= 5) in terms of rows."""


def bounded_cascade_mean(
    stages: Sequence[NDArray[np.float64]], *, confidence: float, population: int | None, low: float = 0.0, high: float = 1.0
) -> Interval:
    """`cascade_mean` of a truth in [low, high], where it can be trusted: not where nearly all rows have the same score, since their spread
    says next to nothing then (it may be 0). There the range is by betting on the truth alone, which holds for any scores and is wider.
    Sizes may have been chosen by a pilot that is part of the rows. Raises ValueError as `cascade_mean` does.
    """
    truth = stages[-1]
    common = int(np.unique(truth, return_counts=True)[1].max(initial=0))
    if len(truth) - common < FEW:
        _check([len(stage) for stage in stages], population)
        return by_bets(truth, confidence=confidence, population=population, low=low, high=high)
    found = cascade_mean(stages, confidence=confidence, population=population)
    value, bottom, top = (min(max(end, low), high) for end in (found.value, found.low, found.high))
    return Interval(value, bottom, top, confidence)


def cascade_mean(stages: Sequence[NDArray[np.float64]], *, confidence: float, population: int | None) -> Interval:
    """The mean of the last stage over `population` rows (None: over new inputs), from all stages at sizes fixed beforehand.

    `stages[j]` has shape (n_j,), the evidence of stage j on the first n_j rows of a random order, in any unit; the last is the truth. g_j
    is the least-squares line on the rows that have all stages; the error of its coefficients is added, and Student's t has n_J - J
    degrees of freedom. With one cheap stage it is `control_variate.regression_mean`. Raises ValueError when a stage has more rows than
    the one before, or the last fewer than J + 2.
    """
    estimate, variance = cascade_estimate(stages, population=population)
    from scipy.special import stdtrit  # Student's t; scipy.stats would take half a second to load

    reach = float(stdtrit(len(stages[-1]) - len(stages), (1 + confidence) / 2)) * variance**0.5
    return Interval(estimate, estimate - reach, estimate + reach, confidence)


def cascade_estimate(stages: Sequence[NDArray[np.float64]], *, population: int | None) -> tuple[float, float]:
    """The estimate that is in the middle of `cascade_mean`, and its variance."""
    sizes = [len(stage) for stage in stages]
    _check(sizes, population)
    truth, n = stages[-1], sizes[-1]
    estimate, variance = float(truth.mean()), 0.0
    spread, bound = float(truth.var(ddof=1)), population or math.inf
    for j in range(1, len(stages)):
        variance += spread * (1 / sizes[j - 1] - 1 / bound)
        bound = sizes[j - 1]
        known = np.stack([stage[:bound] for stage in stages[:j]])
        if j == len(stages) - 1:
            last = regression_step(truth, known)
            estimate, variance = estimate + last.shift, variance + last.variance
            break
        z = known[:, :n] - known[:, :n].mean(axis=1, keepdims=True)
        inverse = np.linalg.pinv(z @ z.T, rcond=1e-12, hermitian=True)
        line = inverse @ (z @ (truth - truth.mean()))
        spread = float(((truth - truth.mean() - line @ z) ** 2).sum()) / (n - 1 - j)
        step = known.mean(axis=1) - known[:, : sizes[j]].mean(axis=1)
        estimate += float(line @ step)
        variance += spread * float(step @ inverse @ step)
    else:
        variance += spread * (1 / n - 1 / bound)
    return estimate, max(variance, 0.0)


def _check(sizes: Sequence[int], population: int | None) -> None:
    if any(later > earlier for earlier, later in pairwise(sizes)):
        raise ValueError("a stage of a cascade must not have more rows than the cheaper one before it")
    if population is not None and sizes and sizes[0] > population:
        raise ValueError("a stage of a cascade must not have more rows than the population")
    if not sizes or sizes[-1] < len(sizes) + 2:
        raise ValueError("the last stage of a cascade needs two rows more than there are stages")


def anytime_cascade(
    stages: Sequence[NDArray[np.float64]],
    *,
    confidence: float,
    rows: int,
    complete: int,
    pilot: int = 0,
    low: float = 0.0,
    high: float = 1.0,
) -> Interval:
    """The mean of the last stage over all `rows`, with a range that holds at all looks and however many rows each stage has seen by then.

    `stages` as for `cascade_mean`, in the same random order of all rows; the last lies in [low, high]. Fixed beforehand are the stages,
    their order, `complete`, the number of first stages that are bought for all rows at once, and `pilot`.

    Where only the truth is left to buy row by row, the complete stages are its controls (`hedged_wagers`), there is one betting process
    and no pilot. Otherwise all stages see the first `pilot` rows; on them the foretelling g_j of each stage is fitted, clipped to [low,
    high] and frozen. The mean over the rows after the pilot is the sum of the means of g_j - g_(j-1) (g_J = y): what the complete stages
    foretell is known exactly, every other level gets a range by betting with an equal share of the error, the complete stages as
    controls, and the ends are added. The union bound needs nothing of how the nested samples depend on each other. Raises ValueError for
    sizes that contradict this, or scores of the last stage outside the range.
    """
    sizes = [len(stage) for stage in stages]
    _check_anytime(sizes, rows, complete, pilot)
    if (stages[-1] < low).any() or (stages[-1] > high).any():
        raise ValueError(f"scores of the last stage must lie between {low} and {high}")
    if sizes[-1] == rows:
        mean = float(stages[-1].mean())
        return Interval(mean, mean, mean, confidence)
    controls = np.stack(stages[:complete]) if complete else np.zeros((1, rows))
    if complete == len(stages) - 1:
        return mean_interval(*hedged_wagers(stages[-1], controls, low=low, high=high), confidence=confidence)
    foretold = [*_foretellings(stages, pilot, low, high), stages[-1]]
    exact = float(foretold[complete - 1][pilot:].mean()) if complete else low
    levels = [later[pilot:] - earlier[pilot : len(later)] for earlier, later in pairwise(foretold[max(complete - 1, 0) :])]
    ranges = [(level, low - high, high - low) for level in levels]
    if not complete:
        ranges.insert(0, (foretold[0][pilot:] - low, 0.0, high - low))
    threshold = math.log(2 * len(ranges) / (1 - confidence))
    ends = np.array([_level_range(level, controls[:, pilot:], threshold, bottom, top) for level, bottom, top in ranges]).sum(axis=0) + exact
    seen, rest = float(stages[-1][:pilot].sum()), rows - pilot
    value, bottom, top = ((seen + rest * end) / rows for end in np.clip(ends, low, high).tolist())
    return Interval(value, min(bottom, value), max(top, value), confidence)


def _check_anytime(sizes: Sequence[int], rows: int, complete: int, pilot: int) -> None:
    if any(later > earlier for earlier, later in pairwise([rows, *sizes])) or not sizes or not sizes[-1]:
        raise ValueError("a stage of a cascade must have some rows, and not more than the cheaper one before it")
    if not 0 <= complete < len(sizes) or any(size < rows for size in sizes[:complete]):
        raise ValueError("the complete stages of a cascade must have seen all rows, and the last stage is not one of them")
    if complete < len(sizes) - 1 and not len(sizes) + 2 <= pilot <= sizes[-1]:
        raise ValueError("the pilot needs two rows more than there are stages, seen by every stage")


def _foretellings(stages: Sequence[NDArray[np.float64]], pilot: int, low: float, high: float) -> list[NDArray[np.float64]]:
    """g_j on the rows of stage j, for every stage but the last: a ridge line through the pilot rows, inside [low, high]."""
    truth, lines = stages[-1][:pilot], []
    for j in range(1, len(stages)):
        known = np.stack([stage[: len(stages[j - 1])] for stage in stages[:j]])
        centre, spread = known[:, :pilot].mean(axis=1, keepdims=True), known[:, :pilot].std(axis=1, keepdims=True)
        z = (known - centre) / np.where(spread > 0, spread, 1.0)
        past = z[:, :pilot]
        line = np.linalg.solve(past @ past.T + np.eye(j), past @ (truth - truth.mean()))
        lines.append(np.clip(truth.mean() + line @ z, low, high))
    return lines


def _level_range(
    level: NDArray[np.float64], controls: NDArray[np.float64], threshold: float, low: float, high: float
) -> tuple[float, float, float]:
    """Estimate and both ends for the mean of one level over all rows after the pilot, each in [low, high]."""
    if len(level) == controls.shape[1]:
        mean = float(level.mean())
        return mean, mean, mean
    if not len(level):
        return 0.0, low, high
    wagers = hedged_wagers(level, controls, low=low, high=high)
    return float(wagers[-1].estimate), *mean_range(*wagers, threshold=threshold)
