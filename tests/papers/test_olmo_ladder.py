"""The rate at which an interval widens outside the fitted range, from what fits to small models of OLMo's ladder miss on larger ones.

`benchmarks/scaling_fit.py` is the study; here its figures are held.
"""

import numpy as np
import pytest
from tests.papers.scaling_data import chinchilla
from tests.shared_data import shared_data

from llmpick.estimate.scaling.laws import PER_DECADE
from scaling_fit import CUTS, cut, foretold, ladder, per_decade


def test_per_decade_is_what_the_ladder_shows_and_its_intervals_cover():
    every = ladder(shared_data("scaling/olmo-ladder/ladder_final_step.csv").parents[2])
    rates, covered = [], []
    for top, multiple in CUTS:
        seen, rest = cut(every, top, multiple)
        assert len(seen) + len(rest) == len(every)
        guess = foretold(seen, rest)
        rates += per_decade(guess, rest).tolist()
        covered += ((guess.low <= rest.loss) & (rest.loss <= guess.high)).tolist()
    assert np.sqrt(np.mean(np.square(rates))) == pytest.approx(PER_DECADE, abs=1e-3)
    assert np.mean(covered) >= 0.9


@pytest.mark.parametrize("share", [0.3, 0.5, 0.7, 0.85])
def test_on_other_runs_the_intervals_cover_too(share: float):
    """Chinchilla's runs had no part in the rate: fits to those of fewer FLOPs foretell the others."""
    runs = chinchilla()
    order, first = np.argsort(runs.params * runs.tokens), int(len(runs) * share)
    rest = runs.only(order[first:])
    guess = foretold(runs.only(order[:first]), rest)
    assert np.mean((guess.low <= rest.loss) & (rest.loss <= guess.high)) >= 0.9
