"""The machine as its files and the vendors' programs describe it: the real one, and containers and GPUs made here."""

import os
import sys
from pathlib import Path

import pytest

from llmpick.evidence.device import Device
from llmpick.sources.hardware import gpus, idle_gpu_note, this_machine

GIB = 2**30
NOWHERE = "/no/such/program"


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


def program(folder: Path, name: str, prints: str, status: int = 0) -> str:
    path = folder / name
    path.write_text(f"#!{sys.executable}\nimport sys\nprint({prints!r})\nsys.exit({status})\n")
    path.chmod(0o755)
    return str(path)


NVIDIA = "NVIDIA GeForce RTX 4090, 24564, 24082\nTesla T4, 15360, 1000\nNVIDIA GB10, [N/A], [N/A]"
AMD = (
    '{"card0": {"Card Series": "AMD Radeon RX 7900 XTX", "VRAM Total Memory (B)": "25753026560", "VRAM Total Used Memory (B)": "1000"},'
    ' "system": {"Driver version": "6"}}'
)


def test_gpus_are_what_the_vendors_programs_report(tmp_path: Path):
    found = gpus(program(tmp_path, "nvidia-smi", NVIDIA), program(tmp_path, "rocm-smi", AMD))
    assert found == (
        Device("NVIDIA GeForce RTX 4090", "gpu", 24564 * 2**20, 24082 * 2**20),
        Device("Tesla T4", "gpu", 15360 * 2**20, 1000 * 2**20),
        Device("AMD Radeon RX 7900 XTX", "gpu", 25753026560, 25753025560),
    )


@pytest.mark.parametrize(("prints", "status"), [("NVIDIA-SMI has failed", 9), ("No devices were found", 0), ("", 0), ("a, b, c", 0)])
def test_a_program_that_reports_no_gpu_means_none(tmp_path: Path, prints: str, status: int):
    both = program(tmp_path, "smi", prints, status)
    assert gpus(both, both) == ()
    assert gpus(NOWHERE, NOWHERE) == ()


def test_an_idle_gpu_is_told_with_the_command_that_mends_it(tmp_path: Path):
    """The installed engine of the tests is the CPU wheel; it is really asked."""
    pytest.importorskip("xllamacpp", reason="the engine is not installed")
    nvidia, amd = program(tmp_path, "nvidia-smi", NVIDIA), program(tmp_path, "rocm-smi", AMD)
    note = idle_gpu_note(nvidia, NOWHERE)
    assert note is not None
    assert "NVIDIA GeForce RTX 4090 stands idle" in note
    assert note.endswith("pip install xllamacpp --force-reinstall --index-url https://xorbitsai.github.io/xllamacpp/whl/cu128")
    assert (idle_gpu_note(NOWHERE, amd) or "").endswith("/rocm-7.2.4")


def test_no_note_without_a_gpu_or_with_an_engine_that_uses_it(tmp_path: Path):
    nvidia = program(tmp_path, "nvidia-smi", NVIDIA)
    engine = program(tmp_path, "engine", "['GGML_BACKEND_DEVICE_TYPE_GPU', 'GGML_BACKEND_DEVICE_TYPE_CPU']")
    assert idle_gpu_note(NOWHERE, NOWHERE) is None
    assert idle_gpu_note(nvidia, NOWHERE, engine_devices=[engine]) is None
    assert idle_gpu_note(nvidia, NOWHERE, engine_devices=[NOWHERE]) is None
