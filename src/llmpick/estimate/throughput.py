"""How fast a model reads and writes on a device: decode, prefill and the time to the first token, each with its interval.

The terms are those of `estimate/rooflines.py`, the constants those of the engine on such devices. The intervals are what the same
formula missed on devices that its fit had not seen.
"""

from typing import NamedTuple

import numpy as np

from llmpick.estimate.kv_cache import cache_bytes, kv_type_bytes, state_bytes
from llmpick.estimate.rooflines import Layout, Machine, Work, decode_seconds, prefill_seconds
from llmpick.estimate.shape import Number, Range, Shape
from llmpick.estimate.speed_constants import SpeedConstants
from llmpick.evidence.deployment import Deployment
from llmpick.evidence.device import Device
from llmpick.evidence.values import Unknown

HOST_BANDWIDTH = 60e9
"""Bytes per second of two channels of DDR4-3200 to DDR5-5600 (51 to 90 GB/s rated), where the host's memory is not known."""
HOST_LINK, PEER_LINK = 16e9, 25e9
"""One direction of PCIe 4.0 x8 and of PCIe 4.0 x16 after encoding, where the links are not known."""
OFFLOAD_SPREAD = 0.7
"""log 2: nobody says how fast the host's memory is, which differs by two between common machines."""
EIGHT_BIT_TOLERANCE = 0.15
"""Bytes per weight around 1.05 that mean 8-bit weights with some tensors wider."""
UBATCH_TOKENS, CHUNK_TOKENS = 512, 8192
"""Defaults of llama.cpp's n_ubatch and of vLLM's max_num_batched_tokens."""


class Throughput(NamedTuple):
    """`decode_tokens_per_s` per sequence, `prefill_tokens_per_s` of the device, `ttft_s` of a prompt that waits for nobody."""

    decode_tokens_per_s: Range | Unknown
    prefill_tokens_per_s: Range | Unknown
    ttft_s: Range | Unknown


def estimate_throughput(
    shape: Shape,
    device: Device,
    deployment: Deployment,
    constants: SpeedConstants,
    *,
    context_tokens: Number,
    prompt_tokens: Number,
    sequences: Number = 1,
    host_bandwidth_bytes_per_s: float | None = None,
) -> Throughput:
    """Speed while each of `sequences` caches holds `context_tokens`, and for a prompt of `prompt_tokens`.

    Fields of `shape`, contexts and sequences may be arrays, one entry per configuration. `host_bandwidth_bytes_per_s` is that of the
    memory that layers or experts are left in (`gpu_layers`, `cpu_expert_layers`).
    """
    machine = machine_of(device, deployment, constants, shape, host_bandwidth_bytes_per_s)
    if machine is None:
        unknown = Unknown(f"the memory bandwidth of {device.name} is not known")
        return Throughput(unknown, unknown, unknown)
    work = work_of(shape, deployment, context_tokens, prompt_tokens, sequences)
    layout = layout_of(shape, deployment)
    step = decode_seconds(shape, machine, constants, work, layout)
    decode = _range(1.0 / step, constants.decode_spread, shape, layout)
    if np.isinf(machine.flops).all():
        unknown = Unknown(f"how many operations per second {device.name} computes is not known")
        return Throughput(decode, unknown, unknown)
    reading = prefill_seconds(shape, machine, constants, work, layout)
    return Throughput(
        decode,
        _range(prompt_tokens / reading, constants.prefill_spread, shape, layout),
        _range(reading + step + constants.request_s, constants.ttft_spread, shape, layout),
    )


def machine_of(
    device: Device, deployment: Deployment, constants: SpeedConstants, shape: Shape, host_bandwidth: float | None = None
) -> Machine | None:
    """The rates that the formulas take; None without a memory bandwidth. An unknown rate of computing becomes infinite."""
    bandwidth = constants.bandwidth_bytes_per_s or device.bandwidth_bytes_per_s
    if bandwidth is None:
        return None
    return Machine(
        bandwidth,
        constants.flops or _product_rate(device, deployment, constants, shape),
        device.link_bytes_per_s or device.host_link_bytes_per_s or PEER_LINK,
        host_bandwidth or (bandwidth if device.shares_memory else HOST_BANDWIDTH),
        device.host_link_bytes_per_s or (bandwidth if device.shares_memory else HOST_LINK),
    )


def _product_rate(device: Device, deployment: Deployment, constants: SpeedConstants, shape: Shape) -> Number:
    """Operations per second of matrix products.

    llama.cpp multiplies quantised weights in 8-bit integers and accumulates 16-bit ones in 16 bits: half of the 8-bit rate stands for
    both. Servers multiply 8-bit weights at the rate of fp8 where the device has one.
    """
    if device.fp16_flops is None:
        cores = constants.core_flops and device.cores and constants.core_flops * device.cores
        return cores or float("inf")
    if deployment.engine == "llama.cpp":
        return max(device.fp16_flops, (device.int8_ops or 0.0) / 2)
    eight_bits = np.abs(np.asarray(shape.weights.value) / shape.parameters - 1.05) < EIGHT_BIT_TOLERANCE
    return np.where(eight_bits, device.fp8_flops or device.fp16_flops, device.fp16_flops)


def work_of(shape: Shape, deployment: Deployment, context: Number, prompt: Number, sequences: Number) -> Work:
    element = kv_type_bytes(deployment.kv_type)
    whole = bool(deployment.option("swa_full", False))
    cache = cache_bytes(shape, context, bytes_per_element=element, whole_context=whole).total
    if deployment.engine == "llama.cpp":
        batch = float(deployment.option("n_ubatch", UBATCH_TOKENS))
    else:
        batch = float(deployment.option("max_num_batched_tokens", CHUNK_TOKENS))
    # A recurrent state is read and written in every step.
    return Work(sequences, cache + 2.0 * state_bytes(shape), prompt, np.maximum(1.0, np.minimum(batch, prompt)))


def layout_of(shape: Shape, deployment: Deployment) -> Layout:
    """Layers of llama.cpp that are not on the GPU are in the host's memory; pipeline stages take turns, so that they gain nothing here."""
    blocks = np.maximum(np.asarray(shape.blocks, dtype=float), 1.0)
    layers = deployment.gpu_layers
    host = 0.0 if layers is None else np.clip(1.0 - layers / blocks, 0.0, 1.0)
    experts = np.clip(deployment.cpu_expert_layers / blocks, 0.0, 1.0)
    return Layout(float(deployment.tensor_parallel), experts, host)


def _range(value: Number, spread: float, shape: Shape, layout: Layout) -> Range:
    """Errors of the formula, of the weights' bytes and of the host's memory are independent factors."""
    offload = np.where(np.maximum(layout.host_experts, layout.host_layers) > 0, OFFLOAD_SPREAD, 0.0)
    bytes_known = np.log(np.maximum(shape.weights.high, 1.0) / np.maximum(shape.weights.value, 1.0))
    half = np.sqrt(spread**2 + bytes_known**2 + offload**2)
    return Range(value, value * np.exp(-half), value * np.exp(half))
