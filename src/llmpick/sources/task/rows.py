"""Rows of a table: JSON Lines, CSV or Parquet, each row with the place where it stands.

JSON Lines are read line by line so that an error can name its line. CSV and Parquet go through polars; CSV cells stay text, since
guessing types would turn the order number `00123` into 123.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llmpick.evidence.errors import InputError


@dataclass(frozen=True, slots=True)
class Row:
    """One row: `number` counts from 1 (the line of a JSONL file, the data row of a table), `place` names file and number."""

    number: int
    place: str
    values: Mapping[str, Any]


def read_rows(path: Path) -> tuple[Row, ...]:
    """All rows of a `.jsonl`, `.csv` or `.parquet` file; at least one. Raises `InputError` naming the file and, where known, the line."""
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise InputError(
            f"rows cannot be read from a {path.suffix or 'nameless'!r} file", where=str(path), remedy=f"use one of {', '.join(_READERS)}"
        )
    try:
        rows = reader(path)
    except FileNotFoundError as error:
        raise InputError("there is no such file", where=str(path), remedy="paths are relative to the task file") from error
    except OSError as error:
        raise InputError(f"the file cannot be read: {error.strerror}", where=str(path), remedy="check its rights and kind") from error
    if not rows:
        raise InputError("the file has no rows", where=str(path), remedy="add at least one row")
    return rows


def columns_of(rows: Sequence[Row]) -> tuple[str, ...]:
    """The names of all columns, in the order of their first appearance."""
    return tuple(dict.fromkeys(name for row in rows for name in row.values))


def _read_jsonl(path: Path) -> tuple[Row, ...]:
    lines = path.read_bytes().removeprefix(b"\xef\xbb\xbf").split(b"\n")
    if not lines[-1].strip():
        lines.pop()  # the end of the last line, not an empty one
    if not any(line.strip() for line in lines):
        return ()
    return tuple(Row(number, f"{path.name} line {number}", _json_line(line, path, number)) for number, line in enumerate(lines, 1))


def _json_line(line: bytes, path: Path, number: int) -> dict[str, Any]:
    where = f"{path} line {number}"
    if not line.strip():
        raise InputError("the line is empty", where=where, remedy="remove the line, or write a JSON object in it")
    try:
        values = json.loads(line.decode(), parse_constant=_refuse_constant)
    except UnicodeDecodeError as error:
        raise InputError("the line is not UTF-8 text", where=f"{where}, byte {error.start + 1}", remedy="save the file as UTF-8") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"the line is not JSON: {error}", where=where, remedy="write one JSON object per line") from error
    if not isinstance(values, dict):
        raise InputError(f"the line holds a {type(values).__name__}, not an object", where=where, remedy="write it as {...}")
    return values


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not a JSON number")


def _read_csv(path: Path) -> tuple[Row, ...]:
    import polars as pl  # polars takes 0.2 s to load; JSONL needs none of it

    return _read_table(path, lambda: pl.read_csv(path, infer_schema=False))


def _read_parquet(path: Path) -> tuple[Row, ...]:
    import polars as pl

    return _read_table(path, lambda: pl.read_parquet(path, hive_partitioning=False, glob=False))


def _read_table(path: Path, read: Callable[[], Any]) -> tuple[Row, ...]:
    import polars as pl

    try:
        frame = read()
    except pl.exceptions.NoDataError:
        return ()
    except pl.exceptions.PolarsError as error:
        reason = str(error).splitlines()[0]
        raise InputError(
            f"the table cannot be read: {reason}", where=str(path), remedy="open it in a spreadsheet and save it again, as UTF-8"
        ) from error
    return tuple(Row(number, f"{path.name} row {number}", values) for number, values in enumerate(frame.iter_rows(named=True), 1))


_READERS: Mapping[str, Callable[[Path], tuple[Row, ...]]] = {".jsonl": _read_jsonl, ".csv": _read_csv, ".parquet": _read_parquet}
