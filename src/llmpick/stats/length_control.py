"""Win rates as they would be at equal lengths: how much of a judge's favour is a liking for long answers.

The model is AlpacaEval 2's (Dubois et al., arXiv 2404.04475, section 3): a logistic regression of the score on the candidate's strength,
on tanh(length difference / its standard deviation), and on how hard the row is, read at difference zero and averaged over the rows. Two
things differ. How hard a row is comes from the candidates that are being compared, not from a fit to other models' verdicts; and the
coefficient of length is one for all candidates, since it describes the judge: a candidate whose answers are always shorter than the
opponent's says nothing of what happens at equal lengths, and left to itself its coefficient is noise. On AlpacaEval's own verdicts on 58
models the mean distance from the published rates falls from 6.4 points to 0.7 by the two, and is 1.2 points for five of them drawn at
random (4.6 for the plain win rate); for one candidate alone nothing tells a hard row from a long answer, and the rate is hardly better
than the plain one.

Exchanging candidates and opponent turns a rate into one minus it, and a model against itself gets one half, as the paper asks.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from llmpick.evidence.values import Interval

Floats = NDArray[np.float64]

PRIOR_SD = {"strength": 10.0, "length": 10.0, "row": 3.0}
"""Standard deviations, in logits, of the normal priors that give a separated or flat fit an end: a row three logits from the middle has 5%
or 95%, a strength or a liking of ten none that differs from certainty."""
GROUPS = 20
"""Groups of the delete-a-group jackknife: as many refits."""


@dataclass(frozen=True, slots=True)
class LengthControl:
    """`rates`: each candidate's win rate at equal lengths. `liking`: the judge's log odds per unit of tanh, 0 for none."""

    rates: tuple[Interval, ...]
    liking: Interval


def length_controlled(scores: Floats, length_difference: Floats, seen: NDArray[np.bool_], *, confidence: float) -> LengthControl:
    """Length-controlled win rates of K candidates against one opponent, for new inputs, from one look.

    `scores` in [0, 1], `length_difference` (candidate minus opponent, in any one unit) and `seen` have shape (K, N), rows in random order;
    a cell that was not seen is not read. Intervals are those of the jackknife over groups of rows, on the logit scale, with never less
    error than two contrary rows would make. Raises ValueError when a candidate has fewer than `GROUPS` rows.
    """
    counts = seen.sum(axis=1)
    if counts.min(initial=GROUPS) < GROUPS:
        raise ValueError(f"length control needs at least {GROUPS} rows of each candidate")
    from scipy.stats import t  # scipy.stats takes half a second to load

    spread = float(length_difference[seen].std()) or 1.0
    lengths = np.where(seen, np.tanh(length_difference / spread), 0.0)
    known = np.where(seen, scores, 0.5)
    whole = _fit(known, lengths, seen)
    groups = np.arange(scores.shape[1]) % GROUPS
    parts = [groups != g for g in range(GROUPS)]
    logits = _at_equal_lengths(whole, len(scores))
    without = np.array(
        [
            _at_equal_lengths(_fit(known[:, part], lengths[:, part], seen[:, part], _without_rows(whole, part)), len(scores))
            for part in parts
        ]
    )
    errors = np.sqrt((GROUPS - 1) / GROUPS * ((without - without.mean(axis=0)) ** 2).sum(axis=0))
    rates = 1 / (1 + np.exp(-logits[:-1]))
    errors[:-1] = np.maximum(errors[:-1], math.sqrt(2) / counts / np.maximum(rates * (1 - rates), 1e-12))
    reach = float(t.ppf((1 + confidence) / 2, GROUPS - 1)) * errors
    ends = 1 / (1 + np.exp(-np.array([logits - reach, logits + reach])))
    liking = float(logits[-1])
    return LengthControl(
        tuple(Interval(float(rate), float(low), float(high), confidence) for rate, low, high in zip(rates, *ends[:, :-1], strict=True)),
        Interval(liking, liking - float(reach[-1]), liking + float(reach[-1]), confidence),
    )


def _fit(scores: Floats, lengths: Floats, seen: NDArray[np.bool_], start: Floats | None = None) -> Floats:
    """The mode of the posterior: K strengths, the judge's liking for length, and how easy each row is, shape (K + 1 + N,), in logits.

    A graded score is a fractional response (Papke and Wooldridge 1996): the likelihood of a coin, with the score as its share of heads.
    """
    from scipy.optimize import minimize
    from scipy.special import expit

    count, rows = scores.shape
    weights = np.concatenate([[PRIOR_SD["strength"]] * count, [PRIOR_SD["length"]], [PRIOR_SD["row"]] * rows]) ** -2.0

    def loss(parameters: Floats) -> tuple[float, Floats]:
        odds = parameters[:count, None] + parameters[count] * lengths + parameters[count + 1 :]
        value = np.where(seen, np.logaddexp(0, odds) - scores * odds, 0.0).sum() + (weights * parameters**2).sum() / 2
        error = np.where(seen, expit(odds) - scores, 0.0)
        gradient = np.concatenate([error.sum(axis=1), [(error * lengths).sum()], error.sum(axis=0)])
        return float(value), gradient + weights * parameters

    def curvature(parameters: Floats, direction: Floats) -> Floats:
        rates = expit(parameters[:count, None] + parameters[count] * lengths + parameters[count + 1 :])
        bend = np.where(seen, rates * (1 - rates), 0.0) * (direction[:count, None] + direction[count] * lengths + direction[count + 1 :])
        return np.concatenate([bend.sum(axis=1), [(bend * lengths).sum()], bend.sum(axis=0)]) + weights * direction

    first = np.zeros(count + 1 + rows) if start is None else start
    return minimize(loss, first, jac=True, hessp=curvature, method="trust-ncg", options={"gtol": 1e-4}).x


def _at_equal_lengths(fitted: Floats, count: int) -> Floats:
    """The logits of the K rates, averaged over the rows, and the judge's liking, shape (K + 1,)."""
    from scipy.special import expit, logit

    return np.append(logit(expit(fitted[:count, None] + fitted[count + 1 :]).mean(axis=1)), fitted[count])


def _without_rows(fitted: Floats, part: NDArray[np.bool_]) -> Floats:
    shared = len(fitted) - len(part)
    return np.concatenate([fitted[:shared], fitted[shared:][part]])
