"""What stopping a race here would mean for the candidate that it names."""

import numpy as np
import pytest

from llmpick.decide.stakes import stakes
from llmpick.evidence.values import Unknown
from llmpick.stats.bayes import believed, expected_saving, outlook
from llmpick.stats.race import Progress

ROWS = 400


def progress_of(done: list[int], shares: tuple[float, ...] = (0.8, 0.6)) -> Progress:
    rng = np.random.default_rng(4)
    difficulty = rng.random(ROWS)
    scores = np.array([(difficulty < share).astype(float) for share in shares])
    return Progress(scores, np.zeros(scores.shape, dtype=bool), np.array(done), np.zeros(len(shares), dtype=np.int64))


def test_they_are_those_of_the_candidate_that_is_named() -> None:
    """A worse one that is named for its price risks and loses more; what more calls would save is the same."""
    progress, then = progress_of([60, 60]), np.array([80, 80])
    best, worse = stakes(progress, 0, 0.02, then), stakes(progress, 1, 0.02, then)
    assert isinstance(best.risk, float)
    assert isinstance(worse.risk, float)
    assert isinstance(worse.expected_loss, float)
    assert best.risk < 0.2 < worse.risk
    assert 0.05 < worse.expected_loss < 0.3


def test_they_are_what_the_posterior_of_the_rule_bayes_expects() -> None:
    progress, then = progress_of([60, 60]), np.array([70, 70])
    found = believed(progress)
    view = outlook(found, 0.02)
    told = stakes(progress, 0, 0.02, then)
    assert (told.risk, told.expected_loss) == (view.risk[0, 0], view.loss[0, 0])
    assert told.next_saving == min(expected_saving(found, view.best, then[None], ROWS)[0], view.loss[0, 0])


def test_they_shrink_as_rows_are_run_and_vanish_when_all_are() -> None:
    told = [stakes(progress_of([n, n], (0.7, 0.66)), 0, 0.02, np.array([ROWS, ROWS])).expected_loss for n in (20, 100, 300, ROWS)]
    losses = [loss for loss in told if isinstance(loss, float)]
    assert losses == sorted(losses, reverse=True)
    assert len(losses) == 4
    assert losses[-1] == pytest.approx(0, abs=1e-6)


def test_nothing_left_to_run_saves_nothing() -> None:
    told = stakes(progress_of([60, 60]), 1, 0.02, np.array([60, 60]))
    assert told.next_saving == 0.0


@pytest.mark.parametrize(("done", "shares"), [([0, 40], (0.8, 0.6)), ([40], (0.8,))])
def test_it_takes_two_that_have_answered(done: list[int], shares: tuple[float, ...]) -> None:
    told = stakes(progress_of(done, shares), 0, 0.02, np.array(done))
    assert isinstance(told.risk, Unknown)
    assert isinstance(told.expected_loss, Unknown)
