"""`llmpick info`: what the catalog knows of a model, what its architecture means, and what a file says."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from llmpick.catalog.facts import FACTS, history_of
from llmpick.catalog.loader import find_entry, load_models
from llmpick.cli.info import info
from llmpick.evidence.errors import InputError, ModelFileError
from llmpick.workflow.info import model_info


def printed(*arguments: str) -> str:
    result = CliRunner().invoke(info, list(arguments), catch_exceptions=False)
    assert result.exit_code == 0
    return result.stdout


def words(*arguments: str) -> str:
    return " ".join(printed(*arguments).split())


def test_facts_are_shown_with_source_and_date(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("COLUMNS", "80")
    text = printed("Qwen/Qwen3-0.6B")
    assert all(len(line) <= 80 for line in text.splitlines())
    joined = " ".join(text.split())
    for said in (
        "family qwen3, instruct, made from Qwen/Qwen3-0.6B-Base",
        "parameters 596 million",
        "tokens of training 36.0 trillion",
        "licence apache-2.0 (commercial use allowed)",
        "28 layers with full attention: 2,048 elements per token",
        "together 112.0 KiB for each token of context",
        "0.44 GiB at 4,096, 3.50 GiB at 32,768, 4.38 GiB at 40,960 tokens",
        "(published 2025-04-29, checked 2026-11-24)",
        "ollama pull qwen3:0.6b",
    ):
        assert said in joined


def test_an_older_source_stands_below_the_newer_one():
    lines = [" ".join(line.split()) for line in printed("microsoft/phi-2").splitlines()]
    place = lines.index("licence mit (commercial use allowed) [3]")
    assert lines[place + 1] == "earlier microsoft-research [1]"


def test_the_newest_of_the_history_is_what_the_catalog_takes():
    for model in load_models():
        entry = find_entry(model.id)
        assert entry is not None
        history = history_of(entry.model, entry.sources)
        assert set(history) <= set(FACTS)
        taken = {key: getattr(model, key) for key in FACTS}
        for key, fact in taken.items():
            if key in history:
                assert history[key][0] == fact or (key == "parameters_active" and not entry.model.mixture), (model.id, key)


def test_unknown_facts_are_named_as_unknown():
    assert "Not known (no source of the catalog gives it): tokens of training, languages." in words("openai/gpt-oss-20b")
    document = json.loads(printed("openai/gpt-oss-20b", "--json"))["published"]
    assert document["training_tokens"] == []
    assert set(document["unknown"]) == {"training_tokens", "unique_tokens", "languages"}
    assert document["released"][0]["value"] == "2025-08-05"


def test_a_condition_of_the_licence_is_told():
    assert "Commercial use: under 700 million monthly users at release" in words("llama3.1:8b")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("deepseek-ai/DeepSeek-V3", "61 layers with latent attention: 576 elements per token"),
        ("openai/gpt-oss-20b", "12 layers with sliding window: 1,024 elements per token, of the last 128 tokens"),
        ("microsoft/phi-2", "0.62 GiB at 2,048 tokens"),
    ],
)
def test_what_an_architecture_means(name: str, said: str):
    assert said in words(name)


def test_a_file_says_what_its_header_holds_and_what_the_catalog_knows(smollm2_path: Path):
    text = words(str(smollm2_path))
    assert "SmolLM2-135M-Instruct HuggingFaceTB/SmolLM2-135M-Instruct, family smollm2, instruct" in text
    assert "gguf, Q4_1 headers of" in text
    assert "135 million parameters" in text
    assert text.count("What a sequence keeps") == 1
    document = json.loads(printed(str(smollm2_path), "--json"))
    (file,) = document["files"]
    assert document["published"]["id"] == "HuggingFaceTB/SmolLM2-135M-Instruct"
    assert file["parameters"] == 134_515_008 == sum(group["elements"] for group in file["tensors"])
    assert file["architecture"]["kv_bytes_per_token"] == 2 * 30 * 3 * 128


def test_a_file_that_the_catalog_does_not_know(tmp_path: Path):
    config = tmp_path / "config.json"
    config.write_text(
        json.dumps(
            {
                "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 256, "num_hidden_layers": 2,
                "num_attention_heads": 4, "num_key_value_heads": 2, "intermediate_size": 512, "vocab_size": 1000,
                "max_position_embeddings": 4096, "torch_dtype": "bfloat16",
            }
        )
    )  # fmt: skip
    text = words(str(config))
    assert text.startswith("The catalog does not know this model")
    assert "2 layers with full attention: 256 elements per token" in text
    assert json.loads(printed(str(config), "--json"))["published"] is None


def test_what_nothing_knows_is_an_error(tmp_path: Path):
    with pytest.raises(InputError):
        model_info("no such model", environ={})
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(b"GGUF")
    with pytest.raises(ModelFileError):
        model_info(str(broken), environ={})
    with pytest.raises((InputError, ModelFileError)):
        model_info(str(tmp_path / "missing.gguf"), environ={})
