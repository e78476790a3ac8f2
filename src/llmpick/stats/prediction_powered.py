"""A few human labels correct a judge that has scored all rows: the mean that the humans would have given, at the price of a few.

The judge's scores alone are biased, the few labels alone are noisy. Together: the mean of what the judge lets one expect, plus the mean
error of that expectation on the labelled rows. The result is right however bad the judge is; a good judge makes it narrow. What is
expected of a row is a straight line through judge and human score, fitted to labels, so that a useless judge ends as no judge at all.

Three forms, by how the labels come:

- `corrected_mean`: how many labels there are was fixed beforehand (Student's t; Angelopoulos et al., "Prediction-powered inference",
  Science 2023, arXiv 2301.09633, and "PPI++", arXiv 2311.01453).
- `rectify`: rows come one by one, and a coin of known probability decides before its label is seen whether a row gets one. Each row becomes
  a value whose mean is the humans', so the betting tests apply at every look. It speaks of new inputs like the rows: with unlabelled rows
  in the past nobody knows what the rows still to come must add up to, so a finite number of rows cannot be made use of.
- `labels_interval`: the judge has scored all N rows, and labels are added in random order until they suffice. It speaks of the N rows
  themselves and ends in a point when all are labelled (betting without replacement with a control variate: Waudby-Smith and Ramdas, arXiv
  2010.09686, section 4; Shekhar et al., arXiv 2305.06884).

In the last two the line is fitted on labels of the past only, and stakes are bounded by what the next value can be at worst.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from llmpick.evidence.values import Interval
from llmpick.stats.betting import BETS

Floats = NDArray[np.float64]


def corrected_mean(
    judge: Floats,
    human: Floats,
    labelled: NDArray[np.bool_],
    *,
    confidence: float,
    of: Literal["rows", "inputs"] = "rows",
    low: float = 0.0,
    high: float = 1.0,
) -> Interval:
    """The humans' mean on all rows, from the judge on all and humans on a random part, with an interval for one look.

    `judge`, `human`, `labelled` have shape (N,); `human` is read where `labelled` only; all scores lie in [`low`, `high`]. `of` says what
    the mean is of: these rows, or new inputs like them. The coefficient is the regression slope of human on judge score: the same estimate
    as PPI++ with its best lambda, cov/var/(1 + n/m), which it applies to the m unlabelled rows without the n labelled ones (section 6).
    Where labels and line agree (almost) without error, the variance is that of two imagined labels that err by the whole range, once each
    way: about the rule of three, so that a few labels cannot show a perfect judge. Raises ValueError for fewer than three labels.
    """
    n, rows = int(labelled.sum()), len(labelled)
    if n < 3:
        raise ValueError("a corrected mean needs at least three labels")
    from scipy.stats import t  # scipy.stats takes half a second to load

    j, h = judge[labelled], human[labelled]
    spread = float(((j - j.mean()) ** 2).sum())
    slope = float(((j - j.mean()) * h).sum()) / spread if spread > 1e-12 else 0.0
    errors = h - h.mean() - slope * (j - j.mean())
    variance = max(float((errors**2).sum()) / (n - 2), 2 * (high - low) ** 2 / n) if n < rows else float((errors**2).sum()) / (n - 2)
    squared_error = variance / n * (1 - n / rows)
    if of == "inputs":
        squared_error += max(float(h.var(ddof=1)), variance) / rows
    mean = float(h.mean() + slope * (judge.mean() - j.mean()))
    reach = float(t.ppf((1 + confidence) / 2, n - 2)) * math.sqrt(squared_error)
    value = min(max(mean, low), high)
    return Interval(value, max(min(mean - reach, value), low), min(max(mean + reach, value), high), confidence)


@dataclass(frozen=True, slots=True)
class Rectified:
    """Rows as values whose mean, given the past, is the humans' mean: shape (..., n) each, in the order of the rows.

    `low` and `high` bound each value and are known before its row is drawn, so that nobody can be ruined by a stake that heeds them.
    `range` is that of the scores.
    """

    values: Floats
    low: Floats
    high: Floats
    range: tuple[float, float]

    def best_log_capital(self, null_mean: float) -> Floats:
        """The highest log capital so far against "the humans' mean on new inputs is at most `null_mean`", shape (...).

        It never reaches log(1/alpha) with a probability above alpha if that is so, however often one looks. Minus infinity for no rows.
        """
        return _best_log_capital(self.values, np.full_like(self.values, null_mean), self.low, self.range[1])

    def negated(self) -> "Rectified":
        """The same of minus the scores: a claim that their mean is low becomes one that it is high."""
        low, high = self.range
        return Rectified(-self.values, -self.high, -self.low, (-high, -low))

    def interval(self, *, confidence: float) -> Interval:
        """The humans' mean on new inputs, at every look. For values of shape (n,); raises ValueError for none."""
        if self.values.shape[0] == 0:
            raise ValueError("an interval needs at least one value")
        other = self.negated()
        return _interval(
            lambda null: float(self.best_log_capital(null)),
            lambda null: float(other.best_log_capital(null)),
            float(np.clip(self.values.mean(), *self.range)),
            *self.range,
            confidence,
        )


def rectify(
    judge: Floats,
    human: Floats,
    labelled: NDArray[np.bool_],
    probability: Floats,
    *,
    least_probability: float | None = None,
    low: float = 0.0,
    high: float = 1.0,
) -> Rectified:
    """Each row as expected + (human - expected) * labelled / probability, where the line of what is expected is fitted to past labels.

    `judge` and `human` have shape (..., n) in the order of the rows, all in [`low`, `high`]; `human` is read where labelled only.
    `labelled` and `probability` have shape (n,): the coin of each row and its known probability of falling on "label", in (0, 1]; it may
    depend on the past and on the row's judge score. `least_probability` is the smallest that could have been used, by default the smallest
    given: name it where probabilities differ from row to row. Raises ValueError for a probability outside its range.
    """
    least = float(probability.min(initial=1.0)) if least_probability is None else least_probability
    if not 0 < least <= 1 or (probability < least).any() or (probability > 1).any():
        raise ValueError("probabilities of labels must lie between the smallest possible, above 0, and 1")
    seen = np.where(labelled, human, 0.0)
    intercept, slope = _line_of_the_past(judge, seen, labelled, low, high)
    expected = np.clip(intercept + slope * judge, low, high)
    ends = np.clip([intercept + slope * low, intercept + slope * high], low, high)
    excess = 1 / least - 1
    return Rectified(
        values=expected + np.where(labelled, seen - expected, 0.0) / probability,
        low=low - (ends.max(axis=0) - low) * excess,
        high=high + (high - ends.min(axis=0)) * excess,
        range=(low, high),
    )


def labels_interval(
    judge: Floats, order: NDArray[np.int64], human: Floats, *, confidence: float, low: float = 0.0, high: float = 1.0
) -> Interval:
    """The humans' mean on all N rows, valid at every look while labels are added in random order.

    `judge` has shape (N,), one score for every row; `order`, shape (n,), are the rows labelled so far, drawn at random without replacement,
    and `human`, shape (n,), their labels. Scores lie in [`low`, `high`]. Raises ValueError for no labels.
    """
    rows, n = len(judge), len(order)
    if n == 0:
        raise ValueError("an interval needs at least one label")
    if n == rows:
        mean = float(human.mean())
        return Interval(mean, mean, mean, confidence)
    drawn = judge[order]
    left = rows - np.arange(n)
    mean_left = (judge.sum() - (np.cumsum(drawn) - drawn)) / left
    slope = _line_of_the_past(drawn, human, np.ones(n, dtype=bool), low, high)[1]
    values = human - slope * (drawn - mean_left)
    ends = slope * (np.array([[judge.min()], [judge.max()]]) - mean_left)
    regression = float(human.mean() + slope[-1] * (judge.mean() - drawn.mean()))
    up = _Remaining(values, low - ends.max(axis=0), human, rows, low, high)
    down = _Remaining(-values, ends.min(axis=0) - high, -human, rows, -high, -low)
    return _interval(up.best_log_capital, down.best_log_capital, min(max(regression, low), high), low, high, confidence)


@dataclass(frozen=True, slots=True)
class _Remaining:
    """Labels drawn without replacement: what the rows still to be labelled must average, if the null holds, is known at every draw.

    `values` are what is bet on (the labels with the judge as control variate), at least `lowest`; both have shape (n,), as `labels` has.
    """

    values: Floats
    lowest: Floats
    labels: Floats
    rows: int
    low: float
    high: float

    def best_log_capital(self, null_mean: float) -> float:
        total = np.cumsum(self.labels)
        left = self.rows - np.arange(len(total))
        if total[-1] + (left[-1] - 1) * self.low > self.rows * null_mean + 1e-9 * self.rows:
            return math.inf
        return float(_best_log_capital(self.values, (self.rows * null_mean - total + self.labels) / left, self.lowest, self.high))


def _line_of_the_past(judge: Floats, human: Floats, labelled: NDArray[np.bool_], low: float, high: float) -> tuple[Floats, Floats]:
    """Intercept and slope of human on judge score for each row, by least squares on the labels before it, shape (..., n) each.

    It starts from two imagined rows, one at each end of the range, on which the judge is right: trust that labels soon outweigh.
    """
    ends = np.array([low, high])

    def before(values: Floats, imagined: float) -> Floats:
        counted = np.where(labelled, values, 0.0)
        return imagined + np.cumsum(counted, axis=-1) - counted

    n = before(np.ones_like(judge), 2.0)
    j, h = before(judge, ends.sum()) / n, before(human, ends.sum()) / n
    squares = float((ends**2).sum())
    slope = (before(judge * human, squares) / n - j * h) / (before(judge**2, squares) / n - j**2)
    return h - slope * j, slope


def _best_log_capital(values: Floats, needed: Floats, low: Floats, high: float) -> Floats:
    """The highest log of the average capital of all stakes against "each value is `needed` on average, or less", shape (...).

    A stake is a share of the largest that a value as low as `low` cannot ruin. Nothing is staked where `needed` is not below `high`.
    """
    step = np.where(needed < high, (values - needed) / np.maximum(needed - low, 1e-12), 0.0)
    growth = np.log1p(BETS.reshape(-1, *([1] * values.ndim)) * np.maximum(step, -1.0))
    capital = np.logaddexp.reduce(np.cumsum(growth, axis=-1), axis=0) - math.log(len(BETS))
    return capital.max(axis=-1, initial=-math.inf)


def _interval(up: "_Capital", down: "_Capital", mean: float, low: float, high: float, confidence: float) -> Interval:
    """What neither `up` (against "at most") nor `down` (the same for minus the scores) rejects; each side gets half of the error."""
    threshold = math.log(2 / (1 - confidence))
    return Interval(mean, _lower_bound(up, low, mean, threshold), -_lower_bound(down, -high, -mean, threshold), confidence)


def _lower_bound(capital: "_Capital", low: float, mean: float, threshold: float) -> float:
    """The largest mean that the bets reject as an upper bound, at most `mean`, by bisection: the capital falls as the null mean grows."""
    if capital(low) < threshold:
        return low
    rejected, accepted = low, mean
    for _ in range(30):
        middle = (accepted + rejected) / 2
        if capital(middle) >= threshold:
            rejected = middle
        else:
            accepted = middle
    return rejected


_Capital = Callable[[float], float]
"""A null mean → the highest log capital against it."""
