"""What stopping here would mean for the candidate that a race names, on average over tasks like this one.

Under either guarantee these are averages of the posterior (`stats/bayes.py`), also for a race that is decided by bets: a rule that bounds
the error of each single race has no expectation of its own.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from llmpick.evidence.values import Unknown
from llmpick.stats.bayes import believed, expected_saving, outlook
from llmpick.stats.race import Progress


@dataclass(frozen=True, slots=True)
class Stakes:
    """`risk` is the probability that the named one lies more than the tolerance below the best on the user's rows, `expected_loss` how far
    it is expected to lie below it, in score, and `next_saving` how much of that the next batch would probably save.
    """

    risk: float | Unknown
    expected_loss: float | Unknown
    next_saving: float | Unknown


def stakes(progress: Progress, named: int, tolerance: float, then: NDArray[np.int64]) -> Stakes:
    """Of naming `named` (an index) now; `then`, shape (K,), is how many rows each would have run after the next batch."""
    count, rows = progress.scores.shape
    ran = (~progress.lost & (np.arange(rows) < progress.done[:, None])).any(axis=1)
    if count < 2 or not ran.all():
        unknown = Unknown("it takes at least two candidates, each with an answer")
        return Stakes(unknown, unknown, unknown)
    found = believed(progress)
    view = outlook(found, tolerance)
    loss = float(view.loss[0, named])
    more = (then > progress.done).any()
    saving = float(expected_saving(found, view.best, then[None], rows)[0]) if more else 0.0
    return Stakes(float(view.risk[0, named]), loss, min(saving, loss))
