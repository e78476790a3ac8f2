"""May this one be taken? The one question that `race` and `compare` both answer of new inputs like the rows: is the other shown not to be
better by more than the tolerance? It is one-sided, and easier than which of the two is better. Pure.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from llmpick.evidence.values import Interval, Unknown
from llmpick.stats.power import rows_to_decide


@dataclass(frozen=True, slots=True)
class Word:
    """What a race says of two of its candidates for new inputs, of which it names the `first` or the second: whether it is `settled` that
    the named one may be taken, at `confidence`. `of_one` is the confidence of each comparison, so that the race's choice as a whole holds;
    `peeking` is for claims that hold at every look, `on_average` for the sense of `bayes`.
    """

    first: bool
    settled: bool
    confidence: float
    of_one: float
    peeking: bool
    on_average: bool


@dataclass(frozen=True, slots=True)
class RaceWord:
    """What a race says of all of its candidates, within `tolerance`: it names `leader`, and is `decided` or not; those in `alike` may be
    better than the leader. The rest is as in `Word`.
    """

    leader: str
    decided: bool
    alike: frozenset[str]
    tolerance: float
    confidence: float
    of_one: float
    peeking: bool
    on_average: bool

    def about(self, first: str, second: str) -> Word | None:
        """What it says of these two; None where it names neither."""
        if self.leader not in (first, second) or first == second:
            return None
        other = second if self.leader == first else first
        settled = self.decided and other not in self.alike
        return Word(self.leader == first, settled, self.confidence, self.of_one, self.peeking, self.on_average)


def rows_to_settle(
    ahead: NDArray[np.float64],
    tolerance: float,
    confidence: float,
    *,
    peeking: bool,
    clusters: NDArray[np.str_] | NDArray[np.int64] | None = None,
) -> Interval | Unknown:
    """How many more rows would probably show that one of two may be taken; `ahead`, shape (n,), is by how much one leads on each row that
    both answered. With `clusters`, shape (n,), at least the rows of one more cluster: those that there are have not settled it.
    """
    found = rows_to_decide(ahead, tolerance, confidence, peeking=peeking, clusters=clusters)
    if isinstance(found, Unknown) or clusters is None:
        return found
    least = float(math.ceil(len(clusters) / len(np.unique(clusters))))
    return Interval(max(found.value, least), max(found.low, least), max(found.high, least), found.confidence)
