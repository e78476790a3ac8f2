"""What the lanes of a race have shown so far, as the matrix that the rules read. Each call is entered once, however often one looks."""

from collections.abc import Sequence

import numpy as np

from llmpick.decide.cost import cost_ranks
from llmpick.measure.lane import Lane
from llmpick.stats.race import Progress


class Scoreboard:
    """Of lanes that only ever grow, over `rows` rows."""

    def __init__(self, lanes: Sequence[Lane], rows: int) -> None:
        self._place = {lane.candidate: k for k, lane in enumerate(lanes)}
        self._scores = np.zeros((len(lanes), rows))
        self._lost = np.zeros((len(lanes), rows), dtype=bool)
        self._done = np.zeros(len(lanes), dtype=np.int64)

    def progress(self, lanes: Sequence[Lane]) -> Progress:
        """Of these of its lanes, in their order. The arrays are the caller's own: what is entered later does not change them."""
        for lane in lanes:
            self._enter(lane)
        places = [self._place[lane.candidate] for lane in lanes]
        done, shape = self._done[places], (len(lanes), self._scores.shape[1])
        scores, lost = np.zeros(shape), np.zeros(shape, dtype=bool)
        for row, (k, n) in enumerate(zip(places, done, strict=True)):  # row by row: a copy of a copy of 4 MB would take most of the time
            scores[row, :n], lost[row, :n] = self._scores[k, :n], self._lost[k, :n]
        return Progress(scores, lost, done, np.array(cost_ranks([lane.cost(lane) for lane in lanes])))

    def _enter(self, lane: Lane) -> None:
        k = self._place[lane.candidate]
        seen = np.array([record.score for record in lane.records[self._done[k] :]], dtype=np.float64)  # no score becomes NaN
        new = slice(self._done[k], self._done[k] + len(seen))
        self._lost[k, new] = np.isnan(seen)
        self._scores[k, new] = np.where(np.isnan(seen), 0.0, seen)
        self._done[k] += len(seen)
