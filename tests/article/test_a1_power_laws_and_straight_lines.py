"""A1: "exponential growth of compute, data or parameters lowers the loss linearly". A power law says less each time; the runs say the same.

Over one decade the two can hardly be told apart, which is why the article could read the curves as it did; the further a line is drawn, the
more it promises, in the end less than nothing.
"""

import numpy as np
import pytest
from tests.papers.scaling_data import chinchilla

from llmpick.estimate.scaling.fitting import Runs, fit
from llmpick.estimate.scaling.kaplan import OF_COMPUTE
from llmpick.estimate.scaling.published import EPOCH
from llmpick.workflow.scale.predict import PredictOptions, predicted


def line_through(runs: Runs) -> np.ndarray:
    """a + b log N + c log D by least squares."""
    design = np.stack([np.ones(len(runs)), np.log(runs.params), np.log(runs.tokens)], axis=-1)
    return np.linalg.lstsq(design, runs.loss, rcond=None)[0]


def test_of_chinchillas_runs_the_line_misses_the_larger_half_by_more_than_the_law():
    """Both are fitted to the half with the fewer FLOPs only, and asked for the other."""
    runs = chinchilla()
    order = np.argsort(runs.params * runs.tokens)
    small, large = runs.only(order[:120]), runs.only(order[120:])
    a, b, c = line_through(small)
    line = a + b * np.log(large.params) + c * np.log(large.tokens)
    found = fit(small).constants
    law = found["E"] + found["A"] * large.params ** -found["alpha"] + found["B"] * large.tokens ** -found["beta"]
    missed_by_line, missed_by_law = (np.sqrt((np.log(guess / large.loss) ** 2).mean()) for guess in (line, law))
    assert missed_by_law < 0.013
    assert missed_by_line > 3 * missed_by_law
    assert (line < large.loss).mean() > 0.8  # it promises too much


@pytest.mark.parametrize("what", ["tokens", "parameters"])
def test_each_tenfold_takes_off_less_and_the_line_promises_the_same_again(what: str):
    answer = predicted(PredictOptions(1e9, 2e10))
    here = float(EPOCH.at(1e9, 2e10))
    rows = [row for row in answer.growth if row.what == what]
    law, line = (np.array([here, *(getattr(row, name) for row in rows)]) for name in ("loss", "straight"))
    gains = -np.diff(law)
    assert (np.diff(gains) < 0).all()
    np.testing.assert_allclose(np.diff(line, 2), 0.0, atol=1e-9)
    assert (line[1:] < law[1:]).all()
    assert gains[0] > 0.5 * (line[0] - line[1])  # in the first decade the line is not far off
    assert gains[2] < 0.25 * (line[0] - line[1])


def test_a_law_without_a_floor_is_no_straight_line_either():
    """Kaplan's: each tenfold of compute multiplies the loss by 0.877, so that what is taken off shrinks with what is left."""
    losses = OF_COMPUTE(10.0 ** np.arange(0, 6))
    np.testing.assert_allclose(losses[1:] / losses[:-1], 10**-0.057)
    assert (np.diff(-np.diff(losses)) < 0).all()


def test_what_is_not_grown_becomes_the_bottleneck():
    """The article's condition: with tokens fixed, any number of parameters leaves E + B / D^beta."""
    rest = EPOCH.E + EPOCH.B * 2e10**-EPOCH.beta
    assert float(EPOCH.at(1e20, 2e10)) == pytest.approx(rest, abs=1e-3)
    assert rest > float(EPOCH.at(1e10, 2e11))
