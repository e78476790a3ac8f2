"""The catalog of quantisations: `quantizations.yaml` as records, and the many names that one quantisation goes by."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType

from llmpick.catalog.facts import as_source
from llmpick.catalog.files import CATALOG, read_file
from llmpick.catalog.schema import QuantizationEntry, QuantizationsFile
from llmpick.evidence.errors import InputError
from llmpick.evidence.model import TensorRole
from llmpick.evidence.quantization import Case, Mix, Quantization, StoredType, TensorPart

# Shares of the weights of Llama-3.1-8B (arXiv:2407.21783, table 3), by part of a role.
_TYPICAL: Mapping[TensorRole, Mapping[TensorPart, float]] = {
    "attention": {"query": 0.4, "key": 0.1, "value": 0.1, "attention_output": 0.4},
    "mlp": {"up": 2 / 3, "down": 1 / 3},
    "experts": {"expert_up": 2 / 3, "expert_down": 1 / 3},
    "shared_experts": {"up": 2 / 3, "down": 1 / 3},
    "embedding": {"embedding": 1.0},
    "output": {"output": 1.0},
    "norm": {"norm": 1.0},
    "recurrent": {"default": 1.0},
    "draft": {"default": 1.0},
}
_ATTENTION_SHARE = 0.17  # of the weights of its blocks, about 1/6


@dataclass(frozen=True, slots=True)
class TensorType:
    """How one tensor is stored: blocks of `block_elements` weights in `block_bytes` bytes; rows that do not fit as `otherwise`."""

    name: str
    block_elements: int
    block_bytes: int
    otherwise: str | None = None

    @property
    def bits_per_weight(self) -> float:
        return 8 * self.block_bytes / self.block_elements


@lru_cache(maxsize=1)
def _file() -> QuantizationsFile:
    return read_file(CATALOG / "quantizations.yaml", QuantizationsFile)


@lru_cache(maxsize=1)
def load_quantizations() -> Mapping[str, Quantization]:
    """By the name that the field uses: GGUF file types in capitals (Q4_K_M), the others in small letters (int8, nf4)."""
    return MappingProxyType({name: _quantization(name, entry) for name, entry in _file().quantizations.items()})


@lru_cache(maxsize=1)
def load_tensor_types() -> Mapping[str, TensorType]:
    """The types of single GGUF tensors, by llama.cpp's names."""
    entries = _file().tensor_types
    return MappingProxyType({key: TensorType(key, e.block_elements, e.block_bytes, e.otherwise) for key, e in entries.items()})


def find_quantization(name: str) -> Quantization:
    """By name or alias, whatever the case, `-` and `_`. Raises `InputError` that lists the names for one that is not known."""
    found = _by_spelling().get(_plain(name))
    if found is None:
        known = ", ".join(load_quantizations())
        raise InputError(
            f"the quantisation {name[:40]!r} is not known", where="the name of the quantisation", remedy=f"name one of {known}"
        )
    return load_quantizations()[found]


@lru_cache(maxsize=1)
def _by_spelling() -> Mapping[str, str]:
    names = {_plain(alias): name for name, entry in _file().quantizations.items() for alias in entry.aliases}
    return names | {_plain(name): name for name in _file().quantizations}


def _plain(name: str) -> str:
    return "".join(letter for letter in name.lower() if letter not in "-_ ")


def _quantization(name: str, entry: QuantizationEntry) -> Quantization:
    where = f"quantizations.yaml, {name}"
    if entry.source not in _file().sources:
        raise InputError(f"the source {entry.source!r} is not among the file's sources", where=where, remedy="add it under sources")
    source = as_source(_file().sources[entry.source])
    if entry.types is None:
        assert entry.bits_per_weight is not None  # the schema asks for one of the two
        return Quantization(
            name, entry.format, entry.bits_per_weight, source, MappingProxyType(dict(entry.bits_by_role)), spread=entry.spread
        )
    parts = _parts(entry.types, where)
    cases: dict[Case, Mapping[TensorPart, Mix]] = {
        "grouped queries": _parts(entry.grouped_queries, where),
        "eight experts": _parts(entry.eight_experts, where),
    }
    typical: dict[TensorPart, Mix] = {**parts, **cases["grouped queries"]}
    by_role: dict[TensorRole, float] = {role: _bits(typical, shares) for role, shares in _TYPICAL.items()}
    blocks = _ATTENTION_SHARE * by_role["attention"] + (1 - _ATTENTION_SHARE) * by_role["mlp"]
    by_role["vision"] = 0.0  # an image tower is a file of its own (mmproj)
    return Quantization(
        name,
        entry.format,
        blocks,
        source,
        MappingProxyType(by_role),
        entry.spread,
        MappingProxyType(parts),
        MappingProxyType(cases),
    )


def _parts(types: "Mapping[TensorPart, str | Mapping[str, float]]", where: str) -> dict[TensorPart, Mix]:
    return {part: _mix({mix: 1.0} if isinstance(mix, str) else mix, where) for part, mix in types.items()}


def _mix(shares: Mapping[str, float], where: str) -> Mix:
    if abs(sum(shares.values()) - 1) > 1e-9:
        raise InputError(f"the shares {dict(shares)} do not sum to 1", where=where, remedy="correct them")
    return tuple((_stored(name, where), share) for name, share in shares.items())


def _stored(name: str, where: str) -> StoredType:
    kind = load_tensor_types().get(name)
    if kind is None:
        raise InputError(f"the tensor type {name!r} is not among tensor_types", where=where, remedy="add it there")
    other = _stored(kind.otherwise, where) if kind.otherwise else None
    return StoredType(name, kind.bits_per_weight, kind.block_elements, other)


def _bits(parts: Mapping[TensorPart, Mix], shares: Mapping[TensorPart, float]) -> float:
    general: dict[TensorPart, TensorPart] = {"expert_up": "up", "expert_down": "down"}
    found = {part: parts.get(part) or parts.get(general.get(part, "default")) or parts["default"] for part in shares}
    return sum(share * sum(part_share * stored.bits for stored, part_share in found[part]) for part, share in shares.items())
