"""What an answer without calls leaves open, and the commands that would find it out, each with what it takes at most."""

import shlex
from collections.abc import Sequence
from dataclasses import replace

from llmpick.decide.answer import Answer, NextStep
from llmpick.estimate.plan import CallCost
from llmpick.evidence.task import Budget
from llmpick.evidence.values import Interval, Unknown
from llmpick.workflow.findings import Entry, Findings, runnable
from llmpick.workflow.judged.bench import CALLS_PER_ROW
from llmpick.workflow.models.fetch import hub_source
from llmpick.workflow.plan_calls import call_costs, cost_as_fetched
from llmpick.workflow.survey import PickOptions

FETCHED = 2
"""Models to download in one step: the one most worth it, and one to compare it with."""
BY_JUDGE = Unknown("what a judge reads depends on the answers")


def with_next_steps(answer: Answer, findings: Findings, options: PickOptions) -> Answer:
    """The answer with its next steps. `findings` know what to fetch first, so that they come after the prior was asked."""
    steps = (_measured_here(findings, options), _fetched(findings, options), _planned(findings, options))
    return replace(answer, next_steps=tuple(step for step in steps if step))


def _measured_here(findings: Findings, options: PickOptions) -> NextStep | None:
    ready = runnable(findings.entries)
    if not ready:
        return None
    which = ready[0].candidate.id if len(ready) == 1 else f"the {len(ready):,} models that can be run now"
    return _step(f"how {which} {_do(ready)} on your rows", _pick(options), call_costs(findings, options.store_url), findings)


def _fetched(findings: Findings, options: PickOptions) -> NextStep | None:
    """Those that `--fetch` would download: the hub's, in their order."""
    there = [entry for entry in findings.absent if not entry.excluded and entry.candidate.facts and hub_source(entry.candidate.facts)]
    best = there[:FETCHED]
    if not best:
        return None
    sizes = [entry.fetch.download_bytes if entry.fetch else None for entry in best]
    download = None if None in sizes else sum(size or 0 for size in sizes)
    names, beside = " and ".join(entry.candidate.id for entry in best), " beside them" if runnable(findings.entries) else " on your rows"
    costs = [*call_costs(findings, options.store_url), *(cost_as_fetched(entry, findings) for entry in best)]
    step = _step(f"how {names} {_do(best)}{beside}", _pick(options, "--fetch", str(len(best))), costs, findings)
    return replace(step, download_bytes=download)


def _planned(findings: Findings, options: PickOptions) -> NextStep | None:
    if len(runnable(findings.entries)) < 2:
        return None
    nothing = Interval(0.0, 0.0, 0.0, 1.0)
    return NextStep("how many calls a decision will probably take", _command("plan", options), 0, nothing, nothing)


def _step(learns: str, command: str, costs: Sequence[CallCost], findings: Findings) -> NextStep:
    """Every row of every model, but for the calls that are kept."""
    rows = len(findings.course.examples)
    left = [rows - min(cost.kept, rows) for cost in costs]
    calls = sum(left)
    if findings.task.judge is not None:
        return NextStep(learns, command, calls + (CALLS_PER_ROW - 1) * rows * len(costs) + rows, BY_JUDGE, BY_JUDGE)
    tokens = [_times(cost.prompt_tokens, n) for cost, n in zip(costs, left, strict=True)]
    tokens += [_times(cost.output_tokens, n) for cost, n in zip(costs, left, strict=True)]
    unknown = next((cost.seconds for cost, n in zip(costs, left, strict=True) if n and isinstance(cost.seconds, Unknown)), None)
    seconds = [_times(cost.seconds, n) for cost, n in zip(costs, left, strict=True) if isinstance(cost.seconds, Interval)]
    return NextStep(learns, command, calls, _sum(tokens), unknown or _sum(seconds))


def _times(one: Interval, n: int) -> Interval:
    return Interval(one.value * n, one.low * n, one.high * n, one.confidence)


def _sum(parts: Sequence[Interval]) -> Interval:
    """As wide as if all erred the same way, which estimates by one formula do."""
    value, low, high = (sum(getattr(part, end) for part in parts) for end in ("value", "low", "high"))
    return Interval(value, low, high, min(part.confidence for part in parts))


def _do(models: Sequence[Entry]) -> str:
    return "does" if len(models) == 1 else "do"


def _pick(options: PickOptions, *more: str) -> str:
    given = (*_option("--cost-by", options.cost_by), *_budget(options.budget), *_option("--call-timeout", options.call_timeout_s))
    return _command("pick", options, *given, *more)


def _command(verb: str, options: PickOptions, *more: str) -> str:
    """As the user would type it, with all that was asked of this answer."""
    asked = [word for name in options.models for word in ("--model", name)]
    asked += [word for folder in options.directories for word in ("--directory", str(folder))]
    for name in ("as_of", "seed", "confidence", "tolerance"):
        asked += _option(f"--{name.replace('_', '-')}", getattr(options, name))
    return shlex.join(["llmpick", verb, str(options.task_file), *asked, *more])


def _option(name: str, value: object) -> list[str]:
    return [] if value is None else [name, str(value)]


def _budget(budget: Budget | None) -> list[str]:
    amounts = [(unit, getattr(budget, unit)) for unit in ("calls", "tokens", "minutes", "money")] if budget else []
    return [word for unit, amount in amounts if amount is not None for word in ("--budget", f"{amount:.12g}{unit}")]
