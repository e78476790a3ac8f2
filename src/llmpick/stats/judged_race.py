"""Who may leave a race that a judge scores, when a few human labels say how far the judge can be believed.

The claims are those of `stats/race.py`, about what the humans would say. They are shown by bets on the paired differences of two
candidates, rectified by the labels (`rectify` in `stats/prediction_powered.py`): every row counts by what its verdicts let one expect, and
the labelled ones by how far that was off. The claims speak of new inputs like the rows. Of the K - 1 events that can go wrong each has the
probability (1 - confidence) / (K - 1), as there.

A row gets labels for all candidates or for none, by a coin thrown beforehand. A label that the coin asked for and nobody gave counts 0 for
the one and 1 for the other side of each claim, whichever is worse for the claim; so does a row that the machinery lost.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from llmpick.stats.prediction_powered import rectify
from llmpick.stats.race import Progress, Standing, conclude


@dataclass(frozen=True, slots=True)
class HumanLabels:
    """`scores`, shape (K, N), are the humans' where `given`; columns in race order. `drawn`, shape (N,): rows whose coin, which falls on
    "label" with the probability `share`, asks for labels.
    """

    scores: NDArray[np.float64]
    given: NDArray[np.bool_]
    drawn: NDArray[np.bool_]
    share: float


def draw_rows(rows: int, share: float, *, seed: int) -> NDArray[np.bool_]:
    """The rows to be labelled, shape (N,): each with the probability `share`, whatever the judge will say of it."""
    return np.random.default_rng([seed, 1]).random(rows) < share


def judge_corrected(progress: Progress, labels: HumanLabels, *, tolerance: float, confidence: float) -> Standing:
    """All conclusions that verdicts and labels allow, in place of `stats.race.judge`. `progress.scores` are the judge's."""
    count = len(progress.done)
    if count < 2:
        return conclude(progress, np.eye(count, dtype=bool), np.zeros((count, count), dtype=bool))
    threshold = math.log((count - 1) / (1 - confidence))
    worst, kindest = _bounds(progress.scores, progress.lost)
    human_worst, human_kindest = _bounds(labels.scores, progress.lost | ~labels.given)
    not_better, better = np.eye(count, dtype=bool), np.zeros((count, count), dtype=bool)
    rivals, others = np.nonzero(~np.eye(count, dtype=bool))
    shared = np.minimum(progress.done[rivals], progress.done[others])

    def shown(low: NDArray[np.int64], high: NDArray[np.int64], n: int, null: float) -> NDArray[np.bool_]:
        """Whether the humans' mean of low minus high is above `null`, at its worst."""
        judged, human = worst[low, :n] - kindest[high, :n], human_worst[low, :n] - human_kindest[high, :n]
        stream = rectify(judged, human, labels.drawn[:n], np.full(n, labels.share), least_probability=labels.share, low=-1.0, high=1.0)
        return stream.best_log_capital(null) >= threshold

    for n in np.unique(shared[shared > 0]):
        rival, a = rivals[shared == n], others[shared == n]
        not_better[rival, a] = shown(a, rival, n, -tolerance)
        better[rival, a] = shown(rival, a, n, tolerance)
    return conclude(progress, not_better, better)


def _bounds(scores: NDArray[np.float64], unknown: NDArray[np.bool_]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    return np.where(unknown, 0.0, scores), np.where(unknown, 1.0, scores)
