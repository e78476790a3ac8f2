"""The answer of `race --cascade` as a JSON document.

Rules of the document as elsewhere: what is unknown is null, with its reason under the same key of `unknown`; numbers are finite and not
rounded; within one `schema_version` keys are only added.
"""

from typing import Any

from llmpick.decide.answer import Spending
from llmpick.decide.cascade_answer import CascadeAnswer, Measured, StageTold
from llmpick.decide.race_answer import RaceVerdict
from llmpick.evidence.values import Interval, Unknown

SCHEMA_VERSION = 1


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
            chosen=None if answer.chosen else _why_none(answer),
            leader=None if answer.leader else "no candidate was measured",
            truth_alone=None if known else comparison.reason,
            run=None if answer.run else "nothing was run",
        ),
    }


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


def _why_none(answer: CascadeAnswer) -> str:
    if answer.verdict is RaceVerdict.ALONE:
        return "nothing was compared"
    return "nothing is shown" if answer.leader else "no candidate was measured"
