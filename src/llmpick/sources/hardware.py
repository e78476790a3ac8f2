"""What this machine has to run models on: its processor and memory within the container's limits, and its GPUs.

Nothing is assumed: a GPU is what the vendor's own program reports, and whether the installed engine can use it is asked of the engine.
"""

import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from llmpick.evidence.device import Device

_PROC = Path("/proc")
_CGROUPS = Path("/sys/fs/cgroup")
_QUERY_SECONDS = 20
_MIB = 2**20
# cgroup v1 says "no limit" with a number near 2^63.
_NO_LIMIT = 2**60

_ENGINE_DEVICES = (sys.executable, "-c", "import xllamacpp; print([d['type'].name for d in xllamacpp.get_device_info()])")
# The wheels that xllamacpp's makers publish, https://github.com/xorbitsai/xllamacpp#installation. CUDA 12.8 runs on every card of theirs.
_WHEELS = "https://xorbitsai.github.io/xllamacpp/whl"


class _Group(NamedTuple):
    """The memory of one control group: its limit, and what of it is in use and cannot be given back."""

    limit: int
    used: int


def this_machine(proc: Path = _PROC, cgroups: Path = _CGROUPS) -> Device:
    """The CPU and its memory. Total and free memory and the cores are those of the container when it has less than the machine."""
    total, free = _memory(proc)
    for group in _memory_groups(proc, cgroups):
        total = min(total, group.limit)
        free = min(free, max(0, group.limit - group.used))
    return Device(_cpu_name(proc), "cpu", total, free, cores=_cores(proc, cgroups))


def gpus(nvidia_smi: str = "nvidia-smi", rocm_smi: str = "rocm-smi") -> tuple[Device, ...]:
    """The GPUs that the vendors' programs report; () when no such program is there or its driver does not answer."""
    return _nvidia(nvidia_smi) + _amd(rocm_smi)


def idle_gpu_note(
    nvidia_smi: str = "nvidia-smi", rocm_smi: str = "rocm-smi", engine_devices: Sequence[str] = _ENGINE_DEVICES
) -> str | None:
    """What to tell a user whose GPU stands idle because the installed llama.cpp cannot use it; None when none does.

    The engine is asked in a child process (`engine_devices`), and only when there is a GPU.
    """
    nvidia, amd = _nvidia(nvidia_smi), _amd(rocm_smi)
    if not nvidia and not amd:
        return None
    answer = _output(engine_devices)
    if answer is None or "GPU" in answer:
        return None
    wheel = "cu128" if nvidia else "rocm-7.2.4"
    return (
        f"{(nvidia + amd)[0].name} stands idle: the installed xllamacpp runs on the CPU only. To use the GPU: "
        f"pip install xllamacpp --force-reinstall --index-url {_WHEELS}/{wheel}"
    )


def _memory(proc: Path) -> tuple[int, int]:
    """Total and available bytes of the machine; from psutil where there is no /proc/meminfo."""
    text = _text(proc / "meminfo")
    if text is None:
        import psutil  # only where it is needed: the command line reaches this module at its start

        memory = psutil.virtual_memory()
        return memory.total, memory.available
    kib = {line.partition(":")[0]: int(line.split()[1]) for line in text.splitlines() if len(line.split()) > 1}
    total = kib["MemTotal"]
    return total * 1024, kib.get("MemAvailable", kib["MemFree"]) * 1024


def _memory_groups(proc: Path, cgroups: Path) -> list[_Group]:
    """The limited control groups from this process's own up to the root, for both versions of the interface."""
    found = []
    for folder in _group_folders(proc, cgroups, "memory"):
        version2 = (folder / "memory.max").exists()
        limit = _number(folder / ("memory.max" if version2 else "memory.limit_in_bytes"))
        used = _number(folder / ("memory.current" if version2 else "memory.usage_in_bytes"))
        if limit is not None and limit < _NO_LIMIT:
            found.append(_Group(limit, max(0, (used or 0) - _reclaimable(folder))))
    return found


def _reclaimable(folder: Path) -> int:
    """File pages that the kernel gives back when memory is short."""
    fields = dict(line.split() for line in (_text(folder / "memory.stat") or "").splitlines() if len(line.split()) == 2)
    return int(fields.get("total_inactive_file", fields.get("inactive_file", 0)))


def _group_folders(proc: Path, cgroups: Path, controller: str) -> list[Path]:
    """The folders of this process's control group and of all its parents (a container may see only the last of them)."""
    folders: list[Path] = []
    for line in (_text(proc / "self" / "cgroup") or "").splitlines():
        number, controllers, path = line.split(":", 2)
        if number == "0" or controller in controllers.split(","):
            root = cgroups if number == "0" else cgroups / controller
            parts = [part for part in path.split("/") if part not in ("", "..")]
            folders += [root.joinpath(*parts[:depth]) for depth in range(len(parts), -1, -1)]
    return [folder for folder in folders if folder.is_dir()]


def _cores(proc: Path, cgroups: Path) -> int:
    """Cores that this process may use: its affinity, and the container's share of CPU time, at least one."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    for folder in _group_folders(proc, cgroups, "cpu"):
        quota, period = _cpu_quota(folder)
        if quota is not None and period:
            cores = min(cores, max(1, round(quota / period)))
    return cores


def _cpu_quota(folder: Path) -> tuple[int | None, int | None]:
    """Microseconds of CPU time per period of so many microseconds; None without a limit."""
    text = _text(folder / "cpu.max")
    if text:
        quota, period = text.split()
        return (None if quota == "max" else int(quota)), int(period)
    quota = _number(folder / "cpu.cfs_quota_us")
    return (quota if quota and quota > 0 else None), _number(folder / "cpu.cfs_period_us")


def _cpu_name(proc: Path) -> str:
    for line in (_text(proc / "cpuinfo") or "").splitlines():
        key, _, value = line.partition(":")
        if key.strip() == "model name":
            return value.strip()
    return platform.processor() or platform.machine()


def _nvidia(program: str) -> tuple[Device, ...]:
    answer = _output([program, "--query-gpu=name,memory.total,memory.free", "--format=csv,noheader,nounits"])
    rows = [row.rsplit(",", 2) for row in (answer or "").splitlines()]
    return tuple(
        Device(name.strip(), "gpu", int(total) * _MIB, int(free) * _MIB)
        for name, total, free in (row for row in rows if len(row) == 3)
        if total.strip().isdigit() and free.strip().isdigit()  # "[N/A]": a GPU without memory of its own
    )


def _amd(program: str) -> tuple[Device, ...]:
    """rocm-smi prints one JSON object, with one entry per card; all its values are texts, its memory in bytes."""
    answer = _output([program, "--showproductname", "--showmeminfo", "vram", "--json"])
    if answer is None:
        return ()
    import json  # only where there is an AMD GPU

    try:
        cards = json.loads(answer)
    except ValueError:
        return ()
    found = cards.values() if isinstance(cards, dict) else ()
    return tuple(_amd_card(card) for card in found if isinstance(card, dict) and "VRAM Total Memory (B)" in card)


def _amd_card(card: dict[str, str]) -> Device:
    total = int(card["VRAM Total Memory (B)"])
    names = (card[key] for key in ("Card Series", "Card series", "Card Model", "Card model") if key in card)
    return Device(next(names, "AMD GPU"), "gpu", total, total - int(card.get("VRAM Total Used Memory (B)", 0)))


def _output(command: Sequence[str]) -> str | None:
    """What a program prints; None when it is not installed, fails, or does not answer in time."""
    program = shutil.which(command[0])
    if program is None:
        return None
    try:
        done = subprocess.run([program, *command[1:]], capture_output=True, text=True, timeout=_QUERY_SECONDS, check=False)
    except (subprocess.TimeoutExpired, OSError):
        return None
    return done.stdout if done.returncode == 0 else None


def _text(file: Path) -> str | None:
    try:
        return file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None


def _number(file: Path) -> int | None:
    """The number in a control file; None where it is not there, or says "max"."""
    text = (_text(file) or "").strip()
    return int(text) if text.lstrip("-").isdigit() else None
