"""Seconds of a decode step and of a prompt, term by term: what must be read, computed, exchanged, and launched.

Decoding is bound by memory: each step reads the weights in use and the cache of every sequence (arXiv:2211.05102, section 2), or, with
many sequences, by 2 operations per weight and sequence. A prompt is bound by computing, or by one reading of the weights per batch. All
arguments may be arrays that broadcast.
"""

from typing import Any, NamedTuple

import numpy as np

from llmpick.estimate.kv_cache import share_of_heads
from llmpick.estimate.shape import Number, Shape
from llmpick.estimate.speed_constants import SpeedConstants

SIXTEEN_BIT = 2.0
"""Bytes of one activation or weight in 16 bits."""


class Machine(NamedTuple):
    """Bytes and operations per second of one device, and of its links: to its peers, and to the host's memory."""

    bandwidth: Number
    flops: Number
    link: Number = 50e9
    host_bandwidth: Number = 50e9
    host_link: Number = 25e9


class Work(NamedTuple):
    """What the engine is asked: context tokens held, prompt tokens, sequences at once; bytes of cache and state of one sequence."""

    sequences: Number
    cache_bytes: Number
    prompt_tokens: Number
    batch_tokens: Number
    """Prompt tokens that are computed together (llama.cpp's n_ubatch, vLLM's max_num_batched_tokens)."""


class Layout(NamedTuple):
    """How the model is spread. Shares of the routed experts, and of everything else, that lie in the host's memory."""

    tensor_parallel: Number = 1.0
    host_experts: Number = 0.0
    host_layers: Number = 0.0


class Traffic(NamedTuple):
    """Bytes of weights that are read at once, by where they lie."""

    device: Number
    host: Number


def weights_read(shape: Shape, tokens: Number, layout: Layout) -> Traffic:
    """Bytes read to pass `tokens` through all layers together: of the experts those that at least one token takes.

    With k of E experts taken independently by each token, 1 - (1 - k/E)^tokens of them are touched.
    """
    touched = 1.0 - (1.0 - shape.expert_share) ** np.asarray(tokens, dtype=float)
    experts = shape.expert_bytes * touched
    dense = shape.read_bytes - shape.expert_bytes * shape.expert_share
    host = experts * np.maximum(layout.host_experts, layout.host_layers) + dense * layout.host_layers
    return Traffic(dense + experts - host, host)


def decode_seconds(shape: Shape, machine: Machine, constants: SpeedConstants, work: Work, layout: Layout) -> Number:
    """Seconds of one step, in which every sequence gets one token."""
    traffic = weights_read(shape, work.sequences, layout)
    share = 1.0 / np.asarray(layout.tensor_parallel, dtype=float)
    reading = traffic.device * share / (constants.weight_efficiency * machine.bandwidth)
    computing = 2.0 * shape.active_parameters * work.sequences * share / usable_flops(machine, constants)
    unpacking = np.where(_is_packed(shape), constants.unpack_ops * shape.active_parameters * share / machine.flops, 0.0)
    elsewhere = traffic.host / (HOST_EFFICIENCY * machine.host_bandwidth)
    cache = work.cache_bytes * work.sequences * cache_share(shape, layout) / (constants.kv_efficiency * machine.bandwidth)
    fixed = launch_seconds(shape, constants) + constants.sequence_s * work.sequences
    exchange = exchange_seconds(shape, machine, constants, work.sequences, layout)
    return fixed + np.maximum(reading, np.maximum(computing, unpacking)) + elsewhere + cache + exchange


HOST_EFFICIENCY = 0.7
"""Share of its memory bandwidth that a CPU reaches on weights: STREAM-like reads reach 70-90% of the rated figure."""


def prefill_seconds(shape: Shape, machine: Machine, constants: SpeedConstants, work: Work, layout: Layout) -> Number:
    """Seconds to pass a prompt of `work.prompt_tokens` through the model, in batches, with nothing else to do.

    Host weights are copied over the link once per batch, as llama.cpp does for long prompts.
    """
    share = 1.0 / np.asarray(layout.tensor_parallel, dtype=float)
    prompt = np.asarray(work.prompt_tokens, dtype=float)
    batches = np.ceil(prompt / work.batch_tokens)
    traffic = weights_read(shape, prompt / batches, layout)
    experts = np.where(np.asarray(shape.expert_bytes) > 0, constants.expert_efficiency, 1.0)
    products = 2.0 * _without_lookup(shape) * prompt * share / (experts * usable_flops(machine, constants))
    reading = traffic.device * share / (constants.weight_efficiency * machine.bandwidth) * batches
    attention = attention_operations(shape, prompt) * share / (constants.attention_efficiency * machine.flops)
    copying = traffic.host / machine.host_link * batches
    exchange = exchange_seconds(shape, machine, constants, work.batch_tokens, layout) * prompt / work.batch_tokens
    fixed = constants.prefill_s + launch_seconds(shape, constants) * batches
    return fixed + np.maximum(products, reading) + attention + copying + exchange


def usable_flops(machine: Machine, constants: SpeedConstants) -> Number:
    """Operations per second that matrix products reach."""
    size = np.asarray(machine.flops, dtype=float) / 100e12
    return constants.compute_efficiency * 100e12 * size**constants.compute_exponent


def launch_seconds(shape: Shape, constants: SpeedConstants) -> Number:
    """What a pass through all layers costs however small they are."""
    recurrent = np.where(np.asarray(shape.state_elements) > 0, shape.blocks - shape.kv_layers, 0.0)
    expert_layers = np.where(np.asarray(shape.expert_bytes) > 0, shape.blocks, 0.0)
    return (
        constants.token_s
        + constants.layer_s * shape.blocks
        + constants.expert_layer_s * expert_layers
        + constants.recurrent_layer_s * recurrent
    )


def exchange_seconds(shape: Shape, machine: Machine, constants: SpeedConstants, tokens: Number, layout: Layout) -> Number:
    """Two all-reduces of the hidden vectors per layer (arXiv:1909.08053, section 3), by ring: 2 (n - 1) / n times their bytes per link."""
    group = np.asarray(layout.tensor_parallel, dtype=float)
    sent = 2.0 * (group - 1.0) / group * shape.hidden_size * tokens * SIXTEEN_BIT
    return np.where(group > 1, 2.0 * shape.blocks * (constants.allreduce_s + sent / machine.link), 0.0)


def cache_share(shape: Shape, layout: Layout) -> Number:
    """The part of a sequence's cache that one device reads: by KV heads, at least one each; all of it for latent attention."""
    whole = np.asarray(shape.latent_elements) > 0
    return np.where(whole, 1.0, share_of_heads(shape, layout.tensor_parallel))


def attention_operations(shape: Shape, prompt: Number) -> Number:
    """Scores and weighted sums: 4 x query heads x head size per pair of tokens and layer; half of the pairs, or those in the window."""
    tokens = np.asarray(prompt, dtype=float)
    windowed = np.asarray(shape.window_elements, dtype=float).sum(axis=-1)
    kept = shape.kv_elements + shape.latent_elements + windowed
    full = shape.kv_layers * _ratio(shape.kv_elements + shape.latent_elements, kept)
    pairs = full * tokens**2 / 2.0
    length = tokens[..., None]
    window = np.minimum(length, shape.windows)
    slid = _ratio(shape.window_elements, np.asarray(kept)[..., None]) * np.asarray(shape.kv_layers)[..., None]
    pairs = pairs + (slid * (window * length - window**2 / 2.0)).sum(axis=-1)
    return 4.0 * shape.heads * shape.head_size * pairs


def _without_lookup(shape: Shape) -> Number:
    """Parameters that are multiplied for every token of a prompt: not the input table, and the output matrix for the last token only."""
    table = shape.vocabulary_size * shape.hidden_size
    tables = np.where(np.asarray(shape.tied) > 0, table, 2.0 * table)
    return np.maximum(shape.active_parameters - tables, 0.25 * shape.active_parameters)


def _is_packed(shape: Shape) -> "np.ndarray[Any, Any]":
    return np.asarray(shape.weights.value) < 1.2 * np.asarray(shape.parameters)


def _ratio(part: Any, whole: Any) -> Any:
    return np.asarray(part, dtype=float) / np.maximum(np.asarray(whole, dtype=float), 1.0)
