"""What each call cost, from a table of scores itself or from a second table with the same items and models."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from llmpick.evidence.errors import InputError
from llmpick.evidence.scores import ScoreMatrix
from llmpick.sources.scores.cells import Numbers, as_numbers, cell
from llmpick.sources.scores.tables import Table

COST_WORDS = ("cost", "money", "tokens", "output_tokens", "seconds", "characters", "output_characters", "chars")
"""In the order in which they are taken, where a table has several."""
_SEPARATORS = ":_ "


def unit_of(word: str) -> str:
    """`output_tokens` → `tokens`."""
    return "characters" if word == "chars" else word.removeprefix("output_")


def cost_columns(names: Collection[str]) -> dict[str, tuple[str, str]]:
    """Column → (word of cost, model), for those whose name is a word of cost and the name of another column."""
    known = frozenset(names)
    affixes = [(word, separator) for word in COST_WORDS for separator in _SEPARATORS]
    found: dict[str, tuple[str, str]] = {}
    for name in names:
        before = ((word, name.removeprefix(word + separator)) for word, separator in affixes if name.startswith(word + separator))
        after = ((word, name.removesuffix(separator + word)) for word, separator in affixes if name.endswith(separator + word))
        pair = next((pair for pair in (*before, *after) if pair[1] in known), None)
        if pair:
            found[name] = pair
    return found


def own_costs(
    table: Table, cost_of: Mapping[str, tuple[str, str]], numbers: Mapping[str, Numbers], models: Sequence[str]
) -> tuple[NDArray[np.float64] | None, str | None]:
    """The costs that stand in the table of scores, shape (K, N), and their unit; None where it has none."""
    if not cost_of:
        return None, None
    by_word = {(word, model): name for name, (word, model) in cost_of.items()}
    word = next((word for word in COST_WORDS if all((word, model) in by_word for model in models)), None)
    if word is None:
        some = next(iter(cost_of.values()))[0]
        lacking = next(model for model in models if (some, model) not in by_word)
        raise InputError(f"the model {lacking!r} has no column of costs", where=str(table.path), remedy=f"add a column '{some}:{lacking}'")
    columns = [by_word[word, model] for model in models]
    costs = [_checked(table, name, numbers[name], numbers[model].valid) for name, model in zip(columns, models, strict=True)]
    return np.stack(costs), unit_of(word)


def with_costs(matrix: ScoreMatrix, table: Table, names: Sequence[str], *, transposed: bool) -> ScoreMatrix:
    """The matrix with the costs of a second table, whose rows are called `names`; joined by the names of items and models.

    The unit is the word of cost in the file's name ("output_characters.csv.gz"), else "cost".
    """
    down, across = (matrix.models, matrix.items) if transposed else (matrix.items, matrix.models)
    row_of = {name: row for row, name in enumerate(names)}
    lacking = [f"column {name!r}" for name in across if name not in table.frame.columns] or [
        f"row {name!r}" for name in down if name not in row_of
    ]
    if lacking:
        what = f"the costs have no {lacking[0]}, which {matrix.source} has"
        raise InputError(what, where=str(table.path), remedy="name items and models alike in both files")
    rows = np.array([row_of[name] for name in down])
    seen = matrix.seen.T if transposed else matrix.seen
    costs = np.zeros(seen.shape)
    for k, name in enumerate(across):
        needed = np.zeros(len(names), dtype=bool)
        needed[rows] = seen[k]
        costs[k] = _checked(table, name, as_numbers(table.frame[name]), needed)[rows]
    word = next((word for word in COST_WORDS if word in table.path.name.lower()), "cost")
    return replace(matrix, costs=costs.T.copy() if transposed else costs, cost_unit=unit_of(word))


def _checked(table: Table, name: str, numbers: Numbers, needed: NDArray[np.bool_]) -> NDArray[np.float64]:
    """The costs, shape (N,), 0 where nothing was seen. Raises `InputError` for a needed cell that is not a number from 0 up."""
    good = numbers.valid & (numbers.values >= 0) & np.isfinite(numbers.values)
    bad = needed & ~good
    if bad.any():
        row = int(np.argmax(bad))
        what = f"{cell(table.frame[name], row)} is not a cost" if numbers.filled[row] else "a cell that has a score has no cost"
        raise InputError(what, where=f"{table.place(row)}, column {name!r}", remedy="write a number from 0 up")
    return np.where(good, numbers.values, 0.0)
