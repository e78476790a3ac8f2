"""The header of a safetensors file as bytes, and what its tensors are for."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmpick.evidence.errors import ModelFileError
from llmpick.evidence.model import TensorGroup
from llmpick.sources.hf import Tensor, groups_of, header_bytes, parse_header
from llmpick.sources.hf.roles import role_of, weights_in


def header(tensors: dict[str, tuple[str, list[int], int]]) -> tuple[bytes, int]:
    """A header alone, and the size that its file has."""
    entries: dict[str, Any] = {}
    end = 0
    for name, (dtype, shape, size) in tensors.items():
        entries[name] = {"dtype": dtype, "shape": shape, "data_offsets": [end, end + size]}
        end += size
    text = json.dumps(entries).encode()
    return len(text).to_bytes(8, "little") + text, 8 + len(text) + end


LARGE, LARGE_SIZE = header(
    {"model.embed_tokens.weight": ("BF16", [128_256, 8_192], 128_256 * 8_192 * 2), "model.norm.weight": ("F32", [8], 32)}
)


def test_the_header_alone_is_enough():
    """The data of a file of 2 GB are not needed: the header comes from a range request."""
    assert header_bytes(LARGE[:8], LARGE_SIZE, "x") == len(LARGE) - 8
    assert parse_header(LARGE, LARGE_SIZE, "x") == [
        Tensor("model.embed_tokens.weight", "BF16", (128_256, 8_192), 128_256 * 8_192, 128_256 * 8_192 * 2),
        Tensor("model.norm.weight", "F32", (8,), 8, 32),
    ]


@pytest.mark.parametrize(
    ("data", "size", "what"),
    [
        (LARGE[:-1], LARGE_SIZE, "were read"),
        (LARGE, LARGE_SIZE - 1, "its tensors end at byte"),
        (b"", LARGE_SIZE, "not a whole safetensors file"),
        (b"\xff" * 8, LARGE_SIZE, "not a whole safetensors file"),
    ],
)
def test_what_is_wrong_is_said(data: bytes, size: int, what: str):
    with pytest.raises(ModelFileError) as raised:
        parse_header(data, size, "org/name/model.safetensors")
    assert what in raised.value.what
    assert raised.value.where == "org/name/model.safetensors"


@settings(max_examples=300, deadline=None)
@given(st.integers(0, len(LARGE) - 1), st.binary(min_size=1, max_size=6))
def test_a_changed_header_is_read_or_refused(at: int, change: bytes):
    try:
        tensors = parse_header(LARGE[:at] + change + LARGE[at + len(change) :], LARGE_SIZE, "x")
    except ModelFileError:
        return
    assert all(tensor.bytes >= 0 for tensor in tensors)


@pytest.mark.parametrize(
    ("name", "shape", "role"),
    [
        ("model.embed_tokens.weight", (300, 64), "embedding"),
        ("transformer.wte.weight", (300, 64), "embedding"),
        ("model.language_model.embed_tokens_per_layer.weight", (300, 64), "embedding"),
        ("lm_head.weight", (300, 64), "output"),
        ("output.weight", (300, 64), "output"),
        ("transformer.output_layer.weight", (300, 64), "output"),
        ("model.layers.0.self_attn.q_proj.weight", (64, 64), "attention"),
        ("model.layers.0.self_attn.q_proj.bias", (64,), "norm"),
        ("model.layers.0.self_attn.q_norm.weight", (64,), "norm"),
        ("transformer.h.0.attn.c_attn.weight", (64, 192), "attention"),
        ("model.layers.0.attention.wqkv.weight", (192, 64), "attention"),
        ("model.layers.0.mlp.gate_proj.weight", (128, 64), "mlp"),
        ("model.layers.0.feed_forward.w1.weight", (128, 64), "mlp"),
        ("transformer.h.0.mlp.dense_h_to_4h.weight", (256, 64), "mlp"),
        ("model.layers.3.mlp.gate.weight", (8, 64), "norm"),
        ("model.layers.3.block_sparse_moe.gate.weight", (8, 64), "norm"),
        ("model.layers.3.mlp.experts.7.up_proj.weight", (128, 64), "experts"),
        ("model.layers.3.mlp.experts.gate_up_proj_blocks", (8, 256, 2, 16), "experts"),
        ("model.layers.3.mlp.shared_experts.up_proj.weight", (128, 64), "shared_experts"),
        ("model.layers.3.mlp.shared_expert_gate.weight", (1, 64), "norm"),
        ("model.layers.1.linear_attn.in_proj_qkvz.weight", (256, 64), "recurrent"),
        ("backbone.layers.0.mixer.in_proj.weight", (256, 64), "recurrent"),
        ("backbone.layers.1.mixer.up_proj.weight", (256, 64), "mlp"),
        ("backbone.layers.2.mixer.q_proj.weight", (64, 64), "attention"),
        ("backbone.layers.3.mixer.experts.0.up_proj.weight", (64, 64), "experts"),
        ("model.layers.0.conv.in_proj.weight", (192, 64), "recurrent"),
        ("visual.blocks.0.attn.qkv.weight", (192, 64), "vision"),
        ("vision_tower.vision_model.encoder.layers.0.mlp.fc1.weight", (192, 64), "vision"),
        ("multi_modal_projector.linear_1.weight", (192, 64), "vision"),
        ("model.layers.4.self_attn.q_proj.weight", (64, 64), "draft"),
        ("mtp.layers.0.mlp.up_proj.weight", (64, 64), "draft"),
    ],
)
def test_what_a_tensor_is_for(name: str, shape: tuple[int, ...], role: str):
    assert role_of(Tensor(name, "BF16", shape, 1, 2), blocks=4) == role


GPTQ = {"quantization_config": {"quant_method": "gptq", "bits": 4}}
CONFIG_GROUPS = {"config_groups": {"group_0": {"weights": {"num_bits": 8, "type": "int"}}}}


@pytest.mark.parametrize(
    ("tensor", "config", "weights"),
    [
        (Tensor("a.qweight", "I32", (64, 16), 1024, 4096), GPTQ, 8192),
        (Tensor("a.qweight", "I32", (12, 64), 768, 3072), {"quantization_config": {"quant_method": "gptq", "bits": 3}}, 8192),
        (Tensor("a.qzeros", "I32", (1, 16), 16, 64), GPTQ, 0),
        (Tensor("a.g_idx", "I32", (64,), 64, 256), GPTQ, 0),
        (Tensor("a.scales", "F16", (1, 64), 64, 128), GPTQ, 0),
        (Tensor("a.weight_packed", "I32", (64, 16), 1024, 4096), {"quantization_config": CONFIG_GROUPS}, 4096),
        (Tensor("a.weight_scale_inv", "F32", (1, 1), 1, 4), None, 0),
        (Tensor("a.weight", "F8_E4M3", (64, 64), 4096, 4096), None, 4096),
        (
            Tensor("a.weight", "U8", (2048, 1), 2048, 2048),
            {"quantization_config": {"quant_method": "bitsandbytes", "load_in_4bit": True}},
            4096,
        ),
        (Tensor("mlp.experts.down_proj_blocks", "U8", (8, 64, 2, 16), 16_384, 16_384), None, 32_768),
        (Tensor("mlp.experts.down_proj_scales", "U8", (8, 64, 2), 1024, 1024), None, 0),
    ],
)
def test_how_many_weights_a_tensor_holds(tensor: Tensor, config: dict[str, Any] | None, weights: int):
    assert weights_in(tensor, config) == weights


def test_groups_have_the_bytes_of_scales_and_the_weights_of_packed_words():
    tensors = [
        Tensor("model.layers.0.mlp.up_proj.qweight", "I32", (64, 16), 1024, 4096),
        Tensor("model.layers.0.mlp.up_proj.scales", "F16", (1, 128), 128, 256),
        Tensor("model.embed_tokens.weight", "F16", (300, 64), 19_200, 38_400),
    ]
    assert groups_of(tensors, GPTQ) == (
        TensorGroup("embedding", "F16", 19_200, 38_400),
        TensorGroup("mlp", "I32", 8192, 4096),
        TensorGroup("mlp", "F16", 0, 256),
    )
