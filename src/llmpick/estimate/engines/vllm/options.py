"""The load options that an estimate assumes, by vLLM's own names: what the user set, else the defaults of its API server.

Defaults by device (vllm/engine/arg_utils.py, `get_batch_defaults`, since 0.8): GPUs of 70 GiB and more, the A100 excepted, take 8,192
tokens and 1,024 sequences at a time, all others 2,048 and 256. Neither exceeds what the context allows.
"""

from typing import NamedTuple

import numpy as np

from llmpick.estimate.engines.vllm.versions import GIB, Version, traits
from llmpick.estimate.kv_cache import kv_type_bytes
from llmpick.estimate.shape import Number
from llmpick.evidence.deployment import Deployment, Option
from llmpick.evidence.device import Device

_LARGE_DEVICE_BYTES = 70 * GIB
_V0_CHUNK = 512  # 0.6 prefilled in chunks of 512 tokens where the context exceeded 32k, else whole prompts
_V0_CHUNKED_FROM = 32 * 1024
BLOCK_TOKENS = 16
OPTIONS = frozenset({"max_num_seqs", "max_num_batched_tokens", "dtype", "enforce_eager"})
"""The load options that enter the estimate, beside those that `fit` has options of its own for."""


class Options(NamedTuple):
    """What the formulas need of a deployment. `element_bytes` are those of activations and logits, `kv_bytes` those of the cache."""

    version: Version
    max_num_batched_tokens: Number
    max_num_seqs: Number
    utilization: float
    eager: bool
    element_bytes: float
    kv_bytes: float
    tensor_parallel: int
    pipeline_parallel: int


def options_of(deployment: Deployment, device: Device, context_tokens: Number, sequences: Number) -> Options:
    """`context_tokens` is `max_model_len`. More sequences than the default raise `max_num_seqs`."""
    version = traits(deployment.version)
    large = device.memory_total_bytes >= _LARGE_DEVICE_BYTES and "A100" not in device.name.upper()
    named = deployment.option("max_num_seqs", 0)
    rows = float(named) if named else np.maximum(float(version.rows_on_large if large else 256), sequences)
    batched = deployment.option("max_num_batched_tokens", 0)
    full = 4.0 if deployment.option("dtype", "auto") in ("float32", "float") else 2.0
    return Options(
        version=version,
        max_num_batched_tokens=float(batched) if batched else _default_tokens(version, large, rows, context_tokens),
        max_num_seqs=rows,
        utilization=utilization_of(deployment),
        eager=bool(deployment.option("enforce_eager", False)),
        element_bytes=full,
        kv_bytes=full if deployment.kv_type == "auto" else kv_type_bytes(deployment.kv_type),
        tensor_parallel=deployment.tensor_parallel,
        pipeline_parallel=deployment.pipeline_parallel,
    )


def utilization_of(deployment: Deployment) -> float:
    """The share of the device that is claimed: what the user says, else the version's default."""
    chosen = deployment.memory_utilization
    return traits(deployment.version).utilization if chosen is None else chosen


def engine_options(deployment: Deployment, device: Device, context_tokens: int, sequences: int = 1) -> dict[str, Option]:
    """The load options that `footprint` assumes for `sequences` of `context_tokens`."""
    chosen = options_of(deployment, device, context_tokens, sequences)
    return {
        "max_model_len": context_tokens,
        "max_num_batched_tokens": int(np.asarray(chosen.max_num_batched_tokens)),
        "max_num_seqs": int(np.asarray(chosen.max_num_seqs)),
        "gpu_memory_utilization": chosen.utilization,
        "enforce_eager": chosen.eager,
        "kv_cache_dtype": deployment.kv_type,
        "tensor_parallel_size": chosen.tensor_parallel,
        "pipeline_parallel_size": chosen.pipeline_parallel,
    } | dict(deployment.options)


def _default_tokens(version: Version, large: bool, rows: Number, context_tokens: Number) -> Number:
    context = np.asarray(context_tokens, dtype=float)
    if version.rows_on_large == 256:
        return np.where(context > _V0_CHUNKED_FROM, _V0_CHUNK, np.maximum(context, 2048.0))
    return np.minimum(8192.0 if large else 2048.0, rows * context)
