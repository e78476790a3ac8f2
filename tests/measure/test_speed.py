"""Timing one model: with the real engine, and with a scripted one for what a real one does not do on demand."""

from itertools import count
from pathlib import Path
from typing import Any

import pytest

from llmpick.evidence.calibration import SpeedReading
from llmpick.evidence.errors import EngineError
from llmpick.measure import speed
from llmpick.measure.speed import LENGTHS, STEPS, SpeedMeter, _Slot
from llmpick.sources.gguf import read_gguf


def test_a_real_model_is_timed_within_its_time(smollm2_path: Path) -> None:
    meter = SpeedMeter(read_gguf(smollm2_path), seconds=4)
    readings = list(meter.readings())
    assert readings[0].kind == "start"
    newest = {(reading.kind, reading.tokens): reading for reading in readings}
    assert {("decode", 16), ("prefill", 16)} <= set(newest), "the shortest length is always measured"
    decode, prefill = newest["decode", 16], newest["prefill", 16]
    assert len(decode.seconds) >= 2
    assert 0.001 < decode.typical < 1
    assert decode.typical < prefill.typical, "16 tokens take longer than one"
    assert meter.version
    assert all(0 < cores <= meter.threads * 1.1 for cores in meter.cores_got)
    assert bool(meter.cores_got) or ("prefill", 128) not in newest, "128 tokens take longer than a quarter of a second"
    assert ("decode", 4096) not in newest, "4,096 tokens are not read in 4 s"


def test_what_is_known_is_not_measured_again_and_starts_no_engine(smollm2_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("an engine was started")

    monkeypatch.setattr(speed, "LlamaCppProcess", refuse)
    done = frozenset((kind, length) for kind in ("decode", "prefill") for length in LENGTHS)
    assert list(SpeedMeter(read_gguf(smollm2_path), 10, done).readings()) == []


class Engine:
    """Reads 1,000 tokens a second, writes 100, and keeps the prompt that it saw last; `slow` makes its nth call ten times slower."""

    def __init__(self, slow: int | None = None, stops: bool = False) -> None:
        self.held = 0
        self.calls: list[tuple[int, int, int]] = []
        self._slow, self._stops = slow, stops

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        if path.endswith("/tokenize"):
            return {"tokens": list(range(5000))}
        length, wanted = len(body["prompt"]), body["n_predict"]
        known = min(self.held, length - 1) if body["cache_prompt"] else 0
        self.held = length + wanted
        factor = 10 if len(self.calls) == self._slow else 1
        self.calls.append((length, length - known, wanted))
        written = 1 if self._stops else wanted
        return {
            "timings": {
                "prompt_n": length - known,
                "prompt_ms": factor * float(length - known),
                "predicted_n": written,
                "predicted_ms": factor * 10.0 * max(written - 1, 0),
            }
        }


def timed(
    engine: Engine, lengths: list[int], seconds: float = 1000.0, done: frozenset[tuple[str, int]] = frozenset()
) -> dict[Any, SpeedReading]:
    ticks = count(0, 0.01)
    meter = SpeedMeter.__new__(SpeedMeter)
    meter.done, meter.clock = done, lambda: next(ticks)
    slot = _Slot(engine, "http://engine", max(lengths), meter.clock, lambda: 0.0, [])  # pyright: ignore[reportArgumentType]
    return {(reading.kind, reading.tokens): reading for reading in meter._timed(slot, lengths, seconds)}


def test_a_prompt_grows_in_place_and_its_parts_add_up() -> None:
    engine = Engine()
    found = timed(engine, [16, 512, 1024, 2048])
    assert found["prefill", 512].typical == pytest.approx(0.512)
    assert found["prefill", 2048].seconds == pytest.approx((2.048,))
    assert found["decode", 2048].typical == pytest.approx(0.010), "n tokens are n - 1 steps"
    longest = [evaluated for length, evaluated, wanted in engine.calls if length > 512 and not wanted]
    assert max(longest) <= 1024 + STEPS, "the longest prompt is not read from nothing"


def test_steps_are_timed_around_the_length_that_is_named() -> None:
    engine = Engine()
    timed(engine, [16, 128])
    assert {length + wanted / 2 for length, _, wanted in engine.calls if wanted} == {16.5, 128.5}


def test_a_disturbed_run_does_not_move_the_reading() -> None:
    engine = Engine(slow=8)
    found = timed(engine, [16, 128])
    assert found["decode", 16].typical == pytest.approx(0.010)
    assert max(found["decode", 16].seconds) == pytest.approx(0.100)


def test_every_length_is_timed_on_the_way_up_and_on_the_way_down() -> None:
    assert len(timed(Engine(), [16, 128, 512])["decode", 16].seconds) == 2 * speed.RUNS


def test_a_length_that_would_take_too_long_is_not_begun() -> None:
    engine = Engine()
    found = timed(engine, [16, 512, 1024, 4096], seconds=3.0)
    assert ("decode", 1024) in found
    assert not any(length > 2048 for length, _, _ in engine.calls)
    assert ("decode", 16) in timed(Engine(), [16, 128], seconds=0.0)


def test_what_is_done_is_not_told_again() -> None:
    found = timed(Engine(), [16, 128], done=frozenset({("decode", 16), ("prefill", 16)}))
    assert set(found) == {("decode", 128), ("prefill", 128)}


def test_an_engine_that_stops_by_itself_is_an_error() -> None:
    with pytest.raises(EngineError, match="stopped writing"):
        timed(Engine(stops=True), [16])


@pytest.mark.parametrize(
    ("seconds", "typical", "unrest"),
    [((1.0,), 1.0, 0.0), ((3.0, 1.0), 1.0, 1.0), ((1.0, 2.0, 2.0, 9.0), 2.0, 1.0), ((5.0, 1.0, 1.1, 1.2, 1.0), 1.0, 0.1)],
)
def test_the_typical_time_is_near_the_fastest(seconds: tuple[float, ...], typical: float, unrest: float) -> None:
    reading = SpeedReading("decode", 16, seconds)
    assert reading.typical == typical
    assert reading.unrest == pytest.approx(unrest)
