"""One run: what was run, on what, with which versions, how each candidate did, and the result in short.

All text that a user, a file or a model wrote goes to the terminal as `Text` and through `one_line`: it is untrusted.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from llmpick.evidence.call import CallRecord, Outcome
from llmpick.measure.thinking import split
from llmpick.report import numbers
from llmpick.report.runs import SCHEMA_VERSION, iso, result, run_document, short_names
from llmpick.report.text import one_line
from llmpick.store.records import LoadRecord, RunDetail, Sitting, WholeRun

CUT_OUTPUT = 60
"""So many characters of an output stand in the list of calls."""

Entries = Sequence[tuple[CallRecord, bool]]


@dataclass(frozen=True, slots=True)
class Tally:
    """How one candidate did in a run. `score` is the mean over the `scored` rows that have one, None where none has.

    A row that was tried again counts once in `rows`, `scored`, `score` and `outcomes`, by its last try; `calls`, `paid_calls`, `tokens`
    and `seconds` count every try.
    """

    candidate: str
    rows: int
    calls: int
    paid_calls: int
    scored: int
    score: float | None
    outcomes: dict[str, int]
    tokens: int
    seconds: float


def tallies(entries: Entries) -> tuple[Tally, ...]:
    """One tally per candidate, in the order in which they first appear."""
    return tuple(_tally(name, [entry for entry in entries if entry[0].candidate == name]) for name in _names(entries))


def show_document(whole: WholeRun, *, calls: bool) -> dict[str, Any]:
    """The run as JSON: `run`, `loads`, `candidates` (the tallies) and, when asked, `calls`."""
    sittings = [{**asdict(sitting), "started": iso(sitting.started)} for sitting in whole.run.sittings]
    document: dict[str, Any] = {
        "schema_version": SCHEMA_VERSION,
        "run": {**run_document(whole.run), "sittings": sittings},
        "loads": [asdict(load) for load in whole.loads],
        "candidates": [asdict(tally) for tally in tallies(whole.calls)],
    }
    return {**document, "calls": [{**asdict(call), "paid": paid} for call, paid in whole.calls]} if calls else document


def print_run(whole: WholeRun, console: Console) -> None:
    """All but the single calls."""
    _print_head(whole.run, console)
    for sitting in whole.run.sittings:
        _print_sitting(sitting, console)
    names = short_names(dict.fromkeys([*_names(whole.calls), *(load.candidate for load in whole.loads)]))
    if whole.loads:
        console.print(_loads_table(whole.loads, names))
    if whole.calls:
        console.print(_tally_table(tallies(whole.calls), names))
    _print_result(whole.run, names, console)


def print_calls(entries: Entries, console: Console) -> None:
    """One line per call, without the reasoning before an answer; what is too long is cut."""
    names = short_names(_names(entries))
    table = _table("row", "candidate", "outcome", ">score", ">time", "output")
    for call, _ in entries:
        output = _cut(one_line(call.error or split(call.output).answer or call.output))
        score = "-" if call.score is None else f"{call.score:.3g}"
        cells = (one_line(call.row), names[call.candidate], call.outcome.value, score, numbers.seconds(call.seconds), output)
        table.add_row(*(Text(cell) for cell in cells))
    console.print(table)


def print_calls_in_full(entries: Entries, console: Console) -> None:
    """Every field of every call, as for one row."""
    for call, paid in entries:
        console.print(Text(f"{one_line(call.row)}  {one_line(call.candidate)}", style="bold"))
        values = {**asdict(call), "outcome": call.outcome.value, "paid": paid}
        _print_pairs({name: value for name, value in values.items() if name not in ("row", "candidate") and value is not None}, console)


def _cut(text: str) -> str:
    return text if len(text) <= CUT_OUTPUT else f"{text[: CUT_OUTPUT - 1]}…"


def _tally(candidate: str, entries: Entries) -> Tally:
    last = {call.row: call for call, _ in entries}.values()
    scores = [call.score for call in last if call.score is not None]
    outcomes = Counter(call.outcome for call in last)
    return Tally(
        candidate=candidate,
        rows=len(last),
        calls=len(entries),
        paid_calls=sum(paid for _, paid in entries),
        scored=len(scores),
        score=sum(scores) / len(scores) if scores else None,
        outcomes={outcome.value: outcomes[outcome] for outcome in Outcome if outcomes[outcome]},
        tokens=sum(call.prompt_tokens + call.output_tokens for call, _ in entries),
        seconds=sum(call.seconds for call, _ in entries),
    )


def _names(entries: Entries) -> list[str]:
    return list(dict.fromkeys(call.candidate for call, _ in entries))


def _print_head(run: RunDetail, console: Console) -> None:
    console.print(Text.assemble((run.id, "bold"), f"  {run.verb}, {run.status}"))
    console.print(Text(one_line(run.title)))
    ended = "" if run.finished is None else f", ended {run.finished:%Y-%m-%d %H:%M:%S} UTC"
    console.print(Text(f"started {run.started:%Y-%m-%d %H:%M:%S} UTC{ended}; seed {run.seed}; fingerprint {run.fingerprint}"))
    console.print(Text("Inputs"))
    _print_pairs({name: value for name, value in run.inputs.items() if name != "rows"}, console)  # one entry for every row


def _print_sitting(sitting: Sitting, console: Console) -> None:
    console.print(Text(f"Worked on from {sitting.started:%Y-%m-%d %H:%M:%S} UTC with"))
    versions = [f"llmpick {sitting.llmpick}", f"Python {sitting.python}", sitting.platform]
    packages = [f"{name} {version}" for name, version in sitting.packages.items()]
    console.print(Padding(Text(", ".join(versions + packages)), (0, 0, 0, 2)))


def _print_result(run: RunDetail, names: Mapping[str, str], console: Console) -> None:
    console.print(Text(f"Result: {result(run)}", style="bold"))
    for reason in (run.answer or {}).get("reasons", ()):
        text = str(reason)
        for id_ in sorted(names, key=len, reverse=True):
            text = text.replace(id_, names[id_])
        console.print(Text(f"- {one_line(text)}"))


def _print_pairs(pairs: Any, console: Console) -> None:
    """One value a line, and never broken: paths are to be copied."""
    for name, value in pairs.items():
        several = value if isinstance(value, list | tuple) else [value]
        for one in several:
            console.print(Text(f"  {one_line(str(name))}: {one_line(str(one))}"), soft_wrap=True)


def _loads_table(loads: Sequence[LoadRecord], names: Mapping[str, str]) -> Table:
    table = _table("loaded", "engine", "device", ">load time", ">resident")
    for load in loads:
        engine = f"{load.engine.name} {load.engine.version}"
        held = "-" if load.resident_bytes is None else numbers.memory(load.resident_bytes)
        cells = (names[load.candidate], one_line(engine), one_line(load.engine.device), numbers.seconds(load.load_seconds), held)
        table.add_row(*(Text(cell) for cell in cells))
    return table


def _tally_table(rows: Sequence[Tally], names: Mapping[str, str]) -> Table:
    table = _table("candidate", ">rows", ">calls", ">paid", ">mean score", "outcomes", ">tokens", ">time")
    for row in rows:
        outcomes = ", ".join(f"{number} {name}" for name, number in row.outcomes.items())
        counts = (numbers.count(row.rows), numbers.count(row.calls), numbers.count(row.paid_calls))
        cells = (names[row.candidate], *counts, _mean_score(row), outcomes, numbers.count(row.tokens), numbers.seconds(row.seconds))
        table.add_row(*(Text(cell) for cell in cells))
    return table


def _mean_score(row: Tally) -> str:
    """A percentage only where enough rows have a score to bear one."""
    if row.score is None:
        return "-"
    few = row.scored < numbers.TINY_BASE
    return numbers.k_of_n(row.score * row.scored, row.scored) if few else numbers.percent(row.score)


def _table(*columns: str) -> Table:
    """A table with these columns; ">" before a name sets its column to the right."""
    table = Table(box=SIMPLE_HEAD)
    for name in columns:
        table.add_column(name.removeprefix(">"), justify="right" if name.startswith(">") else "left", overflow="fold")
    return table
