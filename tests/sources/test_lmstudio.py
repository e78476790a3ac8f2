"""Where LM Studio keeps models."""

import json
from pathlib import Path

import pytest

from llmpick.evidence.errors import InputError
from llmpick.sources.lmstudio import model_folders


def test_its_homes_its_pointer_and_its_settings(tmp_path: Path):
    for folder in (".lmstudio/models", ".cache/lm-studio/models", "elsewhere/models", "big disk"):
        (tmp_path / folder).mkdir(parents=True)
    environ = {"HOME": str(tmp_path)}
    assert model_folders(environ) == (tmp_path / ".lmstudio/models", tmp_path / ".cache/lm-studio/models")

    (tmp_path / ".lmstudio/settings.json").write_text(json.dumps({"downloadsFolder": "~/big disk"}))
    (tmp_path / ".lmstudio-home-pointer").write_text(f"{tmp_path / 'elsewhere'}\n")
    assert [folder.relative_to(tmp_path).as_posix() for folder in model_folders(environ)] == [
        "elsewhere/models",
        "big disk",
        ".lmstudio/models",
        ".cache/lm-studio/models",
    ]


def test_nothing_installed_means_no_folder(tmp_path: Path):
    assert model_folders({"HOME": str(tmp_path)}) == ()


def test_broken_settings_are_told(tmp_path: Path):
    settings = tmp_path / ".lmstudio/settings.json"
    settings.parent.mkdir()
    settings.write_text("{")
    with pytest.raises(InputError, match="not JSON") as raised:
        model_folders({"HOME": str(tmp_path)})
    assert raised.value.where == str(settings)
