"""The processor and its memory, within the limits of the container that this process runs in."""

import os
import platform
from pathlib import Path
from typing import NamedTuple

from llmpick.evidence.device import Device
from llmpick.sources.hardware.ask import text_of

_PROC = Path("/proc")
_CGROUPS = Path("/sys/fs/cgroup")
# cgroup v1 says "no limit" with a number near 2^63.
_NO_LIMIT = 2**60


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
    return Device(_cpu_name(proc), "cpu", total, free, cores=_cores(proc, cgroups), vendor="cpu")


def _memory(proc: Path) -> tuple[int, int]:
    """Total and available bytes of the machine; from psutil where there is no /proc/meminfo."""
    text = text_of(proc / "meminfo")
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
    fields = dict(line.split() for line in (text_of(folder / "memory.stat") or "").splitlines() if len(line.split()) == 2)
    return int(fields.get("total_inactive_file", fields.get("inactive_file", 0)))


def _group_folders(proc: Path, cgroups: Path, controller: str) -> list[Path]:
    """The folders of this process's control group and of all its parents (a container may see only the last of them)."""
    folders: list[Path] = []
    for line in (text_of(proc / "self" / "cgroup") or "").splitlines():
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
    text = text_of(folder / "cpu.max")
    if text:
        quota, period = text.split()
        return (None if quota == "max" else int(quota)), int(period)
    quota = _number(folder / "cpu.cfs_quota_us")
    return (quota if quota and quota > 0 else None), _number(folder / "cpu.cfs_period_us")


def _cpu_name(proc: Path) -> str:
    for line in (text_of(proc / "cpuinfo") or "").splitlines():
        key, _, value = line.partition(":")
        if key.strip() == "model name":
            return value.strip()
    return platform.processor() or platform.machine()


def _number(file: Path) -> int | None:
    """The number in a control file; None where it is not there, or says "max"."""
    text = (text_of(file) or "").strip()
    return int(text) if text.lstrip("-").isdigit() else None
