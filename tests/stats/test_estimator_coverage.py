"""The intervals with strata, clusters, controls and stages hold as often as they say; at length: `benchmarks/estimators.py --coverage`."""

import pytest

from estimator_coverage import ANYTIME, FIXED, coverage

REPEATS = 600
"""Three standard errors are 2.7 points."""
ANYTIME_REPEATS = 150


@pytest.mark.parametrize("name", FIXED)
def test_looked_at_once_an_interval_holds_in_95_of_100(name: str) -> None:
    assert 0.93 <= coverage(FIXED[name], repeats=REPEATS) <= 0.97


@pytest.mark.parametrize("name", ANYTIME)
def test_at_all_looks_together_an_interval_holds_in_at_least_95_of_100(name: str) -> None:
    assert coverage(ANYTIME[name], repeats=15 if "cascade" in name else ANYTIME_REPEATS) >= 0.95
