"""The memory of SGLang: `mem_fraction_static` of what is free before loading goes to weights and KV pool, the rest to everything else.

pool = fraction x free memory - weights. The default fraction leaves room for what the engine expects to need besides (server_args.py,
`_handle_gpu_memory_settings`): half a GiB, 1.5 MiB per token of a prefill chunk, 2 MiB per sequence in the largest CUDA graph, an eighth of
a GiB per GPU, and 10 GiB in all on GPUs above 60 GiB. Chunk and graph sizes follow the GPU's memory. No boots were at hand to fit: formulas
are the engine's own, and the intervals are wide.
"""

from collections.abc import Mapping
from datetime import date
from typing import NamedTuple

import numpy as np

from llmpick.estimate.footprint import Footprint, Line, cache_formula, filled
from llmpick.estimate.kv_cache import kv_type_bytes, rank_cache_bytes
from llmpick.estimate.shape import Number, Range, Shape
from llmpick.evidence.deployment import Deployment, Option
from llmpick.evidence.device import Device
from llmpick.evidence.values import Source

OPTIONS = frozenset({"mem_fraction_static", "chunked_prefill_size", "cuda_graph_max_bs", "disable_cuda_graph"})
_MIB, _GIB = 2**20, 2**30
_CODE = Source(
    "SGLang's server arguments: defaults by GPU memory",
    url="https://github.com/sgl-project/sglang/blob/main/python/sglang/srt/server_args.py",
    checked=date(2026, 11, 24),
)
_CONTEXT = Source("free memory before vLLM's boots on H100: the driver's context, and the links' buffers", checked=date(2026, 11, 24))


class _Defaults(NamedTuple):
    """For GPUs of less than `below_gib`; the last two are the largest graph with fewer than four GPUs and with more."""

    below_gib: float
    chunk_tokens: int
    graph_sequences: int
    graph_sequences_parallel: int


_DEFAULTS = (
    _Defaults(20, 2048, 8, 8),
    _Defaults(35, 2048, 24, 80),
    _Defaults(60, 4096, 32, 160),
    _Defaults(160, 8192, 256, 512),
    _Defaults(float("inf"), 16384, 512, 512),
)
_BASE_MIB, _CHUNK_TOKEN_MIB, _GRAPH_SEQUENCE_MIB, _GPU_MIB, _LARGE_MIB, _LARGE_FROM_MIB = 512.0, 1.5, 2.0, 128.0, 10240.0, 60 * 1024
_OUTSIDE = {False: (0.52 * _GIB, 0.3 * _GIB, 1.0 * _GIB), True: (1.55 * _GIB, 0.7 * _GIB, 3.0 * _GIB)}
_WEIGHTS_SPREAD, _COMPUTE_SPREAD = 0.015, 0.7
_GRAPH_BYTES, _GRAPH_LAYER_BYTES = 0.36 * _GIB, 17.5 * _MIB  # vLLM's, whose graphs hold the same kernels
_SAMPLED_BYTES = 12  # float32 logits, probabilities, sorted probabilities per sequence and vocabulary entry
_VECTORS = 3


def footprint(shape: Shape, device: Device, deployment: Deployment, *, context_tokens: Number, sequences: Number = 1) -> Footprint:
    """Bytes on one GPU for `sequences` of `context_tokens`; fields of `shape` may be arrays.

    It fits if `total` is at most `available_bytes` of the same arguments. `kv_pool` is what SGLang claims for the cache whatever the load.
    """
    gpus = deployment.tensor_parallel * deployment.pipeline_parallel
    stage = np.ceil(np.asarray(shape.blocks) / deployment.pipeline_parallel) / np.asarray(shape.blocks)
    weights = Range(*(part * stage / deployment.tensor_parallel for part in shape.weights))
    weights = Range(weights.value, weights.low * (1 - _WEIGHTS_SPREAD), weights.high * (1 + _WEIGHTS_SPREAD))
    per_sequence = rank_cache_bytes(
        shape, context_tokens, tensor_parallel=deployment.tensor_parallel, bytes_per_element=_kv_bytes(deployment), whole_context=True
    )
    need = per_sequence * stage * sequences
    fraction = _fraction(device, deployment)
    outside = Range(*_OUTSIDE[gpus > 1])
    claim = Range(*((device.memory_total_bytes - part) * fraction for part in (outside.value, outside.high, outside.low)))
    pool = Range(*(np.maximum(c - w, 0.0) for c, w in zip(claim, (weights.value, weights.high, weights.low), strict=True)))
    compute, graphs = _beside(shape, device, deployment)
    split = filled(f"{{size}} bytes / {deployment.tensor_parallel} GPUs / {deployment.pipeline_parallel} stages", size=shape.weights.value)
    lines = (
        Line("weights", "weights", weights, split, _CODE),
        Line("kv_cache", "KV cache of the load", Range.exact(need), cache_formula(need, context_tokens, sequences), _CODE),
        Line("compute", "prefill chunk and sampler", compute, _compute_formula(shape, device, deployment), _CODE),
        Line("overhead", "CUDA graphs", graphs, _graphs_formula(shape, deployment), _CODE),
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        tokens = np.floor(pool.value / np.maximum(per_sequence * stage / np.asarray(context_tokens, dtype=float), 1e-9))
    return Footprint(lines, "allocated", kv_pool=pool, pool_tokens=tokens)


def version_note(version: str | None) -> str | None:
    """Versions are not told apart."""
    return version and f"SGLang's versions are not told apart: the formulas are those of its code of {_CODE.checked}, not of {version}."


def available_bytes(shape: Shape, device: Device, deployment: Deployment) -> Number:
    """What `total` may be at most: the claim and, beside it, as much of compute and graphs as the rest of the memory holds."""
    gpus = deployment.tensor_parallel * deployment.pipeline_parallel
    free = device.memory_total_bytes - _OUTSIDE[gpus > 1][0]
    compute, graphs = _beside(shape, device, deployment)
    fraction = _fraction(device, deployment)
    return fraction * free + np.minimum(compute.value + graphs.value, (1 - fraction) * free)


def engine_options(deployment: Deployment, device: Device, context_tokens: int, sequences: int = 1) -> dict[str, Option]:
    """The load options that `footprint` assumes, by SGLang's own names; more sequences than the default are named."""
    defaults = _defaults(device)
    options: dict[str, Option] = {
        "context_length": context_tokens,
        "mem_fraction_static": _fraction(device, deployment),
        "chunked_prefill_size": _chunk(defaults, deployment.options),
        "cuda_graph_max_bs": _graph_sequences(defaults, deployment),
        "kv_cache_dtype": deployment.kv_type,
        "tp_size": deployment.tensor_parallel,
        "pp_size": deployment.pipeline_parallel,
    }
    if sequences > _graph_sequences(defaults, deployment):
        options["max_running_requests"] = sequences
    return options | dict(deployment.options)


def _fraction(device: Device, deployment: Deployment) -> float:
    """`mem_fraction_static`: the user's, else the engine's default."""
    if deployment.memory_utilization is not None:
        return deployment.memory_utilization
    named = deployment.option("mem_fraction_static", 0.0)
    if named:
        return float(named)
    memory_mib = device.memory_total_bytes / _MIB
    defaults = _defaults(device)
    reserved = _BASE_MIB + max(_chunk(defaults, deployment.options), 2048) * _CHUNK_TOKEN_MIB
    reserved += _graph_sequences(defaults, deployment) * _GRAPH_SEQUENCE_MIB
    reserved += deployment.tensor_parallel * deployment.pipeline_parallel * _GPU_MIB
    if memory_mib > _LARGE_FROM_MIB:
        reserved = max(reserved, _LARGE_MIB)
    return round(max(memory_mib - reserved, 0.0) / memory_mib, 3)


def _beside(shape: Shape, device: Device, deployment: Deployment) -> tuple[Range, Range]:
    """What lives beside the claim: the larger of a prefill chunk and the sampler, and the CUDA graphs."""
    defaults = _defaults(device)
    written = shape.mlp_outputs / deployment.tensor_parallel + _VECTORS * shape.hidden_size
    experts = shape.active_experts * (3 * shape.expert_size / deployment.tensor_parallel + 2 * shape.hidden_size)
    chunk = _chunk(defaults, deployment.options) * 2.0 * (written + experts)
    rows = _graph_sequences(defaults, deployment)
    compute = np.maximum(chunk, rows * np.asarray(shape.vocabulary_size) * (2 + _SAMPLED_BYTES))
    eager = bool(deployment.option("disable_cuda_graph", False))
    layers = np.asarray(shape.blocks) / deployment.pipeline_parallel
    graphs = np.zeros_like(layers) if eager else _GRAPH_BYTES + _GRAPH_LAYER_BYTES * layers
    return Range.relative(compute, _COMPUTE_SPREAD), Range.relative(graphs, _COMPUTE_SPREAD)


def _compute_formula(shape: Shape, device: Device, deployment: Deployment) -> str:
    defaults = _defaults(device)
    return filled(
        "the higher of a chunk of {chunk} tokens through the widest layer and 14 bytes x {rows} sequences x {words} of the vocabulary",
        chunk=_chunk(defaults, deployment.options),
        rows=_graph_sequences(defaults, deployment),
        words=shape.vocabulary_size,
    )


def _graphs_formula(shape: Shape, deployment: Deployment) -> str:
    if deployment.option("disable_cuda_graph", False):
        return "none: disable_cuda_graph"
    return filled("0.36 GiB + 17.5 MiB x {layers} layers", layers=np.asarray(shape.blocks) / deployment.pipeline_parallel)


def _defaults(device: Device) -> _Defaults:
    return next(row for row in _DEFAULTS if device.memory_total_bytes < row.below_gib * _GIB)


def _chunk(defaults: _Defaults, options: Mapping[str, Option]) -> int:
    return int(options.get("chunked_prefill_size", defaults.chunk_tokens))


def _graph_sequences(defaults: _Defaults, deployment: Deployment) -> int:
    usual = defaults.graph_sequences if deployment.tensor_parallel < 4 else defaults.graph_sequences_parallel
    return int(deployment.option("cuda_graph_max_bs", usual))


def _kv_bytes(deployment: Deployment) -> float:
    return 2.0 if deployment.kv_type == "auto" else kv_type_bytes(deployment.kv_type)
