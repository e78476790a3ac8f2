"""Bytes of a quantised model from its configuration alone, against published file sizes and what engines report to have loaded."""

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.shared_data import shared_data
from tests.sources.hf.from_row import config_of_row

from llmpick.catalog.tables import find_quantization, load_quantizations
from llmpick.estimate.weights import role_bits, stored_as
from llmpick.evidence.model import Architecture, AttentionLayer, Blueprint, Experts, TensorGroup, TensorRole
from llmpick.evidence.values import Source
from llmpick.sources.gguf import read_gguf
from llmpick.sources.hf import blueprint_of_values

GIB = 2**30
SOURCE = Source("a test")


def blueprint(name: str) -> Blueprint:
    with shared_data("fit/model_configs.csv").open() as file:
        row = next(row for row in csv.DictReader(file) if row["model_id"] == name)
    return blueprint_of_values(config_of_row(row), name, name, SOURCE)


def sizes(table: str) -> list[dict[str, str]]:
    with shared_data(table).open() as file:
        return list(csv.DictReader(file))


def error(model: Blueprint, quantization: str, published_gib: float) -> float:
    stored, _ = stored_as(model, find_quantization(quantization))
    return stored.weights_bytes / GIB / published_gib - 1


def test_every_type_of_llama_3_1_8b():
    """The table of llama.cpp's tools/quantize README, 23 types: rounded to 0.01 GiB, so to 0.3% at the small end."""
    model = blueprint("meta-llama/Meta-Llama-3.1-8B")
    errors = {row["quant"]: error(model, row["quant"], float(row["size_gib"])) for row in sizes("quant/llamacpp_llama31_8b_size_speed.csv")}
    assert len(errors) == 23
    assert max(map(abs, errors.values())) < 0.0025, errors


def test_llama_1_without_grouped_queries():
    """K-quants of 2023 whose recipes did not change since, with sizes of three digits."""
    steady = ("Q6_K", "Q5_K_M", "Q5_K_S", "Q4_K_M", "Q3_K_L", "Q3_K_M", "Q3_K_S")
    errors = {
        (row["model"], row["quant"]): error(
            blueprint(f"huggyllama/llama-{row['model'].lower()}"), row["quant"], float(row["file_size"][:-1])
        )
        for row in sizes("quant/llamacpp_llama1_kquants.csv")
        if row["file_size"] and row["quant"] in steady
    }
    assert len(errors) >= 10
    assert max(map(abs, errors.values())) < 0.005, errors


def test_checkpoints_of_gptq_for_llama():
    """4 bits with and without groups, 7B to 65B; 3-bit groups there pack their zeros wider than the format needs."""
    names = {"LLaMA-7B": "7b", "LLaMA-13B": "13b", "LLaMA-33B": "30b", "LLaMA-65B": "65b"}
    errors = {}
    for row in sizes("quant/gptq_for_llama_readme.csv"):
        if row["checkpoint_gb"] and row["method"] == "GPTQ" and row["bits"] == "4":
            kind = "gptq-4bit-g128" if row["group_size"] else "gptq-4bit-no-groups"
            errors[row["model"], kind] = error(blueprint(f"huggyllama/llama-{names[row['model']]}"), kind, float(row["checkpoint_gb"]))
    assert len(errors) == 8
    assert max(map(abs, errors.values())) < 0.01, errors


@pytest.mark.parametrize(
    ("model", "quantization", "loaded_gib"),
    [
        ("meta-llama/Meta-Llama-3.1-8B", "fp8", 8.49),
        ("meta-llama/Meta-Llama-3.1-8B", "w8a8", 8.49),
        ("meta-llama/Meta-Llama-3.1-8B", "gptq-4bit-g128", 5.38),
        ("meta-llama/Meta-Llama-3.1-70B", "fp8-dynamic", 67.72),
        ("meta-llama/Meta-Llama-3.1-70B", "w8a8", 2 * 33.88),
        ("meta-llama/Meta-Llama-3.1-70B", "awq", 37.06),
    ],
)
def test_what_vllm_says_it_loaded(model: str, quantization: str, loaded_gib: float):
    """vLLM counts its table of rotations too, 0.03 GiB at a context of 131,072."""
    assert abs(error(blueprint(model), quantization, loaded_gib)) < 0.01


@pytest.mark.parametrize("quantization", ["Q4_K_M", "Q4_1"])
def test_real_files_whose_rows_are_no_whole_blocks(quantization: str, smollm2_path: Path, gemma_path: Path):
    """SmolLM2-135M is 576 wide and Gemma-3-270M 640, so k-quants fall back; both are tied, so the embedding is stored as the output."""
    path = gemma_path if quantization == "Q4_K_M" else smollm2_path
    weights = read_gguf(path)
    assert weights.quantization == quantization
    assert weights.architecture is not None
    roles = {group.role: 0 for group in weights.tensors}
    for group in weights.tensors:
        roles[group.role] += group.elements
    wide = tuple(TensorGroup(role, "BF16", elements, 2 * elements) for role, elements in roles.items())
    model = Blueprint(path.stem, "config", "safetensors", "BF16", weights.architecture, wide, None, SOURCE)
    stored, _ = stored_as(model, find_quantization(quantization))
    assert stored.weights_bytes == pytest.approx(sum(group.bytes for group in weights.tensors), rel=0.002)


def decoder(
    heads: int, kv_heads: int, *, hidden: int = 4096, experts: Experts | None = None, tied: bool = False, name: str = "llama"
) -> Blueprint:
    layers = (AttentionLayer(kv_heads, 128, 128),) * 32
    architecture = Architecture(name, hidden, 32_000, layers, 32, heads, 14_336, experts)
    elements: dict[TensorRole, int] = {
        "embedding": 32_000 * hidden,
        "output": 0 if tied else 32_000 * hidden,
        "attention": 32 * 2 * hidden * 128 * (heads + kv_heads),
        "mlp": 0 if experts else 32 * 3 * hidden * 14_336,
        "experts": 32 * 3 * hidden * 14_336 * experts.count if experts else 0,
        "norm": 65 * hidden,
    }
    tensors = tuple(TensorGroup(role, "BF16", number, 2 * number) for role, number in elements.items() if number)
    return Blueprint("a model", "config", "safetensors", "BF16", architecture, tensors, 8192, SOURCE)


def types_of(model: Blueprint, quantization: str, role: TensorRole) -> dict[str, float]:
    stored, _ = stored_as(model, find_quantization(quantization))
    groups = [group for group in stored.tensors if group.role == role]
    return {group.data_type: round(group.elements / sum(one.elements for one in groups), 4) for group in groups}


@pytest.mark.parametrize(
    ("model", "quantization", "role", "types"),
    [
        (decoder(32, 8), "Q4_K_M", "mlp", {"Q4_K": 0.8333, "Q6_K": 0.1667}),
        (decoder(32, 8), "Q4_K_M", "attention", {"Q4_K": 0.95, "Q6_K": 0.05}),
        (decoder(32, 32), "Q4_K_M", "attention", {"Q4_K": 0.875, "Q6_K": 0.125}),
        (decoder(32, 8), "Q4_K_M", "output", {"Q6_K": 1}),
        (decoder(32, 8), "Q4_K_M", "embedding", {"Q4_K": 1}),
        (decoder(32, 8, tied=True), "Q4_K_M", "embedding", {"Q6_K": 1}),
        (decoder(32, 8), "Q4_K_M", "norm", {"F32": 1}),
        (decoder(32, 8, name="phi3"), "Q4_K_M", "attention", {"Q4_K": 0.7, "Q6_K": 0.3}),  # queries, keys and values are one matrix
        (decoder(32, 8), "IQ4_XS", "attention", {"IQ4_XS": 0.9, "Q5_K": 0.1}),
        (decoder(32, 16), "IQ4_XS", "attention", {"IQ4_XS": 1}),
        (decoder(32, 8, experts=Experts(8, 2)), "Q4_K_M", "attention", {"Q4_K": 0.4, "Q5_K": 0.4, "Q8_0": 0.2}),
        (decoder(32, 8, experts=Experts(64, 8)), "MXFP4_MOE", "experts", {"MXFP4": 1}),
        (decoder(32, 8, experts=Experts(64, 8)), "MXFP4_MOE", "attention", {"Q8_0": 1}),
        (decoder(7, 7, hidden=896), "Q4_K_M", "output", {"Q8_0": 1}),
        (decoder(7, 7, hidden=896), "Q4_K_M", "embedding", {"Q5_0": 1}),
        (decoder(32, 8), "gptq", "mlp", {"gptq-4bit-g128": 1}),
        (decoder(32, 8), "gptq", "embedding", {"BF16": 1}),
        (decoder(32, 8, experts=Experts(64, 8)), "mxfp4", "experts", {"mxfp4": 1}),
        (decoder(32, 8, experts=Experts(64, 8)), "mxfp4", "attention", {"BF16": 1}),
    ],
)
def test_what_is_stored_as_what(model: Blueprint, quantization: str, role: TensorRole, types: dict[str, float]):
    assert types_of(model, quantization, role) == pytest.approx(types, abs=2e-4)


def test_an_image_tower_is_no_part_of_a_gguf_file():
    model = decoder(32, 8)
    tower = TensorGroup("vision", "BF16", 10**8, 2 * 10**8)
    with_tower = replace(model, tensors=(*model.tensors, tower))
    assert stored_as(with_tower, find_quantization("Q4_K_M"))[0].tensors == stored_as(model, find_quantization("Q4_K_M"))[0].tensors
    assert tower in stored_as(with_tower, find_quantization("fp8"))[0].tensors


def test_published_facts_alone_have_the_bits_of_a_typical_decoder():
    """Without an architecture: the blocks of Llama-3.1-8B."""
    plain = TensorGroup("other", "BF16", 7 * 10**9, 14 * 10**9)
    model = Blueprint("a model", "facts", "safetensors", "BF16", None, (plain,), None, SOURCE)
    for name, one in load_quantizations().items():
        if one.parts:
            assert 8 * stored_as(model, one)[0].weights_bytes / plain.elements == pytest.approx(one.bits_per_weight, rel=1e-3), name


@given(st.sampled_from(sorted(load_quantizations())), st.sampled_from([(32, 32), (32, 8), (64, 8), (7, 1)]), st.booleans())
def test_elements_stay_and_the_bits_by_role_are_those_of_the_bytes(name: str, heads: tuple[int, int], tied: bool):
    model = decoder(*heads, hidden=heads[0] * 128, tied=tied)
    quantization = load_quantizations()[name]
    stored, spread = stored_as(model, quantization)
    assert stored.parameters == pytest.approx(model.parameters, abs=len(stored.tensors))
    assert 0 <= spread < 0.05
    bits = role_bits(model, quantization)
    sizes = sum(group.elements * bits[group.role] / 8 for group in model.tensors)
    assert sizes == pytest.approx(stored.weights_bytes, rel=1e-6)
    assert np.all(np.array(list(bits.values())) > 0)


def test_storing_twice_is_storing_once():
    model = decoder(32, 8)
    once, _ = stored_as(model, find_quantization("gptq"))
    twice, _ = stored_as(once, find_quantization("gptq"))
    assert twice.weights_bytes == pytest.approx(once.weights_bytes, rel=1e-9)
