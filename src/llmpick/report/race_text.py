"""The answer of `race --text` in the terminal. Nothing but the answer is read."""

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from llmpick.decide.race_answer import Place, RaceVerdict
from llmpick.decide.text_answer import TextDifference, TextFigures, TextRaceAnswer, TextRacer
from llmpick.evidence.values import Interval, Unknown
from llmpick.report import numbers
from llmpick.report.race_text_json import readers_of, text_race_to_json, why_nobody
from llmpick.report.text import joined, one_line

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

__all__ = ["print_text_race", "text_race_to_json"]

WIDEST_NAME = 44
WIDE = 100
"""Below so many columns what is said again elsewhere is left out of the table."""
_STYLES = {Place.CHOSEN: "bold green", Place.LEADER: "bold", Place.TIED: "green", Place.BEATEN: "red", Place.FAILED: "bold red"}


def print_text_race(answer: TextRaceAnswer, console: "Console") -> None:
    """Prints the decision first, then what it rests on, at last what it cost."""
    from rich.text import Text

    from llmpick.report.console import print_item

    names = _names(answer)
    documents = numbers.counted(answer.documents, "document")
    size = f"{documents}, {numbers.count(answer.text_bytes)} bytes in {numbers.counted(answer.chunks, 'chunk')}"
    console.print(Text.assemble((one_line(answer.text), "bold"), f"  {size}"))
    for number, sentence in enumerate(_headline(answer, names)):
        print_item("", sentence, console, style="" if number else "bold")
    if any(isinstance(one.figures, TextFigures) for one in answer.racers):
        console.print()
        console.print(_table(answer, names, wide=console.width >= WIDE))
        print_item("", _legend(answer), console, style="dim")
    _print_list("Failed", [f"{names[one.candidate]}: {'; '.join(one.reasons)}" for one in _failed(answer)], names, console)
    _print_list("On new text like this", _new_text(answer, names), names, console)
    _print_list("What it cost", [_cost(answer)], names, console)
    _print_list("Notes", list(answer.notes), names, console)


def _names(answer: TextRaceAnswer) -> dict[str, str]:
    """What each candidate is called: a file by its own name where no other has the same."""
    short = {one.candidate: one_line(re.sub(r"^[./~].*/|^.*/(?=[^/]*\.gguf)|\.gguf(?= |$)", "", one.candidate)) for one in answer.racers}
    seen = Counter(short.values())
    return {name: shown if seen[shown] == 1 else one_line(name) for name, shown in short.items()}


def _headline(answer: TextRaceAnswer, names: Mapping[str, str]) -> list[str]:
    """Who wins and by how much, or who leads and why nothing is decided."""
    best = next((racer for racer in answer.racers if racer.candidate == answer.winner), None)
    winner = names[best.candidate] if best else "nobody"
    figure = f"{_bits(best.figures.on_text)} bits per byte on this text" if best and isinstance(best.figures, TextFigures) else ""
    if answer.verdict is RaceVerdict.UNDECIDED:
        more = f" About {numbers.counted(answer.more_chunks, 'more chunk')} would decide." if answer.more_chunks else ""
        leads = f"{winner} leads: {figure}." if figure else f"{why_nobody(answer).capitalize()}."
        return [f"Undecided: {joined(answer.reasons)}.", leads + more]
    if answer.verdict is RaceVerdict.TIE:
        others = joined([names[name] for name in answer.tie[1:]])
        cheapest = {"memory": "none of them is smaller", "seconds": "none of them is faster"}[answer.cost_by]
        return [
            f"A tie: {winner} and {others} need the same number of bits, within {_share(answer.tolerance)}.",
            f"{winner} is taken, since {cheapest}: {figure}.",
        ]
    if answer.reasons:
        return [f"{winner}: {figure}.", f"{'; '.join(answer.reasons).capitalize()}."]
    return [f"{winner} needs the fewest bits: {figure}."]


def _table(answer: TextRaceAnswer, names: Mapping[str, str], *, wide: bool) -> "Table":
    from rich.text import Text

    from llmpick.report.console import plain_table

    table = plain_table()
    table.add_column("candidate", overflow="fold", max_width=WIDEST_NAME)
    for title in ("bits/byte", "to the winner"):
        table.add_column(title, no_wrap=True)
    for title in ("ppl/token", "chunks", *(("bytes/token", "KB/s") if wide else ())):
        table.add_column(title, justify="right", no_wrap=True)
    for one in answer.racers:
        name = Text.assemble(names[one.candidate], "\n", (one.place.value, _STYLES.get(one.place, "")))
        if not isinstance(one.figures, TextFigures):
            if one.place is not Place.FAILED:
                table.add_row(name, "-", "", "-", f"0 of {numbers.count(answer.chunks)}", *(("-", "-") if wide else ()))
            continue
        figures = one.figures
        speed = f"{figures.bytes / 1000 / figures.seconds:.2g}" if figures.seconds else "-"
        table.add_row(
            name,
            _stacked(figures.on_text, _figure),
            _stacked(one.difference.on_text, _signed) if one.difference else "",
            "-" if isinstance(figures.on_text, Unknown) else f"{figures.perplexity_per_token:,.1f}",
            f"{numbers.count(figures.chunks)} of {numbers.count(answer.chunks)}",
            *((f"{figures.bytes_per_token:.2f}", speed) if wide else ()),
        )
    return table


def _legend(answer: TextRaceAnswer) -> str:
    return (
        f"(bits per byte on the whole of this text, each range with {numbers.probability(answer.confidence)} confidence; exact once all "
        "chunks were read. To the winner: how many bits more, on the chunks that both read. ppl/token is per token of the model's own "
        "tokenizer, and does not compare)"
    )


def _new_text(answer: TextRaceAnswer, names: Mapping[str, str]) -> list[str]:
    """What to expect of other text, and which of the differences will hold there."""
    return [
        f"{names[one.candidate]}: "
        + (
            f"unknown, {figure.reason}"
            if isinstance(figure := one.figures.bits_per_byte, Unknown)
            else f"{_bits(figure)} bits per byte{_apart(one.difference, answer)}"
        )
        for one in answer.racers
        if isinstance(one.figures, TextFigures)
    ]


def _apart(difference: TextDifference | None, answer: TextRaceAnswer) -> str:
    if difference is None or isinstance(difference.on_new_text, Unknown):
        return ""
    more = f"; to the winner {_signed(difference.on_new_text.value)}{_bounds(difference.on_new_text, _signed)}"
    if difference.more_units == 0:
        return more
    unit = numbers.counted(difference.more_units, f"more {answer.unit}") if difference.more_units else None
    return f"{more}, which does not tell them apart" + (f"; about {unit} like these would" if unit else "")


def _cost(answer: TextRaceAnswer) -> str:
    spent = answer.spent
    reads = f"{numbers.count(spent.reads)} of {numbers.count(readers_of(answer) * answer.chunks)} reads of a chunk by a model"
    loading = f", and {numbers.seconds(spent.load_seconds)} of loading" if spent.load_seconds else ""
    further = numbers.counted(spent.reused, "further read")
    reused = f" {further} {'was' if spent.reused == 1 else 'were'} kept from earlier races and cost nothing." if spent.reused else ""
    return f"{reads}, {numbers.count(spent.processed_tokens)} tokens processed, {numbers.seconds(spent.seconds)}{loading}.{reused}"


def _failed(answer: TextRaceAnswer) -> list[TextRacer]:
    return [one for one in answer.racers if one.place is Place.FAILED]


def _print_list(title: str, items: Sequence[str], names: Mapping[str, str], console: "Console") -> None:
    from llmpick.report.console import print_item, print_title

    if items:
        print_title(title, console)
    for item in items:
        for whole in sorted(names, key=len, reverse=True):
            item = item.replace(whole, names[whole])
        print_item("- ", one_line(item), console)


def _stacked(interval: Interval | Unknown, write: Callable[[float], str]) -> str:
    return "-" if isinstance(interval, Unknown) else f"{write(interval.value)}\n{_bounds(interval, write).strip() or 'exact'}"


def _bits(interval: Interval | Unknown) -> str:
    return "an unknown number of" if isinstance(interval, Unknown) else f"{_figure(interval.value)}{_bounds(interval, _figure)}"


def _bounds(interval: Interval, write: Callable[[float], str]) -> str:
    """The range with a blank before it; nothing for a point."""
    return "" if interval.low == interval.high else f" [{write(interval.low)}, {write(interval.high)}]"


def _figure(bits_per_byte: float) -> str:
    return f"{bits_per_byte:.3f}" if bits_per_byte < 10 else f"{bits_per_byte:.1f}"


def _signed(share: float) -> str:
    """0.0312 → "+3.1%", and two decimals below one per cent: "+0.42%"."""
    return f"{100 * share:+.2f}%" if abs(share) < 0.00995 else f"{100 * share:+.1f}%"


def _share(tolerance: float) -> str:
    return f"{100 * tolerance:g}%"
