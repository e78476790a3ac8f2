"""A few looks at a growing sample: the error of all of them together is the one that was asked for."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from llmpick.stats.looks import FIRST_LOOK, GROWTH, ever_crossed, looks, nominal_error


@given(st.integers(1, 100_000))
def test_looks_grow_and_end_with_everything(population: int) -> None:
    steps = looks(population)
    assert steps[-1] == population
    assert all(before < after for before, after in pairwise(steps))
    assert all(after <= np.ceil(GROWTH * before) for before, after in pairwise(steps))
    assert population <= FIRST_LOOK or steps[0] == FIRST_LOOK


def test_one_look_keeps_all_of_the_error() -> None:
    assert nominal_error(12, 0.05) == 0.05
    assert ever_crossed([1.0], 0.05) == pytest.approx(0.05, abs=1e-6)


def test_pococks_table() -> None:
    """Two-sided 5% at 5 equally spaced looks: z = 2.413 (Pocock 1977, table 1). One side of it errs in half of that, nearly."""
    one_side = ever_crossed([1, 2, 3, 4, 5], float(norm.sf(2.413)))
    assert one_side == pytest.approx(0.025, abs=2e-4)


@pytest.mark.parametrize(("population", "error"), [(60, 0.05), (1000, 0.05), (1000, 0.0125)])
def test_the_error_over_all_looks_is_the_wanted_one(population: int, error: float) -> None:
    """Means of normal values drawn without replacement from a finite set: how often the score is ever above the nominal bound."""
    rng = np.random.default_rng(population)
    at = np.array(looks(population)[:-1])
    bound = norm.isf(nominal_error(population, error))
    values = rng.normal(size=(6000, population))
    values -= values.mean(axis=1, keepdims=True)
    spread = np.sqrt((1 / at - 1 / population) * population / (population - 1))
    scores = np.cumsum(values, axis=1)[:, at - 1] / at / (spread * values.std(axis=1, keepdims=True))
    crossed = (scores > bound).any(axis=1).mean()
    assert crossed == pytest.approx(error, abs=4 * np.sqrt(error / 6000))
    assert nominal_error(population, error) > error / len(at)
