"""`calibrate`: times this machine's engine on models that are at hand, and keeps constants with which any model's speed is estimated.

What is timed is stored at once, so that a calibration that was broken off goes on where it stopped when it is started again on the same
day. Two models of different size tell more than one; nothing is downloaded.
"""

import hashlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import median

import llmpick
from llmpick.catalog.speeds import find_speed_constants
from llmpick.estimate.calibration_report import CalibrationReport, Timed
from llmpick.estimate.machine_speed import calibrated, expected_seconds, speed_points
from llmpick.estimate.shape import Shape, shape_of
from llmpick.estimate.speed_constants import SpeedConstants
from llmpick.evidence.calibration import SpeedReading, machine_name
from llmpick.evidence.deployment import Deployment
from llmpick.evidence.device import Device
from llmpick.evidence.errors import InputError
from llmpick.evidence.model import Candidate, Weights
from llmpick.evidence.values import Interval, Source, Unknown
from llmpick.measure.engines import missing_engine
from llmpick.measure.speed import WAKE_S, SpeedMeter
from llmpick.sources.hardware import measured_bandwidth, this_machine
from llmpick.store.records import KeptCalibration, Run
from llmpick.store.rows import constants_to_json
from llmpick.store.store import Store
from llmpick.workflow.models.gather import gather
from llmpick.workflow.models.weights_blueprint import blueprint_of

ENGINE = "llama.cpp"
DEPLOYMENT = Deployment(ENGINE, options={"swa_full": True})
"""As `pick` runs it."""
SECONDS = 80.0
"""For all models together, starts included."""
LARGEST_BYTES = 3 * 2**30
"""Of the models found, larger ones are left out: a prompt of 512 tokens alone would take a CPU half the time."""
MEMORY_SHARE = 0.7
"""So much of the free memory may the weights be: the cache and the engine need some too."""
BUSY = 0.15
"""Where the middle run took so much longer than the fastest, the machine was doing something else."""
CONFIDENCE = 0.9
FREE_CORE_FLOPS = 5e10
"""Of a core whose rate nobody published; a guess that the readings correct."""


@dataclass(frozen=True, slots=True)
class CalibrateOptions:
    """`models` are named as for `pick`; () takes what is found. `seconds` is the time for all of them."""

    models: tuple[str, ...] = ()
    engine: str = ENGINE
    seconds: float = SECONDS
    store_url: str | None = None


@dataclass(frozen=True, slots=True)
class _Subject:
    candidate: Candidate
    weights: Weights
    shape: Shape


Watch = Callable[[str], None]


def calibrate(options: CalibrateOptions, environ: Mapping[str, str], watch: Watch) -> CalibrationReport:
    """Times the models, fits, stores, and says how well the fit tells what was timed.

    Raises `InputError` for an engine that cannot be timed or when no model is at hand, else what the engine raises; on Ctrl-C the readings
    stay, and the same command goes on with them.
    """
    if options.engine != ENGINE:
        raise InputError(f"{options.engine!r} cannot be calibrated", where="--engine", remedy=f"calibrate {ENGINE}, or leave --engine out")
    device = this_machine()
    subjects = _subjects(options.models, device, environ)
    began = time.monotonic()
    with Store.open(options.store_url) as store:
        now = datetime.now(UTC)
        run = store.begin(
            fingerprint=_fingerprint(device, subjects, now),
            verb="calibrate",
            title=ENGINE,
            seed=0,
            inputs={"models": [subject.candidate.id for subject in subjects], "machine": machine_name(device)},
            now=now,
        )
        try:
            starved = _measure(subjects, store, run, began + options.seconds, watch)
        except BaseException as error:
            status = "interrupted" if isinstance(error, KeyboardInterrupt) else "failed"
            store.finish(run.id, status=status, answer=None, now=datetime.now(UTC))
            raise
        report = _evaluate(device, subjects, store, run, time.monotonic() - began)
        report = replace(report, notes=(*starved, *report.notes))
        _keep(store, report)
    return report


def _measure(subjects: Sequence[_Subject], store: Store, run: Run, end: float, watch: Watch) -> tuple[str, ...]:
    """Each model gets an equal share of the time that is left; every reading is kept as soon as there is one.

    Returns what to tell if the engine did not get the cores that it could have used.
    """
    known = store.readings(run.id)
    threads, cores_got = 0, list[float]()
    if known:
        watch(f"going on with what was measured today ({len(known)} readings)")
    for number, subject in enumerate(subjects):
        name = subject.candidate.id
        done = frozenset((reading.kind, reading.tokens) for model, reading in known if model == name)
        share = (end - time.monotonic()) / (len(subjects) - number)
        watch(f"{name}: up to {max(share, 0):.0f} s")
        meter = SpeedMeter(subject.weights, share, done)
        for reading in meter.readings():
            store.record_reading(run.id, name, reading)
            watch(f"  {in_words(reading)}")
        threads = meter.threads
        cores_got += meter.cores_got if all(device["type"] == "CPU" for device in meter.devices) else []
    got = median(cores_got) if cores_got else threads
    if got >= (1 - BUSY) * threads:
        return ()
    return (f"Another program was running: the engine got {got:.1f} of its {threads} cores. Calibrate again when the machine is idle.",)


def in_words(reading: SpeedReading) -> str:
    if reading.kind == "start":
        return f"starts in {reading.typical:.1f} s"
    if reading.kind == "decode":
        return f"writes {1 / reading.typical:,.1f} tokens/s after {reading.tokens:,} tokens"
    return f"reads {reading.tokens / reading.typical:,.0f} tokens/s of a prompt of {reading.tokens:,}"


def _subjects(names: Sequence[str], device: Device, environ: Mapping[str, str]) -> tuple[_Subject, ...]:
    """The models named, or else the smallest and the largest of those found that are quick to measure."""
    demo = Path(llmpick.__file__).parents[2] / "examples" / "models"
    found = gather(names, directories=() if names or not demo.is_dir() else (demo,), as_of=None, environ=environ).candidates
    subjects = [subject for candidate in found if (subject := _subject(candidate, device, named=bool(names)))]
    if not subjects:
        raise InputError(
            "there is no model to measure with",
            where="this machine: Hugging Face cache, ModelScope cache, LM Studio",
            remedy="name a GGUF file with --model; a small one of about 1 GB does, such as `hf download Qwen/Qwen2.5-1.5B-Instruct-GGUF"
            " qwen2.5-1.5b-instruct-q4_k_m.gguf`",
        )
    if names:
        return tuple(subjects)
    ordered = sorted(subjects, key=lambda subject: (subject.weights.weight_bytes, subject.candidate.id))
    return (ordered[0], ordered[-1]) if len(ordered) > 1 else (ordered[0],)


def _subject(candidate: Candidate, device: Device, *, named: bool) -> _Subject | None:
    """None for what was found and does not serve; a model that was named and does not serve is an error."""
    weights = candidate.run
    reason = _unfit(weights, device, named=named) if isinstance(weights, Weights) else "it is no file on this machine"
    shape = shape_of(blueprint_of(weights)) if isinstance(weights, Weights) else None
    if isinstance(weights, Weights) and reason is None and shape is not None:
        return _Subject(candidate, weights, shape)
    if named:
        what = reason or "its layers are not known, so its speed tells nothing of other models"
        raise InputError(what, where=candidate.id, remedy="name another GGUF file with --model")
    return None


def _unfit(weights: Weights, device: Device, *, named: bool) -> str | None:
    if weights.format != "gguf":
        return f"{ENGINE} reads GGUF files only"
    if weights.weight_bytes > MEMORY_SHARE * device.memory_free_bytes:
        return "it is too large for the memory that is free now"
    if weights.weight_bytes > LARGEST_BYTES and not named:
        return "it takes too long"
    return missing_engine(weights)


def _evaluate(device: Device, subjects: Sequence[_Subject], store: Store, run: Run, seconds: float) -> CalibrationReport:
    """The fit, and what it gives for each reading."""
    known = store.readings(run.id)
    readings = {s.candidate.id: tuple(reading for model, reading in known if model == s.candidate.id) for s in subjects}
    timed = [subject for subject in subjects if any(reading.kind == "decode" for reading in readings[subject.candidate.id])]
    believed = believed_of(device)
    points = {s.candidate.id: speed_points(s.shape, DEPLOYMENT, believed, readings[s.candidate.id]) for s in timed}
    bandwidth = bandwidth_of(device)
    now = datetime.now(UTC)
    source = Source(f"llmpick calibrate on this machine ({', '.join(subject.candidate.id for subject in timed)})", checked=now.date())
    constants = calibrated(points, believed, bandwidth, rate_of(device, believed), source)
    models = tuple(_checked(subject, readings[subject.candidate.id], device, constants) for subject in timed)
    return CalibrationReport(
        run=run.id,
        machine=device,
        engine=ENGINE,
        version=engine_version(),
        threads=SpeedMeter(timed[0].weights, 0).threads,
        measured=now,
        seconds=seconds,
        constants=constants,
        models=models,
        notes=tuple(_notes(models)),
    )


def believed_of(device: Device) -> SpeedConstants:
    """What is published of such machines, plus what it costs that the engine's waiting threads sleep here."""
    found = find_speed_constants(device, DEPLOYMENT)
    if found is None:
        raise InputError(f"nothing is known of {ENGINE} on {device.name}", where="catalog/speeds.yaml", remedy="add constants for it")
    return replace(found, layer_s=found.layer_s + WAKE_S)


def rate_of(device: Device, believed: SpeedConstants) -> float:
    """Operations per second that the efficiencies are shares of."""
    return (believed.core_flops or FREE_CORE_FLOPS) * (device.cores or 1)


def bandwidth_of(device: Device) -> float:
    """Bytes per second that reading memory reaches here, on the cores that the engine computes with."""
    return measured_bandwidth(device.cores, free_bytes=device.memory_free_bytes)


def _checked(subject: _Subject, readings: tuple[SpeedReading, ...], device: Device, constants: SpeedConstants) -> Timed:
    expected = tuple(_expected(subject.shape, device, constants, reading) for reading in readings)
    return Timed(subject.candidate.id, subject.weights.quantization, subject.weights.weight_bytes, readings, expected)


def _expected(shape: Shape, device: Device, constants: SpeedConstants, reading: SpeedReading) -> Interval | Unknown | None:
    if reading.kind == "start":
        return None
    found = expected_seconds(shape, device, DEPLOYMENT, constants, reading)
    return found if isinstance(found, Unknown) else Interval(float(found.value), float(found.low), float(found.high), CONFIDENCE)


def _notes(models: Sequence[Timed]) -> list[str]:
    notes: list[str] = []
    restless = [reading for timed in models for reading in timed.readings if reading.unrest > BUSY]
    if restless:
        worst = max(reading.unrest for reading in restless)
        notes.append(f"The machine was busy: {len(restless)} readings vary by up to {worst:.0%}. Calibrate again when it is idle.")
    if len(models) == 1:
        notes.append("One model does not tell reading weights from launching layers; a second one of another size narrows the intervals.")
    return notes


def _keep(store: Store, report: CalibrationReport) -> None:
    machine = machine_name(report.machine)
    store.record_calibration(KeptCalibration(report.run, machine, report.engine, report.version, report.measured, report.constants))
    store.finish(
        report.run, status="finished", answer={"machine": machine, "constants": constants_to_json(report.constants)}, now=datetime.now(UTC)
    )


def engine_version() -> str:
    try:
        return f"xllamacpp {version('xllamacpp')}"
    except PackageNotFoundError:
        return "not installed"


def _fingerprint(device: Device, subjects: Sequence[_Subject], now: datetime) -> str:
    """The same machine, engine, files and day: another day's readings are not mixed with today's."""
    files = [[str(s.weights.path), s.weights.weight_bytes, s.weights.path.stat().st_mtime_ns] for s in subjects]
    asked = ["calibrate", machine_name(device), engine_version(), files, now.date().isoformat()]
    return hashlib.sha256(json.dumps(asked).encode()).hexdigest()
