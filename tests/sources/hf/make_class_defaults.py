"""Writes src/llmpick/sources/hf/class_defaults.json from the config classes of the installed transformers: facts, no code.

Run `python -m tests.sources.hf.make_class_defaults` after installing the extra `hf`.
"""

import dataclasses
import json
from pathlib import Path
from typing import Any

FILE = Path(__file__).parents[3] / "src/llmpick/sources/hf/class_defaults.json"
# fmt: off
KEYS = (
    "hidden_size", "n_embd", "d_model", "num_hidden_layers", "n_layer", "num_layers", "n_layers", "num_attention_heads", "n_head",
    "n_heads", "num_heads", "num_key_value_heads", "num_kv_heads", "head_dim", "kv_channels", "attention_head_dim", "v_head_dim",
    "intermediate_size", "ffn_hidden_size", "ffn_dim", "n_inner", "vocab_size", "max_position_embeddings", "n_positions", "max_seq_len",
    "tie_word_embeddings", "sliding_window", "sliding_window_size", "attention_window_size", "use_sliding_window", "max_window_layers",
    "sliding_window_pattern", "attention_chunk_size", "no_rope_layer_interval", "global_attn_every_n_layers", "swa_num_attention_heads",
    "swa_num_key_value_heads", "swa_head_dim", "kv_lora_rank", "q_lora_rank", "qk_rope_head_dim", "qk_nope_head_dim", "index_n_heads",
    "index_head_dim", "n_routed_experts", "num_local_experts", "num_experts", "moe_num_experts", "num_experts_per_tok",
    "num_experts_per_token", "moe_topk", "moe_k", "top_k_experts", "n_shared_experts", "num_shared_experts", "moe_num_shared_experts",
    "moe_intermediate_size", "expert_ffn_hidden_size", "shared_expert_intermediate_size", "moe_shared_expert_intermediate_size",
    "shared_experts_intermediate_size", "shared_intermediate_size", "first_k_dense_replace", "num_dense_layers", "decoder_sparse_step",
    "interleave_moe_layer_step", "intermediate_size_mlp", "expert_layer_period", "expert_layer_offset", "moe_layer_start_index",
    "moe_layer_end_index", "moe_layer_interval", "enable_moe_block", "dense_intermediate_size", "moe_latent_size", "zero_expert_num",
    "mamba_d_state", "mamba_d_conv", "mamba_expand", "mamba_n_heads", "mamba_d_head", "mamba_n_groups", "mamba_d_ssm", "mamba_dt_rank",
    "ssm_state_size", "mamba_num_heads", "mamba_head_dim", "n_groups", "conv_kernel", "expand", "state_size", "attn_layer_period",
    "attn_layer_offset", "attn_layer_indices", "linear_num_key_heads", "linear_num_value_heads", "linear_key_head_dim",
    "linear_value_head_dim", "linear_conv_kernel_dim", "linear_head_dim", "linear_num_heads", "short_conv_kernel_size",
    "layer_group_size", "conv_L_cache", "full_attn_idxs", "block_multiple_of", "block_ffn_dim_multiplier", "block_auto_adjust_ff_dim",
    "lru_width", "conv1d_width", "block_types", "num_kv_shared_layers", "hidden_size_per_layer_input", "vocab_size_per_layer_input",
    "altup_num_inputs", "laurel_rank", "attention_k_eq_v", "use_double_wide_mlp", "multi_query", "new_decoder_architecture",
    "expansion_ratio", "num_nextn_predict_layers", "num_mtp_layers", "word_embed_proj_dim", "window_size", "attention_heads", "heads",
    "share_expert_dim", "prefix_dense_intermediate_size", "attn_output_gate", "vision_config",
)
# fmt: on


def class_defaults() -> dict[str, dict[str, Any]]:
    from transformers import CONFIG_MAPPING
    from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES as DECODERS

    found: dict[str, dict[str, Any]] = {}
    for name in sorted(CONFIG_MAPPING):
        kind = CONFIG_MAPPING[name]
        if not dataclasses.is_dataclass(kind):
            continue
        fields = {field.name: field.default for field in dataclasses.fields(kind)}
        if (name in DECODERS or name.endswith("_text")) and "is_encoder_decoder" not in kind.__dict__:
            kept = {key: fields[key] for key in KEYS if isinstance(fields.get(key), (int, float, bool, list, tuple))}
            if kept:
                found[name] = kept
    return found


def file_text(version: str) -> str:
    rows = ",\n".join(f"  {json.dumps(name)}: {json.dumps(keys)}" for name, keys in class_defaults().items())
    source = f"defaults of the config classes of https://github.com/huggingface/transformers {version}"
    return f'{{"source": {json.dumps(source)}, "defaults": {{\n{rows}\n}}}}\n'


if __name__ == "__main__":
    import transformers

    FILE.write_text(file_text(transformers.__version__), encoding="utf-8")
