"""A plan in the terminal, in a few plain lines: what a decision will take, what the rows can tell, what was assumed; and as JSON."""

from collections.abc import Callable, Iterator
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from llmpick.estimate.decision_cost import Resolution
from llmpick.estimate.plan import CallCost, Plan, RulePlan
from llmpick.evidence.values import Interval, Unknown
from llmpick.report import numbers
from llmpick.report.console import plain_table, print_item
from llmpick.report.facts import source_document
from llmpick.report.runs import short_names
from llmpick.report.text import one_line

SCHEMA_VERSION = 1
BOUNDS = {"anytime": "the error of every single race is bounded", "bayes": "the error is bounded on average over tasks like this"}


def print_plan(plan: Plan, console: Console) -> None:
    for line in _lines(plan):
        if isinstance(line, str):
            mark = next((mark for mark in ("- ", "  ") if line.startswith(mark)), "")
            print_item(mark, line.removeprefix(mark), console)
            continue
        console.print()
        console.print(line)
        console.print()


def _lines(plan: Plan) -> Iterator[str | Table]:
    yield _title(plan)
    yield _rows_table(plan)
    yield "(points apart, best shown: for new inputs, all rows run: what difference is told, and how often the best is shown)"
    for rule in plan.rules:
        yield from _rule_lines(plan, rule)
    half = _of(plan.resolution.half_of_rows, _points)
    yield f"On your rows themselves any difference is known when all are run; when half are, one of {half} points."
    if plan.calls:
        yield _call_table(plan)
    yield f"Medians with their 90% ranges over {plan.races} simulated races (and fewer for other numbers of rows)."
    yield f"Assumed: {'; '.join(plan.assumptions)}: {plan.prior.title}."
    for note in plan.notes:
        yield f"- {one_line(note)}"


def _title(plan: Plan) -> str:
    scores = "scores between 0 and 1" if plan.graded else "scores of 0 or 1"
    name = f"{one_line(plan.task)}: " if plan.task else ""
    return (
        f"{name}{numbers.counted(plan.candidates, 'candidate')} on {numbers.counted(plan.rows, 'row')}, {scores}, "
        f"tolerance {numbers.distance(plan.tolerance)}, confidence {numbers.probability(plan.confidence)}"
    )


def _rows_table(plan: Plan) -> Table:
    """The same question with half of the rows, all of them, and twice as many."""
    table = plain_table()
    for title in ("rows", *(f"calls, {rule.guarantee}" for rule in plan.rules), "points apart", "best shown"):
        table.add_column(title, justify="right", no_wrap=True)
    resolutions = dict([(plan.rows, plan.resolution), *plan.resolution_at])
    for rows in sorted(resolutions):
        calls = [dict([(plan.rows, rule.calls), *rule.calls_at])[rows] for rule in plan.rules]
        told = resolutions[rows]
        cells = [numbers.count(rows), *(_of(each, _whole) for each in calls), _of(told.new_inputs, _points), _chance(told.decides)]
        table.add_row(*map(Text, cells), style="bold" if rows == plan.rows else "")
    return table


def _rule_lines(plan: Plan, rule: RulePlan) -> Iterator[str]:
    everything = f"all {numbers.count(plan.candidates * plan.rows)} calls"
    yield (
        f"{rule.guarantee} ({BOUNDS[rule.guarantee]}): {_of(rule.calls, _whole)} of {everything}; decided before all rows are run "
        f"{_chance(rule.early)}, with at most half of the calls {_chance(rule.by_half)}"
    )
    if rule.to_pay:
        kept = numbers.counted(sum(call.kept for call in plan.calls), "call")
        yield f"  {_of(rule.to_pay, _whole)} of them are still to pay for: {kept} of these models on these rows are kept from earlier runs"
    amounts = [f"{_of(rule.tokens, _whole)} tokens"] if isinstance(rule.tokens, Interval) else []
    amounts += [f"{_of(rule.seconds, numbers.seconds)} without loading"] if isinstance(rule.seconds, Interval) else []
    amounts += [f"{_of(rule.money, numbers.money)} in money"] if rule.money else []
    unknown = plan.task and isinstance(rule.seconds, Unknown) and f"; how long is not known: {one_line(rule.seconds.reason)}"
    if amounts:
        yield f"  that is {', '.join(amounts)}{unknown or ''}"
    if rule.in_budget is not None:
        yield f"  decided within the budget of the task {_chance(rule.in_budget)}"


def _call_table(plan: Plan) -> Table:
    table = plain_table()
    table.add_column("one call of", overflow="fold", max_width=40)
    for heading in ("tokens read", "written", "seconds", "money", "kept"):
        table.add_column(heading, justify="right", no_wrap=True)
    names = short_names(call.candidate for call in plan.calls)
    for call in plan.calls:
        seconds = "-" if isinstance(call.seconds, Unknown) else _stacked(call.seconds, numbers.seconds)
        money = _stacked(call.money, numbers.money) if call.money else "-"
        cells = (_stacked(call.prompt_tokens, _whole), _stacked(call.output_tokens, _whole), seconds, money, numbers.count(call.kept))
        table.add_row(Text(names[call.candidate]), *map(_cell, cells))
    return table


def _stacked(interval: Interval, write: Callable[[float], str]) -> str:
    return _of(interval, write).replace(" [", "\n[")


def _cell(text: str) -> Text:
    value, _, bounds = text.partition("\n")
    return Text.assemble(value, "\n" if bounds else "", (bounds, "dim"))


def _of(interval: Interval, write: Callable[[float], str]) -> str:
    return f"{write(interval.value)} [{write(interval.low)}, {write(interval.high)}]"


def _whole(value: float) -> str:
    return numbers.count(round(value))


def _points(difference: float) -> str:
    return f"{100 * difference:.1f}"


def _chance(probability: float) -> str:
    """Simulated, so whole percent, and never certain."""
    return f"{min(max(round(100 * probability), 1), 99)}%"


def plan_document(plan: Plan) -> dict[str, Any]:
    """All of the plan. What is not known is null, with the reason in `..._unknown`; ranges hold at `confidence` 0.9."""
    return {
        "schema_version": SCHEMA_VERSION,
        "task": plan.task,
        "candidates": plan.candidates,
        "rows": plan.rows,
        "tolerance": plan.tolerance,
        "confidence": plan.confidence,
        "graded": plan.graded,
        "races": plan.races,
        "seed": plan.seed,
        "rules": {rule.guarantee: _rule_document(rule) for rule in plan.rules},
        "resolution": {str(rows): _resolution_document(told) for rows, told in ((plan.rows, plan.resolution), *plan.resolution_at)},
        "calls": [_call_document(call) for call in plan.calls],
        "assumptions": list(plan.assumptions),
        "prior": source_document(plan.prior),
        "notes": list(plan.notes),
    }


def _rule_document(rule: RulePlan) -> dict[str, Any]:
    return {
        "calls": _range(rule.calls),
        "calls_share": _range(rule.share),
        "calls_to_pay": _range(rule.to_pay or rule.calls),
        "decided_before_all_rows": rule.early,
        "decided_at_half": rule.by_half,
        "decided_in_budget": rule.in_budget,
        **_known("tokens", rule.tokens),
        **_known("seconds", rule.seconds),
        "money": _range(rule.money) if rule.money else None,
        "calls_with_rows": {str(rows): _range(calls) for rows, calls in rule.calls_at},
    }


def _resolution_document(told: Resolution) -> dict[str, Any]:
    return {
        "difference_for_new_inputs": _range(told.new_inputs),
        "difference_on_half_of_the_rows": _range(told.half_of_rows),
        "decides_for_new_inputs": told.decides,
    }


def _call_document(call: CallCost) -> dict[str, Any]:
    return {
        "candidate": call.candidate,
        "prompt_tokens": _range(call.prompt_tokens),
        "output_tokens": _range(call.output_tokens),
        **_known("seconds", call.seconds),
        "money": _range(call.money) if call.money else None,
        "kept": call.kept,
        "known_from": call.known_from,
    }


def _known(name: str, value: Interval | Unknown) -> dict[str, Any]:
    if isinstance(value, Unknown):
        return {name: None, f"{name}_unknown": value.reason}
    return {name: _range(value)}


def _range(interval: Interval) -> dict[str, float]:
    return {"value": interval.value, "low": interval.low, "high": interval.high, "confidence": interval.confidence}
