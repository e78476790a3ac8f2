"""What a training takes, as the terminal shows it: the answer in two sentences, the table, and with `explain` every formula."""

from collections.abc import Callable
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from llmpick.estimate.training.answer import BudgetAnswer
from llmpick.estimate.training.budget import ADAPTED, Line, Range
from llmpick.estimate.training.layout import Training
from llmpick.estimate.training.utilization import MfuEvidence
from llmpick.evidence.values import Unknown
from llmpick.report import numbers
from llmpick.report.facts import source_text
from llmpick.report.text import one_line

METHODS = {
    "pretrain": "Pre-training",
    "continue": "Continuing the pre-training of",
    "full": "Fine-tuning all of",
    "lora": "LoRA on",
    "qlora": "QLoRA on",
}
FEW_DIGITS = 10


def _plain(value: float) -> str:
    """1,022,362; 26.8; 0.46: as many digits as a reader can use."""
    return f"{value:,.0f}" if value >= 100 * FEW_DIGITS else f"{value:,.1f}" if value >= FEW_DIGITS else f"{value:.3g}"


LABELS: dict[str, tuple[str, Callable[[float], str]]] = {
    "flops": ("FLOPs of weights", lambda value: f"{value:.3g}"),
    "attention_flops": ("FLOPs of attention", lambda value: f"{value:.3g}"),
    "mfu": ("MFU", numbers.percent),
    "gpu_hours": ("GPU-hours", _plain),
    "days": ("days", _plain),
    "money": ("US dollars", lambda value: f"{value:,.0f}" if value >= FEW_DIGITS else f"{value:.2f}"),
    "energy_mwh": ("MWh", _plain),
    "tco2e": ("t CO2e", _plain),
}
ZERO = {
    0: "nothing sharded",
    1: "the optimizer's states sharded (ZeRO 1)",
    2: "gradients and the optimizer's states sharded (ZeRO 2)",
    3: "weights, gradients and states sharded (ZeRO 3, FSDP)",
}
FITS = {"yes": "It fits", "marginal": "It may fit", "no": "It does not fit"}


def print_budget(answer: BudgetAnswer, console: Console, *, explain: bool = False) -> None:
    work = answer.work
    params, tokens = numbers.large(round(work.params)), numbers.large(round(work.tokens))
    if answer.params_total > work.params:
        params += f" of {numbers.large(round(answer.params_total))}"
    on = f"{answer.gpus:,} x {answer.device}"
    console.print(Text(f"{METHODS[work.method]} {params} parameters with {tokens} tokens on {on}", style="bold"))
    console.print(Text(_sentence(answer)))
    console.print(Text(_memory_text(answer.memory)))
    console.print(_table(answer))
    for note in answer.notes:
        console.print(Padding(Text(f"- {one_line(note)}"), (0, 0, 0, 0)))
    if explain:
        _explain(answer, console)


def _sentence(answer: BudgetAnswer) -> str:
    named = {line.name: line.amount for line in answer.lines}
    parts = [f"{_ranged('gpu_hours', named['gpu_hours'])} GPU-hours, {_ranged('days', named['days'])} days"]
    for name, word in (("money", "$"), ("energy_mwh", ""), ("tco2e", "")):
        amount = named[name]
        if isinstance(amount, Range):
            unit = "" if word else f" {LABELS[name][0]}"
            parts.append(f"{word}{_ranged(name, amount)}{unit}")
    return f"It takes {'; '.join(parts)}."


def _ranged(name: str, amount: Range | Unknown) -> str:
    """The value, with its range where there is one."""
    assert isinstance(amount, Range)
    write = LABELS[name][1]
    return write(amount.value) if amount.low == amount.high else f"{write(amount.value)} [{write(amount.low)}, {write(amount.high)}]"


def _memory_text(memory: Training | Unknown) -> str:
    if isinstance(memory, Unknown):
        return f"Whether it fits is not known: {one_line(memory.reason)}."
    setup = memory.setup
    used = f"{numbers.memory(memory.total_bytes)} of the {numbers.memory(memory.available_bytes)} of each device"
    split = [f"{n} devices per layer" for n in [setup.tensor_parallel] if n > 1]
    split += [f"{n} pipeline stages" for n in [setup.pipeline_parallel] if n > 1]
    again = {"none": "nothing recomputed", "selective": "attention scores recomputed", "full": "all activations recomputed"}[
        setup.recompute
    ]
    at_once = f"{numbers.counted(setup.micro_batch, 'sequence')} of {setup.context:,} tokens at once"
    more = " Fragmentation of the memory decides." if memory.fits == "marginal" else ""
    return f"{FITS[memory.fits]}: {used}, {', '.join((ZERO[setup.zero_stage], *split, again, at_once))}.{more}"


def _table(answer: BudgetAnswer) -> Table:
    table = Table(box=SIMPLE_HEAD)
    for heading, right in (("", False), ("value", True), ("least", True), ("most", True)):
        table.add_column(heading, justify="right" if right else "left", no_wrap=right)
    for line in answer.lines:
        label, write = LABELS[line.name]
        label += ", 6 N D" if line.name == "flops" and answer.work.method not in ADAPTED else ""
        cells = ("-", "", "") if isinstance(line.amount, Unknown) else tuple(map(write, line.amount))
        table.add_row(Text(label), *map(Text, cells))
    return table


def _explain(answer: BudgetAnswer, console: Console) -> None:
    console.print(Text("How it was computed", style="bold"))
    for line in answer.lines:
        console.print(Padding(Text(f"{LABELS[line.name][0]}: {_explained(line)}"), (0, 0, 0, 2)))
    if isinstance(answer.ceiling, MfuEvidence):
        low, high = (numbers.percent(share) for share in answer.ceiling.range[1:])
        rows = ", ".join(answer.ceiling.names)
        console.print(Padding(Text(f"benchmarks of this layout, an upper bound: MFU {low} to {high} ({rows})"), (0, 0, 0, 2)))
    if isinstance(answer.memory, Training):
        console.print(Text("Memory of the fullest device", style="bold"))
        console.print(_memory_table(answer.memory))
        console.print(Padding(Text("What the allocator wastes, the CUDA context and buffers of NCCL are left out."), (0, 0, 0, 2)))
    for number, source in enumerate(answer.sources, start=1):
        console.print(Padding(Text(f"[{number}] {source_text(source)}"), (0, 0, 0, 2)))


def _explained(line: Line) -> str:
    if isinstance(line.amount, Unknown):
        return f"{line.formula}; {line.amount.reason}"
    return f"{line.formula} = {LABELS[line.name][1](line.amount.value)}; {line.source}"


def _memory_table(training: Training) -> Table:
    table = Table(box=SIMPLE_HEAD)
    columns: tuple[tuple[str, dict[str, Any]], ...] = (
        ("term", {"no_wrap": True}),
        ("memory", {"no_wrap": True, "justify": "right"}),
        ("formula", {"overflow": "fold"}),
        ("source", {"overflow": "fold"}),
    )
    for heading, options in columns:
        table.add_column(heading, **options)
    for line in training.lines:
        table.add_row(*map(Text, (line.name, numbers.memory(line.bytes), line.formula, line.source)))
    table.add_row(Text("total", style="bold"), Text(numbers.memory(training.total_bytes)), Text(""), Text(""))
    return table
