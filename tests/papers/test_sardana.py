"""Sardana et al. (arXiv:2401.00448): the cheapest model of a quality that will serve so many tokens, by Hoffmann's constants."""

import pytest

from llmpick.estimate.scaling.optimal import optimal_for_params, serving_optimal
from llmpick.estimate.scaling.published import HOFFMANN, HOFFMANN_PRINTED, SARDANA

PUBLISHED = {
    "7B at 1e11": (7e9, 1e11, 6e9, 1.18, None),
    "13B at 2e12": (13e9, 2e12, 7e9, None, -0.17),
    "30B at 1e13": (30e9, 1e13, 13.6e9, 2.84, -0.28),
    "70B at 1e13": (70e9, 1e13, 41.6e9, None, -0.12),
    "70B at 2e12": (70e9, 2e12, None, None, -0.013),
}


@pytest.mark.parametrize("row", PUBLISHED)
def test_the_table(row: str):
    quality, served, params, tokens_ratio, saved = PUBLISHED[row]
    found = serving_optimal(HOFFMANN, optimal_for_params(HOFFMANN, quality).loss, served)
    if params:
        assert found.params == pytest.approx(params, rel=0.006)
    if tokens_ratio:
        assert found.tokens_ratio == pytest.approx(tokens_ratio, abs=0.006)
    if saved:
        assert found.total_ratio - 1 == pytest.approx(saved, abs=0.005)


def test_the_tokens_of_the_70b_row():
    found = serving_optimal(HOFFMANN, optimal_for_params(HOFFMANN, 70e9).loss, 1e13)
    assert found.tokens == pytest.approx(7.92e12, rel=2e-3)


def test_the_printed_exponents_do_not_give_the_table():
    found = serving_optimal(HOFFMANN_PRINTED, optimal_for_params(HOFFMANN_PRINTED, 70e9).loss, 1e13)
    assert found.params == pytest.approx(47.9e9, rel=2e-3)


def test_the_refits_flatten_as_longer_runs_are_used():
    """With runs of up to 10,000 tokens per parameter more tokens help less: the exponent of tokens stays well below Hoffmann's."""
    assert [SARDANA[most].beta for most in (100, 250, 500, 10_000)] == [0.13, 0.16, 0.16, 0.24]
    assert SARDANA[10_000].beta < HOFFMANN.beta
