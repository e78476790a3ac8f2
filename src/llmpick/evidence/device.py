"""A machine that models run on."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Device:
    """One processor and the memory that it computes in. Bytes; `bandwidth_bytes_per_s` is None until measured or looked up.

    `memory_free_bytes` is what a new process could take now; on a CPU both memory figures respect the container's limit.
    """

    name: str
    kind: Literal["cpu", "gpu"]
    memory_total_bytes: int
    memory_free_bytes: int
    bandwidth_bytes_per_s: float | None = None
    cores: int | None = None


@dataclass(frozen=True, slots=True)
class Load:
    """How a model is used: tokens of context per sequence and the number of simultaneous sequences."""

    context_tokens: int
    sequences: int = 1
    output_tokens: int = 64
