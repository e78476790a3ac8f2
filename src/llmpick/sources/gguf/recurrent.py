"""What the recurrent layers of a GGUF model keep per sequence, as llama.cpp allocates it.

Sizes and which layers are recurrent follow its loader (`llama_hparams::n_embd_r`, `n_embd_s` and `load_arch_hparams` of
https://github.com/ggml-org/llama.cpp). A kind that this file does not know gives None: nothing is guessed.
"""

from llmpick.evidence.model import RecurrentLayer
from llmpick.sources.gguf.header import Header, integer
from llmpick.sources.gguf.keys import MAX_SIZE, per_layer

BOTH_IN_EVERY_LAYER = frozenset({"falcon-h1"})
_ALL_RECURRENT = frozenset({"mamba", "mamba2", "rwkv6", "rwkv6qwen2", "rwkv7", "arwkv7"})
_BY_KV_HEADS = frozenset({"jamba", "granitehybrid", "lfm2", "lfm2moe", "plamo2", "plamo3", "kimi-linear"})
_BY_INTERVAL = frozenset({"qwen3next", "qwen35", "qwen35moe"})
_USUAL_INTERVAL = 4
_STATES = (".ssm.", ".wkv.", ".kda.", ".shortconv.")
_UNKNOWN = (".attention.compress_ratios",)


def recurrent_layers(header: Header, name: str, layer_count: int, hidden_size: int) -> tuple[RecurrentLayer | None, ...] | None:
    """The state of each layer, None for a layer without one; None instead of all where the kind of model is not known."""
    if any(key.startswith(name + part) for key in header.values for part in _UNKNOWN):
        return None
    if not any(key.startswith(name + part) for key in header.values for part in _STATES):
        return (None,) * layer_count
    state = _state(header, name, layer_count, hidden_size)
    which = _which(header, name, layer_count)
    if state is None or which is None:
        return None
    return tuple(state if recurrent else None for recurrent in which)


def _which(header: Header, name: str, layer_count: int) -> tuple[bool, ...] | None:
    if name in _ALL_RECURRENT or name in BOTH_IN_EVERY_LAYER:
        return (True,) * layer_count
    kv_heads = per_layer(header, f"{name}.attention.head_count_kv", layer_count)
    if name in _BY_KV_HEADS and kv_heads:
        return tuple(heads == 0 for heads in kv_heads)
    widths = per_layer(header, f"{name}.feed_forward_length", layer_count)
    if name in ("nemotron_h", "nemotron_h_moe") and kv_heads and widths:
        # A layer is a mixer or a feed-forward part, never both.
        return tuple(heads == 0 and width == 0 for heads, width in zip(kv_heads, widths, strict=True))
    if name in _BY_INTERVAL:
        interval = integer(header, f"{name}.full_attention_interval", MAX_SIZE) or _USUAL_INTERVAL
        return tuple((index + 1) % interval != 0 for index in range(layer_count))
    return None


def _state(header: Header, name: str, layer_count: int, hidden_size: int) -> RecurrentLayer | None:
    def number(key: str) -> int:
        return integer(header, f"{name}.{key}", MAX_SIZE) or 0

    if head_size := number("wkv.head_size"):
        return RecurrentLayer(hidden_size * head_size, (number("token_shift_count") or 2) * hidden_size)
    if cache := number("shortconv.l_cache"):
        return RecurrentLayer(0, hidden_size * (cache - 1))
    taps = max(number("ssm.conv_kernel") - 1, 0)
    if head_size := number("kda.head_dim"):
        heads = max(per_layer(header, f"{name}.attention.head_count", layer_count) or (0,))
        return RecurrentLayer(head_size * head_size * heads, 3 * taps * heads * head_size) if heads else None
    inner, state, groups = number("ssm.inner_size"), number("ssm.state_size"), number("ssm.group_count")
    return RecurrentLayer(state * inner, taps * (inner + 2 * groups * state)) if inner and state else None
