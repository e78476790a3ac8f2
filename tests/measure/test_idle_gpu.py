"""A GPU that the engine cannot use is told, with the command that mends it."""

from pathlib import Path

import pytest

from llmpick.measure.idle_gpu import computes_on, idle_gpu_note

CPU = {"name": "AMD EPYC", "type": "CPU"}
GPU = {"name": "NVIDIA L4", "type": "GPU"}
BLAS = {"name": "BLAS", "type": "ACCEL"}


@pytest.mark.parametrize(("devices", "name"), [([CPU], "cpu"), ([CPU, GPU], "NVIDIA L4"), ([BLAS, CPU], "cpu"), ([], "cpu")])
def test_computes_on(devices: list[dict[str, str]], name: str) -> None:
    assert computes_on(devices) == name


@pytest.mark.parametrize(("file", "wheel"), [("dev/nvidia0", "whl/cu128"), ("dev/kfd", "whl/rocm"), (None, None)])
def test_the_note_names_the_wheel_for_the_driver(tmp_path: Path, file: str | None, wheel: str | None) -> None:
    if file is not None:
        (tmp_path / file).parent.mkdir()
        (tmp_path / file).touch()
    note = idle_gpu_note([CPU], tmp_path)
    assert note is None if wheel is None else wheel in (note or "")
    assert idle_gpu_note([CPU, GPU], tmp_path) is None
