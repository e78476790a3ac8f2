"""On a GPU: the tensors, cache and buffers that are there, and the driver's context.

llama.cpp counts the output matrix as one more layer after the last, and gives the GPU layers from the end: with one layer on the GPU, that
is the output. Several GPUs get equal runs of layers, so that the last has the output; the figures are those of the fullest. The input
table stays on the host; where it is the output matrix too, the GPU has a copy. With a partial offload the host's part is told too.
"""

from typing import NamedTuple

import numpy as np

from llmpick.estimate.engines.llamacpp.buffers import gpu_buffer
from llmpick.estimate.engines.llamacpp.cache import cache_lines
from llmpick.estimate.engines.llamacpp.host import buffer_line, checkpoint_lines, process_lines
from llmpick.estimate.engines.llamacpp.sources import DRIVER, FILE, LOG, PLACED
from llmpick.estimate.footprint import Line, filled
from llmpick.estimate.shape import Number, Range, Shape
from llmpick.evidence.deployment import Deployment
from llmpick.evidence.device import Device

_MIB = 2**20
_CONTEXT = Range(280 * _MIB, 140 * _MIB, 450 * _MIB)
_UNEVEN = 0.06  # layers of one model differ: some are stored wider, or have experts while others have none


class _Part(NamedTuple):
    """What one GPU has: layers, and whether the output matrix (1 or 0)."""

    layers: Number
    output: Number


def gpu_lines(shape: Shape, device: Device, deployment: Deployment, context_tokens: Number, sequences: Number) -> list[Line]:
    gpus = max(1, deployment.pipeline_parallel * deployment.tensor_parallel)
    part = _part(shape, deployment, gpus)
    share = np.asarray(part.layers) / np.maximum(shape.blocks, 1.0)
    lines = [_weights(shape, device, deployment, part)]
    lines += cache_lines(shape, deployment, context_tokens, sequences, _ranged(share))
    formula = "masks and the most that one layer's vectors take, for a batch of tokens"
    lines.append(Line("compute", "buffer of one batch", gpu_buffer(shape, deployment, context_tokens, gpus), formula, LOG))
    if device.vendor != "apple":  # Metal's is part of the system
        lines.append(Line("overhead", "the driver's context", _CONTEXT, "measured", DRIVER))
    return lines


def offloaded_lines(shape: Shape, device: Device, deployment: Deployment, context_tokens: Number, sequences: Number) -> list[Line]:
    """What the process on the host holds where layers or experts were kept there; nothing where all layers were meant for the GPUs.

    Tensors on the host are mapped as they are: llama.cpp rearranges them only where no GPU is present. The buffer is that of a CPU, at the
    most. What the GPU's driver holds in the process is not counted.
    """
    if deployment.gpu_layers is None and not deployment.cpu_expert_layers:
        return []
    on_gpus = _part(shape, deployment, 1)
    share = 1 - np.asarray(on_gpus.layers) / np.maximum(shape.blocks, 1.0)
    lines = [_host_weights(shape, device, deployment, on_gpus)]
    if np.any(share):
        lines += cache_lines(shape, deployment, context_tokens, sequences, _ranged(share))
        lines.append(buffer_line(shape, deployment, context_tokens, None))
    return [*lines, *checkpoint_lines(shape, deployment), *process_lines(shape, sequences)]


def _part(shape: Shape, deployment: Deployment, gpus: int) -> _Part:
    """The layers of the fullest GPU: the first, which has most of them, or the last, which has the output."""
    blocks = np.asarray(shape.blocks, dtype=float)
    asked = deployment.gpu_layers
    units = blocks + 1 if asked is None or asked < 0 else np.minimum(blocks + 1, float(asked))
    first = np.minimum(np.ceil(units / gpus), blocks)
    last = units - np.ceil((gpus - 1) * units / gpus) - 1
    if gpus == 1:
        return _Part(np.maximum(units - 1, 0.0), np.minimum(units, 1.0))
    heavier = _output(shape) > (first - last) * _layer(shape)
    return _Part(np.where(heavier, last, first), np.where(heavier, 1.0, 0.0))


def _output(shape: Shape) -> Number:
    return np.where(np.asarray(shape.tied) > 0, shape.embedding_bytes * np.asarray(shape.table_share), shape.output_bytes)


def _layer(shape: Shape) -> Number:
    """Bytes of one layer, all of its experts included."""
    beside = shape.embedding_bytes + shape.output_bytes + shape.draft_bytes + shape.vision_bytes
    return (shape.weights.value - beside) / np.maximum(shape.blocks, 1.0)


def _weights(shape: Shape, device: Device, deployment: Deployment, part: _Part) -> Line:
    behind = _behind(shape, deployment)
    layers = part.layers * (_layer(shape) - _experts(shape) * behind)
    there = layers + part.output * _output(shape)
    if device.shares_memory:  # the host's memory is the GPU's: the input table counts too, a tied one once
        there = there + shape.embedding_bytes * (1 - np.asarray(shape.tied) * np.asarray(shape.table_share) * part.output)
    whole = np.asarray(shape.weights.value)
    uneven = np.where((np.asarray(part.layers) < shape.blocks) | (behind > 0), _UNEVEN * layers, 0.0)
    low, high = (bound * there / np.maximum(whole, 1.0) for bound in (shape.weights.low, shape.weights.high))
    formula = filled("{size} bytes of {all}, in {layers} layers", size=there, all=whole, layers=part.layers)
    return Line(
        "weights", "tensors on the GPU", Range(there, low - uneven, high + uneven), formula, FILE if np.all(uneven == 0) else PLACED
    )


def _host_weights(shape: Shape, device: Device, deployment: Deployment, on_gpus: _Part) -> Line:
    """The layers and experts that no GPU has, and both tables as far as they stay on the host."""
    layers = (np.asarray(shape.blocks) - on_gpus.layers) * _layer(shape) + on_gpus.layers * _experts(shape) * _behind(shape, deployment)
    tables = np.where(np.asarray(shape.tied) > 0, 0.0, (1 - on_gpus.output) * shape.output_bytes)
    if not device.shares_memory:  # there the input table is counted with the GPU's
        tables = tables + shape.embedding_bytes
    held, whole = layers + tables, np.maximum(np.asarray(shape.weights.value), 1.0)
    low, high = (bound * held / whole for bound in (shape.weights.low, shape.weights.high))
    formula = filled("{size} bytes of {all}, mapped: what is not on the GPU", size=held, all=whole)
    return Line("weights", "tensors on the host", Range(held, low - _UNEVEN * layers, high + _UNEVEN * layers), formula, PLACED)


def _experts(shape: Shape) -> Number:
    """Bytes of one layer's routed experts."""
    return shape.expert_bytes / np.maximum(shape.blocks, 1.0)


def _behind(shape: Shape, deployment: Deployment) -> Number:
    """The part of the layers whose experts stay on the host."""
    return np.minimum(deployment.cpu_expert_layers / np.maximum(shape.blocks, 1.0), 1.0)


def _ranged(share: Number) -> Range:
    uneven = np.where(np.asarray(share) < 1, _UNEVEN, 0.0)
    return Range.relative(share, uneven)
