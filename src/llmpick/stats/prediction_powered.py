"""A few human labels correct a judge that scores all rows: the mean that the humans would have given, at the price of a few.

The judge's scores alone are biased, the few labels alone are noisy. Together: the mean of what the judge lets one expect, plus the mean
error of that expectation on the labelled rows. The result is right however bad the judge is; a good judge makes it narrow. What is
expected of a row is a straight line through judge and human score, fitted to labels, so that a useless judge ends as no judge at all
(Angelopoulos et al., "Prediction-powered inference", Science 2023, arXiv 2301.09633, and "PPI++", arXiv 2311.01453).

Rows come one by one, and a coin of known probability decides before its label is seen whether a row gets one. Each row becomes a value
whose mean is the humans', so the betting tests apply at every look: the line is fitted on labels of the past only, and stakes are bounded
by what the next value can be at worst. It speaks of new inputs like the rows: with unlabelled rows in the past nobody knows what the rows
still to come must add up to, so a finite number of rows cannot be made use of. Where the judge has scored all rows beforehand and labels
are added to them, the judge is a control: `control_wagers` in `stats/control_variate.py`.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from llmpick.evidence.values import Interval
from llmpick.stats.betting import lower_bound, mixed

Floats = NDArray[np.float64]


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
        step = (
            (self.values - null_mean) / np.maximum(null_mean - self.low, 1e-12) if null_mean < self.range[1] else np.zeros_like(self.values)
        )
        return mixed(step).max(axis=-1, initial=-math.inf)

    def negated(self) -> "Rectified":
        """The same of minus the scores: a claim that their mean is low becomes one that it is high."""
        low, high = self.range
        return Rectified(-self.values, -self.high, -self.low, (-high, -low))

    def interval(self, *, confidence: float) -> Interval:
        """The humans' mean on new inputs, at every look. For values of shape (n,); raises ValueError for none."""
        if self.values.shape[0] == 0:
            raise ValueError("an interval needs at least one value")
        mean, threshold = float(np.clip(self.values.mean(), *self.range)), math.log(2 / (1 - confidence))
        return Interval(mean, self._at_least(mean, threshold), -self.negated()._at_least(-mean, threshold), confidence)

    def _at_least(self, mean: float, threshold: float) -> float:
        return lower_bound(lambda null_mean: float(self.best_log_capital(null_mean)), self.range[0], mean, threshold)


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
