"""From single scored answers, in any order, to a matrix of models by items: answers to the same item (epochs, tries) are averaged."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

from llmpick.evidence.scores import ScoreMatrix


@dataclass(frozen=True, slots=True)
class ScoredAnswer:
    """One answer of `model` to `item`: its score in [0, 1], what it cost (None: not known), and what is known of the item."""

    model: str
    item: str
    score: float
    cost: float | None = None
    known: Mapping[str, str] = field(default_factory=dict[str, str])


def matrix_of(answers: Iterable[ScoredAnswer], *, source: str, cost_unit: str | None = None) -> ScoreMatrix:
    """Models and items in the order of their first appearance. A model's cost for an item is the sum over its answers.

    Costs are kept only if every answer has one. An item's columns are those of its first answer that has them; a column that some item
    lacks is empty there. Raises ValueError if there is no answer.
    """
    kept = tuple(answers)
    if not kept:
        raise ValueError("there are no answers")
    models = {name: k for k, name in enumerate(dict.fromkeys(answer.model for answer in kept))}
    items = {name: n for n, name in enumerate(dict.fromkeys(answer.item for answer in kept))}
    places = (np.array([models[answer.model] for answer in kept]), np.array([items[answer.item] for answer in kept]))
    shape = (len(models), len(items))
    total, count, costs = np.zeros(shape), np.zeros(shape), np.zeros(shape)
    np.add.at(total, places, [answer.score for answer in kept])
    np.add.at(count, places, 1)
    np.add.at(costs, places, [answer.cost or 0.0 for answer in kept])
    priced = cost_unit is not None and all(answer.cost is not None for answer in kept)
    return ScoreMatrix(
        tuple(models),
        tuple(items),
        total / np.maximum(count, 1),
        count > 0,
        costs if priced else None,
        cost_unit if priced else None,
        _columns(kept, items),
        source,
    )


def _columns(answers: tuple[ScoredAnswer, ...], items: Mapping[str, int]) -> dict[str, np.ndarray]:
    found: dict[str, list[str]] = {}
    for answer in answers:
        for name, value in answer.known.items():
            cells = found.setdefault(name, [""] * len(items))
            cells[items[answer.item]] = cells[items[answer.item]] or value
    return {name: np.asarray(cells, dtype=np.str_) for name, cells in found.items()}
