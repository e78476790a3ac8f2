"""Hoffmann et al. (arXiv:2203.15556): tables 2, 3 and A3, and which rounding of the constants gives them back."""

import numpy as np
import pytest

from llmpick.estimate.scaling.conventions import six_nd
from llmpick.estimate.scaling.optimal import compute_optimal, optimal_for_params
from llmpick.estimate.scaling.published import APPROACHES, EPOCH, HOFFMANN, HOFFMANN_PRINTED, OPTIMA

PARAMS = np.array([row.params for row in OPTIMA])
FLOPS, TOKENS = np.array([row.approach_3 for row in OPTIMA]).T


def test_table_a3_within_ten_percent_by_the_exponents_0336_and_0283():
    found = optimal_for_params(HOFFMANN, PARAMS)
    np.testing.assert_allclose(found.flops, FLOPS, rtol=0.10)
    np.testing.assert_allclose(found.tokens, TOKENS, rtol=0.10)


def test_the_printed_exponents_are_off_by_1_6_to_2_2():
    ratio = optimal_for_params(HOFFMANN_PRINTED, PARAMS).flops / FLOPS
    assert ratio.min() == pytest.approx(1.6, abs=0.05)
    assert ratio.max() == pytest.approx(2.2, abs=0.05)


def test_1_26e24_is_a_misprint_of_1_26e25():
    """6 N D of every row of tables 3 and A3 is its FLOPs within the rounding of its tokens; printed, the row of 175B would be a tenth."""
    for row in OPTIMA:
        for flops, tokens in (row.approach_1, row.approach_2, row.approach_3):
            assert six_nd(row.params, tokens) == pytest.approx(flops, rel=0.08)
    (wrong,) = [row for row in OPTIMA if row.misprint]
    assert wrong.params == 1.75e11
    assert wrong.misprint is not None
    assert "1.26e24" in wrong.misprint
    assert six_nd(wrong.params, wrong.approach_3[1]) / 1.26e24 == pytest.approx(10.0, rel=0.01)


@pytest.mark.parametrize("approach", range(3))
def test_table_2_is_the_slope_of_tables_3_and_a3(approach: int):
    """N ~ C^a with 0.50, 0.49 and 0.46: from the rows themselves, and as the tool extends them."""
    flops = np.array([(row.approach_1, row.approach_2, row.approach_3)[approach][0] for row in OPTIMA])
    slope = np.polyfit(np.log(flops), np.log(PARAMS), 1)[0]
    assert slope == pytest.approx(APPROACHES[approach].exponent, abs=0.002)
    assert round(slope, 2) == (0.50, 0.49, 0.46)[approach]
    np.testing.assert_allclose(APPROACHES[approach].flops_for(PARAMS), flops, rtol=0.08)
    np.testing.assert_allclose(APPROACHES[approach].params_for(APPROACHES[approach].flops_for(PARAMS)), PARAMS)


def test_the_budget_of_gopher():
    """At 5.76e23 approach 1 buys 67B on 1.5T; Epoch's constants agree with it, approach 3's own constants ask for a smaller model."""
    assert APPROACHES[0].params_for(5.76e23) == pytest.approx(67e9, rel=0.02)
    assert compute_optimal(EPOCH, 5.76e23).params == pytest.approx(67e9, rel=0.10)
    assert compute_optimal(HOFFMANN, 5.76e23).params < 45e9
