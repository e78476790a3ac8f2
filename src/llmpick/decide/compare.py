"""What two finished runs say about their two candidates: who is better, by how much, where, and what more rows would tell. Pure.

Every claim is read from one interval, whose test is the one that p is by (`stats/paired.py`): one is better where it leaves 0 out. "The
same" is said only within a tolerance, and only if the whole interval lies inside it (two one-sided tests, Schuirmann, Journal of
Pharmacokinetics and Biopharmaceutics 15, 1987, at half the usual level). Where neither is shown, one of the two may still be taken, if the
other is shown not to be better by more than the tolerance: what a race asks (`decide/choice.py`).
"""

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from llmpick.decide.choice import Word, rows_to_settle
from llmpick.evidence.values import Interval, Unknown
from llmpick.stats.paired import PairedDifference, holm, mean_score, paired_difference
from llmpick.stats.power import more_rows, rows_to_decide, smallest_difference

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
class Choice:
    """Whether one of the two, the `first` or the second, may be taken: `settled` when the other is shown, at `confidence`, not to be better
    by more than the tolerance. `by` says whose word it is: that of the rows compared, or of the race in which both ran and which names the
    candidate; `on_average` that the race's is right on average over tasks. `rows_more` would settle it, None when it is settled.
    """

    first: bool
    settled: bool
    by: Literal["rows", "race"]
    confidence: float
    on_average: bool
    rows_more: Interval | Unknown | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """`first` and `second` are mean scores, `difference` is the first's minus the second's, all for new inputs like the rows.

    `detectable` is the least true difference that so many rows show four times out of five. `rows_to_decide` is how many more would show
    which is better, None when that is decided; `rows_to_same` how many would show that they are the same within the tolerance, None when
    that is shown, there is no tolerance, or they seem to differ by more. `choice` is None without a tolerance. `rows` are all that differ,
    the furthest apart first. `any_stop` says that intervals and p hold although the number of rows hung on the scores.
    """

    n: int
    first: Interval
    second: Interval
    difference: PairedDifference
    finding: Finding
    tolerance: float | None
    cluster: str | None
    any_stop: bool
    detectable: float
    rows_to_decide: Interval | Unknown | None
    rows_to_same: int | None
    choice: Choice | None
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
    any_stop: bool = False,
    word: Word | None = None,
) -> Comparison:
    """Compares on at least one paired row. `cluster` is the column that names the cluster of each row, `by` the columns to slice by.

    Without `by` it is every column with 2 to `MOST_SLICES` values. `any_stop`: the rows stand in the random order of a race that may have
    stopped when their scores said so. `word` is that of the race in which both ran.
    Raises ValueError without rows, or for a single cluster.
    """
    how = _How(confidence, scores.columns[cluster] if cluster else None, any_stop)
    difference = how.difference(scores.first, scores.second)
    finding = _finding(difference, tolerance)
    n, error = len(scores.items), difference.standard_error
    gap = None if tolerance is None or finding == "same" else tolerance - abs(difference.interval.value)
    columns = [name for name in scores.columns if name != cluster and _slices_rows(scores.columns[name])] if by is None else by
    return Comparison(
        n=n,
        first=mean_score(scores.first, confidence=confidence, clusters=how.clusters, any_stop=any_stop),
        second=mean_score(scores.second, confidence=confidence, clusters=how.clusters, any_stop=any_stop),
        difference=difference,
        finding=finding,
        tolerance=tolerance,
        cluster=cluster,
        any_stop=any_stop,
        detectable=smallest_difference(error * math.sqrt(n), n, confidence),
        rows_to_decide=_rows_to_decide(scores, how) if finding == "undecided" else None,
        rows_to_same=None if gap is None else more_rows(n, error, gap, confidence),
        choice=None if tolerance is None else _choice(scores, how, tolerance, word),
        slices=tuple(part for name in columns for part in _slices(scores, name, how)),
        rows=_rows(scores),
    )


@dataclass(frozen=True, slots=True)
class _How:
    """How all differences are judged; `clusters` has shape (n,)."""

    confidence: float
    clusters: NDArray[np.str_] | None
    any_stop: bool

    def difference(self, first: NDArray[np.float64], second: NDArray[np.float64]) -> PairedDifference:
        return paired_difference(first, second, confidence=self.confidence, clusters=self.clusters, any_stop=self.any_stop)

    def of(self, inside: NDArray[np.bool_]) -> "_How":
        """The same for some of the rows."""
        return replace(self, clusters=None if self.clusters is None else self.clusters[inside])


def _finding(difference: PairedDifference, tolerance: float | None) -> Finding:
    interval = difference.interval
    if tolerance is not None and -tolerance <= interval.low and interval.high <= tolerance:
        return "same"
    if interval.low <= 0 <= interval.high:
        return "undecided"
    return "first" if interval.value > 0 else "second"


def _rows_to_decide(scores: PairedScores, how: _How) -> Interval | Unknown:
    """How many more rows would show which is better: the two-sided claim is one of two one-sided ones, each at half the level."""
    differences = scores.first - scores.second
    if not differences.any():
        return Unknown("they score the same on every row")
    return rows_to_decide(differences, 0.0, (1 + how.confidence) / 2, clusters=how.clusters, peeking=how.any_stop)


def _choice(scores: PairedScores, how: _How, tolerance: float, word: Word | None) -> Choice:
    """Of the one that the race names, else of the one that scores higher."""
    ahead = scores.first - scores.second
    by, said = "race" if word else "rows", word or _own_word(scores, how, tolerance)
    ahead = ahead if said.first else -ahead
    needed = None if said.settled else rows_to_settle(ahead, tolerance, said.of_one, peeking=said.peeking, clusters=how.clusters)
    return Choice(said.first, said.settled, by, said.confidence, said.on_average, needed)


def _own_word(scores: PairedScores, how: _How, tolerance: float) -> Word:
    """That of these rows alone, by the one-sided test of the interval."""
    found = replace(how, confidence=2 * how.confidence - 1).difference(scores.first, scores.second).interval
    first = found.value >= 0
    settled = -tolerance <= found.low if first else found.high <= tolerance
    return Word(first, settled, how.confidence, how.confidence, how.any_stop, on_average=False)


def _slices_rows(column: NDArray[np.str_]) -> bool:
    return 2 <= len(np.unique(column)) <= MOST_SLICES


def _slices(scores: PairedScores, name: str, how: _How) -> list[SliceDifference]:
    column = scores.columns[name]
    parts = [_slice(scores, name, value, column == value, how) for value in sorted(set(column.tolist()))]
    tested = [part.p for part in parts if part.p is not None]
    adjusted = iter(holm(tested))
    return [part if part.p is None else replace(part, p=next(adjusted)) for part in parts]


def _slice(scores: PairedScores, column: str, value: str, inside: NDArray[np.bool_], how: _How) -> SliceDifference:
    first, second, own = scores.first[inside], scores.second[inside], how.of(inside)
    wins, losses = int((first > second).sum()), int((first < second).sum())
    means = float(first.mean()), float(second.mean())
    if own.clusters is not None and len(np.unique(own.clusters)) < 2:
        return SliceDifference(column, value, len(first), *means, wins, losses, None, None)
    found = own.difference(first, second)
    return SliceDifference(column, value, len(first), *means, wins, losses, found.interval, found.p)


def _rows(scores: PairedScores) -> tuple[RowDifference, ...]:
    """The rows that differ, the furthest apart first; of equal ones those of either sign in turn, in the order of the rows."""
    differences = scores.first - scores.second
    order = {sign: np.flatnonzero(np.sign(differences) == sign) for sign in (1, -1)}
    turn = {int(row): place for rows in order.values() for place, row in enumerate(rows)}
    found = sorted(turn, key=lambda row: (-abs(differences[row]), turn[row], -differences[row]))
    return tuple(RowDifference(scores.items[row], float(scores.first[row]), float(scores.second[row])) for row in found)
