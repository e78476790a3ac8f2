"""Gadre et al. (arXiv:2403.08540): over-trained and large models foretold from five small runs, by published constants (no fit here)."""

import pytest

from llmpick.estimate.scaling.gadre import GADRE_REDPAJAMA
from llmpick.estimate.scaling.registry import GADRE_LAWS


@pytest.mark.parametrize(
    ("params", "per_param", "measured", "error"), [(1_439_795_200, 640, 2.5021, 0.0071), (6_889_410_560, 20, 2.4250, 0.0073)]
)
def test_the_held_out_runs_on_redpajama(params: int, per_param: int, measured: float, error: float):
    predicted = float(GADRE_REDPAJAMA.loss.at(params, params * per_param))
    assert predicted / measured - 1 == pytest.approx(error, abs=5e-4)  # the constants are rounded to five digits


def test_over_training_moves_the_line_and_leaves_its_slope():
    """L - E of equal tokens per parameter is a power of compute, with the same exponent whatever the ratio."""
    law = GADRE_REDPAJAMA.loss
    for per_param in (20, 640):
        first, second = (float(law.at(n, n * per_param)) - law.E for n in (1e8, 1e9))
        assert first / second == pytest.approx(10**law.alpha)


@pytest.mark.parametrize("law", GADRE_LAWS)
def test_the_downstream_error_falls_with_the_loss_and_stays_a_share(law):
    errors = [float(law.error(loss)) for loss in (9.0, 4.0, 3.0, 2.0, 0.1)]
    assert errors == sorted(errors, reverse=True)
    assert errors[0] <= law.error.epsilon
    assert errors[-1] == 0.0
    assert 0.3 < float(law.error(2.5)) < 0.6
