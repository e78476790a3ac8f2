"""What was measured of an engine's speed on this machine."""

from dataclasses import dataclass
from statistics import median
from typing import Literal

from llmpick.evidence.device import Device

GIB = 2**30
ReadingKind = Literal["decode", "prefill", "start"]


@dataclass(frozen=True, slots=True)
class SpeedReading:
    """The same thing timed several times, each in `seconds`.

    `decode`: one step for one sequence while its cache holds `tokens`. `prefill`: reading a prompt of `tokens` from nothing. `start`: the
    engine's start with the model, `tokens` 0.
    """

    kind: ReadingKind
    tokens: int
    seconds: tuple[float, ...]

    @property
    def typical(self) -> float:
        """Near the fastest, since other programs only make a run slower (arXiv:1608.04295); of four runs the second, lest it be a fluke."""
        return sorted(self.seconds)[len(self.seconds) // 4]

    @property
    def unrest(self) -> float:
        """How far the middle run is above the fastest, as a share: what else the machine was doing."""
        return median(self.seconds) / min(self.seconds) - 1


def machine_name(device: Device) -> str:
    """What makes two machines the same for speed: processor, cores that may be used, memory to the GiB."""
    return f"{device.name}, {device.cores or 1} cores, {round(device.memory_total_bytes / GIB)} GiB"
