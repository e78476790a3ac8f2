"""The comparison of two runs: as a JSON document, and as text in the terminal that ends with the verdict in one sentence."""

import math
from dataclasses import asdict
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from llmpick.decide.compare import Choice, ComparedRuns, Comparison, Side, SliceDifference
from llmpick.evidence.values import Interval, Unknown
from llmpick.report import numbers
from llmpick.report.text import one_line

SCHEMA_VERSION = 1
ROUGH_CLUSTERS = 20
"""With fewer clusters an interval is too narrow: with 10 of unlike sizes a 95% one covers 93%."""
_SMALLEST_P = 0.0001


def compare_document(compared: ComparedRuns) -> dict[str, Any]:
    """Everything, as JSON: scores and differences are shares, `a` is the run named first; what is not known or does not apply is null."""
    found = compared.comparison
    difference = found.difference
    return {
        "schema_version": SCHEMA_VERSION,
        "verdict": {"first": "a", "second": "b"}.get(found.finding, found.finding),
        "sentence": verdict(compared),
        "confidence": difference.interval.confidence,
        "tolerance": found.tolerance,
        "paired_rows": found.n,
        "a": _side(compared.first, found.first),
        "b": _side(compared.second, found.second),
        "difference": _interval(difference.interval),
        "standard_error": difference.standard_error,
        "p": difference.p,
        "test": difference.test,
        "wins": difference.wins,
        "losses": difference.losses,
        "ties": found.n - difference.wins - difference.losses,
        "mcnemar": difference.counts and dict(zip(("both", "only_a", "only_b", "neither"), difference.counts, strict=True)),
        "cluster": found.cluster,
        "clusters": difference.clusters,
        "any_stop": found.any_stop,
        "detectable_difference": found.detectable,
        "rows_to_decide": _interval(found.rows_to_decide) if isinstance(found.rows_to_decide, Interval) else None,
        "rows_to_same": found.rows_to_same,
        "choice": found.choice and _choice(found.choice),
        "unknown": {"rows_to_decide": found.rows_to_decide.reason} if isinstance(found.rows_to_decide, Unknown) else {},
        "slices": [_slice(part) for part in found.slices],
        "rows": [{"item": row.item, "a": row.first, "b": row.second} for row in found.rows],
        "notes": [*compared.notes, *_notes(found)],
    }


def print_comparison(compared: ComparedRuns, console: Console, *, rows: int) -> None:
    """All of it, with `rows` of the rows that differ."""
    found = compared.comparison
    console.print(_sides(compared))
    sources = (compared.first.source, compared.second.source)
    for line in [f"from {sources[0]}"] if sources[0] == sources[1] else [f"A from {sources[0]}", f"B from {sources[1]}"]:
        _line(console, line)
    _line(console, _difference(found))
    if counts := found.difference.counts:
        parts = zip(("both right", "only A", "only B", "neither"), counts, strict=True)
        _line(console, ", ".join(f"{name} {numbers.count(n)}" for name, n in parts))
    else:
        won, lost = found.difference.wins, found.difference.losses
        _line(console, f"A higher on {won:,} rows, B on {lost:,}, equal on {found.n - won - lost:,}")
    shown = numbers.distance(found.detectable)
    _line(console, f"smallest difference that {numbers.counted(found.n, 'row')} like these would show in 4 of 5 cases: {shown}")
    for column in dict.fromkeys(part.column for part in found.slices):
        console.print(_slices(column, [part for part in found.slices if part.column == column]))
    if found.rows and rows:
        console.print(_rows(found, rows))
    for note in (*compared.notes, *_notes(found)):
        _line(console, f"note: {note}")
    _line(console, verdict(compared))


def verdict(compared: ComparedRuns) -> str:
    """The answer in one sentence."""
    found, interval = compared.comparison, compared.comparison.difference.interval
    a, b = _named(compared)
    minus = f"A minus B is {numbers.points(interval)} points for new inputs like these"
    if not found.rows:
        within = f", the same within {numbers.distance(found.tolerance or 0)}" if found.finding == "same" else ""
        rows = f"all {found.n:,} rows" if found.n > 1 else "the one row"
        return f"{a} and {b} score the same on {rows} that both have: {minus}{within}."
    if found.finding == "same":
        return f"{a} and {b} are the same within {numbers.distance(found.tolerance or 0)}: {minus}."
    if found.finding != "undecided":
        better, worse = (a, b) if found.finding == "first" else (b, a)
        size = f"{numbers.distance(interval.value)} {numbers.points_bounds(_turned(interval))}"
        return f"{better} is better than {worse} by {size} for new inputs like these."
    if found.choice is None or not found.choice.settled:
        return f"These rows cannot tell {a} and {b} apart{_what_would(found)}."
    return f"{_may_be_taken(found.choice, found.tolerance or 0, a, b)} Which is better these rows do not show{_what_would(found)}."


def _may_be_taken(choice: Choice, tolerance: float, a: str, b: str) -> str:
    """The answer to what a race asks, whoever gives it."""
    taken, other = (a, b) if choice.first else (b, a)
    sure = numbers.probability(choice.confidence)
    how = f"with a probability of at least {sure} on average" if choice.on_average else f"at {sure}"
    by = ", as their race says" if choice.by == "race" else ""
    return f"{taken} may be taken: {other} is not better{numbers.by_more_than(tolerance)} for new inputs like these, {how}{by}."


def _named(compared: ComparedRuns) -> tuple[str, str]:
    """Both sides in a sentence, with their runs or files where these are two: two runs often have candidates of one name."""
    sides, one_source = (compared.first, compared.second), compared.first.source == compared.second.source
    names = [one_line(side.candidate if one_source else f"{side.candidate}, {_origin(side)}") for side in sides]
    return f"A ({names[0]})", f"B ({names[1]})"


def _origin(side: Side) -> str:
    """The run's whole id, else the file or folder as the user named it."""
    if side.source.startswith("run "):
        return side.source
    named, _, candidate = side.run.rpartition(":")
    return named if named and candidate.lower() in side.candidate.lower() else side.run


def _what_would(found: Comparison) -> str:
    """How many more rows would decide, one way or the other."""
    ways: list[tuple[float, str]] = []
    if found.choice and isinstance(found.choice.rows_more, Interval):
        shows = f"would show of one that the other is not better{numbers.by_more_than(found.tolerance or 0)}"
        ways.append((found.choice.rows_more.value, f"{_rows_more(found.choice.rows_more)} {shows}"))
    if isinstance(found.rows_to_decide, Interval):
        ways.append((found.rows_to_decide.value, f"{_rows_more(found.rows_to_decide)} would decide which is better"))
    if found.rows_to_same is not None:
        within = numbers.distance(found.tolerance or 0)
        ways.append((found.rows_to_same, f"about {found.rows_to_same:,} more would show that they are the same within {within}"))
    if ways:
        return ": " + ", or ".join(text for _, text in sorted(ways))
    return f": {found.rows_to_decide.reason}" if isinstance(found.rows_to_decide, Unknown) else ""


def _rows_more(more: Interval) -> str:
    return f"about {more.value:,.0f} more rows [{more.low:,.0f}, {more.high:,.0f}]"


def _turned(interval: Interval) -> Interval:
    """The difference of the better from the worse."""
    return interval if interval.value >= 0 else Interval(-interval.value, -interval.high, -interval.low, interval.confidence)


def _difference(found: Comparison) -> str:
    p = _p(found.difference.p)
    shown = f"p {p}" if p.startswith("<") else f"p = {p}"
    clusters = f", {found.difference.clusters:,} clusters by {one_line(str(found.cluster))}" if found.difference.clusters else ""
    return f"A minus B: {numbers.points(found.difference.interval)} points, {shown} ({found.difference.test}{clusters})"


def _p(p: float) -> str:
    """Two digits that count: 0.034, 0.82."""
    if p < _SMALLEST_P:
        return f"< {_SMALLEST_P}"
    return f"{p:.{max(1 - math.floor(math.log10(p)), 2)}f}" if p < 0.995 else "1"


def _notes(found: Comparison) -> list[str]:
    notes = []
    clusters = found.difference.clusters
    if clusters is not None and clusters < ROUGH_CLUSTERS:
        notes.append(f"the rows come from {clusters} clusters only, so that the intervals are rough and rather too narrow")
    if found.finding in ("first", "second") and found.choice and found.choice.by == "race" and not found.choice.settled:
        notes.append(
            "the race of both left this open for new inputs: what it claims holds at every look, what is said here once, of all rows"
        )
    if found.difference.test == "random weights" and found.finding == "undecided":
        notes.append("almost all rows are equal, so that the few that differ say little of how much others would")
    return notes


def _sides(compared: ComparedRuns) -> Table:
    found = compared.comparison
    table = _table("", "candidate", ">score on new inputs", ">rows without a pair", ">cost per row")
    for label, side, score in (("A", compared.first, found.first), ("B", compared.second, found.second)):
        cost = "-" if side.cost_per_row is None else f"{side.cost_per_row:,.4g} {side.cost_unit}"
        cells = (label, one_line(side.candidate), numbers.score(score, found.n), numbers.count(side.unpaired), cost)
        table.add_row(*(Text(cell) for cell in cells))
    return table


def _slices(column: str, slices: list[SliceDifference]) -> Table:
    table = _table(one_line(column), ">rows", ">A", ">B", ">A minus B", ">won", ">lost", ">p, adjusted")
    for part in slices:
        means = (numbers.short_score(Interval(mean, mean, mean, 1.0), part.n) for mean in (part.first, part.second))
        difference = "-" if part.difference is None else numbers.points(part.difference)
        p = "-" if part.p is None else _p(part.p)
        name = one_line(part.value) or "(empty)"
        cells = (name, numbers.count(part.n), *means, difference, numbers.count(part.wins), numbers.count(part.losses), p)
        table.add_row(*(Text(cell) for cell in cells))
    return table


def _rows(found: Comparison, rows: int) -> Table:
    table = _table(f"rows that differ ({min(rows, len(found.rows)):,} of {len(found.rows):,})", ">A", ">B")
    for row in found.rows[:rows]:
        table.add_row(Text(one_line(row.item)), Text(f"{row.first:.4g}"), Text(f"{row.second:.4g}"))
    return table


def _side(side: Side, score: Interval) -> dict[str, Any]:
    return {**asdict(side), "score": _interval(score)}


def _choice(choice: Choice) -> dict[str, Any]:
    more = choice.rows_more
    return {
        "candidate": "a" if choice.first else "b",
        "settled": choice.settled,
        "by": choice.by,
        "confidence": choice.confidence,
        "rows_more": _interval(more) if isinstance(more, Interval) else None,
        "unknown": {"rows_more": more.reason} if isinstance(more, Unknown) else {},
    }


def _slice(part: SliceDifference) -> dict[str, Any]:
    return {
        "column": part.column,
        "value": part.value,
        "rows": part.n,
        "a": part.first,
        "b": part.second,
        "wins": part.wins,
        "losses": part.losses,
        "difference": _interval(part.difference) if part.difference else None,
        "p": part.p,
    }


def _interval(interval: Interval) -> dict[str, float]:
    return {"value": interval.value, "low": interval.low, "high": interval.high}


def _line(console: Console, text: str) -> None:
    console.print(Text(one_line(text)))


def _table(*columns: str) -> Table:
    """A table with these columns; ">" before a name sets its column to the right."""
    table = Table(box=SIMPLE_HEAD)
    for name in columns:
        table.add_column(name.removeprefix(">"), justify="right" if name.startswith(">") else "left", overflow="fold")
    return table
