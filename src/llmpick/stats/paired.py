"""Two candidates on the same rows: how far apart they are for new inputs like these, how sure that is, and what more rows would show.

The rows are a sample: each one, or each cluster of rows (all questions on one document), is drawn independently of the others. Interval and
p are one test and its inversion: p <= 1 - confidence exactly where the interval leaves 0 out, so that they cannot contradict each other.

| rows | test | interval |
|---|---|---|
| scores of 0 and 1 | McNemar's score test (Psychometrika 12, 1947), not corrected | Tango's, of which it is the value at 0 |
| graded scores, clusters | Student's t | Student's t |
| the same, almost all rows alike | both t and the weights of `stats/bounded.py` reject | the hull of both |
| a race that could stop when the scores said so | bets (`stats/betting.py`); for clusters both bets and t reject | bets; the hull of both |

McNemar's exact test would not fit Tango's interval, and holds back too much: with 24 rows it rejects a true null in 2% of samples where 5%
are allowed. The score test does in 4% to 5.4%, where there are 16 rows or more and 20% to 60% of them differ; where nearly all do, in up to
8% (counted out in `tests/stats/test_paired.py`). Fagerland, Lydersen and Laake, BMC Medical Research Methodology 13:91 (2013), advise
against the exact test for the same reason. Pure.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from llmpick.evidence.values import Interval
from llmpick.stats.betting import best_log_capital, mean_interval
from llmpick.stats.bounded import bounded_mean, bounded_p, weighted_mean

Test = Literal["McNemar, score", "paired t", "paired t over clusters", "random weights", "bets"]
FEW = 15
"""With fewer rows (clusters) than this that differ from the most frequent value, a 95% interval by t rests on too little: of 1,000 rows
with 15 others, all to one side, it covers 93%, with 10 91%, with 5 88%."""
_HALVINGS = 60


class Counts(NamedTuple):
    """Of rows scored 0 or 1: how many both have right, only the first, only the second, neither."""

    both: int
    only_first: int
    only_second: int
    neither: int


@dataclass(frozen=True, slots=True)
class PairedDifference:
    """The first's mean score minus the second's, for new inputs, on `n` paired rows from `clusters` clusters (None: each row alone).

    `p` is the two-sided probability of a difference at least so large if there were none, by `test`: the least error at which `interval`
    would leave 0 out. `wins` counts rows on which the first scores higher, `losses` those on which the second does. `counts` is None for
    graded scores.
    """

    interval: Interval
    p: float
    test: Test
    n: int
    wins: int
    losses: int
    counts: Counts | None
    clusters: int | None

    @property
    def standard_error(self) -> float:
        """The interval's width in terms of a normal one, so that it is never 0."""
        return (self.interval.high - self.interval.low) / 2 / _z((1 + self.interval.confidence) / 2)


def paired_difference(
    first: NDArray[np.float64],
    second: NDArray[np.float64],
    *,
    confidence: float,
    clusters: NDArray[np.str_] | None = None,
    any_stop: bool = False,
) -> PairedDifference:
    """The difference of two candidates' scores, shape (n,) each, in [0, 1], row by row; `clusters`, shape (n,), names each row's cluster.

    `any_stop`: the rows stand in the random order in which they were run, and their number may have hung on the scores; interval and p then
    hold whenever it ended. Raises ValueError without rows, or for a single cluster.
    """
    n, differences = len(first), first - second
    if n == 0:
        raise ValueError("there are no paired rows")
    counts = _counts(first, second)
    wins, losses = int((differences > 0).sum()), int((differences < 0).sum())
    if counts is not None and clusters is None and not any_stop:
        interval = tango_interval(wins, losses, n, confidence=confidence)
        return PairedDifference(interval, mcnemar_p(wins, losses), "McNemar, score", n, wins, losses, counts, None)
    sums = _Sums.of(differences, clusters)
    interval = _interval(sums, -1.0, 1.0, confidence, any_stop)
    p, test = _p(sums, any_stop)
    return PairedDifference(interval, p, test, n, wins, losses, counts, None if clusters is None else len(sums.totals))


def mean_score(
    scores: NDArray[np.float64], *, confidence: float, clusters: NDArray[np.str_] | None = None, any_stop: bool = False
) -> Interval:
    """The mean of scores in [0, 1], shape (n,), n >= 1, for new inputs; `any_stop` as in `paired_difference`.

    For scores of 0 and 1 Wilson's interval (JASA 22, 1927), for graded ones that of `stats/bounded.py`, for clusters Student's t.
    """
    if clusters is not None or any_stop:
        return _interval(_Sums.of(scores, clusters), 0.0, 1.0, confidence, any_stop)
    if _all_zero_or_one(scores):
        return _wilson(int(scores.sum()), len(scores), confidence)
    return bounded_mean(scores, confidence=confidence)


def mcnemar_p(wins: int, losses: int) -> float:
    """Two-sided, by the score statistic (wins - losses) / sqrt(wins + losses), which is Tango's at a difference of 0. 1 without any."""
    from scipy.special import ndtr  # scipy.stats takes half a second to load

    return float(2 * ndtr(-abs(wins - losses) / math.sqrt(wins + losses))) if wins + losses else 1.0


def tango_interval(only_first: int, only_second: int, n: int, *, confidence: float) -> Interval:
    """The difference of two paired proportions, of `n` >= 1 pairs (Tango, Statistics in Medicine 17, 1998, page 891, equation 10).

    All true differences that the score test does not reject, its nuisance parameter at its greatest likelihood under each of them.
    """
    estimate, z = (only_first - only_second) / n, _z((1 + confidence) / 2)

    def rejected(difference: float) -> bool:
        """Whether the score statistic for this difference lies beyond z on the side of the estimate."""
        a, c = 2.0 * n, -only_second * difference * (1 - difference)
        b = (2 * n - only_first + only_second) * difference - only_first - only_second
        share = (math.sqrt(max(b * b - 4 * a * c, 0.0)) - b) / (2 * a)
        variance = n * (2 * share + difference * (1 - difference))
        return abs(only_first - only_second - n * difference) > z * math.sqrt(max(variance, 0.0))

    return Interval(estimate, _edge(rejected, -1.0, estimate), _edge(rejected, 1.0, estimate), confidence)


def holm(p: list[float]) -> list[float]:
    """Adjusts p values for their number (Holm, Scandinavian Journal of Statistics 6, 1979), so that one test holds for all of them."""
    adjusted, largest = [0.0] * len(p), 0.0
    for rank, k in enumerate(sorted(range(len(p)), key=p.__getitem__)):
        largest = max(largest, min(1.0, (len(p) - rank) * p[k]))
        adjusted[k] = largest
    return adjusted


class _Sums(NamedTuple):
    """Values added up by cluster: `totals` and `sizes` have shape (G,), in the order of their first rows; without clusters each row is one.
    `n` rows, `mean` over rows.
    """

    totals: NDArray[np.float64]
    sizes: NDArray[np.float64]
    n: int
    mean: float

    @classmethod
    def of(cls, values: NDArray[np.float64], clusters: NDArray[np.str_] | None) -> "_Sums":
        n, mean = len(values), float(values.mean())
        if clusters is None:
            return cls(values, np.ones(n), n, mean)
        _, first, index = np.unique(clusters, return_index=True, return_inverse=True)
        order, totals = np.argsort(first), np.bincount(index, values).astype(float)
        if len(totals) < 2:
            raise ValueError("an interval over clusters needs at least two of them")
        return cls(totals[order], np.bincount(index).astype(float)[order], n, mean)

    @property
    def clustered(self) -> bool:
        return len(self.totals) < self.n or bool((self.sizes > 1).any())

    def standard_error(self) -> float:
        """Of the mean over rows, by the jackknife that leaves out one cluster at a time (Efron and Stein, Annals of Statistics 9, 1981).

        For single rows it is the usual one. For few clusters of unlike sizes it holds where the sandwich (Miller, arXiv 2411.00640,
        equation 4) is too small.
        """
        groups = len(self.totals)
        without = (self.mean * self.n - self.totals) / (self.n - self.sizes)
        return math.sqrt(float(((without - self.mean) ** 2).sum()) * (groups - 1) / groups)

    def t_p(self) -> float:
        from scipy.special import stdtr

        if len(self.totals) < 2 or self.mean == 0:
            return 1.0
        error = self.standard_error()
        return float(2 * stdtr(len(self.totals) - 1, -abs(self.mean) / error)) if error > 0 else 0.0

    def rests_on_few(self) -> bool:
        """Whether most rows (clusters) are alike, and few others tell how much they vary."""
        groups = len(self.totals)
        times = int(np.unique(np.round(self.means, 12), return_counts=True)[1].max())
        return groups - times < min(FEW, groups / 2)

    @property
    def means(self) -> NDArray[np.float64]:
        return self.totals / self.sizes

    @property
    def weights(self) -> NDArray[np.float64]:
        """Of the means: together as many as there are rows (clusters)."""
        return self.sizes * (len(self.sizes) / self.n)


def _interval(sums: _Sums, lowest: float, highest: float, confidence: float, any_stop: bool) -> Interval:
    """All values that `_p` would not reject, within [`lowest`, `highest`], between which each row lies."""
    parts = list[Interval]()
    if any_stop:
        parts.append(mean_interval(sums.means, confidence=confidence, low=lowest, high=highest))
    elif sums.rests_on_few():
        share = weighted_mean((sums.means - lowest) / (highest - lowest), sums.weights, confidence=confidence)
        span = highest - lowest
        parts.append(Interval(sums.mean, lowest + span * share.low, lowest + span * share.high, confidence))
    if not any_stop or sums.clustered:
        parts.append(_by_t(sums, confidence))
    low, high = min(part.low for part in parts), max(part.high for part in parts)
    return Interval(sums.mean, max(low, lowest), min(high, highest), confidence)


def _by_t(sums: _Sums, confidence: float) -> Interval:
    """Student's t. One row alone tells nothing of how much rows vary."""
    from scipy.special import stdtrit

    groups = len(sums.totals)
    reach = float(stdtrit(groups - 1, (1 + confidence) / 2)) * sums.standard_error() if groups > 1 else math.inf
    return Interval(sums.mean, sums.mean - reach, sums.mean + reach, confidence)


def _p(sums: _Sums, any_stop: bool) -> tuple[float, Test]:
    """The least error at which `_interval` of a difference leaves 0 out, and the test that it is by."""
    parts = list[tuple[float, Test]]()
    if any_stop:
        capital = max(float(best_log_capital(sign * sums.means, 0.0, population=None, low=-1.0, high=1.0)) for sign in (1, -1))
        parts.append((min(2 * math.exp(-capital), 1.0), "bets"))
    elif sums.rests_on_few():
        parts.append((bounded_p((sums.means + 1) / 2, sums.weights, 0.5), "random weights"))
    if not any_stop or sums.clustered:
        parts.append((sums.t_p(), "paired t over clusters" if sums.clustered else "paired t"))
    return max(parts)


def _wilson(k: int, n: int, confidence: float) -> Interval:
    z2, share = _z((1 + confidence) / 2) ** 2, k / n
    centre, reach = (share + z2 / (2 * n)) / (1 + z2 / n), math.sqrt(z2 * (share * (1 - share) + z2 / (4 * n)) / n) / (1 + z2 / n)
    return Interval(share, min(max(centre - reach, 0.0), share), max(min(centre + reach, 1.0), share), confidence)


def _counts(first: NDArray[np.float64], second: NDArray[np.float64]) -> Counts | None:
    if not (_all_zero_or_one(first) and _all_zero_or_one(second)):
        return None
    one, two = first == 1, second == 1
    return Counts(int((one & two).sum()), int((one & ~two).sum()), int((~one & two).sum()), int((~one & ~two).sum()))


def _all_zero_or_one(scores: NDArray[np.float64]) -> bool:
    return bool(np.isin(scores, (0.0, 1.0)).all())


def _edge(rejected: Callable[[float], bool], outer: float, inner: float) -> float:
    """Where values from `inner` (not rejected) towards `outer` begin to be rejected; `outer` if they never are."""
    if not rejected(outer):
        return outer
    for _ in range(_HALVINGS):
        middle = (outer + inner) / 2
        outer, inner = (middle, inner) if rejected(middle) else (outer, middle)
    return inner


def _z(probability: float) -> float:
    from scipy.special import ndtri

    return float(ndtri(probability))
