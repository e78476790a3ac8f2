"""What a sequence keeps while it runs: keys and values per token of context, and the state of recurrent layers.

Per token a full-attention layer keeps KV heads x (key size + value size) elements (arXiv:2211.05102, section 2; grouped and multi-query
attention only have fewer KV heads), a latent layer its compressed vector and rotary key (arXiv:2405.04434, section 2.1), a sliding layer
the same as a full one but for no more tokens than its window; a recurrent layer keeps a state of fixed size (arXiv:2312.00752).
"""

from typing import NamedTuple

import numpy as np

from llmpick.estimate.shape import Number, Shape
from llmpick.evidence.errors import InputError

KV_TYPE_BYTES = {
    "f32": 4.0,
    "float32": 4.0,
    "f16": 2.0,
    "float16": 2.0,
    "bf16": 2.0,
    "bfloat16": 2.0,
    "auto": 2.0,
    "fp8": 1.0,
    "fp8_e4m3": 1.0,
    "fp8_e5m2": 1.0,
    "int8": 1.0,
    "q8_0": 34 / 32,
    "q5_1": 24 / 32,
    "q5_0": 22 / 32,
    "q4_1": 20 / 32,
    "q4_0": 18 / 32,
    "iq4_nl": 18 / 32,
}
"""Bytes per element of the cache, scales included, by the names that llama.cpp and vLLM use."""


def kv_type_bytes(name: str) -> float:
    """Bytes per element of a cache of this type; an `InputError` that lists the known types for any other."""
    size = KV_TYPE_BYTES.get(name.lower())
    if size is None:
        raise InputError(
            f"no KV cache of type {name} is known", where="the data type of the KV cache", remedy=f"name one of {', '.join(KV_TYPE_BYTES)}"
        )
    return size


class CacheBytes(NamedTuple):
    """Bytes of one sequence, by the kind of layer that keeps them."""

    full: Number
    latent: Number
    sliding: Number

    @property
    def total(self) -> Number:
        return self.full + self.latent + self.sliding


def cache_bytes(shape: Shape, tokens: Number, *, bytes_per_element: float = 2.0, whole_context: bool = False) -> CacheBytes:
    """Bytes that `tokens` of one sequence take; `whole_context`: sliding layers keep every token too (llama.cpp's swa_full).

    `tokens` is a number or an array that broadcasts with the fields of `shape`. State of recurrent layers is apart: `state_bytes`.
    """
    length = np.asarray(tokens, dtype=float)[..., None]
    kept = length if whole_context else np.minimum(length, shape.windows)
    return CacheBytes(
        shape.kv_elements * tokens * bytes_per_element,
        shape.latent_elements * tokens * bytes_per_element,
        (shape.window_elements * kept).sum(axis=-1) * bytes_per_element,
    )


def state_bytes(shape: Shape, *, state_element_bytes: float = 4.0, convolution_element_bytes: float = 4.0) -> Number:
    """Bytes of the recurrent state of one sequence; llama.cpp keeps both parts in 32 bits, vLLM the convolution in the model's type."""
    return shape.state_elements * state_element_bytes + shape.convolution_elements * convolution_element_bytes


def share_of_heads(shape: Shape, tensor_parallel: Number) -> Number:
    """The part of the KV heads that one GPU of a tensor-parallel group keeps: heads are divided as long as there are any to divide."""
    return 1.0 / np.minimum(tensor_parallel, np.maximum(shape.kv_heads, 1.0))


def rank_cache_bytes(
    shape: Shape,
    tokens: Number,
    *,
    tensor_parallel: int = 1,
    bytes_per_element: float = 2.0,
    convolution_element_bytes: float = 2.0,
    whole_context: bool = False,
) -> Number:
    """Bytes of one sequence on one GPU of a tensor-parallel group, state included; a latent cache stands whole on every GPU."""
    kept = cache_bytes(shape, tokens, bytes_per_element=bytes_per_element, whole_context=whole_context)
    state = state_bytes(shape, convolution_element_bytes=convolution_element_bytes) / tensor_parallel
    return (kept.full + kept.sliding) * share_of_heads(shape, tensor_parallel) + kept.latent + state
