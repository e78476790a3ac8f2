"""Tells when a GPU stands idle because the installed llama.cpp wheel cannot use it, and which command mends that.

Looks at what the drivers leave in the file system: no driver library is loaded and no program is run.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

WHEELS = "https://xorbitsai.github.io/xllamacpp/whl"
"""The index that https://github.com/xorbitsai/xllamacpp names for its wheels with GPU support."""

DRIVERS: tuple[tuple[str, tuple[str, ...], str], ...] = (
    ("An NVIDIA GPU", ("proc/driver/nvidia/version", "dev/nvidia0", "dev/dxg"), "cu128"),
    ("An AMD GPU", ("dev/kfd",), "rocm-7.2.4"),
)
"""(who, files of its driver, wheel)."""


def computes_on(devices: Sequence[Mapping[str, str]]) -> str:
    """The device that takes the layers: the first GPU that the wheel can use, else "cpu"."""
    return next((device["name"] for device in devices if device["type"] in ("GPU", "IGPU")), "cpu")


def idle_gpu_note(devices: Sequence[Mapping[str, str]], root: Path = Path("/")) -> str | None:
    """None when the engine uses a GPU or the machine shows none."""
    if computes_on(devices) != "cpu":
        return None
    for who, files, wheel in DRIVERS:
        if any((root / file).exists() for file in files):
            command = f"pip install xllamacpp --force-reinstall --index-url {WHEELS}/{wheel}"
            return f"{who} stands idle, because this wheel of llama.cpp cannot use it; mend it with: {command}"
    return None
