"""What one GPU keeps of the KV cache, and how many tokens vLLM says that its pool holds.

Tensor parallelism divides the KV heads, as long as there are any to divide; a latent cache (MLA) stands whole on every GPU. Blocks of all
layers are of one size (`kv_cache_utils.py`): layers are put into groups of equal number, filled up, each at the largest layer's bytes; the
log divides the blocks by the groups, which charges sliding layers as if they kept every token.
"""

import numpy as np

from llmpick.estimate import kv_cache
from llmpick.estimate.engines.vllm.options import BLOCK_TOKENS, Options
from llmpick.estimate.shape import Number, Shape

_ALIKE = 1.25  # kinds of layers whose numbers differ by less are filled up to the larger one


def rank_cache_bytes(shape: Shape, options: Options, context_tokens: Number, sequences: Number) -> Number:
    """Bytes that `sequences` of `context_tokens` take on one GPU, in whole blocks; sliding layers keep their window."""
    tokens = np.ceil(np.asarray(context_tokens, dtype=float) / BLOCK_TOKENS) * BLOCK_TOKENS
    one = kv_cache.rank_cache_bytes(
        shape,
        tokens,
        tensor_parallel=options.tensor_parallel,
        bytes_per_element=options.kv_bytes,
        convolution_element_bytes=options.element_bytes,
    )
    return one * sequences * stage_share(shape, options)


def pool_tokens(shape: Shape, options: Options, pool: Number, context_tokens: Number) -> Number:
    """Tokens of context that `pool` bytes hold, as vLLM's log counts them."""
    share = stage_share(shape, options)
    by_blocks = _block_bytes_per_token(shape, options) * share
    window = shape._replace(windows=np.asarray(shape.windows) + np.asarray(options.max_num_batched_tokens)[..., None])
    request = rank_cache_bytes(window, options, context_tokens, 1.0)
    if options.version.pool_by_concurrency:
        per_token = request / np.asarray(context_tokens, dtype=float)
    else:
        per_token = np.where(np.asarray(shape.state_elements) > 0, request / np.asarray(context_tokens, dtype=float), by_blocks)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(per_token > 0, np.floor(pool / per_token), np.inf)


def stage_share(shape: Shape, options: Options) -> Number:
    """The part of the layers that the fullest pipeline stage holds."""
    blocks = np.asarray(shape.blocks)
    return np.ceil(blocks / options.pipeline_parallel) / blocks


def _block_bytes_per_token(shape: Shape, options: Options) -> Number:
    sliding = np.asarray(shape.sliding_layers)
    full = np.asarray(shape.kv_layers) - sliding
    slid_elements = np.asarray(shape.window_elements).sum(axis=-1)
    share = kv_cache.share_of_heads(shape, options.tensor_parallel)
    kept = (np.asarray(shape.kv_elements) + slid_elements) * share + shape.latent_elements
    fewer, more = np.minimum(full, sliding), np.maximum(full, sliding)
    size = np.where(more < _ALIKE * fewer, more, np.maximum(fewer, 1.0))
    layers = size * (np.ceil(full / size) + np.ceil(sliding / size))
    widest = np.maximum(shape.kv_elements / np.maximum(full, 1.0), slid_elements / np.maximum(sliding, 1.0)) * share
    return options.kv_bytes * np.where((fewer > 0) & (np.asarray(shape.latent_elements) == 0), layers * widest, kept)
