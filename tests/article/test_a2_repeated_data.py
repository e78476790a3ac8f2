"""A2: "models see their data about once; with spare compute take more data". New data are better than repeats, yet four epochs are nearly
as good as four times the data, and beyond about forty a repeat is worth next to nothing.
"""

import numpy as np
import pytest
from tests.papers.scaling_data import column, table

from llmpick.estimate.scaling.repeated import MUENNIGHOFF_LAW
from llmpick.workflow.scale.repeat import RepeatOptions, repeated


def test_four_epochs_are_nearly_four_times_the_data():
    answer = repeated(RepeatOptions(1e9, 20e9, 4))
    assert answer.at.effective_tokens / answer.at.tokens == pytest.approx(0.931, abs=1e-3)
    assert answer.loss.value - answer.all_unique < 0.01
    assert answer.effective_range[0] > 0.93 * answer.at.tokens  # by the other constants that fit the runs, too


def test_a_token_of_a_late_epoch_is_worth_next_to_nothing():
    assert repeated(RepeatOptions(1e9, 20e9, 1)).next_epoch == 1.0
    assert repeated(RepeatOptions(1e9, 20e9, 40)).next_epoch < 0.1
    worth = [one.effective_tokens for one in repeated(RepeatOptions(1e9, 20e9, 4)).curve]
    assert worth[-1] < 17 * worth[0]  # all of 64 epochs


def test_new_data_are_better_than_the_same_again():
    """With the compute of four epochs: the same tokens again, or four times as many."""
    same, new = (float(MUENNIGHOFF_LAW.at(1e9, 80e9, unique)) for unique in (20e9, 80e9))
    assert new < same


def test_the_runs_themselves():
    """Pairs of Muennighoff's runs of one size and as many tokens, of which fewer differ: up to 5 epochs cost little."""
    rows = table("datablations/datablations_fit_set_outliers_removed.csv")
    params, tokens, unique, loss = (column(rows, name) for name in ("params_B", "tokens_B", "unique_tokens_B", "val_loss"))
    few, many = [], []
    for i in np.flatnonzero(unique >= 0.999 * tokens):
        alike = np.isclose(params, params[i], rtol=0.01) & np.isclose(tokens, tokens[i], rtol=0.02) & (unique < 0.9 * tokens)
        for j in np.flatnonzero(alike):
            (few if tokens[j] / unique[j] <= 5 else many).append(loss[j] / loss[i] - 1)
    assert len(few) >= 3
    assert len(many) >= 3
    assert abs(np.median(few)) < 0.01
    assert np.median(many) > np.median(few)


def test_opt_175b_would_have_needed_twenty_times_its_tokens():
    """180B tokens for 175B parameters: the compute-optimal number is in the trillions by every law that follows Chinchilla."""
    from llmpick.estimate.scaling.optimal import optimal_for_params
    from llmpick.estimate.scaling.published import APPROACHES, EPOCH

    needed = [float(optimal_for_params(EPOCH, 175e9).tokens), *(float(one.flops_for(175e9)) / 6 / 175e9 for one in APPROACHES)]
    assert min(needed) > 3e12
    assert min(needed) / 180e9 > 16
