"""The pieces that every report in the terminal is laid out with. Text goes to rich as `Text`, never as markup."""

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

WIDE = 118
"""From so many columns on, a value and its range stand on one line of a table."""


def print_title(title: str, console: Console) -> None:
    console.print()
    console.print(Text(title, style="bold"))


def print_item(mark: str, text: str, console: Console, style: str = "") -> None:
    """`text` wrapped to the right of `mark`, as an item of a list."""
    for line in Text(text, style=style).wrap(console, max(20, console.width - len(mark)), overflow="fold"):
        line.rstrip()
        console.print(Text(mark) + line)
        mark = " " * len(mark)


def plain_table() -> Table:
    return Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)
