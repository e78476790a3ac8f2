"""Rows of the measured table of model configurations, written as the config.json that such a model has."""

from typing import Any

# Which keys of a config.json the columns are; MODEL_TYPES says how each family is called.
COLUMNS = {
    "num_hidden_layers": "n_layers",
    "hidden_size": "hidden_size",
    "num_attention_heads": "n_heads",
    "num_key_value_heads": "n_kv_heads",
    "head_dim": "head_dim",
    "v_head_dim": "v_head_dim",
    "intermediate_size": "intermediate_size",
    "vocab_size": "vocab_size",
    "sliding_window": "sliding_window_tokens",
    "kv_lora_rank": "kv_lora_rank",
    "q_lora_rank": "q_lora_rank",
    "qk_rope_head_dim": "qk_rope_head_dim",
    "qk_nope_head_dim": "qk_nope_head_dim",
    "n_routed_experts": "n_routed_experts",
    "num_experts_per_tok": "n_experts_active",
    "n_shared_experts": "n_shared_experts",
    "moe_intermediate_size": "moe_intermediate_size",
    "shared_expert_intermediate_size": "shared_expert_intermediate_size",
    "first_k_dense_replace": "n_dense_layers_first",
    "num_nextn_predict_layers": "mtp_layers",
    "max_position_embeddings": "max_context_tokens",
    "num_global_key_value_heads": "global_n_kv_heads",
    "global_head_dim": "global_head_dim",
    "linear_num_value_heads": "ssm_n_heads_v",
    "linear_num_key_heads": "ssm_n_heads_k",
    "linear_value_head_dim": "ssm_head_dim_v",
    "linear_key_head_dim": "ssm_head_dim_k",
    "linear_conv_kernel_dim": "ssm_conv_kernel",
}
NEMOTRON_H = {
    "mamba_num_heads": "ssm_n_heads_v",
    "mamba_head_dim": "ssm_head_dim_v",
    "ssm_state_size": "ssm_state_size",
    "conv_kernel": "ssm_conv_kernel",
    "n_groups": "ssm_n_groups",
    "moe_shared_expert_intermediate_size": "shared_expert_intermediate_size",
}
MODEL_TYPES = {
    "CohereForCausalLM": "cohere",
    "Cohere2ForCausalLM": "cohere2",
    "DeepseekV2ForCausalLM": "deepseek_v2",
    "DeepseekV3ForCausalLM": "deepseek_v3",
    "DeepseekV32ForCausalLM": "deepseek_v32",
    "DeepseekV4ForCausalLM": "deepseek_v4",
    "Gemma2ForCausalLM": "gemma2",
    "Gemma3ForCausalLM": "gemma3_text",
    "Gemma3ForConditionalGeneration": "gemma3_text",
    "Gemma4ForConditionalGeneration": "gemma4_text",
    "GemmaForCausalLM": "gemma",
    "GlmMoeDsaForCausalLM": "glm_moe_dsa",
    "GptOssForCausalLM": "gpt_oss",
    "KimiK25ForConditionalGeneration": "deepseek_v3",
    "KimiVLForConditionalGeneration": "deepseek_v3",
    "Llama4ForConditionalGeneration": "llama4_text",
    "MiniMaxM2ForCausalLM": "minimax_m2",
    "MixtralForCausalLM": "mixtral",
    "NemotronHForCausalLM": "nemotron_h",
    "OPTForCausalLM": "opt",
    "OlmoeForCausalLM": "olmoe",
    "PhiForCausalLM": "phi",
    "Phi3ForCausalLM": "phi3",
    "Qwen2ForCausalLM": "qwen2",
    "Qwen2MoeForCausalLM": "qwen2_moe",
    "Qwen3ForCausalLM": "qwen3",
    "Qwen3MoeForCausalLM": "qwen3_moe",
    "Qwen3_5ForConditionalGeneration": "qwen3_5_text",
    "Qwen3_5MoeForConditionalGeneration": "qwen3_5_moe_text",
    "MiMoV2FlashForCausalLM": "mimo_v2_flash",
    "Step3p7FlashForCausalLM": "step3p5",
    "MiniMaxM3ForCausalLM": "minimax_m3_vl_text",
    "MiniMaxM3SparseForConditionalGeneration": "minimax_m3_vl_text",
}
# What these files say by other keys than the table's columns.
FURTHER: dict[str, dict[str, Any]] = {
    "gemma4_text": {"attention_k_eq_v": True, "hidden_size_per_layer_input": 0},
    "llama4_text": {"intermediate_size_mlp": 16_384},
    "minimax_m3_vl_text": {"dense_intermediate_size": 12_288, "shared_intermediate_size": 3_072},
    "mimo_v2_flash": {"swa_num_key_value_heads": 8, "swa_head_dim": 192, "swa_v_head_dim": 128},
}


def config_of_row(row: dict[str, str]) -> dict[str, Any]:
    """The config.json of one row of model_configs.csv."""
    name = MODEL_TYPES.get(row["architecture"], "llama")
    config: dict[str, Any] = {"model_type": name, "architectures": [row["architecture"]], "sliding_window": None}
    columns = COLUMNS | (NEMOTRON_H if name == "nemotron_h" else {})
    config |= {key: int(row[column]) for key, column in columns.items() if row[column]}
    if row["tied_embeddings"]:
        config["tie_word_embeddings"] = row["tied_embeddings"] == "true"
    if row["extra"].startswith("hybrid pattern"):
        counts = dict(part.split("=") for part in row["extra"].split(";")[0].removeprefix("hybrid pattern ").split())
        config["hybrid_override_pattern"] = "".join(letter * int(number) for letter, number in counts.items())
    kinds = {"interleave_moe_layer_step": int, "attention_chunk_size": int, "index_head_dim": int, "index_n_heads": int}
    pairs = (part.strip().split("=") for part in row["extra"].split(";") if part.strip().count("=") == 1)
    config |= {key: kinds[key](value) for key, value in pairs if key in kinds}
    if name == "gemma4_text" and row["n_routed_experts"]:
        config |= {"enable_moe_block": True, "num_experts": int(row["n_routed_experts"]), "top_k_experts": int(row["n_experts_active"])}
    if name == "step3p5":
        config["layer_types"] = [*(["full_attention"] + ["sliding_attention"] * 3) * 11, "full_attention"]
        config |= {"share_expert_dim": 1280, "attention_other_setting": {"num_attention_heads": 96, "num_attention_groups": 8}}
    if name in ("minimax_m3_vl_text", "step3p5"):
        dense = int(row["n_dense_layers_first"] or 3)
        config["mlp_layer_types"] = ["dense" if index < dense else "sparse" for index in range(int(row["n_layers"]))]
    return config | FURTHER.get(name, {})
