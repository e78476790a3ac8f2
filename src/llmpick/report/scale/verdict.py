"""The verdict as the terminal shows it: what to do, why, what the budget buys by each law, and the open models beside it."""

from collections.abc import Callable, Iterator

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from llmpick.decide.training_verdict import Bought, Cost, Rival, Span, Threshold, TrainingVerdict
from llmpick.estimate.scaling.amounts import amount, flops
from llmpick.evidence.values import Interval, Unknown
from llmpick.report import numbers
from llmpick.report.text import one_line

DO = {
    "take": "Take {} as it is; do not train.",
    "finetune": "Fine-tune {}.",
    "continue": "Continue the pre-training of {}.",
    "train": "Train your own.",
}
COMMERCIAL = {"yes": "", "no": ", not commercial", "conditions": ", conditions", None: ""}
ALLOWS = {"yes": "commercial use allowed", "no": "no commercial use", "conditions": "commercial use under conditions"}


def print_verdict(answer: TrainingVerdict, console: Console) -> None:
    console.print(Text(DO[answer.action].format(_named(answer)), style="bold"))
    for reason in answer.reasons:
        console.print(Text(f"- {one_line(reason)}"))
    for i, command in enumerate(answer.next_steps):
        console.print(Text(f"{'      ' if i else 'Next: '}{one_line(command)}"), soft_wrap=True)
    console.print()
    for line in _budget(answer):
        console.print(Text(line))
    console.print(_splits(answer.bought))
    console.print(Text(_rivals_heading(answer)))
    console.print(_rivals(answer.rivals))
    for note in answer.notes:
        console.print(Text(f"- {one_line(note)}"))


def _named(answer: TrainingVerdict) -> str:
    """The model with its licence."""
    licence = answer.licence or "licence not known"
    allows = f": {ALLOWS[answer.commercial]}" if answer.commercial else ""
    return f"{one_line(answer.chosen.model)} ({one_line(licence)}{allows})" if answer.chosen.model else ""


def _rivals_heading(answer: TrainingVerdict) -> str:
    one = answer.rival_count == 1
    models = numbers.counted(answer.rival_count, "open model")
    few = answer.everyday_params > answer.serving_params
    small = f", or {'has' if one else 'have'} {amount(answer.everyday_params)} or fewer in all" if few else ""
    order = "by what is expected in general" if answer.undecided else "the best expected first"
    return (
        f"{models} {'computes' if one else 'compute'} with {amount(answer.serving_params)} parameters or fewer for a token{small}"
        f"{'' if one else f'; {order}'}:"
    )


def _budget(answer: TrainingVerdict) -> Iterator[str]:
    bought = answer.bought
    money = "" if isinstance(bought.money, Unknown) else f"{_dollars(bought.money)}, "
    yield f"The budget: {money}{_hours(bought.gpu_hours)} hours of {answer.device}; {bought.formula} = {_span(bought.flops, flops)} FLOPs."
    loss = f"{bought.loss.value:.3f} [{bought.loss.low:.3f}, {bought.loss.high:.3f}] nats per token of {bought.corpus}"
    yield f"By {bought.law} it buys {amount(bought.params)} parameters on {amount(bought.tokens)} tokens, loss {loss}."
    low, high = numbers.percent(bought.beats.low), numbers.percent(bought.beats.high)
    yield f"It would win with probability {numbers.percent(bought.beats.value)} [{low}, {high} over the range of FLOPs]."
    if isinstance(answer.threshold, Threshold):
        yield f"Training pays from {_cost(answer.threshold.cost)} on: {answer.threshold.cost.formula}."


def _splits(bought: Bought) -> Table:
    table = Table(box=SIMPLE_HEAD)
    for heading, right in (("law", False), ("parameters", True), ("tokens", True), ("loss", True), ("expected", True), ("wins", True)):
        table.add_column(heading, justify="right" if right else "left", no_wrap=True)
    first = (bought.law, bought.params, bought.tokens, bought.loss.value, bought.score, bought.beats.value)
    for law, params, tokens, loss, score, beats in (first, *((o.law, o.params, o.tokens, o.loss, o.score, o.beats) for o in bought.others)):
        table.add_row(*map(Text, (law, amount(params), amount(tokens), f"{loss:.3f}", _score(score), numbers.percent(beats))))
    return table


def _rivals(rivals: tuple[Rival, ...]) -> Table:
    table = Table(box=SIMPLE_HEAD)
    table.add_column("model", overflow="fold")
    for heading in ("per token", "in all", "tokens", "released", "expected"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("licence", overflow="fold")
    for one in rivals:
        tokens = "-" if one.tokens is None else amount(one.tokens)
        licence = f"{one.licence or '-'}{COMMERCIAL[one.commercial]}"
        cells = (amount(one.active), amount(one.total), tokens, str(one.released or "-"), _score(one.score), licence)
        table.add_row(*map(Text, (one_line(one.model), *cells)))
    return table


def _cost(cost: Cost) -> str:
    money = "" if isinstance(cost.money, Unknown) else f"{_dollars(cost.money)}, "
    return f"{money}{_hours(cost.gpu_hours)} GPU-hours"


def _dollars(money: Span) -> str:
    return _span(money, lambda value: f"${_whole(value)}")


def _hours(hours: Span) -> str:
    return _span(hours, _whole)


def _whole(value: float) -> str:
    """18,587 and 1.34: three digits where there are fewer before the point."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _span(span: Span, write: Callable[[float], str]) -> str:
    """The value, with its range where there is one."""
    return write(span.value) if span.low == span.high else f"{write(span.value)} [{write(span.low)}, {write(span.high)}]"


def _score(score: Interval) -> str:
    return numbers.percent_interval(score)
