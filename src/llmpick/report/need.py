"""The size that a task needs, as the terminal shows it: the answer first, then the curve and the models that do."""

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from llmpick.decide.expected_answer import Need
from llmpick.report import numbers
from llmpick.report.expect import asked, size, stands_for
from llmpick.report.text import one_line


def print_need(found: Need, console: Console) -> None:
    console.print(Text(answer(found), style="bold"))
    for reason in found.reasons if found.params is None else ():
        console.print(Text(reason[0].upper() + reason[1:] + "."))
    console.print(Text(asked(found.question)))
    for line in stands_for(found.question):
        console.print(Text(line))
    for model, score, rows in found.measured:
        console.print(Text(f"Measured in run {found.run}: {one_line(model)} {numbers.percent(score)} of {rows:,} rows."))
    console.print(_curve(found))
    if found.models and not found.flat:
        console.print(Text("The smallest models of the catalog that do:"))
        console.print(_models(found))
    elif not found.flat:
        console.print(Text(f"No model of the catalog does with {numbers.percent(found.probability)}."))
    for note in found.notes:
        console.print(Text(note))


def answer(found: Need) -> str:
    """The first line: the size with its range."""
    target = f"{numbers.percent(found.target)} with {numbers.percent(found.probability)} probability"
    if found.flat:
        return "Size does not matter here."
    if found.params is None:
        return f"Not to be promised: {target}."
    low, high = (None if end is None else size(end) for end in (found.low, found.high))
    return f"{target}: {size(found.params)} parameters of {found.recipe} [{low}, {high or 'beyond reach'}]"


def _curve(found: Need) -> Table:
    table = Table(box=SIMPLE_HEAD)
    for heading in (f"{found.recipe} of", "expected score", f"clears {numbers.percent(found.target)}"):
        table.add_column(heading, justify="right", no_wrap=True)
    for point in found.curve:
        table.add_row(size(point.parameters), numbers.percent_interval(point.score), numbers.percent(point.probability))
    return table


def _models(found: Need) -> Table:
    table = Table(box=SIMPLE_HEAD)
    table.add_column("model", overflow="fold")
    table.add_column("parameters", justify="right", no_wrap=True)
    table.add_column("probability", justify="right", no_wrap=True)
    for one in found.models:
        table.add_row(Text(one_line(one.model)), size(one.parameters), numbers.percent(one.probability))
    return table
