"""The answer of `race --cascade`: in the terminal, and as a JSON document. Nothing but the answer is read.

Rules of the document as elsewhere: what is unknown is null, with its reason under the same key of `unknown`; numbers are finite and not
rounded; within one `schema_version` keys are only added.
"""

from typing import TYPE_CHECKING, Any

from llmpick.decide.answer import Spending
from llmpick.decide.cascade_answer import CascadeAnswer, CascadeStop, Measured, StageTold, Unit
from llmpick.decide.race_answer import Place, RaceVerdict
from llmpick.evidence.values import Interval, Unknown
from llmpick.report import numbers
from llmpick.report.text import joined, one_line

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

SCHEMA_VERSION = 1
WIDEST_NAME = 44
EVEN = 0.02
"""A gain of less than this share is none worth a word."""
_STYLES = {Place.CHOSEN: "bold green", Place.LEADER: "bold", Place.BEATEN: "red", Place.FAILED: "bold red", Place.EXCLUDED: "red"}


def cascade_to_json(answer: CascadeAnswer) -> dict[str, Any]:
    """The whole answer as plain JSON values. `cost_per_row` and `budget` are in `unit`; `difference` is to the leader."""
    comparison = answer.comparison
    known = not isinstance(comparison, Unknown)
    return {
        "schema_version": SCHEMA_VERSION,
        "kind": "cascade",
        "task": answer.task,
        "verdict": answer.verdict.value,
        "stop": answer.stop.value,
        "reasons": list(answer.reasons),
        "chosen": answer.chosen,
        "leader": answer.leader,
        "candidates": [_measured(one) for one in answer.candidates],
        "stages": [_stage(one) for one in answer.stages],
        "truth_alone": {
            "rows": comparison.rows,
            "variance_ratio": comparison.variance_ratio,
            "cost_ratio": comparison.cost_ratio,
        }
        if known
        else None,
        "unit": answer.unit,
        "budget": answer.budget,
        "spent": _spent(answer.spent),
        "pilot": answer.pilot,
        "rows": answer.rows,
        "rows_lost": answer.rows_lost,
        "confidence": answer.confidence,
        "tolerance": answer.tolerance,
        "metric": answer.metric,
        "seed": answer.seed,
        "run": answer.run,
        "device": answer.device,
        "notes": list(answer.notes),
        "unknown": _why(
            chosen=None if answer.chosen else "nothing is shown" if answer.leader else "no candidate was measured",
            leader=None if answer.leader else "no candidate was measured",
            truth_alone=None if known else comparison.reason,
            run=None if answer.run else "nothing was run",
        ),
    }


def print_cascade(answer: CascadeAnswer, console: "Console") -> None:
    """Prints what is shown first, then what each kind of evidence was worth, at last what it cost."""
    from rich.text import Text

    from llmpick.report.console import print_item, print_title
    from llmpick.report.spent import spending

    console.print(Text.assemble((one_line(answer.task), "bold"), f"  {numbers.counted(answer.rows, 'row')}, scored by {answer.metric}"))
    for number, sentence in enumerate(_headline(answer)):
        print_item("", sentence, console, style="" if number else "bold")
    if any(isinstance(one.score_on_rows, Interval) for one in answer.candidates):
        console.print()
        console.print(_candidates(answer))
        sure = numbers.probability(answer.confidence)
        told = (
            f"(each score's range holds by itself with {sure} confidence, looked at once; those of all differences to the leader hold "
            "together. On your rows: the mean over the rows of your file. What a stage foretells: the share of what varies from row to row)"
        )
        print_item("", told, console, style="dim")
    out = [f"{one_line(one.candidate)}: {'; '.join(one.reasons)}" for one in answer.candidates if one.reasons]
    for title, items in (
        ("Not measured", out),
        ("What each stage was worth", [*_stages(answer), *_worth(answer)]),
        ("Notes", answer.notes),
    ):
        if items:
            print_title(title, console)
        for item in items:
            print_item("- ", one_line(item), console)
    console.print()
    kept = f" Every call: llmpick show {answer.run} --calls" if answer.run else ""
    print_item("", f"It took {spending(answer.spent)} of a budget of {_amount(answer.budget, answer.unit)}.{kept}", console)


def _headline(answer: CascadeAnswer) -> list[str]:
    if answer.verdict is RaceVerdict.NONE_FITS or answer.leader is None:
        return [f"Nothing was measured: {joined(answer.reasons)}."]
    leader = next(one for one in answer.candidates if one.candidate == answer.leader)
    assert isinstance(leader.score_on_rows, Interval), "a leader has a score"
    name, score = one_line(leader.candidate), numbers.percent_interval(leader.score_on_rows)
    measured = [one for one in answer.candidates if isinstance(one.score_on_rows, Interval)]
    if len(measured) == 1:
        return [f"{name}: {score} on your rows."]
    if answer.verdict is RaceVerdict.WON:
        return [f"{name} wins: {score} on your rows; no other is better by more than {numbers.distance(answer.tolerance)}."]
    return [f"Undecided: {joined(answer.reasons)}.", f"{name} leads: {score} on your rows."]


def _candidates(answer: CascadeAnswer) -> "Table":
    from rich.text import Text

    from llmpick.report.console import plain_table

    table = plain_table()
    table.add_column("candidate", overflow="fold", max_width=WIDEST_NAME)
    for title in ("on your rows", "new inputs", "to the leader"):
        table.add_column(title, no_wrap=True)
    for one in answer.candidates:
        if isinstance(one.score_on_rows, Interval):
            name = Text.assemble(one_line(one.candidate), "\n", (one.place.value, _STYLES.get(one.place, "")))
            gap = one.difference_on_rows
            apart = "" if isinstance(gap, Unknown) else f"{numbers.signed_points(gap.value)}\n{numbers.points_bounds(gap)}"
            table.add_row(name, _stacked(one.score_on_rows), _stacked(one.score), apart)
    return table


def _stacked(score: Interval | Unknown) -> str:
    return "unknown" if isinstance(score, Unknown) else f"{numbers.percent(score.value)}\n{numbers.bounds(score)}"


def _stages(answer: CascadeAnswer) -> list[str]:
    """A line for each kind of evidence: its cost, what it foretells, its rows; and plainly where it was not worth its cost."""
    lines: list[str] = []
    for one in answer.stages:
        cost = "" if isinstance(one.cost_per_row, Unknown) else f", {_amount(one.cost_per_row, answer.unit)} a row"
        if one is answer.stages[-1]:
            lines.append(f"{one.name} ({answer.metric}){cost}: {_of(one.rows, answer)}")
            continue
        foretells = f" ({one.explains.reason})" if isinstance(one.explains, Unknown) else f", foretells {_share(one.explains)} of the truth"
        rows = f"left out after {numbers.counted(one.rows_bought, 'row')}: {one.left_out}" if one.left_out else _of(one.rows, answer)
        lines.append(f"{one.name}{cost}{foretells}: {rows}")
    return lines


def _of(rows: int, answer: CascadeAnswer) -> str:
    return f"{numbers.count(rows)} of {numbers.counted(answer.rows, 'row')}"


def _worth(answer: CascadeAnswer) -> list[str]:
    """What the same spending would have given on the truth alone, whichever was better."""
    comparison = answer.comparison
    if isinstance(comparison, Unknown):
        return []
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


def _share(share: float) -> str:
    return f"{100 * share:.0f}%"


def _amount(amount: float, unit: Unit) -> str:
    match unit:
        case "seconds":
            return numbers.seconds(amount)
        case "money":
            return f"{numbers.money(amount)} in money"
        case _:
            return f"{amount:,.0f} {unit}" if amount >= 10 or amount == int(amount) else f"{amount:.1f} {unit}"


def _measured(one: Measured) -> dict[str, Any]:
    intervals = {
        "score_on_rows": one.score_on_rows,
        "score": one.score,
        "difference_on_rows": one.difference_on_rows,
        "difference": one.difference,
    }
    engine = one.engine
    return {
        "id": one.candidate,
        "status": one.place.value,
        "reasons": list(one.reasons),
        **{key: _interval(value) for key, value in intervals.items()},
        "worth": None if isinstance(one.worth, Unknown) else one.worth,
        "engine": {"name": engine.name, "version": engine.version, "device": engine.device, "options": dict(engine.options)}
        if engine
        else None,
        "unknown": _reasons({**intervals, "worth": one.worth}) | _why(engine=None if engine else "it was not loaded"),
    }


def _stage(one: StageTold) -> dict[str, Any]:
    figures = {"cost_per_row": one.cost_per_row, "explains": one.explains}
    return {
        "name": one.name,
        "rows": one.rows,
        "rows_bought": one.rows_bought,
        **{key: None if isinstance(value, Unknown) else value for key, value in figures.items()},
        "left_out": one.left_out,
        "spent": _spent(one.spent),
        "unknown": _reasons(figures) | _why(left_out=None if one.left_out else "it is used" if one.rows else "it was not run"),
    }


def _interval(interval: Interval | Unknown) -> dict[str, float] | None:
    if isinstance(interval, Unknown):
        return None
    return {"value": interval.value, "low": interval.low, "high": interval.high, "confidence": interval.confidence}


def _spent(spent: Spending) -> dict[str, Any]:
    known = spent.money is not None
    money = {"money": spent.money, "unknown": {} if known else {"money": "no price is known"}}
    return {"calls": spent.calls, "tokens": spent.tokens, "seconds": spent.seconds, **money}


def _reasons(values: dict[str, Any]) -> dict[str, str]:
    return {key: value.reason for key, value in values.items() if isinstance(value, Unknown)}


def _why(**whys: str | None) -> dict[str, str]:
    return {key: why for key, why in whys.items() if why}


def exit_code(answer: CascadeAnswer) -> int:
    """0 done, 3 no candidate satisfies the limits, 130 interrupted."""
    return {CascadeStop.INTERRUPTED: 130, CascadeStop.NOT_RUN: 3}.get(answer.stop, 0)
