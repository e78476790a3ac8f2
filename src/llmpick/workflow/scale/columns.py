"""The training runs of a table: which columns hold parameters, tokens or FLOPs, and loss, and what of them cannot be used."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from llmpick.estimate.scaling.answers import Columns
from llmpick.estimate.scaling.fitting import Runs, checked_runs
from llmpick.evidence.errors import InputError
from llmpick.sources.scores.cells import as_numbers, cell
from llmpick.sources.scores.tables import Table

NAMES = {
    "params": ("params", "parameters", "modelsize", "nparams", "numparams", "numparameters", "modelparams", "n", "size"),
    "tokens": ("tokens", "trainingtokens", "traintokens", "ntokens", "numtokens", "datasetsize", "d"),
    "flops": ("flops", "flop", "trainingflops", "trainingflop", "trainflops", "compute", "trainingcompute", "c"),
    "loss": ("loss", "valloss", "validationloss", "finalloss", "evalloss", "testloss", "l"),
}
"""Column names without case, spaces and marks, the surest first."""
UNITS = {"T": 1e12, "B": 1e9, "M": 1e6}
_SHOWN = 12


class Asked(NamedTuple):
    """The columns that the user named; None: find it."""

    params: str | None = None
    tokens: str | None = None
    flops: str | None = None
    loss: str | None = None


@dataclass(frozen=True, slots=True)
class ReadRuns:
    """The runs, their rows in the table (from 1), and the columns that they come from."""

    runs: Runs
    rows: tuple[int, ...]
    columns: Columns


def read_runs(table: Table, asked: Asked, leave_out: Collection[int]) -> ReadRuns:
    """Every row but those to `leave_out` (counted from 1). Raises `InputError` naming the column or the row that cannot be used."""
    columns = _columns(table, asked)
    unknown = [row for row in leave_out if not 1 <= row <= table.frame.height]
    if unknown:
        raise InputError(
            f"there is no row {unknown[0]}", where=str(table.path), remedy=f"its rows are 1 to {table.frame.height}, without the header"
        )
    kept = np.array([row for row in range(table.frame.height) if row + 1 not in leave_out], dtype=np.intp)
    amount = columns.tokens or columns.flops
    assert amount is not None
    values = {name: _values(table, name, kept) for name in (columns.params, amount, columns.loss)}
    params, loss = values[columns.params], values[columns.loss]
    runs = checked_runs(params, loss, **{"tokens" if columns.tokens else "flops": values[amount]})
    return ReadRuns(runs, tuple(int(row) + 1 for row in kept), columns)


def _columns(table: Table, asked: Asked) -> Columns:
    if asked.tokens and asked.flops:
        raise InputError("tokens and FLOPs are both named", where="--tokens-column, --flops-column", remedy="name one of them")
    for name in asked:
        if name is not None and name not in table.frame.columns:
            raise _missing(table, f"there is no column {name!r}")
    tokens = asked.tokens or (None if asked.flops else _found(table, "tokens"))
    flops = None if tokens else asked.flops or _found(table, "flops")
    params, loss = asked.params or _found(table, "params"), asked.loss or _found(table, "loss")
    if params is None:
        raise _missing(table, "no column is one of parameters", "--params-column NAME")
    if loss is None:
        raise _missing(table, "no column is one of losses", "--loss-column NAME")
    if tokens is None and flops is None:
        raise _missing(table, "no column is one of tokens or training FLOPs", "--tokens-column NAME or --flops-column NAME")
    return Columns(params, loss, tokens, flops)


def _found(table: Table, what: str) -> str | None:
    """The column with the surest name; its unit may follow the name, as in params_B and Tokens (T)."""
    plain = {re.sub(r"[^a-z]", "", _split_unit(name)[0].lower()): name for name in reversed(table.frame.columns)}
    return next((plain[name] for name in NAMES[what] if name in plain), None)


def _split_unit(name: str) -> tuple[str, float]:
    found = re.fullmatch(r"(.+?)(?:[ _]|\s*[(\[])([TBM])[)\]]?", name)
    return (found[1], UNITS[found[2]]) if found else (name, 1.0)


def _values(table: Table, name: str, rows: NDArray[np.intp]) -> NDArray[np.float64]:
    """The column's numbers in units of one. A cell that is no positive finite number is named."""
    column = as_numbers(table.frame[name])
    usable = column.valid & np.isfinite(column.values) & (column.values > 0.0)
    bad = rows[~usable[rows]]
    if len(bad):
        row = int(bad[0])
        held = "empty" if not column.filled[row] else cell(table.frame[name], row)
        more = f", and so in {len(bad) - 1} more rows" if len(bad) > 1 else ""
        raise InputError(
            f"{name} is {held}, and must be a positive number{more}",
            where=table.place(row),
            remedy=f"correct the cell, or leave the row out: --leave-out {_rows(bad)}",
        )
    return column.values[rows] * _split_unit(name)[1]


def _rows(rows: Sequence[int] | NDArray[np.intp]) -> str:
    return ",".join(str(int(row) + 1) for row in rows[:_SHOWN]) + (",..." if len(rows) > _SHOWN else "")


def _missing(table: Table, what: str, option: str = "one of them") -> InputError:
    names = table.frame.columns
    shown = f"{', '.join(names[:_SHOWN])}{', ...' if len(names) > _SHOWN else ''}"
    return InputError(what, where=str(table.path), remedy=f"name it ({option}); the columns are {shown}")
