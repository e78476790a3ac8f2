"""Draws of models' scores from the prior of a task: what is asked of several models together, such as which is better by how much."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from llmpick.estimate.ability import link
from llmpick.estimate.expected_task import Weighed

Array = NDArray[np.float64]
DRAWS = 4000
"""Over all parts: ends of 90% intervals are then exact to about half a point."""


def drawn_scores(parts: Sequence[Weighed], seed: int) -> tuple[Array, Array]:
    """Joint scores (S, M) of the models of `parts` and their weights (S,), sum 1; the same standard normal draws for every part."""
    count = max(DRAWS // len(parts), 2)
    normal = np.random.default_rng(seed).standard_normal((count, len(parts[0].mean)))
    scores = list[Array]()
    for part in parts:
        values, vectors = np.linalg.eigh(part.covariance)
        scores.append(link.score(part.mean + normal @ (vectors * np.sqrt(np.maximum(values, 0.0))).T, part.link, part.floor))
    return np.concatenate(scores), np.repeat([part.probability / count for part in parts], count)
