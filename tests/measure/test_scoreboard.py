"""The matrix of a race's calls: at every look what the lanes hold, whichever of them still race."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from tests.measure.test_race import record

from llmpick.measure.lane import Lane
from llmpick.measure.scoreboard import Scoreboard

ROWS = 12
scores = st.one_of(st.none(), st.sampled_from([0.0, 0.25, 1.0]))
looks = st.lists(
    st.tuples(st.lists(st.lists(scores, max_size=4), min_size=3, max_size=3), st.sets(st.integers(0, 2))), min_size=1, max_size=3
)


def lane(name: str, cost: float | None) -> Lane:
    return Lane(name, cost=lambda _: cost, breaks=lambda _: ())


@given(looks)
def test_at_every_look_it_is_what_the_lanes_hold(looks: list[tuple[list[list[float | None]], set[int]]]) -> None:
    lanes = [lane("a", 1.0), lane("b", None), lane("c", 5.0)]
    board, before = Scoreboard(lanes, ROWS), []
    for batches, racing in looks:
        for one, batch in zip(lanes, batches, strict=True):
            one.records.extend(record(one.candidate, i, score) for i, score in enumerate(batch))
        kept = [lanes[k] for k in sorted(racing, reverse=True)]
        found = board.progress(kept)
        expected = np.zeros((len(kept), ROWS))
        lost = np.zeros((len(kept), ROWS), dtype=bool)
        for k, one in enumerate(kept):
            for i, call in enumerate(one.records):
                expected[k, i], lost[k, i] = call.score or 0.0, call.score is None
        before.append((found, expected, lost, [len(one.records) for one in kept]))
    for found, expected, lost, done in before:  # what came later has changed no earlier look
        assert np.array_equal(found.scores, expected)
        assert np.array_equal(found.lost, lost)
        assert found.done.tolist() == done


def test_the_cheapest_ranks_first_and_an_unknown_cost_last() -> None:
    lanes = [lane("a", 5.0), lane("b", None), lane("c", 1.0)]
    assert Scoreboard(lanes, ROWS).progress(lanes).cost_rank.tolist() == [1, 2, 0]
