"""Which files and folders are models."""

import os
from pathlib import Path

import pytest

from llmpick.evidence.errors import InputError
from llmpick.sources.folders import ModelPath, find_models, is_model_file, quantization_in, without_part


def make(folder: Path, *names: str) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return folder


def found(folder: Path, **bounds: int) -> list[tuple[str, str]]:
    return [(model.path.relative_to(folder).as_posix(), model.format) for model in find_models(folder, **bounds)]


def test_what_is_a_model_and_what_is_not(tmp_path: Path):
    make(
        tmp_path,
        "a.gguf",
        "B.GGUF",
        "big-00001-of-00003.gguf",
        "big-00002-of-00003.gguf",
        "big-00003-of-00003.gguf",
        "mmproj-a-f16.gguf",
        "a.mmproj-f16.gguf",
        "notes.txt",
        ".hidden/c.gguf",
        "st/config.json",
        "st/model.safetensors",
        "adapter/adapter_model.safetensors",
        "old/config.json",
        "old/pytorch_model-00001-of-00002.bin",
        "trainer/config.json",
        "trainer/training_args.bin",
    )
    assert found(tmp_path) == [
        ("B.GGUF", "gguf"),
        ("a.gguf", "gguf"),
        ("big-00001-of-00003.gguf", "gguf"),
        ("old", "pytorch"),
        ("st", "safetensors"),
    ]


def test_a_folder_reached_twice_is_read_once(tmp_path: Path):
    make(tmp_path, "real/a.gguf")
    (tmp_path / "real" / "up").symlink_to(tmp_path)
    (tmp_path / "zlink").symlink_to(tmp_path / "real")
    assert found(tmp_path) == [("real/a.gguf", "gguf")]


def test_a_dangling_link_is_no_model(tmp_path: Path):
    (tmp_path / "gone.gguf").symlink_to(tmp_path / "removed")
    assert find_models(tmp_path) == ()
    assert find_models(tmp_path / "missing") == ()


def test_the_search_is_bounded(tmp_path: Path):
    make(tmp_path, "1/a.gguf", "1/2/b.gguf")
    assert found(tmp_path, max_depth=1) == [("1/a.gguf", "gguf")]
    with pytest.raises(InputError, match="too many") as raised:
        find_models(tmp_path, max_entries=3)
    assert raised.value.where == str(tmp_path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every folder")
def test_a_folder_that_may_not_be_read_hides_no_other(tmp_path: Path):
    make(tmp_path, "closed/a.gguf", "open/b.gguf")
    (tmp_path / "closed").chmod(0)
    assert found(tmp_path) == [("open/b.gguf", "gguf")]
    (tmp_path / "closed").chmod(0o700)


@pytest.mark.parametrize(
    ("name", "quantization"),
    [
        ("qwen2.5-0.5b-instruct-q4_k_m.gguf", "Q4_K_M"),
        ("SmolLM2-135M-Instruct.Q4_1.gguf", "Q4_1"),
        ("llama-7b.Q4_K_M.gguf", "Q4_K_M"),
        ("BF16/model-BF16-00001-of-00002.gguf", "BF16"),
        ("model-UD-IQ2_XXS.gguf", "IQ2_XXS"),
        ("gpt-oss-20b-mxfp4.gguf", "MXFP4"),
        ("Phi-3-mini-4k-instruct-q4.gguf", "Q4"),
        ("gemma-3-270m.gguf", None),
        ("Q4_K_M", None),
        ("model.gguf", None),
    ],
)
def test_the_quantisation_in_a_file_name(name: str, quantization: str | None):
    assert quantization_in(name) == quantization


def test_parts_of_a_split_model():
    assert without_part("a-00002-of-00003.gguf") == "a.gguf"
    assert without_part("a.gguf") == "a.gguf"
    assert [is_model_file(f"a-0000{part}-of-00003.gguf") for part in (1, 2, 3)] == [True, False, False]


def test_weight_files_tell_models_apart(tmp_path: Path):
    make(tmp_path, "config.json", "b.safetensors", "a.safetensors")
    assert [file.name for file in ModelPath(tmp_path, "safetensors").weight_files()] == ["a.safetensors", "b.safetensors"]
    assert ModelPath(tmp_path / "x.gguf", "gguf").weight_files() == (tmp_path / "x.gguf",)
