"""What trainings took: the MFU of finished runs and of benchmarks, from `training.yaml`."""

from functools import lru_cache
from typing import Annotated

from pydantic import Field

from llmpick.catalog.devices import device_named
from llmpick.catalog.files import CATALOG, named_source, read_file
from llmpick.catalog.schema import Count, Shape, SourceEntry
from llmpick.catalog.speeds import has_words
from llmpick.estimate.training.memory import Recompute
from llmpick.estimate.training.shape import full_attention_flops
from llmpick.estimate.training.utilization import Benchmark, Layout, WholeRun
from llmpick.evidence.errors import InputError

FAMILIES = (("A100", "A800"), ("H100", "H200", "H800"))
"""Words of device names: one chip with other memory, sockets or links, so that a run on one says most of the others."""


class WholeRunEntry(Shape):
    """As `WholeRun`; `device` is a name of devices.yaml, whose 16-bit rate counts, `width` that of all heads."""

    model: str
    device: str
    params: Count
    tokens: Count
    gpu_hours: Count
    layers: Count
    width: Count
    context: Count
    source: str


class BenchmarkEntry(Shape):
    """As `Benchmark`."""

    device: str
    params: Count
    gpus: Count
    context: Count
    layout: Layout
    recompute: Recompute = "none"
    mfu: Annotated[float, Field(gt=0, le=1)]
    source: str


class TrainingFile(Shape):
    sources: dict[str, SourceEntry]
    whole_runs: tuple[WholeRunEntry, ...] = Field(min_length=1)
    benchmarks: tuple[BenchmarkEntry, ...]


@lru_cache(maxsize=1)
def load_whole_runs() -> tuple[WholeRun, ...]:
    """In the order of the file. Raises `InputError` for a device or source that is not known, or a device without a 16-bit rate."""
    file = _file()
    return tuple(
        WholeRun(
            entry.model,
            entry.device,
            float(entry.params),
            float(entry.tokens),
            float(entry.gpu_hours),
            full_attention_flops(entry.layers, entry.width, entry.context) / (6.0 * entry.params),
            _peak(entry.device, entry.model),
            named_source(file.sources, entry.source, f"training.yaml, {entry.model}"),
        )
        for entry in file.whole_runs
    )


@lru_cache(maxsize=1)
def load_benchmarks() -> tuple[Benchmark, ...]:
    """In the order of the file. Raises `InputError` for a source that is not known."""
    file = _file()
    return tuple(
        Benchmark(
            entry.device,
            float(entry.params),
            entry.gpus,
            entry.context,
            entry.layout,
            entry.recompute,
            entry.mfu,
            named_source(file.sources, entry.source, f"training.yaml, benchmark of {entry.device}"),
        )
        for entry in file.benchmarks
    )


def runs_on(device: str) -> tuple[WholeRun, ...]:
    """The finished trainings on a device of the same family; empty where none is known."""
    return tuple(run for run in load_whole_runs() if same_family(run.device, device))


def benchmarks_on(device: str, layout: Layout) -> tuple[Benchmark, ...]:
    """The benchmarks of a layout on a device of the same family; empty where none is known."""
    return tuple(row for row in load_benchmarks() if row.layout == layout and same_family(row.device, device))


def same_family(one: str, other: str) -> bool:
    """Whether two names of devices are of one of `FAMILIES`, or equal."""
    return one == other or any(_is_of(one, family) and _is_of(other, family) for family in FAMILIES)


def _is_of(device: str, family: tuple[str, ...]) -> bool:
    return any(has_words(device, word) for word in family)


def _peak(device: str, model: str) -> float:
    rate = device_named(device).training_flops
    if rate is None:
        raise InputError(f"no 16-bit rate of {device} is known", where=f"training.yaml, {model}", remedy="add it to devices.yaml")
    return rate.value


def _file() -> TrainingFile:
    return read_file(CATALOG / "training.yaml", TrainingFile)
