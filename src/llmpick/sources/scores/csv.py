"""Scores from a table: a CSV, TSV, JSON Lines or Parquet file, as a matrix of models by items.

Usually there is one row per item and one column per model. How a column is recognised, in this order:
- **item**: the first that is named `item`, `id`, `question_id`, ... (`names.ITEM_NAMES`); else the first of words in which no two are
  equal; else the rows are numbered;
- **cost**: its name is a word of cost and the name of another column: `cost:MODEL`, `MODEL_tokens`, `seconds MODEL`;
- **known of the item**: named `category`, `language`, `document`, ... (`names.KNOWN_NAMES`), or a column of words;
- **model**: a column of numbers from 0 to 1, or of true and false. An empty cell was not seen; a column of empty cells is left out.

A table with the columns `model`, `item` and `score` has one row per answer (`long.py`); one whose rows are named by `model` has a row per
model and a column per item.
"""

from collections.abc import Collection
from pathlib import Path

from llmpick.evidence.errors import InputError
from llmpick.evidence.scores import ScoreMatrix
from llmpick.sources.scores.costs import with_costs
from llmpick.sources.scores.long import is_long, long_matrix
from llmpick.sources.scores.names import ITEM_NAMES, MODEL_NAMES
from llmpick.sources.scores.tables import Table, read_table
from llmpick.sources.scores.wide import naming_column, row_names, wide_matrix

_CHOICES_SHOWN = 12


def read_scores(path: Path, *, costs: Path | None = None, transpose: bool = False, leave_out: Collection[str] = ()) -> ScoreMatrix:
    """The matrix in a `.csv`, `.tsv` or `.jsonl` file (each also `.gz`), or in a `.parquet` file.

    `costs` is a second file with the same items and models, and what each call cost. `transpose` says that each row is a model, where
    the naming column does not say so by its name. `leave_out` names columns that are not read.
    Raises `InputError` naming file, column and line: a score outside [0, 1], an item named twice, a seen cell without its cost.
    """
    table = _without(read_table(path), leave_out)
    if is_long(table):
        matrix, transposed = long_matrix(table), False
    else:
        naming, transposed = _naming(table, transpose=transpose)
        matrix = wide_matrix(table, naming, transposed=transposed)
    if costs is None:
        return matrix
    beside = read_table(costs)
    naming, _ = _naming(beside, transpose=transposed)
    return with_costs(matrix, beside, row_names(beside, naming), transposed=transposed)


def _naming(table: Table, *, transpose: bool) -> tuple[str | None, bool]:
    """The column that names the rows, and whether these are models."""
    if transpose:
        return naming_column(table, MODEL_NAMES), True
    naming = naming_column(table, ITEM_NAMES)
    return naming, naming is not None and naming.lower() in MODEL_NAMES


def _without(table: Table, leave_out: Collection[str]) -> Table:
    names = table.frame.columns
    unknown = [name for name in leave_out if name not in names]
    if unknown:
        shown = f"{', '.join(names[:_CHOICES_SHOWN])}{', ...' if len(names) > _CHOICES_SHOWN else ''}"
        raise InputError(f"there is no column {unknown[0]!r} to leave out", where=str(table.path), remedy=f"its columns are {shown}")
    return Table(table.frame.drop(list(leave_out)), table.path, table.first_line)
