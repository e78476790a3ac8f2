"""Who may leave a race that a judge scores, when a few human labels say how far the judge can be believed.

The claims are those of `stats/race.py`, about what the humans would say. They are shown by bets on the paired differences of two
candidates, rectified by the labels (`rectify` in `stats/prediction_powered.py`): every row counts by what its verdicts let one expect, and
the labelled ones by how far that was off. The claims speak of new inputs like the rows. Of the K - 1 events that can go wrong each has the
probability (1 - confidence) / (K - 1), as there.

A row gets labels for all candidates or for none, by a coin thrown beforehand. A label that the coin asked for and nobody gave counts 0 for
the one and 1 for the other side of each claim, whichever is worse for the claim; so does a row that the machinery lost.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from llmpick.evidence.values import Interval
from llmpick.stats.anytime import AnytimeRule
from llmpick.stats.goal import Goal
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


@dataclass(slots=True)
class CorrectedRule:
    """Keeps the protocol `Rule` with the claims of `judge_corrected`. `labels` gives those of the candidates in the race, in its order.

    Whoever is shown to be within the tolerance of all others may be returned, the cheapest of several: the K - 1 events are the false
    claims that the best is not better than one of the others by more, whichever of these is returned.
    """

    goal: Goal
    labels: Callable[[], HumanLabels]

    def judge(self, progress: Progress) -> Standing:
        standing = judge_corrected(progress, self.labels(), tolerance=self.goal.tolerance, confidence=self.goal.confidence)
        able = np.flatnonzero(standing.within)
        if standing.chosen is not None or not len(able):
            return standing
        return replace(standing, chosen=int(min(able, key=lambda k: (progress.cost_rank[k], -progress.means[k]))))

    def next_rows(self, progress: Progress, standing: Standing, cost_per_call: NDArray[np.float64]) -> NDArray[np.int64]:
        """All who may still be the best go on to the same row, labelled or not."""
        return AnytimeRule(self.goal).next_rows(progress, standing, cost_per_call)


def corrected_score(progress: Progress, labels: HumanLabels, k: int, *, confidence: float) -> Interval:
    """What people would say of candidate k on new inputs, valid at every look. Raises ValueError before its first row."""
    worst, kindest = _bounds(progress.scores[k], progress.lost[k])
    human_worst, human_kindest = _bounds(labels.scores[k], progress.lost[k] | ~labels.given[k])
    n = int(progress.done[k])
    return _range((worst[:n], kindest[:n]), (human_worst[:n], human_kindest[:n]), labels, confidence, low=0.0)


def corrected_difference(progress: Progress, labels: HumanLabels, a: int, b: int, *, confidence: float) -> Interval:
    """The score of a minus that of b, as people would give them on new inputs, by the rows that both ran. Raises ValueError for none."""
    n = int(min(progress.done[a], progress.done[b]))
    worst, kindest = _bounds(progress.scores[:, :n], progress.lost[:, :n])
    human_worst, human_kindest = _bounds(labels.scores[:, :n], progress.lost[:, :n] | ~labels.given[:, :n])
    judged = worst[a] - kindest[b], kindest[a] - worst[b]
    human = human_worst[a] - human_kindest[b], human_kindest[a] - human_worst[b]
    return _range(judged, human, labels, confidence, low=-1.0)


def _range(
    judged: tuple[NDArray[np.float64], NDArray[np.float64]],
    human: tuple[NDArray[np.float64], NDArray[np.float64]],
    labels: HumanLabels,
    confidence: float,
    *,
    low: float,
) -> Interval:
    """From the low end of the scores at their worst to the high end of those at their kindest; the two differ by what is missing."""
    n = len(judged[0])
    ends = [
        rectify(judge, said, labels.drawn[:n], np.full(n, labels.share), least_probability=labels.share, low=low).interval(
            confidence=confidence
        )
        for judge, said in zip(judged, human, strict=True)
    ]
    return Interval((ends[0].value + ends[1].value) / 2, ends[0].low, ends[1].high, confidence)


def _bounds(scores: NDArray[np.float64], unknown: NDArray[np.bool_]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    return np.where(unknown, 0.0, scores), np.where(unknown, 1.0, scores)
