"""A11: Vicuna-13B, which is LLaMA-13B, needs 20 GB at int8: what of it are weights, what the cache, and what is left."""

import numpy as np
import pytest
from tests.article.published import LLAMA, card, run, stored, total

GB = 10**9


def test_weights_take_13_gb_and_the_cache_of_2048_tokens_1_7():
    footprint = run(stored(LLAMA["LLaMA-13B"], "int8"), card(24))
    assert np.asarray(footprint.part("weights").value) / GB == pytest.approx(13.35, rel=0.01)
    assert np.asarray(footprint.part("kv_cache").value) == 2048 * 40 * 2 * 5120 * 2
    assert total(footprint) / GB == pytest.approx(15.3, rel=0.02)


def test_it_runs_in_20_gb_whatever_the_estimate_misses_and_in_16_bits_it_does_not():
    assert np.asarray(run(stored(LLAMA["LLaMA-13B"], "int8"), card(24)).total.high) < 20 * GB
    assert total(run(stored(LLAMA["LLaMA-13B"], "float16"), card(24))) > 24 * 2**30
