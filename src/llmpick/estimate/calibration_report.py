"""What a calibration hands to its report: everything that was timed, and the constants that were fitted on it."""

from dataclasses import dataclass
from datetime import datetime

from llmpick.estimate.speed_constants import SpeedConstants
from llmpick.evidence.calibration import SpeedReading
from llmpick.evidence.device import Device
from llmpick.evidence.values import Interval, Unknown


@dataclass(frozen=True, slots=True)
class Timed:
    """One model, with what was timed, and what the fitted constants give for each: seconds that hold with probability 0.9.

    None for the start of the engine, for which there is no formula.
    """

    model: str
    quantization: str
    weight_bytes: int
    readings: tuple[SpeedReading, ...]
    expected: tuple[Interval | Unknown | None, ...]


@dataclass(frozen=True, slots=True)
class CalibrationReport:
    """`seconds` is what this sitting took, `run` the run that keeps the readings. `notes` say what makes the figures less sure."""

    run: str
    machine: Device
    engine: str
    version: str
    threads: int
    measured: datetime
    seconds: float
    constants: SpeedConstants
    models: tuple[Timed, ...]
    notes: tuple[str, ...] = ()
