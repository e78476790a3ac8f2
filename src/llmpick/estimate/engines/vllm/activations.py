"""The peak of torch's allocations in vLLM's dummy run, which decides how much of the claim is left for the KV pool.

The run (`gpu_model_runner.py`, `profile_run`) sends `max_num_batched_tokens` through the layers and then one row per sequence through the
output matrix and the sampler. In the layers the feed-forward part is the widest: what its input matrices and the gate write, and three
vectors per token (residual, normed input, output). In the sampler a row of logits lives several times: as the model's type (2 bytes), as
float32 (4), as probabilities (4), as exponential noise (4), and in one buffer row per multiprocessor of the top-k kernel
(`topk_topp_triton.py`); before 0.17 a full sort stood in its place, with 38 bytes per logit at the peak. The hidden states of the whole
batch live on meanwhile. So the peak grows with the vocabulary, and tensor parallelism does not shrink it: each GPU gathers all logits.
A mixture's experts write into two workspaces that stay (`fused_moe.py`, `workspace_shapes`).
"""

from typing import NamedTuple

import numpy as np

from llmpick.estimate.engines.vllm.options import Options
from llmpick.estimate.engines.vllm.versions import processors, workspace_bytes
from llmpick.estimate.shape import Number, Shape

_SORTED_LOGIT_BYTES = 36  # beside the logits themselves; 38 in all fits nine boots of 0.6 to 0.16 within 0.02 GiB
_SAMPLED_LOGIT_BYTES = 12  # float32 logits, probabilities, noise
_VOCABULARY_STEP = 64  # the embedding is padded to it (vocab_parallel_embedding.py)
_SMALL_BUFFERS = 8 * 2**20  # positions, indices, masks, and what the allocator rounds up
_VECTORS = 3
_IMAGE_UNSURE_BYTES = 0.1 * 2**30  # four models with images are within 0.16 GiB
_MXFP4_BITS = (4.2, 4.35)
_STAGE_BUFFERS = 2  # hidden states and residual that travel between pipeline stages
_IMAGE_COPIES = 2  # the encoder's output, and the embeddings that it is merged into


def sampler_bytes(shape: Shape, options: Options, device_name: str) -> Number:
    """Bytes at the peak of the sampler, on the last stage."""
    rows = np.minimum(options.max_num_seqs, options.max_num_batched_tokens)
    vocabulary = np.ceil(np.asarray(shape.vocabulary_size) / _VOCABULARY_STEP) * _VOCABULARY_STEP
    if options.version.sorts:
        logits = rows * vocabulary * (options.element_bytes + _SORTED_LOGIT_BYTES)
    else:
        buffer_rows = np.minimum(rows, processors(device_name))
        logits = rows * vocabulary * (options.element_bytes + _SAMPLED_LOGIT_BYTES) + buffer_rows * vocabulary * 4
    states = (options.max_num_batched_tokens + rows) * shape.hidden_size * options.element_bytes
    return logits + states + workspace_bytes(device_name) + _SMALL_BUFFERS


def layer_bytes(shape: Shape, options: Options, device_name: str) -> Number:
    """Bytes at the peak of a layer; the matrix library holds a second workspace there."""
    written = shape.mlp_outputs / options.tensor_parallel + _VECTORS * shape.hidden_size
    tokens = options.max_num_batched_tokens * options.element_bytes
    return tokens * written + 2 * workspace_bytes(device_name) + _SMALL_BUFFERS


def expert_workspace_bytes(shape: Shape, options: Options) -> Number:
    """Two workspaces that stay: tokens x active experts x the wider of expert and model, before and after the gate.

    The kernel for MXFP4 keeps one, what comes out of the gate, and allocates the rest while it runs.
    """
    width = shape.expert_size / options.tensor_parallel
    both = np.maximum(width, shape.hidden_size) + np.maximum(2 * width, shape.hidden_size)
    widths = np.where(_are_mxfp4(shape), width, both)
    return options.max_num_batched_tokens * options.element_bytes * shape.active_experts * widths


def unsure_bytes(shape: Shape, options: Options) -> Number:
    """How much more the peak may be for what is known least: what images leave behind, and which kernel MXFP4 experts get."""
    two = expert_workspace_bytes(shape._replace(expert_bytes=0.0), options) - expert_workspace_bytes(shape, options)
    return two + image_bytes(shape, options) + np.where(np.asarray(shape.vision_bytes) > 0, _IMAGE_UNSURE_BYTES, 0.0)


def _are_mxfp4(shape: Shape) -> "np.ndarray[tuple[int, ...], np.dtype[np.bool_]]":
    """Whether the experts take 4.25 bits a weight; group formats of GPTQ and AWQ take 4.16, NVFP4 4.5."""
    count = shape.active_experts / np.maximum(shape.expert_share, 1e-9)
    weights = 3 * shape.hidden_size * shape.expert_size * count * shape.blocks
    bits = 8 * shape.expert_bytes / np.maximum(weights, 1.0)
    return (bits > _MXFP4_BITS[0]) & (bits < _MXFP4_BITS[1])


def image_bytes(shape: Shape, options: Options) -> Number:
    """What the image encoder's dummy run leaves behind, for a model that has one."""
    states = options.max_num_batched_tokens * shape.hidden_size * options.element_bytes
    return np.where(np.asarray(shape.vision_bytes) > 0, _IMAGE_COPIES * states, 0.0)


class Peak(NamedTuple):
    """The activation peak is the higher of `layers` and `sampler` (0 before the last pipeline stage), and `kept` beside it."""

    layers: Number
    sampler: Number
    kept: Number

    @property
    def bytes(self) -> Number:
        return np.maximum(self.layers, self.sampler) + self.kept


def peak_of(shape: Shape, options: Options, device_name: str, *, last_stage: bool) -> Peak:
    """The activation peak of a GPU of the last pipeline stage, or of an earlier one."""
    kept = expert_workspace_bytes(shape, options) + image_bytes(shape, options)
    if options.pipeline_parallel > 1:
        kept = kept + _STAGE_BUFFERS * options.max_num_batched_tokens * shape.hidden_size * options.element_bytes
    sampler = sampler_bytes(shape, options, device_name) if last_stage else 0.0
    return Peak(layer_bytes(shape, options, device_name), sampler, kept)
