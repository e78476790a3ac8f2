import pytest

from llmpick.catalog.speeds import find_speed_constants, llamacpp_build, load_speeds, vendor_of
from llmpick.evidence.deployment import Deployment, EngineName
from llmpick.evidence.device import Device, Vendor


def device(name: str, vendor: Vendor | None = "nvidia") -> Device:
    return Device(name, "cpu" if vendor == "cpu" else "gpu", 1, 1, vendor=vendor)


@pytest.mark.parametrize(
    ("name", "vendor", "engine", "version", "expected"),
    [
        ("GeForce RTX 4090", "nvidia", "llama.cpp", None, "llama.cpp, NVIDIA from Ada on"),
        ("RTX 5090", "nvidia", "llama.cpp", "b9775 / be4a6a63e", "llama.cpp, NVIDIA from Ada on"),
        ("NVIDIA GeForce RTX 3090", "nvidia", "llama.cpp", None, "llama.cpp, NVIDIA up to Ampere"),
        ("NVIDIA GeForce RTX 3090", "nvidia", "llama.cpp", "b2824", "llama.cpp, NVIDIA up to Ampere, before build 4000"),
        ("A40 PCIe", "nvidia", "llama.cpp", None, "llama.cpp, NVIDIA with ECC GDDR"),
        ("RTX A4000", "nvidia", "llama.cpp", None, "llama.cpp, NVIDIA up to Ampere"),
        ("NVIDIA A100-SXM4-80GB", "nvidia", "llama.cpp", None, "llama.cpp, NVIDIA with HBM"),
        ("Apple M2 Ultra", "apple", "llama.cpp", None, "llama.cpp, Apple M1 and M2"),
        ("Apple M4 Max", "apple", "llama.cpp", None, "llama.cpp, Apple"),
        ("RX 7900 XTX", "amd", "llama.cpp", None, "llama.cpp, AMD"),
        ("Arc A770", "intel", "llama.cpp", None, "llama.cpp, other GPUs"),
        ("EPYC 9654", "cpu", "llama.cpp", None, "llama.cpp, CPU"),
        ("H100 SXM", "nvidia", "vllm", "0.19", "vLLM and SGLang, NVIDIA"),
        ("MI300X", "amd", "sglang", None, "vLLM and SGLang, other devices"),
        ("RTX 4090", "nvidia", "transformers", None, "transformers, GPUs"),
    ],
)
def test_the_first_entry_that_holds_is_found(name: str, vendor: Vendor, engine: EngineName, version: str | None, expected: str):
    found = find_speed_constants(device(name, vendor), Deployment(engine, version))
    assert found is not None
    assert found.name == expected


def test_every_engine_has_constants_on_every_device():
    engines: tuple[EngineName, ...] = ("llama.cpp", "vllm", "sglang", "transformers")
    vendors: tuple[Vendor | None, ...] = ("nvidia", "amd", "apple", "intel", "huawei", "cpu", "other", None)
    assert all(find_speed_constants(device("unheard of", vendor), Deployment(engine)) for engine in engines for vendor in vendors)


def test_entries_say_how_much_they_rest_on():
    for entry in load_speeds():
        constants = entry.constants
        assert constants.source.title
        assert constants.rows == 0 or "no measured row" not in constants.source.title
        assert constants.devices <= max(constants.rows, 0)
        assert 0.05 <= constants.decode_spread <= constants.prefill_spread + 0.5


@pytest.mark.parametrize(
    ("version", "build"),
    [
        ("b2824", 2824),
        ("build: 3fc4e1052 (9820)", 9820),
        ("2026.10.11549", 11549),
        ("b9775 / be4a6a63e", 9775),
        ("0.32.1", None),
        (None, None),
    ],
)
def test_builds_are_read_from_what_people_write(version: str | None, build: int | None):
    assert llamacpp_build(version) == build


def test_a_device_without_a_vendor_is_some_other_gpu():
    assert vendor_of(device("x", None)) == "other"
    assert vendor_of(Device("x", "cpu", 1, 1)) == "cpu"
