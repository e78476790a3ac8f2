"""The layout of a training: which sharding and recomputation lets a model fit the devices, the cheapest in work and traffic first."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

from llmpick.estimate.training.memory import MemoryLine, Recompute, Setup, ZeroStage, training_memory
from llmpick.estimate.training.shape import TrainingShape
from llmpick.evidence.errors import InputError

Fits = Literal["yes", "marginal", "no"]
FRAGMENTED = 0.30
"""Share of a device's memory that was still free when training ran out of it, in extreme cases (arXiv:1910.02054, section 3.2)."""
TENSOR_WIDTHS = (1, 2, 4, 8)
"""Devices that may share each layer: within a node of eight, where links are fast (arXiv:2104.04473, section 3.2)."""


@dataclass(frozen=True, slots=True)
class Training:
    """A setup with its memory on the fullest device, and whether that fits `available_bytes`."""

    setup: Setup
    lines: tuple[MemoryLine, ...]
    available_bytes: float
    fits: Fits

    @property
    def total_bytes(self) -> float:
        return sum(line.bytes for line in self.lines)


def laid_out(shape: TrainingShape, setup: Setup, available_bytes: float) -> Training:
    """`yes` when it fits even a badly fragmented memory, `no` when its lines alone are too much, `marginal` between."""
    lines = training_memory(shape, setup)
    total = sum(line.bytes for line in lines)
    fits = "no" if total > available_bytes else "marginal" if total > available_bytes * (1 - FRAGMENTED) else "yes"
    return Training(setup, lines, available_bytes, fits)


def simplest_that_fits(
    shape: TrainingShape,
    setup: Setup,
    available_bytes: float,
    *,
    gpus: int,
    zero_stage: ZeroStage | None = None,
    tensor_parallel: int | None = None,
    recompute: Recompute | None = None,
) -> Training:
    """The first layout that surely fits, else the first that may, else the one that takes least. What is given (not None) is kept.

    Sharding states costs traffic, recomputing a third more work, splitting layers traffic in every layer: in this order they are tried.
    `setup.pipeline_parallel` and the tensor width must divide `gpus`; raises `InputError` where nothing does.
    """
    setups = _setups(setup, gpus, zero_stage, tensor_parallel, recompute)
    tried = [laid_out(shape, one, available_bytes) for one in setups]
    if not tried:
        raise InputError(
            f"{gpus} devices cannot be split into {setup.pipeline_parallel} pipeline stages x {tensor_parallel or 1} tensor-parallel",
            where="parallel layout",
            remedy="choose sizes whose product divides the number of devices",
        )
    best = {fits: next((one for one in tried if one.fits == fits), None) for fits in ("yes", "marginal")}
    return best["yes"] or best["marginal"] or min(tried, key=lambda one: one.total_bytes)


def _setups(
    setup: Setup, gpus: int, zero_stage: ZeroStage | None, tensor_parallel: int | None, recompute: Recompute | None
) -> Iterator[Setup]:
    widths = TENSOR_WIDTHS if tensor_parallel is None else (tensor_parallel,)
    stages: tuple[ZeroStage, ...] = (0, 1, 2, 3) if zero_stage is None else (zero_stage,)
    recomputes: tuple[Recompute, ...] = ("none", "full") if recompute is None else (recompute,)
    for width in widths:
        if gpus % (width * setup.pipeline_parallel):
            continue
        data = gpus // (width * setup.pipeline_parallel)
        for again in recomputes:
            for stage in stages if data > 1 or zero_stage is not None else (0,):
                parallel = replace(setup, tensor_parallel=width, data_parallel=data, sequence_parallel=width > 1)
                yield replace(parallel, zero_stage=stage, recompute=again)
