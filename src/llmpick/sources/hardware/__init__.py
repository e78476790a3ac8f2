"""What this machine has to run models on: its processor and memory within the container's limits, and its GPUs.

Nothing is assumed: a GPU is what the vendor's own library or program reports, and whether the installed engine can use it is asked of the
engine. What is rated and not reported (arithmetic rates, links) is added from the catalog, where it knows the name.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from llmpick.catalog.devices import find_device
from llmpick.evidence.device import Device
from llmpick.sources.hardware.amd import amd_gpus
from llmpick.sources.hardware.apple import apple_gpus
from llmpick.sources.hardware.ask import output_of
from llmpick.sources.hardware.bandwidth import measured_bandwidth
from llmpick.sources.hardware.host import this_machine
from llmpick.sources.hardware.intel import intel_gpus
from llmpick.sources.hardware.nvidia import nvidia_gpus

__all__ = ["Programs", "gpus", "idle_gpu_note", "measured_bandwidth", "this_machine"]

_ENGINE_DEVICES = (sys.executable, "-c", "import xllamacpp; print([d['type'].name for d in xllamacpp.get_device_info()])")
# The wheels that xllamacpp's makers publish, https://github.com/xorbitsai/xllamacpp#installation. CUDA 12.8 runs on every card of theirs.
_WHEELS = "https://xorbitsai.github.io/xllamacpp/whl"
_WHEEL_OF = {"nvidia": "cu128", "amd": "rocm-7.2.4"}


@dataclass(frozen=True, slots=True)
class Programs:
    """Who is asked. `nvml` is the module pynvml, or None to load it; a program is looked for on the PATH."""

    nvml: Any = None
    nvidia_smi: str = "nvidia-smi"
    rocm_smi: str = "rocm-smi"
    amd_smi: str = "amd-smi"
    xpu_smi: str = "xpu-smi"
    sysctl: str = "sysctl"
    system_profiler: str = "system_profiler"


def gpus(programs: Programs | None = None) -> tuple[Device, ...]:
    """The GPUs that the vendors report, in their order; () when no driver answers. Rates and links are those of the catalog."""
    ask = programs or Programs()
    host = this_machine()
    found = (
        *nvidia_gpus(ask.nvml, ask.nvidia_smi, host),
        *amd_gpus(ask.rocm_smi, ask.amd_smi, host),
        *intel_gpus(ask.xpu_smi),
        *apple_gpus(ask.sysctl, ask.system_profiler, host),
    )
    return tuple(_with_rates(device) for device in found)


def idle_gpu_note(programs: Programs | None = None, engine_devices: Sequence[str] = _ENGINE_DEVICES) -> str | None:
    """What to tell a user whose GPU stands idle because the installed llama.cpp cannot use it; None when none does.

    The engine is asked in a child process (`engine_devices`), and only when there is a GPU.
    """
    found = gpus(programs)
    if not found:
        return None
    answer = output_of(engine_devices)
    if answer is None or "GPU" in answer:
        return None
    first = found[0]
    wheel = _WHEEL_OF.get(first.vendor or "", "vulkan")
    return (
        f"{first.name} stands idle: the installed xllamacpp runs on the CPU only. To use the GPU: "
        f"pip install xllamacpp --force-reinstall --index-url {_WHEELS}/{wheel}"
    )


def _with_rates(device: Device) -> Device:
    known = find_device(device.name, device.memory_total_bytes)
    return known.rates_of(device) if known else device
