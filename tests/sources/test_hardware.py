"""The machine as its files describe it: the real one, and containers made here. GPUs: tests/sources/test_gpus.py."""

import os
from pathlib import Path

import pytest

from llmpick.evidence.device import Device
from llmpick.sources.hardware import measured_bandwidth, this_machine
from llmpick.sources.hardware.bandwidth import _array_bytes, _last_level_bytes

GIB = 2**30


def machine(folder: Path, cgroup_line: str, groups: dict[str, dict[str, str]]) -> Device:
    """A machine of 16 GiB, 8 of them free, with the given control group files; `groups`: folder → file → content."""
    proc = folder / "proc"
    (proc / "self").mkdir(parents=True)
    (proc / "meminfo").write_text(
        f"MemTotal: {16 * GIB // 1024} kB\nMemFree: 1 kB\nMemAvailable: {8 * GIB // 1024} kB\nHugePages_Total: 0\n"
    )
    (proc / "cpuinfo").write_text("processor\t: 0\nmodel name\t: Example CPU 9000\n")
    (proc / "self" / "cgroup").write_text(cgroup_line)
    for group, files in groups.items():
        (folder / "cgroup" / group).mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            (folder / "cgroup" / group / name).write_text(content)
    return this_machine(proc, folder / "cgroup")


def v2(limit: str, used: int, reclaimable: int = 0) -> dict[str, str]:
    return {"memory.max": limit, "memory.current": str(used), "memory.stat": f"anon 1\ninactive_file {reclaimable}\n"}


def v1(limit: int, used: int, reclaimable: int = 0) -> dict[str, str]:
    return {
        "memory.limit_in_bytes": str(limit),
        "memory.usage_in_bytes": str(used),
        "memory.stat": f"inactive_file 5\ntotal_inactive_file {reclaimable}\n",
    }


@pytest.mark.parametrize(
    ("line", "groups", "total_gib", "free_gib"),
    [
        ("0::/\n", {}, 16, 8),
        ("0::/a/b\n", {"a/b": v2("max", 0)}, 16, 8),
        ("0::/a/b\n", {"a/b": v2(str(4 * GIB), GIB)}, 4, 3),
        ("0::/a/b\n", {"a/b": v2(str(4 * GIB), 3 * GIB, 2 * GIB)}, 4, 3),
        ("0::/a/b\n", {"a/b": v2("max", 0), "a": v2(str(2 * GIB), GIB)}, 2, 1),
        ("0::/a/b\n", {"a/b": v2(str(2 * GIB), 3 * GIB)}, 2, 0),
        ("0::/hidden/by/the/container\n", {".": v2(str(4 * GIB), GIB)}, 4, 3),
        ("4:memory:/a\n0::/\n", {"memory/a": v1(4 * GIB, 2 * GIB, GIB)}, 4, 3),
        ("4:memory:/a\n0::/\n", {"memory/a": v1(2**63 - 4096, GIB)}, 16, 8),
        ("4:cpu,memory:/../../x\n", {"memory": v1(4 * GIB, GIB)}, 4, 3),
        ("", {}, 16, 8),
    ],
)
def test_memory_is_what_the_container_leaves(tmp_path: Path, line: str, groups: dict[str, dict[str, str]], total_gib: int, free_gib: int):
    device = machine(tmp_path, line, groups)
    assert (device.memory_total_bytes, device.memory_free_bytes) == (total_gib * GIB, free_gib * GIB)


@pytest.mark.parametrize(
    ("line", "groups", "most"),
    [
        ("0::/a\n", {"a": {"cpu.max": "100000 100000\n"}}, 1),
        ("0::/a\n", {"a": {"cpu.max": "20000 100000\n"}}, 1),
        ("0::/a\n", {"a": {"cpu.max": "max 100000\n"}}, None),
        ("4:cpu,cpuacct:/a\n", {"cpu/a": {"cpu.cfs_quota_us": "100000", "cpu.cfs_period_us": "100000"}}, 1),
        ("4:cpu,cpuacct:/a\n", {"cpu/a": {"cpu.cfs_quota_us": "-1", "cpu.cfs_period_us": "100000"}}, None),
    ],
)
def test_cores_are_those_the_container_may_use(tmp_path: Path, line: str, groups: dict[str, dict[str, str]], most: int | None):
    assert machine(tmp_path, line, groups).cores == (most or len(os.sched_getaffinity(0)))


def test_the_processor_is_named(tmp_path: Path):
    device = machine(tmp_path, "", {})
    assert (device.name, device.kind, device.bandwidth_bytes_per_s) == ("Example CPU 9000", "cpu", None)


def test_this_machine_agrees_with_psutil():
    import psutil

    device = this_machine()
    assert 0 < device.memory_free_bytes <= device.memory_total_bytes <= psutil.virtual_memory().total
    assert 1 <= (device.cores or 0) <= (os.cpu_count() or 1)
    assert device.name


def test_without_proc_psutil_is_asked(tmp_path: Path):
    import psutil

    assert this_machine(tmp_path, tmp_path).memory_total_bytes == psutil.virtual_memory().total


def test_the_bandwidth_is_measured_and_plausible():
    """A laptop reads about 10 GB/s, the largest server of 2026 about 1,200 GB/s."""
    assert 1e9 < measured_bandwidth(seconds=0.05) < 2e12


def test_little_memory_is_not_filled_up():
    assert _array_bytes(free_bytes=64 * 2**20) == 16 * 2**20
    assert _array_bytes(free_bytes=0) == 4 * 2**20
    assert 256 * 2**20 <= _array_bytes(free_bytes=100 * GIB) <= GIB
    assert measured_bandwidth(1, free_bytes=0, seconds=0.0) > 0


def test_each_last_level_cache_counts_once(tmp_path: Path):
    """Of two CPUs with one cache of 32 MiB the kernel lists it twice."""
    for number in range(2):
        cache = tmp_path / f"cpu{number}" / "cache" / "index3"
        cache.mkdir(parents=True)
        (cache / "size").write_text("32768K\n")
        (cache / "shared_cpu_list").write_text("0-1\n")
    assert _last_level_bytes(tmp_path) == 32 * 2**20
    assert _last_level_bytes(tmp_path / "nowhere") == 0
