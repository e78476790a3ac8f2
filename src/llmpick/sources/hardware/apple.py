"""The GPU of an Apple chip: it computes in the machine's memory, of which macOS lends it a part."""

from collections.abc import Mapping

from llmpick.catalog.devices import find_device, lent_by_macos
from llmpick.evidence.device import Device
from llmpick.sources.hardware.ask import json_of, output_of

_MIB = 2**20


def apple_gpus(sysctl: str, system_profiler: str, host: Device) -> tuple[Device, ...]:
    """() on any other machine. The name is that of the catalog's variant with as many GPU cores."""
    chip = (output_of([sysctl, "-n", "machdep.cpu.brand_string"]) or "").strip()
    if not chip.startswith("Apple M"):
        return ()
    memory, limit = _number(sysctl, "hw.memsize") or host.memory_total_bytes, _number(sysctl, "iogpu.wired_limit_mb")
    # The owner's limit; 0 stands for macOS's own choice.
    total = min(limit * _MIB, memory) if limit else lent_by_macos(memory)
    cores = _gpu_cores(system_profiler)
    variant = find_device(f"{chip} {cores}-core") if cores else None
    free = min(total, host.memory_free_bytes)
    return (Device(variant.name if variant else chip, "gpu", total, free, cores=cores, vendor="apple", shares_memory=True),)


def _number(sysctl: str, key: str) -> int | None:
    answer = (output_of([sysctl, "-n", key]) or "").strip()
    return int(answer) if answer.isdigit() else None


def _gpu_cores(system_profiler: str) -> int | None:
    report = json_of([system_profiler, "SPDisplaysDataType", "-json"])
    screens = report.get("SPDisplaysDataType") if isinstance(report, Mapping) else None
    counts = [str(screen.get("sppci_cores", "")) for screen in screens if isinstance(screen, Mapping)] if isinstance(screens, list) else []
    return next((int(count) for count in counts if count.isdigit()), None)
