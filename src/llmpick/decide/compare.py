"""What two finished runs say about their two candidates: who is better, by how much, where, and what more rows would tell. Pure.

A claim is made only if both the interval and the exact (or t) test allow it. "The same" is said only within a tolerance that the user
names, and only if the whole interval lies inside it (two one-sided tests, Schuirmann, Journal of Pharmacokinetics and Biopharmaceutics 15,
1987, at half the usual level).
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from llmpick.evidence.values import Interval, Unknown
from llmpick.stats.paired import PairedDifference, detectable_difference, holm, mean_score, more_rows, paired_difference
from llmpick.stats.power import rows_to_decide

Finding = Literal["first", "second", "same", "undecided"]
MOST_SLICES = 30
"""A column with more values than this is no way to slice rows, unless it is asked for."""


@dataclass(frozen=True, slots=True)
class PairedScores:
    """The rows that both candidates have a score for: `items`, `first`, `second` (in [0, 1]) and each of `columns` have shape (n,)."""

    items: tuple[str, ...]
    first: NDArray[np.float64]
    second: NDArray[np.float64]
    columns: Mapping[str, NDArray[np.str_]] = field(default_factory=dict[str, NDArray[np.str_]])


@dataclass(frozen=True, slots=True)
class SliceDifference:
    """Both means and their difference on the `n` rows whose `column` has `value`; None where one cluster holds them all.

    `p` is adjusted for all slices of the column (Holm).
    """

    column: str
    value: str
    n: int
    first: float
    second: float
    wins: int
    losses: int
    difference: Interval | None
    p: float | None


@dataclass(frozen=True, slots=True)
class RowDifference:
    """A row on which the two differ."""

    item: str
    first: float
    second: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """`first` and `second` are mean scores, `difference` is the first's minus the second's, all for new inputs like the rows.

    `detectable` is the least true difference that so many rows show four times out of five. `rows_to_decide` is how many more would show
    which is better, None when that is decided; `rows_to_same` how many would show that they are the same within the tolerance, None
    when that is shown, no tolerance was given, or they seem to differ by more. `rows` are all that differ, the furthest apart first.
    """

    n: int
    first: Interval
    second: Interval
    difference: PairedDifference
    finding: Finding
    tolerance: float | None
    cluster: str | None
    detectable: float
    rows_to_decide: Interval | Unknown | None
    rows_to_same: int | None
    slices: tuple[SliceDifference, ...]
    rows: tuple[RowDifference, ...]


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two: its run as the user named it, its candidate, where its scores come from.

    `unpaired` counts the rows that only it has a score for; `cost_per_row`, in `cost_unit`, is the mean over the paired rows.
    """

    run: str
    candidate: str
    source: str
    unpaired: int
    cost_per_row: float | None
    cost_unit: str | None


@dataclass(frozen=True, slots=True)
class ComparedRuns:
    first: Side
    second: Side
    comparison: Comparison
    notes: tuple[str, ...]


def compare_scores(
    scores: PairedScores,
    *,
    confidence: float,
    tolerance: float | None = None,
    cluster: str | None = None,
    by: Collection[str] | None = None,
) -> Comparison:
    """Compares on at least one paired row. `cluster` is the column that names the cluster of each row, `by` the columns to slice by.

    Without `by` it is every column with 2 to `MOST_SLICES` values. Raises ValueError without rows, or for a single cluster.
    """
    clusters = scores.columns[cluster] if cluster else None
    difference = paired_difference(scores.first, scores.second, confidence=confidence, clusters=clusters)
    finding = _finding(difference, confidence, tolerance)
    error = difference.standard_error
    gap = None if tolerance is None or finding == "same" else tolerance - abs(difference.interval.value)
    columns = [name for name in scores.columns if name != cluster and _slices_rows(scores.columns[name])] if by is None else by
    return Comparison(
        n=len(scores.items),
        first=mean_score(scores.first, confidence=confidence, clusters=clusters),
        second=mean_score(scores.second, confidence=confidence, clusters=clusters),
        difference=difference,
        finding=finding,
        tolerance=tolerance,
        cluster=cluster,
        detectable=detectable_difference(error, confidence=confidence),
        rows_to_decide=_rows_to_decide(scores, confidence, clusters) if finding == "undecided" else None,
        rows_to_same=None if gap is None else more_rows(len(scores.items), error, gap, confidence=confidence),
        slices=tuple(part for name in columns for part in _slices(scores, name, confidence, clusters)),
        rows=_rows(scores),
    )


def _finding(difference: PairedDifference, confidence: float, tolerance: float | None) -> Finding:
    interval = difference.interval
    if tolerance is not None and -tolerance <= interval.low and interval.high <= tolerance:
        return "same"
    if difference.p <= 1 - confidence and not interval.low <= 0 <= interval.high:
        return "first" if interval.value > 0 else "second"
    return "undecided"


def _rows_to_decide(scores: PairedScores, confidence: float, clusters: NDArray[np.str_] | None) -> Interval | Unknown:
    """How many more rows would show which is better: the two-sided claim is one of two one-sided ones, each at half the level."""
    return rows_to_decide(scores.first - scores.second, 0.0, (1 + confidence) / 2, clusters=clusters)


def _slices_rows(column: NDArray[np.str_]) -> bool:
    return 2 <= len(np.unique(column)) <= MOST_SLICES


def _slices(scores: PairedScores, name: str, confidence: float, clusters: NDArray[np.str_] | None) -> list[SliceDifference]:
    column = scores.columns[name]
    parts = [_slice(scores, name, value, column == value, confidence, clusters) for value in sorted(set(column.tolist()))]
    tested = [part.p for part in parts if part.p is not None]
    adjusted = iter(holm(tested))
    return [part if part.p is None else replace(part, p=next(adjusted)) for part in parts]


def _slice(
    scores: PairedScores, column: str, value: str, inside: NDArray[np.bool_], confidence: float, clusters: NDArray[np.str_] | None
) -> SliceDifference:
    first, second = scores.first[inside], scores.second[inside]
    own = None if clusters is None else clusters[inside]
    wins, losses = int((first > second).sum()), int((first < second).sum())
    means = float(first.mean()), float(second.mean())
    if own is not None and len(np.unique(own)) < 2:
        return SliceDifference(column, value, len(first), *means, wins, losses, None, None)
    found = paired_difference(first, second, confidence=confidence, clusters=own)
    return SliceDifference(column, value, len(first), *means, wins, losses, found.interval, found.p)


def _rows(scores: PairedScores) -> tuple[RowDifference, ...]:
    """The rows that differ, the furthest apart first; of equal ones those of either sign in turn, in the order of the rows."""
    differences = scores.first - scores.second
    order = {sign: np.flatnonzero(np.sign(differences) == sign) for sign in (1, -1)}
    turn = {int(row): place for rows in order.values() for place, row in enumerate(rows)}
    found = sorted(turn, key=lambda row: (-abs(differences[row]), turn[row], -differences[row]))
    return tuple(RowDifference(scores.items[row], float(scores.first[row]), float(scores.second[row])) for row in found)
