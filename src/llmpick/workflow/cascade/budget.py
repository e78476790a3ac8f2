"""Whether a budget can carry a cascade at all, from what is known before the first call, and later from what the first rows cost.

In calls everything is known beforehand. Of tokens, time and money the least is: what the models read and write on the pilot's rows, by the
words of the prompts. What is kept is not looked at, and counts later as what it took, so that a budget means the same on any store.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from llmpick.decide.cascade_answer import Unit
from llmpick.evidence.errors import InputError
from llmpick.evidence.task import Task
from llmpick.evidence.values import Unknown
from llmpick.stats.allocation import least_explained
from llmpick.workflow.accounts import money
from llmpick.workflow.cascade.stages import Prices
from llmpick.workflow.findings import Findings, runnable
from llmpick.workflow.judged.bench import CALLS_PER_ROW
from llmpick.workflow.plan_calls import cost_as_fetched

PILOT = 20
"""Rows that all stages see first. Fewer say too little of a covariance (r is then uncertain by more than 0.25), more cost what is to be
saved."""
HOPELESS = 0.8
"""A stage that would have to foretell more than this share of the truth to pay at all is not worth a pilot."""


def checked_budget(task: Task, where: str) -> tuple[Unit, float]:
    """What the budget counts and how much there is of it. Raises `InputError` for a task that no cascade runs on."""
    if not task.stages:
        remedy = 'add what is cheaper than the task\'s own score, for example [[stage]] with by = "likelihood"'
        raise InputError("the task has no stages", where=where, remedy=remedy)
    if task.cluster:
        raise InputError("a cascade takes rows to stand alone", where=f"{where}, key examples.cluster", remedy="race without --cascade")
    if task.judge and task.judge.labels:
        raise InputError("people's labels do not correct a cascade", where=f"{where}, key judge.labels", remedy="race without --cascade")
    if len(task.examples) < 2 * PILOT:
        remedy = f"run the models on all rows (llmpick race), or bring at least {2 * PILOT} rows"
        raise InputError(f"of {len(task.examples)} rows a cascade can save nothing", where=where, remedy=remedy)
    budget = task.budget
    minutes = None if budget.minutes is None else 60 * budget.minutes
    table: tuple[tuple[Unit, float | None], ...] = (
        ("calls", budget.calls),
        ("tokens", budget.tokens),
        ("seconds", minutes),
        ("money", budget.money),
    )
    given: list[tuple[Unit, float]] = [(unit, float(amount)) for unit, amount in table if amount is not None]
    if len(given) != 1:
        remedy = "name one: --budget 200000tokens, 10minutes or 5money"
        raise InputError(f"a cascade shares out a budget of one kind, and there are {len(given)}", where="--budget", remedy=remedy)
    return given[0]


def refuse_too_little(findings: Findings, unit: Unit, amount: float, left_out: Mapping[int, str]) -> None:
    """Raises `InputError`, with what is needed, where the pilot cannot fit the budget, and for money that nothing costs."""
    models, judged = len(runnable(findings.entries)), bool(findings.task.judge)
    asked = [entry.candidate for entry in (*runnable(findings.entries), *(findings.bench or ()))]
    if unit == "money" and all(money((), one) is None for one in asked):
        remedy = "give prices in the task, [prices], or a budget in tokens or minutes"
        raise InputError("the task's own score costs no money", where="--budget", remedy=remedy)
    if unit == "calls":
        used = [j for j in range(len(findings.task.stages) + 1) if j not in left_out]
        # A judged row is begun only while the most that it may take is left.
        needed = calls_ahead(findings.task, models, used).of([PILOT] * len(used)) + models * CALLS_PER_ROW * judged
        how, on = "up to " * judged, f"{PILOT} rows of all stages"
    else:
        needed = least_of_pilot(findings, unit)
        how, on = "at least ", f"{PILOT} rows of the task's own score alone"
    if needed > amount:
        raise InputError(
            f"the budget of {told(amount, unit)} does not reach through the pilot: {on} take {how}{told(needed, unit)} for "
            f"{models} model{'s' * (models > 1)}",
            where="--budget",
            remedy=f"give more than {told(needed, unit)}, name fewer models, or race without --cascade",
        )


def calls_ahead(task: Task, models: int, used: Sequence[int]) -> Prices:
    """The most calls that a row of each of the stages `used` takes for all models together, the truth being the last."""
    needs: list[dict[Any, float]] = []
    for j, stage in enumerate((*task.stages, None)):
        written = ("answers", stage and (stage.max_tokens, stage.thinking))
        whole = ("answers", None)
        if stage is None or stage.by == "judge":
            judge = (stage.model if stage else task.judge and task.judge.model) or ""
            seats = {("verdicts", judge): 2.0 * models, "opponent": 1.0 * models} if task.judge else {}
            needs.append({whole if stage is None or not stage.thinking else written: float(models), **seats})
        elif stage.by == "generation":
            needs.append({written if stage.max_tokens or stage.thinking else whole: float(models)})
        else:
            needs.append({("likelihood", j): float(models)})
    needs = [needs[j] for j in used]
    each = {part: cost for need in needs for part, cost in need.items()}
    return Prices(np.array(list(each.values())), np.array([[part in need for part in each] for need in needs], dtype=bool))


def least_of_pilot(findings: Findings, unit: Unit) -> float:
    """The least that the models take to write the pilot's answers, by the words of the prompts; 0 where that is not known."""
    if findings.task.answer_by == "likelihood":
        return 0.0  # what rows share is read once, and how much that is only the engine knows
    total = 0.0
    for call in (cost_as_fetched(entry, findings) for entry in runnable(findings.entries)):
        if unit == "tokens":
            total += call.prompt_tokens.low + call.output_tokens.low
        elif unit == "money":
            total += call.money.low if call.money else 0.0
        elif not isinstance(call.seconds, Unknown):
            total += call.seconds.low
    return PILOT * total


def priced_out(found: Prices, unit: Unit) -> dict[int, str]:
    """The stages that cannot pay whatever they may tell, by their place, and why; `found` holds them and the truth."""
    reasons: dict[int, str] = {}
    used = [True] * len(found.parts)
    for i in range(len(found.parts) - 1):
        cost, alone = found.beyond(i, used), found.alone
        if least_explained(cost, alone) > HOPELESS:
            used[i] = False
            share = cost / max(alone, 1e-300)
            reasons[i] = f"a row of it costs {share:.2g} times one of the truth alone: whatever it foretells, it does not pay"
            if unit == "calls":
                as_many = "as many calls as" if cost >= alone else f"{share:.2g} times the calls of"
                reasons[i] = f"a row of it takes {as_many} one of the truth, so that it cannot pay: budget tokens, minutes or money instead"
    return reasons


def told(amount: float, unit: Unit) -> str:
    """For example: 228 calls, 2 min 5 s, 0.35 in money."""
    if unit == "seconds":
        return f"{amount / 60:.2g} minutes"
    return f"{amount:.2g} in money" if unit == "money" else f"{amount:,.0f} {unit if amount != 1 else unit[:-1]}"
