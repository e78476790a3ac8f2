"""How a published fact and its source are written, in the terminal and as JSON; `devices` and `info` share it."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from llmpick.evidence.values import Fact, Source
from llmpick.report.text import one_line


class Line(NamedTuple):
    """One row of the table of facts; `older` is a value that a newer source took the place of."""

    name: str
    value: str
    source: Source
    older: bool = False


def print_facts(lines: Sequence[Line], console: Console) -> None:
    """What, how much, and the number of the source; then the sources, each once, with the day from which it could be known."""
    sources = list(dict.fromkeys(line.source for line in lines))
    table = Table(box=SIMPLE_HEAD)
    table.add_column("fact", no_wrap=True)
    table.add_column("value", overflow="fold")
    table.add_column("source", justify="right", no_wrap=True)
    for line in lines:
        name = "  earlier" if line.older else line.name
        table.add_row(name, Text(one_line(line.value)), Text(f"[{sources.index(line.source) + 1}]"), style="dim" if line.older else "")
    console.print(table)
    for number, source in enumerate(sources, start=1):
        console.print(Padding(Text(f"[{number}] {source_text(source)}"), (0, 0, 0, 2)))


def source_text(source: Source) -> str:
    """The title, the day from which it could be known, the day on which somebody compared it, and where it is.

    What is read anew each time (a file, this machine) has no address and needs no day; of anything else it is said that there is none.
    """
    days = [f"published {source.published}"] if source.published else []
    days += [f"checked {source.checked}"] if source.checked else []
    days = days or (["not dated, not checked"] if source.url else [])
    return one_line(source.title + (f" ({', '.join(days)})" if days else "") + (f", {source.url}" if source.url else ""))


def fact_document(fact: Fact[Any], value: Any) -> dict[str, Any]:
    return {"value": value, "source": source_document(fact.source)}


def source_document(source: Source) -> dict[str, Any]:
    return {
        "title": source.title,
        "url": source.url,
        "published": source.published.isoformat() if source.published else None,
        "checked": source.checked.isoformat() if source.checked else None,
    }
