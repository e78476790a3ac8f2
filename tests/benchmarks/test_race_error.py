"""The small form of `benchmarks/race_error.py`: near ties, looked at after every row; the bound holds, and not by being loose."""

from functools import partial

import numpy as np
import pytest

from race_error import BEST, GOAL, from_prior, near_ties, right_in, situations, tally

REPEATS = 400
LIMIT = 1 - GOAL.confidence + 3 * np.sqrt(0.05 * 0.95 / REPEATS)
"""Three standard errors above the allowed error, 8.3%."""


@pytest.mark.parametrize(("count", "rows"), [(2, 300), (5, 150)])
def test_anytime_errs_no_more_than_it_may(count: int, rows: int) -> None:
    for name, draw in situations(count, rows).items():
        found = tally(draw, "anytime", repeats=REPEATS, rng=np.random.default_rng([1, count, rows]))
        assert found.error <= LIMIT, name


def test_near_ties_are_sometimes_answered_wrongly() -> None:
    """Expected 2%: of 600 none would be wrong once in 100,000 times."""
    found = tally(partial(near_ties, 2, 300, 1), "anytime", repeats=600, rng=np.random.default_rng(0))
    assert found.error > 0
    assert found.interval[0] < found.error < found.interval[1]


def test_bayes_errs_no_more_than_it_may_on_average_over_tasks() -> None:
    found = tally(partial(from_prior, 4, 200), "bayes", repeats=150, rng=np.random.default_rng(2))
    assert found.error <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 150)
    assert found.calls < 0.5


@pytest.mark.parametrize("graders", [1, 4])
def test_the_rivals_lie_just_beyond_the_tolerance_in_every_race(graders: int) -> None:
    scores = near_ties(4, 200, 2, 6, np.random.default_rng(3), graders=graders)
    means = np.sort(scores.mean(axis=2), axis=1)
    np.testing.assert_allclose(means[:, 3], BEST)
    np.testing.assert_allclose(means[:, 1:3], BEST - GOAL.tolerance - 1 / 200)
    assert (means[:, 0] < 0.5).all()
    assert len(set(scores.mean(axis=2).argmax(axis=1).tolist())) > 1  # the best stands anywhere


def test_answers_are_counted_out_and_correlated() -> None:
    scores = right_in(np.array([60, 0, 200]), 200, 40, np.random.default_rng(4))
    assert (scores.sum(axis=2) == [60, 0, 200]).all()
    pair = right_in(np.array([100, 100]), 200, 40, np.random.default_rng(4))
    agreement = np.mean([np.corrcoef(race)[0, 1] for race in pair])
    assert agreement == pytest.approx(2 / np.pi * np.arcsin(0.5), abs=0.04)  # of two halves of a normal distribution
