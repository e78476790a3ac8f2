"""Calibrating: which models are measured, what is kept when it is broken off, and what `fit` finds afterwards."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from llmpick.evidence.calibration import SpeedReading
from llmpick.evidence.errors import InputError
from llmpick.evidence.model import Weights
from llmpick.evidence.values import Interval
from llmpick.sources.hardware import this_machine
from llmpick.store.store import Store
from llmpick.workflow import calibrate as module
from llmpick.workflow.calibrate import CalibrateOptions, calibrate
from llmpick.workflow.calibrated import calibrated_constants

NOTHING_HERE = {"HF_HUB_CACHE": "/nonexistent", "OLLAMA_HOST": "127.0.0.1:9", "HOME": "/nonexistent"}
SAID: list[str] = []


@dataclass
class Scripted:
    """A meter that reads 1,000 tokens a second and writes 50 to 40; `stop_after` readings somebody presses Ctrl-C."""

    weights: Weights
    seconds: float
    done: frozenset[tuple[str, int]] = frozenset()
    threads = 2
    cores_got = (1.9, 2.0)
    devices = ({"type": "CPU"},)
    stop_after = 99
    made = 0

    def readings(self) -> Iterator[SpeedReading]:
        for reading in (
            SpeedReading("start", 0, (0.5,)),
            SpeedReading("prefill", 16, (0.016,)),
            SpeedReading("decode", 16, (0.020, 0.0201)),
            SpeedReading("prefill", 512, (0.512,)),
            SpeedReading("decode", 512, (0.025, 0.0251)),
        ):
            if (reading.kind, reading.tokens) in self.done:
                continue
            if Scripted.made == Scripted.stop_after:
                raise KeyboardInterrupt
            Scripted.made += 1
            yield reading


@pytest.fixture
def scripted(monkeypatch: pytest.MonkeyPatch) -> type[Scripted]:
    monkeypatch.setattr(module, "SpeedMeter", Scripted)
    monkeypatch.setattr(Scripted, "stop_after", 99)
    monkeypatch.setattr(Scripted, "made", 0)
    return Scripted


def options(tmp_path: Path, *models: Path) -> CalibrateOptions:
    return CalibrateOptions(tuple(map(str, models)), seconds=30, store_url=str(tmp_path / "llmpick.db"))


def test_what_was_measured_is_what_fit_finds(scripted: type[Scripted], smollm2_path: Path, tmp_path: Path) -> None:
    asked = options(tmp_path, smollm2_path)
    assert calibrated_constants(this_machine(), "llama.cpp", asked.store_url) is None
    assert not (tmp_path / "llmpick.db").exists(), "to look for constants makes no database"
    report = calibrate(asked, NOTHING_HERE, SAID.append)
    assert calibrated_constants(this_machine(), "llama.cpp", asked.store_url) == report.constants
    assert calibrated_constants(replace(this_machine(), cores=64), "llama.cpp", asked.store_url) is None
    assert calibrated_constants(this_machine(), "vllm", asked.store_url) is None
    (timed,) = report.models
    assert [reading.kind for reading in timed.readings] == ["start", "prefill", "decode", "prefill", "decode"]
    expected = dict(zip(((r.kind, r.tokens) for r in timed.readings), timed.expected, strict=True))
    assert expected["start", 0] is None
    decode = expected["decode", 16]
    assert isinstance(decode, Interval)
    assert decode.value == pytest.approx(0.020, rel=0.1)
    assert any("One model" in note for note in report.notes)


def test_it_goes_on_where_ctrl_c_stopped_it(
    scripted: type[Scripted], smollm2_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = options(tmp_path, smollm2_path)
    monkeypatch.setattr(scripted, "stop_after", 3)
    with pytest.raises(KeyboardInterrupt):
        calibrate(asked, NOTHING_HERE, SAID.append)
    assert calibrated_constants(this_machine(), "llama.cpp", asked.store_url) is None
    with Store.open(asked.store_url) as store:
        (run,) = store.runs()
        assert (run.verb, run.status) == ("calibrate", "interrupted")
        assert len(store.readings(run.id)) == 3
    monkeypatch.setattr(scripted, "stop_after", 99)
    report = calibrate(asked, NOTHING_HERE, SAID.append)
    assert report.run == run.id
    assert scripted.made == 5, "three readings before, two after"
    assert len(report.models[0].readings) == 5


def test_a_finished_calibration_is_made_anew(scripted: type[Scripted], smollm2_path: Path, tmp_path: Path) -> None:
    first = calibrate(options(tmp_path, smollm2_path), NOTHING_HERE, SAID.append)
    second = calibrate(options(tmp_path, smollm2_path), NOTHING_HERE, SAID.append)
    assert first.run != second.run
    assert scripted.made == 10


def test_a_restless_machine_is_noted(scripted: type[Scripted], smollm2_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    noisy = SpeedReading("decode", 16, (0.02, 0.05, 0.05))
    monkeypatch.setattr(scripted, "readings", lambda self: iter([noisy]))
    report = calibrate(options(tmp_path, smollm2_path), NOTHING_HERE, SAID.append)
    assert "busy: 1 readings vary by up to 150%" in report.notes[0]


def test_a_program_beside_it_is_noted(
    scripted: type[Scripted], smollm2_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not any("Another program" in note for note in calibrate(options(tmp_path, smollm2_path), NOTHING_HERE, SAID.append).notes)
    monkeypatch.setattr(scripted, "cores_got", (1.2, 1.3, 2.0))
    report = calibrate(options(tmp_path, smollm2_path), NOTHING_HERE, SAID.append)
    assert report.notes[0].startswith("Another program was running: the engine got 1.3 of its 2 cores.")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda folder, model: CalibrateOptions((str(model),), engine="vllm"), "'vllm' cannot be calibrated"),
        (lambda folder, model: CalibrateOptions((str(folder / "absent.gguf"),)), "absent"),
    ],
)
def test_what_cannot_be_measured_is_said_before_anything_runs(make, message: str, smollm2_path: Path, tmp_path: Path) -> None:
    from llmpick.evidence.errors import LlmpickError

    asked = replace(make(tmp_path, smollm2_path), store_url=str(tmp_path / "llmpick.db"))
    with pytest.raises(LlmpickError, match=message):
        calibrate(asked, NOTHING_HERE, SAID.append)
    assert not (tmp_path / "llmpick.db").exists()


def test_without_any_model_it_tells_how_to_get_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "gather", lambda *_, **__: module_gathered())
    with pytest.raises(InputError, match="no model to measure with") as caught:
        calibrate(options(tmp_path), NOTHING_HERE, SAID.append)
    assert "hf download" in caught.value.remedy


def module_gathered():
    from llmpick.workflow.models.gather import Gathered

    return Gathered(())


def test_of_what_is_found_the_smallest_and_the_largest_are_taken(
    scripted: type[Scripted], gemma_path: Path, smollm2_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "models"
    folder.mkdir()
    for path in (gemma_path, smollm2_path):
        (folder / path.name).symlink_to(path)
    real = module.gather
    monkeypatch.setattr(
        module, "gather", lambda names, *, directories, as_of, environ: real(names, directories=(folder,), as_of=as_of, environ=environ)
    )
    report = calibrate(options(tmp_path), NOTHING_HERE, SAID.append)
    assert [Path(timed.model).name for timed in report.models] == [smollm2_path.name, gemma_path.name]
    assert not any("One model" in note for note in report.notes)


def test_a_model_that_does_not_fit_the_free_memory_is_refused(smollm2_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "this_machine", lambda: replace(this_machine(), memory_free_bytes=10_000_000))
    with pytest.raises(InputError, match="too large for the memory that is free"):
        calibrate(options(tmp_path, smollm2_path), NOTHING_HERE, SAID.append)
