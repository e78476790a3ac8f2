"""The memory of llama.cpp, term by term as it allocates: the file, a rearranged copy, the cache in cells, buffers, and the process.

On a CPU (`host.py`) it is the resident memory of the process above one that has only loaded the library, after a short generation. On a
GPU (`gpu.py`) it is what the driver counts: tensors, cache and buffers of the layers that are there, and the driver's context; what a
partial offload leaves in the host's memory is a sum of its own.

The terms were found with xllamacpp 2026.10.11549 on two EPYC cores, by loading files of many shapes and by its own plans of larger ones
(`measure/confirm.py`), and are checked by `benchmarks/llamacpp_memory.py`; those of a GPU against published logs.
"""

from llmpick.estimate.engines.llamacpp.gpu import gpu_lines, offloaded_lines
from llmpick.estimate.engines.llamacpp.host import host_lines
from llmpick.estimate.engines.llamacpp.options import OPTIONS, engine_options, version_note
from llmpick.estimate.footprint import Footprint
from llmpick.estimate.shape import Number, Shape
from llmpick.evidence.deployment import Deployment
from llmpick.evidence.device import Device

__all__ = ["OPTIONS", "engine_options", "footprint", "version_note"]


def footprint(
    shape: Shape,
    device: Device,
    deployment: Deployment,
    *,
    context_tokens: Number,
    sequences: Number = 1,
    prompt_tokens: Number | None = None,
) -> Footprint:
    """Bytes for `sequences` of `context_tokens` each (of the fullest GPU where there are several); fields of `shape` may be arrays.

    Options that count: `n_ubatch`, `swa_full`, `flash_attn` (auto, on or off), `n_ctx_checkpoints`, and `kv_type` of the cache.
    `prompt_tokens` is the longest prompt so far, which matters on a CPU: a buffer takes memory as far as a prompt has written to it.
    None is a short one, of tens of tokens.
    """
    if device.kind == "cpu":
        return Footprint(tuple(host_lines(shape, deployment, context_tokens, sequences, prompt_tokens)), "resident")
    host = offloaded_lines(shape, device, deployment, context_tokens, sequences)
    return Footprint(tuple(gpu_lines(shape, device, deployment, context_tokens, sequences)), "on the device", host=tuple(host))
