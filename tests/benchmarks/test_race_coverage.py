"""The small form of `benchmarks/race_coverage.py`: intervals hold as often as they say, on simulated tasks and on recorded ones."""

from functools import partial

import numpy as np
import pytest
from tests.shared_data import shared_data

from llmpick.stats.betting import mean_interval
from race import matrices
from race_coverage import (
    CONFIDENCE,
    COUNT,
    ROWS,
    SEEN,
    Sample,
    Source,
    anytime,
    believed,
    close,
    coverage,
    ended,
    fixed,
    recorded,
    simulated,
)

REPEATS = 400
"""Three standard errors of an interval that holds in 95% are 3.3 points, of five candidates' 1.5 at least."""


@pytest.fixture(params=["simulated", "near ties", "mmlu_pro", "alpaca_eval"])
def source(request: pytest.FixtureRequest) -> Source:
    made = {"simulated": simulated, "near ties": close}
    if request.param in made:
        return made[request.param]
    matrix = matrices(shared_data("evaluation/mmlu_pro/scores.csv.gz").parents[1], "all")[request.param]
    return partial(recorded, matrix.scores[:, matrix.seen.all(axis=0)])


def test_anytime_intervals_hold_at_all_looks_for_all_candidates_at_once(source: Source) -> None:
    """Of 80 races at 95% 10 or more fail by bad luck once in 300 times; the bets are cautious, so that it is rarer."""
    for name, held in coverage(source, repeats=80, seed=1, kinds=(anytime,)).items():
        assert held.sum() > 70, name


def test_what_is_counted_as_held_is_what_the_interval_says() -> None:
    """The benchmark asks for the capital against the truth; here are the intervals themselves, row by row, for a few races."""
    sample = close(4, np.random.default_rng(2))
    strict = Sample(sample.scores[:, :, :40], sample.expected)
    held = anytime(strict)["anytime: scores on new inputs, all looks and candidates"]
    for scores, expected, counted in zip(strict.scores, strict.expected, held, strict=True):
        found = [
            mean_interval(scores[k, :n], confidence=1 - (1 - CONFIDENCE) / COUNT)
            for k in range(COUNT)
            for n in range(1, scores.shape[1] + 1)
        ]
        truths = np.repeat(expected, scores.shape[1])
        assert counted == all(one.low - 1e-7 <= truth <= one.high + 1e-7 for one, truth in zip(found, truths, strict=True))


@pytest.mark.parametrize("seen", [30, 100, 250])
def test_posterior_intervals_at_a_fixed_number_of_rows(seen: int) -> None:
    assert seen in SEEN
    held = coverage(simulated, repeats=REPEATS, seed=3, kinds=(believed,))
    assert 0.93 <= held[f"posterior at {seen} rows: every candidate"].mean() <= 0.97
    assert 0.91 <= held[f"posterior at {seen} rows: the best or chosen one"].mean() <= 0.985
    assert 0.91 <= held[f"posterior at {seen} rows: its lead over the next"].mean() <= 0.985


def test_posterior_intervals_when_the_race_has_stopped() -> None:
    held = coverage(simulated, repeats=150, seed=3, kinds=(ended,))
    assert 0.93 <= held["posterior when stopped: every candidate"].mean() <= 0.97


def test_fixed_size_intervals(source: Source) -> None:
    for name, one in coverage(source, repeats=REPEATS, seed=4, kinds=(fixed,)).items():
        assert 0.917 <= one.mean() <= 0.99, name


def test_fixed_size_intervals_of_skewed_scores() -> None:
    """Nearly all 0 and sometimes 1."""
    matrix = matrices(shared_data("evaluation/mmlu_pro/scores.csv.gz").parents[1], "all")["alpaca_eval"]
    held = coverage(partial(recorded, matrix.scores[:, matrix.seen.all(axis=0)]), repeats=1000, seed=4, kinds=(fixed,))
    for seen in SEEN:
        assert 0.93 <= held[f"fixed-size at {seen} rows: score"].mean() <= 0.97


def test_draws_are_what_they_are_said_to_be() -> None:
    scores = np.arange(7 * 40).reshape(7, 40) / 280
    sample = recorded(scores, 3, np.random.default_rng(1))
    assert sample.scores.shape == (3, COUNT, ROWS)
    for drawn, expected in zip(sample.scores, sample.expected, strict=True):
        models = (expected * 7).astype(int)
        np.testing.assert_allclose(expected, scores[models].mean(axis=1))
        assert len(set(models.tolist())) == COUNT
        columns = np.round(drawn[0] * 280).astype(int) - models[0] * 40
        np.testing.assert_array_equal(drawn, scores[models][:, columns])
