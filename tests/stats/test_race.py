"""The rules of the race: who leaves, when it is over, and how often it errs."""

import numpy as np
import pytest

from llmpick.stats.race import Progress, Standing, judge
from pick_error import situations, tally


def standing(
    scores: list[list[float]], *, done: list[int] | None = None, ranks: list[int] | None = None, lost: list[list[int]] | None = None
) -> Standing:
    matrix = np.array(scores)
    is_lost = np.zeros_like(matrix, dtype=bool)
    for k, columns in enumerate(lost or []):
        is_lost[k, columns] = True
    count, rows = matrix.shape
    progress = Progress(matrix, is_lost, np.array(done or [rows] * count), np.array(ranks or range(count)))
    return judge(progress, tolerance=0.02, confidence=0.95)


GOOD, BAD = [1.0] * 90 + [0.0] * 10, [1.0] * 40 + [0.0] * 60


def test_all_rows_seen_always_decide() -> None:
    result = standing([BAD, GOOD])
    assert result.chosen == 1
    assert list(result.beaten_by) == [1, -1]


def test_a_tie_goes_to_the_cheaper() -> None:
    almost = [1.0] * 88 + [0.0] * 12
    assert standing([almost, GOOD]).chosen == 0
    assert standing([almost, GOOD], ranks=[1, 0]).chosen == 1


def test_a_gap_of_exactly_the_tolerance_is_a_tie_and_a_row_more_is_not() -> None:
    assert standing([[1.0] * 88 + [0.0] * 12, GOOD]).chosen == 0
    assert standing([[1.0] * 87 + [0.0] * 13, GOOD]).chosen == 1


def test_at_equal_cost_the_better_of_two_tied_is_named() -> None:
    assert standing([[1.0] * 89 + [0.0] * 11, GOOD], ranks=[0, 0]).chosen == 1


def test_nothing_seen_decides_nothing() -> None:
    result = standing([BAD, GOOD], done=[0, 0])
    assert result.chosen is None
    assert not result.beaten.any()


def test_a_single_candidate_has_no_rival() -> None:
    assert standing([GOOD], done=[1]).chosen == 0


def test_order_of_candidates_does_not_matter() -> None:
    middle = [1.0] * 70 + [0.0] * 30
    names = {0: "bad", 1: "middle", 2: "good"}
    matrix = [BAD, middle, GOOD]
    for order in ([0, 1, 2], [2, 0, 1], [1, 2, 0]):
        result = standing([matrix[k] for k in order], ranks=order)
        assert names[order[result.chosen or 0]] == "good"


def test_lost_rows_leave_it_open_only_when_they_could_turn_it() -> None:
    few = standing([BAD, GOOD], lost=[[], list(range(5))])
    assert few.chosen == 1
    many = standing([BAD, GOOD], lost=[[], list(range(60))])
    assert many.chosen is None


def test_a_race_that_is_not_over_always_has_somebody_to_run() -> None:
    """Otherwise it would hang undecided: with no row lost, either somebody is chosen or an unbeaten, busy candidate has rows left."""
    rng = np.random.default_rng(3)
    for _ in range(60):
        count = int(rng.integers(2, 6))
        matrix = (rng.random((count, 40)) < rng.uniform(0.3, 0.9, (count, 1))).astype(float)
        done, ranks = np.zeros(count, dtype=int), rng.integers(0, 3, count)
        while (
            result := judge(Progress(matrix, np.zeros_like(matrix, dtype=bool), done, ranks), tolerance=0.02, confidence=0.95)
        ).chosen is None:
            running = ~result.beaten & ~result.idle & (done < 40)
            assert running.any()
            done = np.where(running, np.minimum(done + 7, 40), done)
        truth = matrix.mean(axis=1)
        assert truth[result.chosen] >= truth.max() - 0.02 - 1e-9 or done.min() < 40


@pytest.mark.parametrize("candidates", [2, 5, 8])
def test_the_stated_error_is_kept_and_races_are_decided(candidates: int) -> None:
    """The small form of `benchmarks/pick_error.py`: 25 races a cell; of 25 at 5% error, 6 or more fail by bad luck once in 1,000."""
    for name, means in situations(candidates).items():
        result = tally(means, rows=120, repeats=25, equal_cost=False, rng=np.random.default_rng([5, candidates]))
        assert result.errors < 6, name
        assert result.decided == result.races, name
        if name == "one clear winner":
            assert result.early >= 20
            assert result.calls < 0.55
