"""Tiny model files, byte by byte: GGUF files of several kinds of layers, a safetensors header, a config.json."""

import struct
from typing import Any

_CODES = {"u8": (0, "<B"), "u32": (4, "<I"), "i32": (5, "<i"), "f32": (6, "<f"), "bool": (7, "<?"), "u64": (10, "<Q")}


def gguf_bytes(
    values: dict[str, tuple[str, Any]], tensors: list[tuple[str, tuple[int, ...], int, int]], *, version: int = 3, alignment: int = 32
) -> bytes:
    """A GGUF file. `values`: key → (type, value), type "str", one of `_CODES`, or one in brackets; `tensors`: name, shape, type, bytes."""
    header = b"GGUF" + struct.pack("<IQQ", version, len(tensors), len(values))
    for key, (kind, value) in values.items():
        header += _text(key) + _typed(kind, value)
    offset = 0
    for name, shape, code, size in tensors:
        header += _text(name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, code, offset)
        offset += size + -size % alignment
    return header + bytes(-len(header) % alignment) + bytes(offset)


def tiny_values(**changes: tuple[str, Any] | None) -> dict[str, tuple[str, Any]]:
    """The keys of a two-layer model; `changes` replaces them (dots written as __), None leaves a key out."""
    values: dict[str, tuple[str, Any] | None] = {
        "general.architecture": ("str", "llama"),
        "general.name": ("str", "Tiny"),
        "general.file_type": ("u32", 1),
        "general.languages": ("[str]", ["en", "zh"]),
        "llama.block_count": ("u32", 2),
        "llama.context_length": ("u32", 512),
        "llama.embedding_length": ("u32", 64),
        "llama.attention.head_count": ("u32", 4),
        "llama.attention.head_count_kv": ("[i32]", [2, 1]),
        "llama.rope.freq_base": ("f32", 1e4),
        "tokenizer.ggml.add_bos_token": ("bool", True),
        "tokenizer.ggml.tokens": ("[str]", [f"token {i}" for i in range(300)]),
        "tokenizer.ggml.token_type": ("[i32]", [1] * 300),
        "tokenizer.chat_template": ("str", "{% for message in messages %}{{ message.content }}{% endfor %}"),
    }
    values |= {key.replace("__", "."): value for key, value in changes.items()}
    return {key: value for key, value in values.items() if value is not None}


TINY_TENSORS = [
    ("token_embd.weight", (64, 300), 1, 38_400),
    ("blk.0.attn_q.weight", (64, 64), 8, 4_352),
    ("output_norm.weight", (64,), 0, 256),
]


KINDS: tuple[tuple[str, dict[str, tuple[str, Any]]], ...] = (
    ("deepseek2", {"attention.key_length_mla": ("u32", 32), "attention.kv_lora_rank": ("u32", 32), "nextn_predict_layers": ("u32", 1)}),
    (
        "glm-dsa",
        {
            "attention.key_length_mla": ("u32", 32),
            "attention.indexer.key_length": ("u32", 16),
            "attention.indexer.types": ("[bool]", [True, False]),
        },
    ),
    (
        "deepseek4",
        {
            "attention.compress_ratios": ("[i32]", [4, 128]),
            "attention.indexer.key_length": ("u32", 16),
            "attention.sliding_window": ("u32", 64),
        },
    ),
    (
        "gemma4",
        {
            "attention.sliding_window": ("u32", 64),
            "attention.sliding_window_pattern": ("[bool]", [True, False]),
            "attention.shared_kv_layers": ("u32", 1),
        },
    ),
    (
        "qwen35moe",
        {"ssm.conv_kernel": ("u32", 4), "ssm.inner_size": ("u32", 64), "ssm.state_size": ("u32", 8), "full_attention_interval": ("u32", 2)},
    ),
    ("kimi-linear", {"kda.head_dim": ("u32", 16), "ssm.conv_kernel": ("u32", 4), "attention.key_length_mla": ("u32", 32)}),
    (
        "nemotron_h",
        {
            "ssm.conv_kernel": ("u32", 4),
            "ssm.inner_size": ("u32", 64),
            "ssm.state_size": ("u32", 8),
            "feed_forward_length": ("[i32]", [0, 8]),
        },
    ),
    ("rwkv7", {"wkv.head_size": ("u32", 16), "token_shift_count": ("u32", 1)}),
    ("lfm2", {"shortconv.l_cache": ("u32", 3), "attention.sliding_window": ("u32", 64)}),
    ("minimax-01", {"full_attention_interval": ("u32", 2), "attention.recurrent_layers": ("[bool]", [True, False])}),
)
"""Architectures and the keys that only they have."""
_EXPERTS: dict[str, tuple[str, Any]] = {
    "expert_count": ("u32", 4),
    "expert_used_count": ("u32", 2),
    "expert_feed_forward_length": ("u32", 32),
    "attention.key_length": ("u32", 16),
    "attention.value_length": ("u32", 16),
}


def kind_values(architecture: str, keys: dict[str, tuple[str, Any]]) -> dict[str, tuple[str, Any]]:
    """The keys of a tiny model of this architecture."""
    plain = {key.replace("llama.", f"{architecture}."): value for key, value in tiny_values().items()}
    own = {f"{architecture}.{key}": value for key, value in (_EXPERTS | keys).items()}
    return {**plain, "general.architecture": ("str", architecture), **own}


TENSORS_JSON = {
    "__metadata__": {"format": "pt"},
    "model.embed_tokens.weight": {"dtype": "BF16", "shape": [300, 64], "data_offsets": [0, 38_400]},
    "model.layers.0.self_attn.q_proj.weight": {"dtype": "F8_E4M3", "shape": [64, 64], "data_offsets": [38_400, 42_496]},
    "model.layers.0.mlp.experts.3.down_proj.qweight": {"dtype": "I32", "shape": [4, 64], "data_offsets": [42_496, 43_520]},
}
TENSOR_BYTES = 43_520
CONFIG_JSON: dict[str, Any] = {
    "model_type": "deepseek_v3",
    "architectures": ["DeepseekV3ForCausalLM"],
    "num_hidden_layers": 4,
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_attention_heads": 4,
    "num_key_value_heads": 4,
    "vocab_size": 300,
    "kv_lora_rank": 32,
    "q_lora_rank": 24,
    "qk_rope_head_dim": 16,
    "qk_nope_head_dim": 16,
    "v_head_dim": 16,
    "n_routed_experts": 4,
    "num_experts_per_tok": 2,
    "moe_intermediate_size": 32,
    "first_k_dense_replace": 1,
    "layer_types": ["full_attention", "sliding_attention", "linear_attention", "full_attention"],
    "sliding_window": 64,
    "linear_num_key_heads": 2,
    "linear_num_value_heads": 4,
    "linear_key_head_dim": 16,
    "linear_value_head_dim": 16,
    "linear_conv_kernel_dim": 4,
    "mamba_d_state": 16,
    "mamba_expand": 2,
    "max_position_embeddings": 2048,
    "torch_dtype": "bfloat16",
    "quantization_config": {"quant_method": "fp8", "bits": 4, "group_size": 128, "weight_block_size": [128, 128]},
}


def safetensors_bytes(header: bytes) -> bytes:
    return len(header).to_bytes(8, "little") + header


def _text(text: str) -> bytes:
    encoded = text.encode()
    return struct.pack("<Q", len(encoded)) + encoded


def _typed(kind: str, value: Any) -> bytes:
    if kind == "str":
        return struct.pack("<I", 8) + _text(value)
    if kind == "[str]":
        return struct.pack("<IIQ", 9, 8, len(value)) + b"".join(map(_text, value))
    if kind.startswith("["):
        code, layout = _CODES[kind[1:-1]]
        return struct.pack("<IIQ", 9, code, len(value)) + b"".join(struct.pack(layout, item) for item in value)
    code, layout = _CODES[kind]
    return struct.pack("<I", code) + struct.pack(layout, value)
