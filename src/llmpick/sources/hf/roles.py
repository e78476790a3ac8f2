"""What a tensor of a Hugging Face checkpoint is for, told by its name, and the tensors of a model as groups."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from llmpick.evidence.model import TensorGroup, TensorRole
from llmpick.sources.hf.headers import Tensor

# The first rule that some word of the name fits decides. Words are what the dots part, in small letters.
_RULES: tuple[tuple[TensorRole, str], ...] = (
    ("vision", r"(vision|visual|image|audio|vit|sam_model|aligner|multi_modal|multimodal|mm_proj|connector|embed_vision|embed_audio).*"),
    ("draft", r"(mtp|nextn|eagle|shared_head|enorm|hnorm|eh_proj).*"),
    ("output", r"lm_head|embed_out|output_layer|lm_head_\w+"),
    (
        "embedding",
        r"embed_tokens\w*|wte|wpe|word_embeddings|tok_embeddings|embed_in|embed_positions|position_embeddings|(tokens|positions)_embed|embeddings?",
    ),
    ("norm", r"router|gate_inp|shared_expert_gate|.*(norm|layernorm).*|ln_\w+|.*altup.*"),
    ("shared_experts", r"shared_experts?|shared_mlp|shared_moe|share_expert"),
    ("experts", r"experts|switch_mlp"),
    (
        "recurrent",
        r"mamba\w*|linear_attn|ssm|conv|conv1d|conv_1d|short_conv|rg_lru|delta_net|in_proj|out_proj_ssm|linear_(x|y|out)|a_log|dt_bias",
    ),
    ("attention", r"self_attn\w*|attn\w*|attention\w*|self_attention|[qkvo]_proj|qkv_proj|query_key_value|c_attn|wqkv|wpack|q_proj\w*"),
    ("mlp", r"mlp\w*|feed_forward|ffn\w*|ff_\w+|fc\d|fc_\w+|dense_\w+|w[123]|(gate|up|down)_proj|c_fc|per_layer_\w+|laurel\w*|mixer"),
)
_COMPILED: tuple[tuple[TensorRole, re.Pattern[str]], ...] = tuple((role, re.compile(pattern)) for role, pattern in _RULES)
# Further numbers of packed weights: bytes of their role, but no weights.
_BESIDE = re.compile(
    r".*(qzeros|g_idx|scales?|scale_inv|zero_point|absmax|quant_map|quant_state\S*|nested_absmax|nested_quant_map|weight_shape|_scale_2|scb)$"
)
_PACKED = re.compile(r".*(qweight|weight_packed|_blocks)$")
_LAYER = re.compile(r"\blayers\.(\d{1,6})\.")


def groups_of(tensors: Iterable[Tensor], config: Mapping[str, Any] | None = None) -> tuple[TensorGroup, ...]:
    """All tensors by role and data type, most bytes first.

    `config` is the object of config.json. It tells how many weights a packed word holds, and which layers lie beyond the model's own: they
    predict further tokens. An output matrix that is only a copy of a tied embedding is left out, as engines do not load it.
    """
    config = config or {}
    decoder = config.get("text_config") if isinstance(config.get("text_config"), dict) else config
    layers = decoder.get("num_hidden_layers") if isinstance(decoder, dict) else None
    blocks = layers if type(layers) is int else None
    elements: Counter[tuple[TensorRole, str]] = Counter()
    sizes: Counter[tuple[TensorRole, str]] = Counter()
    numbers: Counter[tuple[TensorRole, str]] = Counter()
    for tensor in tensors:
        key = role_of(tensor, blocks), tensor.data_type
        elements[key] += weights_in(tensor, config)
        sizes[key] += tensor.bytes
        numbers[key] += 1
    tied = config.get("tie_word_embeddings") is True or (isinstance(decoder, dict) and decoder.get("tie_word_embeddings") is True)
    held = {role for role, _ in sizes}
    groups = [
        TensorGroup(role, data_type, elements[role, data_type], size, numbers[role, data_type])
        for (role, data_type), size in sizes.items()
        if not (tied and role == "output" and "embedding" in held)
    ]
    return tuple(sorted(groups, key=lambda group: -group.bytes))


def role_of(tensor: Tensor, blocks: int | None = None) -> TensorRole:
    """`blocks`: the number of the model's own layers."""
    words = tensor.name.lower().split(".")
    layer = _LAYER.search(tensor.name)
    first = next((role for role, rule in _COMPILED[:2] if any(rule.fullmatch(word) for word in words)), None)
    if first == "vision":
        return "vision"
    if first == "draft" or (layer and blocks and int(layer[1]) >= blocks):
        return "draft"
    if _is_router(words, tensor) or (len(tensor.shape) <= 1 and not _BESIDE.fullmatch(words[-1])):
        return "norm"
    if words[:1] == ["output"]:  # InternLM2 and Meta's own files
        return "output"
    for role, rule in _COMPILED[2:]:
        if any(rule.fullmatch(word) for word in words):
            return _sharpened(role, words)
    return "other"


def _sharpened(role: TensorRole, words: list[str]) -> TensorRole:
    """Names that mean one thing inside a recurrent layer and another outside of it."""
    if role == "recurrent" and not any(
        word.startswith(("mamba", "linear_attn", "ssm", "mixer", "conv", "short_conv", "rg_lru")) for word in words
    ):
        return "attention" if "self_attn" in words or "attn" in words else "recurrent"
    if role == "mlp" and "mixer" in words:  # Nemotron-H: what is neither attention nor feed-forward
        return "mlp" if any(word in ("up_proj", "down_proj", "gate_proj") for word in words) else "recurrent"
    if role == "mlp" and ("temporal_block" in words or "conv" in words):
        return "recurrent"
    return role


def _is_router(words: list[str], tensor: Tensor) -> bool:
    """`mlp.gate.weight` is a router; `mlp.gate_proj.weight` is not, nor is the `gate` of a feed-forward part as wide as it."""
    return (
        "gate" in words
        and "experts" not in words
        and len(tensor.shape) == 2
        and min(tensor.shape) <= 2048
        and tensor.shape[0] < tensor.shape[1]
    )


def weights_in(tensor: Tensor, config: Mapping[str, Any] | None = None) -> int:
    """How many weights of the model a tensor holds: those in its packed words, none for scales and zeros."""
    name = tensor.name.lower()
    if _BESIDE.fullmatch(name):
        return 0
    part = (config or {}).get("quantization_config")
    part = part if isinstance(part, dict) else {}
    if tensor.data_type in ("I32", "U32") and _PACKED.fullmatch(name):
        bits = _bits(part)
        return tensor.elements * 32 // bits
    if tensor.data_type == "U8" and (name.endswith(("_blocks", "_packed")) or (name.endswith("weight") and _packs_bytes(part))):
        return 2 * tensor.elements
    return tensor.elements


def _bits(part: Mapping[str, Any]) -> int:
    groups = part.get("config_groups")
    inner = next(iter(groups.values()), None) if isinstance(groups, dict) else None
    weights = inner.get("weights") if isinstance(inner, dict) else None
    bits = part.get("bits", part.get("w_bit", weights.get("num_bits") if isinstance(weights, dict) else 4))
    return bits if type(bits) is int and bits in (2, 3, 4, 8) else 4


def _packs_bytes(part: Mapping[str, Any]) -> bool:
    """Two 4-bit weights in each byte: bitsandbytes, NVFP4 and MXFP4."""
    method = str(part.get("quant_method", ""))
    return method in ("mxfp4", "modelopt", "compressed-tensors", "") or (method == "bitsandbytes" and part.get("load_in_8bit") is not True)
