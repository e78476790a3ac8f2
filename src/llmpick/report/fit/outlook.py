"""What fits best on one device, in the terminal: the foremost models, and why not the rest."""

from collections import Counter
from collections.abc import Callable, Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from llmpick.evidence.fit import FitOutlook, ModelOutlook
from llmpick.evidence.values import Interval, Unknown
from llmpick.report import numbers
from llmpick.report.fit import wording
from llmpick.report.grouping import group
from llmpick.report.text import one_line

LISTED = 8
WIDE = 110
"""From so many columns on, names are written in full, and the probability stands beside them."""
ROOMY = 96
"""From so many on, the longest context that fits has a column."""
LISTED_GROUPS = 12
BILLION, TRILLION = 1e9, 1e12


def print_outlook(outlook: FitOutlook, console: Console) -> None:
    foremost = [one for one in outlook.models if one.foremost]
    _say(_heading(outlook), console, style="bold")
    _say(_first(foremost), console, style="bold green" if foremost else "bold red")
    _say(_counts(outlook), console)
    known = [one for one in foremost if one.training_tokens is not None]
    for title, models in (
        (None, known),
        ("What they were trained on is not published (the newest first)", [o for o in foremost if o not in known]),
    ):
        _print_models(title, models, console)
    if foremost:
        _say(f"Order: {outlook.order}. Measure the first ones on your own examples with llmpick pick.", console, style="dim")
    _print_rest(outlook, console)
    for note in dict.fromkeys((*outlook.notes, *(f"{one.model}: {note}" for one in foremost[:LISTED] for note in one.notes))):
        _say(f"- {one_line(note)}", console, style="dim")


def _heading(outlook: FitOutlook) -> str:
    load, engine = outlook.load, wording.ENGINES[outlook.deployment.engine]
    many = f"{numbers.count(load.sequences)} sequences of " if load.sequences > 1 else ""
    task = f" for {one_line(outlook.task)}" if outlook.task else ""
    context = f"{many}{numbers.count(load.context_tokens)} tokens of context"
    room = f"{wording.size(outlook.available_bytes)} of memory"
    return f"{one_line(outlook.device.name)}{task}: {engine}, {context}, {room}"


def _first(foremost: Sequence[ModelOutlook]) -> str:
    if not foremost:
        return "No model of the catalog surely fits within the limits."
    one = foremost[0]
    return f"First to try: {one_line(one.model)} in {one.quantization}, {_memory(one)}{_speed_words(one)}."


def _speed_words(one: ModelOutlook) -> str:
    speed = one.decode_tokens_per_s
    return "" if isinstance(speed, Unknown) else f", {wording.rate_interval(speed)} tokens/s"


def _counts(outlook: FitOutlook) -> str:
    found = outlook.configurations
    models = Counter(one.fits for one in outlook.models)
    return (
        f"Of {numbers.counted(len(outlook.models), 'model')} {models['yes']} surely fit, {models['marginal']} may, {models['no']} do not, "
        f"of {models['unknown']} it cannot be told ({numbers.count(sum(found.values()))} configurations: {len(outlook.quantizations)} "
        f"quantisations, {len(outlook.contexts)} contexts, in {numbers.seconds(outlook.seconds)})."
    )


def _print_models(title: str | None, models: Sequence[ModelOutlook], console: Console) -> None:
    if not models:
        return
    console.print()
    if title:
        console.print(Text(title, style="bold"))
    console.print(_table(models[:LISTED], console.width))
    if len(models) > LISTED:
        _say(f"{numbers.count(len(models) - LISTED)} more in --json", console, style="dim")


def _table(models: Sequence[ModelOutlook], width: int) -> Table:
    """Without the maker's name, and without the columns that matter least, where there is no room for them."""
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)
    columns = _columns(models, width)
    for name, _ in columns:
        right = name.startswith(">")
        table.add_column(name.removeprefix(">"), justify="right" if right else "left", no_wrap=name != "model", overflow="fold")
    for one in models:
        table.add_row(*(Text(cell(one)) for _, cell in columns))
    return table


def _columns(models: Sequence[ModelOutlook], width: int) -> list[tuple[str, Callable[[ModelOutlook], str]]]:
    wide = width >= WIDE
    trained = any(one.training_tokens is not None for one in models)
    columns: list[tuple[str, Callable[[ModelOutlook], str] | None]] = [
        ("model", lambda one: one_line(one.model if wide else one.model.rpartition("/")[2])),
        (">size", _size),
        (">tokens", (lambda one: "-" if one.training_tokens is None else f"{one.training_tokens / TRILLION:.3g}T") if trained else None),
        ("released", lambda one: "-" if one.released is None else f"{one.released:%Y-%m}"),
        ("in", lambda one: one.quantization or "-"),
        (">memory", lambda one: "-" if isinstance(one.total_bytes, Unknown) else wording.size(one.total_bytes.value)),
        (">fits", (lambda one: "-" if one.fits_probability is None else _chance(one.fits_probability)) if wide else None),
        (
            ">longest",
            (lambda one: "-" if one.longest_context_tokens is None else _tokens(one.longest_context_tokens)) if width >= ROOMY else None,
        ),
        (">tokens/s", lambda one: "-" if isinstance(one.decode_tokens_per_s, Unknown) else numbers.rate(one.decode_tokens_per_s.value)),
    ]
    return [(name, cell) for name, cell in columns if cell is not None]


def _print_rest(outlook: FitOutlook, console: Console) -> None:
    rest = [one for one in outlook.models if not one.foremost]
    groups = group(one.reasons[0] for one in rest if one.reasons)
    if not groups:
        return
    console.print()
    console.print(Text(f"Why not the others ({numbers.counted(len(rest), 'model')})", style="bold"))
    for alike in groups[:LISTED_GROUPS]:
        _say(f"{alike.count:>4,}  {one_line(alike.text)}", console)
    others = sum(alike.count for alike in groups[LISTED_GROUPS:])
    if others:
        _say(f"{others:>4,}  for other reasons, each told in --json", console)


def _size(one: ModelOutlook) -> str:
    """Parameters, and those in use where they are fewer: "30B (3.3B)"."""
    if one.parameters_total is None:
        return "-"
    whole = f"{one.parameters_total / BILLION:.3g}B"
    active = one.parameters_active
    return whole if active is None or active == one.parameters_total else f"{whole} ({active / BILLION:.2g}B)"


def _memory(one: ModelOutlook) -> str:
    return wording.memory_interval(one.total_bytes) if isinstance(one.total_bytes, Interval) else "memory not known"


def _tokens(n: int) -> str:
    return f"{n // 1024}k" if n >= 1024 and n % 1024 == 0 else numbers.count(n)


def _chance(p: float) -> str:
    return ">99.9%" if p > 0.999 else f"{100 * p:.0f}%"


def _say(text: str, console: Console, style: str = "") -> None:
    indent = "      " if text[:4].strip().isdigit() else "  " if text.startswith("- ") else ""
    for number, line in enumerate(Text(text, style=style).wrap(console, max(20, console.width - len(indent)), overflow="fold")):
        line.rstrip()
        console.print(Text(indent if number else "") + line)
