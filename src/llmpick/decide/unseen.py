"""The choice among models that nobody has run: by what the prior expects of each, with the cheapest of equals.

A configuration is a model in one quantisation that fits. Equals are those that are expected to be within the tolerance of the best. A model
ties with the chosen one when the 90% interval of their difference holds zero: then the prior cannot tell, and says how probable it is.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from llmpick.decide.answer import Status
from llmpick.evidence.values import Interval

Array = NDArray[np.float64]
LEVEL = 0.9


@dataclass(frozen=True, slots=True)
class Unseen:
    """`row` (M,) is the configuration that stands for each model, in the order of expected score; `chosen` is a position in it.

    `equal` (M,): expected to be within the tolerance of the best. `difference` (M,) is the score less that of the chosen one, with 90%;
    `better` (M,) the probability that it is above it.
    """

    row: NDArray[np.int64]
    chosen: int
    status: tuple[Status, ...]
    equal: tuple[bool, ...]
    difference: tuple[Interval, ...]
    better: tuple[float, ...]


def standing_for(models: NDArray[np.int64], mean: Array, cost: Array, tolerance: float) -> tuple[NDArray[np.int64], int]:
    """The configuration that stands for each model, best first, and the position of the chosen one. All arrays (C,), C >= 1.

    Within the tolerance of the best configuration of all the cheapest stands for its model, otherwise the one with the highest score; the
    chosen one is the cheapest of all that are within it, of equally cheap ones the best.
    """
    equal = mean >= mean.max() - tolerance
    order = np.lexsort((-mean, np.where(equal, cost, np.inf), ~equal))
    _, first = np.unique(models[order], return_index=True)
    rows = order[first]
    rows = rows[np.argsort(-mean[rows], kind="stable")]
    return rows, int(np.flatnonzero(rows == order[0])[0])


def choose_unseen(rows: NDArray[np.int64], chosen: int, mean: Array, draws: Array, weights: Array, tolerance: float) -> Unseen:
    """`rows` (M,) and `chosen` from `standing_for`, `mean` (C,) of all configurations; joint `draws` (S, M) of the scores of `rows`, with
    their `weights` (S,), which sum to 1.
    """
    differences = draws - draws[:, [chosen]]
    found = [_interval(differences[:, k], weights) for k in range(len(rows))]
    return Unseen(
        row=rows,
        chosen=chosen,
        status=tuple(Status.CHOSEN if k == chosen else _status(found[k]) for k in range(len(rows))),
        equal=tuple((mean[rows] >= mean.max() - tolerance).tolist()),
        difference=tuple(found),
        better=tuple((weights @ (differences > 0)).tolist()),
    )


def _status(difference: Interval) -> Status:
    return Status.ELIMINATED if difference.high < 0 else Status.TIED


def _interval(values: Array, weights: Array) -> Interval:
    order = np.argsort(values)
    below = np.cumsum(weights[order])
    low, high = (float(values[order][min(np.searchsorted(below, end), len(order) - 1)]) for end in ((1 - LEVEL) / 2, (1 + LEVEL) / 2))
    return Interval(float(np.clip(weights @ values, low, high)), low, high, LEVEL)
