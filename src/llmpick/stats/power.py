"""What rows can tell: how many more would decide between two candidates, which difference is too small to be seen, what clusters cost.

All of it concerns *new inputs like these*: the rows seen are a sample, and the paired differences of two candidates on them have a mean
and a variance that are themselves uncertain. The paired z test is the yardstick (Miller, "Adding error bars to evals", arXiv 2411.00640,
sections 4 and 5), with the law of future rows added: what was seen stays, and only rows still to come are left to chance.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from llmpick.evidence.values import Interval, Unknown

MOST_ROWS = 10_000_000
"""Nobody labels so many rows: an end of an interval that stands here means "or more"."""
SURE = 0.90
"""The stated range of a number of rows holds with this probability."""
PEEKING_COST = 0.8
"""What a mixture of bets earns less than the best fixed bet would, in nats of capital: `stats/betting.py` decides by log(1 / alpha) + this.
Found by simulation: tests/stats/test_power.py holds the promise of `rows_to_decide` against the bets themselves."""
_GRID = 24
"""Points along each of the two uncertain quantities (mean and variance), equally probable: with four times as many cases the numbers of
rows change by about a percent."""
_HALVINGS = 34
"""Of ten million rows: to a thousandth of a row."""


class _Claim(NamedTuple):
    """That the mean of direction * difference is above `bound` is to be shown."""

    direction: float
    bound: float


class _Now(NamedTuple):
    """What was seen: `n` rows with this mean difference; and how many standard errors beyond a bound count as shown."""

    n: int
    mean: float
    shown_at: float
    claims: tuple[_Claim, _Claim]


def rows_to_decide(
    differences: NDArray[np.float64],
    tolerance: float,
    confidence: float,
    power: float = 0.8,
    *,
    peeking: bool = False,
    cheapest: bool = False,
    clusters: NDArray[np.str_] | NDArray[np.int64] | None = None,
    truth: tuple[float, float] | None = None,
) -> Interval | Unknown:
    """How many *more* rows like these would decide between two candidates with a probability of `power`, for new inputs.

    `differences`, shape (n,), are the scores of one candidate minus those of the other, in [-1, 1], on the rows that both have answered.
    Decided means: one of the two is shown, at `confidence`, not to be worse than the other by more than `tolerance`. With `cheapest` the
    *second* of the two is the cheaper one, and decided means that it is shown to be within the tolerance, or to be worse by more.
    `peeking`: shown by an interval that is valid at every look (`stats/betting.py`) and not by one for a fixed number of rows.
    `clusters`, shape (n,), names the document (or the like) that each row comes from; more rows are then more rows of such documents.

    The mean and the variance of the differences are only known as far as the rows tell (a flat prior; two imagined rows keep a few
    equal ones from looking certain, see `cautious_moments`). The value
    has the wanted power on average over all that they leave open; the range holds, with a probability of 90%, the number of rows that has
    it at the true mean and variance (`truth`, where somebody knows them). 0 means that these rows decide already. Unknown where there is
    nothing to compute from, or where even ten million rows would probably not decide.
    """
    n = len(differences)
    if n < 2:
        return Unknown("fewer than two rows were answered by both")
    mean, variance, freedom = _seen(differences, clusters)
    means, deviations = _still_open(mean, variance, n, freedom) if truth is None else (np.full(1, truth[0]), np.full(1, truth[1]))
    claims = (_Claim(-1.0, -tolerance), _Claim(1.0, tolerance)) if cheapest else (_Claim(1.0, -tolerance), _Claim(-1.0, -tolerance))
    now = _Now(n, mean, shown_beyond(confidence, peeking=peeking), claims)
    each = _least_rows(lambda more: _chances(more, now, means, deviations) >= power, means.shape)
    on_average = _least_rows(lambda more: np.mean(_chances(more, now, means, deviations), keepdims=True) >= power, (1,))
    low, high = np.quantile(each, ((1 - SURE) / 2, (1 + SURE) / 2))
    if on_average[0] >= MOST_ROWS:
        return Unknown(f"even {MOST_ROWS:,} rows would probably not decide between two candidates that are so alike")
    value = float(np.ceil(on_average[0]))
    return Interval(value, min(float(np.floor(low)), value), max(float(np.ceil(high)), value), SURE)


def smallest_difference(
    deviation: float, rows: int, confidence: float, power: float = 0.8, *, population: int | None = None, peeking: bool = False
) -> float:
    """The least true difference of two candidates' scores that `rows` rows tell from none with a probability of `power`.

    `deviation` is the standard deviation of the paired differences of one row. Two-sided, as for "which of them is better". With
    `population` the difference is that on so many rows of the user, of which `rows` are run: 0 when all are run. Miller, equation 9;
    the correction for a finite population is Cochran's (Sampling Techniques, 1977, equation 2.8).
    """
    if rows < 1:
        return math.inf
    left = 1.0 if population is None else max(population - rows, 0) / max(population - 1, 1)
    reach = shown_beyond((1 + confidence) / 2, peeking=peeking) + _quantile(power)
    return reach * deviation * math.sqrt(left / rows)


def more_rows(n: int, standard_error: float, distance: float, confidence: float, power: float = 0.8) -> int | None:
    """How many rows more than these `n` show, two-sided with a probability of `power`, that a true `distance` is not 0; None for none.

    `smallest_difference` turned round, at the variance seen: what `rows_to_decide` leaves open is taken as known here. For a distance that
    is none between two candidates, such as that of their difference from the tolerance within which they are to be shown the same.
    """
    if distance <= 0:
        return None
    return max(math.ceil(n * (smallest_difference(standard_error * math.sqrt(n), n, confidence, power) / distance) ** 2) - n, 0)


def design_effect(values: NDArray[np.float64], clusters: NDArray[np.str_] | NDArray[np.int64]) -> float:
    """How much larger the variance of the mean is than if the rows were independent; 1 for clusters of one row each.

    `values` and `clusters` have shape (n,). The clustered variance is Miller's (equation 4) with the usual factor C / (C - 1) for C
    clusters. It is never taken to be below 1: negative correlation inside a document is noise far more often than not.
    """
    _, index = np.unique(clusters, return_inverse=True)
    count = int(index.max()) + 1 if len(values) else 0
    rest = values - values.mean() if len(values) else values
    alone = float((rest**2).sum())
    if count < 2 or count == len(values) or alone == 0:
        return 1.0
    together = float((np.bincount(index, rest) ** 2).sum()) * count / (count - 1)
    return max(together / (alone * len(values) / (len(values) - 1)), 1.0)


def cautious_moments(differences: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and variance of paired differences in [-1, 1], shape (..., n), with two imagined rows: a tie, and one half to each side.

    A few rows on which two candidates are equal do not make the variance 0 (Agresti and Min, Statistics in Medicine 24, 2005).
    """
    n = differences.shape[-1] + 2
    mean = differences.sum(axis=-1) / n
    return mean, ((differences**2).sum(axis=-1) + 1.0) / n - mean**2


def shown_beyond(confidence: float, *, peeking: bool = False) -> float:
    """How many standard errors the mean must lie beyond a bound until it is shown (one-sided) to lie there.

    With `peeking` it is where the best bet's capital, exp(z^2 / 2), has paid for the mixture and reaches 1 / (1 - confidence).
    """
    return math.sqrt(2 * (PEEKING_COST - math.log(1 - confidence))) if peeking else _quantile(confidence)


def _seen(differences: NDArray[np.float64], clusters: NDArray[np.str_] | NDArray[np.int64] | None) -> tuple[float, float, int]:
    """Mean, variance of one row (clusters included), and the degrees of freedom that it was estimated with."""
    mean, variance = (float(moment) for moment in cautious_moments(differences))
    if clusters is None:
        return mean, variance, len(differences) + 1
    return mean, variance * design_effect(differences, clusters), max(len(np.unique(clusters)) - 1, 1)


def _still_open(mean: float, variance: float, n: int, freedom: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Equally probable true means and standard deviations, shape (_GRID^2,): the posterior of a normal sample under a flat prior."""
    from scipy.special import chdtri, ndtri

    middles = (np.arange(_GRID) + 0.5) / _GRID
    deviations = np.sqrt(variance * freedom / chdtri(freedom, middles))
    means = mean + np.multiply.outer(deviations, ndtri(middles)) / math.sqrt(n)
    return means.ravel(), np.repeat(deviations, _GRID)


def _chances(more: NDArray[np.float64], now: _Now, means: NDArray[np.float64], deviations: NDArray[np.float64]) -> NDArray[np.float64]:
    """The probability of a decision after `more` further rows, for each possible truth, shape (C,).

    Of one mean, above a bound and below another: the two probabilities add up where the events exclude each other, and else to 1 or more.
    """
    from scipy.special import ndtr

    bar = now.shown_at * np.sqrt(now.n + more)
    total = np.zeros_like(means)
    for claim in now.claims:
        start = now.n * (claim.direction * now.mean - claim.bound)
        expected = start + more * (claim.direction * means - claim.bound)
        total += ndtr((expected / deviations - bar) / np.sqrt(np.maximum(more, 1e-9)))
    return np.minimum(total, 1.0)


def _least_rows(enough: Callable[[NDArray[np.float64]], NDArray[np.bool_]], shape: tuple[int, ...]) -> NDArray[np.float64]:
    """The least number of rows from which on it is enough, found by bisection; `MOST_ROWS` where not even that is."""
    low, high = np.zeros(shape), np.full(shape, float(MOST_ROWS))
    already = enough(low)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        yes = enough(middle)
        low, high = np.where(yes, low, middle), np.where(yes, middle, high)
    return np.where(already, 0.0, high)


def _quantile(probability: float) -> float:
    from scipy.special import ndtri  # scipy.special is loaded only where there is something to compute

    return float(ndtri(probability))
