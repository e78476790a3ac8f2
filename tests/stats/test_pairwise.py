"""Verdicts in both orders: what a row scores, what the judge's own record shows, and ratios of scores."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmpick.evidence.judging import Judgement, Verdict
from llmpick.stats.pairwise import judge_record, relative_score, win_rate

FIRST, SECOND, TIE, NONE = Verdict.FIRST, Verdict.SECOND, Verdict.TIE, Verdict.UNREADABLE
verdicts = st.sampled_from(list(Verdict))


@pytest.mark.parametrize(
    ("shown_first", "shown_second", "score", "consistent", "flipped"),
    [
        (FIRST, SECOND, 1.0, True, False),
        (SECOND, FIRST, 0.0, True, False),
        (TIE, TIE, 0.5, True, False),
        (FIRST, FIRST, 0.5, False, True),
        (SECOND, SECOND, 0.5, False, True),
        (FIRST, TIE, 0.5, False, False),
        (TIE, FIRST, 0.5, False, False),
        (NONE, NONE, 0.5, False, False),
        (TIE, NONE, 0.5, False, False),
        (FIRST, NONE, 0.5, False, False),
    ],
)
def test_what_two_verdicts_are_worth(shown_first: Verdict, shown_second: Verdict, score: float, consistent: bool, flipped: bool) -> None:
    judgement = Judgement("r", shown_first, shown_second)
    assert (judgement.score, judgement.consistent, judgement.flipped) == (score, consistent, flipped)


@given(verdicts, verdicts)
def test_exchanging_candidate_and_opponent_turns_the_score_round(one: Verdict, other: Verdict) -> None:
    """The opponent shown first is the candidate shown second, seen from the other side."""
    there, back = Judgement("r", one, other), Judgement("r", other, one)
    assert there.score == 1 - back.score
    assert (there.consistent, there.flipped) == (back.consistent, back.flipped)


def test_win_rate_counts_ties_half() -> None:
    rate = win_rate(np.array([1.0, 1.0, 0.5, 0.0]), confidence=0.95)
    assert (rate.wins, rate.ties, rate.losses, rate.score.value) == (2, 1, 1, 0.625)
    assert rate.score.low < 0.625 < rate.score.high


def record(pairs: list[tuple[Verdict, Verdict]], times: int = 1):
    return judge_record([Judgement(str(i), *pair) for i, pair in enumerate(pairs * times)], confidence=0.95)


def test_a_judge_of_sides_is_seen_through() -> None:
    """It always calls the first answer better."""
    judge = record([(FIRST, FIRST)], 40)
    assert (judge.consistent.value, judge.first_side.value, judge.signal.value, judge.flipped) == (0, 1, -1, 40)
    assert judge.first_side.low > 0.5
    assert not judge.worth_its_calls


def test_a_judge_of_answers_is_worth_its_calls() -> None:
    judge = record([(FIRST, SECOND), (SECOND, FIRST), (FIRST, SECOND), (FIRST, FIRST)], 20)
    assert judge.consistent.value == 0.75
    assert judge.signal.value == 0.5
    assert judge.worth_its_calls


def test_a_judge_that_calls_everything_a_tie_is_consistent_and_worthless() -> None:
    judge = record([(TIE, TIE)], 100)
    assert (judge.consistent.value, judge.first_side.value, judge.signal.value) == (1, 0.5, 0)
    assert not judge.worth_its_calls


def test_what_cannot_be_read_is_counted() -> None:
    judge = record([(NONE, FIRST), (NONE, NONE), (FIRST, SECOND)])
    assert (judge.unreadable, judge.pairs) == (3, 3)
    assert judge.consistent.value == pytest.approx(1 / 3)


@pytest.mark.parametrize("first", [0.5, 0.7, 0.9])
def test_a_judge_that_throws_coins_is_not_believed(first: float) -> None:
    """200 judges that do not look at the answers, with and without a liking for the first side: at most one in twenty passes."""
    draw = np.random.default_rng(1)
    passed = 0
    for _ in range(200):
        sides = [FIRST if heads else SECOND for heads in draw.random(80) < first]
        passed += record(list(zip(sides[::2], sides[1::2], strict=True))).worth_its_calls
    assert passed <= 10


def test_a_relative_score_is_the_ratio_of_the_sums_paired_by_question() -> None:
    opponent = np.array([8.0, 9.0, 10.0, 7.0, 6.0])
    ratio = relative_score(0.9 * opponent, opponent, confidence=0.95)
    assert (ratio.low, ratio.value, ratio.high) == pytest.approx((0.9, 0.9, 0.9))


def test_a_relative_score_covers() -> None:
    draw = np.random.default_rng(2)
    missed = 0
    for _ in range(400):
        quality = draw.uniform(4, 9, 80)
        candidate = np.clip(quality - 0.7 + draw.normal(0, 1, 80), 1, 10)
        interval = relative_score(candidate, np.clip(quality + draw.normal(0, 1, 80), 1, 10), confidence=0.95)
        missed += not interval.low <= 5.8 / 6.5 <= interval.high
    assert 4 <= missed <= 0.07 * 400


@pytest.mark.parametrize(("candidate", "opponent"), [([1.0], [1.0]), ([1.0, 1.0], [0.0, 0.0])])
def test_no_ratio_without_questions_or_an_opponent(candidate: list[float], opponent: list[float]) -> None:
    with pytest.raises(ValueError, match="relative score"):
        relative_score(np.array(candidate), np.array(opponent), confidence=0.95)
