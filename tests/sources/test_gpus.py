"""GPUs as the vendors' library and programs report them, played here by a module and by small programs that print what the real ones do."""

import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from llmpick.catalog.devices import device_named, lent_by_macos
from llmpick.sources.hardware import Programs, gpus, idle_gpu_note, this_machine

GIB, MIB = 2**30, 2**20
NOWHERE = "/no/such/program"


class NoDriverError(Exception):
    """What pynvml raises."""


class FakeNvml(SimpleNamespace):
    """pynvml as far as it is used; `cards` are dictionaries, and a field that is missing is "not supported"."""

    NVMLError = NoDriverError
    NVML_CLOCK_MEM = 2
    nvmlMemory_v2 = 33554472  # noqa: N815

    def __init__(self, *cards: dict[str, Any], driver: bool = True) -> None:
        super().__init__(cards=cards, driver=driver, open=0)

    def nvmlInit(self) -> None:  # noqa: N802
        if not self.driver:
            raise NoDriverError
        self.open += 1

    def nvmlShutdown(self) -> None:  # noqa: N802
        self.open -= 1

    def nvmlDeviceGetCount(self) -> int:  # noqa: N802
        return len(self.cards)

    def nvmlDeviceGetHandleByIndex(self, number: int) -> dict[str, Any]:  # noqa: N802
        return self.cards[number]

    def nvmlDeviceGetMemoryInfo(self, card: dict[str, Any], version: int | None = None) -> Any:  # noqa: N802
        if "total" not in card or (version is not None and card.get("old_driver")):
            raise NoDriverError
        known = {"total": card["total"] * MIB, "free": card["free"] * MIB}
        return SimpleNamespace(**known, reserved=card["reserved"] * MIB) if version is not None else SimpleNamespace(**known)

    def nvmlDeviceGetMaxClockInfo(self, card: dict[str, Any], kind: int) -> int:  # noqa: N802
        assert kind == self.NVML_CLOCK_MEM
        return self._field(card, "clock")

    def __getattr__(self, question: str) -> Any:
        fields = {
            "nvmlDeviceGetName": "name",
            "nvmlDeviceGetMemoryBusWidth": "bits",
            "nvmlDeviceGetPowerManagementLimit": "milliwatts",
            "nvmlDeviceGetMaxPcieLinkGeneration": "generation",
            "nvmlDeviceGetMaxPcieLinkWidth": "lanes",
        }
        if question not in fields:
            raise AttributeError(question)
        return lambda card: self._field(card, fields[question])

    @staticmethod
    def _field(card: dict[str, Any], name: str) -> Any:
        if name not in card:
            raise NoDriverError
        return card[name]


RTX_4090: dict[str, Any] = {
    "name": "NVIDIA GeForce RTX 4090", "total": 24564, "reserved": 347, "free": 23800, "clock": 10501, "bits": 384,
    "milliwatts": 350_000, "generation": 4, "lanes": 16,
}  # fmt: skip
NO_LIBRARY = FakeNvml(driver=False)


def asked(folder: Path | None = None, nvml: Any = NO_LIBRARY, **printed: Any) -> Programs:
    """Programs that print the given text or JSON documents; all others are not installed. A function gets the arguments."""
    names = ("nvidia_smi", "rocm_smi", "amd_smi", "xpu_smi", "sysctl", "system_profiler")
    found = {name: program(folder, name, printed[name]) for name in names if folder is not None and name in printed}
    return Programs(nvml, **{name: found.get(name, NOWHERE) for name in names})


def program(folder: Path, name: str, answers: Any, status: int = 0) -> str:
    """A program that prints one text, or the text that belongs to the first of its arguments that it knows; else it fails."""
    known = (
        {argument: answer if isinstance(answer, str) else json.dumps(answer) for argument, answer in answers.items()}
        if isinstance(answers, dict) and "ANY" not in answers
        else {"": answers if isinstance(answers, str) else json.dumps(answers["ANY"])}
    )
    path = folder / name
    path.write_text(
        f"#!{sys.executable}\nimport sys\nknown = {known!r}\nsaid = [known[key] for key in known if key in ' '.join(sys.argv[1:])]\n"
        f"print(said[0]) if said else sys.exit(1)\nsys.exit({status})\n"
    )
    path.chmod(0o755)
    return str(path)


def test_nvidias_library_tells_memory_bandwidth_power_and_link():
    nvml = FakeNvml(RTX_4090)
    (card,) = gpus(asked(nvml=nvml))
    known = device_named("RTX 4090")
    assert (card.name, card.kind, card.vendor, card.shares_memory) == ("NVIDIA GeForce RTX 4090", "gpu", "nvidia", False)
    assert (card.memory_total_bytes, card.memory_free_bytes) == ((24564 - 347) * MIB, 23800 * MIB)
    assert card.bandwidth_bytes_per_s == pytest.approx(1008e9, rel=1e-3)
    assert card.power_watts == 350, "the limit that is set, not the catalog's 450 W"
    assert card.host_link_bytes_per_s == pytest.approx(31.5e9, rel=1e-3)
    assert known.fp16_flops is not None
    assert known.fp8_flops is not None
    assert (card.fp16_flops, card.fp8_flops) == (known.fp16_flops.value, known.fp8_flops.value)
    assert nvml.open == 0, "the library is closed again"


def test_what_a_process_sees_is_what_cuda_reports():
    """The driver's total less its own part is within 0.1% of the total in PyTorch's messages."""
    (card,) = gpus(asked(nvml=FakeNvml(RTX_4090)))
    assert card.memory_total_bytes == pytest.approx(device_named("RTX 4090").as_device().memory_total_bytes, rel=1e-3)


def test_an_old_driver_and_an_unknown_card_tell_less():
    """No reserved part, no bus, no limit, a name in bytes, and no such card in the catalog: None, never a guess."""
    old = {"name": b"NVIDIA Future 9000", "total": 1000, "free": 900, "old_driver": True}
    (card,) = gpus(asked(nvml=FakeNvml(old)))
    assert (card.name, card.memory_total_bytes, card.memory_free_bytes) == ("NVIDIA Future 9000", 1000 * MIB, 900 * MIB)
    assert {card.bandwidth_bytes_per_s, card.fp16_flops, card.power_watts, card.host_link_bytes_per_s} == {None}


def test_a_gpu_without_memory_of_its_own_computes_in_the_hosts():
    host = this_machine()
    (card,) = gpus(asked(nvml=FakeNvml({"name": "NVIDIA GB10"})))
    assert card.shares_memory
    assert card.memory_total_bytes == host.memory_total_bytes
    assert card.bandwidth_bytes_per_s == 273e9


def test_the_memory_tells_cards_of_one_name_apart():
    cards = [{"name": "NVIDIA GeForce RTX 3080", "total": total, "reserved": 200, "free": 1000} for total in (10240, 12288)]
    ten, twelve = gpus(asked(nvml=FakeNvml(*cards)))
    assert (ten.bandwidth_bytes_per_s, twelve.bandwidth_bytes_per_s) == (760.3e9, 912.4e9)


NVIDIA = "NVIDIA GeForce RTX 4090, 24564, 24082, 450.00\nTesla T4, 15360, 1000, 70.00\nNVIDIA GB10, [N/A], [N/A], [N/A]"


def test_without_the_library_nvidia_smi_is_asked(tmp_path: Path):
    host = this_machine()
    found = gpus(asked(tmp_path, nvidia_smi=NVIDIA))
    assert [card.name for card in found] == ["NVIDIA GeForce RTX 4090", "Tesla T4", "NVIDIA GB10"]
    assert [card.memory_total_bytes for card in found] == [24564 * MIB, 15360 * MIB, host.memory_total_bytes]
    assert [card.memory_free_bytes for card in found[:2]] == [24082 * MIB, 1000 * MIB]
    assert [card.power_watts for card in found] == [450, 70, 140]
    assert [card.shares_memory for card in found] == [False, False, True]


ROCM = {
    "card0": {"Card Series": "AMD Radeon RX 7900 XTX", "VRAM Total Memory (B)": "25753026560", "VRAM Total Used Memory (B)": "1000"},
    "system": {"Driver version": "6"},
}
AMD_STATIC = {
    "gpu_data": [
        {"gpu": 0, "asic": {"market_name": "AMD Instinct MI300X"}, "vram": {"type": "HBM3", "size": {"value": 196592, "unit": "MB"}}},
        {"gpu": 1, "asic": {"market_name": "AMD Radeon 8060S Graphics"}, "vram": {"size": {"value": 512, "unit": "MB"}}},
        {"gpu": 2, "asic": "N/A", "vram": {"size": "N/A"}},
    ]
}
AMD_USAGE = {
    "gpu_data": [
        {"gpu": 0, "mem_usage": {"total_vram": {"value": 196592, "unit": "MB"}, "used_vram": {"value": 592, "unit": "MB"}}},
        {
            "gpu": 1,
            "mem_usage": {
                "total_vram": {"value": 512, "unit": "MB"}, "used_vram": {"value": 12, "unit": "MB"},
                "total_gtt": {"value": 1024, "unit": "MB"}, "used_gtt": {"value": 24, "unit": "MB"},
            },
        },
    ]
}  # fmt: skip


def test_rocm_smi_reports_a_radeon(tmp_path: Path):
    (card,) = gpus(asked(tmp_path, rocm_smi={"ANY": ROCM}))
    assert (card.name, card.vendor) == ("AMD Radeon RX 7900 XTX", "amd")
    assert (card.memory_total_bytes, card.memory_free_bytes) == (25753026560, 25753025560)
    assert card.bandwidth_bytes_per_s == 960e9


def test_amd_smi_is_asked_where_rocm_smi_is_gone(tmp_path: Path):
    """The warnings before the document are skipped; what the kernel lends (GTT) counts for the GPU in the processor only."""
    warned = f"WARNING: User is missing the following required groups\n{json.dumps(AMD_STATIC)}"
    card, strix = gpus(asked(tmp_path, amd_smi={"static": warned, "metric": AMD_USAGE}))
    assert (card.name, card.memory_total_bytes, card.memory_free_bytes) == ("AMD Instinct MI300X", 196592 * MIB, 196000 * MIB)
    assert (card.bandwidth_bytes_per_s, card.shares_memory) == (5.3e12, False)
    assert (strix.memory_total_bytes, strix.memory_free_bytes, strix.shares_memory) == (1536 * MIB, 1500 * MIB, True)
    assert strix.bandwidth_bytes_per_s == 256e9


def test_xpu_smi_reports_an_arc(tmp_path: Path):
    listed = {"device_list": [{"device_id": 0, "device_name": "Intel(R) Arc(TM) A770 Graphics"}, {"device_id": 1}]}
    card = {
        "device_name": "Intel(R) Arc(TM) A770 Graphics",
        "memory_physical_size_byte": str(16 * GIB),
        "memory_free_size_byte": str(15 * GIB),
    }
    shared = {"device_name": "Intel(R) UHD Graphics", "memory_physical_size_byte": "0"}
    (found,) = gpus(asked(tmp_path, xpu_smi={"-d 0": card, "-d 1": shared, "discovery -j": listed}))
    assert (found.vendor, found.memory_total_bytes, found.memory_free_bytes) == ("intel", 16 * GIB, 15 * GIB)
    assert found.bandwidth_bytes_per_s == 512e9


@pytest.mark.parametrize(
    ("cores", "limit", "name", "bandwidth", "lent"),
    [
        ("40", "0", "Apple M3 Max", 400e9, 48 * GIB),
        ("30", None, "Apple M3 Max 30-core", 300e9, 48 * GIB),
        ("30", "61440", "Apple M3 Max 30-core", 300e9, 60 * GIB),
    ],
)
def test_an_apple_chip_is_told_by_its_gpu_cores(tmp_path: Path, cores: str, limit: str | None, name: str, bandwidth: float, lent: int):
    values = {"brand_string": "Apple M3 Max", "hw.memsize": str(64 * GIB)} | ({"wired_limit_mb": limit} if limit else {})
    screens = {"SPDisplaysDataType": [{"sppci_model": "Apple M3 Max", "sppci_cores": cores}]}
    (gpu,) = gpus(asked(tmp_path, sysctl=values, system_profiler={"ANY": screens}))
    assert (gpu.name, gpu.vendor, gpu.cores, gpu.bandwidth_bytes_per_s) == (name, "apple", int(cores), bandwidth)
    assert (gpu.memory_total_bytes, gpu.shares_memory) == (lent, True)
    assert gpu.memory_free_bytes <= this_machine().memory_total_bytes


def test_a_mac_with_an_intel_processor_has_no_apple_gpu(tmp_path: Path):
    assert gpus(asked(tmp_path, sysctl={"brand_string": "Intel(R) Core(TM) i9-9880H CPU @ 2.30GHz"})) == ()


@pytest.mark.parametrize(("gib", "lent"), [(16, 32 / 3), (32, 64 / 3), (64, 48), (96, 72), (192, 144)])
def test_what_macos_lends_is_what_llama_cpp_logged(gib: int, lent: float):
    """recommendedMaxWorkingSetSize: 10,922.67 MiB of 16 GiB, 21,845.34 of 32, 49,152 of 64, 73,728 of 96."""
    assert lent_by_macos(gib * GIB) == pytest.approx(lent * GIB)
    assert device_named(f"M2 Ultra {gib}GB").as_device().memory_total_bytes == pytest.approx(lent * GIB, rel=1e-4)


@pytest.mark.parametrize(
    "prints", ["NVIDIA-SMI has failed", "No devices were found", "", "a, b, c", "{}", "[]", "null", '{"gpu_data": 3}', "{"]
)
def test_a_program_that_reports_no_gpu_means_none(tmp_path: Path, prints: str):
    every = dict.fromkeys(("nvidia_smi", "rocm_smi", "amd_smi", "xpu_smi", "sysctl", "system_profiler"), prints)
    assert gpus(asked(tmp_path, **every)) == ()


def test_no_driver_and_no_program_mean_no_gpu():
    assert gpus(asked()) == ()
    assert gpus(asked(nvml=FakeNvml())) == ()


def test_a_program_that_fails_is_not_believed(tmp_path: Path):
    assert gpus(Programs(NO_LIBRARY, program(tmp_path, "smi", NVIDIA, status=9), NOWHERE, NOWHERE, NOWHERE, NOWHERE, NOWHERE)) == ()


def test_the_real_library_answers_without_a_driver():
    """On a machine without NVIDIA's driver the library says so and no GPU is found; with one, the cards have memory."""
    assert all(card.memory_total_bytes > 0 for card in gpus())


def test_an_idle_gpu_is_told_with_the_command_that_mends_it(tmp_path: Path):
    """The installed engine of the tests is the CPU wheel; it is really asked."""
    pytest.importorskip("xllamacpp", reason="the engine is not installed")
    note = idle_gpu_note(asked(nvml=FakeNvml(RTX_4090)))
    assert note is not None
    assert "NVIDIA GeForce RTX 4090 stands idle" in note
    assert note.endswith("pip install xllamacpp --force-reinstall --index-url https://xorbitsai.github.io/xllamacpp/whl/cu128")
    assert (idle_gpu_note(asked(tmp_path, rocm_smi={"ANY": ROCM})) or "").endswith("/rocm-7.2.4")


def test_no_note_without_a_gpu_or_with_an_engine_that_uses_it(tmp_path: Path):
    engine = program(tmp_path, "engine", "['GGML_BACKEND_DEVICE_TYPE_GPU', 'GGML_BACKEND_DEVICE_TYPE_CPU']")
    assert idle_gpu_note(asked()) is None
    assert idle_gpu_note(asked(nvml=FakeNvml(RTX_4090)), engine_devices=[engine]) is None
    assert idle_gpu_note(asked(nvml=FakeNvml(RTX_4090)), engine_devices=[NOWHERE]) is None
