"""What the answer of `race --cascade` says: what is shown first, then what each kind of evidence was worth, at last what it cost.

Nothing but the answer is read.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from llmpick.decide.cascade_answer import CascadeAnswer, CascadeStop, Measured, Unit
from llmpick.decide.race_answer import RaceVerdict
from llmpick.evidence.values import Interval, Unknown
from llmpick.report import numbers
from llmpick.report.cascade_json import cascade_to_json
from llmpick.report.runs import short_names
from llmpick.report.spent import spending
from llmpick.report.text import joined
from llmpick.report.told import Cell, Column, Row, Told, print_told, write_told

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["cascade_to_json", "exit_code", "print_cascade", "write_cascade"]

EVEN = 0.02
"""A gain of less than this share is none worth a word."""


def print_cascade(answer: CascadeAnswer, console: "Console") -> None:
    print_told(told(answer), console)


def write_cascade(answer: CascadeAnswer, path: Path) -> None:
    """The same as one self-contained page. Raises `LlmpickError` where the disk refuses."""
    write_told(told(answer), path)


def told(answer: CascadeAnswer) -> Told:
    names = short_names(one.candidate for one in answer.candidates)
    measured = [one for one in answer.candidates if isinstance(one.score_on_rows, Interval)]
    columns = [Column("on your rows"), Column("new inputs"), *([Column("difference")] if len(measured) > 1 else [])]
    out = tuple(f"{names[one.candidate]}: {'; '.join(one.reasons)}" for one in answer.candidates if one.reasons)
    return Told(
        title=answer.task,
        subtitle=f"{numbers.counted(answer.rows, 'row')}, scored by {answer.metric}",
        verdict=answer.verdict,
        sentences=tuple(_headline(answer, names)),
        columns=tuple(columns),
        rows=tuple(Row(names[one.candidate], one.place, one.place.value, _cells(one)[: len(columns)]) for one in measured),
        legend=_legend(answer, names),
        sections=(
            ("Not measured", out),
            ("What each stage was worth", (*_stages(answer), *_worth(answer))),
            ("What it cost", (_cost(answer),) if answer.run else ()),
            ("Notes", answer.notes),
        ),
    )


def exit_code(answer: CascadeAnswer) -> int:
    """0 a leader is named, 1 nobody is, or it was compared with nothing since the others failed; 3 no candidate satisfies the limits, 130
    interrupted: as `race`.
    """
    failed = answer.leader is None or answer.unopposed
    return {CascadeStop.INTERRUPTED: 130, CascadeStop.NOT_RUN: 3}.get(answer.stop, int(failed))


def _headline(answer: CascadeAnswer, names: dict[str, str]) -> list[str]:
    leader = next((one for one in answer.candidates if one.candidate == answer.leader), None)
    if leader is None or isinstance(leader.score_on_rows, Unknown):
        return [f"Nothing was measured: {joined(answer.reasons)}."]
    name, score = names[leader.candidate], numbers.percent_interval(leader.score_on_rows)
    if answer.verdict is RaceVerdict.WON:
        return [f"{name} wins: {score} on your rows; no other is better by more than {numbers.distance(answer.tolerance)}."]
    if answer.verdict is RaceVerdict.ALONE:
        return [f"Nothing was compared: only {name} took part, with {score} on your rows."]
    return [f"Undecided: {joined(answer.reasons)}.", f"{name} leads: {score} on your rows."]


def _cells(one: Measured) -> tuple[Cell, Cell, Cell]:
    gap = one.difference_on_rows
    apart = ("", "") if isinstance(gap, Unknown) else (numbers.signed_points(gap.value), numbers.points_bounds(gap))
    return _score(one.score_on_rows), _score(one.score), apart


def _score(score: Interval | Unknown) -> Cell:
    return ("-", "") if isinstance(score, Unknown) else (numbers.percent(score.value), numbers.bounds(score))


def _legend(answer: CascadeAnswer, names: dict[str, str]) -> str:
    said = ["on your rows: the mean over the rows of your file", "new inputs: what to expect on others like them"]
    several = answer.verdict is not RaceVerdict.ALONE
    if several and answer.leader is not None:
        said.append(f"difference: points from {names[answer.leader]} on your rows")
    together = ", those of all differences together" if several else ""
    sure = numbers.probability(answer.confidence)
    return "; ".join([*said, f"each score's range holds by itself with {sure} confidence{together}, looked at once at the end"])


def _stages(answer: CascadeAnswer) -> list[str]:
    """A line for each kind of evidence: its cost, what it foretells, its rows; and plainly where it was not worth its cost."""
    lines: list[str] = []
    for one in answer.stages:
        cost = "" if isinstance(one.cost_per_row, Unknown) else f", {_amount(one.cost_per_row, answer.unit)} a row"
        if one is answer.stages[-1]:
            lines.append(f"{one.name} ({answer.metric}){cost}: {_of(one.rows, answer)}")
            continue
        foretells = (
            f" ({one.explains.reason})"
            if isinstance(one.explains, Unknown)
            else f", foretells {_share(one.explains)} of what varies in the truth from row to row"
        )
        if one.left_out and not one.rows_bought:
            lines.append(f"{one.name}: left out before the first call: {one.left_out}")
            continue
        rows = f"left out after {numbers.counted(one.rows_bought, 'row')}: {one.left_out}" if one.left_out else _of(one.rows, answer)
        lines.append(f"{one.name}{cost}{foretells}: {rows}")
    return lines


def _of(rows: int, answer: CascadeAnswer) -> str:
    return f"{numbers.count(rows)} of {numbers.counted(answer.rows, 'row')}"


def _worth(answer: CascadeAnswer) -> list[str]:
    """What the same spending would have given on the truth alone, whichever was better."""
    comparison, cheap = answer.comparison, answer.stages[:-1]
    if isinstance(comparison, Unknown):
        return []
    if not any(one.rows_bought for one in cheap):
        return ["No cheaper evidence was bought: this is what running the models on as many rows shows."]
    alone = f"The truth alone would have seen {numbers.counted(comparison.rows, 'row')} for the same spending"
    if comparison.rows >= answer.rows - answer.rows_lost:
        return [f"{alone}, that is all: the budget pays for it, and no cascade is needed."]
    ratio, cost = comparison.variance_ratio, comparison.cost_ratio
    if abs(ratio - 1) < EVEN:
        return [f"{alone}, with the same width: the cascade neither won nor lost."]
    if ratio < 1:
        why = "its pilot was paid for" if any(one.left_out for one in answer.stages) else "the stages told less than the pilot promised"
        return [f"{alone}, with {ratio:.2f} times the variance: the cascade did not pay here ({why})."]
    return [f"{alone}, with {ratio:.2f} times the variance; as narrow a range would have cost it {cost:.2f} times as much."]


def _cost(answer: CascadeAnswer) -> str:
    budget = _amount(answer.budget, answer.unit)
    took = f"It took {spending(answer.spent)} of a budget of {budget}"
    if not answer.spent.calls:
        took = f"It cost nothing, since all calls were kept from earlier runs; of the budget of {budget} they count as what they took"
    return f"{took}. Every call: llmpick show {answer.run} --calls"


def _share(share: float) -> str:
    return f"{100 * share:.0f}%"


def _amount(amount: float, unit: Unit) -> str:
    match unit:
        case "seconds":
            return numbers.seconds(amount)
        case "money":
            return f"{numbers.money(amount)} in money"
        case _:
            if amount >= 10 or amount == int(amount):
                return numbers.counted(round(amount), unit[:-1])
            return f"{amount:.1f} {unit}"
