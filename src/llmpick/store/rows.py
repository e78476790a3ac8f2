"""Between the database's rows and the records of `evidence.call` and `store.records`. Pure."""

import math
from dataclasses import fields
from typing import Any

from sqlalchemy import RowMapping

from llmpick.evidence.call import CallRecord, EngineInfo, Outcome
from llmpick.store.records import LoadRecord, RunDetail, RunSummary
from llmpick.store.sittings import sitting_from_json

CALL_FIELDS = tuple(field.name for field in fields(CallRecord))
OF_THE_RUN = ("candidate", "row", "outcome", "score")
"""What a run's log keeps itself, because another run may name or score the same call differently."""
_SUMMARY_FIELDS = tuple(field.name for field in fields(RunSummary))


def call_to_row(call: CallRecord) -> dict[str, Any]:
    """Column → value. Raises `ValueError` for a number that is NaN or infinite, which SQLite would silently turn into NULL."""
    row = {name: getattr(call, name) for name in CALL_FIELDS}
    wrong = [name for name, value in row.items() if isinstance(value, float) and not math.isfinite(value)]
    if wrong:
        raise ValueError(f"call of row {call.row!r} to {call.candidate!r}: {', '.join(wrong)} is not a finite number")
    probabilities = call.label_probabilities
    return {**row, "outcome": call.outcome.value, "label_probabilities": None if probabilities is None else dict(probabilities)}


def call_from_row(row: RowMapping) -> CallRecord:
    return CallRecord(**{**{name: row[name] for name in CALL_FIELDS}, "outcome": Outcome(row["outcome"])})


def summary_from_row(row: RowMapping) -> RunSummary:
    return RunSummary(**{name: row[name] for name in _SUMMARY_FIELDS})


def detail_from_row(row: RowMapping) -> RunDetail:
    return RunDetail(
        **{name: row[name] for name in _SUMMARY_FIELDS},
        fingerprint=row["fingerprint"],
        seed=row["seed"],
        inputs=row["inputs"],
        sittings=tuple(sitting_from_json(sitting) for sitting in row["sittings"]),
        answer=row["answer"],
    )


def engine_to_json(engine: EngineInfo) -> dict[str, Any]:
    return {field.name: getattr(engine, field.name) for field in fields(engine)}


def load_from_row(row: RowMapping) -> LoadRecord:
    return LoadRecord(row["candidate"], row["load_seconds"], row["resident_bytes"], EngineInfo(**row["engine"]))
