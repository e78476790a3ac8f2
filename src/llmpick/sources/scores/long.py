"""A table with one row per answer (a model, an item, a score) as a matrix of scores: what `llmpick export` and many logs look like."""

import numpy as np

from llmpick.evidence.scores import ScoreMatrix
from llmpick.sources.scores.calls import ScoredAnswer, matrix_of
from llmpick.sources.scores.cells import as_numbers, as_text
from llmpick.sources.scores.costs import COST_WORDS, unit_of
from llmpick.sources.scores.names import ITEM_NAMES, KNOWN_NAMES, MODEL_NAMES, SCORE_NAMES, first_of
from llmpick.sources.scores.tables import Table
from llmpick.sources.scores.wide import check_scores


def is_long(table: Table) -> bool:
    """Whether the table has a column of models, one of items and one named as a score."""
    columns = table.frame.columns
    return all(first_of(columns, names) is not None for names in (MODEL_NAMES, ITEM_NAMES, SCORE_NAMES))


def long_matrix(table: Table) -> ScoreMatrix:
    """The matrix of a table for which `is_long`. Answers of one model to one item are averaged; a row without a score is not read."""
    frame = table.frame
    model, item, score = (str(first_of(frame.columns, names)) for names in (MODEL_NAMES, ITEM_NAMES, SCORE_NAMES))
    numbers = as_numbers(frame[score])
    check_scores(table, score, numbers)
    word = first_of(frame.columns, COST_WORDS)
    costs = as_numbers(frame[word]) if word else None
    known = {name: as_text(frame[name]).to_list() for name in frame.columns if name.lower() in KNOWN_NAMES and name != item}
    models, items = as_text(frame[model]).to_list(), as_text(frame[item]).to_list()
    answers = [
        ScoredAnswer(
            models[row],
            items[row],
            float(numbers.values[row]),
            float(costs.values[row]) if costs is not None and costs.valid[row] else None,
            {name: cells[row] for name, cells in known.items()},
        )
        for row in np.flatnonzero(numbers.valid)
    ]
    return matrix_of(answers, source=str(table.path), cost_unit=unit_of(word) if word else None)
