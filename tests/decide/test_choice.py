"""May this one be taken? What `race` and `compare` say of new inputs, by the race's word or by the rows."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmpick.decide.choice import RaceWord, rows_to_settle
from llmpick.decide.compare import PairedScores, compare_scores
from llmpick.decide.placing import placing
from llmpick.evidence.values import Interval
from llmpick.stats.goal import Goal
from llmpick.stats.race import Progress
from llmpick.stats.rules import rule_for

WORD = RaceWord("a", True, frozenset(["a", "b"]), 0.02, 0.95, 0.95, peeking=True, on_average=False)
answers = st.lists(st.tuples(st.sampled_from([0.0, 1.0]), st.sampled_from([0.0, 0.5, 1.0])), min_size=2, max_size=40)


def compared(rows: list[tuple[float, float]], tolerance: float, **how: object):
    first, second = np.array(rows).T
    scores = PairedScores(tuple(map(str, range(len(rows)))), first, second)
    return compare_scores(scores, confidence=0.95, tolerance=tolerance, **how)  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize(
    ("first", "second", "said"),
    [("a", "b", (True, False)), ("b", "a", (False, False)), ("a", "c", (True, True)), ("c", "a", (False, True)), ("b", "c", None)],
)
def test_a_race_has_a_word_on_whom_it_names_and_on_nobody_else(first: str, second: str, said: tuple[bool, bool] | None) -> None:
    word = WORD.about(first, second)
    assert said == (word and (word.first, word.settled))
    assert WORD.about("a", "a") is None


@pytest.mark.parametrize("settled", [True, False])
def test_the_race_is_believed_whatever_the_rows_say_themselves(settled: bool) -> None:
    word = RaceWord("y", settled, frozenset(), 0.02, 0.95, 0.95, peeking=True, on_average=False).about("x", "y")
    choice = compared([(1.0, 0.0), (0.0, 0.0)] * 4, 0.02, word=word).choice
    assert choice is not None
    assert (choice.first, choice.settled, choice.by) == (False, settled, "race")
    assert (choice.rows_more is None) == settled


@given(answers, st.sampled_from([0.0, 0.02, 0.2]), st.booleans())
def test_who_is_better_may_be_taken_and_a_larger_tolerance_asks_for_less(
    rows: list[tuple[float, float]], tolerance: float, any_stop: bool
) -> None:
    found, wider = (compared(rows, t, any_stop=any_stop) for t in (tolerance, tolerance + 0.1))
    choice, easier = found.choice, wider.choice
    assert choice is not None
    assert easier is not None
    assert choice.first == (found.difference.interval.value >= 0), "the one that scores higher"
    assert found.finding not in ("first", "second") or choice.settled
    assert easier.settled or not choice.settled
    if isinstance(choice.rows_more, Interval) and isinstance(easier.rows_more, Interval):
        assert easier.rows_more.value <= choice.rows_more.value


def test_without_a_tolerance_nobody_asks() -> None:
    first = np.array([1.0, 0.0, 1.0])
    assert compare_scores(PairedScores(("1", "2", "3"), first, 1 - first), confidence=0.95).choice is None


@pytest.mark.parametrize("guarantee", ["anytime", "bayes"])
def test_of_two_candidates_race_and_compare_need_the_same_rows(guarantee) -> None:
    """One computation: what the race forecasts for its only rival is what a comparison with its word forecasts."""
    rng, rows, goal = np.random.default_rng(5), 120, Goal(0.02, 0.95)
    scores = (rng.random((2, rows)) < [[0.6], [0.58]]).astype(float)
    progress = Progress(scores, np.zeros(scores.shape, dtype=bool), np.full(2, rows), np.zeros(2, dtype=np.int64))
    placed = placing(("a", "b"), progress, rule_for(guarantee, goal).judge(progress), goal, guarantee)
    names = ("a", "b")
    word = RaceWord(
        names[placed.leader],
        placed.chosen is not None,
        frozenset(placed.new_inputs.alike),
        0.02,
        0.95,
        0.95,
        peeking=guarantee == "anytime",
        on_average=guarantee == "bayes",
    )
    choice = compared([(float(a), float(b)) for a, b in scores.T], 0.02, word=word.about(*names)).choice
    assert placed.new_inputs.alike
    assert choice is not None
    assert choice.rows_more == placed.new_inputs.rows_more


def test_where_rows_come_in_documents_a_further_document_is_the_least() -> None:
    ahead, documents = np.tile([1.0, 1.0, 0.0, 0.0], 6), np.repeat(np.arange(6), 4)
    found = rows_to_settle(ahead, 0.02, 0.6, peeking=False, clusters=documents)
    assert isinstance(found, Interval)
    assert (found.value, found.low) == (4.0, 4.0)
    alone = rows_to_settle(ahead, 0.02, 0.6, peeking=False)
    assert isinstance(alone, Interval)
    assert alone.value == 0.0
