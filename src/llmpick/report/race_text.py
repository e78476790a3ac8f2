"""What the answer of `race --text` says. Nothing but the answer is read."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from llmpick.decide.race_answer import Place, RaceVerdict
from llmpick.decide.text_answer import TextDifference, TextFigures, TextRaceAnswer, TextRacer
from llmpick.evidence.values import Interval, Unknown
from llmpick.measure.scorers import ENGINES
from llmpick.report import numbers
from llmpick.report.race_text_json import readers_of, text_race_to_json, why_nobody
from llmpick.report.runs import short_names
from llmpick.report.text import joined
from llmpick.report.told import Cell, Column, Row, Told, print_told, write_told

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["exit_code", "print_text_race", "text_race_to_json", "write_text_race"]


def print_text_race(answer: TextRaceAnswer, console: "Console") -> None:
    print_told(told(answer), console)


def write_text_race(answer: TextRaceAnswer, path: Path) -> None:
    """The same as one self-contained page. Raises `LlmpickError` where the disk refuses."""
    write_told(told(answer), path)


def exit_code(answer: TextRaceAnswer) -> int:
    """0 a leader is named, 1 nobody is, or it was compared with nothing since the others failed, 130 interrupted: as `race`."""
    return 130 if answer.stop == "interrupted" else int(answer.winner is None or answer.unopposed)


def told(answer: TextRaceAnswer) -> Told:
    """The decision first, then what it rests on, at last what it cost."""
    names = _names(answer)
    size = f"{numbers.counted(answer.documents, 'document')}, {numbers.counted(answer.text_bytes, 'byte')}"
    several = sum(isinstance(one.figures, TextFigures) for one in answer.racers) > 1
    columns = (
        Column("bits/byte"),
        *((Column("difference"),) if several else ()),
        Column("ppl/token", figures=True),
        Column("chunks", figures=True),
        Column("bytes/token", figures=True, needed=False),
        Column("KB/s", figures=True, needed=False),
    )

    def said(items: tuple[str, ...] | list[str]) -> tuple[str, ...]:
        return tuple(_shortened(item, names) for item in items)

    return Told(
        title=answer.text,
        subtitle=f"{size} in {numbers.counted(answer.chunks, 'chunk')}",
        verdict=answer.verdict,
        sentences=said(_headline(answer, names)),
        columns=columns,
        rows=tuple(_row(one, answer, names, several=several) for one in answer.racers if one.place is not Place.FAILED or _read(one)),
        legend=_legend(answer, names, several=several),
        sections=(
            ("Failed", said([f"{names[one.candidate]}: {'; '.join(one.reasons)}" for one in answer.racers if one.place is Place.FAILED])),
            ("On new text like this", said(_new_text(answer, names))),
            ("What it cost", (_cost(answer),)),
            ("Notes", said(answer.notes)),
        ),
    )


def _names(answer: TextRaceAnswer) -> dict[str, str]:
    """What each candidate is called: a file by its own name where no other has the same, and its engine where it reads on several."""
    parted = {one.candidate: _parted(one.candidate) for one in answer.racers}
    short = short_names({model for model, _ in parted.values()})
    return {id_: f"{short[model]}{on}" for id_, (model, on) in parted.items()}


def _parted(id_: str) -> tuple[str, str]:
    """The model's own id, and " on ENGINE" where one model reads on several."""
    on = next((f" on {engine}" for engine in ENGINES if id_.endswith(f" on {engine}")), "")
    return id_.removesuffix(on), on


def _shortened(text: str, names: Mapping[str, str]) -> str:
    """The sentence with short names in the place of whole ids."""
    for whole in sorted(names, key=len, reverse=True):
        text = text.replace(whole, names[whole])
    return text


def _read(one: TextRacer) -> bool:
    return isinstance(one.figures, TextFigures)


def _headline(answer: TextRaceAnswer, names: Mapping[str, str]) -> list[str]:
    """Who wins and by how much, or who leads and why nothing is decided."""
    best = next((racer for racer in answer.racers if racer.candidate == answer.winner), None)
    winner = names[best.candidate] if best else "nobody"
    figure = f"{_bits(best.figures.on_text)} bits per byte on this text" if best and isinstance(best.figures, TextFigures) else ""
    match answer.verdict:
        case RaceVerdict.ALONE:
            stopped = [f"{reason.capitalize()}." for reason in answer.reasons[1:]]
            return [f"Nothing was compared: only {winner} took part, with {figure}.", *stopped]
        case RaceVerdict.TIE:
            others = joined([names[name] for name in answer.tie[1:]])
            cheapest = {"memory": "none of them is smaller", "seconds": "none of them is faster"}[answer.cost_by]
            return [
                f"A tie: {winner} and {others} need the same number of bits, within {_share(answer.tolerance)}.",
                f"{winner} is taken, since {cheapest}: {figure}.",
            ]
        case RaceVerdict.WON:
            return [f"{winner} needs the fewest bits: {figure}."]
        case _:
            more = f" About {numbers.counted(answer.more_chunks, 'more chunk')} would decide." if answer.more_chunks else ""
            leads = f"{winner} leads: {figure}." if figure else f"{why_nobody(answer).capitalize()}."
            return [f"Undecided: {joined(answer.reasons)}.", leads + more]


def _row(one: TextRacer, answer: TextRaceAnswer, names: Mapping[str, str], *, several: bool) -> Row:
    figures, apart = one.figures, one.difference.on_text if one.difference else None
    if not isinstance(figures, TextFigures):
        nothing: tuple[Cell, ...] = (("-", ""), *((("", ""),) if several else ()), ("-", ""), (f"0 of {numbers.count(answer.chunks)}", ""))
        return Row(names[one.candidate], one.place, one.place.value, (*nothing, ("-", ""), ("-", "")))
    speed = f"{figures.bytes / 1000 / figures.seconds:.2g}" if figures.seconds else "-"
    cells: tuple[Cell, ...] = (
        _cell(figures.on_text, _figure),
        *(((_cell(apart, _signed) if apart else ("", "")),) if several else ()),
        ("-" if isinstance(figures.on_text, Unknown) else f"{figures.perplexity_per_token:,.1f}", ""),
        (f"{numbers.count(figures.chunks)} of {numbers.count(answer.chunks)}", ""),
        (f"{figures.bytes_per_token:.2f}", ""),
        (speed, ""),
    )
    return Row(names[one.candidate], one.place, one.place.value, cells)


def _cell(interval: Interval | Unknown, write: Callable[[float], str]) -> Cell:
    return ("-", "") if isinstance(interval, Unknown) else (write(interval.value), _bounds(interval, write).strip() or "exact")


def _legend(answer: TextRaceAnswer, names: Mapping[str, str], *, several: bool) -> str:
    sure = numbers.probability(answer.confidence)
    against = names[answer.winner] if answer.winner else "the winner"
    said = [f"bits/byte: on the whole of this text, each range with {sure} confidence, exact once all chunks were read"]
    said += [f"difference: how many bits more than {against} needs, on the chunks that both read"] if several else []
    return "; ".join([*said, "ppl/token: per token of the model's own tokenizer, which does not compare"])


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
    more = f"; difference {_signed(difference.on_new_text.value)}{_bounds(difference.on_new_text, _signed)}"
    if difference.more_units == 0:
        return more
    unit = numbers.counted(difference.more_units, f"more {answer.unit}") if difference.more_units else None
    return f"{more}, which does not tell them apart" + (f"; about {unit} like these would" if unit else "")


def _cost(answer: TextRaceAnswer) -> str:
    spent = answer.spent
    reads = f"{numbers.count(spent.reads)} of {numbers.counted(readers_of(answer) * answer.chunks, 'read')} of a chunk by a model"
    loading = f", and {numbers.seconds(spent.load_seconds)} of loading" if spent.load_seconds else ""
    further = numbers.counted(spent.reused, "further read")
    reused = f" {further} {'was' if spent.reused == 1 else 'were'} kept from earlier races and cost nothing." if spent.reused else ""
    return f"{reads}, {numbers.count(spent.processed_tokens)} tokens processed, {numbers.seconds(spent.seconds)}{loading}.{reused}"


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
