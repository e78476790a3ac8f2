"""From the last look at a race to places, intervals, and what the rows tell of new inputs."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmpick.decide.placing import Placing, leading, placing
from llmpick.decide.race_answer import Place, RaceVerdict
from llmpick.evidence.values import Interval, Unknown
from llmpick.stats.plain import PlainRule
from llmpick.stats.race import Progress, Standing
from llmpick.stats.rules import Goal

GOAL = Goal(0.02, 0.95)


def row(right: int, rows: int) -> list[float]:
    """`right` answers of `rows`, spread over the race."""
    return [float(i * right // rows < (i + 1) * right // rows) for i in range(rows)]


def progress_of(scores: list[list[float]], done: list[int], lost: dict[int, list[int]] | None = None) -> Progress:
    matrix = np.array(scores)
    is_lost = np.zeros_like(matrix, dtype=bool)
    for k, columns in (lost or {}).items():
        is_lost[k, columns] = True
    return Progress(matrix, is_lost, np.array(done), np.zeros(len(done), dtype=np.int64))


def placed(scores: list[list[float]], done: list[int], lost: dict[int, list[int]] | None = None, goal: Goal = GOAL) -> Placing:
    progress = progress_of(scores, done, lost)
    return placing([chr(ord("a") + k) for k in range(len(done))], progress, PlainRule(goal).judge(progress), goal)


def kinds(result: Placing) -> list[Place]:
    return [one.place for one in result.places]


@pytest.mark.parametrize(
    ("right", "rows", "verdict", "places"),
    [
        ([90, 20], 100, RaceVerdict.WON, [Place.CHOSEN, Place.BEATEN]),
        ([20, 90], 100, RaceVerdict.WON, [Place.BEATEN, Place.CHOSEN]),
        ([90, 90], 100, RaceVerdict.TIE, [Place.CHOSEN, Place.TIED]),
        ([90, 90, 20], 100, RaceVerdict.TIE, [Place.CHOSEN, Place.TIED, Place.BEATEN]),
        ([9, 8], 10, RaceVerdict.WON, [Place.CHOSEN, Place.BEATEN]),
    ],
)
def test_places_after_all_rows(right: list[int], rows: int, verdict: RaceVerdict, places: list[Place]) -> None:
    result = placed([row(n, rows) for n in right], [rows] * len(right))
    assert result.verdict is verdict
    assert kinds(result) == places
    assert result.chosen == places.index(Place.CHOSEN)
    for one in result.places:
        assert isinstance(one.score_on_rows, Interval)
        assert one.score_on_rows.low == one.score_on_rows.high, "all rows were run: the score on them is known"
        assert isinstance(one.score, Interval)
        assert one.score.low < one.score.high, "new inputs are another matter"


def test_an_open_race_names_the_leader_and_who_could_still_win() -> None:
    result = placed([row(60, 100), row(55, 100)], [40, 40])
    assert result.verdict is RaceVerdict.UNDECIDED
    assert result.chosen is None
    assert kinds(result) == [Place.LEADER, Place.OPEN]


def test_a_tie_holds_only_those_that_are_shown_to_be_within_the_tolerance() -> None:
    """Chosen as soon as nobody can be better by more: the other was not looked into any further, so it is no tie."""
    standing = Standing(np.array([True, False]), np.array([-1, -1]), np.array([False, True]), 0)
    result = placing(["a", "b"], progress_of([row(60, 100), row(59, 100)], [80, 80]), standing, GOAL)
    assert result.verdict is RaceVerdict.WON
    assert kinds(result) == [Place.CHOSEN, Place.BEHIND]


def test_the_leader_is_found_by_paired_rows_and_not_by_means_over_different_rows() -> None:
    """Hard rows come first: who ran only those looks worse than who ran the easy ones too."""
    strong, weak = [0, 1, 0, 1, 0, 1, 0, 1] + [1] * 12, [0, 0, 0, 1, 0, 0, 0, 1] + [1] * 12
    progress = progress_of([[float(x) for x in strong], [float(x) for x in weak]], [8, 20])
    assert progress.means[0] < progress.means[1]
    standing = Standing(np.zeros(2, dtype=bool), np.array([-1, -1]), np.zeros(2, dtype=bool), None)
    assert leading(progress, standing) == 0


def test_lost_rows_are_counted_and_left_out() -> None:
    result = placed([row(90, 100), row(20, 100)], [100, 100], lost={0: [3, 4, 5]})
    first = result.places[0]
    assert (first.rows_run, first.rows_lost) == (100, 3)
    assert isinstance(first.score_on_rows, Interval)
    assert isinstance(result.places[1].difference, Interval)


def test_nothing_run_is_undecided_and_unknown() -> None:
    result = placed([row(9, 10), row(2, 10)], [0, 0])
    assert result.verdict is RaceVerdict.UNDECIDED
    assert isinstance(result.places[0].score, Unknown)
    assert isinstance(result.places[1].difference, Unknown)
    assert isinstance(result.new_inputs.rows_more, Unknown)
    assert result.new_inputs.rows_left == 10


def test_rows_decide_for_themselves_before_they_decide_for_new_inputs() -> None:
    close = placed([row(60, 100), row(57, 100)], [100, 100])
    assert close.chosen == 0
    assert close.new_inputs.alike == ("a", "b")
    assert close.new_inputs.rows_left == 0
    more = close.new_inputs.rows_more
    assert isinstance(more, Interval)
    assert 0 < more.low <= more.value <= more.high
    clear = placed([row(95, 100), row(10, 100)], [100, 100])
    assert clear.new_inputs.alike == ()


def test_rows_that_were_not_run_yet_are_told_beside_those_that_are_wanted() -> None:
    result = placed([row(60, 100), row(57, 100)], [100, 40])
    assert result.new_inputs.rows_left == 60


def test_a_lone_candidate_has_nothing_to_be_told_apart_from() -> None:
    result = placed([row(60, 100)], [20])
    assert result.chosen == 0
    assert result.new_inputs.alike == ()
    assert isinstance(result.places[0].difference, Unknown)


@given(
    st.lists(st.lists(st.sampled_from([0.0, 0.25, 0.5, 1.0]), min_size=12, max_size=12), min_size=2, max_size=4),
    st.data(),
)
@settings(max_examples=40, deadline=None)
def test_properties(scores: list[list[float]], data: st.DataObject) -> None:
    done = [data.draw(st.integers(0, 12)) for _ in scores]
    result = placed(scores, done)
    assert sum(one.place in (Place.CHOSEN, Place.LEADER) for one in result.places) == 1
    assert result.places[result.leader].place in (Place.CHOSEN, Place.LEADER)
    assert (result.verdict is RaceVerdict.UNDECIDED) == (result.chosen is None)
    for one in result.places:
        assert one.reasons
        if isinstance(one.difference, Interval) and isinstance(one.difference_on_new_inputs, Interval):
            narrow, wide = one.difference, one.difference_on_new_inputs
            assert narrow.value == wide.value
            assert wide.high - wide.low >= narrow.high - narrow.low - 1e-6
    assert result.new_inputs.alike == () or result.new_inputs.alike[0] == chr(ord("a") + result.leader)
