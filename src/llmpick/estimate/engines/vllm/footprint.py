"""vLLM's lines put together: weights per GPU, activation peak, memory outside torch, CUDA graphs, the needed cache, and the pool."""

from datetime import date

import numpy as np

from llmpick.estimate.engines.vllm.activations import Peak, peak_of, unsure_bytes
from llmpick.estimate.engines.vllm.cache import pool_tokens, rank_cache_bytes
from llmpick.estimate.engines.vllm.options import Options, options_of, utilization_of
from llmpick.estimate.engines.vllm.versions import GIB, is_hopper_or_later
from llmpick.estimate.footprint import Footprint, Line, cache_formula, filled
from llmpick.estimate.shape import Number, Range, Shape
from llmpick.evidence.deployment import Deployment
from llmpick.evidence.device import Device
from llmpick.evidence.values import Source

_CODE = "https://github.com/vllm-project/vllm/blob/main/vllm/v1/worker"
_CHECKED = date(2026, 11, 24)
_FILES = Source("the model's tensors, divided over the GPUs as vLLM does", url=f"{_CODE}/gpu_model_runner.py", checked=_CHECKED)
_CACHE = Source("KV elements per token x tokens", url=f"{_CODE}/gpu/attn_utils.py", checked=_CHECKED)
_RUN = Source("vLLM's dummy run at start: layers and sampler", url=f"{_CODE}/gpu_model_runner.py", checked=_CHECKED)
_BOOTS = Source(
    "logged vLLM 0.19 boots on H100, llm-d-planner",
    url="https://github.com/llm-d-incubation/llm-d-planner",
    published=date(2026, 4, 22),
    checked=_CHECKED,
)
# Graphs: 0.36 GiB and 17 MiB a layer fit 27 dense boots within 26%; a mixture's kernels take half a GiB more (0.1 to 0.7).
_GRAPH_BYTES, _GRAPH_LAYER_BYTES, _GRAPH_EXPERT_BYTES, _GRAPH_SPREAD = 0.36 * GIB, 17.5 * 2**20, 0.4 * GIB, 0.35
_RANK_EXTRA_BYTES, _RANK_SPREAD = 0.02 * GIB, 0.01  # norms and small matrices that every GPU keeps
_FILE_SPREAD = 0.003  # tables computed at load (rotary angles), small tensors stored wider
_STAGE_OUTSIDE_TORCH = Range(0.07 * GIB, 0.05 * GIB, 0.3 * GIB)  # the links' buffers stand before vLLM starts to count
# What the driver holds before vLLM counts: 79.19 - 78.68 GiB free with one GPU, 77.64 with the links of tensor parallelism.
_CONTEXT_BYTES, _CONTEXT_LINKED_BYTES = 0.52 * GIB, 1.55 * GIB


def footprint(shape: Shape, device: Device, deployment: Deployment, *, context_tokens: Number, sequences: Number = 1) -> Footprint:
    """Bytes on the fullest GPU for `sequences` of `context_tokens`; fields of `shape` may be arrays.

    It fits if `total` is at most `available_bytes` of the same arguments: then vLLM starts, and its pool holds the load. `kv_pool` is what
    it claims for the cache, whatever the load, 0 where nothing is left; `pool_tokens` what its log says that this holds.
    """
    options = options_of(deployment, device, context_tokens, sequences)
    need = rank_cache_bytes(shape, options, context_tokens, sequences)
    (one, first), (other, last) = (_stage(shape, options, device, last_stage=last) for last in (False, True))
    fuller = np.asarray(one.value + first.bytes) > np.asarray(other.value + last.bytes)
    weights, peak = _where(fuller, one, other), Peak(*(np.where(fuller, early, late) for early, late in zip(first, last, strict=True)))
    activations = _activations(shape, options, peak)
    outside, graphs = _outside_torch(device, options), _graphs(shape, options)
    lines = (
        Line("weights", "weights", weights, _weights_formula(shape, options, weights), _FILES),
        Line(
            "kv_cache",
            "KV cache of the load",
            Range.exact(need),
            cache_formula(need, context_tokens, sequences, " in blocks of 16"),
            _CACHE,
        ),
        Line("compute", "activation peak", activations, _peak_formula(options, peak), _RUN),
        Line("overhead", "outside torch (CUDA, NCCL, kernels)", outside, f"measured: {outside.value / GIB:.2f} GiB", _BOOTS),
        Line("overhead", "CUDA graphs", graphs, _graphs_formula(shape, options), _BOOTS),
    )
    charged = [weights, activations, outside, *([graphs] if options.version.graphs_in_claim else [])]
    pool = _left(options.utilization * device.memory_total_bytes, charged)
    return Footprint(lines, "allocated", kv_pool=pool, pool_tokens=pool_tokens(shape, options, pool.value, context_tokens))


def available_bytes(shape: Shape, device: Device, deployment: Deployment) -> Number:
    """What `total` may be at most: the claim, to which CUDA graphs come on top before 0.21; never more than the driver leaves."""
    options = options_of(deployment, device, 8192, 1)
    beside = 0.0 if options.version.graphs_in_claim else _graphs(shape, options).value
    linked = deployment.tensor_parallel * deployment.pipeline_parallel > 1
    left = device.memory_total_bytes - (_CONTEXT_LINKED_BYTES if linked else _CONTEXT_BYTES)
    return np.minimum(utilization_of(deployment) * device.memory_total_bytes + beside, left)


def _stage(shape: Shape, options: Options, device: Device, *, last_stage: bool) -> tuple[Range, Peak]:
    """Weights and activation peak of a GPU of the first or the last pipeline stage."""
    peak = peak_of(shape, options, device.name, last_stage=last_stage or options.pipeline_parallel == 1)
    return _weights(shape, options, last_stage=last_stage), peak


def _activations(shape: Shape, options: Options, peak: Peak) -> Range:
    low, high, fixed = options.version.activations
    above = np.hypot(fixed, unsure_bytes(shape, options))
    return Range(peak.bytes, peak.bytes * (1 - low) - fixed, peak.bytes * (1 + high) + above)


def _weights(shape: Shape, options: Options, *, last_stage: bool) -> Range:
    """Stages have equal layers (the last has no extra one); the input table stands on the first, the output matrix on the last."""
    tp, pp = options.tensor_parallel, options.pipeline_parallel
    if pp == 1:
        share: Number = 1.0
    else:
        layers = np.asarray(shape.blocks)
        held = np.floor(layers / pp) if last_stage else np.ceil(layers / pp)
        ends = shape.embedding_bytes + shape.output_bytes
        output = np.where(np.asarray(shape.tied) > 0, shape.embedding_bytes, shape.output_bytes)
        end = output if last_stage else shape.embedding_bytes
        share = ((shape.weights.value - ends) * held / layers + end) / shape.weights.value
    kept = _kept_whole(shape, options) if tp > 1 else 0.0
    value, low, high = (part * share / tp + kept for part in shape.weights)
    spread = _FILE_SPREAD if tp * pp == 1 else _RANK_SPREAD
    return Range(value, low * (1 - _FILE_SPREAD), high * (1 + spread))


def _kept_whole(shape: Shape, options: Options) -> Number:
    """What each GPU keeps more than its part: the projections of a latent cache, and those of KV heads that cannot be divided."""
    width = shape.weights.value / np.maximum(np.asarray(shape.parameters), 1.0)
    latent = shape.latent_elements * shape.hidden_size * width * (1 - 1 / options.tensor_parallel)
    heads = np.maximum(1 / np.maximum(shape.kv_heads, 1.0) - 1 / options.tensor_parallel, 0.0)
    projections = (shape.kv_elements + np.asarray(shape.window_elements).sum(axis=-1)) * shape.hidden_size * width
    return latent + heads * projections + _RANK_EXTRA_BYTES


def _outside_torch(device: Device, options: Options) -> Range:
    if options.tensor_parallel > 1:
        recent = is_hopper_or_later(device.name)
        return options.version.outside_torch_tp if recent else options.version.outside_torch_tp_old
    return _STAGE_OUTSIDE_TORCH if options.pipeline_parallel > 1 else options.version.outside_torch


def _graphs(shape: Shape, options: Options) -> Range:
    if options.eager:
        return Range.exact(np.zeros_like(np.asarray(shape.blocks, dtype=float)))
    layers = np.asarray(shape.blocks) / options.pipeline_parallel
    experts = np.where(np.asarray(shape.active_experts) > 0, _GRAPH_EXPERT_BYTES, 0.0)
    return Range.relative(_GRAPH_BYTES + _GRAPH_LAYER_BYTES * layers + experts, _GRAPH_SPREAD)


def _left(claim: float, charged: list[Range]) -> Range:
    value: Number = claim - sum((part.value for part in charged), start=np.zeros(()))
    below = np.sqrt(sum(((part.high - part.value) ** 2 for part in charged), start=np.zeros(())))
    above = np.sqrt(sum(((part.value - part.low) ** 2 for part in charged), start=np.zeros(())))
    return Range(np.maximum(value, 0.0), np.maximum(value - below, 0.0), np.maximum(value + above, 0.0))


def _where(chosen: "np.ndarray[tuple[int, ...], np.dtype[np.bool_]]", one: Range, other: Range) -> Range:
    return Range(*(np.where(chosen, first, second) for first, second in zip(one, other, strict=True)))


def _weights_formula(shape: Shape, options: Options, weights: Range) -> str:
    tp, pp = options.tensor_parallel, options.pipeline_parallel
    if tp * pp == 1:
        return filled("{size} bytes, as stored", size=shape.weights.value)
    kept = _kept_whole(shape, options) if tp > 1 else 0.0
    held = (weights.value - kept) * tp
    text = f"{{held}} of {{size}} bytes (the fullest of {pp} stages) / {tp} GPUs + {{kept}} that each keeps whole"
    return filled(text, held=held, size=shape.weights.value, kept=kept)


def _peak_formula(options: Options, peak: Peak) -> str:
    return filled(
        "the higher of {layers} bytes ({tokens} tokens through a layer) and {sampler} ({rows} rows of logits), + {kept} that stay",
        layers=peak.layers,
        sampler=peak.sampler,
        kept=peak.kept,
        tokens=options.max_num_batched_tokens,
        rows=options.max_num_seqs,
    )


def _graphs_formula(shape: Shape, options: Options) -> str:
    if options.eager:
        return "none: enforce_eager"
    experts = " + 0.4 GiB with experts" if np.any(np.asarray(shape.active_experts) > 0) else ""
    return filled(f"0.36 GiB + 17.5 MiB x {{layers}} layers{experts}", layers=np.asarray(shape.blocks) / options.pipeline_parallel)
