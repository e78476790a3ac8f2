"""From the last look of a race to verdict, statuses, reasons and intervals."""

import numpy as np
import pytest

from llmpick.decide.answer import Status, Verdict
from llmpick.decide.choose import Choice, choose
from llmpick.evidence.values import Interval, Unknown
from llmpick.stats.race import Progress, judge


def row(right: int, rows: int = 100) -> list[float]:
    """`right` answers of `rows`, spread over the race."""
    return [float(i * right // rows < (i + 1) * right // rows) for i in range(rows)]


def chosen_of(
    scores: dict[str, list[float]], *, ranks: list[int] | None = None, done: int | None = None, lost: dict[str, list[int]] | None = None
) -> Choice:
    names = list(scores)
    matrix = np.array(list(scores.values()))
    is_lost = np.zeros_like(matrix, dtype=bool)
    for name, columns in (lost or {}).items():
        is_lost[names.index(name), columns] = True
    seen = np.full(len(names), matrix.shape[1] if done is None else done)
    progress = Progress(matrix, is_lost, seen, np.array(ranks or range(len(names))))
    standing = judge(progress, tolerance=0.02, confidence=0.95)
    return choose(
        names,
        [name.startswith("baseline") for name in names],
        progress,
        standing,
        tolerance=0.02,
        confidence=0.95,
        undecided_because=None if standing.chosen is not None else "the budget is spent",
    )


def statuses(choice: Choice) -> list[Status]:
    return [entrant.status for entrant in choice.entrants]


@pytest.mark.parametrize(
    ("scores", "verdict", "expected"),
    [
        ({"small": row(40), "large": row(90)}, Verdict.CHOSEN, [Status.ELIMINATED, Status.CHOSEN]),
        ({"small": row(89), "large": row(90)}, Verdict.TIE, [Status.CHOSEN, Status.TIED]),
        ({"small": row(90), "large": row(86)}, Verdict.CHOSEN, [Status.CHOSEN, Status.ELIMINATED]),
        ({"baseline:tfidf": row(80), "large": row(81)}, Verdict.BASELINE, [Status.CHOSEN, Status.TIED]),
        ({"baseline:tfidf": row(80), "large": row(90)}, Verdict.CHOSEN, [Status.ELIMINATED, Status.CHOSEN]),
    ],
)
def test_verdicts_when_all_rows_are_seen(scores: dict[str, list[float]], verdict: Verdict, expected: list[Status]) -> None:
    choice = chosen_of(scores)
    assert choice.verdict is verdict
    assert statuses(choice) == expected


def test_nothing_shown_is_undecided_and_names_leader_and_reason() -> None:
    choice = chosen_of({"a": row(60), "b": row(70)}, done=10)
    assert choice.verdict is Verdict.UNDECIDED
    assert choice.chosen is None
    assert choice.leader == 1
    assert choice.reasons == ("b leads against a, but the budget is spent",)
    assert [entrant.reasons for entrant in choice.entrants] == [("still in the race when it stopped",)] * 2


def test_no_better_at_a_higher_cost_is_dominated_before_it_is_shown_to_be_worse() -> None:
    choice = chosen_of({"small": row(80), "large": row(60)}, done=30)
    assert statuses(choice) == [Status.CHOSEN, Status.DOMINATED]
    assert choice.entrants[1].reasons == ("not better than small by more than 2 points, which is cheaper",)
    same = chosen_of({"a": row(80), "b": row(60)}, done=30, ranks=[0, 0])
    assert same.entrants[1].reasons == ("not better than a by more than 2 points, which is no dearer",)


def test_the_baseline_story_names_the_best_model() -> None:
    choice = chosen_of({"baseline:tfidf": row(80), "poor": row(20), "better": row(60)})
    assert choice.reasons == ("no language model beats baseline:tfidf by more than the tolerance; the best of them is better",)


def test_rows_lost_by_the_machinery_are_left_out_of_the_score() -> None:
    choice = chosen_of({"bad": row(20), "good": [1.0] * 100}, lost={"good": [0, 1, 2]})
    good = choice.entrants[1]
    assert good.n == 97
    assert isinstance(good.score, Interval)
    assert good.score.value == 1.0
    assert choice.verdict is Verdict.CHOSEN


def test_an_entrant_without_an_answer_has_no_score_and_a_reason() -> None:
    choice = chosen_of({"a": row(50), "b": row(50)}, done=0)
    assert all(isinstance(entrant.score, Unknown) for entrant in choice.entrants)
    assert choice.entrants[1].difference is None


def test_the_interval_on_the_rows_is_a_point_once_all_are_run_and_the_one_for_new_inputs_is_not() -> None:
    large = chosen_of({"small": row(40), "large": row(90)}).entrants[1]
    assert isinstance(large.score_on_rows, Interval)
    assert isinstance(large.score, Interval)
    assert large.score_on_rows.low == large.score_on_rows.high == pytest.approx(0.9)
    assert large.score.low < 0.9 < large.score.high


def test_differences_are_paired_and_from_the_chosen() -> None:
    choice = chosen_of({"small": row(40), "large": row(90)})
    assert choice.entrants[1].difference is None
    difference = choice.entrants[0].difference
    assert difference is not None
    assert difference.value == pytest.approx(-0.5)
