"""A file of a table (CSV, TSV, JSON Lines or Parquet; the text ones also as gzip) as a data frame, with the place of each row.

The cells of CSV stay text, since guessing types would turn the item `007` into 7 and a stray word into a missing score.
"""

import re
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from llmpick.evidence.errors import InputError
from llmpick.sources.scores.bounded import read_bounded

if TYPE_CHECKING:
    from polars import DataFrame

ENDINGS = (".csv", ".tsv", ".jsonl", ".parquet")
MAX_CELLS = 50_000_000
"""A matrix of that many scores fills 400 MB."""


@dataclass(frozen=True, slots=True)
class Table:
    """`first_line` is the line on which the first row stands, None where rows and lines differ (a cell of several lines; Parquet)."""

    frame: "DataFrame"
    path: Path
    first_line: int | None

    def place(self, row: int) -> str:
        """Where the row with this index stands: "scores.csv line 4"."""
        return f"{self.path} row {row + 1}" if self.first_line is None else f"{self.path} line {row + self.first_line}"


def ending_of(path: Path) -> str:
    """`.csv` for both `a.csv` and `a.csv.gz`."""
    return Path(path.name.lower().removesuffix(".gz")).suffix


def read_table(path: Path) -> Table:
    """The table in `path`, at least one row. Raises `InputError` naming the file."""
    import polars as pl  # takes 0.2 s to load

    ending = ending_of(path)
    if ending not in ENDINGS:
        raise InputError(
            f"a table cannot be read from a {ending or 'nameless'!r} file", where=str(path), remedy=f"use {', '.join(ENDINGS)}"
        )
    content = read_bounded(path)
    try:
        frame = _frame(content, ending)
    except pl.exceptions.NoDataError:
        frame = pl.DataFrame()
    except (pl.exceptions.PolarsError, ValueError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise InputError(f"the table cannot be read: {reason}", where=str(path), remedy="save it again, as UTF-8") from error
    if frame.height == 0:
        raise InputError("the file has no rows", where=str(path), remedy="a header and at least one row are needed")
    if frame.height * frame.width > MAX_CELLS:
        raise InputError(f"the table has more than {MAX_CELLS:,} cells", where=str(path), remedy="keep fewer columns or rows")
    return Table(_named(frame, path), path, _first_line(content, ending, frame.height))


def _frame(content: bytes, ending: str) -> "DataFrame":
    import polars as pl

    if ending == ".parquet":
        return pl.read_parquet(BytesIO(content))
    if ending == ".jsonl":
        return pl.read_ndjson(BytesIO(content), infer_schema_length=None)
    return pl.read_csv(BytesIO(content), infer_schema=False, separator="\t" if ending == ".tsv" else ",")


def _named(frame: "DataFrame", path: Path) -> "DataFrame":
    """The frame with white space stripped from its columns' names, each of which is there once."""
    names = [name.strip() for name in frame.columns]
    twice = [base for name in names if (base := re.sub(r"_duplicated_\d+$", "", name)) != name and base in names]
    twice += [name for name in names if names.count(name) > 1]
    if twice:
        raise InputError(f"two columns are named {twice[0]!r}", where=str(path), remedy="give every column a name of its own")
    return frame.rename(dict(zip(frame.columns, names, strict=True)))


def _first_line(content: bytes, ending: str, rows: int) -> int | None:
    if ending == ".parquet":
        return None
    header = ending != ".jsonl"
    lines = content.count(b"\n") + (not content.endswith(b"\n"))
    return 1 + header if lines == rows + header else None
