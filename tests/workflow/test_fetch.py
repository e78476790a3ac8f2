"""The commands that get a model, and what they bring."""

import csv
import shlex
from dataclasses import replace

import pytest
from tests.shared_data import shared_data

from llmpick.catalog.loader import find_model
from llmpick.decide.answer import Fetch
from llmpick.evidence.model import ModelFacts
from llmpick.evidence.values import Fact, Source
from llmpick.workflow.models.fetch import HubSource, fetch_advice, hub_source

SEVEN_BILLION = Fact(7_000_000_000, Source("model card"))
ALL = {
    "huggingface": "Qwen/Qwen2.5-7B-Instruct",
    "gguf": "Qwen/Qwen2.5-7B-Instruct-GGUF",
    "modelscope": "Qwen/Qwen2.5-7B-Instruct-GGUF",
    "ollama": "qwen2.5:7b",
}
GGUF_COMMAND = "hf download Qwen/Qwen2.5-7B-Instruct-GGUF --include '*Q4_K_M*.gguf' --include '*q4_k_m*.gguf'"


def model(downloads: dict[str, str], parameters: Fact[int] | None = SEVEN_BILLION) -> ModelFacts:
    return ModelFacts("Qwen/Qwen2.5-7B-Instruct", "Qwen2.5-7B-Instruct", "qwen2.5", "instruct", parameters, downloads=downloads)


@pytest.mark.parametrize(
    ("downloads", "environ", "advice"),
    [
        (
            ALL,
            {},
            Fetch(
                "Q4_K_M",
                4_202_488_282,
                (
                    GGUF_COMMAND,
                    "modelscope download --model Qwen/Qwen2.5-7B-Instruct-GGUF --include '*Q4_K_M*.gguf' '*q4_k_m*.gguf'",
                    "ollama pull qwen2.5:7b",
                ),
            ),
        ),
        (
            {"gguf": ALL["gguf"]},
            {"HF_ENDPOINT": "https://hf-mirror.com"},
            Fetch("Q4_K_M", 4_202_488_282, (f"HF_ENDPOINT=https://hf-mirror.com {GGUF_COMMAND}",)),
        ),
        (
            {"huggingface": "org/name", "modelscope": "org/name"},
            {},
            Fetch("BF16", 14_000_000_000, ("hf download org/name", "modelscope download --model org/name")),
        ),
        ({"modelscope": "org/name"}, {}, Fetch("BF16", 14_000_000_000, ("modelscope download --model org/name",))),
        ({"ollama": "phi:2.7b"}, {}, Fetch("Q4_K_M", 4_202_488_282, ("ollama pull phi:2.7b",))),
        ({}, {}, None),
    ],
)
def test_the_commands_in_their_order(downloads: dict[str, str], environ: dict[str, str], advice: Fetch | None):
    assert fetch_advice(model(downloads), environ=environ) == advice


def test_bytes_are_unknown_without_parameters():
    advice = fetch_advice(model(ALL, parameters=None), environ={})
    assert advice is not None
    assert advice.download_bytes is None


def test_a_name_from_the_catalog_cannot_smuggle_in_a_command():
    advice = fetch_advice(model({"huggingface": "a/b; rm -rf ~", "ollama": "$(id)"}), environ={"HF_ENDPOINT": "`id`"})
    assert advice is not None
    assert shlex.split(advice.commands[0]) == ["HF_ENDPOINT=`id`", "hf", "download", "a/b; rm -rf ~"]
    assert shlex.split(advice.commands[1]) == ["ollama", "pull", "$(id)"]
    assert "'$(id)'" in advice.commands[1]


def test_the_smaller_files_are_downloaded_first():
    assert hub_source(model(ALL)) == HubSource("Qwen/Qwen2.5-7B-Instruct-GGUF", "Q4_K_M")
    assert hub_source(model({"huggingface": "org/name"})) == HubSource("org/name", "BF16")
    assert hub_source(model({"ollama": "phi:2.7b"})) is None


def test_the_bytes_are_those_of_a_published_file():
    """Llama-3.1-8B as Q4_K_M: bits per weight by llama.cpp's own table of sizes."""
    with shared_data("quant/llamacpp_llama31_8b_size_speed.csv").open(encoding="utf-8", newline="") as file:
        bits = next(float(row["bpw"]) for row in csv.DictReader(file) if row["quant"] == "Q4_K_M")
    facts = find_model("meta-llama/Llama-3.1-8B-Instruct")
    assert facts is not None
    assert facts.parameters_total is not None
    advice = fetch_advice(replace(facts, downloads={"gguf": "org/name"}), environ={})
    assert advice is not None
    assert advice.download_bytes == pytest.approx(facts.parameters_total.value * bits / 8, rel=0.005)
