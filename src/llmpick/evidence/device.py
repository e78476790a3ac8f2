"""A machine that models run on."""

from dataclasses import dataclass
from typing import Literal

Vendor = Literal["nvidia", "amd", "apple", "intel", "huawei", "cpu", "other"]


@dataclass(frozen=True, slots=True)
class Device:
    """One processor and the memory that it computes in. Bytes, bytes/s, operations/s, watts; None until measured or looked up.

    `memory_free_bytes` is what a new process could take now; on a CPU both memory figures respect the container's limit. Rates are dense
    (no sparsity), matrix units included; `link_bytes_per_s` is one direction of the fastest link to its peers (NVLink, PCIe),
    `host_link_bytes_per_s` that of the link to the host's memory. `shares_memory`: the GPU computes in the host's memory (Apple).
    """

    name: str
    kind: Literal["cpu", "gpu"]
    memory_total_bytes: int
    memory_free_bytes: int
    bandwidth_bytes_per_s: float | None = None
    cores: int | None = None
    vendor: Vendor | None = None
    fp16_flops: float | None = None
    int8_ops: float | None = None
    fp8_flops: float | None = None
    link_bytes_per_s: float | None = None
    host_link_bytes_per_s: float | None = None
    power_watts: float | None = None
    shares_memory: bool = False


@dataclass(frozen=True, slots=True)
class Load:
    """How a model is used: tokens of context per sequence and the number of simultaneous sequences."""

    context_tokens: int
    sequences: int = 1
    output_tokens: int = 64
