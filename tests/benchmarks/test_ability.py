"""The small form of `benchmarks/ability.py`: a short fit on other families beats the curves, and intervals hold on unseen families."""

from dataclasses import replace

import numpy as np
import pytest

from ability import folds
from ability_cells import Prior, Table, above, errors, join, middles, per_size
from ability_curves import bounded_power, log_linear, same_as_largest, sigmoid_with_ceiling
from llmpick.catalog.ability import ability_evidence
from llmpick.estimate.ability.marginal import fit, start

EVIDENCE = ability_evidence()
TABLE = Table(EVIDENCE)
LADDERS = Table(replace(EVIDENCE, scores=tuple(s for s in EVIDENCE.scores if s.source != "obsscaling")))


@pytest.fixture(scope="module")
def prior() -> Prior:
    """Fitted without Qwen2.5, on makers' tables only and for a few steps, so that a test can wait for it."""
    fresh = replace(LADDERS.evidence, hyper=start())
    hyper, _ = fit(fresh, lambda i: LADDERS.family[i] != "qwen2.5", rounds=2, iterations=15)
    return Prior.of(LADDERS, hyper)


def test_the_larger_sizes_of_qwen2_5_from_the_smaller(prior):
    hidden = np.flatnonzero((LADDERS.family == "qwen2.5") & (LADDERS.parameters > 20e9))
    rows = above(LADDERS, "qwen2.5", 20e9, 3)
    found = errors(LADDERS, prior.predict(hidden), np.isin(np.arange(len(LADDERS.score)), rows))
    assert found.cells == 66
    small = per_size(LADDERS, np.flatnonzero((LADDERS.family == "qwen2.5") & (LADDERS.parameters < 20e9)))
    off = [same_as_largest(*small[cell], sizes) - score for cell, (sizes, score) in per_size(LADDERS, rows).items()]
    same = 100 * np.abs(np.concatenate(off)).mean()
    assert same == pytest.approx(4.84, abs=0.02)
    assert found.mean < 0.65 * same
    assert 0.82 <= found.covered <= 0.98


def test_a_missing_size_between_two_others(prior):
    groups = middles(LADDERS, {"qwen2.5"}, every=True)
    found = errors(LADDERS, join(prior.each_hidden(groups)))
    assert found.cells == len(groups)
    ladders, off = per_size(LADDERS, np.arange(len(LADDERS.score))), []
    for rows in groups:
        sizes, score = ladders[str(LADDERS.own_ladder[rows[0]])]
        here = sizes == LADDERS.parameters[rows[0]]
        off.append(100 * (bounded_power(sizes[~here], score[~here], sizes[here]) - score[here])[0])
    assert found.mean < np.abs(off).mean()
    assert 0.85 <= found.covered <= 0.97


def test_intervals_hold_on_families_left_out():
    """The shipped numbers, each family predicted from size, tokens, date and the other families."""
    groups = [np.flatnonzero(TABLE.family == name) for name in np.unique(TABLE.family)]
    found = errors(TABLE, join(Prior.of(TABLE, EVIDENCE.hyper).each_hidden(groups)))
    assert found.cells > 1_500
    assert 0.85 <= found.covered <= 0.95
    assert found.mean < 6


def test_every_family_is_in_one_fold():
    parts = folds(TABLE)
    assert set().union(*parts) == set(TABLE.family)
    assert sum(map(len, parts)) == len(set(TABLE.family))


def test_the_curves_find_themselves():
    sizes, asked = np.array([0.5e9, 1.5e9, 3e9, 7e9, 14e9]), np.array([72e9])
    power = 1 - (0.4 * (sizes / 1e9) ** -0.4 + 0.1)
    assert bounded_power(sizes, power, asked) == pytest.approx(1 - (0.4 * 72**-0.4 + 0.1), abs=1e-3)
    assert log_linear(sizes, 0.3 + 0.05 * np.log(sizes / 1e9), asked) == pytest.approx(0.3 + 0.05 * np.log(72))
    sigmoid = 0.9 / (1 + np.exp(-(-1 + np.log(sizes / 1e9))))
    assert sigmoid_with_ceiling(sizes, sigmoid, asked) == pytest.approx(0.9 / (1 + np.exp(-(-1 + np.log(72)))), abs=1e-3)
