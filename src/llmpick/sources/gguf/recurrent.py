"""What the recurrent layers of a GGUF model keep per sequence, as llama.cpp allocates it.

Sizes and which layers are recurrent follow its loader (`llama_hparams::n_embd_r`, `n_embd_s` and `load_arch_hparams` of
https://github.com/ggml-org/llama.cpp). A kind that this file does not know gives None: nothing is guessed.
"""

from llmpick.evidence.model import RecurrentLayer
from llmpick.sources.gguf.keys import Keys

BOTH_IN_EVERY_LAYER = frozenset({"falcon-h1"})
_ALL_RECURRENT = frozenset({"mamba", "mamba2", "rwkv6", "rwkv6qwen2", "rwkv7", "arwkv7"})
_WITHOUT_KV_HEADS = frozenset(
    {
        "jamba",
        "granitehybrid",
        "lfm2",
        "lfm2moe",
        "plamo2",
        "kimi-linear",
        "kimi-k3",
        "bailingmoe3",
        "glm5-next",
        "nemotron_h",
        "nemotron_h_moe",
    }
)
_FULL_EVERY = {"qwen3next": 4, "qwen35": 4, "qwen35moe": 4, "qwen4exp": 4, "minimax-01": 8}
"""Of every so many layers the last one has attention, where the file neither lists the layers nor gives the number."""
_STATES = ("ssm.", "wkv.", "kda.", "shortconv.")
_NO_GROUPS = frozenset({"mamba", "jamba"})


def recurrent_layers(keys: Keys) -> tuple[RecurrentLayer | None, ...] | None:
    """The state of each layer, None for a layer without one; None instead of all where the kind of model is not known."""
    if not keys.any_of(*_STATES) and keys.architecture not in _FULL_EVERY:
        return (None,) * keys.layers
    state, which = _state(keys), _which(keys)
    if state is None or which is None:
        return None
    return tuple(state if recurrent else None for recurrent in which)


def _which(keys: Keys) -> tuple[bool, ...] | None:
    name = keys.architecture
    if name in _ALL_RECURRENT or name in BOTH_IN_EVERY_LAYER:
        return (True,) * keys.layers
    if name in _FULL_EVERY:
        interval = keys.number("full_attention_interval") or _FULL_EVERY[name]
        return keys.flags("attention.recurrent_layers") or tuple((index + 1) % interval != 0 for index in range(keys.layers))
    kv_heads = keys.per_layer("attention.head_count_kv")
    if name not in _WITHOUT_KV_HEADS or kv_heads is None:
        return None
    if name.startswith("nemotron_h"):  # a layer is a mixer or a feed-forward part, never both
        widths = keys.per_layer("feed_forward_length") or (0,) * keys.layers
        return tuple(heads == 0 and width == 0 for heads, width in zip(kv_heads, widths, strict=True))
    return tuple(heads == 0 for heads in kv_heads)


def _state(keys: Keys) -> RecurrentLayer | None:
    def number(key: str) -> int:
        return keys.number(key) or 0

    if keys.architecture == "minimax-01":
        return _linear_attention(keys)
    if head_size := number("wkv.head_size"):
        shifts = keys.number("token_shift_count")
        return RecurrentLayer(keys.hidden_size * head_size, (2 if shifts is None else shifts) * keys.hidden_size)
    if cache := number("shortconv.l_cache"):
        return RecurrentLayer(0, keys.hidden_size * (cache - 1))
    taps = max(number("ssm.conv_kernel") - 1, 0)
    if head_size := number("kda.head_dim"):
        heads = keys.heads or 0
        return RecurrentLayer(head_size * head_size * heads, 3 * taps * heads * head_size) if heads else None
    inner, state = number("ssm.inner_size"), number("ssm.state_size")
    groups = 0 if keys.architecture in _NO_GROUPS else number("ssm.group_count")
    return RecurrentLayer(state * inner, taps * (inner + 2 * groups * state)) if inner and state else None


def _linear_attention(keys: Keys) -> RecurrentLayer | None:
    """Lightning attention (arXiv:2501.08313): a square matrix per head."""
    heads = keys.heads
    if not heads:
        return None
    size = keys.number("attention.key_length") or keys.hidden_size // heads
    return RecurrentLayer(size * size * heads, 0)
