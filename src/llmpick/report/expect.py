"""What is to be expected of models, as the terminal shows it: a table, and for models that were named what leads to it."""

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from llmpick.decide.expected_answer import Expectations, ExpectedModel, Question
from llmpick.report import numbers
from llmpick.report.text import one_line

SHOWN_SCORES, SHOWN_SIBLINGS, SHOWN_FAMILIES = 8, 4, 3


def print_expectations(found: Expectations, console: Console) -> None:
    console.print(Text(asked(found.question)))
    for line in stands_for(found.question):
        console.print(Text(line))
    console.print(_table(found))
    if found.left_out:
        console.print(Text(f"{numbers.counted(found.left_out, 'model')} of the catalog are expected to be worse; --top lists more."))
    for model in found.models:
        if model.says or model.notes:
            _explain(model, console)
    for note in found.notes:
        console.print(Text(note))


def asked(question: Question) -> str:
    """What the answer is about: "task order-facts: extract 92%, tools 8% (its kind is extract)"."""
    families = ", ".join(f"{family.value} {numbers.percent(p)}" if p < 1 else family.value for family, p in question.families.items())
    head = f"Task {question.task}" if question.task else "Tasks of the family"
    languages = ", ".join(question.languages)
    return f"{head}: {families} ({question.because}); {'language' if len(question.languages) == 1 else 'languages'} {languages}"


def stands_for(question: Question) -> list[str]:
    """Which benchmarks are meant by the likeliest families."""
    return [
        f"{family.value} stands for {', '.join(names)}."
        if names
        else f"No published scores of {family.value} are known: benchmarks that resemble it have to do, and the range is wide."
        for family, names in list(question.stands_for.items())[:SHOWN_FAMILIES]
    ]


def _table(found: Expectations) -> Table:
    families = list(found.question.families)[:SHOWN_FAMILIES]
    table = Table(box=SIMPLE_HEAD)
    table.add_column("model", overflow="fold")
    table.add_column("parameters", justify="right", no_wrap=True)
    table.add_column("expected score", justify="right", no_wrap=True)
    for family in families if len(families) > 1 else ():
        table.add_column(family.value, justify="right", no_wrap=True)
    table.add_column("own scores", justify="right")
    for model in found.models:
        each = [numbers.percent(model.families[family].value) for family in families] if len(families) > 1 else []
        own = str(len(model.published)) if model.published else "-"
        table.add_row(Text(one_line(model.model)), size(model.parameters), numbers.percent_interval(model.score), *each, own)
    return table


def _explain(model: ExpectedModel, console: Console) -> None:
    console.print(Text(f"\n{one_line(model.model)}: {', '.join(model.facts)}", style="bold"))
    for says in model.says:
        console.print(Text(f"  {numbers.percent_interval(says.score)} from {says.what}"))
    if model.published:
        shown = [f"{one.benchmark} {numbers.percent(one.score)} ({one.source})" for one in model.published[:SHOWN_SCORES]]
        more = len(model.published) - len(shown)
        console.print(Text(f"  its own: {'; '.join(shown)}{f'; {more} more' if more else ''}"))
    if model.siblings:
        shown = sorted(model.siblings, key=lambda name: -model.siblings[name] if model.siblings else 0)[:SHOWN_SIBLINGS]
        more = len(model.siblings) - len(shown)
        console.print(Text(f"  siblings: {', '.join(shown)}{f' and {more} more' if more else ''}"))
    for note in model.notes:
        console.print(Text(f"  {note}"))


def size(parameters: float) -> str:
    """7.62e9 → "7.62B"; 2.78e12 → "2.78T"."""
    return f"{parameters / 1e12:.3g}T" if parameters >= 1e12 else f"{parameters / 1e9:.3g}B"
