"""`llmpick devices`: this machine and the catalog, one device in full, and words that several devices have."""

import json
from typing import Any

import pytest
from click.testing import CliRunner

from llmpick.catalog.devices import load_devices
from llmpick.cli.devices import devices
from llmpick.cli.main import run
from llmpick.evidence.device import Device
from llmpick.evidence.errors import InputError
from llmpick.sources import hardware
from llmpick.workflow.devices import list_devices

GIB = 2**30
CARD = Device(
    "NVIDIA GeForce RTX 4090\x1b[31m",
    "gpu",
    24 * GIB,
    20 * GIB,
    1008e9,
    vendor="nvidia",
    fp16_flops=330e12,
    fp8_flops=661e12,
    power_watts=350,
)


def printed(*arguments: str) -> str:
    result = CliRunner().invoke(devices, list(arguments), catch_exceptions=False)
    assert result.exit_code == 0
    return result.stdout


@pytest.fixture(params=[80, 160], autouse=True)
def width(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setenv("COLUMNS", str(request.param))
    return request.param


@pytest.fixture
def card(monkeypatch: pytest.MonkeyPatch) -> Device:
    """A machine with one GPU, which the installed engine does not use."""
    monkeypatch.setattr(hardware, "gpus", lambda: (CARD,))
    monkeypatch.setattr(hardware, "idle_gpu_note", lambda: "it stands idle: pip install something")
    return CARD


def test_this_machine_comes_first_then_every_device(width: int):
    text = printed()
    machine, _, catalog = text.partition("The catalog")
    assert machine.startswith("This machine")
    assert "llmpick devices --measure" in " ".join(machine.split())
    assert all(len(line) <= width for line in text.splitlines())
    if width == 160:
        assert [device.name for device in load_devices() if f" {device.name} " not in catalog] == []
    assert catalog.startswith(f": {len(load_devices())} devices")


def test_a_gpu_is_shown_with_the_device_that_it_is(card: Device, width: int):
    machine = printed("this machine")
    assert "\x1b" not in machine
    assert "The catalog" not in machine
    assert "Note: it stands idle" in machine
    assert "No GPU answers" not in machine
    if width == 160:
        assert "NVIDIA GeForce RTX 4090�[31m 24.0 GiB 20.0 GiB 1,008 330 661 350 W -" in " ".join(machine.split())


def test_the_bandwidth_is_measured_when_asked():
    device = list_devices("This Machine", measure=True).found[0].device
    assert device.bandwidth_bytes_per_s is not None
    assert device.bandwidth_bytes_per_s > 1e9
    assert list_devices("this-machine").found[0].device.bandwidth_bytes_per_s is None


def test_one_device_has_all_facts_each_with_its_source():
    text = " ".join(printed("h100-80gb").split())
    for words in (
        "H100 SXM NVIDIA, data centre",
        "80 GB",
        "79.2 GiB",
        "3,350 GB/s",
        "989 TFLOPS, dense",
        "1,979 TFLOPS",
        "450 GB/s",
        "700 W",
    ):
        assert words in text
    assert "[1] Epoch AI, machine learning hardware of June 2025 (published 2025-06-18, checked 2026-11-24), https://epoch.ai" in text
    assert "not dated, not checked" in text, "sources that nobody compared are told apart"
    assert "The rent was that in March 2026" in text


def test_what_is_not_known_is_named():
    assert "Not known, or the hardware has none: 8-bit float rate" in " ".join(printed("Tesla V100-SXM2-32GB").split())
    assert "memory, a usual size" in printed("EPYC Genoa")


@pytest.mark.parametrize(
    ("word", "least", "name"),
    [
        ("apple", 30, "Apple M3 Ultra"),
        ("laptop", 10, "RTX 4090 Laptop"),
        ("cpu", 15, "EPYC Turin"),
        ("RTX 40", 10, "RTX 4070 SUPER"),
        ("MI3", 5, "MI355X"),
    ],
)
def test_a_word_means_all_that_have_it(word: str, least: int, name: str):
    found = list_devices(word)
    assert not found.found
    assert not found.in_full
    assert len(found.known) >= least
    assert name in [device.name for device in found.known]


def test_an_unknown_name_is_an_error_with_near_names(capsys: pytest.CaptureFixture[str]):
    with pytest.raises(InputError, match="RTX 4O90"):
        list_devices("RTX 4O90")
    assert run(["devices", "RTX 4O90", "--json"]) == 2
    error: dict[str, Any] = json.loads(capsys.readouterr().out)["error"]
    assert "RTX 4090" in error["remedy"]
    with pytest.raises(InputError):
        list_devices("?!")


def test_the_document_holds_the_same(card: Device):
    document = json.loads(printed("--json"))
    assert document["schema_version"] == 1
    assert document["this_machine"]["gpus"][0]["memory_free_bytes"] == card.memory_free_bytes
    assert document["this_machine"]["gpus"][0]["catalog"] is None, "a name with a control character is not the catalog's"
    assert document["this_machine"]["notes"] == ["it stands idle: pip install something"]
    assert document["this_machine"]["cpu"]["kind"] == "cpu"
    assert [device["name"] for device in document["devices"]] == [device.name for device in load_devices()]
    for device in document["devices"]:
        for key, reason in device["unknown"].items():
            assert device[key] is None
            assert reason
    (h100,) = json.loads(printed("H100", "--json"))["devices"]
    assert h100["bandwidth_bytes_per_s"]["value"] == 3.35e12
    assert h100["bandwidth_bytes_per_s"]["source"]["checked"] == "2026-11-24"
    assert h100["hourly_usd"]["value"] == {"value": 2.69, "low": 2.69, "high": 4.76}
    assert json.loads(printed("H100", "--json"))["this_machine"] is None
