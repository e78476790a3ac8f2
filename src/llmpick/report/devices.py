"""The devices: this machine first, then the catalog as a table, or all facts of one device; and the same as JSON."""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from llmpick.catalog.answers import Devices, Found
from llmpick.catalog.devices import KnownDevice, Rent
from llmpick.evidence.device import Device
from llmpick.evidence.values import Fact
from llmpick.report import numbers
from llmpick.report.facts import Line, fact_document, print_facts
from llmpick.report.text import one_line

SCHEMA_VERSION = 1
NOT_KNOWN = "-"
NO_UNIT = "no source of the catalog gives it, or the device has no such units"
VENDORS = {"nvidia": "NVIDIA", "amd": "AMD", "apple": "Apple", "intel": "Intel", "huawei": "Huawei"}
CLASSES = {"soc": "SoC", "datacenter": "data centre", "cpu": "CPU"}
LABELS: dict[str, tuple[str, Callable[[Any], str]]] = {
    "memory_bytes": ("memory, as sold", lambda size: f"{size / 1e9:,.0f} GB"),
    "driver_memory_bytes": ("memory, as the driver says", numbers.memory),
    "bandwidth_bytes_per_s": ("memory bandwidth", numbers.bandwidth),
    "fp16_flops": ("16-bit rate", lambda rate: f"{numbers.tera(rate)} TFLOPS, dense"),
    "training_flops": ("16-bit rate, summed in 32", lambda rate: f"{numbers.tera(rate)} TFLOPS, dense, in training"),
    "fp8_flops": ("8-bit float rate", lambda rate: f"{numbers.tera(rate)} TFLOPS, dense"),
    "int8_ops": ("8-bit integer rate", lambda rate: f"{numbers.tera(rate)} TOPS, dense"),
    "link_bytes_per_s": ("link to peers, one direction", numbers.bandwidth),
    "host_link_bytes_per_s": ("link to the host, one direction", numbers.bandwidth),
    "power_watts": ("power", lambda watts: f"{watts:,.0f} W"),
    "hourly_usd": ("rent, US dollars per hour", lambda rent: rent_text(rent)),
}
"""Every fact of a device in the order of the report: what it is called, and how it is written."""


def print_devices(devices: Devices, console: Console) -> None:
    if devices.in_full:
        _print_one(devices.known[0], console)
        return
    if devices.found:
        _print_machine(devices, console)
    if devices.known:
        console.print(Text(f"The catalog: {numbers.counted(len(devices.known), 'device')}", style="bold"))
        console.print(_table(devices.known))
        console.print(
            Text("Memory as a process sees it where that is known, else as sold. Rates are dense, in TFLOPS; links are one direction.")
        )
        console.print(Text('All facts of one with their sources: llmpick devices "NAME"'))


def rent_text(rent: Rent) -> str:
    """The price taken, with the range of the offers where there are several: "2.69 (2.69 to 4.76)"."""
    several = "" if rent.low == rent.high else f" ({rent.low:.2f} to {rent.high:.2f})"
    return f"{rent.value:.2f}{several}"


def _print_machine(devices: Devices, console: Console) -> None:
    console.print(Text("This machine", style="bold"))
    table = _new_table("device", ">memory", ">free", ">GB/s", ">fp16", ">fp8", ">power", "catalog")
    for found in devices.found:
        table.add_row(*map(Text, _cells_of(found)))
    console.print(table)
    machine, *cards = devices.found
    if machine.device.bandwidth_bytes_per_s is None:
        console.print(Text("How fast the processor reads its memory is not known: llmpick devices --measure takes a second to see."))
    if not cards:
        console.print(Text("No GPU answers (NVIDIA, AMD, Intel and Apple were asked)."))
    if devices.note:
        console.print(Text(f"Note: {one_line(devices.note)}"))
    console.print()


def _cells_of(found: Found) -> tuple[str, ...]:
    device = found.device
    cores = f", {numbers.counted(device.cores, 'core')}" if device.kind == "cpu" and device.cores else ""
    return (
        f"{one_line(device.name)}{cores}",
        numbers.memory(device.memory_total_bytes),
        numbers.memory(device.memory_free_bytes),
        *_rates(device),
        _watts(device.power_watts),
        found.known.name if found.known else NOT_KNOWN,
    )


def _table(known: Sequence[KnownDevice]) -> Table:
    """One line per device, under a line for each vendor and class."""
    table = _new_table("device", ">memory", ">GB/s", ">fp16", ">fp8", ">link", ">power")
    for family, members in itertools.groupby(known, key=_family):
        table.add_row(Text(family, style="bold"))
        for entry in members:
            device = entry.as_device()
            table.add_row(
                Text(f" {entry.name}"),
                Text(numbers.memory(device.memory_total_bytes)),
                *map(Text, _rates(device)),
                Text(_plain_bandwidth(device.link_bytes_per_s)),
                Text(_watts(device.power_watts)),
            )
    return table


def _family(known: KnownDevice) -> str:
    """Such as "NVIDIA, data centre"; of a processor the class alone."""
    price_class = CLASSES.get(known.price_class, known.price_class)
    return price_class if known.kind == "cpu" else f"{VENDORS.get(known.vendor, known.vendor)}, {price_class}"


def _rates(device: Device) -> tuple[str, str, str]:
    return (
        _plain_bandwidth(device.bandwidth_bytes_per_s),
        numbers.tera(device.fp16_flops) if device.fp16_flops else NOT_KNOWN,
        numbers.tera(device.fp8_flops) if device.fp8_flops else NOT_KNOWN,
    )


def _plain_bandwidth(bytes_per_s: float | None) -> str:
    """In GB/s, without the unit."""
    return numbers.bandwidth(bytes_per_s).removesuffix(" GB/s") if bytes_per_s else NOT_KNOWN


def _watts(watts: float | None) -> str:
    return NOT_KNOWN if watts is None else f"{watts:,.0f} W"


def _new_table(*headings: str) -> Table:
    """A heading that begins with ">" is that of a column of numbers."""
    table = Table(box=SIMPLE_HEAD)
    for heading in headings:
        right = heading.startswith(">")
        table.add_column(heading.removeprefix(">"), justify="right" if right else "left", no_wrap=right, overflow="fold")
    return table


def _print_one(known: KnownDevice, console: Console) -> None:
    shared = ", computes in the machine's memory" if known.shares_memory else ""
    console.print(Text.assemble((known.name, "bold"), f"  {_family(known)}{shared}"))
    names = [*known.aliases, *(name for name in known.driver_names if name not in known.aliases)]
    if names:
        console.print(Text(f"also called: {', '.join(names)}"))
    facts = _facts(known)
    labels = {**LABELS, "memory_bytes": ("memory, a usual size", LABELS["memory_bytes"][1])} if known.kind == "cpu" else LABELS
    print_facts(
        [Line(label, write(facts[key].value), facts[key].source) for key, (label, write) in labels.items() if key in facts], console
    )
    missing = [label for key, (label, _) in LABELS.items() if key not in facts]
    if missing:
        console.print(Text(f"Not known, or the hardware has none: {', '.join(missing)}."))
    rent = known.hourly_usd
    if rent is not None and rent.source.published is not None:
        console.print(Text(f"The rent was that in {rent.source.published:%B %Y}; prices fall. llmpick fit --price-per-hour takes yours."))


def _facts(known: KnownDevice) -> dict[str, Fact[Any]]:
    return {key: fact for key in LABELS if (fact := getattr(known, key)) is not None}


def devices_document(devices: Devices) -> dict[str, Any]:
    """`this_machine` (null when devices of the catalog were named) and `devices`; what is not known is null, with the reason."""
    return {
        "schema_version": SCHEMA_VERSION,
        "this_machine": _machine_document(devices) if devices.found else None,
        "devices": [_device_document(known) for known in devices.known],
    }


def _machine_document(devices: Devices) -> dict[str, Any]:
    machine, *cards = devices.found
    return {
        "cpu": asdict(machine.device),
        "gpus": [{**asdict(card.device), "catalog": card.known.name if card.known else None} for card in cards],
        "notes": [devices.note] if devices.note else [],
    }


def _device_document(known: KnownDevice) -> dict[str, Any]:
    facts = _facts(known)
    values = {key: asdict(fact.value) if isinstance(fact.value, Rent) else fact.value for key, fact in facts.items()}
    return {
        "name": known.name,
        "kind": known.kind,
        "vendor": known.vendor,
        "price_class": known.price_class,
        "shares_memory": known.shares_memory,
        "aliases": list(known.aliases),
        "driver_names": list(known.driver_names),
        **{key: fact_document(facts[key], values[key]) if key in facts else None for key in LABELS},
        "unknown": {key: NO_UNIT for key in LABELS if key not in facts},
    }
