"""`plan`: the task and the candidates as a dry run of `pick` sees them, then simulated races. No call is made."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from llmpick.estimate.decision_cost import (
    PUBLIC_PRIOR,
    Forecast,
    Setting,
    amount,
    assumed,
    chance_within,
    forecast,
    resolution,
    still_to_pay,
)
from llmpick.estimate.plan import CallCost, Plan, RulePlan
from llmpick.evidence.errors import InputError
from llmpick.evidence.task import Budget, Metric
from llmpick.evidence.values import Interval, Unknown
from llmpick.stats.goal import Goal, Guarantee
from llmpick.workflow.findings import Findings, runnable
from llmpick.workflow.plan_calls import call_costs
from llmpick.workflow.survey import PickOptions, survey

RACES = 100
"""Simulated races of a forecast: its 90% range then holds between 85% and 95% (19 times in 20) of what such races take."""
RACES_OTHERWISE = 40
"""Of a forecast with another number of rows, of which only the order of magnitude is shown."""
WHOLE_SCORES = ("accuracy", "exact-match", "number", "regex")
"""Metrics whose score of a row is 0 or 1."""
BASELINES = (
    "the baselines of the task take no calls: race tells what they score, in pick they compete, and one that leads may end it sooner"
)
MOST_CALLS = 1_000_000
"""Candidates x rows of a race that can be simulated; a larger one would be stopped far earlier by its budget than by its rows."""


@dataclass(frozen=True, slots=True)
class PlanOptions:
    """What the user asked for. None leaves the task's own value, or the default where there is no task."""

    task_file: Path | None = None
    models: tuple[str, ...] = ()
    directories: tuple[Path, ...] = ()
    as_of: date | None = None
    candidates: int | None = None
    rows: int | None = None
    tolerance: float | None = None
    confidence: float | None = None
    guarantees: tuple[Guarantee, ...] = ("anytime", "bayes")
    graded: bool | None = None
    seed: int | None = None
    store_url: str | None = None


@dataclass(frozen=True, slots=True)
class _Asked:
    """The numbers that a plan is made from, wherever they came from."""

    task: str | None
    setting: Setting
    seed: int
    calls: tuple[CallCost, ...]
    task_rows: int
    budget: Budget
    notes: tuple[str, ...]

    @property
    def kept(self) -> list[NDArray[np.bool_]]:
        """Which rows of each candidate need not be paid again, shape (rows,); empty where none is kept, or the plan is of other rows or
        candidates than those of the task.
        """
        if len(self.calls) != self.setting.candidates or self.setting.rows != self.task_rows or not any(call.kept for call in self.calls):
            return []
        return [np.isin(np.arange(self.setting.rows), call.kept_rows) for call in self.calls]


def plan(options: PlanOptions, *, environ: Mapping[str, str]) -> Plan:
    """Raises `InputError` when neither a task nor the numbers are given, or when no candidate could run."""
    asked = _bare(options) if options.task_file is None else _of_task(options, options.task_file, environ)
    setting = asked.setting
    if setting.candidates < 2:
        remedy = "name at least two with --model, or say how many there will be with --candidates"
        raise InputError(
            "one candidate is compared with nothing, so there is nothing to decide", where="--model, --candidates", remedy=remedy
        )
    if setting.candidates * setting.rows > MOST_CALLS:
        raise InputError(
            f"{setting.candidates:,} candidates on {setting.rows:,} rows are more than can be simulated",
            where="--candidates, --rows",
            remedy=f"ask about at most {MOST_CALLS:,} candidates x rows: what a decision takes hardly grows beyond",
        )
    others = tuple(rows for rows in (setting.rows // 2, setting.rows * 2) if rows > 1)
    return Plan(
        task=asked.task,
        candidates=setting.candidates,
        rows=setting.rows,
        tolerance=setting.goal.tolerance,
        confidence=setting.goal.confidence,
        graded=setting.graded,
        races=RACES,
        seed=asked.seed,
        rules=tuple(_rule(asked, guarantee, others) for guarantee in options.guarantees),
        resolution=resolution(setting, tasks=RACES, seed=asked.seed),
        resolution_at=tuple((rows, resolution(setting.with_rows(rows), tasks=RACES, seed=asked.seed)) for rows in others),
        calls=asked.calls,
        prior=PUBLIC_PRIOR.source,
        assumptions=assumed(PUBLIC_PRIOR, graded=setting.graded),
        notes=asked.notes,
    )


def _rule(asked: _Asked, guarantee: Guarantee, others: Sequence[int]) -> RulePlan:
    expected = forecast(asked.setting, guarantee, races=RACES, seed=asked.seed)
    unpaid = still_to_pay(expected, asked.kept) if asked.kept else expected
    tokens = [_sum(call.prompt_tokens, call.output_tokens) for call in asked.calls]
    seconds = [call.seconds for call in asked.calls if not isinstance(call.seconds, Unknown)]
    money = [call.money for call in asked.calls if call.money is not None]
    whole = len(asked.calls) == asked.setting.candidates and bool(asked.calls)
    return RulePlan(
        guarantee=guarantee,
        calls=expected.calls,
        share=expected.share,
        to_pay=unpaid.calls if asked.kept else None,
        early=expected.early,
        by_half=expected.by_half,
        in_budget=_in_budget(unpaid, asked, tokens, seconds, money),
        tokens=amount(unpaid, tokens, seed=asked.seed) if whole else Unknown("the tokens of a call are not known"),
        seconds=amount(unpaid, seconds, seed=asked.seed)
        if whole and len(seconds) == len(asked.calls)
        else Unknown(next((call.seconds.reason for call in asked.calls if isinstance(call.seconds, Unknown)), "no model is named")),
        money=amount(unpaid, money, seed=asked.seed) if whole and len(money) == len(asked.calls) else None,
        calls_at=tuple(
            (rows, forecast(asked.setting.with_rows(rows), guarantee, races=RACES_OTHERWISE, seed=asked.seed).calls) for rows in others
        ),
    )


def _in_budget(
    expected: Forecast, asked: _Asked, tokens: Sequence[Interval], seconds: Sequence[Interval], money: Sequence[Interval]
) -> float | None:
    """The probability of a decision before the first of the task's bounds is reached; a bound in a unit that is not known is left out."""
    budget, count = asked.budget, asked.setting.candidates
    one = [Interval(1.0, 1.0, 1.0, 1.0)] * count
    bounds = (
        (budget.calls, one),
        (budget.tokens, tokens),
        (None if budget.minutes is None else budget.minutes * 60, seconds),
        (budget.money, money),
    )
    chances = [chance_within(expected, each, bound, seed=asked.seed) for bound, each in bounds if bound is not None and len(each) == count]
    return min(chances, default=None)


def _bare(options: PlanOptions) -> _Asked:
    if options.candidates is None or options.rows is None:
        missing = "--rows" if options.candidates is not None else "--candidates" if options.rows is not None else "--candidates and --rows"
        raise InputError("there is neither a task nor the numbers of one", where=missing, remedy="name a task.toml, or give both numbers")
    goal = Goal(0.02 if options.tolerance is None else options.tolerance, options.confidence or 0.95)
    setting = Setting(options.candidates, options.rows, goal, graded=bool(options.graded))
    return _Asked(None, setting, options.seed or 0, (), 0, Budget(), ())


def _of_task(options: PlanOptions, task_file: Path, environ: Mapping[str, str]) -> _Asked:
    asked = PickOptions(
        task_file,
        models=options.models,
        directories=options.directories,
        as_of=options.as_of,
        seed=options.seed,
        confidence=options.confidence,
        tolerance=options.tolerance,
        store_url=options.store_url,
    )
    findings, _ = survey(asked, environ)
    task, ready = findings.task, runnable(findings.entries)
    count = options.candidates or len(ready)
    if not count:
        raise InputError(
            "no model on this machine could be run",
            where=str(task_file),
            remedy="name models with --model, or say how many there will be with --candidates (pick --dry-run says why each is out)",
        )
    setting = Setting(
        count,
        options.rows or len(task.examples),
        Goal(task.tolerance, task.confidence),
        graded=not _whole(task.metric) if options.graded is None else options.graded,
    )
    calls = call_costs(findings, options.store_url)
    return _Asked(task.name, setting, task.seed, calls, len(task.examples), task.budget, _notes(findings, count))


def _notes(findings: Findings, count: int) -> tuple[str, ...]:
    left_out = [entry for entry in findings.entries if entry.excluded or entry.error]
    ready = len(findings.entries) - len(left_out)
    notes = [f"{len(left_out)} more would not run (pick --dry-run says why)"] if left_out else []
    notes += [f"{ready} could run now, {count} were asked about"] if ready != count else []
    notes += [BASELINES] if findings.task.labels else []
    return tuple(notes)


def _whole(metric: Metric) -> bool:
    return metric.name in WHOLE_SCORES or (metric.name == "json-fields" and metric.options.get("require") == "all")


def _sum(first: Interval, second: Interval) -> Interval:
    return Interval(first.value + second.value, first.low + second.low, first.high + second.high, first.confidence)
