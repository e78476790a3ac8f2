"""Licences and quantisations."""

import pytest
import yaml

from llmpick.catalog.files import CATALOG
from llmpick.catalog.loader import (
    commercial_use,
    find_quantization,
    load_licences,
    load_quantizations,
    load_tensor_types,
)
from llmpick.evidence.errors import InputError


@pytest.mark.parametrize(
    ("licence", "use"),
    [
        ("apache-2.0", "yes"),
        ("MIT", "yes"),
        ("gemma", "conditions"),
        ("llama3.1", "conditions"),
        ("llama-1", "no"),
        ("cc-by-nc-4.0", "no"),
        ("qwen-research", "no"),
    ],
)
def test_commercial_use(licence: str, use: str) -> None:
    assert commercial_use(licence) == use


def test_an_unknown_licence_is_an_error_with_a_remedy() -> None:
    with pytest.raises(InputError) as caught:
        commercial_use("made-up")
    assert "made-up" in caught.value.what
    assert "licences.yaml" in caught.value.remedy


def test_a_condition_is_told_exactly_where_there_is_one() -> None:
    assert all((licence.commercial_use == "conditions") == bool(licence.condition) for licence in load_licences().values())


def test_tensor_types_are_those_of_the_gguf_library() -> None:
    gguf = pytest.importorskip("gguf")
    theirs = {kind.name: size for kind, size in gguf.GGML_QUANT_SIZES.items()}
    ours = {name: (row.block_elements, row.block_bytes) for name, row in load_tensor_types().items()}
    assert {name: theirs.get(name) for name in ours} == ours
    assert set(theirs) <= set(ours), "llama.cpp has a new tensor type: add its row"


def test_every_file_type_of_gguf_has_its_recipe() -> None:
    gguf = pytest.importorskip("gguf")
    names = {kind.name.removeprefix("MOSTLY_").removeprefix("ALL_") for kind in gguf.LlamaFileType if kind.name != "GUESSED"}
    known = {name for name, one in load_quantizations().items() if one.format == "gguf"}
    assert names - {"NVFP4"} <= known
    assert "NVFP4_GGUF" in known  # nvfp4 alone is the safetensors format of the same name


@pytest.mark.parametrize("name", ["Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "BF16", "F32"])
def test_a_file_of_one_type_has_the_bits_of_its_blocks(name: str) -> None:
    assert load_quantizations()[name].bits_per_weight == pytest.approx(load_tensor_types()[name].bits_per_weight)


def test_a_mix_lies_above_the_type_it_is_named_after() -> None:
    """Q4_K_M keeps some tensors in Q6_K, so its bits lie above those of Q4_K; so does every K mix but the small ones of one type."""
    types = load_tensor_types()
    for name, quantization in load_quantizations().items():
        kind = name.rsplit("_", 1)[0]
        if name.count("_") == 2 and kind in types:
            assert quantization.bits_per_weight >= types[kind].bits_per_weight, name
            assert quantization.bits_by_role["output"] > types[kind].bits_per_weight, name


def test_rows_that_are_no_whole_blocks_have_another_type() -> None:
    """Every type of 256 weights per block falls back on one of 32, which is not narrower."""
    types = load_tensor_types()
    for kind in types.values():
        if kind.block_elements == 256 and kind.name not in ("Q8_K",):
            assert kind.otherwise is not None
            assert types[kind.otherwise].block_elements == 32
            assert types[kind.otherwise].bits_per_weight > kind.bits_per_weight


@pytest.mark.parametrize(
    ("spelling", "name"),
    [
        ("int4", "int4"),
        ("INT8", "int8"),
        ("q4_k_m", "Q4_K_M"),
        ("Q4-K-M", "Q4_K_M"),
        ("gptq-int4", "gptq-4bit-g128"),
        ("gptq", "gptq-4bit-g128"),
        ("w4a16", "w4a16"),
        ("AWQ", "awq-4bit-g128"),
        ("fp8", "fp8"),
        ("FP8-dynamic", "fp8"),
        ("w8a8", "w8a8"),
        ("NVFP4", "nvfp4"),
        ("bf16", "BF16"),
        ("bnb-4bit", "nf4"),
    ],
)
def test_the_names_that_a_quantisation_goes_by(spelling: str, name: str) -> None:
    assert find_quantization(spelling).name == name


def test_an_unknown_quantisation_is_an_error_that_lists_the_known() -> None:
    with pytest.raises(InputError) as caught:
        find_quantization("q9_k_xl")
    assert "q9_k_xl" in caught.value.what
    assert "Q4_K_M" in caught.value.remedy


def test_no_two_quantisations_share_a_spelling() -> None:
    text = (CATALOG / "quantizations.yaml").read_text()
    spellings = list[str]()
    for name, entry in yaml.safe_load(text)["quantizations"].items():
        spellings += {"".join(letter for letter in one.lower() if letter not in "-_ ") for one in (name, *entry.get("aliases", ()))}
    assert len(spellings) == len(set(spellings))


@pytest.mark.parametrize(
    ("name", "bits"),
    [
        ("gptq-4bit-g128", 4 + 20 / 128),  # a 16-bit scale and a 4-bit zero per group
        ("gptq-3bit-g128", 3 + 19 / 128),
        ("gptq-8bit-g32", 8 + 24 / 32),
        ("awq-4bit-g64", 4 + 20 / 64),
        ("w4a16", 4 + 16 / 128),  # symmetric: no zeros
        ("nf4", 4 + 32 / 64),
        ("nf4-double-quant", 4 + 8 / 64 + 32 / (64 * 256)),
        ("mxfp4", 4 + 8 / 32),
        ("nvfp4", 4 + 8 / 16),
        ("fp8-block", 8 + 32 / 128**2),
    ],
)
def test_bits_are_those_of_weights_scales_and_zeros(name: str, bits: float) -> None:
    quantization = load_quantizations()[name]
    assert quantization.bits_per_weight == pytest.approx(bits, abs=5e-4)
    assert quantization.bits_by_role["embedding"] == 16


def test_only_the_experts_of_gpt_oss_are_narrow() -> None:
    bits = load_quantizations()["mxfp4"].bits_by_role
    assert {bits[role] for role in ("attention", "mlp", "embedding", "output")} == {16}
    assert "experts" not in bits
