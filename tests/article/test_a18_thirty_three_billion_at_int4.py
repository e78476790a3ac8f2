"""A18: LLaMA-33B at int4 needs 20 GB, measured as 20,570 MiB (GPTQ-for-LLaMa, groups of 128, 2,048 tokens)."""

import numpy as np
import pytest
from tests.article.published import LLAMA, MIB, RUN, card, run, stored, total

from llmpick.estimate.engines import transformers
from llmpick.estimate.footprint import probability_that_it_fits
from llmpick.estimate.shape import shape_of

MEASURED_MIB = {
    ("LLaMA-7B", "float16"): 13_940,
    ("LLaMA-7B", "gptq-4bit-no-groups"): 4_740,
    ("LLaMA-7B", "gptq-4bit-g128"): 4_891,
    ("LLaMA-7B", "gptq-3bit-g128"): 4_116,
    ("LLaMA-13B", "gptq-4bit-no-groups"): 8_410,
    ("LLaMA-13B", "gptq-4bit-g128"): 8_747,
    ("LLaMA-13B", "gptq-3bit-no-groups"): 6_870,
    ("LLaMA-13B", "gptq-3bit-g128"): 7_277,
    ("LLaMA-33B", "gptq-4bit-no-groups"): 19_493,
    ("LLaMA-33B", "gptq-4bit-g128"): 20_570,
    ("LLaMA-33B", "gptq-3bit-no-groups"): 15_493,
    ("LLaMA-33B", "gptq-3bit-g128"): 16_566,
}
"""https://github.com/qwopqwop200/GPTQ-for-LLaMa, README of the branch triton; a card of 24 GB."""


@pytest.mark.parametrize(("model", "quantization"), MEASURED_MIB)
def test_the_table_from_config_and_catalog(model: str, quantization: str):
    estimate = total(run(stored(LLAMA[model], quantization), card(24)))
    assert estimate / MIB == pytest.approx(MEASURED_MIB[model, quantization], rel=0.03)


@pytest.mark.parametrize(("gigabytes", "fits"), [(24, True), (16, False)])
def test_int4_fits_24_gb_and_not_16(gigabytes: int, fits: bool):
    model, device = stored(LLAMA["LLaMA-33B"], "int4"), card(gigabytes)
    shape = shape_of(model)
    assert shape is not None
    likely = probability_that_it_fits(run(model, device).total, transformers.available_bytes(shape, device, RUN))
    assert (float(np.asarray(likely)) > 0.95) == fits
    assert (float(np.asarray(likely)) < 0.05) == (not fits)


def test_what_its_memory_is_made_of():
    """Weights 16.3 GiB, the cache of 2,048 tokens 3.0 GiB: 96% of what was measured; the rest is the forward pass and torch's rounding."""
    footprint = run(stored(LLAMA["LLaMA-33B"], "int4"), card(24))
    weights, cache = (float(np.asarray(footprint.part(part).value)) for part in ("weights", "kv_cache"))
    assert weights / MIB == pytest.approx(16_720, rel=0.002)
    assert cache == 2048 * 60 * 2 * 6656 * 2
    assert (weights + cache) / MIB / 20_570 == pytest.approx(0.964, abs=0.003)


def test_65b_at_int4_fits_no_such_card():
    assert total(run(stored(LLAMA["LLaMA-65B"], "int4"), card(24))) > 24 * 2**30
