"""The split of a training budget with serving in mind, against the split of a loss and against a search."""

import numpy as np
import pytest

from llmpick.estimate.scaling.optimal import compute_optimal, serving_optimal
from llmpick.estimate.scaling.published import EPOCH, HOFFMANN
from llmpick.estimate.scaling.serving_budget import serving_split

BUDGETS = np.geomspace(1e20, 1e25, 6)[:, None]
SERVED = np.array([0.0, 1e10, 1e12, 1e14])


@pytest.mark.parametrize("law", [EPOCH, HOFFMANN], ids=lambda law: law.name)
def test_it_is_the_model_that_reaches_its_loss_cheapest_in_all(law):
    split = serving_split(law, BUDGETS, SERVED)
    assert split.params == pytest.approx(serving_optimal(law, split.loss, SERVED).params, rel=1e-6)
    np.testing.assert_allclose(6.0 * split.params * split.tokens, np.broadcast_to(BUDGETS, split.params.shape))


def test_without_serving_it_is_the_best_for_training():
    np.testing.assert_allclose(serving_split(EPOCH, BUDGETS[:, 0], 0.0).params, compute_optimal(EPOCH, BUDGETS[:, 0]).params, rtol=1e-9)


def test_the_more_is_served_the_smaller_it_is_and_the_more_it_saw():
    split = serving_split(EPOCH, BUDGETS, SERVED)
    assert np.all(np.diff(split.params, axis=1) < 0)
    assert np.all(np.diff(split.tokens, axis=1) > 0)
    assert np.all(np.diff(split.loss, axis=1) > 0)


def test_a_neighbour_of_the_same_loss_takes_more_in_all():
    served = 1e12
    split = serving_split(HOFFMANN, 1e23, served)
    total = 6.0 * split.params * split.tokens + 2.0 * split.params * served
    for factor in (0.9, 1.1):
        params = split.params * factor
        left = split.loss - HOFFMANN.E - HOFFMANN.A * params**-HOFFMANN.alpha
        tokens = (HOFFMANN.B / left) ** (1.0 / HOFFMANN.beta)
        assert 6.0 * params * tokens + 2.0 * params * served > total
