"""The folder of measured data beside the repository, where the project is developed; tests that read it skip where it is absent."""

import os
from pathlib import Path

import pytest

FOLDER = Path(os.environ.get("LLMPICK_SHARED_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))


def shared_data(name: str) -> Path:
    """The file `name` of the data folder; skips the calling test where there is none."""
    file = FOLDER / name
    if not file.exists():
        pytest.skip(f"the measured data {name} is not on this machine")
    return file
