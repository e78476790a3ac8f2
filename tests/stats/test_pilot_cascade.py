"""A cascade whose sizes a pilot chose that is part of it still holds as often as it says; at length: `benchmarks/cascade_coverage.py`."""

import numpy as np
import pytest

from cascade_coverage import CASES, repeated
from llmpick.stats.cascade import FEW, bounded_cascade_mean, cascade_mean

REPEATS = 600
"""Three standard errors are 2.7 points."""
RARE = {"seldom wrong", "hardly ever right"}
"""There the interval is partly by betting, which holds more often than it says."""


@pytest.mark.parametrize("name", CASES)
def test_an_interval_after_a_pilot_holds_in_95_of_100(name: str) -> None:
    seen = repeated(name, repeats=REPEATS)
    for held in (np.mean([one.on_rows for one in seen]), np.mean([one.new_inputs for one in seen])):
        assert 0.93 <= held <= (1.0 if name in RARE else 0.97)


def test_a_good_stage_is_used_and_pays_a_useless_one_is_left_out() -> None:
    good, useless = (repeated(name, repeats=200) for name in ("excellent stage, a fiftieth of it", "useless stage"))
    assert np.mean([one.used for one in good]) > 0.95
    assert np.mean([one.alone for one in good]) > 1.3 * np.mean([one.squared_error for one in good])
    assert np.mean([one.used for one in useless]) < 0.15


@pytest.mark.parametrize("right", range(8))
def test_no_point_where_the_scores_hardly_differ(right: int) -> None:
    """Without spread a t interval would be a point, and sure of what it cannot know."""
    truth = np.repeat([1.0, 0.0], [right, 40 - right])
    cheap = np.random.default_rng(0).normal(size=200)
    found = bounded_cascade_mean([cheap, truth], confidence=0.95, population=200)
    assert found.low <= right / 40 <= found.high
    assert found.high - found.low > 0.05
    if right >= FEW:
        assert found == cascade_mean([cheap, truth], confidence=0.95, population=200)


def test_scores_stay_in_their_range() -> None:
    truth = np.repeat([1.0, 0.0], [6, 14])
    for low in (0.0, -1.0):
        found = bounded_cascade_mean([truth + low], confidence=0.999, population=None, low=low, high=1 + low)
        assert low <= found.low < found.value < found.high <= 1 + low
