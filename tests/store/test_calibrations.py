"""What a calibration timed and found is kept, continued and found again, on both databases."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from llmpick.estimate.speed_constants import SpeedConstants
from llmpick.evidence.calibration import SpeedReading
from llmpick.evidence.values import Source
from llmpick.store.records import KeptCalibration
from llmpick.store.rows import constants_from_json, constants_to_json
from llmpick.store.store import Store

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
CONSTANTS = SpeedConstants(
    "this machine", Source("llmpick calibrate", checked=date(2026, 11, 24)), token_s=1 / 3, weight_efficiency=0.1 + 0.2, core_flops=None
)
DECODE = SpeedReading("decode", 512, (0.1, 0.2))


def begin(store: Store, fingerprint: str = "f") -> str:
    return store.begin(fingerprint=fingerprint, verb="calibrate", title="llama.cpp", seed=0, inputs={}, now=NOW).id


def test_readings_come_back_in_order_and_grow(store: Store) -> None:
    run = begin(store)
    store.record_reading(run, "订单.gguf", DECODE)
    store.record_reading(run, "订单.gguf", SpeedReading("prefill", 512, (3.0,)))
    store.record_reading(run, "订单.gguf", replace(DECODE, seconds=(0.1, 0.2, 0.3)))
    store.record_reading(run, "other", DECODE)
    assert store.readings(run) == (
        ("订单.gguf", SpeedReading("decode", 512, (0.1, 0.2, 0.3))),
        ("订单.gguf", SpeedReading("prefill", 512, (3.0,))),
        ("other", DECODE),
    )
    assert store.readings(begin(store, "another")) == ()


def test_the_newest_constants_of_a_machine_and_engine_are_found(store: Store) -> None:
    run = begin(store)
    kept = KeptCalibration(run, "EPYC, 2 cores", "llama.cpp", "xllamacpp 1", NOW, CONSTANTS)
    assert store.latest_calibration("EPYC, 2 cores", "llama.cpp") is None
    newer = replace(kept, measured=NOW + timedelta(days=1), constants=replace(CONSTANTS, token_s=0.5))
    for calibration in (kept, newer, replace(kept, machine="EPYC, 4 cores"), replace(kept, engine="vllm")):
        store.record_calibration(calibration)
    assert store.latest_calibration("EPYC, 2 cores", "llama.cpp") == newer
    assert store.latest_calibration("EPYC, 4 cores", "llama.cpp") == replace(kept, machine="EPYC, 4 cores")
    assert store.latest_calibration("EPYC, 8 cores", "llama.cpp") is None


def test_constants_of_an_older_or_newer_version_can_be_read() -> None:
    document = constants_to_json(CONSTANTS)
    assert constants_from_json(document) == CONSTANTS
    older = {name: value for name, value in document.items() if name != "weight_efficiency"}
    assert constants_from_json({**older, "of_next_year": 1.0}) == replace(CONSTANTS, weight_efficiency=1.0)
