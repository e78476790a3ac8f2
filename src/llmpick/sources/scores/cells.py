"""What stands in the cells of a table of scores: a number, true or false, nothing, or words. Vectorised over a column."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from polars import Series

NOTHING = ("", "na", "n/a", "nan", "none", "null")
"""What spreadsheets and data frames write for a cell that holds nothing."""


@dataclass(frozen=True, slots=True)
class Numbers:
    """A column as numbers, shape (N,): `filled` where the cell holds something, `valid` where that is a number; 0 elsewhere."""

    values: NDArray[np.float64]
    filled: NDArray[np.bool_]
    valid: NDArray[np.bool_]

    @property
    def mostly(self) -> bool:
        """Whether the column is one of numbers, though some cell of it may be wrong."""
        return 2 * int(self.valid.sum()) > int(self.filled.sum())


def as_numbers(column: "Series") -> Numbers:
    """The column's numbers; true and false count as 1 and 0. A column of lists or objects holds none."""
    import polars as pl

    if column.dtype.is_nested() or column.dtype == pl.Binary:
        return Numbers(np.zeros(len(column)), column.is_not_null().to_numpy(), np.zeros(len(column), dtype=bool))
    if column.dtype.is_numeric() or column.dtype == pl.Boolean:
        numbers = column.cast(pl.Float64)
        filled = (numbers.is_not_null() & numbers.is_not_nan().fill_null(value=False)).to_numpy()
    else:
        text = as_text(column).str.to_lowercase()
        filled = ~text.is_in(NOTHING).to_numpy()
        numbers = text.replace({"true": "1", "false": "0"}).cast(pl.Float64, strict=False)
    valid = filled & numbers.is_not_null().to_numpy()
    return Numbers(np.where(valid, numbers.fill_null(0).to_numpy(), 0.0), filled, valid)


def as_text(column: "Series") -> "Series":
    """The column as text without white space around it; what is not there is empty."""
    import polars as pl

    if column.dtype.is_nested() or column.dtype == pl.Binary:
        return pl.Series(column.name, [str(value) for value in column], dtype=pl.String)
    return column.cast(pl.String).fill_null("").str.strip_chars()


def cell(column: "Series", row: int) -> str:
    """What stands in one cell, short and quoted, for messages."""
    return repr(str(column[row]).strip()[:40])
