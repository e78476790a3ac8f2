"""The memory of Hugging Face transformers, `generate` with its growing cache: weights, cache, and what the prompt writes.

The peak is at the end of the prompt. A layer then holds, per prompt token, what the input matrices and the gate of its feed-forward part
write and three vectors (residual, normed input, output); attention runs without a matrix of scores (SDPA), and logits are computed for the
last token only (since 4.45; before it for all). `prefill_chunk_size` cuts the prompt. While it answers, growing a layer's cache copies
that layer. On a GPU the figures are what torch allocates, without the driver's context; on a CPU the whole process, in which the mask of
prompt x prompt counts too.
"""

from datetime import date

import numpy as np

from llmpick.estimate.engine_versions import Checked, two_numbers
from llmpick.estimate.footprint import Footprint, Line, cache_formula, filled
from llmpick.estimate.kv_cache import kv_type_bytes, rank_cache_bytes
from llmpick.estimate.shape import Number, Range, Shape
from llmpick.evidence.deployment import Deployment, Option
from llmpick.evidence.device import Device
from llmpick.evidence.values import Source

OPTIONS = frozenset({"dtype", "prefill_chunk_size"})
_GIB = 2**30
_CHECKED = Checked(None, (5, 23))
_FILES = Source("the model's tensors", url="https://huggingface.co/docs/transformers/main_classes/model", checked=date(2026, 11, 24))
_CACHE = Source("DynamicCache", url="https://huggingface.co/docs/transformers/kv_cache", checked=date(2026, 11, 24))
_FORWARD = Source(
    "one layer of the prompt: feed-forward part and three vectors per token; within 3% of the GPTQ-for-LLaMa table at 2,048 tokens",
    url="https://github.com/qwopqwop200/GPTQ-for-LLaMa",
    checked=date(2026, 11, 24),
)
_PROCESS = Source("resident memory of a process with torch 2.13 (CPU) and transformers 5.23: 382 MiB", checked=date(2026, 11, 24))
_VECTORS = 3
_MASK_BYTES = 10  # per pair of prompt tokens on a CPU: 33 MiB at 2,048 tokens, 173 at 4,096 (135M Llama in float32, two EPYC cores)
_SPREAD = 0.6
_WEIGHTS_LOW, _WEIGHTS_HIGH = 0.01, 0.025  # some loaders hold a group's scale in twice the bytes of the file
_SLIDING_CACHE_FROM = (4, 56)  # layers that slide keep their window only (DynamicSlidingWindowLayer)
_LAST_LOGITS_FROM = (4, 45)
_CONTEXT_BYTES = 0.45 * _GIB  # the driver's context with torch's kernels: 0.3 to 0.6 GiB by generation
_PROCESS_BYTES = Range(0.37 * _GIB, 0.3 * _GIB, 0.6 * _GIB)


def footprint(shape: Shape, device: Device, deployment: Deployment, *, context_tokens: Number, sequences: Number = 1) -> Footprint:
    """Bytes on one device for `sequences` of `context_tokens`, the prompt as long as the context; fields of `shape` may be arrays.

    It fits if `total` is at most `available_bytes`. Several GPUs hold equal parts of the layers (`device_map`), or of each layer.
    """
    gpus = deployment.tensor_parallel * deployment.pipeline_parallel
    weights = Range(*(part / gpus for part in shape.weights))
    weights = Range(weights.value, weights.low * (1 - _WEIGHTS_LOW), weights.high * (1 + _WEIGHTS_HIGH))
    cache = rank_cache_bytes(
        shape,
        context_tokens,
        tensor_parallel=deployment.tensor_parallel,
        bytes_per_element=_kv_bytes(deployment),
        whole_context=_before(deployment, _SLIDING_CACHE_FROM),
    )
    cache = cache * sequences / deployment.pipeline_parallel
    forward = np.maximum(_prompt_bytes(shape, deployment, context_tokens) * sequences, cache / np.maximum(shape.kv_layers, 1.0))
    tokens = _prompt_tokens(deployment, context_tokens)
    split = filled(f"{{size}} bytes / {gpus} devices", size=shape.weights.value)
    layer = filled("{tokens} tokens x {n} sequences x (feed-forward + 3 x {width})", tokens=tokens, n=sequences, width=shape.hidden_size)
    lines = [
        Line("weights", "weights", weights, split, _FILES),
        Line("kv_cache", "KV cache", Range.exact(cache), cache_formula(cache, context_tokens, sequences), _CACHE),
        Line("compute", "the prompt in one layer", Range.relative(forward, _SPREAD), layer, _FORWARD),
    ]
    if device.kind == "cpu":
        mask = _MASK_BYTES * tokens * np.asarray(context_tokens, dtype=float) * sequences
        said = filled("10 bytes x {tokens} x {context} tokens x {n} sequences", tokens=tokens, context=context_tokens, n=sequences)
        lines.append(Line("compute", "attention mask", Range.relative(mask, _SPREAD), said, _PROCESS))
        lines.append(Line("overhead", "the process", _PROCESS_BYTES, "measured constant", _PROCESS))
    return Footprint(tuple(lines), "resident" if device.kind == "cpu" else "allocated")


def version_note(version: str | None) -> str | None:
    """What is to be said of an estimate for a version after the last that was compared."""
    return _CHECKED.note("transformers", version, two_numbers(version))


def available_bytes(shape: Shape, device: Device, deployment: Deployment) -> Number:
    """What `total` may be at most: the free memory, on a GPU less the driver's context."""
    del shape, deployment
    return max(0.0, device.memory_free_bytes - (0.0 if device.kind == "cpu" else _CONTEXT_BYTES))


def engine_options(deployment: Deployment, device: Device, context_tokens: int, sequences: int = 1) -> dict[str, Option]:
    """What `footprint` assumes, by the names of `from_pretrained` and `generate`."""
    options: dict[str, Option] = {"max_length": context_tokens, "batch_size": sequences, "attn_implementation": "sdpa"}
    options["device_map"] = "cpu" if device.kind == "cpu" else "auto"
    return options | dict(deployment.options)


def _prompt_bytes(shape: Shape, deployment: Deployment, context_tokens: Number) -> Number:
    element = 4.0 if deployment.option("dtype", "auto") in ("float32", "float") else 2.0
    tokens = _prompt_tokens(deployment, context_tokens)
    experts = shape.active_experts * (3 * shape.expert_size + 2 * shape.hidden_size)
    written = (shape.mlp_outputs + experts) / deployment.tensor_parallel + _VECTORS * shape.hidden_size
    rows = tokens if _before(deployment, _LAST_LOGITS_FROM) else 1.0
    logits = rows * shape.vocabulary_size * (element + 4)
    return np.maximum(tokens * element * written, logits + tokens * element * shape.hidden_size)


def _prompt_tokens(deployment: Deployment, context_tokens: Number) -> Number:
    """Tokens that pass the layers together."""
    chunk = deployment.option("prefill_chunk_size", 0)
    return np.minimum(context_tokens, float(chunk)) if chunk else np.asarray(context_tokens, dtype=float)


def _before(deployment: Deployment, first: tuple[int, int]) -> bool:
    number = two_numbers(deployment.version)
    return number != () and number < first


def _kv_bytes(deployment: Deployment) -> float:
    if deployment.kv_type != "auto":
        return kv_type_bytes(deployment.kv_type)
    return 4.0 if deployment.option("dtype", "auto") in ("float32", "float") else 2.0
