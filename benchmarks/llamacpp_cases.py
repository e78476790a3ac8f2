"""Tiny models of every kind of layer, by the keys that tell them apart; `llamacpp_kinds.py` asks llama.cpp about them.

The name of a case begins with the architecture; keys stand without it.
"""

from typing import Any

LAYERS, VOCABULARY = 12, 64

Keys = dict[str, Any]

COMMON: Keys = {
    "vocab_size": VOCABULARY,
    "context_length": 32_768,
    "block_count": LAYERS,
    "embedding_length": 64,
    "feed_forward_length": 128,
    "attention.head_count": 4,
    "attention.head_count_kv": 2,
    "attention.layer_norm_rms_epsilon": 1e-5,
    "attention.layer_norm_epsilon": 1e-5,
}
_LATENT: Keys = {
    "attention.q_lora_rank": 24,
    "attention.kv_lora_rank": 32,
    "attention.head_count_kv": 1,
    "attention.key_length": 48,
    "attention.value_length": 32,
    "attention.key_length_mla": 32,
    "attention.value_length_mla": 16,
    "rope.dimension_count": 16,
}
_LATENT_AS_HEADS: Keys = {
    "attention.q_lora_rank": 24,
    "attention.kv_lora_rank": 32,
    "attention.head_count_kv": 4,
    "attention.key_length": 32,
    "attention.value_length": 16,
    "rope.dimension_count": 16,
}
_EXPERTS: Keys = {
    "expert_count": 4,
    "expert_used_count": 2,
    "expert_feed_forward_length": 32,
    "expert_shared_feed_forward_length": 32,
    "expert_shared_count": 1,
    "leading_dense_block_count": 1,
    "expert_weights_scale": 1.0,
    "expert_gating_func": 2,
}
_SSM: Keys = {"ssm.conv_kernel": 4, "ssm.inner_size": 128, "ssm.state_size": 16, "ssm.time_step_rank": 8, "ssm.group_count": 2}
_DELTA: Keys = _SSM | {"ssm.group_count": 4}
_KDA: Keys = _LATENT | _EXPERTS | {"attention.head_count_kv": [0, 0, 0, 1] * 3, "ssm.conv_kernel": 4, "kda.head_dim": 16}
_INDEXER: Keys = {"attention.indexer.head_count": 2, "attention.indexer.key_length": 16, "attention.indexer.top_k": 8}
_WINDOW: Keys = {"attention.sliding_window": 256}
_EVERY_THIRD: Keys = _WINDOW | {"attention.sliding_window_pattern": [True, True, False] * 4}
_EVERY_FOURTH: Keys = {"attention.head_count_kv": [0, 0, 0, 2] * 3}
_DRAFT: Keys = {"block_count": LAYERS + 1, "nextn_predict_layers": 1}
_RWKV: Keys = {"wkv.head_size": 16, "attention.gate_lora_rank": 8}
_SHORT: Keys = _EVERY_FOURTH | {"shortconv.l_cache": 3}
_GEMMA4: Keys = _EVERY_THIRD | {
    "attention.key_length": 32,
    "attention.value_length": 32,
    "attention.key_length_swa": 16,
    "attention.value_length_swa": 16,
    "attention.shared_kv_layers": 3,
}
_DOTS3NOTE: Keys = {
    "attention.kv_lora_rank_swa": 16,
    "attention.key_length_mla_swa": 32,
    "attention.value_length_mla_swa": 8,
    "attention.key_length_swa": 32,
    "attention.value_length_swa": 16,
    "attention.indexer.types": [False, False, True] * 4,
}
_MIMO2: Keys = {
    "attention.head_count_kv": [4, 4, 2] * 4,
    "attention.key_length": 24,
    "attention.value_length": 16,
    "attention.key_length_swa": 16,
    "attention.value_length_swa": 8,
}
_DECI: Keys = {
    "attention.head_count": [4, 0, 4] * 4,
    "attention.head_count_kv": [2, 0, 1] * 4,
    "feed_forward_length": [128, 128, 0] * 4,
}
_FUSED = "time_mix_lerp_fused.weight"

CASES: dict[str, Keys] = {
    # latent attention, and indexers of sparse attention
    "deepseek2": _LATENT | _EXPERTS,
    "deepseek2 of old": _LATENT_AS_HEADS | _EXPERTS,
    "deepseek2 with a draft layer": _LATENT | _EXPERTS | _DRAFT,
    "deepseek32": _LATENT | _EXPERTS | _INDEXER,
    "glm-dsa": _LATENT | _EXPERTS | _INDEXER,
    "glm-dsa with shared indexers": _LATENT | _EXPERTS | _INDEXER | {"attention.indexer.types": [True, False, False, False] * 3},
    "dots3note": _LATENT | _EXPERTS | _INDEXER | _EVERY_THIRD | _DOTS3NOTE,
    "minicpm3": _LATENT_AS_HEADS,
    "minimax-m3": _EXPERTS | _INDEXER | {"leading_dense_block_count": 3, "attention.indexer.key_length": 24},
    # recurrent layers, alone and with attention
    "mamba": _SSM | {"attention.head_count": 0, "attention.head_count_kv": 0, "feed_forward_length": 0},
    "mamba2": _SSM | {"attention.head_count": 0, "attention.head_count_kv": 0, "feed_forward_length": 0},
    "jamba": _SSM | _EVERY_FOURTH,
    "granitehybrid": _SSM | _EVERY_FOURTH,
    "plamo2": _SSM | _EVERY_FOURTH | {"attention.key_length": 16, "attention.value_length": 16},
    "nemotron_h": _SSM | _EVERY_FOURTH | {"feed_forward_length": [0, 128, 0, 0] * 3},
    "nemotron_h_moe": _SSM | _EXPERTS | _EVERY_FOURTH | {"feed_forward_length": [0, 128, 0, 0] * 3},
    "falcon-h1": _SSM,
    "lfm2": _SHORT,
    "lfm2 with a window": _SHORT | _WINDOW,
    "lfm2moe": _SHORT | _EXPERTS,
    "rwkv6": _RWKV,
    "rwkv6 with one shift": _RWKV | {"token_shift_count": 1},
    "rwkv7": _RWKV,
    "rwkv6qwen2": _RWKV,
    "arwkv7": _RWKV,
    "qwen3next": _DELTA | _EXPERTS,
    "qwen35": _DELTA,
    "qwen35 with a draft layer": _DELTA | _DRAFT,
    "qwen35 with an interval": _DELTA | {"full_attention_interval": 3},
    "qwen35 with a list": _DELTA | {"attention.recurrent_layers": [True, True, False] * 4},
    "qwen35moe": _DELTA | _EXPERTS,
    "qwen4exp": _DELTA | _EXPERTS | _INDEXER,
    "minimax-01": _EXPERTS,
    "kimi-linear": _KDA | {"attention.q_lora_rank": None},
    "bailingmoe3": _KDA,
    "glm5-next": _KDA
    | _INDEXER
    | {"rope.dimension_count": 0, "attention.key_length": 32, "attention.indexer.kpool": 4, "hyper_connection.count": 4},
    # sliding windows
    "gemma2": {"attention.sliding_window": None},
    "gemma3": _WINDOW,
    "gemma3 with a period": _WINDOW | {"attention.sliding_window_pattern": 3},
    "gemma3 with a list": _EVERY_THIRD,
    "gemma3n": _WINDOW | {"block_count": 24},
    "gemma4": _GEMMA4,
    "gpt-oss": _WINDOW | _EXPERTS,
    "llama4": _EXPERTS | {"interleave_moe_layer_step": 1},
    "llama4 without windows": _EXPERTS | {"interleave_moe_layer_step": 1, "attention.sliding_window": 0},
    "cohere2": _WINDOW,
    "cohere2moe": _WINDOW | _EXPERTS,
    "exaone4": _WINDOW,
    "exaone4 with 64 layers": _WINDOW | {"block_count": 64},
    "exaone-moe": _WINDOW | _EXPERTS,
    "afmoe": _WINDOW | _EXPERTS,
    "mimo2": _EVERY_THIRD | _EXPERTS | _MIMO2,
    "step35 with a draft layer": _WINDOW | _EXPERTS | _DRAFT | {"attention.sliding_window_pattern": [True, True, False] * 4 + [True]},
    "olmo2": _WINDOW,
    "plamo3": _WINDOW,
    "smallthinker": _WINDOW | _EXPERTS,
    "mellum": _WINDOW | _EXPERTS,
    "granite_swa": _EVERY_THIRD,
    "phi3": _WINDOW,
    # sizes that differ from layer to layer
    "deci": _DECI,
    "openelm": {"attention.head_count": [4, 2, 4] * 4, "attention.head_count_kv": [2, 1, 1] * 4, "feed_forward_length": [128] * 12},
    "glm4moe with a draft layer": _EXPERTS | _DRAFT,
    "qwen2moe": _EXPERTS,
}
OPTIONAL = {"rwkv6": (_FUSED,), "rwkv6 with one shift": (_FUSED,)}
"""Tensors that llama.cpp calls optional and yet insists on. Without its first one, a file with draft layers counts as theirs alone."""
ASKED_FOR: Keys = {
    "activation.situ_beta": 1.0,
    "attention.clamp_kqv": 1.0,
    "attention.decay_lora_rank": 8,
    "attention.iclr_lora_rank": 8,
    "attention.indexer.block_size": 16,
    "attention.indexer.local_blocks": 1,
    "attention.value_residual_mix_lora_rank": 8,
    "embedding_length_per_layer_input": 8,
    "expert_feed_forward_length": 32,
    "hyper_connection.count": 2,
    "hyper_connection.epsilon": 1e-5,
    "hyper_connection.low_rank": 4,
    "hyper_connection.sinkhorn_iterations": 3,
    "kda.gate_lower_bound": -5.0,
    "logit_scale": 1.0,
    "residual_scale": 1.0,
    "rope.dimension_sections": [2, 2, 2, 2],
    "rope.freq_base_swa": 1e4,
    "time_decay_extra_dim": 8,
    "time_mix_extra_dim": 8,
}
"""Values of keys that llama.cpp misses; none of them has a part in the caches."""
