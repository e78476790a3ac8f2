"""`--explain`: every term of the memory, in bytes, with its formula and the source of that."""

from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from llmpick.estimate.sequence_memory import meaning_of
from llmpick.evidence.fit import FitMemory, FitResult, MemoryLine
from llmpick.evidence.model import Blueprint
from llmpick.report import numbers
from llmpick.report.facts import source_text
from llmpick.report.fit import wording
from llmpick.report.layers import group_text, kind_text
from llmpick.report.text import one_line

TITLES = {"weights": "Weights", "kv_cache": "KV cache", "compute": "Compute buffers", "overhead": "Engine"}
HOST = "In the host's memory, beside"
INDENT = "    "


def print_lines(result: FitResult, memory: FitMemory, console: Console) -> None:
    """The terms by part, those in the host's memory, then the load options that they assume."""
    for part, title in TITLES.items():
        lines = [line for line in memory.lines if line.part == part]
        _print_part(title, lines, console)
        for said in _of_blueprint(part, result.blueprint) if lines else ():
            item("  - ", said, console)
    _print_part(HOST, memory.host_lines, console)
    if result.engine_options:
        console.print()
        console.print(Text("Load options that this assumes", style="bold"))
        said = ", ".join(f"{name}={value}" for name, value in result.engine_options.items())
        item(INDENT, one_line(said), console)


def _print_part(title: str, lines: Sequence[MemoryLine], console: Console) -> None:
    if not lines:
        return
    console.print()
    console.print(Text(f"{title}: {_bytes(sum(line.bytes.value for line in lines))}", style="bold"))
    for line in lines:
        _print_line(line, console)


def _of_blueprint(part: str, blueprint: Blueprint | None) -> list[str]:
    """The tensors behind the weights, and the kinds of layers behind the cache, of the whole model."""
    if blueprint is None:
        return []
    if part == "weights":
        return [group_text(group) for group in blueprint.tensors]
    if part == "kv_cache" and blueprint.architecture:
        return [kind_text(kind) for kind in meaning_of(blueprint.architecture, blueprint.context_tokens).kinds]
    return []


def print_sources(result: FitResult, console: Console) -> None:
    """Everything that any number of the answer rests on."""
    console.print()
    console.print(Text("Sources", style="bold"))
    for source in result.sources:
        item("  - ", source_text(source), console)


def _print_line(line: MemoryLine, console: Console) -> None:
    spread = wording.bounds(line.bytes)
    console.print(Text(f"  {one_line(line.name)}: {_bytes(line.bytes.value)} {spread}".rstrip()))
    item(INDENT, f"= {one_line(line.formula)}", console)
    item(INDENT, f"source: {source_text(line.source)}", console, style="dim")


def _bytes(size: float) -> str:
    """Bytes in full, and in the unit that a person reads: "253,113,024 bytes (0.24 GiB)"."""
    return f"{numbers.count(round(size))} bytes ({wording.size(size)})"


def item(mark: str, text: str, console: Console, style: str = "") -> None:
    """`text` wrapped to the right of `mark`, as an item of a list."""
    for line in Text(text, style=style).wrap(console, max(20, console.width - len(mark)), overflow="fold"):
        line.rstrip()
        console.print(Text(mark) + line)
        mark = " " * len(mark)
