"""Weights by role and layers' windows against the classes of transformers, built without memory (the device `meta`)."""

import json
from collections import Counter
from typing import Any

import pytest
from tests.sources.hf.make_class_defaults import class_defaults as fresh_defaults

from llmpick.evidence.model import AttentionLayer
from llmpick.sources.hf import Tensor, read_config
from llmpick.sources.hf.reading import class_defaults
from llmpick.sources.hf.roles import role_of

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

TYPES = [
    "afmoe",
    "apertus",
    "cohere2",
    "deepseek_v3",
    "exaone4",
    "falcon",
    "falcon_h1",
    "gemma2",
    "gemma3_text",
    "gemma3n_text",
    "gemma4_text",
    "glm4_moe",
    "gpt2",
    "gpt_bigcode",
    "gpt_neox",
    "gpt_oss",
    "granitemoehybrid",
    "jamba",
    "lfm2",
    "llama",
    "llama4_text",
    "minimax_m2",
    "mixtral",
    "mpt",
    "nemotron_h",
    "olmo3",
    "olmoe",
    "opt",
    "phi",
    "phi3",
    "qwen2",
    "qwen2_moe",
    "qwen3",
    "qwen3_5_text",
    "qwen3_next",
    "recurrent_gemma",
    "smollm3",
    "starcoder2",
    "vaultgemma",
]


@pytest.mark.parametrize("name", TYPES)
def test_weights_of_a_default_model(name: str):
    """Within 0.3%: biases are not counted. By role too, where the names of the tensors tell it."""
    config = transformers.CONFIG_MAPPING[name]()
    with torch.device("meta"):
        model = transformers.AutoModelForCausalLM.from_config(config)
    values: dict[str, Any] = config.to_dict()
    values.pop("per_layer_config", None)
    own = values.get("num_hidden_layers")
    found: Counter[str] = Counter()
    for tensor, parameter in model.named_parameters():
        role = role_of(Tensor(tensor, "BF16", tuple(parameter.shape), parameter.numel(), 0), own if isinstance(own, int) else None)
        found[role] += parameter.numel()
    read = read_config({**values, "tie_word_embeddings": "output" not in found}, name)
    assert read.reason is None
    counted = Counter({group.role: group.elements for group in read.tensors})
    assert counted.total() == pytest.approx(found.total(), rel=0.003)
    assert all(abs(counted[role] - found[role]) <= 0.005 * found.total() for role in {*counted, *found})


@pytest.mark.parametrize("name", [name for name in TYPES if "sliding_window" in class_defaults().get(name, {})])
def test_which_layers_slide_without_the_list(name: str):
    """Files older than `layer_types` leave the pattern to the class."""
    values = transformers.CONFIG_MAPPING[name]().to_dict()
    kinds = values.pop("layer_types")
    values.pop("per_layer_config", None)
    values["num_kv_shared_layers"] = 0
    architecture = read_config(values, name).architecture
    assert architecture is not None
    slides = [isinstance(layer, AttentionLayer) and layer.window is not None for layer in architecture.layers]
    assert slides == [kind == "sliding_attention" for kind in kinds]


def test_the_defaults_are_those_of_the_classes():
    """After an upgrade of transformers: `python -m tests.sources.hf.make_class_defaults`."""
    assert class_defaults() == json.loads(json.dumps(fresh_defaults()))
