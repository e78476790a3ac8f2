"""What is to be expected of models, as the terminal shows it: a table, and for models that were named what leads to it."""

from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from llmpick.decide.expected_answer import Expectations, ExpectedModel, Question
from llmpick.evidence.ability import TaskFamily
from llmpick.report import numbers
from llmpick.report.text import one_line

SHOWN_SCORES, SHOWN_SIBLINGS, SHOWN_FAMILIES = 8, 4, 3
NAMED_FAMILIES, WORTH_TELLING = 4, 0.1
CLEAR = 0.5
"""A family that is less likely than not is no clear one."""
FULL_BITS = 16
NARROWEST_MODEL = 16
"""Characters of the first column, however many families have one."""


def print_expectations(found: Expectations, console: Console) -> None:
    console.print(Text(asked(found.question)))
    for line in stands_for(found.question):
        console.print(Text(line))
    console.print(_table(found))
    if found.left_out:
        console.print(Text(f"{numbers.counted(found.left_out, 'model')} of the catalog are expected to be worse; --top lists more."))
    for model in found.models:
        if model.says or model.notes:
            _explain(model, next(iter(found.question.stands_for.values())), console)
    if any(model.says for model in found.models):
        console.print()
    for note in found.notes:
        console.print(Text(note))


def asked(question: Question) -> str:
    """What the answer is about: "Task order-facts: extract 92%, tools 8% (its kind is extract)"."""
    head = f"Task {question.task}" if question.task else "Tasks of the family"
    guess = "" if next(iter(question.families.values())) >= CLEAR else "no family is clear: "
    languages = f"{'language' if len(question.languages) == 1 else 'languages'} {', '.join(question.languages)}"
    return f"{head}: {guess}{_families(question)} ({question.because}); {languages}"


def _families(question: Question) -> str:
    """The likeliest by name, the others together."""
    named = list(question.families.items())
    if len(named) > NAMED_FAMILIES + 1:
        named, others = named[:NAMED_FAMILIES], named[NAMED_FAMILIES:]
        told = f", {numbers.percent(sum(p for _, p in others))} on {len(others)} others"
    else:
        told = ""
    return ", ".join(f"{family.value} {numbers.percent(p)}" if p < 1 else family.value for family, p in named) + told


def stands_for(question: Question) -> list[str]:
    """What the expected score is the score of: benchmarks, for the likeliest families."""
    return [_stands_for(family, question.stands_for[family]) for family in likely(question)]


def likely(question: Question) -> list[TaskFamily]:
    """The families that the answer tells of one by one."""
    ranked = list(question.families)
    return ranked[:1] + [family for family in ranked[1:SHOWN_FAMILIES] if question.families[family] >= WORTH_TELLING]


def _stands_for(family: TaskFamily, names: Sequence[str]) -> str:
    if not names:
        return f"No published scores of {family.value} are known: benchmarks that resemble it have to do, and the range is wide."
    if len(names) == 1:
        return f"{family.value}: the score on {names[0]}."
    return f"{family.value}: the mean over {', '.join(names)}."


def _table(found: Expectations) -> Table:
    families = likely(found.question)
    table = Table(box=SIMPLE_HEAD)
    table.add_column("model", overflow="fold", min_width=NARROWEST_MODEL)
    table.add_column("parameters", justify="right", no_wrap=True)
    table.add_column("expected score", justify="right", no_wrap=True)
    for family in families if len(families) > 1 else ():
        table.add_column(family.value, justify="right", no_wrap=True)
    table.add_column("own scores", justify="right", no_wrap=True)
    for model in found.models:
        each = [numbers.percent(model.families[family].value) for family in families] if len(families) > 1 else []
        own = str(len(model.published)) if model.published else "-"
        table.add_row(Text(_name(model)), size(model.parameters), numbers.percent_interval(model.score), *each, own)
    return table


def _name(model: ExpectedModel) -> str:
    quantised = model.bits_per_weight is not None and model.bits_per_weight < FULL_BITS
    return one_line(model.model) + (f" in {model.bits_per_weight:.2g} bits" if quantised else "")


def _explain(model: ExpectedModel, wanted: Sequence[str], console: Console) -> None:
    console.print(Text(f"\n{_name(model)}: {', '.join(model.facts)}", style="bold"))
    for says in model.says:
        console.print(Text(f"  {numbers.percent_interval(says.score)} from {says.what}"))
    if model.published:
        shown = [f"{one.benchmark} {numbers.percent(one.score)} ({one.source})" for one in model.published[:SHOWN_SCORES]]
        more = len(model.published) - len(shown)
        console.print(Text(f"  its own: {'; '.join(shown)}{f'; {more} more' if more else ''}"))
        if missing := _missing(model, wanted):
            console.print(Text(f"  the expected score is of {', '.join(missing)} as well, which its own do not show"))
    if model.siblings:
        shown = sorted(model.siblings, key=lambda name: -model.siblings[name] if model.siblings else 0)[:SHOWN_SIBLINGS]
        more = len(model.siblings) - len(shown)
        console.print(Text(f"  siblings: {', '.join(shown)}{f' and {more} more' if more else ''}"))
    for note in model.notes:
        console.print(Text(f"  {note}"))


def _missing(model: ExpectedModel, wanted: Sequence[str]) -> list[str]:
    """Benchmarks of the likeliest family that the model was not scored on."""
    own = {one.benchmark for one in model.published}
    return [name for name in wanted if name not in own]


def size(parameters: float) -> str:
    """7.62e9 → "7.62B"; 2.78e12 → "2.78T"."""
    return f"{parameters / 1e12:.3g}T" if parameters >= 1e12 else f"{parameters / 1e9:.3g}B"
