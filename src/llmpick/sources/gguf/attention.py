"""What the attention layers of a GGUF model keep per token of context, as llama.cpp allocates it.

Mostly keys and values of the KV heads. Latent attention keeps one vector per layer, and sparse attention one more key per layer by which
an indexer chooses what to look at. Sizes follow `llama_kv_cache`, `llama_kv_cache_dsa`, `llama_kv_cache_msa`, `llama_kv_cache_dsv4` and
`llama_model::create_memory` of https://github.com/ggml-org/llama.cpp.
"""

from collections.abc import Sequence

from llmpick.evidence.model import AttentionLayer, RecurrentLayer
from llmpick.sources.gguf.keys import Keys
from llmpick.sources.gguf.sliding import windows

Kept = tuple[AttentionLayer | RecurrentLayer, ...]
"""What one layer keeps."""

_INDEXER_IN_LATENT = frozenset({"deepseek32", "glm-dsa", "dots3note", "glm5-next", "hy_v4"})
_POOLING_INDEXERS = frozenset({"glm5-next"})  # which keep a key, its gate and the pooled key
_GLM_5_2_CONTEXT = 1_048_576
_GEMMA3N_OWN_KV_LAYERS = 20


def attention_layers(keys: Keys) -> tuple[Kept, ...] | None:
    """What each layer would keep if it has attention, () for one without KV heads; None where the keys do not tell."""
    if keys.any_of("attention.compress_ratios"):
        return _compressed(keys)
    heads, kv_heads = keys.heads, keys.per_layer("attention.head_count_kv") or keys.per_layer("attention.head_count")
    if heads is None or kv_heads is None:
        return None
    window = windows(keys)
    sizes = _sizes(keys, "", (keys.hidden_size // heads, keys.hidden_size // heads))
    sliding = _sizes(keys, "_swa", sizes)
    latent = keys.number("attention.key_length_mla") is not None
    indexers = _indexers(keys, sizes[1])
    if indexers is None:
        return None
    own = _layers_with_own_cache(keys)
    found = list[Kept]()
    for index in range(keys.layers):
        key, value = sizes if window[index] is None else sliding
        if not kv_heads[index] or index >= own:
            found.append(())
        elif latent:
            # Files without these keys are run with keys and values of all heads; with them, llama.cpp keeps no values.
            elements = key + sum(layer.key_size for layer in indexers[index])
            found.append((AttentionLayer(1, elements, 0, window[index], latent=window[index] is None),))
        else:
            found.append((AttentionLayer(kv_heads[index], key, value, window[index]), *indexers[index]))
    return tuple(found)


def _sizes(keys: Keys, suffix: str, default: tuple[int, int]) -> tuple[int, int]:
    key, value = keys.number(f"attention.key_length{suffix}"), keys.number(f"attention.value_length{suffix}")
    return default[0] if key is None else key, default[1] if value is None else value


def _layers_with_own_cache(keys: Keys) -> int:
    """The last layers of Gemma 3n and Gemma 4 use the keys and values of earlier ones."""
    if keys.architecture == "gemma3n":
        return _GEMMA3N_OWN_KV_LAYERS
    return keys.layers - min(keys.number("attention.shared_kv_layers") or 0, keys.layers)


def _indexers(keys: Keys, value_size: int) -> Sequence[tuple[AttentionLayer, ...]] | None:
    """What the indexer of each layer keeps; None where some layers have one and it is not known which."""
    name, size = keys.architecture, keys.number("attention.indexer.key_length")
    none: tuple[AttentionLayer, ...] = ()
    if not size:
        return (none,) * keys.layers
    one = (AttentionLayer(1, size * (3 if name in _POOLING_INDEXERS else 1), 0, latent=True),)
    if name in _INDEXER_IN_LATENT:
        own = keys.flags("attention.indexer.types") or _usual_indexers(keys)
        return tuple(one if has else none for has in own)
    if name == "qwen4exp":
        return (one,) * keys.layers
    if name == "minimax-m3":
        first, sparse = keys.number("leading_dense_block_count") or 0, (AttentionLayer(1, size, value_size, latent=True),)
        return tuple(sparse if index >= first else none for index in range(keys.layers))
    return None


def _usual_indexers(keys: Keys) -> tuple[bool, ...]:
    """Without a list every layer has an indexer, but GLM-5.2 (known by its context): the first two, the third and every fourth from it."""
    if keys.architecture == "glm-dsa" and (keys.number("context_length") or 0) >= _GLM_5_2_CONTEXT:
        return tuple(index < 2 or index % 4 == 2 for index in range(keys.layers))
    return (True,) * keys.layers


def _compressed(keys: Keys) -> tuple[Kept, ...] | None:
    """DeepSeek-V4: the last tokens as they are, and for every 4 or 128 tokens one compressed vector, with its compressor's state.

    Layers of ratio 4 have an indexer, and their compressor looks back over two blocks.
    """
    ratios, size = keys.per_layer("attention.compress_ratios"), keys.number("attention.key_length")
    window, index_size = keys.number("attention.sliding_window"), keys.number("attention.indexer.key_length")
    if keys.architecture != "deepseek4" or not ratios or not size or not window or index_size is None:
        return None
    return tuple(_compressed_layer(ratio, size, index_size, window) for ratio in ratios)


def _compressed_layer(ratio: int, size: int, index_size: int, window: int) -> Kept:
    recent = AttentionLayer(1, size, 0, window)
    if ratio == 0:
        return (recent,)
    if ratio == 4:
        vectors = AttentionLayer(1, (size + index_size) // ratio, 0, latent=True)
        return recent, vectors, RecurrentLayer(4 * 2 * ratio * (size + index_size), 0)
    return recent, AttentionLayer(1, max(1, size // ratio), 0, latent=True), RecurrentLayer(2 * ratio * size, 0)
