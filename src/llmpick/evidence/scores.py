"""A recorded matrix of scores: models by items, as it is read from a CSV file or from the logs of another tool."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class ScoreMatrix:
    """Every model's score on every item, shape (K, N), in [0, 1]; a cell that was not measured has `seen` False and is not read.

    `costs`, shape (K, N), is what each call cost, in `cost_unit` (characters, tokens, seconds, money), None where nothing is known.
    `columns` holds what else is known of the items beforehand (category, language, document), shape (N,) each, by name.
    `source` names the file or run, for messages.
    """

    models: tuple[str, ...]
    items: tuple[str, ...]
    scores: NDArray[np.float64]
    seen: NDArray[np.bool_]
    costs: NDArray[np.float64] | None = None
    cost_unit: str | None = None
    columns: Mapping[str, NDArray[np.str_]] = field(default_factory=dict[str, NDArray[np.str_]])
    source: str = ""

    def __post_init__(self) -> None:
        shape = (len(self.models), len(self.items))
        if self.scores.shape != shape or self.seen.shape != shape or (self.costs is not None and self.costs.shape != shape):
            raise ValueError(f"scores, seen and costs must have the shape {shape} of models x items")
