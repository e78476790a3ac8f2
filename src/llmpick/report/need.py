"""The size that a task needs, as the terminal shows it: the answer first, then the curve and the models that do."""

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from llmpick.decide.expected_answer import Need
from llmpick.estimate.need import HIGH, LARGEST, LOW, SMALLEST
from llmpick.report import numbers
from llmpick.report.expect import asked, size, stands_for
from llmpick.report.text import one_line


def print_need(found: Need, console: Console) -> None:
    console.print(Text(answer(found), style="bold"))
    for line in between(found) if found.params is not None else found.reasons:
        console.print(Text(f"{line[0].upper()}{line[1:]}{'' if 'llmpick race' in line else '.'}"))
    console.print(Text(asked(found.question)))
    for line in stands_for(found.question):
        console.print(Text(line))
    for model, score, rows in found.measured:
        console.print(Text(f"Measured in run {found.run}: {one_line(model)} {numbers.percent(score)} of {rows:,} rows."))
    console.print(_curve(found))
    if found.models and not found.flat:
        console.print(Text("The smallest models of the catalog that do:"))
        console.print(_models(found))
    elif not found.flat and found.difficulty_known:
        console.print(Text(f"No model of the catalog clears it with {numbers.percent(found.probability)}."))
    for note in found.notes:
        console.print(Text(note))


def answer(found: Need) -> str:
    """The first line."""
    target, wanted = numbers.percent(found.target), f"{numbers.percent(found.probability)} probability"
    if found.params is not None:
        least = ", the fewest looked at," if found.params <= SMALLEST else ""
        return f"{size(found.params)} parameters of {found.recipe}{least} clear {target} with {wanted}."
    if found.met:
        return f"Size hardly matters here, and {target} is cleared with {wanted}."
    if not found.difficulty_known:
        return f"Whether a model clears {target} is not known before a small one has run the task."
    if found.flat:
        return f"Size hardly matters here, and no size clears {target} with {wanted}."
    return f"Beyond reach: no size clears {target} with {wanted}."


def between(found: Need) -> list[str]:
    """Where hardly any size clears the target, and where nearly all do: sizes of their own, no interval about the answer."""
    ends = list[tuple[str, float]]()
    if found.low is not None and found.low <= SMALLEST:
        ends.append((f"even {size(found.low)}", found.curve[0].probability))
    elif found.low is not None and found.probability > LOW:
        ends.append((size(found.low), LOW))
    if found.probability < HIGH:
        ends.append((size(found.high) if found.high is not None else f"no size up to {size(LARGEST)}", HIGH))
    said = [f"{what} {'' if k else 'clear it '}with {numbers.percent(chance)}" for k, (what, chance) in enumerate(ends)]
    return [", ".join(said)] if said else []


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
