"""What each layer keeps per token of context, from the keys of a GGUF header, as llama.cpp derives it.

Which layers look through a sliding window is written into few files; mostly llama.cpp's loader of the architecture knows it
(`load_arch_hparams` in src/models/*.cpp of https://github.com/ggml-org/llama.cpp). Where neither says so, every layer counts as full
attention: that is what llama.cpp then allocates, and an upper bound for other engines.
"""

from typing import NamedTuple

from llmpick.evidence.errors import ModelFileError
from llmpick.evidence.model import Architecture, AttentionLayer, Experts, RecurrentLayer
from llmpick.sources.gguf.header import DOWNLOAD_AGAIN, Header, SkippedArray, integer, is_integer, text, wrong_type
from llmpick.sources.gguf.keys import MAX_SIZE, per_layer
from llmpick.sources.gguf.recurrent import BOTH_IN_EVERY_LAYER, recurrent_layers

_MAX_LAYERS = 1_024
_MAX_CONTEXT = 2**31 - 1


class _Sliding(NamedTuple):
    """Of every `period` layers the last one has full attention; `window` is what llama.cpp assumes where the file gives none."""

    period: int
    window: int | None = None


_SLIDING = {
    "cohere2": _Sliding(4),
    "gemma2": _Sliding(2, 4096),
    "gemma3": _Sliding(6),
    "gemma3n": _Sliding(5),
    "gpt-oss": _Sliding(2),
    "llama4": _Sliding(4, 8192),
    "olmo2": _Sliding(4),
}
_GEMMA3N_OWN_KV_LAYERS = 20


def read_context_tokens(header: Header) -> int | None:
    """The context the model was trained for."""
    key = f"{_name(header)}.context_length"
    tokens = integer(header, key, _MAX_CONTEXT)
    if tokens == 0:
        raise wrong_type(header, key, "a number of tokens")
    return tokens


def read_architecture(header: Header) -> Architecture | None:
    """None where the keys do not tell what a layer keeps. Raises `ModelFileError` where they contradict themselves."""
    name = _name(header)
    layer_count = integer(header, f"{name}.block_count", _MAX_LAYERS)
    hidden_size = integer(header, f"{name}.embedding_length", MAX_SIZE)
    if layer_count == 0 or hidden_size == 0:
        raise ModelFileError("the model has no layers or no width", where=f"{header.path}: {name}.block_count", remedy=DOWNLOAD_AGAIN)
    if layer_count is None or hidden_size is None:
        return None
    layers = _layers(header, name, layer_count, hidden_size)
    if not layers:
        return None
    heads = per_layer(header, f"{name}.attention.head_count", layer_count)
    widths = per_layer(header, f"{name}.feed_forward_length", layer_count)
    return Architecture(
        name,
        hidden_size,
        _vocabulary_size(header, name),
        layers,
        blocks=layer_count,
        heads=max(heads) if heads and max(heads) else None,
        intermediate_size=max(widths) if widths and max(widths) else None,
        experts=_experts(header, name),
    )


def _experts(header: Header, name: str) -> Experts | None:
    count = integer(header, f"{name}.expert_count", MAX_SIZE)
    used = integer(header, f"{name}.expert_used_count", MAX_SIZE)
    shared = integer(header, f"{name}.expert_shared_count", MAX_SIZE) or 0
    return Experts(count, min(used, count), shared) if count and used else None


def _name(header: Header) -> str:
    name = text(header, "general.architecture")
    if not name:
        raise ModelFileError("the file does not name its architecture", where=f"{header.path}: general.architecture", remedy=DOWNLOAD_AGAIN)
    return name


def _layers(header: Header, name: str, layer_count: int, hidden_size: int) -> tuple[AttentionLayer | RecurrentLayer, ...]:
    """What each layer keeps, in order; () where the keys do not tell."""
    own = _layers_with_own_kv(header, name, layer_count)
    states = recurrent_layers(header, name, layer_count, hidden_size)
    if states is None:
        return ()
    attention = _attention(header, name, layer_count, hidden_size)
    if attention is None:
        return tuple(state for state in states if state) if all(states) else ()
    kept = list[AttentionLayer | RecurrentLayer]()
    for index in range(own):
        state, layer = states[index], attention[index]
        if state:
            kept.append(state)
        # Falcon-H1 has both in every layer. No KV heads: this layer keeps no cache.
        if layer.kv_heads and (state is None or name in BOTH_IN_EVERY_LAYER):
            kept.append(layer)
    return tuple(kept)


def _attention(header: Header, name: str, layer_count: int, hidden_size: int) -> tuple[AttentionLayer, ...] | None:
    heads = per_layer(header, f"{name}.attention.head_count", layer_count)
    kv_heads = per_layer(header, f"{name}.attention.head_count_kv", layer_count) or heads
    if heads is None or kv_heads is None or not max(heads):
        return None
    windows = _windows(header, name, layer_count)
    full = _head_sizes(header, name, "", (hidden_size // max(heads), hidden_size // max(heads)))
    if f"{name}.attention.key_length_mla" in header.values:
        # Files without this key are run with keys and values of all heads; with it, llama.cpp keeps the latent vector and no values.
        return tuple(AttentionLayer(1, full[0], 0, window, latent=True) for window in windows)
    sliding = _head_sizes(header, name, "_swa", full)
    return tuple(
        AttentionLayer(kv_heads[index], *(full if windows[index] is None else sliding), windows[index]) for index in range(layer_count)
    )


def _head_sizes(header: Header, name: str, suffix: str, default: tuple[int, int]) -> tuple[int, int]:
    key = integer(header, f"{name}.attention.key_length{suffix}", MAX_SIZE)
    value = integer(header, f"{name}.attention.value_length{suffix}", MAX_SIZE)
    return default[0] if key is None else key, default[1] if value is None else value


def _layers_with_own_kv(header: Header, name: str, layer_count: int) -> int:
    """Not the last layers of Gemma 3n and Gemma 4, which use those of earlier ones, nor layers that only predict further tokens (MTP)."""
    if name == "gemma3n":
        return min(_GEMMA3N_OWN_KV_LAYERS, layer_count)
    shared = integer(header, f"{name}.attention.shared_kv_layers", layer_count) or 0
    return layer_count - max(shared, integer(header, f"{name}.nextn_predict_layers", layer_count) or 0)


def _windows(header: Header, name: str, layer_count: int) -> tuple[int | None, ...]:
    """The window of each layer in tokens; None for full attention."""
    known = _SLIDING.get(name)
    window = integer(header, f"{name}.attention.sliding_window", _MAX_CONTEXT)
    if window is None and known:
        window = known.window
    if not window:
        return (None,) * layer_count
    pattern = header.values.get(f"{name}.attention.sliding_window_pattern")
    if isinstance(pattern, tuple) and len(pattern) >= layer_count:
        return tuple(window if slides else None for slides in pattern[:layer_count])
    if known is None:
        return (None,) * layer_count
    period = pattern if is_integer(pattern) and pattern >= 0 else known.period
    return tuple(window if period == 0 or index % period < period - 1 else None for index in range(layer_count))


def _vocabulary_size(header: Header, name: str) -> int | None:
    size = integer(header, f"{name}.vocab_size", MAX_SIZE)
    if size is not None:
        return size
    tokens = header.values.get("tokenizer.ggml.tokens")
    if isinstance(tokens, SkippedArray):
        return tokens.length
    return len(tokens) if isinstance(tokens, tuple) else None
