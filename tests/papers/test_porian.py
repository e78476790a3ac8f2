"""Porian et al. (arXiv:2406.19146): from Kaplan's exponent to Chinchilla's in four changes, recomputed from their optima."""

import numpy as np
import pytest
from tests.papers.scaling_data import column, table

from llmpick.estimate.scaling.disagreement import PORIAN

SETTINGS = (
    ("kaplan", "long", "base", "kaplan"),
    ("standard", "long", "base", "kaplan"),
    ("standard", "short", "base", "kaplan"),
    ("standard", "short", "base", "chinchilla"),
    ("standard", "short", "tuned", "const"),
)
"""How parameters are counted, the warm-up, the hyper-parameters and the decay, in the words of the published table."""


@pytest.mark.parametrize("step", range(len(PORIAN)))
def test_the_exponent_after_each_change(step: int):
    rows = [
        row
        for row in table("resolving-discrepancies/optimal_pairs.csv")
        if (row["file"], row["dataset"]) == ("summary_df", "rw")
        and (row["param_count"], row["warmup"], row["hparams"], row["decay"]) == SETTINGS[step]
    ]
    assert len(rows) >= 5
    x, y = np.log(column(rows, "flops")), np.log(column(rows, "n"))
    slope = np.polyfit(x, y, 1, w=1 / column(rows, "n_star_std"))[0]
    assert slope == pytest.approx(PORIAN[step].weighted, abs=1e-3)


def test_the_way_from_0835_to_0497():
    weighted = [step.weighted for step in PORIAN]
    assert (weighted[0], weighted[-1]) == (0.835, 0.497)
    assert weighted == sorted(weighted, reverse=True)
    for step in PORIAN:
        assert step.interval[0] < step.exponent < step.interval[1]
