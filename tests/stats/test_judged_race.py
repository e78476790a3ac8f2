"""A race that a biased judge scores: labels keep it from crowning the judge's favourite, and let it end when they suffice."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from llmpick.stats.goal import Goal
from llmpick.stats.judged_race import CorrectedRule, HumanLabels, corrected_difference, corrected_score, draw_rows, judge_corrected
from llmpick.stats.race import Progress, judge

ROWS = 500
TOLERANCE = 0.1


def scored(seed: int, gap: float, flattery: float, share: float = 0.3) -> tuple[Progress, HumanLabels]:
    """Two candidates on the same rows. Humans find the first better by `gap` on average, the judge lifts the second by `flattery`."""
    draw = np.random.default_rng(seed)
    human = (draw.random((2, ROWS)) < np.array([[0.5 + gap / 2], [0.5 - gap / 2]])).astype(float)
    verdicts = human.copy()
    verdicts[1, draw.random(ROWS) < flattery] = 1.0
    progress = Progress(verdicts, np.zeros(human.shape, dtype=bool), np.full(2, ROWS), np.zeros(2, dtype=np.int64))
    drawn = draw_rows(ROWS, share, seed=seed)
    return progress, HumanLabels(np.where(drawn, human, 0.0), np.broadcast_to(drawn, human.shape), drawn, share)


def test_the_judges_favourite_does_not_win() -> None:
    """Humans: the first by 30 points. The judge, left alone, has the second beat it; corrected, the first beats the second."""
    wrong, right, mistaken = 0, 0, 0
    for seed in range(20):
        progress, labels = scored(seed, gap=0.3, flattery=0.9)
        wrong += bool(judge(progress, tolerance=TOLERANCE, confidence=0.95).beaten[0])
        standing = judge_corrected(progress, labels, tolerance=TOLERANCE, confidence=0.95)
        right += bool(standing.beaten[1])
        mistaken += bool(standing.beaten[0])
    assert (wrong, mistaken) == (20, 0)
    assert right >= 15


def test_at_the_edge_of_the_tolerance_it_errs_within_its_bound() -> None:
    """The second is exactly the tolerance below the first: to call it within or beaten would be false, at any look."""
    false = 0
    for seed in range(300):
        progress, labels = scored(seed, gap=TOLERANCE, flattery=0.3)
        standing = judge_corrected(progress, labels, tolerance=TOLERANCE, confidence=0.9)
        false += bool(standing.beaten[1] or (standing.chosen == 1))
    assert false <= 0.2 * 300


def test_a_good_judge_with_labels_ends_the_race_where_labels_alone_do_not() -> None:
    ended = alone = 0
    for seed in range(20):
        progress, labels = scored(seed, gap=0.05, flattery=0.05, share=0.2)
        ended += judge_corrected(progress, labels, tolerance=TOLERANCE, confidence=0.95).chosen is not None
        silent = Progress(np.full_like(progress.scores, 0.5), progress.lost, progress.done, progress.cost_rank)
        alone += judge_corrected(silent, labels, tolerance=TOLERANCE, confidence=0.95).chosen is not None
    assert ended >= 2 * alone + 5


def without(labels: HumanLabels, missing: NDArray[np.bool_]) -> HumanLabels:
    return HumanLabels(labels.scores, labels.given & ~missing, labels.drawn, labels.share)


def test_labels_that_nobody_gave_never_help_a_claim() -> None:
    progress, labels = scored(1, gap=0.4, flattery=0.5)
    assert judge_corrected(progress, labels, tolerance=TOLERANCE, confidence=0.95).chosen == 0
    nothing = without(labels, labels.given)
    standing = judge_corrected(progress, nothing, tolerance=TOLERANCE, confidence=0.95)
    assert standing.chosen is None
    assert not standing.beaten.any()


def test_what_was_not_run_is_not_read() -> None:
    progress, labels = scored(2, gap=0.3, flattery=0.1)
    half = Progress(progress.scores.copy(), progress.lost, np.full(2, 250), progress.cost_rank)
    before = judge_corrected(half, labels, tolerance=TOLERANCE, confidence=0.95)
    half.scores[:, 250:] = 1 - half.scores[:, 250:]
    after = judge_corrected(half, labels, tolerance=TOLERANCE, confidence=0.95)
    assert (before.within == after.within).all()
    assert before.chosen == after.chosen


@pytest.mark.parametrize("count", [0, 1])
def test_nobody_and_one_alone(count: int) -> None:
    nothing = np.zeros((count, 5))
    progress = Progress(nothing, nothing > 0, np.zeros(count, dtype=np.int64), np.zeros(count, dtype=np.int64))
    labels = HumanLabels(nothing, nothing > 0, np.zeros(5, dtype=bool), 0.5)
    standing = judge_corrected(progress, labels, tolerance=TOLERANCE, confidence=0.95)
    assert standing.chosen == judge(progress, tolerance=TOLERANCE, confidence=0.95).chosen


def test_the_rows_to_label_are_drawn_by_the_seed() -> None:
    first, again, other = (draw_rows(10_000, 0.1, seed=seed) for seed in (1, 1, 2))
    assert (first == again).all()
    assert (first != other).any()
    assert 0.08 < first.mean() < 0.12


def test_the_corrected_intervals_hold_what_people_would_say() -> None:
    """At every look together, whatever the judge is worth; the corrected values lie near it, the judge's own do not."""
    missed, off = 0, []
    for seed in range(60):
        progress, labels = scored(seed, gap=0.3, flattery=0.9)
        for n in (40, 160, ROWS):
            now = replace(progress, done=np.full(2, n))
            gap = corrected_difference(now, labels, 0, 1, confidence=0.9)
            loser = corrected_score(now, labels, 1, confidence=0.9)
            missed += not (gap.low <= 0.3 <= gap.high) or not (loser.low <= 0.35 <= loser.high)
        off.append(gap.value - 0.3)
    assert missed <= 60 * 0.2
    assert abs(np.mean(off)) < 0.05


def test_what_is_missing_widens_the_corrected_intervals() -> None:
    progress, labels = scored(1, gap=0.3, flattery=0.5)
    some = np.zeros(labels.given.shape, dtype=bool)
    some[1, ::2] = True
    full, holes = (corrected_difference(progress, one, 0, 1, confidence=0.95) for one in (labels, without(labels, some)))
    assert holes.low < full.low <= full.value <= full.high < holes.high or (holes.low < full.low and holes.high >= full.high)
    lost = replace(progress, lost=np.broadcast_to(np.arange(ROWS) % 3 == 0, progress.lost.shape))
    assert corrected_score(lost, labels, 0, confidence=0.95).low < corrected_score(progress, labels, 0, confidence=0.95).low


def test_the_rule_returns_whoever_is_within_the_tolerance_and_errs_within_its_bound() -> None:
    """Two that are alike: either may be returned. Where the second is worse by more than the tolerance, it must not be."""
    goal, ended, false = Goal(0.1, 0.9), 0, 0
    for seed in range(40):
        progress, labels = scored(seed, gap=0.0, flattery=0.02, share=0.5)
        ended += CorrectedRule(goal, lambda labels=labels: labels).judge(progress).chosen is not None
        progress, labels = scored(seed, gap=0.12, flattery=0.9, share=0.5)
        false += CorrectedRule(goal, lambda labels=labels: labels).judge(progress).chosen == 1
    assert ended >= 20
    assert false <= 0.2 * 40
