"""A5: "Unless sizes differ by orders of magnitude, throw the low-quality instruction data away."

Holds where most of the data is poor: 5% of Alpaca beats all of it for judges of answers (Cherry, arXiv:2308.12032), and 6,000 chosen rows
beat 10,000 random ones (DEITA, arXiv:2312.15685). Does not hold where it is good already: a tenth of WizardLM is worse than all of it; and
one number hides what is lost, MMLU falls while AlpacaEval rises. Today: on pools of millions nearly all ways to choose are as good as
chance (arXiv:2410.09335), and the length of answers is the baseline that every score has to beat.
"""

import json

import pytest
from tests.shared_data import shared_data

ARC, HELLASWAG, MMLU, TRUTHFUL = range(4)
ALL_OF_ALPACA = (42.65, 76.91, 41.73, 39.55)
FIVE_PER_CENT = (53.92, 79.49, 36.51, 38.33)
"""LLaMA-7B, tianyi-lab/Cherry_LLM README: ARC, HellaSwag, MMLU, TruthfulQA."""
WIZARD = {1.0: 54.18, 0.4: 52.83, 0.1: 51.59}
"""Mean of the same four by the share of WizardLM's data that was kept, LLaMA-7B, same README."""
DEITA = {"6,000 chosen": 7.22, "10,000 random": 5.89, "10,000 chosen": 7.32}
"""MT-Bench, Mistral-7B."""


def mean(scores: tuple[float, ...]) -> float:
    return sum(scores) / len(scores)


def test_five_per_cent_of_alpaca_beat_the_whole():
    assert mean(ALL_OF_ALPACA) == pytest.approx(50.21, abs=0.005)
    assert mean(FIVE_PER_CENT) == pytest.approx(52.06, abs=0.005)


def test_what_was_lost_is_hidden_by_the_mean():
    lost = [before - after for before, after in zip(ALL_OF_ALPACA, FIVE_PER_CENT, strict=True)]
    assert lost[MMLU] == pytest.approx(5.22)
    assert lost[TRUTHFUL] > 0
    assert lost[ARC] < -10


def test_good_data_is_not_to_be_thrown_away():
    """What is kept of WizardLM: the less, the worse."""
    kept = sorted(WIZARD)
    assert [WIZARD[share] for share in kept] == sorted(WIZARD.values())


def test_chosen_rows_are_worth_more_than_their_number():
    """From 6,000 to 10,000 rows the choice gains a tenth; not choosing loses 13 times as much."""
    choosing = DEITA["6,000 chosen"] - DEITA["10,000 random"]
    more = DEITA["10,000 chosen"] - DEITA["6,000 chosen"]
    assert choosing == pytest.approx(1.33)
    assert choosing > 10 * more


def test_two_thirds_of_a_published_set_say_nothing_new():
    """GPTeacher's toolformer rows at the makers' own ladder: 7,673 without exact copies, 2,396 when similar ones are dropped."""
    every, kept = (
        json.loads(shared_data(f"instruct/sft_samples/gpteacher_toolformer_{name}.json").read_text(encoding="utf-8"))
        for name in ("dedupe_only", "sim0.6")
    )
    assert (len(every), len(kept)) == (7_673, 2_396)
    assert len({json.dumps(row, sort_keys=True) for row in every}) == len(every), (
        "no exact copies are left, so likeness is what was dropped"
    )
    assert 1 - len(kept) / len(every) == pytest.approx(0.69, abs=0.005)
