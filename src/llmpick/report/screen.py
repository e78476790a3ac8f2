"""What the first filter keeps, what it cannot tell and what it drops, as the terminal shows it: each model with its reason."""

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from llmpick.decide.first_filter import Filtered, Place, Screening
from llmpick.estimate.scaling.amounts import amount
from llmpick.report import numbers
from llmpick.report.text import one_line

HEADINGS: dict[Place, str] = {
    "kept": "Kept",
    "not known": "Not known: neither kept nor dropped (--strict drops them)",
    "dropped": "Dropped",
}
NOTHING_KEPT = "Nothing is kept: a weaker demand, or those of which too little is known, are what is left."


def print_screening(screening: Screening, console: Console) -> None:
    for place, heading in HEADINGS.items():
        models = screening.placed(place)
        if models:
            console.print(Text(f"{heading}: {numbers.counted(len(models), 'model')}", style="bold"))
            console.print(_table(models))
        elif place == "kept":
            console.print(Text(NOTHING_KEPT))
    languages = screening.demands.languages
    if languages and not screening.demands.strict:
        console.print(Text(_of_languages(screening, ", ".join(languages))))
    if screening.later:
        console.print(Text(f"{numbers.counted(screening.later, 'model')} of the catalog came after {screening.as_of}."))


def _of_languages(screening: Screening, named: str) -> str:
    kept = screening.placed("kept")
    unknown = sum(one.model.languages is None for one in kept)
    without = sum(bool(one.unnamed_languages) for one in kept)
    return (
        f"The makers of {len(kept) - unknown - without} of those kept name {named}; {without} leave it out, and of {unknown} it is not "
        "known. A model whose makers leave a language out is kept: models carry over to languages they saw little of. --strict drops it."
    )


def _table(models: tuple[Filtered, ...]) -> Table:
    table = Table(box=SIMPLE_HEAD)
    table.add_column("model", overflow="fold")
    for heading in ("parameters", "tokens", "released"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("why", overflow="fold")
    for one in models:
        model = one.model
        size, tokens, released = model.parameters_total, model.training_tokens, model.released
        table.add_row(
            Text(one_line(model.name)),
            Text(amount(size.value) if size else "-"),
            Text(amount(tokens.value) if tokens else "-"),
            Text(released.value.isoformat() if released else "-"),
            Text("; ".join(one.reasons)),
        )
    return table
