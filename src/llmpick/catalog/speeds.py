"""The constants of the speed formulas by engine and kind of device: `speeds.yaml`, which `benchmarks/fit_speed.py` fits and checks."""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated

from pydantic import Field

from llmpick.catalog.facts import as_source
from llmpick.catalog.files import CATALOG, read_file
from llmpick.catalog.schema import Count, Shape, SourceEntry
from llmpick.estimate.speed_constants import SpeedConstants
from llmpick.evidence.deployment import Deployment, EngineName
from llmpick.evidence.device import Device, Vendor
from llmpick.evidence.errors import InputError

Seconds = Annotated[float, Field(ge=0, le=1)]
Share = Annotated[float, Field(gt=0, le=1.5)]
Spread = Annotated[float, Field(gt=0, le=3)]


class ConstantsEntry(Shape):
    """As `SpeedConstants`; the units are seconds and shares of the rated speed."""

    token_s: Seconds
    layer_s: Seconds
    expert_layer_s: Seconds
    recurrent_layer_s: Seconds
    sequence_s: Seconds = 0.0
    weight_efficiency: Share
    kv_efficiency: Share
    unpack_ops: Annotated[float, Field(ge=0, le=1000)] = 0.0
    compute_efficiency: Share
    compute_exponent: Annotated[float, Field(gt=0, le=1)] = 1.0
    attention_efficiency: Share
    expert_efficiency: Share
    prefill_s: Seconds = 0.0
    request_s: Seconds = 0.0
    allreduce_s: Seconds = 0.0
    core_flops: Annotated[float, Field(gt=0)] | None = None
    decode_spread: Spread
    prefill_spread: Spread
    ttft_spread: Spread


class SpeedEntry(Shape):
    """`devices` are words of a device's name, of which one must occur; none: all of the vendors. `before_build`: older llama.cpp only."""

    name: str
    engines: tuple[EngineName, ...] = Field(min_length=1)
    vendors: tuple[Vendor, ...] = ()
    devices: tuple[str, ...] = ()
    before_build: Count | None = None
    source: str
    rows: Annotated[int, Field(ge=0)]
    devices_measured: Annotated[int, Field(ge=0)]
    constants: ConstantsEntry


class SpeedsFile(Shape):
    sources: dict[str, SourceEntry]
    speeds: tuple[SpeedEntry, ...]


@dataclass(frozen=True, slots=True)
class SpeedClass:
    """One entry: for which engines, vendors and device names its constants hold. The first that matches counts."""

    engines: tuple[str, ...]
    vendors: tuple[str, ...]
    devices: tuple[str, ...]
    before_build: int | None
    constants: SpeedConstants

    def matches(self, engine: str, vendor: str, device: str, build: int | None) -> bool:
        """`build` None is the newest version of the engine."""
        return (
            engine in self.engines
            and (not self.vendors or vendor in self.vendors)
            and (not self.devices or any(has_words(device, words) for words in self.devices))
            and (self.before_build is None or (build is not None and build < self.before_build))
        )


@lru_cache(maxsize=1)
def load_speeds() -> tuple[SpeedClass, ...]:
    """All entries in the order of the file. Raises `InputError` for a file that does not have the shape."""
    file = read_file(CATALOG / "speeds.yaml", SpeedsFile)
    return tuple(_speed_class(file, entry) for entry in file.speeds)


def find_speed_constants(device: Device, deployment: Deployment) -> SpeedConstants | None:
    """The constants of this engine, at this version, on this device; None where no entry holds."""
    vendor = vendor_of(device)
    build = llamacpp_build(deployment.version) if deployment.engine == "llama.cpp" else None
    matching = (entry for entry in load_speeds() if entry.matches(deployment.engine, vendor, device.name, build))
    found = next(matching, None)
    return found.constants if found else None


def vendor_of(device: Device) -> Vendor:
    """As the device says, else "cpu" for a CPU and "other" for the rest."""
    if device.kind == "cpu" and device.vendor not in ("apple", "huawei"):
        return "cpu"
    return device.vendor or "other"


def llamacpp_build(version: str | None) -> int | None:
    """The number of `b2824`, `b9775 / be4a6a63e`, `build: 3fc4e1052 (9820)` or `2026.10.11549`; None where there is none."""
    numbers = re.findall(r"(?<![0-9a-f])b?(\d{4,6})(?![0-9a-f])", version or "")
    return int(numbers[-1]) if numbers else None


def has_words(name: str, words: str) -> bool:
    """Whether the words stand together in the name, each as a whole: "A40" is in "NVIDIA A40", not in "RTX A4000"."""
    return f" {_plain(words)} " in f" {_plain(name)} "


def _plain(text: str) -> str:
    return " ".join(re.findall(r"[a-z0-9]+", text.lower()))


def _speed_class(file: SpeedsFile, entry: SpeedEntry) -> SpeedClass:
    if entry.source not in file.sources:
        raise InputError(
            f"the source {entry.source!r} is not among the file's sources",
            where=f"speeds.yaml, {entry.name}",
            remedy="add it under sources",
        )
    constants = SpeedConstants(
        name=entry.name,
        source=as_source(file.sources[entry.source]),
        rows=entry.rows,
        devices=entry.devices_measured,
        **entry.constants.model_dump(),
    )
    return SpeedClass(entry.engines, entry.vendors, entry.devices, entry.before_build, constants)
