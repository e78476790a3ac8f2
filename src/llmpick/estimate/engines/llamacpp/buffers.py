"""The buffer that llama.cpp reserves for computing one batch: the most that the vectors of its tokens take at one time.

All layers use the same place. Bytes follow from what one layer holds per token while it works: 32-bit numbers, and a mask of 16 bits (32
without flash attention) per token and cell. xllamacpp's own plans are met exactly for dense models and mixtures with flash attention,
and within 6% without; latent attention within 2%; recurrent layers within 35%.
"""

import numpy as np

from llmpick.estimate.engines.llamacpp.cache import cells_of, window_cells
from llmpick.estimate.engines.llamacpp.options import FEW_LOGITS_FROM, FUSED_GATE_FROM, build, flash_attention, ubatch
from llmpick.estimate.shape import Number, Range, Shape
from llmpick.evidence.deployment import Deployment

_FP32, _FP16 = 4.0, 2.0
_WIDTHS = 5  # residual, its sum with attention's output, normed input, and two copies for the output
_WIDTHS_ON_GPU = 2  # the others are the host's
_LATENT_VECTORS = 2.3  # queries as they are (1/3), times the keys' matrix (8/9), and joined with their rotary part (1), of the latent key
_CONVOLUTION_STEPS, _CHANNEL_VECTORS = 3, 5  # inputs that a convolution of width 4 keeps; Mamba writes 7.5, a gated delta net less than 5
_COPIES = 4  # GGML_SCHED_MAX_COPIES: inputs that several GPUs hold, so that batches follow each other through them
_SURE, _SCORES_UNSURE, _OLDER_UNSURE, _UNSURE = 0.02, 0.06, 0.12, 0.35


def host_buffer(shape: Shape, deployment: Deployment, context_tokens: Number) -> Range:
    """Bytes on a CPU, where inputs and outputs have their place too."""
    widths = _WIDTHS * np.asarray(shape.hidden_size)
    work = _work(shape, deployment, context_tokens, widths, attention=_attention_on_host(shape))
    return _ranged(shape, deployment, _masks(shape, deployment, context_tokens) + work)


def gpu_buffer(shape: Shape, deployment: Deployment, context_tokens: Number, gpus: int) -> Range:
    """Bytes on one GPU; with several, each holds further copies of the inputs. Older builds hold the logits of a whole batch."""
    hidden = np.asarray(shape.hidden_size)
    vector = _FP32 * _batch(deployment, context_tokens) * hidden
    attention = (3.0 if gpus == 1 else 4.0) * hidden + shape.heads * np.asarray(shape.head_size)
    masks = _masks(shape, deployment, context_tokens)
    whole = masks + _work(shape, deployment, context_tokens, _WIDTHS_ON_GPU * hidden, attention=attention)
    if build(deployment) < FEW_LOGITS_FROM:
        logits = _FP32 * _batch(deployment, context_tokens) * np.asarray(shape.vocabulary_size)
        whole = np.maximum(whole, logits + vector)
    copies = 0.0 if gpus == 1 else (_COPIES - 1) * (masks + vector)
    return _ranged(shape, deployment, whole + copies)


def _ranged(shape: Shape, deployment: Deployment, whole: Number) -> Range:
    known = _SURE if flash_attention(deployment) else _SCORES_UNSURE
    if build(deployment) < FUSED_GATE_FROM:
        known = _OLDER_UNSURE
    return Range.relative(whole, np.where(np.asarray(shape.state_elements) > 0, _UNSURE, known))


def _batch(deployment: Deployment, context_tokens: Number) -> Number:
    return np.minimum(ubatch(deployment), cells_of(context_tokens))


def _work(shape: Shape, deployment: Deployment, context_tokens: Number, widths: Number, *, attention: Number) -> Number:
    """The greatest of what the feed-forward part, attention and recurrent layers need; `widths`, `attention`: elements per token."""
    batch = _batch(deployment, context_tokens)
    latent = np.where(np.asarray(shape.latent_elements) > 0, _LATENT_VECTORS * shape.heads * _latent_size(shape) + widths, 0.0)
    elements = np.maximum(np.maximum(_feed_forward(shape, deployment) + widths, latent), _recurrent(shape))
    scores = 0.0
    if not flash_attention(deployment):
        scores = np.where(np.asarray(shape.kv_layers) > 0, shape.heads * cells_of(context_tokens) + np.maximum(attention, latent), 0.0)
    return _FP32 * batch * np.maximum(elements, scores)


def _feed_forward(shape: Shape, deployment: Deployment) -> Number:
    """Input, gate and their product; for routed experts also their outputs, where those do not fit in the place of the first two."""
    kept = 1.0 if build(deployment) >= FUSED_GATE_FROM else 2 / 3
    routed = np.asarray(shape.active_experts) * shape.expert_size
    outputs = np.asarray(shape.active_experts) * shape.hidden_size
    return np.maximum(kept * np.asarray(shape.mlp_outputs), kept * 3 * routed + np.where(outputs > 2 * routed, outputs, 0.0))


def _attention_on_host(shape: Shape) -> Number:
    keys = np.asarray(shape.kv_heads) * shape.head_size
    return 3 * np.asarray(shape.hidden_size) + 3 * shape.heads * np.asarray(shape.head_size) + 2 * keys


def _latent_size(shape: Shape) -> Number:
    return np.asarray(shape.latent_elements) / np.maximum(shape.kv_layers, 1.0)


def _recurrent(shape: Shape) -> Number:
    layers = np.maximum(np.asarray(shape.blocks) - shape.kv_layers, 1.0)
    channels = np.asarray(shape.convolution_elements) / layers / _CONVOLUTION_STEPS
    return np.where(np.asarray(shape.state_elements) > 0, _CHANNEL_VECTORS * channels, 0.0)


def _masks(shape: Shape, deployment: Deployment, context_tokens: Number) -> Number:
    """One number per token of the batch and cell, for the full layers and for those that slide."""
    slides = np.asarray(shape.window_elements).sum(axis=-1) > 0
    cells = cells_of(context_tokens) + np.where(slides, window_cells(shape, deployment, context_tokens).max(axis=-1), 0.0)
    width = _FP16 if flash_attention(deployment) else _FP32
    return np.where(np.asarray(shape.kv_layers) > 0, width * _batch(deployment, context_tokens) * cells, 0.0)
