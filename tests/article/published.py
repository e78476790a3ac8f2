"""Models of the article as their config.json describes them, stored in a quantisation of the catalog, and run by transformers."""

from typing import Any

import numpy as np

from llmpick.catalog.tables import find_quantization
from llmpick.estimate.engines import transformers
from llmpick.estimate.footprint import Footprint
from llmpick.estimate.shape import shape_of
from llmpick.estimate.weights import stored_as
from llmpick.evidence.deployment import Deployment
from llmpick.evidence.device import Device
from llmpick.evidence.model import Blueprint
from llmpick.evidence.values import Source
from llmpick.sources.hf import blueprint_of_values

MIB, GIB = 2**20, 2**30
CONTEXT = 2048
RUN = Deployment("transformers")
_LLAMA: dict[str, Any] = {"model_type": "llama", "vocab_size": 32_000, "torch_dtype": "float16", "tie_word_embeddings": False}
# Layers, width, feed-forward width, heads: arXiv:2302.13971, table 2, and the published configurations.
LLAMA = {
    "LLaMA-7B": _LLAMA | {"num_hidden_layers": 32, "hidden_size": 4096, "intermediate_size": 11_008, "num_attention_heads": 32},
    "LLaMA-13B": _LLAMA | {"num_hidden_layers": 40, "hidden_size": 5120, "intermediate_size": 13_824, "num_attention_heads": 40},
    "LLaMA-33B": _LLAMA | {"num_hidden_layers": 60, "hidden_size": 6656, "intermediate_size": 17_920, "num_attention_heads": 52},
    "LLaMA-65B": _LLAMA | {"num_hidden_layers": 80, "hidden_size": 8192, "intermediate_size": 22_016, "num_attention_heads": 64},
}
CHATGLM_6B = {"model_type": "chatglm", "hidden_size": 4096, "num_layers": 28, "num_attention_heads": 32, "inner_hidden_size": 16_384} | {
    "vocab_size": 130_528,
    "max_sequence_length": CONTEXT,
    "torch_dtype": "float16",
}


def stored(config: dict[str, Any], quantization: str) -> Blueprint:
    wide = blueprint_of_values(config, "config.json", "a model", Source("its configuration"))
    return stored_as(wide, find_quantization(quantization))[0]


def run(model: Blueprint, device: Device) -> Footprint:
    """One sequence of 2,048 tokens."""
    shape = shape_of(model)
    assert shape is not None
    return transformers.footprint(shape, device, RUN, context_tokens=CONTEXT)


def card(gigabytes: int) -> Device:
    return Device(f"a card of {gigabytes} GB", "gpu", gigabytes * GIB, gigabytes * GIB, vendor="nvidia")


def total(footprint: Footprint) -> float:
    return float(np.asarray(footprint.total.value))
