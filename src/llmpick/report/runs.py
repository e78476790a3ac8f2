"""The list of runs: as a JSON document, and as a table in the terminal."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from llmpick.evidence.judging import BENCH
from llmpick.report import numbers
from llmpick.report.text import one_line
from llmpick.store.records import RunSummary

SCHEMA_VERSION = 1
WIDE = 110
"""From so many columns on a run and its result stand on one line."""
_STAGE = re.compile(r"^(?:likelihood|generation|judge)(?:-\d+)?:")
"""What stands before a candidate's name in the log of a cascade's stage."""


def runs_document(runs: Sequence[RunSummary]) -> dict[str, Any]:
    """`{"schema_version": 1, "runs": […]}`; moments are ISO 8601 in UTC, what a run does not have is null."""
    return {"schema_version": SCHEMA_VERSION, "runs": [run_document(run) for run in runs]}


def run_document(run: RunSummary) -> dict[str, Any]:
    """The fields of a run, of a summary or a detail, as JSON values."""
    return {name: iso(value) if isinstance(value, datetime) else value for name, value in asdict(run).items()}


def iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat()


def print_runs(runs: Sequence[RunSummary], console: Console) -> None:
    """One line per run, two on a narrow terminal. Its id is never shortened, since it is what `show` and `export` ask for."""
    if not runs:
        console.print(Text("No runs yet. `llmpick pick task.toml` makes one."))
        return
    if console.width < WIDE:
        for run in runs:
            calls = f"{numbers.counted(run.calls, 'call')}, {numbers.count(run.paid_calls)} paid"
            console.print(Text(f"{run.id}  {run.verb}, {run.status}, {calls}", overflow="fold"))
            console.print(Padding(Text(result(run)), (0, 0, 0, 2), expand=False))
        return
    table = Table(box=SIMPLE_HEAD)
    table.add_column("run", no_wrap=True)
    table.add_column("verb")
    table.add_column("status", no_wrap=True)
    table.add_column("calls", justify="right")
    table.add_column("paid", justify="right")
    table.add_column("result", overflow="fold")
    for run in runs:
        table.add_row(run.id, run.verb, run.status, numbers.count(run.calls), numbers.count(run.paid_calls), Text(result(run)))
    console.print(table)


def result(run: RunSummary) -> str:
    """The answer in a few words: "chosen: gemma-3-270m"; "-" where there is none."""
    if run.verdict is None:
        return "-"
    verdict = run.verdict.replace("_", " ")
    return verdict if run.chosen is None else f"{verdict}: {short_names([run.chosen])[run.chosen]}"


def short_names(ids: Iterable[str]) -> dict[str, str]:
    """What a table calls each candidate that is known by its id alone: the name of a file without its folder, of a served model without
    its server. Where two would have the same, both keep their whole id.
    """
    short = {id_: one_line(_short(id_)) for id_ in ids}
    seen = Counter(short.values())
    return {id_: name if seen[name] == 1 else one_line(id_) for id_, name in short.items()}


def _short(id_: str) -> str:
    role = next((role for role in BENCH if id_.startswith(role)), "") or "".join(_STAGE.findall(id_))
    name, asked, setting = id_.removeprefix(role).partition("?thinking=")
    if "://" in name and "#" in name:
        name = name.rpartition("#")[2]
    elif name.endswith(".gguf") or name.startswith(("/", ".", "~")):
        name = name.rstrip("/").rpartition("/")[2].removesuffix(".gguf")
    return f"{role}{name}{asked}{setting}"
