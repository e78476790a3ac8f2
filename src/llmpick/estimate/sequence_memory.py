"""What an architecture means in plain words: which layers keep how much of a sequence, and how many bytes that is."""

from dataclasses import dataclass

from llmpick.estimate.kv_cache import cache_bytes, state_bytes
from llmpick.estimate.shape import shape_of
from llmpick.evidence.model import Architecture, AttentionLayer, Blueprint, RecurrentLayer
from llmpick.evidence.values import Source

CONTEXTS = (4096, 32768, 131072)


@dataclass(frozen=True, slots=True)
class LayerKind:
    """`count` layers that keep the same for a sequence; `per_token` elements, of at most `window` tokens, or `state` ones in all."""

    count: int
    kind: str
    per_token: int = 0
    window: int | None = None
    state: int = 0


@dataclass(frozen=True, slots=True)
class Meaning:
    """What an architecture means for memory. Bytes of one sequence with a cache of 16 bits; `at` by tokens of context."""

    kinds: tuple[LayerKind, ...]
    per_token_bytes: int
    state_bytes: int
    at: tuple[tuple[int, int], ...]


def meaning_of(architecture: Architecture, context_tokens: int | None = None) -> Meaning:
    """The layers by what they keep, and the bytes of one sequence up to the context that the model was trained on.

    A sliding layer keeps no more than its window.
    """
    nothing_stored = Blueprint("", "facts", "gguf", "", architecture, (), None, Source(""))
    shape = shape_of(nothing_stored)
    assert shape is not None, "a blueprint with an architecture has a shape"
    state = int(state_bytes(shape))
    contexts = sorted({tokens for tokens in CONTEXTS if tokens < (context_tokens or tokens + 1)} | {context_tokens or CONTEXTS[0]})
    at = tuple((tokens, int(cache_bytes(shape, tokens).total) + state) for tokens in contexts)
    per_token = 2 * sum(kind.count * kind.per_token for kind in _kinds(architecture) if kind.window is None)
    return Meaning(_kinds(architecture), per_token, state, at)


def _kinds(architecture: Architecture) -> tuple[LayerKind, ...]:
    counts: dict[LayerKind, int] = {}
    for layer in architecture.layers:
        kind = _kind(layer)
        counts[kind] = counts.get(kind, 0) + 1
    return tuple(LayerKind(count, kind.kind, kind.per_token, kind.window, kind.state) for kind, count in counts.items())


def _kind(layer: AttentionLayer | RecurrentLayer) -> LayerKind:
    if isinstance(layer, RecurrentLayer):
        return LayerKind(0, "recurrent", state=layer.state_elements + layer.convolution_elements)
    elements = layer.kv_heads * (layer.key_size + layer.value_size)
    if layer.latent or not layer.value_size:
        return LayerKind(0, "latent attention", elements)
    return LayerKind(0, "sliding window" if layer.window else "full attention", elements, layer.window)
