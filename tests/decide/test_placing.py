"""From the last look at a race to places, intervals, and what the rows tell of new inputs."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmpick.decide.placing import Claims, Placing, leading, placing
from llmpick.decide.race_answer import Place, RaceVerdict
from llmpick.evidence.values import Interval, Unknown
from llmpick.stats.goal import Goal, Guarantee
from llmpick.stats.race import Progress, Standing
from llmpick.stats.rules import rule_for

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


def placed(
    scores: list[list[float]],
    done: list[int],
    lost: dict[int, list[int]] | None = None,
    goal: Goal = GOAL,
    guarantee: Guarantee = "anytime",
) -> Placing:
    progress = progress_of(scores, done, lost)
    names = [chr(ord("a") + k) for k in range(len(done))]
    return placing(names, progress, rule_for(guarantee, goal).judge(progress), goal, guarantee)


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


@pytest.mark.parametrize("guarantee", ["anytime", "bayes"])
def test_one_alone_was_compared_with_nothing(guarantee: Guarantee) -> None:
    result = placed([row(90, 100)], [40], guarantee=guarantee)
    assert (result.verdict, result.chosen, result.leader, kinds(result)) == (RaceVerdict.ALONE, None, 0, [Place.LEADER])
    assert result.new_inputs.alike == ()
    assert "compared with nothing" in result.places[0].reasons[0]


@pytest.mark.parametrize("guarantee", ["anytime", "bayes"])
def test_without_a_tolerance_no_word_is_about_0_points(guarantee: Guarantee) -> None:
    goal = Goal(0.0, 0.95)
    for right, done in (([90, 60, 20], [100] * 3), ([90, 20, 90], [80, 40, 80]), ([55, 50], [60, 60])):
        for one in placed([row(n, 100) for n in right], done, goal=goal, guarantee=guarantee).places:
            assert not any(word in one.reasons[0] for word in ("0 points", "by more than", "within")), one.reasons


def test_an_open_race_names_the_leader_and_who_could_still_win() -> None:
    result = placed([row(60, 100), row(55, 100)], [40, 40])
    assert result.verdict is RaceVerdict.UNDECIDED
    assert result.chosen is None
    assert kinds(result) == [Place.LEADER, Place.OPEN]


def test_a_tie_holds_only_those_that_are_shown_to_be_within_the_tolerance() -> None:
    """Chosen as soon as nobody can be better by more: the other was not looked into any further, so it is no tie."""
    standing = Standing(np.array([True, False]), np.array([-1, -1]), np.array([False, True]), 0)
    result = placing(["a", "b"], progress_of([row(60, 100), row(59, 100)], [80, 80]), standing, GOAL, "anytime")
    assert result.verdict is RaceVerdict.WON
    assert kinds(result) == [Place.CHOSEN, Place.BEHIND]


def test_the_leader_is_found_by_paired_rows_and_not_by_means_over_different_rows() -> None:
    """Hard rows come first: who ran only those looks worse than who ran the easy ones too."""
    strong, weak = [0, 1, 0, 1, 0, 1, 0, 1] + [1] * 12, [0, 0, 0, 1, 0, 0, 0, 1] + [1] * 12
    progress = progress_of([[float(x) for x in strong], [float(x) for x in weak]], [8, 20])
    assert progress.means[0] < progress.means[1]
    standing = Standing(np.zeros(2, dtype=bool), np.array([-1, -1]), np.zeros(2, dtype=bool), None)
    assert leading(progress, standing, GOAL, "anytime") == 0


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
    assert (result.chosen, result.leader) == (None, 0)
    assert result.new_inputs.alike == ()
    assert isinstance(result.places[0].difference, Unknown)


@pytest.mark.parametrize(("claims", "place"), [("anytime", Place.TIED), ("bayes", Place.TIED)])
def test_who_is_within_the_tolerance_ties_also_when_it_is_not_the_best(claims: Guarantee, place: Place) -> None:
    standing = Standing(np.array([True, True]), np.array([-1, 0]), np.array([False, False]), 0)
    result = placing(["a", "b"], progress_of([row(60, 100), row(59, 100)], [80, 80]), standing, GOAL, claims)
    assert result.verdict is RaceVerdict.TIE
    assert kinds(result) == [Place.CHOSEN, place]


@pytest.mark.parametrize(
    ("claims", "right", "says"),
    [
        (
            "anytime",
            [60, 57],
            "shown not to be the best (a scored 3.8 points more on the 80 rows that both answered), but perhaps within 2 points of it",
        ),
        ("anytime", [99, 5], "shown not to be the best, and more than 2 points worse than a"),
        ("bayes", [60, 57], "more than 2 points worse than a with a probability above 95%"),
        ("labelled", [60, 57], "shown to be more than 2 points worse than a"),
    ],
)
def test_beaten_says_what_its_rule_shows_and_no_more(claims: Claims, right: list[int], says: str) -> None:
    standing = Standing(np.array([True, False]), np.array([-1, 0]), np.array([False, False]), 0)
    result = placing(["a", "b"], progress_of([row(n, 100) for n in right], [80, 80]), standing, GOAL, claims)
    assert result.places[1].place is Place.BEATEN
    assert result.places[1].reasons == (says,)


def test_beaten_names_who_beat_it_and_on_how_many_rows_though_another_leads() -> None:
    """After 40 rows b had lost to c; d went on to win."""
    standing = Standing(np.array([False, False, True]), np.array([2, 2, -1]), np.array([False] * 3), 2)
    result = placing(
        ["b", "c", "d"], progress_of([[0.0] * 100, [1.0] * 40 + [0.0] * 60, row(90, 100)], [40, 80, 100]), standing, GOAL, "bayes"
    )
    assert "than d" in result.places[0].reasons[0]
    result = placing(["b", "c", "d"], progress_of([row(60, 100), [1.0] * 100, row(62, 100)], [40, 80, 100]), standing, GOAL, "anytime")
    assert "c scored 40.0 points more on the 40 rows that both answered" in result.places[0].reasons[0]


@pytest.mark.parametrize("guarantee", ["anytime", "bayes"])
@pytest.mark.parametrize("leads", [True, False])
def test_the_judges_opponent_scores_one_half_for_certain_and_differences_to_it_are_the_others_own(
    guarantee: Guarantee, leads: bool
) -> None:
    other = row(20 if leads else 80, 100)
    progress = progress_of([[0.5] * 100, other], [50, 50])
    standing = Standing(np.array([leads, not leads]), np.array([-1, -1]), np.array([False, False]), 0 if leads else 1)
    plain = placing(["opponent", "other"], progress, standing, GOAL, guarantee)
    result = placing(["opponent", "other"], progress, standing, GOAL, guarantee, opponent=0)
    opponent, other_placed = result.places
    for score in (opponent.score, opponent.score_on_rows):
        assert score == Interval(0.5, 0.5, 0.5, 0.95)
    assert other_placed.score == plain.places[1].score
    for mine, gap in (
        (other_placed.score, (other_placed if leads else opponent).difference_on_new_inputs),
        (other_placed.score_on_rows, (other_placed if leads else opponent).difference),
    ):
        assert isinstance(mine, Interval)
        assert isinstance(gap, Interval)
        ends = (gap.value, gap.low, gap.high) if leads else (-gap.value, -gap.high, -gap.low)
        assert ends == pytest.approx((mine.value - 0.5, mine.low - 0.5, mine.high - 0.5))


def test_stopping_on_the_expected_loss_claims_nothing_of_the_others() -> None:
    """Nobody is shown to be within the tolerance of the best, so the other may well be better by more."""
    standing = Standing(np.array([False, False]), np.array([-1, -1]), np.array([False, False]), 0)
    result = placing(["a", "b"], progress_of([row(60, 100), row(58, 100)], [40, 40]), standing, GOAL, "bayes")
    assert kinds(result) == [Place.CHOSEN, Place.OPEN]
    assert "expected to lose" in result.places[0].reasons[0]


def test_intervals_of_the_posterior_are_narrower_than_bets_and_cut_to_what_is_possible() -> None:
    matrix, done = [row(95, 100), row(10, 100)], [40, 40]
    bets, beliefs = placed(matrix, done), placed(matrix, done, guarantee="bayes")
    for bet, belief in zip(bets.places, beliefs.places, strict=True):
        for wide, narrow in ((bet.score_on_rows, belief.score_on_rows), (bet.score, belief.score)):
            assert isinstance(wide, Interval)
            assert isinstance(narrow, Interval)
            assert narrow.high - narrow.low < wide.high - wide.low
            assert 0 <= narrow.low <= narrow.value <= narrow.high <= 1
            assert narrow.confidence == 0.95


def test_the_posterior_names_the_leader_of_an_open_race() -> None:
    result = placed([row(50, 100), row(55, 100), row(30, 100)], [25, 25, 25], guarantee="bayes")
    assert result.chosen is None
    assert result.leader == 1


@pytest.mark.parametrize("lost", [None, {0: [3, 4, 5]}])
def test_a_posterior_of_all_rows_is_a_point(lost: dict[int, list[int]] | None) -> None:
    result = placed([row(90, 100), row(20, 100)], [100, 100], lost=lost, guarantee="bayes")
    for one in result.places:
        assert isinstance(one.score_on_rows, Interval)
        assert one.score_on_rows.low == one.score_on_rows.value == one.score_on_rows.high
    assert isinstance(result.places[1].score_on_rows, Interval)
    assert result.places[1].score_on_rows.value == pytest.approx(0.2)


def test_new_inputs_are_a_wider_matter_also_for_the_posterior() -> None:
    close = placed([row(60, 100), row(57, 100)], [100, 100], guarantee="bayes")
    assert close.chosen is not None
    assert close.new_inputs.alike == ("a", "b")
    assert placed([row(95, 100), row(10, 100)], [100, 100], guarantee="bayes").new_inputs.alike == ()


@given(
    st.lists(st.lists(st.sampled_from([0.0, 0.25, 0.5, 1.0]), min_size=12, max_size=12), min_size=2, max_size=4),
    st.sampled_from(["anytime", "bayes"]),
    st.data(),
)
@settings(max_examples=60, deadline=None)
def test_properties(scores: list[list[float]], guarantee: Guarantee, data: st.DataObject) -> None:
    done = [data.draw(st.integers(0, 12)) for _ in scores]
    lost = {k: data.draw(st.lists(st.integers(0, 11), max_size=3)) for k in range(len(scores))}
    result = placed(scores, done, lost, guarantee=guarantee)
    assert sum(one.place in (Place.CHOSEN, Place.LEADER) for one in result.places) == 1
    assert result.places[result.leader].place in (Place.CHOSEN, Place.LEADER)
    assert (result.verdict is RaceVerdict.UNDECIDED) == (result.chosen is None)
    for one in result.places:
        assert one.reasons
        assert isinstance(one.score, Interval) == (one.rows_run > one.rows_lost)
        narrow, wide = one.difference, one.difference_on_new_inputs
        if guarantee == "anytime" and isinstance(narrow, Interval) and isinstance(wide, Interval):
            assert narrow.value == wide.value
            assert wide.high - wide.low >= narrow.high - narrow.low - 1e-6
    assert result.new_inputs.alike == () or result.new_inputs.alike[0] == chr(ord("a") + result.leader)
