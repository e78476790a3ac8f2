"""What `race --cascade` and `race --text` say, before it is laid out: the decision, one table, lists; for the terminal and as a page.

All text is plain: the terminal gets it without control characters, the page escaped.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from llmpick.decide.race_answer import Place, RaceVerdict
from llmpick.report.text import one_line

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

STYLES = {
    Place.CHOSEN: "bold green",
    Place.LEADER: "bold yellow",
    Place.TIED: "green",
    Place.BEHIND: "yellow",
    Place.OPEN: "yellow",
    Place.BEATEN: "red",
    Place.FAILED: "bold red",
}
"""Colours of the terminal."""
_CHIPS = {
    RaceVerdict.WON: "Won",
    RaceVerdict.TIE: "Tie",
    RaceVerdict.ALONE: "Not compared",
    RaceVerdict.UNDECIDED: "Undecided",
    RaceVerdict.NONE_FITS: "Nothing fits",
}
WIDEST_NAME = 40
Cell = tuple[str, str]
"""A value and its range, "" where there is none."""


@dataclass(frozen=True, slots=True)
class Column:
    """`figures` stand to the right; a column that is not `needed` is left out of a narrow terminal."""

    title: str
    figures: bool = False
    needed: bool = True


@dataclass(frozen=True, slots=True)
class Row:
    """One candidate; a cell for every column."""

    name: str
    place: Place
    status: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Told:
    """`subtitle` stands beside the `title`, the first of `sentences` is the decision."""

    title: str
    subtitle: str
    verdict: RaceVerdict
    sentences: tuple[str, ...]
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    legend: str
    sections: tuple[tuple[str, tuple[str, ...]], ...]

    @property
    def chip(self) -> str:
        """The verdict in a word or two."""
        return _CHIPS[self.verdict]

    @property
    def listed(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        """The sections that say something."""
        return ((title, items) for title, items in self.sections if items)


def print_told(told: Told, console: "Console") -> None:
    from rich.text import Text

    from llmpick.report.console import print_item, print_title

    console.print(Text.assemble((one_line(told.title), "bold"), f"  {told.subtitle}"))
    for number, sentence in enumerate(told.sentences):
        print_item("", one_line(sentence), console, style="" if number else "bold")
    if told.rows:
        console.print()
        console.print(_table(told, console.width))
        print_item("", f"({told.legend})", console, style="dim")
    for title, items in told.listed:
        print_title(title, console)
        for item in items:
            print_item("- ", one_line(item), console)


def _table(told: Told, width: int) -> "Table":
    """Laid out as the table of a race."""
    from rich.text import Text

    from llmpick.report.console import WIDE, plain_table

    wide = width >= WIDE
    shown = [i for i, column in enumerate(told.columns) if column.needed or wide]
    table = plain_table()
    table.add_column("candidate", overflow="fold", max_width=WIDEST_NAME)
    for i in shown:
        table.add_column(told.columns[i].title, justify="right" if told.columns[i].figures else "left", no_wrap=True)
    for row in told.rows:
        name = Text.assemble(one_line(row.name), "  " if wide else "\n", (row.status, STYLES.get(row.place, "")))
        parts = (row.cells[i] for i in shown)
        table.add_row(name, *(Text.assemble(value, (" " if wide else "\n") if bounds else "", (bounds, "dim")) for value, bounds in parts))
    return table


def write_told(told: Told, path: Path) -> None:
    """Writes the page whole or not at all. Raises `LlmpickError` where the disk refuses."""
    from llmpick.report.html import render, write_file

    write_file(path, render("told.html.j2", {"told": told, "line": one_line}, charts={}))
