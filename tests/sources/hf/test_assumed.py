"""A model type that nobody knows: what is assumed is said, and given up where the tensors say otherwise."""

from pathlib import Path

import pytest
from tests.sources.hf.test_folder import LLAMA, folder, safetensors_bytes

from llmpick.sources.hf import read_config, read_safetensors_folder
from llmpick.workflow.models.blueprints import find_blueprints
from llmpick.workflow.models.weights_blueprint import blueprint_of

KV = 2 * 16  # heads x size
LAYER = {"q_proj": (64, 64), "k_proj": (KV, 64), "v_proj": (KV, 64), "o_proj": (64, 64)}
UNKNOWN = LLAMA | {"model_type": "newcomer"}


def weights_of(layer: dict[str, tuple[int, int]], part: str = "self_attn") -> bytes:
    tensors = {"model.embed_tokens.weight": ("BF16", (300, 64)), "model.norm.weight": ("BF16", (64,))}
    return safetensors_bytes(
        tensors | {f"model.layers.{n}.{part}.{name}.weight": ("BF16", shape) for n in range(2) for name, shape in layer.items()}
    )


@pytest.mark.parametrize(("name", "noted"), [("llama", False), ("chatglm", False), ("qwen3", False), ("newcomer", True), ("", True)])
def test_what_is_assumed_is_a_note(name: str, noted: bool):
    notes = read_config(LLAMA | {"model_type": name}, "config.json").notes
    assert [("Llama" in note, name in note) for note in notes] == [(True, True)] * noted


def test_tensors_that_agree_leave_the_assumption(tmp_path: Path):
    weights = read_safetensors_folder(folder(tmp_path, UNKNOWN, weights_of(LAYER)))
    assert weights.architecture is not None
    assert "'newcomer' is not known" in blueprint_of(weights).notes[0]


@pytest.mark.parametrize(
    ("layer", "part", "said"),
    [
        (LAYER | {"k_proj": (64, 64), "v_proj": (64, 64)}, "self_attn", "has 32,768 weights, not 24,576"),
        (LAYER, "mamba", "some are recurrent"),
        ({}, "self_attn", "has 0 weights, not 24,576"),
    ],
)
def test_tensors_that_contradict_it_leave_no_architecture(tmp_path: Path, layer: dict[str, tuple[int, int]], part: str, said: str):
    weights = read_safetensors_folder(folder(tmp_path, UNKNOWN, weights_of(layer, part)))
    assert weights.architecture is None
    (blueprint,) = find_blueprints(str(tmp_path), environ={})
    assert said in blueprint.notes[0]
    assert read_safetensors_folder(folder(tmp_path, LLAMA, weights_of(layer, part))).architecture is not None, (
        "a known type is read as such"
    )


def test_tensors_of_other_names_contradict_nothing(tmp_path: Path):
    weights = read_safetensors_folder(folder(tmp_path, UNKNOWN, weights_of(LAYER, "zorb")))
    assert weights.architecture is not None
