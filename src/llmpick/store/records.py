"""What the store hands out: runs in short and in full, loads, and the circumstances of each sitting."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from llmpick.estimate.speed_constants import SpeedConstants
from llmpick.evidence.call import CallRecord, EngineInfo

RunStatus = Literal["running", "finished", "interrupted", "failed"]
"""`interrupted` also stands for a run that was killed: its status says `running`, but no process holds its lock."""


@dataclass(frozen=True, slots=True)
class Run:
    """A run that this process works on. `resumed` is True when it was begun by an earlier process that did not finish it."""

    id: str
    resumed: bool
    started: datetime
    seed: int


@dataclass(frozen=True, slots=True)
class RunSummary:
    """One line of the list of runs. `verdict` and `chosen` are taken from the answer, None where it has none."""

    id: str
    verb: str
    title: str
    status: RunStatus
    started: datetime
    finished: datetime | None
    calls: int
    paid_calls: int
    verdict: str | None
    chosen: str | None


@dataclass(frozen=True, slots=True)
class Sitting:
    """One process that worked on a run: since when, with which llmpick, Python, system and packages (name → version)."""

    started: datetime
    llmpick: str
    python: str
    platform: str
    packages: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class RunDetail(RunSummary):
    """A run in full. `sittings` has one entry for each process that worked on it; `answer` is the report's document."""

    fingerprint: str
    seed: int
    inputs: Mapping[str, Any]
    sittings: tuple[Sitting, ...]
    answer: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class LoadRecord:
    """One start of an engine with a model: wall-clock seconds, and the resident bytes it then held (None where unseen)."""

    candidate: str
    load_seconds: float
    resident_bytes: int | None
    engine: EngineInfo


@dataclass(frozen=True, slots=True)
class WholeRun:
    """Everything that the store knows of one run. Each call comes with whether this run paid for it."""

    run: RunDetail
    loads: tuple[LoadRecord, ...]
    calls: tuple[tuple[CallRecord, bool], ...]


@dataclass(frozen=True, slots=True)
class KeptCalibration:
    """Constants that were fitted on the readings of `run`, for one machine, one engine and its version then."""

    run: str
    machine: str
    engine: str
    version: str
    measured: datetime
    constants: SpeedConstants
