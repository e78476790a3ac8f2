"""LLM.Q's benchmarks on one RTX 4090 (arXiv:2512.15306, benchmarks/4090x1.md of IST-DASLab/llmq, commit 7f895bd).

Its share of the "speed of light" is MFU with the half of attention that is not masked. It comes out of its tokens per second with the rate
at which the card sums 16-bit products in 32 bits, which is half of the rate of 16-bit sums.
"""

import re

import pytest

from llmpick.catalog.devices import device_named
from llmpick.estimate.training.budget import implied_mfu
from llmpick.estimate.training.shape import full_attention_flops
from llmpick.workflow.scale.budget_notes import STEPS_ON_GEFORCE

CONTEXT = 1024
# Qwen2.5: parameters in matrices of which each token passes all (the output table once, no input table), layers, width of all heads;
# BF16 tokens per second and share of the speed of light of LLM.Q, tokens per second of LLaMA-Factory.
ROWS = {
    "0.5B": (0.494e9, 24, 896, 39_860, 0.747, 30_183),
    "1.5B": (1.544e9, 28, 1536, 14_068, 0.811, 9_419),
    "3B": (3.086e9, 36, 2048, 7_004, 0.804, 5_448),
    "7B": (7.07e9, 28, 3584, 2_777, 0.724, 2_523),
    "14B": (13.99e9, 48, 5120, 1_349, 0.698, 1_135),
}
RATE = device_named("RTX 4090").training_flops


def share(params: float, layers: int, width: int, tokens_per_s: float) -> float:
    assert RATE is not None
    per_token = 6 * params + 0.5 * full_attention_flops(layers, width, CONTEXT)
    return implied_mfu(per_token * tokens_per_s * 3600, 1.0, RATE.value)


@pytest.mark.parametrize("row", ROWS.values(), ids=list(ROWS))
def test_its_share_is_of_the_rate_of_32_bit_sums(row):
    params, layers, width, tokens_per_s, printed, _ = row
    assert share(params, layers, width, tokens_per_s) == pytest.approx(printed, abs=0.015)


def test_the_note_says_what_steps_reached():
    low, high = (int(percent) / 100 for percent in re.findall(r"(\d+)%", STEPS_ON_GEFORCE))
    shares = [share(*row[:3], tokens_per_s) for row in ROWS.values() for tokens_per_s in (row[3], row[5])]
    assert (min(shares), max(shares)) == pytest.approx((low, high), abs=0.01)
