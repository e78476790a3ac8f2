"""The article's memory figures, recomputed: the GPTQ-for-LLaMa table, LLaMA-13B in 8 bits, ChatGLM-6B, and which card holds what."""

import csv
from datetime import date

import numpy as np
import pytest
from tests.shared_data import shared_data

from llmpick.estimate.engines import transformers
from llmpick.estimate.footprint import Footprint, probability_that_it_fits
from llmpick.estimate.shape import Shape, shape_of
from llmpick.evidence.deployment import Deployment
from llmpick.evidence.device import Device
from llmpick.evidence.model import Architecture, AttentionLayer, Blueprint, TensorGroup
from llmpick.evidence.values import Source

MIB, GIB, GB = 2**20, 2**30, 10**9
HERE = Source("a test", checked=date(2026, 11, 24))
CONTEXT = 2048
CARD_24 = Device("RTX 3090", "gpu", 24 * GIB, 24 * GIB, vendor="nvidia")
CARD_16 = Device("RTX 4080", "gpu", 16 * GIB, 16 * GIB, vendor="nvidia")
RUN = Deployment("transformers")
# Layers, width, feed-forward width, heads (arXiv:2302.13971, table 2, and the published configurations).
LLAMA = {"LLaMA-7B": (32, 4096, 11_008, 32), "LLaMA-13B": (40, 5120, 13_824, 40), "LLaMA-33B": (60, 6656, 17_920, 52)}
# In 3 bits without groups the table gives LLaMA-7B 12 MiB beside weights and cache; in every other row it is at least 60.
UNGROUPED_3_BIT = ("3", "")


def model(
    layers: int, hidden: int, width: int, heads: int, *, bits: float, vocabulary: int = 32_000, matrices: int = 3, tied: bool = False
) -> Shape:
    """A decoder whose layers are stored in `bits` a weight, and whose tables stay in 16."""
    attention, feed_forward, table = layers * 4 * hidden * hidden, layers * matrices * hidden * width, vocabulary * hidden
    groups = (
        TensorGroup("mlp", "Q", feed_forward, round(feed_forward * bits / 8)),
        TensorGroup("attention", "Q", attention, round(attention * bits / 8)),
        TensorGroup("embedding", "F16", table, 2 * table),
        *(() if tied else (TensorGroup("output", "F16", table, 2 * table),)),
    )
    cache = (AttentionLayer(heads, hidden // heads, hidden // heads),) * layers
    architecture = Architecture("x", hidden, vocabulary, cache, layers, heads, width)
    found = shape_of(Blueprint("x", "config", "safetensors", "Q", architecture, groups, CONTEXT, HERE))
    assert found is not None
    return found


def footprint(shape: Shape, device: Device = CARD_24) -> Footprint:
    return transformers.footprint(shape, device, RUN, context_tokens=CONTEXT)


def bits_of(bits: str, group: str) -> float:
    """Bits a weight on disk: a group has a 16-bit scale and a zero of the same bits as the weights."""
    return int(bits) + ((16 + int(bits)) / int(group) if group else 0)


def measured() -> list[dict[str, str]]:
    with shared_data("quant/gptq_for_llama_readme.csv").open(newline="", encoding="utf-8") as file:
        return [row for row in csv.DictReader(file) if row["memory_mib"].isdigit()]


def test_the_table_of_gptq_for_llama():
    rows = measured()
    assert len(rows) == 13
    for row in rows:
        estimate = footprint(model(*LLAMA[row["model"]], bits=bits_of(row["bits"], row["group_size"]))).total
        tolerance = 0.05 if (row["bits"], row["group_size"]) == UNGROUPED_3_BIT else 0.03
        assert np.asarray(estimate.value) / MIB == pytest.approx(float(row["memory_mib"]), rel=tolerance), row


def test_llama_33b_in_4_bits_fits_a_card_of_24_gb_and_not_one_of_16():
    shape = model(*LLAMA["LLaMA-33B"], bits=bits_of("4", "128"))
    assert np.asarray(footprint(shape).total.value) / MIB == pytest.approx(20_570, rel=0.03)
    for card, fits in ((CARD_24, True), (CARD_16, False)):
        likely = float(np.asarray(probability_that_it_fits(footprint(shape, card).total, transformers.available_bytes(shape, card, RUN))))
        assert (likely > 0.95) if fits else (likely < 0.05)


def test_llama_13b_in_8_bits_runs_with_its_cache_in_20_gb():
    assert np.asarray(footprint(model(*LLAMA["LLaMA-13B"], bits=8)).total.high) < 20 * GB


@pytest.mark.parametrize(("bits", "gigabytes"), [(16, 13), (8, 10), (4, 6)])
def test_chatglm_6b_in_13_10_and_6_gb(bits: int, gigabytes: int):
    """Cards are told in GiB: 28 layers of 4,096, a feed-forward part without gate, one table of 130,528 words: 6.17 billion weights."""
    chatglm = model(28, 4096, 16_384, 32, bits=bits, vocabulary=130_528, matrices=2, tied=True)
    assert chatglm.parameters == pytest.approx(6.17e9, rel=0.002)
    assert np.asarray(footprint(chatglm).total.value) < gigabytes * GIB
