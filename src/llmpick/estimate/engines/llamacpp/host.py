"""On a CPU: what the process holds. The file is mapped and counts whole; what is allocated counts as far as it was written to."""

import numpy as np

from llmpick.estimate.engines.llamacpp.buffers import host_buffer
from llmpick.estimate.engines.llamacpp.cache import cache_lines
from llmpick.estimate.engines.llamacpp.options import flash_attention, ubatch
from llmpick.estimate.engines.llamacpp.sources import FILE, LOG, PROCESS
from llmpick.estimate.footprint import Line, filled
from llmpick.estimate.kv_cache import state_bytes
from llmpick.estimate.shape import Number, Range, Shape
from llmpick.evidence.deployment import Deployment

_MIB = 2**20
# Fitted on 40 loads of 25 shapes (standard deviation 1 MiB): 5.2 MiB of the library's file, the rest what the server allocates.
_LIBRARY = Range(11 * _MIB, 8.5 * _MIB, 14.5 * _MIB)
_TOKEN_BYTES, _MERGE_BYTES, _TABLE_SPREAD = 236, 203, 0.04
_SHORT_PROMPT = Range(0.035, 0.01, 0.15)  # shares of the buffer that about 5, 20 and 80 of 512 tokens write
_SHORT_PROMPT_OF_STATE = Range(0.15, 0.03, 0.6)  # recurrent layers work in pieces of 64 tokens and more


def host_lines(shape: Shape, deployment: Deployment, context_tokens: Number, sequences: Number, prompt_tokens: Number | None) -> list[Line]:
    lines = [*_weights(shape), *cache_lines(shape, deployment, context_tokens, sequences, Range.exact(1.0))]
    lines += [
        *checkpoint_lines(shape, deployment),
        buffer_line(shape, deployment, context_tokens, prompt_tokens),
        *process_lines(shape, sequences),
    ]
    return lines


def _weights(shape: Shape) -> list[Line]:
    weights = filled("{size} bytes of tensors, all mapped", size=shape.weights.value)
    copy = filled("{size} bytes in Q4_0, Q4_K, IQ4_NL or MXFP4, a second time", size=shape.rearranged_bytes)
    # The copy follows the weights where their bytes are not exact.
    scale = np.asarray(shape.rearranged_bytes) / np.maximum(np.asarray(shape.weights.value), 1.0)
    return [
        Line("weights", "tensors", shape.weights, weights, FILE),
        Line("weights", "rearranged copy", Range(*(part * scale for part in shape.weights)), copy, LOG),
    ]


def checkpoint_lines(shape: Shape, deployment: Deployment) -> list[Line]:
    """A recurrent state cannot be wound back, so the server keeps a copy of it from the end of the prompt."""
    state = state_bytes(shape)
    if not np.any(state) or not deployment.option("n_ctx_checkpoints", 1):
        return []
    formula = filled("{state} bytes, kept from the end of a prompt", state=state)
    return [Line("overhead", "checkpoint of the state", Range.exact(state), formula, PROCESS)]


def buffer_line(shape: Shape, deployment: Deployment, context_tokens: Number, prompt_tokens: Number | None) -> Line:
    whole = host_buffer(shape, deployment, context_tokens)
    if prompt_tokens is not None:
        written = np.minimum(1.0, np.asarray(prompt_tokens, dtype=float) / ubatch(deployment))
        formula = filled("as far as a prompt of {tokens} tokens writes in {whole} bytes", tokens=prompt_tokens, whole=whole.value)
        return Line("compute", "buffer of one batch", Range(*(part * written for part in whole)), formula, LOG)
    recurrent = np.asarray(shape.state_elements) > 0
    short = Range(*(np.where(recurrent, a, b) for a, b in zip(_SHORT_PROMPT_OF_STATE, _SHORT_PROMPT, strict=True)))
    # Scores grow with prompt x context: without flash attention a long prompt would matter too much to leave it out.
    most = short.high if flash_attention(deployment) else 1.0
    formula = filled("as far as a short prompt writes in {whole} bytes; one of a batch fills it", whole=whole.value)
    written = Range(_activations(shape, deployment, context_tokens) * short.value, 0.0, whole.high * most)
    return Line("compute", "buffer of one batch", written._replace(low=written.value * short.low / short.value), formula, LOG)


def _activations(shape: Shape, deployment: Deployment, context_tokens: Number) -> Number:
    """The buffer as it would be with flash attention: a short prompt meets few cells, and its scores are small."""
    options = {**deployment.options, "flash_attn": "on"}
    return host_buffer(shape, Deployment("llama.cpp", deployment.version, options=options), context_tokens).value


def process_lines(shape: Shape, sequences: Number) -> list[Line]:
    tables = _TOKEN_BYTES * np.asarray(shape.vocabulary_size) + _MERGE_BYTES * np.asarray(shape.merges)
    logits = 4.0 * np.asarray(shape.vocabulary_size) * sequences
    said = filled("236 bytes x {tokens} tokens + 203 x {merges} merges", tokens=shape.vocabulary_size, merges=shape.merges)
    rows = filled("4 bytes x {tokens} tokens x {n}", tokens=shape.vocabulary_size, n=sequences)
    return [
        Line("overhead", "library and server", _LIBRARY, "measured", PROCESS),
        Line("overhead", "tokenizer", Range.relative(tables, _TABLE_SPREAD), said, PROCESS),
        Line("compute", "logits", Range.exact(logits), rows, LOG),
    ]
