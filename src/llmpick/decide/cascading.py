"""From the evidence of all stages to each candidate's interval, its place, and what the cheaper evidence was worth."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from llmpick.decide.race_answer import Place, RaceVerdict
from llmpick.evidence.values import Interval, Unknown
from llmpick.stats.cascade import bounded_cascade_mean, cascade_estimate

COMPARED = Unknown("the others are compared with it")
TOO_FEW = Unknown("too few rows have all stages")

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Evidence:
    """What K candidates showed: for each stage, the truth last, `values` of shape (K, n_j) on the first n_j of `rows` rows.

    `lost` counts rows that are no part of it, since the machinery lost the truth of some candidate on them.
    """

    values: tuple[Floats, ...]
    rows: int
    lost: int

    def of(self, k: int) -> list[Floats]:
        return [stage[k] for stage in self.values]

    def apart(self, k: int, other: int) -> list[Floats]:
        return [stage[k] - stage[other] for stage in self.values]

    @property
    def enough(self) -> bool:
        """Whether the truth has as many rows as its interval needs."""
        return self.values[-1].shape[1] >= len(self.values) + 2


def known(values: Sequence[Floats], lost: Sequence[NDArray[np.bool_]], rows: int) -> Evidence:
    """The evidence without the rows that the machinery lost, `values` and `lost` of shapes (K, n_j), n_j falling.

    A row whose truth some candidate has lost is dropped everywhere. Where only a cheaper stage was lost it tells nothing of the row,
    and the candidate's mean of that stage stands in its place: what foretells the truth may be anything.
    """
    dropped = np.asarray(lost[-1].any(axis=0))
    kept = np.concatenate([~dropped, np.ones(values[0].shape[1] - len(dropped), dtype=bool)])
    filled: list[Floats] = []
    for stage, gone in zip(values, lost, strict=True):
        there = np.where(gone, 0.0, stage).sum(axis=1) / np.maximum((~gone).sum(axis=1), 1)
        filled.append(np.where(gone, there[:, None], stage)[:, kept[: stage.shape[1]]])
    return Evidence(tuple(filled), rows - int(dropped.sum()), int(dropped.sum()))


def covariances(evidence: Evidence) -> Floats:
    """Of one row's evidence, shape (K, J, J), from the rows that have all stages."""
    n = evidence.values[-1].shape[1]
    seen = np.stack([stage[:, :n] for stage in evidence.values], axis=1)
    centred = seen - seen.mean(axis=2, keepdims=True)
    return centred @ centred.swapaxes(1, 2) / (n - 1)


def explained(cheap: Floats, truth: Floats) -> float | Unknown:
    """Share of the variance of the truth, shape (K, n), that a stage on the same rows foretells, each candidate by a line of its own;
    less what a line through so few rows would seem to foretell by chance.
    """
    n = truth.shape[1]
    x, y = cheap - cheap.mean(axis=1, keepdims=True), truth - truth.mean(axis=1, keepdims=True)
    spread, all_of_it = (x * x).sum(axis=1), float((y * y).sum())
    if n < 4 or all_of_it <= 1e-12 * truth.size:
        return Unknown("the truth is the same on all rows seen" if n >= 4 else TOO_FEW.reason)
    flat = spread <= 1e-12 * n
    share = float(np.where(flat, 0.0, (x * y).sum(axis=1) ** 2 / np.where(flat, 1.0, spread)).sum()) / all_of_it
    return max(1 - (1 - share) * (n - 1) / (n - 2), 0.0)


@dataclass(frozen=True, slots=True)
class Standing:
    """Of K candidates, in the order of the evidence: their intervals, places, and who leads."""

    leader: int
    verdict: RaceVerdict
    places: tuple[Place, ...]
    scores_on_rows: tuple[Interval, ...]
    scores: tuple[Interval, ...]
    differences_on_rows: tuple[Interval | Unknown, ...]
    differences: tuple[Interval | Unknown, ...]


def standing(evidence: Evidence, *, confidence: float, tolerance: float) -> Standing:
    """Who leads, and what is shown. Each score's interval holds by itself; those of all differences, of any two candidates, together: the
    leader is whom the rows favour, so that the error is shared by all pairs (Bonferroni).

    The leader has won when there are others and none is better by more than the tolerance. Raises ValueError where `evidence.enough` is
    false.
    """
    count, rows = len(evidence.values[0]), evidence.rows
    pairs = max(count * (count - 1) // 2, 1)
    each = 1 - (1 - confidence) / pairs

    def score(k: int, population: int | None) -> Interval:
        return bounded_cascade_mean(evidence.of(k), confidence=confidence, population=population)

    def gap(k: int, population: int | None) -> Interval | Unknown:
        if k == leader:
            return COMPARED
        return bounded_cascade_mean(evidence.apart(k, leader), confidence=each, population=population, low=-1.0, high=1.0)

    on_rows = tuple(score(k, rows) for k in range(count))
    leader = max(range(count), key=lambda k: on_rows[k].value)
    gaps = tuple(gap(k, rows) for k in range(count))
    highs = [None if isinstance(one, Unknown) else one.high for one in gaps]
    won = count > 1 and all(high is None or high <= tolerance for high in highs)

    def place(high: float | None) -> Place:
        if high is None:
            return Place.CHOSEN if won else Place.LEADER
        return Place.BEATEN if high < 0 else Place.BEHIND if high <= tolerance else Place.OPEN

    return Standing(
        leader=leader,
        verdict=RaceVerdict.WON if won else RaceVerdict.ALONE if count == 1 else RaceVerdict.UNDECIDED,
        places=tuple(place(high) for high in highs),
        scores_on_rows=on_rows,
        scores=tuple(score(k, None) for k in range(count)),
        differences_on_rows=gaps,
        differences=tuple(gap(k, None) for k in range(count)),
    )


def variances(evidence: Evidence, alone_rows: int) -> tuple[Floats, Floats]:
    """Of each candidate's mean over the rows: that of the cascade, and that of the truth alone on `alone_rows` rows; both shapes (K,)."""
    truth, rows = evidence.values[-1], evidence.rows
    ours = np.array([cascade_estimate(evidence.of(k), population=rows)[1] for k in range(len(truth))])
    return ours, truth.var(axis=1, ddof=1) * (1 / min(alone_rows, rows) - 1 / rows)
