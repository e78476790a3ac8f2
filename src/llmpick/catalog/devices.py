"""The devices of the catalog: what their makers and their drivers say, and which of them a name means.

People and drivers spell one device in many ways, so names are compared without case, spaces and dashes. One driver name can stand for
several devices (an RTX 3060 with 8 or 12 GB); the memory that the driver reports then decides.
"""

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal, TypeVar

from llmpick.catalog.files import CATALOG, named_source, read_file
from llmpick.catalog.schema import DeviceEntry, DevicesFile, PriceClass, SourceEntry
from llmpick.evidence.device import Device, Vendor
from llmpick.evidence.errors import InputError
from llmpick.evidence.values import Fact, Source

V = TypeVar("V")

_NEAR_NAMES = 5
_MEANT_SHOWN = 8
_GB = 10**9
_GIB = 2**30
# "M2 Max 32GB", "DDR5-5600 dual channel, 96 GB": a name with another size of memory than the one in the catalog.
_SIZED = re.compile(r"^(?P<name>.*?)[\s,(-]*(?P<size>\d{1,5})\s*GB\)?$", re.IGNORECASE)
# recommendedMaxWorkingSetSize in llama.cpp's logs (https://github.com/ggml-org/llama.cpp/issues/1870); later macOS versions lend more.
_SMALL_MAC = 36 * _GIB
_LENT_OF_SMALL, _LENT = 2 / 3, 3 / 4
_NAMED_BY_USER = Source("the size in the name")


@dataclass(frozen=True, slots=True)
class Rent:
    """US dollars for one hour of one device: the offer taken, the lowest and the highest."""

    value: float
    low: float
    high: float

    @property
    def middle(self) -> float:
        """The median of the offers. Of two, `value` is the lower one, and their median is the mean."""
        return self.value if self.low < self.value else 0.5 * (self.low + self.high)


@dataclass(frozen=True, slots=True)
class KnownDevice:
    """A device as makers and drivers describe it; the fields of devices.yaml, each with its source, None where nobody says it.

    `memory_bytes` is the makers' figure (10^9 per GB), a lower bound; `driver_memory_bytes` what a process sees in all. `training_flops` is
    the rate of 16-bit products that are summed in 32 bits, as training sums them: half of `fp16_flops` on GeForce cards.
    """

    name: str
    kind: Literal["cpu", "gpu"]
    vendor: Vendor
    price_class: PriceClass
    aliases: tuple[str, ...]
    driver_names: tuple[str, ...]
    shares_memory: bool
    memory_bytes: Fact[int]
    bandwidth_bytes_per_s: Fact[float]
    driver_memory_bytes: Fact[int] | None = None
    fp16_flops: Fact[float] | None = None
    training_flops: Fact[float] | None = None
    int8_ops: Fact[float] | None = None
    fp8_flops: Fact[float] | None = None
    link_bytes_per_s: Fact[float] | None = None
    host_link_bytes_per_s: Fact[float] | None = None
    power_watts: Fact[float] | None = None
    hourly_usd: Fact[Rent] | None = None

    def as_device(self) -> Device:
        """The device with nothing else on it; its memory is what the driver reports, where that is known."""
        memory = (self.driver_memory_bytes or self.memory_bytes).value
        return self.rates_of(Device(self.name, self.kind, memory, memory))

    def rates_of(self, found: Device) -> Device:
        """A device that was found in a machine, with the rates and links that are known of its kind; what was measured stays."""
        return replace(
            found,
            vendor=found.vendor or self.vendor,
            bandwidth_bytes_per_s=found.bandwidth_bytes_per_s or self.bandwidth_bytes_per_s.value,
            fp16_flops=found.fp16_flops or _value(self.fp16_flops),
            int8_ops=found.int8_ops or _value(self.int8_ops),
            fp8_flops=found.fp8_flops or _value(self.fp8_flops),
            link_bytes_per_s=found.link_bytes_per_s or _value(self.link_bytes_per_s),
            host_link_bytes_per_s=found.host_link_bytes_per_s or _value(self.host_link_bytes_per_s),
            power_watts=found.power_watts or _value(self.power_watts),
            shares_memory=found.shares_memory or self.shares_memory,
        )


@lru_cache(maxsize=1)
def load_devices() -> tuple[KnownDevice, ...]:
    """All devices in the order of devices.yaml. Raises `InputError` for a file that does not have the shape."""
    file = read_file(CATALOG / "devices.yaml", DevicesFile)
    return tuple(_known(entry, file.sources) for entry in file.devices)


def find_device(name: str, memory_bytes: int | None = None) -> KnownDevice | None:
    """By name, alias or the driver's name, whatever the case, the spaces and the dashes; None where nothing fits.

    Of several devices with one driver name it is the one whose memory is nearest to `memory_bytes`, else the first of the catalog. A
    size in the name ("M2 Max 32GB") chooses among such devices too, and sets the memory where the owner chooses it (Apple, CPUs).
    """
    found = _nearest(_by_name().get(squeezed(name), ()), memory_bytes)
    return found or _sized(name)


def device_named(name: str) -> KnownDevice:
    """By its name, or by the end of one ("4090", "7900 XTX") where only one device has it.

    Raises `InputError` with the devices that an abbreviation may mean, or the nearest names for one that the catalog does not list.
    """
    found = find_device(name)
    if found is None:
        meant = abbreviated(name)
        if len(meant) == 1:
            return meant[0]
        if meant:
            may_be = ", ".join(device.name for device in meant[:_MEANT_SHOWN]) + (", ..." if len(meant) > _MEANT_SHOWN else "")
            raise InputError(f"{name!r} may be several devices", where="the name of the device", remedy=f"name one of them: {may_be}")
        near = near_names(name)
        raise InputError(
            f"the device {name!r} is not in the catalog",
            where="the name of the device",
            remedy=f"did you mean {' or '.join(near)}? `llmpick devices` lists all" if near else "`llmpick devices` lists all",
        )
    return found


def abbreviated(name: str) -> tuple[KnownDevice, ...]:
    """The devices that have a name which ends with this one: what makers put before it is left out, as in "4090".

    Never what follows: a 4090 D is another device. Where nothing ends so, all of which it is a whole part ("7900"): no single one is meant.
    The abbreviation has a digit, so that "Max" or "Laptop" are none.
    """
    wanted = squeezed(name)
    if not any(letter.isdigit() for letter in wanted):
        return ()
    ending, holding = list[KnownDevice](), list[KnownDevice]()
    for device in load_devices():
        starts = [words[at:] for words in map(_words, (device.name, *device.aliases)) for at in range(1, len(words))]
        if any("".join(words) == wanted for words in starts):
            ending.append(device)
        elif any("".join(words[:end]) == wanted for words in starts for end in range(1, len(words))):
            holding.append(device)
    return tuple(ending) or (tuple(holding) if len(holding) > 1 else ())


def _words(name: str) -> list[str]:
    return re.findall(r"[a-z0-9+]+", name.lower())


def near_names(name: str) -> tuple[str, ...]:
    """Devices whose name or alias resembles this one, best first, each once."""
    spellings = {spelling: device.name for device in load_devices() for spelling in map(squeezed, (device.name, *device.aliases))}
    wanted = squeezed(name)
    close = difflib.get_close_matches(wanted, spellings, n=4 * _NEAR_NAMES, cutoff=0.6)
    holding = [spelling for spelling in spellings if wanted and wanted in spelling]
    return tuple(dict.fromkeys(spellings[spelling] for spelling in (*close, *holding)))[:_NEAR_NAMES]


def lent_by_macos(memory_bytes: int) -> int:
    """Bytes that the GPU of an Apple chip may take of so much memory, unless its owner sets another limit."""
    return round(memory_bytes * (_LENT_OF_SMALL if memory_bytes <= _SMALL_MAC else _LENT))


def squeezed(name: str) -> str:
    """The letters, digits and plus signs of a name, in small letters."""
    return "".join(letter for letter in name.lower() if letter.isalnum() or letter == "+")


@lru_cache(maxsize=1)
def _by_name() -> Mapping[str, tuple[KnownDevice, ...]]:
    """Names and aliases lead to one device; a driver's name to all that carry it, but never away from a name."""
    known = {squeezed(spelling): (device,) for device in load_devices() for spelling in (device.name, *device.aliases)}
    shared: dict[str, tuple[KnownDevice, ...]] = {}
    for device in load_devices():
        for spelling in map(squeezed, device.driver_names):
            shared[spelling] = (*shared.get(spelling, ()), device)
    return {**shared, **known}


def _nearest(devices: tuple[KnownDevice, ...], memory_bytes: int | None) -> KnownDevice | None:
    if not devices or memory_bytes is None:
        return devices[0] if devices else None
    return min(devices, key=lambda device: abs((device.driver_memory_bytes or device.memory_bytes).value - memory_bytes))


def _sized(name: str) -> KnownDevice | None:
    match = _SIZED.match(name.strip())
    if match is None:
        return None
    size = int(match["size"]) * _GB
    named = _by_name().get(squeezed(match["name"]), ())
    of_that_size = next((device for device in named if device.memory_bytes.value == size), None)
    if of_that_size or len(named) != 1 or not 0 < size <= 8192 * _GB:
        return of_that_size
    (device,) = named
    chosen_by_owner = device.kind == "cpu" or (device.shares_memory and size <= device.memory_bytes.value)
    return _with_memory(device, size) if chosen_by_owner else None


def _with_memory(device: KnownDevice, size: int) -> KnownDevice:
    """The same device with another amount of memory."""
    lent = None
    if device.vendor == "apple" and device.driver_memory_bytes is not None:
        lent = Fact(lent_by_macos(size // _GB * _GIB), device.driver_memory_bytes.source)
    return replace(device, memory_bytes=Fact(size, _NAMED_BY_USER), driver_memory_bytes=lent)


def _known(entry: DeviceEntry, sources: Mapping[str, SourceEntry]) -> KnownDevice:
    where = f"devices.yaml, {entry.name}"
    general = named_source(sources, entry.source, where)
    rates = named_source(sources, entry.rates_source or entry.source, where)
    links = named_source(sources, entry.links_source or entry.source, where)
    driver = named_source(sources, entry.driver_memory_source or entry.source, where)
    rent = entry.hourly_usd
    return KnownDevice(
        name=entry.name,
        kind=entry.kind,
        vendor=entry.vendor,
        price_class=entry.price_class,
        aliases=entry.aliases,
        driver_names=entry.driver_names,
        shares_memory=entry.shares_memory,
        memory_bytes=Fact(entry.memory_bytes, general),
        bandwidth_bytes_per_s=Fact(float(entry.bandwidth_bytes_per_s), general),
        driver_memory_bytes=_fact(entry.driver_memory_bytes, driver),
        fp16_flops=_fact(_real(entry.fp16_flops), rates),
        training_flops=None if entry.fp16_flops is None else Fact(entry.fp32_accumulation * entry.fp16_flops, rates),
        int8_ops=_fact(_real(entry.int8_ops), rates),
        fp8_flops=_fact(_real(entry.fp8_flops), rates),
        link_bytes_per_s=_fact(_real(entry.link_bytes_per_s), links),
        host_link_bytes_per_s=_fact(_real(entry.host_link_bytes_per_s), links),
        power_watts=_fact(entry.power_watts, general),
        hourly_usd=Fact(Rent(rent.value, rent.low, rent.high), named_source(sources, rent.source, where)) if rent else None,
    )


def _fact(value: V | None, source: Source) -> Fact[V] | None:
    return None if value is None else Fact(value, source)


def _real(value: int | None) -> float | None:
    return None if value is None else float(value)


def _value(fact: Fact[V] | None) -> V | None:
    return None if fact is None else fact.value
