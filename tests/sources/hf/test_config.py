"""What a config.json says about a model: its layers, its weights, how they are stored; or why that cannot be told."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmpick.evidence.errors import ModelFileError
from llmpick.evidence.model import AttentionLayer, Experts, RecurrentLayer
from llmpick.evidence.values import Source
from llmpick.sources.hf import blueprint_of_config, read_config

SOURCE = Source("a test")
LLAMA = {
    "model_type": "llama",
    "num_hidden_layers": 6,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "hidden_size": 64,
    "intermediate_size": 128,
    "vocab_size": 300,
    "max_position_embeddings": 512,
    "tie_word_embeddings": False,
    "torch_dtype": "float16",
}


def layers_of(config: dict[str, Any]) -> tuple[Any, ...]:
    model = read_config(config, "config.json")
    assert model.architecture is not None, model.reason
    return model.architecture.layers


def test_a_plain_decoder_is_counted_by_role():
    model = read_config(LLAMA, "config.json")
    assert {group.role: (group.elements, group.bytes, group.data_type) for group in model.tensors} == {
        "embedding": (300 * 64, 2 * 300 * 64, "F16"),
        "output": (300 * 64, 2 * 300 * 64, "F16"),
        "attention": (6 * (2 * 64 * 64 + 2 * 64 * 32), 12 * (2 * 64 * 64 + 2 * 64 * 32), "F16"),
        "mlp": (6 * 3 * 64 * 128, 12 * 3 * 64 * 128, "F16"),
        "norm": (13 * 64, 26 * 64, "F16"),
    }
    architecture = model.architecture
    assert architecture is not None
    assert (architecture.blocks, architecture.heads, architecture.intermediate_size, architecture.vocabulary_size) == (6, 4, 128, 300)
    assert (model.context_tokens, model.quantization, model.reason) == (512, None, None)


def test_a_tied_embedding_is_counted_once():
    roles = {group.role for group in read_config(LLAMA | {"tie_word_embeddings": True}, "").tensors}
    assert "output" not in roles


@pytest.mark.parametrize(
    ("changes", "windows"),
    [
        ({}, [None] * 6),
        ({"model_type": "mistral", "sliding_window": 128}, [128] * 6),
        ({"model_type": "mistral", "sliding_window": None}, [None] * 6),
        ({"model_type": "mistral"}, [4096] * 6),  # the default of its class
        ({"model_type": "qwen2", "sliding_window": 128, "use_sliding_window": False}, [None] * 6),
        ({"model_type": "qwen2", "sliding_window": 128, "use_sliding_window": True, "max_window_layers": 4}, [None] * 4 + [128] * 2),
        ({"model_type": "gemma2", "sliding_window": 128}, [128, None] * 3),
        ({"model_type": "gemma3_text", "sliding_window": 128}, [128] * 5 + [None]),
        ({"model_type": "gemma3_text", "sliding_window": 128, "sliding_window_pattern": 2}, [128, None] * 3),
        ({"model_type": "gpt_oss", "sliding_window": 128, "layer_types": ["sliding_attention", "full_attention"] * 3}, [128, None] * 3),
        ({"model_type": "exaone4", "sliding_window": 128, "sliding_window_pattern": "LG"}, [128, None] * 3),
        ({"model_type": "exaone4", "sliding_window": None}, [None] * 6),
        ({"model_type": "cohere2", "sliding_window": 128}, [128, 128, 128, None, 128, 128]),
        ({"model_type": "olmo3", "sliding_window": 128}, [128, 128, 128, None, 128, 128]),
        ({"model_type": "llama4_text", "attention_chunk_size": 256}, [256, 256, 256, None, 256, 256]),
        ({"model_type": "llama4_text", "attention_chunk_size": 256, "no_rope_layers": [1, 0] * 3}, [256, None] * 3),
        ({"model_type": "gpt_neo", "window_size": 256}, [None, 256] * 3),
        ({"model_type": "a-model-nobody-knows", "sliding_window": 128}, [None] * 6),
        ({"model_type": "a-model-nobody-knows", "sliding_window": 128, "sliding_window_pattern": 3}, [128, 128, None] * 2),
    ],
)
def test_which_layers_slide(changes: dict[str, Any], windows: list[int | None]):
    assert [layer.window for layer in layers_of(LLAMA | changes)] == windows


@pytest.mark.parametrize(
    ("config", "layer"),
    [
        ({"model_type": "gpt2", "n_embd": 768, "n_layer": 12, "n_head": 12}, AttentionLayer(12, 64, 64)),
        ({"model_type": "falcon", "hidden_size": 4544, "num_hidden_layers": 2, "num_attention_heads": 71}, AttentionLayer(1, 64, 64)),
        (
            {"model_type": "falcon", "hidden_size": 8192, "num_attention_heads": 128, "num_kv_heads": 8, "new_decoder_architecture": True},
            AttentionLayer(8, 64, 64),
        ),
        ({"model_type": "gpt_bigcode", "n_embd": 2048, "n_layer": 2, "n_head": 16, "multi_query": True}, AttentionLayer(1, 128, 128)),
        (
            {
                "model_type": "chatglm",
                "hidden_size": 4096,
                "num_layers": 28,
                "num_attention_heads": 32,
                "kv_channels": 128,
                "padded_vocab_size": 65024,
            }
            | {"multi_query_attention": True, "multi_query_group_num": 2, "ffn_hidden_size": 13696},
            AttentionLayer(2, 128, 128),
        ),
        (
            {"model_type": "mpt", "d_model": 4096, "n_heads": 32, "n_layers": 32, "attn_config": {"kv_n_heads": 8}},
            AttentionLayer(8, 128, 128),
        ),
        ({"model_type": "bloom", "hidden_size": 1024, "n_layer": 24, "n_head": 16}, AttentionLayer(16, 64, 64)),
    ],
)
def test_older_names_of_the_same_numbers(config: dict[str, Any], layer: AttentionLayer):
    assert layers_of(config)[0] == layer


@pytest.mark.parametrize(
    ("config", "billions"),
    [
        (
            {"model_type": "chatglm", "hidden_size": 4096, "num_layers": 28, "num_attention_heads": 32, "inner_hidden_size": 16_384}
            | {"vocab_size": 130_528, "max_sequence_length": 2048},
            6.17,
        ),
        (
            {"model_type": "chatglm", "hidden_size": 4096, "num_layers": 28, "num_attention_heads": 32, "ffn_hidden_size": 13_696}
            | {"padded_vocab_size": 65_024, "kv_channels": 128, "multi_query_attention": True, "multi_query_group_num": 2}
            | {"tie_word_embeddings": False},
            6.24,
        ),
        (
            {"model_type": "baichuan", "hidden_size": 4096, "num_hidden_layers": 32, "num_attention_heads": 32, "intermediate_size": 11_008}
            | {"vocab_size": 125_696, "model_max_length": 4096, "tie_word_embeddings": False},
            7.5,
        ),
        (
            {"model_type": "qwen", "hidden_size": 4096, "num_hidden_layers": 32, "num_attention_heads": 32, "intermediate_size": 22_016}
            | {"vocab_size": 151_936, "kv_channels": 128, "seq_length": 8192, "tie_word_embeddings": False},
            7.72,
        ),
    ],
)
def test_published_sizes_of_models_with_their_own_code(config: dict[str, Any], billions: float):
    model = read_config(config, "config.json")
    assert sum(group.elements for group in model.tensors) == pytest.approx(billions * 1e9, rel=0.002)
    assert model.tensors[0].data_type == ("F16" if config["model_type"] in ("chatglm", "qwen") else "BF16")


def test_latent_attention_keeps_one_vector():
    config = LLAMA | {"model_type": "deepseek_v3", "kv_lora_rank": 512, "qk_rope_head_dim": 64, "qk_nope_head_dim": 128, "v_head_dim": 128}
    config |= {"q_lora_rank": None, "n_routed_experts": None}
    assert layers_of(config) == (AttentionLayer(1, 576, 0, latent=True),) * 6


def test_a_gated_delta_net_between_full_layers():
    """Qwen3-Next: three recurrent layers, then one of full attention. State: value heads x key size x value size."""
    config = LLAMA | {"model_type": "qwen3_next", "num_hidden_layers": 4, "head_dim": 32, "num_experts": 8, "num_experts_per_tok": 2}
    config |= {"linear_num_value_heads": 8, "linear_num_key_heads": 4, "linear_key_head_dim": 16, "linear_value_head_dim": 16}
    config |= {
        "linear_conv_kernel_dim": 4,
        "full_attention_interval": 4,
        "moe_intermediate_size": 32,
        "shared_expert_intermediate_size": 32,
    }
    recurrent = RecurrentLayer(8 * 16 * 16, (2 * 4 * 16 + 8 * 16) * 3)
    assert layers_of(config) == (recurrent, recurrent, recurrent, AttentionLayer(2, 32, 32))


def test_a_hybrid_pattern_of_letters():
    """Nemotron-H: M keeps a state, * keys and values, - and E nothing."""
    config = LLAMA | {"model_type": "nemotron_h", "hybrid_override_pattern": "M-*E", "n_routed_experts": 4, "num_experts_per_tok": 2}
    config |= {
        "mamba_num_heads": 8,
        "mamba_head_dim": 16,
        "ssm_state_size": 32,
        "n_groups": 2,
        "conv_kernel": 4,
        "moe_intermediate_size": 64,
    }
    config |= {"head_dim": 16}
    assert layers_of(config) == (RecurrentLayer(8 * 16 * 32, (128 + 2 * 2 * 32) * 3), AttentionLayer(2, 16, 16))


@pytest.mark.parametrize(
    ("config", "kept"),
    [
        (
            {"model_type": "jamba", "mamba_d_state": 16, "mamba_d_conv": 4, "mamba_expand": 2, "num_hidden_layers": 8},
            [RecurrentLayer(128 * 16, 128 * 3)] * 4 + [AttentionLayer(2, 16, 16)] + [RecurrentLayer(128 * 16, 128 * 3)] * 3,
        ),
        (
            {
                "model_type": "falcon_h1",
                "mamba_n_heads": 8,
                "mamba_d_head": 16,
                "mamba_d_state": 32,
                "mamba_n_groups": 1,
                "num_hidden_layers": 1,
            }
            | {"head_dim": 16},
            [AttentionLayer(2, 16, 16), RecurrentLayer(128 * 32, (128 + 64) * 3)],
        ),
        (
            {"model_type": "lfm2", "layer_types": ["conv", "full_attention"], "conv_L_cache": 3, "num_hidden_layers": 2},
            [RecurrentLayer(0, 64 * 2), AttentionLayer(2, 16, 16)],
        ),
        (
            {"model_type": "granitemoehybrid", "layer_types": ["mamba", "attention"], "num_hidden_layers": 2, "mamba_n_heads": 8}
            | {"mamba_d_head": 16, "mamba_d_state": 32, "mamba_n_groups": 1, "mamba_d_conv": 4},
            [RecurrentLayer(128 * 32, (128 + 64) * 3), AttentionLayer(2, 16, 16)],
        ),
        (
            {"model_type": "minimax", "attn_type_list": [0, 1], "num_hidden_layers": 2, "head_dim": 16, "num_local_experts": None},
            [RecurrentLayer(4 * 16 * 16, 0), AttentionLayer(2, 16, 16)],
        ),
    ],
)
def test_what_recurrent_layers_keep(config: dict[str, Any], kept: list[Any]):
    assert list(layers_of(LLAMA | {"num_experts": None, "num_local_experts": None} | config)) == kept


def test_layers_that_use_the_cache_of_earlier_ones_keep_nothing():
    config = LLAMA | {"model_type": "gemma3n_text", "num_kv_shared_layers": 2, "sliding_window": 128, "head_dim": 16}
    layers = layers_of(config)
    assert len(layers) == 4
    model = read_config(config, "")
    assert model.architecture is not None
    assert model.architecture.blocks == 6


def test_global_layers_with_heads_of_their_own():
    """Gemma 4: full layers have fewer, larger heads, and use the keys as values."""
    config = LLAMA | {"model_type": "gemma4_text", "head_dim": 16, "global_head_dim": 32, "num_global_key_value_heads": 1}
    config |= {"sliding_window": 128, "attention_k_eq_v": True, "hidden_size_per_layer_input": 0}
    assert layers_of(config) == (AttentionLayer(2, 16, 16, 128),) * 5 + (AttentionLayer(1, 32, 32),)


def test_blocks_of_an_architecture_search():
    """DeciLM: a block without attention keeps nothing; the others have groups of their own."""
    blocks = [
        {"attention": {"n_heads_in_group": 2}, "ffn": {"ffn_mult": 2.0}},
        {"attention": {"no_op": True}, "ffn": {"no_op": True}},
        {"attention": {"replace_with_linear": True}, "ffn": {"replace_with_linear": True}},
    ]
    config = {"model_type": "nemotron-nas", "num_hidden_layers": 3, "num_attention_heads": 4, "hidden_size": 64, "vocab_size": 300}
    config |= {"block_configs": blocks, "tie_word_embeddings": False}
    assert layers_of(config) == (AttentionLayer(2, 16, 16),)
    elements = {group.role: group.elements for group in read_config(config, "").tensors}
    assert elements["mlp"] == 3 * 64 * 256 + 64 * 64  # two thirds of 2 x 64 up to a multiple of 256


def test_a_mixture_of_experts():
    config = LLAMA | {
        "model_type": "qwen3_moe",
        "num_experts": 8,
        "num_experts_per_tok": 2,
        "moe_intermediate_size": 32,
        "mlp_only_layers": [0],
    }
    model = read_config(config, "")
    assert model.architecture is not None
    assert model.architecture.experts == Experts(8, 2, 0)
    elements = {group.role: group.elements for group in model.tensors}
    assert (elements["experts"], elements["mlp"]) == (5 * 8 * 3 * 64 * 32, 3 * 64 * 128)


def test_a_feed_forward_part_in_an_object_of_its_own():
    """DBRX, 132 B parameters as published."""
    config = {"model_type": "dbrx", "d_model": 6144, "n_layers": 40, "n_heads": 48, "vocab_size": 100_352, "tie_word_embeddings": False}
    config |= {"attn_config": {"kv_n_heads": 8}, "ffn_config": {"ffn_hidden_size": 10_752, "moe_num_experts": 16, "moe_top_k": 4}}
    assert layers_of(config) == (AttentionLayer(8, 128, 128),) * 40
    assert sum(group.elements for group in read_config(config, "").tensors) == pytest.approx(131.6e9, rel=0.002)


def test_the_decoder_of_a_multimodal_model_is_described():
    """The text part of Gemma 3 leaves out what is the default of its class."""
    tower = {"model_type": "siglip_vision_model", "hidden_size": 1152, "intermediate_size": 4304, "num_hidden_layers": 27, "patch_size": 14}
    text = {"model_type": "gemma3_text", "hidden_size": 2560, "intermediate_size": 10240, "num_hidden_layers": 34, "sliding_window": 1024}
    config = {"model_type": "gemma3", "text_config": text, "vision_config": tower | {"image_size": 896}}
    model = read_config(config, "config.json")
    assert model.architecture is not None
    assert model.architecture.layers[0] == AttentionLayer(4, 256, 256, 1024)
    assert sum(group.elements for group in model.tensors) == pytest.approx(4.3e9, rel=0.005)  # as published
    assert next(group.elements for group in model.tensors if group.role == "vision") == pytest.approx(417e6, rel=0.02)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"layer_types": ["linear_attention"] * 6}, "recurrent"),
        ({"layer_types": ["something_new"] * 6}, "something_new"),
        ({"num_attention_heads": None}, "num_attention_heads"),
        ({"model_type": "deepseek_v4"}, "compressed"),
        ({"model_type": "zamba2"}, "share weights"),
        ({"hybrid_override_pattern": "M?"}, "'?'"),
        ({"mamba_d_state": 16}, "which layers are recurrent"),
        ({"num_experts": 8}, "active"),
        ({"block_configs": [{}] * 5}, "block_configs"),
    ],
)
def test_what_is_not_understood_is_said(changes: dict[str, Any], reason: str):
    model = read_config(LLAMA | changes, "config.json")
    assert model.architecture is None
    assert model.reason is not None
    assert reason in model.reason
    assert model.tensors == ()


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"num_hidden_layers": 10**9}, "too many"),
        ({"hidden_size": "wide"}, "hidden_size is 'wide'"),
        ({"num_key_value_heads": -2}, "num_key_value_heads is '-2'"),
        ({"layer_types": [1, 2]}, "layer_types"),
        ({"vocab_size": 2**40}, "vocab_size"),
    ],
)
def test_values_that_no_model_has_are_refused_with_their_key(changes: dict[str, Any], what: str):
    with pytest.raises(ModelFileError) as raised:
        read_config(LLAMA | changes, "here/config.json")
    assert what in raised.value.what or what in raised.value.where
    assert "here/config.json" in raised.value.where


def test_a_blueprint_is_stored_as_the_file_says(tmp_path: Path):
    file = tmp_path / "config.json"
    file.write_text(json.dumps(LLAMA | {"quantization_config": {"quant_method": "gptq", "bits": 4, "group_size": 128}}))
    blueprint = blueprint_of_config(file, "a/b", SOURCE)
    assert (blueprint.known_from, blueprint.format, blueprint.quantization) == ("config", "safetensors", "gptq-4bit-g128")
    sizes = {group.role: 8 * group.bytes / group.elements for group in blueprint.tensors}
    assert sizes["embedding"] == 16
    assert sizes["mlp"] == pytest.approx(4.15625, rel=1e-4)


def test_a_blueprint_of_what_is_not_understood_is_refused(tmp_path: Path):
    file = tmp_path / "config.json"
    file.write_text(json.dumps(LLAMA | {"model_type": "rwkv"}))
    with pytest.raises(ModelFileError, match="not understood"):
        blueprint_of_config(file, "a/b", SOURCE)
    with pytest.raises(ModelFileError, match="cannot be read"):
        blueprint_of_config(tmp_path / "missing.json", "a/b", SOURCE)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=True) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=2),
    max_leaves=4,
)
KEYS = [
    *LLAMA,
    *("layer_types", "sliding_window", "num_experts", "num_experts_per_tok", "kv_lora_rank", "head_dim", "hybrid_override_pattern"),
    *("text_config", "vision_config", "quantization_config", "block_configs", "linear_attn_config", "attn_config", "mlp_only_layers"),
    *("moe_layer_freq", "attn_type_list", "intermediate_size_mlp", "sliding_window_pattern", "first_k_dense_replace", "mlp_layer_types"),
]
NAMES = st.sampled_from(
    ["llama", "gemma3", "gemma4_text", "qwen3_next", "nemotron_h", "jamba", "deepseek_v3", "llama4_text", "chatglm", "x"]
)


@settings(max_examples=400, deadline=None)
@given(st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=5), NAMES)
def test_no_config_crashes_the_reader(changes: dict[str, Any], name: str):
    try:
        model = read_config(LLAMA | {"model_type": name} | changes, "config.json")
    except ModelFileError:
        return
    assert (model.architecture is None) == (model.reason is not None)
