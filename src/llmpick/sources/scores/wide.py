"""A table with one row per item and one column per model (or the other way round) as a matrix of scores."""

from collections.abc import Collection

import numpy as np

from llmpick.evidence.errors import InputError
from llmpick.evidence.scores import ScoreMatrix
from llmpick.sources.scores.cells import Numbers, as_numbers, as_text, cell
from llmpick.sources.scores.costs import cost_columns, own_costs
from llmpick.sources.scores.names import KNOWN_NAMES, first_of
from llmpick.sources.scores.tables import Table


def wide_matrix(table: Table, naming: str | None, *, transposed: bool) -> ScoreMatrix:
    """The matrix of a table whose rows are named by the column `naming` (None: by their number). See `sources/scores/csv.py`."""
    names = row_names(table, naming)
    rest = table.frame.drop(naming) if naming is not None else table.frame
    numbers = {column.name: as_numbers(column) for column in rest.iter_columns()}
    cost_of = {} if transposed else cost_columns(rest.columns)
    models = [name for name in rest.columns if name not in cost_of and _is_model(name, numbers[name])]
    if not models:
        raise InputError("there is no column of scores", where=str(table.path), remedy="add a column per model with numbers from 0 to 1")
    for name in models:
        check_scores(table, name, numbers[name])
    scores, seen = np.stack([numbers[name].values for name in models]), np.stack([numbers[name].valid for name in models])
    if transposed:
        return ScoreMatrix(tuple(names), tuple(models), scores.T.copy(), seen.T.copy(), source=str(table.path))
    known = [name for name in rest.columns if name not in cost_of and name not in models and numbers[name].filled.any()]
    columns = {name: np.asarray(as_text(rest[name]).to_list(), dtype=np.str_) for name in known}
    costs, unit = own_costs(table, cost_of, numbers, models)
    return ScoreMatrix(tuple(models), tuple(names), scores, seen, costs, unit, columns, str(table.path))


def naming_column(table: Table, wanted: Collection[str]) -> str | None:
    """The column that names the rows: one of the `wanted`, else the first of words in which no two are equal, else None."""
    frame = table.frame
    unique = (name for name in frame.columns if as_text(frame[name]).n_unique() == frame.height and not as_numbers(frame[name]).mostly)
    return first_of(frame.columns, wanted) or next(unique, None)


def row_names(table: Table, naming: str | None) -> list[str]:
    """The names of the rows. Raises `InputError` for a name that is there twice."""
    if naming is None:
        return [str(number) for number in range(1, table.frame.height + 1)]
    names: list[str] = as_text(table.frame[naming]).to_list()
    if len(set(names)) < len(names):
        first: dict[str, int] = {}
        again = next(row for row, name in enumerate(names) if first.setdefault(name, row) != row)
        what = f"{names[again]!r} is there twice, first in row {first[names[again]] + 1}"
        raise InputError(what, where=f"{table.place(again)}, column {naming!r}", remedy="give every row a name of its own")
    return names


def check_scores(table: Table, name: str, numbers: Numbers) -> None:
    """Raises `InputError` for the first cell of the column that holds something other than a number from 0 to 1."""
    wrong = numbers.filled & ~(numbers.valid & (numbers.values >= 0) & (numbers.values <= 1))
    if not wrong.any():
        return
    row = int(np.argmax(wrong))
    if not numbers.valid[row]:
        remedy = "write a number from 0 to 1, true or false, or leave the cell empty if it was not measured"
    elif numbers.values.min() >= 0 and numbers.values.max() <= 100:
        remedy = "divide percentages by 100; leave the column out if it is no model's score"
    else:
        remedy = "bring scores to the scale from 0 to 1; leave the column out if it is no model's score"
    what = f"{cell(table.frame[name], row)} is not a score from 0 to 1"
    raise InputError(what, where=f"{table.place(row)}, column {name!r}", remedy=remedy)


def _is_model(name: str, numbers: Numbers) -> bool:
    return numbers.mostly and name.lower() not in KNOWN_NAMES
