"""Between the database's rows and the records of `evidence.call` and `store.records`. Pure."""

import math
from collections.abc import Mapping
from dataclasses import asdict, fields
from datetime import date
from typing import TYPE_CHECKING, Any

from llmpick.estimate.speed_constants import SpeedConstants
from llmpick.evidence.call import CallRecord, EngineInfo, Outcome
from llmpick.evidence.likelihood import TextRead, TextScore
from llmpick.evidence.values import Source
from llmpick.store.records import KeptCalibration, LoadRecord, RunDetail, RunSummary
from llmpick.store.sittings import sitting_from_json

if TYPE_CHECKING:  # `glance` reads without SQLAlchemy
    from sqlalchemy import RowMapping

CALL_FIELDS = tuple(field.name for field in fields(CallRecord))
OF_THE_RUN = ("candidate", "row", "outcome", "score")
"""What a run's log keeps itself, because another run may name or score the same call differently."""
CALIBRATION_FIELDS = tuple(field.name for field in fields(KeptCalibration))
_SCORE_FIELDS = tuple(field.name for field in fields(TextScore))
_CONSTANTS = frozenset(field.name for field in fields(SpeedConstants))
_SUMMARY_FIELDS = tuple(field.name for field in fields(RunSummary))


def call_to_row(call: CallRecord) -> dict[str, Any]:
    """Column → value. Raises `ValueError` for a number that is NaN or infinite, which SQLite would silently turn into NULL."""
    row = {name: getattr(call, name) for name in CALL_FIELDS}
    wrong = [name for name, value in row.items() if isinstance(value, float) and not math.isfinite(value)]
    if wrong:
        raise ValueError(f"call of row {call.row!r} to {call.candidate!r}: {', '.join(wrong)} is not a finite number")
    probabilities = call.label_probabilities
    return {**row, "outcome": call.outcome.value, "label_probabilities": None if probabilities is None else dict(probabilities)}


def call_from_row(row: "RowMapping") -> CallRecord:
    return CallRecord(**{**{name: row[name] for name in CALL_FIELDS}, "outcome": Outcome(row["outcome"])})


def summary_from_row(row: "RowMapping") -> RunSummary:
    return RunSummary(**{name: row[name] for name in _SUMMARY_FIELDS})


def detail_from_row(row: "RowMapping") -> RunDetail:
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


def load_from_row(row: "RowMapping") -> LoadRecord:
    return LoadRecord(row["candidate"], row["load_seconds"], row["resident_bytes"], EngineInfo(**row["engine"]))


def text_read_to_row(read: TextRead) -> dict[str, Any]:
    """Column → value. Raises `ValueError` for a number that is NaN or infinite."""
    row: dict[str, Any] = {name: getattr(read.score, name) for name in _SCORE_FIELDS}
    row |= {"seconds": read.seconds, "max_tokens": read.max_tokens, "split": read.split, "engine": engine_to_json(read.engine)}
    wrong = [name for name, value in row.items() if isinstance(value, float) and not math.isfinite(value)]
    if wrong:
        raise ValueError(f"reading of a text: {', '.join(wrong)} is not a finite number")
    return row


def text_read_from_row(row: "RowMapping") -> TextRead:
    score = TextScore(**{name: row[name] for name in _SCORE_FIELDS})
    return TextRead(score, row["seconds"], EngineInfo(**row["engine"]), row["max_tokens"], row["split"])


def calibration_from_row(row: "RowMapping") -> KeptCalibration:
    return KeptCalibration(**{**{name: row[name] for name in CALIBRATION_FIELDS}, "constants": constants_from_json(row["constants"])})


def constants_to_json(constants: SpeedConstants) -> dict[str, Any]:
    source = constants.source
    return {**asdict(constants), "source": {"title": source.title, "checked": source.checked.isoformat() if source.checked else None}}


def constants_from_json(document: Mapping[str, Any]) -> SpeedConstants:
    """Fields that this version does not know are left out; those that an older document does not have get their default."""
    source, checked = document["source"], document["source"]["checked"]
    known = {name: value for name, value in document.items() if name in _CONSTANTS}
    return SpeedConstants(**{**known, "source": Source(source["title"], checked=date.fromisoformat(checked) if checked else None)})
