"""NVIDIA's GPUs: asked of the driver's own library (nvidia-ml-py), else of nvidia-smi."""

from collections.abc import Callable
from typing import Any

from llmpick.evidence.device import Device
from llmpick.sources.hardware.ask import output_of

_MIB = 2**20
# Bytes per second of one PCI Express lane in one direction, by generation: transfers x encoding.
_LANE = {1: 0.25e9, 2: 0.5e9, 3: 0.985e9, 4: 1.969e9, 5: 3.938e9, 6: 7.563e9}
# A memory clock below this is an idle state or not the memory's own; no card with tensor units is slower.
_SLOWEST_MEMORY = 1e10


def nvidia_gpus(nvml: Any, nvidia_smi: str, host: Device) -> tuple[Device, ...]:
    """All GPUs of the driver. One without memory of its own (GB10, Jetson) computes in that of `host`."""
    found = _from_library(nvml or _pynvml(), host)
    return _from_program(nvidia_smi, host) if found is None else found


def _pynvml() -> Any:
    try:
        import pynvml  # only when GPUs are looked for
    except ImportError:
        return None
    return pynvml


def _from_library(nvml: Any, host: Device) -> tuple[Device, ...] | None:
    """None where the library or the driver is not there."""
    if nvml is None:
        return None
    try:
        nvml.nvmlInit()
    except (nvml.NVMLError, OSError):
        return None
    try:
        handles = [nvml.nvmlDeviceGetHandleByIndex(number) for number in range(nvml.nvmlDeviceGetCount())]
        return tuple(_card(nvml, handle, host) for handle in handles)
    except nvml.NVMLError:
        return None
    finally:
        nvml.nvmlShutdown()


def _card(nvml: Any, handle: Any, host: Device) -> Device:
    def asked(question: Callable[..., Any], *words: Any) -> Any:
        """None where this card or this driver does not tell."""
        try:
            return question(handle, *words)
        except nvml.NVMLError:
            return None

    name = nvml.nvmlDeviceGetName(handle)
    name = name.decode("utf-8", errors="replace") if isinstance(name, bytes) else name
    own = _own_memory(nvml, asked)
    total, free = own or (host.memory_total_bytes, host.memory_free_bytes)
    milliwatts = asked(nvml.nvmlDeviceGetPowerManagementLimit)
    return Device(
        name,
        "gpu",
        total,
        free,
        bandwidth_bytes_per_s=_bandwidth(nvml, asked),
        vendor="nvidia",
        host_link_bytes_per_s=_host_link(nvml, asked),
        power_watts=milliwatts / 1000 if milliwatts else None,
        shares_memory=own is None,
    )


def _own_memory(nvml: Any, asked: Callable[..., Any]) -> tuple[int, int] | None:
    """Total and free bytes of what a process can see: the driver's and the firmware's own part is taken off."""
    newer = getattr(nvml, "nvmlMemory_v2", None)
    memory = asked(nvml.nvmlDeviceGetMemoryInfo, newer) if newer is not None else None
    memory = memory or asked(nvml.nvmlDeviceGetMemoryInfo)
    if memory is None or not memory.total:
        return None
    return int(memory.total - getattr(memory, "reserved", 0)), int(memory.free)


def _bandwidth(nvml: Any, asked: Callable[..., Any]) -> float | None:
    """Two transfers per memory clock over the width of the bus: 10,501 MHz x 2 x 384 bits are the 1,008 GB/s of an RTX 4090."""
    clock_mhz = asked(nvml.nvmlDeviceGetMaxClockInfo, nvml.NVML_CLOCK_MEM)
    bits = asked(nvml.nvmlDeviceGetMemoryBusWidth)
    if not clock_mhz or not bits:
        return None
    bandwidth = clock_mhz * 1e6 * 2 * bits / 8
    return bandwidth if bandwidth > _SLOWEST_MEMORY else None


def _host_link(nvml: Any, asked: Callable[..., Any]) -> float | None:
    """The link that card and slot can have together, not the slower one that it rests in."""
    generation, lanes = asked(nvml.nvmlDeviceGetMaxPcieLinkGeneration), asked(nvml.nvmlDeviceGetMaxPcieLinkWidth)
    return _LANE[generation] * lanes if generation in _LANE and lanes else None


def _from_program(nvidia_smi: str, host: Device) -> tuple[Device, ...]:
    answer = output_of([nvidia_smi, "--query-gpu=name,memory.total,memory.free,power.limit", "--format=csv,noheader,nounits"])
    rows = [row.rsplit(",", 3) for row in (answer or "").splitlines()]
    return tuple(_row(*(cell.strip() for cell in row), host=host) for row in rows if len(row) == 4)


def _row(name: str, total: str, free: str, power: str, *, host: Device) -> Device:
    """A card as nvidia-smi lists it, in MiB and watts; "[N/A]" is said of memory that it does not have of its own."""
    watts = float(power) if power.replace(".", "", 1).isdigit() else None
    if not (total.isdigit() and free.isdigit()):
        return Device(name, "gpu", host.memory_total_bytes, host.memory_free_bytes, vendor="nvidia", power_watts=watts, shares_memory=True)
    return Device(name, "gpu", int(total) * _MIB, int(free) * _MIB, vendor="nvidia", power_watts=watts)
