"""The memory of llama.cpp, term by term as it allocates: the file, a rearranged copy, the cache in cells, buffers, and the process.

On a CPU it is the resident memory of the process above one that has only loaded the library, after a short generation: the mapped
file counts whole, the compute buffer only as far as a prompt has written to it (the upper end of the interval has all of it). On a GPU
it is what the driver counts: tensors, cache and buffers of the layers that are there, and the driver's context.

The terms were found with xllamacpp 2026.10.11549 on two EPYC cores by loading files of one shape after another, and are checked by
`benchmarks/llamacpp_memory.py`. The buffer's formula is exact for dense models with flash attention.
"""

from datetime import date
from typing import NamedTuple

import numpy as np

from llmpick.estimate.footprint import Footprint, Line, Part, filled
from llmpick.estimate.kv_cache import kv_type_bytes, state_bytes
from llmpick.estimate.shape import Number, Range, Shape
from llmpick.evidence.deployment import Deployment, Option
from llmpick.evidence.device import Device
from llmpick.evidence.values import Source

_MIB = 2**20
_CELL_STEP = 256
_UBATCH = 512
_FP32, _FP16 = 4.0, 2.0
_FEED_FORWARD_VECTORS = 3
_WIDTH_VECTORS = 5
_SHORT_PROMPT_SHARE = 0.04  # of the buffer: about 20 of 512 tokens
_LIBRARY = Range(13.8 * _MIB, 10.5 * _MIB, 17 * _MIB)
_TOKEN_BYTES, _MERGE_BYTES, _TABLE_SPREAD = 235, 187, 0.25
_CUDA_CONTEXT = Range(280 * _MIB, 140 * _MIB, 450 * _MIB)
_SCORE_SPREAD = 0.15

_XLLAMACPP = "xllamacpp 2026.10.11549, loaded with files of many shapes"
_FILE = Source("the file's tensors, mapped into memory", url="https://github.com/ggml-org/llama.cpp", checked=date(2026, 11, 24))
_LOG = Source(f"buffer sizes in the log of {_XLLAMACPP}", url="https://github.com/xorbitsai/xllamacpp", checked=date(2026, 11, 24))
_PROCESS = Source(f"resident memory of {_XLLAMACPP}", url="https://github.com/xorbitsai/xllamacpp", checked=date(2026, 11, 24))
_CUDA = Source("logs and nvidia-smi of published loads: 140 to 410 MiB", checked=date(2026, 11, 24))


class _Spread(NamedTuple):
    """Where the model lies: shares of the layers on one GPU, of the routed experts on the host, and how many GPUs share the layers."""

    layers: float
    host_experts: float
    gpus: int


def footprint(shape: Shape, device: Device, deployment: Deployment, *, context_tokens: Number, sequences: Number = 1) -> Footprint:
    """Bytes for `sequences` of `context_tokens` each (one GPU's share where there are several); fields of `shape` may be arrays.

    Options that count: `n_ubatch`, `swa_full`, `flash_attn` (auto, on or off), and `kv_type` of the cache.
    """
    if device.kind == "cpu":
        lines = [*_host_weights(shape), *_cache(shape, deployment, context_tokens, sequences, 1.0)]
        lines += [*_used_buffers(shape, deployment, context_tokens), *_process(shape, sequences)]
        return Footprint(tuple(lines), "resident")
    spread = _spread(shape, deployment)
    lines = [_gpu_weights(shape, spread), *_cache(shape, deployment, context_tokens, sequences, spread.layers / spread.gpus)]
    lines += [_gpu_buffers(shape, deployment, context_tokens), Line("overhead", "CUDA context", _CUDA_CONTEXT, "measured", _CUDA)]
    return Footprint(tuple(lines), "on the device")


def engine_options(deployment: Deployment, device: Device, context_tokens: int, sequences: int = 1) -> dict[str, Option]:
    """The load options that `footprint` assumes, by the names of llama.cpp's parameters; `n_ctx` is shared by all sequences."""
    kind = "f16" if deployment.kv_type == "auto" else deployment.kv_type
    options: dict[str, Option] = {
        "n_ctx": context_tokens * sequences,
        "n_parallel": sequences,
        "n_ubatch": _UBATCH,
        "flash_attn": "auto",
        "swa_full": False,
        "cache_type_k": kind,
        "cache_type_v": kind,
        "use_mmap": True,
    }
    if device.kind == "gpu":
        options["n_gpu_layers"] = -1 if deployment.gpu_layers is None else deployment.gpu_layers
        if deployment.cpu_expert_layers:
            options["n_cpu_moe"] = deployment.cpu_expert_layers
    return options | dict(deployment.options)


def _host_weights(shape: Shape) -> list[Line]:
    weights = filled("{size} bytes of tensors, all mapped", size=shape.weights.value)
    copy = filled("{size} bytes in Q4_0, Q4_K or IQ4_NL, a second time", size=shape.rearranged_bytes)
    # The copy follows the weights where their bytes are not exact.
    scale = np.asarray(shape.rearranged_bytes) / np.maximum(np.asarray(shape.weights.value), 1.0)
    return [
        Line("weights", "tensors", shape.weights, weights, _FILE),
        Line("weights", "rearranged copy", Range(*(part * scale for part in shape.weights)), copy, _LOG),
    ]


def _cells(context_tokens: Number) -> Number:
    return np.ceil(np.asarray(context_tokens, dtype=float) / _CELL_STEP) * _CELL_STEP


def _window_cells(shape: Shape, deployment: Deployment, context_tokens: Number) -> "np.ndarray":
    """Cells of each window (last axis): the window and one batch, in steps, but no more than the context."""
    cells = np.asarray(_cells(context_tokens))[..., None]
    if deployment.option("swa_full", False):
        return np.broadcast_to(cells, np.broadcast_shapes(cells.shape, np.shape(shape.windows)))
    return np.minimum(cells, _cells(shape.windows + _ubatch(deployment)))


def _cache(shape: Shape, deployment: Deployment, context_tokens: Number, sequences: Number, share: float) -> list[Line]:
    element = kv_type_bytes(deployment.kv_type)
    cells = _cells(context_tokens)
    slid = (shape.window_elements * _window_cells(shape, deployment, context_tokens)).sum(axis=-1)
    kept = {
        "keys and values": (shape.kv_elements * cells, "{elements} elements x {cells} cells", shape.kv_elements),
        "latent vectors": (shape.latent_elements * cells, "{elements} elements x {cells} cells", shape.latent_elements),
        "sliding layers": (slid, "{elements} elements x window + batch", np.asarray(shape.window_elements).sum(axis=-1)),
    }
    lines = [
        Line(
            "kv_cache",
            name,
            Range.exact(count * element * sequences * share),
            filled(formula + " x {bytes} bytes x {sequences}", elements=elements, cells=cells, sequences=sequences, bytes=element),
            _LOG,
        )
        for name, (count, formula, elements) in kept.items()
        if np.any(count)
    ]
    state = state_bytes(shape)
    if np.any(state):
        formula = filled("{state} bytes x {sequences}", state=state, sequences=sequences)
        lines.append(Line("kv_cache", "recurrent state", Range.exact(state * sequences * share), formula, _LOG))
    return lines


def _ubatch(deployment: Deployment) -> float:
    return float(deployment.option("n_ubatch", _UBATCH))


def _activations(shape: Shape, deployment: Deployment, context_tokens: Number) -> Number:
    """The buffer of one batch with flash attention: feed-forward part, width, and the masks of full and sliding layers."""
    batch = np.minimum(_ubatch(deployment), _cells(context_tokens))
    inner = np.maximum(shape.intermediate_size, np.asarray(shape.active_experts) * shape.expert_size)
    written = _FEED_FORWARD_VECTORS * inner + _WIDTH_VECTORS * shape.hidden_size
    slides = np.asarray(shape.window_elements).sum(axis=-1) > 0
    masked = _cells(context_tokens) + np.where(slides, _window_cells(shape, deployment, context_tokens).max(axis=-1), 0.0)
    return batch * (_FP32 * written + _FP16 * masked)


def _scores(shape: Shape, deployment: Deployment, context_tokens: Number) -> Number:
    """Attention scores of one batch, which are written out only without flash attention."""
    if deployment.option("flash_attn", "auto") not in (False, "off", "disabled", 0):
        return 0.0
    return _FP32 * shape.heads * np.minimum(_ubatch(deployment), _cells(context_tokens)) * _cells(context_tokens)


def _used_buffers(shape: Shape, deployment: Deployment, context_tokens: Number) -> list[Line]:
    """On a CPU memory is taken when it is written: little by a short prompt, all by one that fills the context."""
    whole = _activations(shape, deployment, context_tokens)
    scores = _scores(shape, deployment, context_tokens)
    used = _SHORT_PROMPT_SHARE * whole
    formula = filled("of a buffer of {whole} bytes, as far as a short prompt writes", whole=whole + scores)
    return [Line("compute", "buffer of one batch", Range(used, 0.2 * used, 1.1 * whole + (1 + _SCORE_SPREAD) * scores), formula, _LOG)]


def _gpu_buffers(shape: Shape, deployment: Deployment, context_tokens: Number) -> Line:
    """Reserved whole. Builds before 2026 also hold a batch's logits; several GPUs hold copies of the inputs: the upper end has both."""
    whole = _activations(shape, deployment, context_tokens) + _scores(shape, deployment, context_tokens)
    logits = _FP32 * shape.vocabulary_size * _ubatch(deployment)
    copies = 1.0 if deployment.pipeline_parallel == 1 else 1.25
    formula = filled("{batch} tokens x (3 x feed-forward + 5 x width + mask)", batch=_ubatch(deployment))
    return Line(
        "compute", "buffer of one batch", Range(whole, 0.7 * whole, copies * np.maximum(1.2 * whole, whole + logits)), formula, _LOG
    )


def _process(shape: Shape, sequences: Number) -> list[Line]:
    tables = _TOKEN_BYTES * shape.vocabulary_size + _MERGE_BYTES * shape.merges
    logits = _FP32 * shape.vocabulary_size * sequences
    said = filled("235 bytes x {tokens} tokens + 187 x {merges} merges", tokens=shape.vocabulary_size, merges=shape.merges)
    return [
        _overhead("library and server", _LIBRARY, "measured"),
        _overhead("tokenizer", Range.relative(tables, _TABLE_SPREAD), said),
        _overhead(
            "logits", Range.exact(logits), filled("4 bytes x {tokens} tokens x {n}", tokens=shape.vocabulary_size, n=sequences), "compute"
        ),
    ]


def _overhead(name: str, size: Range, formula: str, part: Part = "overhead") -> Line:
    return Line(part, name, size, formula, _PROCESS)


def _spread(shape: Shape, deployment: Deployment) -> _Spread:
    blocks = float(np.max(shape.blocks)) or 1.0
    layers = 1.0 if deployment.gpu_layers is None or deployment.gpu_layers < 0 else min(1.0, deployment.gpu_layers / blocks)
    return _Spread(
        layers, min(1.0, deployment.cpu_expert_layers / blocks), max(1, deployment.pipeline_parallel * deployment.tensor_parallel)
    )


def _gpu_weights(shape: Shape, spread: _Spread) -> Line:
    """The input table stays on the host; where it is the output matrix too, the GPU has it as that."""
    lookup = shape.embedding_bytes * (1 - np.asarray(shape.tied)) + shape.draft_bytes
    there = shape.weights.value - lookup - shape.expert_bytes * spread.host_experts
    share = there * spread.layers / spread.gpus / np.maximum(shape.weights.value, 1.0)
    # The output matrix is one more layer to llama.cpp; layers are not all equal, and are not divided between GPUs to the byte.
    low, high = (1.0, 1.0) if spread.layers == 1 and spread.gpus == 1 and not spread.host_experts else (0.93, 1.08)
    weights = Range(shape.weights.value * share, shape.weights.low * share * low, shape.weights.high * share * high)
    return Line(
        "weights", "tensors on the GPU", weights, filled("{size} bytes of {all}", size=weights.value, all=shape.weights.value), _FILE
    )
