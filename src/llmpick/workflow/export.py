"""The calls of a run as a file that other programs read: one line or row per call, in the order in which they were made.

JSONL keeps everything exactly. CSV and Parquet are flat: label probabilities are JSON text there, what is missing is an empty cell
or null, and a lone surrogate, which neither format can hold, is written as the six characters of its escape.
"""

import csv
from collections.abc import Callable, Sequence
from io import BytesIO, StringIO
from typing import Any, Literal

from llmpick.evidence.call import CallRecord
from llmpick.store.columns import to_json
from llmpick.store.records import WholeRun
from llmpick.store.rows import CALL_FIELDS
from llmpick.store.store import Store

Format = Literal["jsonl", "csv", "parquet"]
COLUMNS = ("run", *CALL_FIELDS, "paid")


def export_run(name: str, form: Format) -> bytes:
    """All calls of the run that `name` names, in one of the three formats. Raises `InputError` for an unknown run, naming near ones."""
    with Store.open() as store:
        whole = store.whole_run(name)
    return _WRITERS[form](_records(whole))


def _records(whole: WholeRun) -> list[dict[str, Any]]:
    return [{"run": whole.run.id, **_fields(call), "paid": paid} for call, paid in whole.calls]


def _fields(call: CallRecord) -> dict[str, Any]:
    return {**{name: getattr(call, name) for name in CALL_FIELDS}, "outcome": call.outcome.value}


def _jsonl(records: Sequence[dict[str, Any]]) -> bytes:
    return "".join(f"{to_json(record)}\n" for record in records).encode()


def _csv(records: Sequence[dict[str, Any]]) -> bytes:
    text = StringIO(newline="")
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(_flat(record) for record in records)
    return text.getvalue().encode()


def _parquet(records: Sequence[dict[str, Any]]) -> bytes:
    import polars  # takes longer to import than the other formats take altogether

    types: dict[str, Any] = dict.fromkeys(COLUMNS, polars.String)
    types |= dict.fromkeys(("score", "seconds", "prefill_seconds", "decode_seconds"), polars.Float64)
    types |= dict.fromkeys(("prompt_tokens", "output_tokens", "seed"), polars.Int64) | {"paid": polars.Boolean}
    file = BytesIO()
    polars.DataFrame([_flat(record) for record in records], schema=types).write_parquet(file)
    return file.getvalue()


def _flat(record: dict[str, Any]) -> dict[str, Any]:
    probabilities = record["label_probabilities"]
    flat = {**record, "label_probabilities": None if probabilities is None else to_json(probabilities)}
    return {name: value.encode(errors="backslashreplace").decode() if isinstance(value, str) else value for name, value in flat.items()}


_WRITERS: dict[Format, Callable[[Sequence[dict[str, Any]]], bytes]] = {"jsonl": _jsonl, "csv": _csv, "parquet": _parquet}
