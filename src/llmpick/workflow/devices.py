"""The devices that models run on: what this machine has, and what the catalog knows of all others."""

from dataclasses import replace

from llmpick.catalog.answers import Devices, Found
from llmpick.catalog.devices import KnownDevice, find_device, load_devices, near_names, squeezed
from llmpick.evidence.errors import InputError

THIS_MACHINE = "this machine"


def list_devices(name: str | None = None, *, measure: bool = False) -> Devices:
    """All devices, those that a word names ("apple", "laptop", "RTX 40"), or the one of that name.

    `measure` reads memory for a second to see how fast it is. Raises `InputError` with near names where nothing is meant by `name`.
    """
    if name is None:
        return _this_machine(load_devices(), measure=measure)
    if squeezed(name) == squeezed(THIS_MACHINE):
        return _this_machine((), measure=measure)
    one = find_device(name)
    if one is not None:
        return Devices((), None, (one,), in_full=True)
    several = tuple(device for device in load_devices() if _is_meant(device, squeezed(name)))
    if several:
        return Devices((), None, several)
    near = near_names(name)
    raise InputError(
        f"no device is named {name!r}",
        where="NAME",
        remedy=f"did you mean {' or '.join(near)}? Without NAME all are listed" if near else "without NAME all are listed",
    )


def _is_meant(device: KnownDevice, word: str) -> bool:
    """A part of a name, or the whole name of a vendor, a kind or a price class."""
    classes = {device.vendor, device.kind, device.price_class}
    return bool(word) and (word in classes or any(word in squeezed(name) for name in (device.name, *device.aliases)))


def _this_machine(known: tuple[KnownDevice, ...], *, measure: bool) -> Devices:
    from llmpick.sources.hardware import gpus, idle_gpu_note, measured_bandwidth, this_machine

    machine = this_machine()
    if measure:
        machine = replace(machine, bandwidth_bytes_per_s=measured_bandwidth(free_bytes=machine.memory_free_bytes))
    cards = gpus()
    found = (Found(machine, None), *(Found(card, find_device(card.name, card.memory_total_bytes)) for card in cards))
    return Devices(found, idle_gpu_note() if cards else None, known)
