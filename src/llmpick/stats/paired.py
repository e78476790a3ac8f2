"""Two candidates on the same rows: how far apart they are for new inputs like these, how sure that is, and what more rows would show.

The rows are a sample: each one, or each cluster of rows (all questions on one document), is drawn independently of the others. For scores
of 0 and 1 the difference has Tango's score interval, and McNemar's exact test says whether it is zero; graded scores and clusters have
Student's t. Where almost all rows say the same, t would promise too much, and an exact bound on the share of other rows is added. Pure.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from llmpick.evidence.values import Interval

Test = Literal["McNemar, exact", "paired t", "paired t over clusters", "sign test, exact"]
FEW = 15
"""With fewer rows (clusters) than this that differ from the most frequent value, a 95% interval by t rests on too little: of 1,000 rows
with 15 others, all to one side, it covers 93%, with 10 91%, with 5 88%."""
POWER = 0.8
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

    `p` is the two-sided probability of a difference at least so large if there were none, by `test`. `wins` counts rows on which the first
    scores higher, `losses` those on which the second does. `counts` is None for graded scores.
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
    first: NDArray[np.float64], second: NDArray[np.float64], *, confidence: float, clusters: NDArray[np.str_] | None = None
) -> PairedDifference:
    """The difference of two candidates' scores, shape (n,) each, in [0, 1], row by row; `clusters`, shape (n,), names each row's cluster.

    Raises ValueError without rows, or for a single cluster.
    """
    n, differences = len(first), first - second
    if n == 0:
        raise ValueError("there are no paired rows")
    counts = _counts(first, second)
    wins, losses = int((differences > 0).sum()), int((differences < 0).sum())
    if counts is not None and clusters is None:
        interval = tango_interval(counts.only_first, counts.only_second, n, confidence=confidence)
        return PairedDifference(interval, exact_sign_p(wins, losses), "McNemar, exact", n, wins, losses, counts, None)
    sums = _Sums.of(differences, clusters)
    interval = _interval(sums, -1.0, 1.0, confidence)
    t_p, test = sums.t_p(), "paired t" if clusters is None else "paired t over clusters"
    if sums.rests_on_few():
        sign_p = exact_sign_p(int((sums.totals > 0).sum()), int((sums.totals < 0).sum()))
        t_p, test = max((t_p, test), (sign_p, "sign test, exact"))
    return PairedDifference(interval, t_p, test, n, wins, losses, counts, None if clusters is None else len(sums.totals))


def mean_score(scores: NDArray[np.float64], *, confidence: float, clusters: NDArray[np.str_] | None = None) -> Interval:
    """The mean of scores in [0, 1], shape (n,), n >= 1, for new inputs; for scores of 0 and 1 Wilson's interval (JASA 22, 1927)."""
    if clusters is None and _all_zero_or_one(scores):
        return _wilson(int(scores.sum()), len(scores), confidence)
    return _interval(_Sums.of(scores, clusters), 0.0, 1.0, confidence)


def exact_sign_p(wins: int, losses: int) -> float:
    """The two-sided exact sign test, McNemar's exact test for scores of 0 and 1: wins ~ Binomial(wins + losses, 1/2). 1 without any."""
    from scipy.special import bdtr  # scipy.stats takes half a second to load

    return min(1.0, 2.0 * float(bdtr(min(wins, losses), wins + losses, 0.5))) if wins + losses else 1.0


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


def detectable_difference(standard_error: float, *, confidence: float, power: float = POWER) -> float:
    """The least true difference that rows with this standard error show, two-sided, with a probability of `power`."""
    return (_z((1 + confidence) / 2) + _z(power)) * standard_error


def more_rows(n: int, standard_error: float, distance: float, *, confidence: float, power: float = POWER) -> int | None:
    """How many rows more than these `n` show, with a probability of `power`, that a true `distance` (> 0) is not zero; None for 0.

    The normal formula at the variance seen: the standard error shrinks with the square root of the rows.
    """
    if distance <= 0:
        return None
    return max(math.ceil(n * (detectable_difference(standard_error, confidence=confidence, power=power) / distance) ** 2) - n, 0)


def holm(p: list[float]) -> list[float]:
    """Adjusts p values for their number (Holm, Scandinavian Journal of Statistics 6, 1979), so that one test holds for all of them."""
    adjusted, largest = [0.0] * len(p), 0.0
    for rank, k in enumerate(sorted(range(len(p)), key=p.__getitem__)):
        largest = max(largest, min(1.0, (len(p) - rank) * p[k]))
        adjusted[k] = largest
    return adjusted


class _Sums(NamedTuple):
    """Values added up by cluster: `totals` and `sizes` have shape (G,); without clusters each row is one. `n` rows, `mean` over rows."""

    totals: NDArray[np.float64]
    sizes: NDArray[np.float64]
    n: int
    mean: float

    @classmethod
    def of(cls, values: NDArray[np.float64], clusters: NDArray[np.str_] | None) -> "_Sums":
        n, mean = len(values), float(values.mean())
        if clusters is None:
            return cls(values, np.ones(n), n, mean)
        _, index = np.unique(clusters, return_inverse=True)
        totals = np.bincount(index, values).astype(float)
        if len(totals) < 2:
            raise ValueError("an interval over clusters needs at least two of them")
        return cls(totals, np.bincount(index).astype(float), n, mean)

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

    def most_frequent(self) -> tuple[float, int]:
        """The mean that most rows (clusters) have, and how many have it."""
        values, times = np.unique(np.round(self.totals / self.sizes, 12), return_counts=True)
        return float(values[times.argmax()]), int(times.max())

    def rests_on_few(self) -> bool:
        """Whether most rows (clusters) are alike, and few others tell how much they vary."""
        groups, (_, times) = len(self.totals), self.most_frequent()
        return groups - times < min(FEW, groups / 2)


def _interval(sums: _Sums, lowest: float, highest: float, confidence: float) -> Interval:
    """Student's t for the mean; where few rows are unlike the rest, no narrower than an exact bound on the share of such rows allows."""
    from scipy.special import stdtrit

    groups, low, high = len(sums.totals), sums.mean, sums.mean
    if groups > 1:
        reach = float(stdtrit(groups - 1, (1 + confidence) / 2)) * sums.standard_error()
        low, high = sums.mean - reach, sums.mean + reach
    if sums.rests_on_few():
        usual, times = sums.most_frequent()
        share = _share_at_most(groups - times, groups, (1 + confidence) / 2)
        low = min(low, usual + share * (lowest - usual))
        high = max(high, usual + share * (highest - usual))
    return Interval(sums.mean, max(low, lowest), min(high, highest), confidence)


def _share_at_most(k: int, n: int, confidence: float) -> float:
    """The upper limit of Clopper and Pearson (Biometrika 26, 1934) for a share of which `k` of `n` were seen."""
    from scipy.special import betaincinv

    return float(betaincinv(k + 1, n - k, confidence)) if k < n else 1.0


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
