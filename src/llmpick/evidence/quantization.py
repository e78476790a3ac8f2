"""How a quantisation stores the weights of a model that is not at hand."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

from llmpick.evidence.model import TensorRole
from llmpick.evidence.values import Source

TensorPart = Literal[
    "default",
    "embedding",
    "output",
    "query",
    "key",
    "value",
    "attention_output",
    "up",
    "down",
    "expert_up",
    "expert_down",
    "norm",
]
"""What recipes of GGUF files tell apart; `up` is the gate too. `default` holds for what is not said; for experts `up`, `down` do."""
Case = Literal["grouped queries", "eight experts"]
"""Models that recipes treat apart: at least four query heads per KV head; eight routed experts."""


@dataclass(frozen=True, slots=True)
class StoredType:
    """One data type: every `block` weights of a row in `bits` per weight; rows that are no whole blocks are stored as `otherwise`."""

    name: str
    bits: float
    block: int = 1
    otherwise: "StoredType | None" = None


Mix = tuple[tuple[StoredType, float], ...]
"""The types of one part of the layers, each with its share; shares sum to 1."""


@dataclass(frozen=True, slots=True)
class Quantization:
    """Bits per weight of what is quantised, scales and zeros included, and what stays wide.

    `bits_per_weight` holds for every role that `bits_by_role` does not name (embedding 16, norm 32…); `spread` is the relative half-width
    that holds 90% of published files around the bytes derived so, 0 for a format without choices. `format` is the kind of file. For a
    recipe that mixes types both are those of a typical decoder (the shape of Llama-3.1-8B), and `parts` has the recipe, `cases` what
    differs for some models. 0 bits: the file does not hold that role.
    """

    name: str
    format: Literal["gguf", "safetensors"]
    bits_per_weight: float
    source: Source
    bits_by_role: Mapping[TensorRole, float] = field(default_factory=lambda: MappingProxyType({}))
    spread: float = 0.0
    parts: Mapping[TensorPart, Mix] = field(default_factory=lambda: MappingProxyType({}))
    cases: Mapping[Case, Mapping[TensorPart, Mix]] = field(default_factory=lambda: MappingProxyType({}))
