"""The configurations of published models: parameters and cache per token, from a config.json with the columns' values."""

import csv
from pathlib import Path

import pytest
from tests.shared_data import shared_data
from tests.sources.hf.from_row import config_of_row

from llmpick.estimate.kv_cache import cache_bytes
from llmpick.estimate.shape import shape_of
from llmpick.evidence.model import Architecture, Blueprint
from llmpick.evidence.values import Source
from llmpick.sources.hf import read_config

# Rows whose columns are no configuration: GGUF metadata, encoders, heterogeneous blocks without their list.
NO_CONFIG = ("llama.cpp", "XLMRoberta", "NomicBert", "DeciLM")
# What the table computes for these by the plain formula is not what the models have: the published totals are 400 B, 109 B (with images),
# 25.2 B, 30.7 B, 309 B, 196 B.
PLAIN_FORMULA = ("Llama4", "Gemma4", "MiMoV2Flash", "Step3p7Flash", "MiniMaxM3")
# These have chunked or sliding layers that the table counts as full.
COUNTED_AS_FULL = ("Llama4", "MiMoV2Flash")
IMAGES = ("Gemma3ForConditionalGeneration", "KimiVL", "LlavaNext", "Mistral3", "Llama4")
NOT_UNDERSTOOD = ("DeepseekV4", "KimiK3")


def rows() -> list[dict[str, str]]:
    return rows_of(shared_data("fit/model_configs.csv"))


def rows_of(table: Path) -> list[dict[str, str]]:
    with table.open() as file:
        found = [row for row in csv.DictReader(file) if not any(word in row["architecture"] for word in NO_CONFIG)]
    # a row without layers, or without the pattern of a hybrid, or without vocabulary and width is no configuration either
    hybrids = [row for row in found if "NemotronH" not in row["architecture"] or "hybrid pattern" in row["extra"]]
    return [row for row in hybrids if row["n_layers"] and row["hidden_size"] and row["vocab_size"]]


def full_cache_per_token(architecture: Architecture) -> int:
    """Bytes in 16 bits that the full-attention layers keep per token, by the same shape that the estimates take."""
    shape = shape_of(Blueprint("x", "config", "safetensors", "BF16", architecture, (), None, Source("a configuration")))
    assert shape is not None
    cache = cache_bytes(shape, 1)
    return int(cache.full + cache.latent)


def is_one_of(row: dict[str, str], names: tuple[str, ...]) -> bool:
    return any(name in row["architecture"] for name in names)


def test_every_row_is_understood_or_says_why():
    for row in rows():
        model = read_config(config_of_row(row), row["model_id"])
        assert (model.architecture is None) == is_one_of(row, NOT_UNDERSTOOD), (row["model_id"], model.reason)


def test_parameters():
    compared = 0
    for row in rows():
        model = read_config(config_of_row(row), row["model_id"])
        counted = sum(group.elements for group in model.tensors) / 1e9
        if model.architecture is None:
            continue
        if row["computed_params_b"] and not is_one_of(row, PLAIN_FORMULA):
            assert counted == pytest.approx(float(row["computed_params_b"]), rel=0.005), row["model_id"]
            compared += 1
        if row["total_params_b"] and not is_one_of(row, IMAGES):
            assert counted == pytest.approx(float(row["total_params_b"]), rel=0.02), row["model_id"]
            compared += 1
    assert compared >= 100


@pytest.mark.parametrize(
    ("name", "billions"),
    [
        ("meta-llama/Llama-4-Maverick-17B-128E-Instruct", 400.7),
        ("google/gemma-4-26B-A4B", 25.2),
        ("nvidia/Gemma-4-31B-IT-NVFP4", 30.7),
        ("XiaomiMiMo/MiMo-V2-Flash", 309),
        ("stepfun-ai/Step-3.7-Flash", 196),
    ],
)
def test_parameters_of_unusual_models_as_published(name: str, billions: float):
    row = next(row for row in rows() if row["model_id"] == name)
    counted = sum(group.elements for group in read_config(config_of_row(row), name).tensors)
    assert counted == pytest.approx(billions * 1e9, rel=0.005)


def test_cache_per_token_is_exact():
    compared = 0
    for row in rows():
        architecture = read_config(config_of_row(row), row["model_id"]).architecture
        if architecture is None or not row["kv_bytes_per_token_bf16_full_layers"] or is_one_of(row, COUNTED_AS_FULL):
            continue
        assert full_cache_per_token(architecture) == int(row["kv_bytes_per_token_bf16_full_layers"]), row["model_id"]
        compared += 1
    assert compared >= 100
