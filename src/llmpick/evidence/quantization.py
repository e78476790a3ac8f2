"""How a quantisation stores the weights of a model that is not at hand."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

from llmpick.evidence.model import TensorRole
from llmpick.evidence.values import Source


@dataclass(frozen=True, slots=True)
class Quantization:
    """Bits per weight of what is quantised, scales and zeros included, and what stays wide.

    `bits_per_weight` holds for every role that `bits_by_role` does not name (embedding 16, norm 32…); `spread` is the relative half-width
    that holds 90% of published files around the bytes derived so, 0 for a format without choices. `format` is the kind of file.
    """

    name: str
    format: Literal["gguf", "safetensors"]
    bits_per_weight: float
    source: Source
    bits_by_role: Mapping[TensorRole, float] = field(default_factory=lambda: MappingProxyType({}))
    spread: float = 0.0
