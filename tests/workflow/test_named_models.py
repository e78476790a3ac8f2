"""What the prior reads of a model by its name: bits per weight, the day of its release, and what is near to a name that nothing knows."""

import json
import socket
from datetime import date
from pathlib import Path

import pytest

from llmpick.catalog.loader import find_quantization
from llmpick.evidence.errors import InputError
from llmpick.workflow.models.named_models import find_named

NOWHERE = {"HF_HOME": "/nonexistent", "HOME": "/nonexistent", "OLLAMA_MODELS": "/nonexistent", "OLLAMA_HOST": "http://127.0.0.1:9"}
BEFORE_ALL = date(2023, 5, 15)


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a server was asked")

    monkeypatch.setattr(socket.socket, "connect", refuse)


@pytest.mark.usefixtures("no_network")
@pytest.mark.parametrize(
    ("name", "stored"),
    [
        ("Qwen/Qwen3-8B", None),
        ("Qwen3-8B", None),
        ("Qwen/Qwen3-8B:Q4_K_M", "Q4_K_M"),
        ("Qwen/Qwen3-8B:q4_k_m@main", "Q4_K_M"),
        ("bartowski/Qwen3-8B-GGUF:Qwen3-8B-IQ2_M.gguf", "IQ2_M"),
        ("Qwen3-8B.Q8_0", "Q8_0"),
        ("Qwen3-8B-Q8_0.gguf", "Q8_0"),
        ("Qwen/Qwen3-8B-AWQ", "awq"),
        ("Qwen/Qwen3-8B-FP8", "fp8"),
        ("Qwen/Qwen3-8B-GPTQ-Int4", "gptq-int4"),
        ("Qwen/Qwen3-8B:Q4_K_M?thinking=off", "Q4_K_M"),
        ("http://127.0.0.1:9/v1#Qwen/Qwen3-8B-AWQ", "awq"),
    ],
)
def test_a_name_tells_how_the_weights_are_stored(name: str, stored: str | None) -> None:
    (known,) = find_named(name, None, environ=NOWHERE)
    assert known.facts.id == "Qwen/Qwen3-8B"
    assert known.facts.bits_per_weight == (None if stored is None else find_quantization(stored).bits_per_weight)
    assert known.notes == ()


@pytest.mark.parametrize(
    ("tag", "stored", "assumed"),
    [("qwen3:8b", "Q4_K_M", True), ("qwen3:8b-q8_0", "Q8_0", False), ("qwen2.5:7b-instruct-q4_K_M", "Q4_K_M", False)],
)
def test_a_tag_of_ollama_is_quantised_even_where_it_does_not_say_so(tag: str, stored: str, assumed: bool) -> None:
    (known,) = find_named(f"ollama:{tag}", None, environ=NOWHERE)
    assert known.facts.bits_per_weight == find_quantization(stored).bits_per_weight
    assert any("taken for Q4_K_M" in note for note in known.notes) == assumed


def test_a_repository_of_several_files_says_that_one_is_meant() -> None:
    (known,) = find_named("bartowski/Qwen3-8B-GGUF", None, environ=NOWHERE)
    assert known.facts.bits_per_weight is None
    assert "Which of its files" in known.notes[0]


@pytest.mark.parametrize("name", ["Qwen3-8B", "Qwen/Qwen3-8B:Q4_K_M", "ollama:qwen3:8b", "qwen1.5-7b"])
def test_a_later_model_was_not_out(name: str) -> None:
    with pytest.raises(InputError, match=r"was not out on 2023-05-15: it was released on 202\d-\d\d-\d\d") as refused:
        find_named(name, BEFORE_ALL, environ=NOWHERE)
    assert refused.value.where == "--as-of"


def test_a_file_of_a_later_model_was_not_out(tmp_path: Path) -> None:
    (tmp_path / "Qwen3-8B-Q4_K_M.gguf").touch()
    with pytest.raises(InputError, match="released on 2025"):
        find_named(str(tmp_path / "Qwen3-8B-Q4_K_M.gguf"), BEFORE_ALL, environ=NOWHERE)


def test_a_model_of_the_day_is_known_on_it() -> None:
    (known,) = find_named("huggyllama/llama-13b", BEFORE_ALL, environ=NOWHERE)
    assert known.facts.released is not None
    assert known.facts.released <= BEFORE_ALL


@pytest.mark.usefixtures("no_network")
@pytest.mark.parametrize(
    ("name", "near"), [("gpt-4o", "nearest: openai/gpt-oss-20b"), ("Qwen3-8", "Qwen/Qwen3-8B"), ("zzzzzz", "name org/name")]
)
def test_a_name_that_nothing_knows_is_told_the_nearest(name: str, near: str) -> None:
    with pytest.raises(InputError, match="is not in the catalog") as refused:
        find_named(name, None, environ=NOWHERE)
    assert near in refused.value.remedy


def test_a_config_is_called_as_its_folder_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = {
        "model_type": "qwen3", "architectures": ["Qwen3ForCausalLM"], "hidden_size": 2048, "intermediate_size": 5632, "vocab_size": 32000,
        "num_hidden_layers": 22, "num_attention_heads": 32, "num_key_value_heads": 4, "head_dim": 64, "max_position_embeddings": 2048,
        "torch_dtype": "bfloat16",
    }  # fmt: skip
    folder = tmp_path / "Qwen3-1B-finance-chat"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(config))
    monkeypatch.chdir(folder)
    for name in (str(folder), str(folder / "config.json"), "config.json"):
        (known,) = find_named(name, None, environ=NOWHERE)
        assert (Path(known.facts.id).name, known.facts.family, known.facts.tuned) == (folder.name, "qwen3", True)
        assert "a model that follows instructions, of the family qwen3." in known.notes[0]
    (strange,) = find_named(str((folder / "config.json").rename(tmp_path / "config.json").parent), None, environ=NOWHERE)
    assert "a base model, of no family that the catalog has." in strange.notes[0]
