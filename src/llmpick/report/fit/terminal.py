"""The answer in the terminal: whether it fits first, then how much of what, how fast, at what price. For 80 columns and more.

All text goes to rich as `Text`, never as markup, after `one_line` has taken out what a terminal would obey.
"""

from collections.abc import Callable, Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from llmpick.evidence.fit import FitAnswer, FitMemory, FitResult
from llmpick.evidence.values import Interval, Unknown
from llmpick.report import numbers
from llmpick.report.fit import wording
from llmpick.report.fit.explain import item, print_lines, print_sources
from llmpick.report.fit.outlook import print_outlook
from llmpick.report.text import one_line

IN_FULL = 2
"""So many configurations are printed in full; of more a table is printed."""
STYLES = {"yes": "bold green", "marginal": "bold yellow", "no": "bold red", "unknown": "bold"}
PARTS: tuple[tuple[str, Callable[[FitMemory], Interval]], ...] = (
    ("weights", lambda memory: memory.weights_bytes),
    ("KV cache", lambda memory: memory.kv_cache_bytes),
    ("compute", lambda memory: memory.compute_bytes),
    ("engine", lambda memory: memory.overhead_bytes),
    ("total", lambda memory: memory.total_bytes),
)


def print_fit(answer: FitAnswer, console: Console, *, explain: bool) -> None:
    if answer.outlook is not None:
        print_outlook(answer.outlook, console)
        if not explain:
            return
    elif len(answer.results) > IN_FULL:
        console.print(_table_of(answer.results))
        if not explain:
            _print_notes(answer.results, console)
            return
    for number, result in enumerate(answer.results):
        if number or answer.outlook is not None or len(answer.results) > IN_FULL:
            console.print()
        print_result(result, console, explain=explain)


def print_result(result: FitResult, console: Console, *, explain: bool) -> None:
    """One configuration in full."""
    console.print(Text(wording.title(result), style="bold"))
    item("", wording.verdict(result), console, style=STYLES[result.fits])
    item("", wording.speed(result), console)
    if pool := wording.pool(result):
        item("", pool, console)
    if host := wording.host(result):
        item("", host, console)
    if not isinstance(result.price, Unknown):
        item("", wording.price(result.price), console)
    if isinstance(result.memory, FitMemory):
        console.print()
        console.print(_memory_table(result, result.memory))
        if explain:
            print_lines(result, result.memory, console)
    if explain:
        print_sources(result, console)
    _print_notes([result], console)


def _memory_table(result: FitResult, memory: FitMemory) -> Table:
    table = _plain("part", ">memory", ">90% interval", "of it")
    for name, value in PARTS:
        part = value(memory)
        style = "bold" if name == "total" else ""
        table.add_row(name, wording.size(part.value), wording.bounds(part) or "exact", _of_it(memory, name), style=style)
    table.add_row("available", wording.size(result.available_bytes), "", Text(wording.there(result)))
    return table


def _of_it(memory: FitMemory, name: str) -> Text:
    """The terms of one part, the largest first."""
    part = {"weights": "weights", "KV cache": "kv_cache", "compute": "compute", "engine": "overhead"}.get(name)
    lines = sorted((line for line in memory.lines if line.part == part and line.bytes.value > 0), key=lambda line: -line.bytes.value)
    return Text(", ".join(one_line(line.name) for line in lines))


def _table_of(results: Sequence[FitResult]) -> Table:
    table = _plain("model", "quantisation", "engine", "device", ">memory", ">of", "fits", ">tokens/s")
    for result in results:
        total = "-" if isinstance(result.memory, Unknown) else wording.size(result.memory.total_bytes.value)
        decode = result.speed.decode_tokens_per_s
        table.add_row(
            Text(one_line(result.model)),
            Text(one_line(result.quantization)),
            Text(wording.engine(result)),
            Text(wording.devices(result)),
            total,
            wording.size(result.available_bytes),
            Text(result.fits, style=STYLES[result.fits]),
            "-" if isinstance(decode, Unknown) else wording.rate_interval(decode),
        )
    return table


def _print_notes(results: Sequence[FitResult], console: Console) -> None:
    kinds = [wording.kind(result.memory) for result in results if isinstance(result.memory, FitMemory)]
    prices = [f"Price: {result.price.reason}." for result in results if isinstance(result.price, Unknown)]
    reasons = [f"{reason}." for result in results if result.fits == "unknown" for reason in result.reasons]
    sources = _sources(results)
    notes = dict.fromkeys((*kinds, *(note for result in results for note in result.notes), *reasons, *prices, *sources))
    console.print()
    for note in notes:
        item("- ", one_line(note[:1].upper() + note[1:]), console, style="dim")


def _sources(results: Sequence[FitResult]) -> list[str]:
    """Where the model is known from; the rest is many."""
    first = dict.fromkeys(one_line(result.sources[0].title) for result in results if result.sources)
    rest = len({source for result in results for source in result.sources}) - len(first)
    more = f", and {numbers.counted(rest, 'more source')} (--explain)" if rest > 0 else ""
    return [f"From: {'; '.join(first)}{more}."] if first else []


def _plain(*columns: str) -> Table:
    """A table with these columns; ">" before a name sets its column to the right."""
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)
    for name in columns:
        table.add_column(name.removeprefix(">"), justify="right" if name.startswith(">") else "left", overflow="fold")
    return table
