"""The small reference tables beside the models: licences, quantisations and devices."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Literal

from llmpick.catalog.facts import as_source
from llmpick.catalog.files import CATALOG, read_file
from llmpick.catalog.schema import DevicesFile, LicencesFile, QuantizationsFile, SourceEntry
from llmpick.evidence.device import Device
from llmpick.evidence.errors import InputError
from llmpick.evidence.values import Fact, Source

CommercialUse = Literal["yes", "no", "conditions"]


@dataclass(frozen=True, slots=True)
class Licence:
    """`condition` says in our own words what commercial use depends on; None where nothing does."""

    id: str
    title: str
    url: str
    commercial_use: CommercialUse
    condition: str | None = None


@dataclass(frozen=True, slots=True)
class Quantization:
    """Bits per weight over a whole file: a mix of tensor types comes out a little different for every model."""

    name: str
    bits_per_weight: Fact[float]


@dataclass(frozen=True, slots=True)
class TensorType:
    """How one tensor is stored: blocks of `block_elements` weights in `block_bytes` bytes."""

    name: str
    block_elements: int
    block_bytes: int

    @property
    def bits_per_weight(self) -> float:
        return 8 * self.block_bytes / self.block_elements


@dataclass(frozen=True, slots=True)
class KnownDevice:
    """A device as its makers describe it; `memory_bytes` is a lower bound of what a driver reports."""

    name: str
    aliases: tuple[str, ...]
    memory_bytes: Fact[int]
    bandwidth_bytes_per_s: Fact[float]

    def as_device(self) -> Device:
        """The device with nothing else on it."""
        memory = self.memory_bytes.value
        return Device(self.name, "gpu", memory, memory, self.bandwidth_bytes_per_s.value)


@lru_cache(maxsize=1)
def load_licences() -> Mapping[str, Licence]:
    entries = read_file(CATALOG / "licences.yaml", LicencesFile).licences
    return MappingProxyType({key: Licence(key, e.title, str(e.url), e.commercial_use, e.condition) for key, e in entries.items()})


def commercial_use(licence_id: str) -> CommercialUse:
    """Whether weights under this licence may earn money. Raises `InputError` for an id that the catalog does not list."""
    licence = load_licences().get(licence_id.lower())
    if licence is None:
        raise InputError(
            f"the licence {licence_id!r} is not known",
            where="licences.yaml of the catalog",
            remedy="read the model's licence, then name it in the task's limits or add it to licences.yaml",
        )
    return licence.commercial_use


@lru_cache(maxsize=1)
def _quantizations_file() -> QuantizationsFile:
    return read_file(CATALOG / "quantizations.yaml", QuantizationsFile)


@lru_cache(maxsize=1)
def load_quantizations() -> Mapping[str, Quantization]:
    """By the name that the field uses: GGUF file types in capitals (Q4_K_M), the others in small letters (int8, nf4)."""
    file = _quantizations_file()
    return MappingProxyType(
        {
            name: Quantization(name, Fact(entry.bits_per_weight, _source(file.sources, entry.source, f"quantizations.yaml, {name}")))
            for name, entry in file.quantizations.items()
        }
    )


@lru_cache(maxsize=1)
def load_tensor_types() -> Mapping[str, TensorType]:
    """The types of single GGUF tensors, by llama.cpp's names."""
    entries = _quantizations_file().tensor_types
    return MappingProxyType({name: TensorType(name, entry.block_elements, entry.block_bytes) for name, entry in entries.items()})


@lru_cache(maxsize=1)
def load_devices() -> tuple[KnownDevice, ...]:
    file = read_file(CATALOG / "devices.yaml", DevicesFile)
    devices = list[KnownDevice]()
    for entry in file.devices:
        source = _source(file.sources, entry.source, f"devices.yaml, {entry.name}")
        devices.append(
            KnownDevice(entry.name, entry.aliases, Fact(entry.memory_bytes, source), Fact(float(entry.bandwidth_bytes_per_s), source))
        )
    return tuple(devices)


def find_device(name: str) -> KnownDevice | None:
    """By name or alias, whatever the case and the spaces."""
    wanted = _squeezed(name)
    return next((device for device in load_devices() if wanted in map(_squeezed, (device.name, *device.aliases))), None)


def _squeezed(name: str) -> str:
    return "".join(letter for letter in name.lower() if letter.isalnum())


def _source(sources: Mapping[str, SourceEntry], key: str, where: str) -> Source:
    if key not in sources:
        raise InputError(f"the source {key!r} is not among the file's sources", where=where, remedy="add it under sources")
    return as_source(sources[key])
