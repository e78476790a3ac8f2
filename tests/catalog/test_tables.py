"""Licences, quantisations and devices."""

import pytest

from llmpick.catalog.loader import (
    commercial_use,
    find_device,
    load_devices,
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


def test_every_file_type_of_gguf_that_people_pass_on_has_its_bits() -> None:
    gguf = pytest.importorskip("gguf")
    rare = {"TQ1_0", "TQ2_0", "MXFP4_MOE", "NVFP4", "Q1_0"}
    names = {kind.name.removeprefix("MOSTLY_").removeprefix("ALL_") for kind in gguf.LlamaFileType if kind.name != "GUESSED"}
    assert names - rare <= set(load_quantizations())


@pytest.mark.parametrize("name", ["Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "MXFP4", "BF16", "F32"])
def test_a_file_of_one_type_has_the_bits_of_its_blocks(name: str) -> None:
    assert load_quantizations()[name].bits_per_weight.value == pytest.approx(load_tensor_types()[name].bits_per_weight, rel=1e-3)


def test_a_mix_lies_above_the_type_it_is_named_after() -> None:
    """Q4_K_M keeps some tensors in Q6_K, so its bits lie above those of Q4_K; so does every K mix."""
    types = load_tensor_types()
    for name, quantization in load_quantizations().items():
        kind = name.rsplit("_", 1)[0]
        if name.count("_") == 2 and kind in types:
            assert quantization.bits_per_weight.value > types[kind].bits_per_weight, name


def test_devices_are_dated_distinct_and_plausible() -> None:
    spellings = [name.lower() for device in load_devices() for name in (device.name, *device.aliases)]
    assert len(spellings) == len(set(spellings))
    assert len(load_devices()) >= 25
    for device in load_devices():
        assert 8e9 <= device.memory_bytes.value <= 200e9
        assert 5e10 <= device.bandwidth_bytes_per_s.value <= 8e12
        assert device.memory_bytes.source.checked is not None


@pytest.mark.parametrize(
    ("name", "gigabytes", "gigabytes_per_s"),
    [
        ("NVIDIA GeForce RTX 4090", 24, 1008),
        ("h100-sxm", 80, 3350),
        ("NVIDIA A100-SXM4-80GB", 80, 2039),
        ("AMD Instinct MI300X", 192, 5300),
        ("Apple M2 Ultra", 192, 800),
    ],
)
def test_known_devices(name: str, gigabytes: int, gigabytes_per_s: int) -> None:
    known = find_device(name)
    assert known is not None
    device = known.as_device()
    assert (device.kind, device.memory_total_bytes, device.bandwidth_bytes_per_s) == ("gpu", gigabytes * 10**9, gigabytes_per_s * 1e9)


def test_an_unknown_device_is_not_found() -> None:
    assert find_device("RTX 9999") is None
