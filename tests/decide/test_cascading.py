"""From evidence to intervals and places: lost rows, what a stage explains, who leads, and what the truth alone would have given."""

import numpy as np
import pytest

from llmpick.decide.cascading import COMPARED, Evidence, covariances, explained, known, standing, variances
from llmpick.decide.race_answer import Place, RaceVerdict
from llmpick.evidence.values import Interval, Unknown

RNG = np.random.default_rng(3)
ROWS = 300
LATENT = RNG.normal(size=(3, ROWS)) + RNG.normal(size=ROWS)
TRUTH = (np.array([[1.2], [-0.2], [-0.3]]) > LATENT).astype(float)
CHEAP = -LATENT + 0.3 * RNG.normal(size=LATENT.shape)


def evidence(*candidates: int, cheap: int = 250, dear: int = 80) -> Evidence:
    chosen = list(candidates)
    return Evidence((CHEAP[chosen, :cheap], TRUTH[chosen, :dear]), ROWS, 0)


def none_lost(*values: np.ndarray) -> list[np.ndarray]:
    return [np.zeros(one.shape, dtype=bool) for one in values]


def test_a_row_whose_truth_is_lost_is_no_part_of_it_for_anybody() -> None:
    values = [CHEAP[:2, :50], TRUTH[:2, :20]]
    lost = none_lost(*values)
    lost[1][1, 4] = True
    found = known(values, lost, ROWS)
    assert (found.rows, found.lost) == (ROWS - 1, 1)
    assert np.array_equal(found.values[0], np.delete(CHEAP[:2, :50], 4, axis=1))
    assert np.array_equal(found.values[1], np.delete(TRUTH[:2, :20], 4, axis=1))


def test_lost_evidence_tells_nothing_of_its_row_and_the_row_stays() -> None:
    values = [CHEAP[:2, :50], TRUTH[:2, :20]]
    lost = none_lost(*values)
    lost[0][0, [3, 30]] = True
    found = known(values, lost, ROWS)
    assert (found.rows, found.lost) == (ROWS, 0)
    assert found.values[0][0, [3, 30]] == pytest.approx(np.delete(CHEAP[0, :50], [3, 30]).mean())
    assert np.array_equal(found.values[0][1], CHEAP[1, :50])


def test_covariances_are_those_of_each_candidate() -> None:
    found = covariances(evidence(0, 1))
    assert found[1] == pytest.approx(np.cov(np.stack([CHEAP[1, :80], TRUTH[1, :80]])))


def test_what_a_stage_explains() -> None:
    line = np.stack([2 * TRUTH[0] - 1, -TRUTH[1]])
    assert explained(line, TRUTH[:2]) == pytest.approx(1)
    assert explained(np.ones((2, ROWS)), TRUTH[:2]) == pytest.approx(0)
    noise = [explained(np.random.default_rng(i).normal(size=(1, 20)), TRUTH[:1, :20]) for i in range(200)]
    assert np.mean([one for one in noise if isinstance(one, float)]) < 0.05, "a line through few rows seems to foretell by chance"
    assert isinstance(explained(CHEAP, np.ones_like(CHEAP)), Unknown)
    assert isinstance(explained(CHEAP[:, :3], TRUTH[:, :3]), Unknown)


def test_the_best_leads_and_those_shown_to_be_worse_are_beaten() -> None:
    found = standing(evidence(1, 0), confidence=0.95, tolerance=0.02)
    assert (found.leader, found.verdict) == (1, RaceVerdict.WON)
    assert found.places == (Place.BEATEN, Place.CHOSEN)
    assert found.differences_on_rows[1] is COMPARED
    gap = found.differences_on_rows[0]
    assert isinstance(gap, Interval)
    assert gap.low < TRUTH[1].mean() - TRUTH[0].mean() < gap.high < 0


def test_equals_are_left_open_and_a_wide_tolerance_settles_it() -> None:
    close = standing(evidence(1, 2), confidence=0.95, tolerance=0.0)
    assert close.verdict is RaceVerdict.UNDECIDED
    assert sorted(close.places) == sorted([Place.LEADER, Place.OPEN])
    assert standing(evidence(1, 2), confidence=0.95, tolerance=0.5).verdict is RaceVerdict.WON


def test_all_pairs_share_the_error_of_the_differences_and_each_score_has_its_own() -> None:
    two, three = standing(evidence(0, 1), confidence=0.95, tolerance=0.02), standing(evidence(0, 1, 2), confidence=0.95, tolerance=0.02)
    assert two.scores_on_rows == three.scores_on_rows[:2]
    assert [one.confidence for one in three.scores] == [0.95] * 3
    gap = three.differences[1]
    assert isinstance(gap, Interval)
    assert gap.confidence == pytest.approx(1 - 0.05 / 3)


def test_one_candidate_is_measured_and_has_won_against_nobody() -> None:
    found = standing(evidence(0), confidence=0.95, tolerance=0.02)
    assert (found.places, found.verdict) == ((Place.LEADER,), RaceVerdict.ALONE)


def test_new_inputs_are_less_certain_than_the_rows() -> None:
    found = standing(evidence(0, 1, cheap=ROWS, dear=ROWS), confidence=0.95, tolerance=0.02)
    assert [one.high - one.low for one in found.scores_on_rows] == pytest.approx([0, 0], abs=1e-9)
    assert all(one.high - one.low > 0.05 for one in found.scores)


def test_the_truth_alone_has_the_variance_of_its_rows() -> None:
    ours, alone = variances(evidence(0, 1), 100)
    assert alone == pytest.approx(TRUTH[:2, :80].var(axis=1, ddof=1) * (1 / 100 - 1 / ROWS))
    assert (ours < TRUTH[:2, :80].var(axis=1, ddof=1) * (1 / 80 - 1 / ROWS)).all()
    assert variances(evidence(0, 1), ROWS)[1] == pytest.approx([0, 0])
