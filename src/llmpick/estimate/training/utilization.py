"""Model FLOPs utilisation (MFU): the share of a device's rated 16-bit FLOPs that training turns into work (PaLM, arXiv:2204.02311, B).

The work is 6 N D and that of attention: over long contexts, attention is most of it. `WholeRun.mfu` is the share of 6 N D alone.

Two kinds of evidence that must not be mixed: whole runs, whose GPU-hours hold restarts, evaluation and failed nodes, and benchmarks of a
few steps on healthy machines. A budget is made of whole runs; benchmarks say what a layout could reach at best.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from llmpick.estimate.training.budget import Range, implied_mfu
from llmpick.estimate.training.memory import Recompute
from llmpick.estimate.training.shape import TrainingShape
from llmpick.evidence.values import Source

Number = Any
"""A float, or arrays that broadcast."""

Layout = Literal["fsdp", "tensor", "tensor+pipeline"]
"""How a model is spread: states sharded over data-parallel devices (FSDP, ZeRO 3), each layer split, or layers in groups beside that."""


@dataclass(frozen=True, slots=True)
class WholeRun:
    """A finished training with published GPU-hours. `params` active, `peak_flops` rated dense 16-bit FLOPs per second of one device.

    `attention` is its FLOPs of attention over 6 N D.
    """

    model: str
    device: str
    params: float
    tokens: float
    gpu_hours: float
    attention: float
    peak_flops: float
    source: Source

    @property
    def mfu(self) -> float:
        """Of 6 N D alone."""
        return implied_mfu(6.0 * self.params * self.tokens, self.gpu_hours, self.peak_flops)

    @property
    def mfu_with_attention(self) -> float:
        return self.mfu * (1.0 + self.attention)


@dataclass(frozen=True, slots=True)
class Benchmark:
    """Steps on healthy machines. `mfu` counts attention, but not what is computed twice because of `recompute`."""

    device: str
    params: float
    gpus: int
    context: int
    layout: Layout
    recompute: Recompute
    mfu: float
    source: Source


@dataclass(frozen=True, slots=True)
class MfuEvidence:
    """Median, least and most of the MFUs of `names`, and where they were read."""

    range: Range
    names: tuple[str, ...]
    sources: tuple[Source, ...]


def mfu_of_runs(runs: Sequence[WholeRun], *, with_attention: bool = False) -> MfuEvidence:
    """What these runs, of which there is one at least, reached, of 6 N D or of all work."""
    shares = [run.mfu_with_attention if with_attention else run.mfu for run in runs]
    return _evidence(shares, [run.model for run in runs], [run.source for run in runs])


def mfu_of_benchmarks(rows: Sequence[Benchmark]) -> MfuEvidence | None:
    """What these benchmarks reached, an upper bound for whole runs; None without any. Those of one model on one device have one name."""
    sizes = dict[tuple[float, str], list[str]]()
    for row in rows:
        sizes.setdefault((row.params, row.device), []).append(f"{row.gpus:,}")
    names = [f"{params / 1e9:.3g}B on {'/'.join(gpus)} {device}" for (params, device), gpus in sizes.items()]
    return _evidence([row.mfu for row in rows], names, [row.source for row in rows]) if rows else None


def pipeline_idle(stages: Number, microbatches: Number, interleaving: Number = 1) -> Number:
    """Idle over busy time of a pipeline: (p - 1) / (v m) (Narayanan, arXiv:2104.04473, section 2.2)."""
    return (np.asarray(stages, dtype=float) - 1.0) / (np.asarray(interleaving) * np.asarray(microbatches))


def recompute_factor(kind: Recompute, *, context: Number = 0, hidden_size: Number = 1) -> Number:
    """Computed over model FLOPs; MFU is the hardware's utilisation over it.

    1 without recomputation; 4/3 when the forward pass is computed twice; 1 + s / 18h when only attention scores are: 4 b s^2 h beside
    72 b s h^2 per layer, by the counts of Korthikanti (arXiv:2205.05198, appendix A).
    """
    if kind == "selective":
        return 1.0 + np.asarray(context) / (18.0 * np.asarray(hidden_size))
    return 4.0 / 3.0 if kind == "full" else 1.0


def attention_share(shape: TrainingShape, params: Number, context: Number) -> Number:
    """FLOPs of attention over 6 N D, of `params` that a token passes."""
    return shape.attention_flops(context) / (6.0 * np.asarray(params, dtype=float))


def _evidence(values: list[float], names: list[str], sources: list[Source]) -> MfuEvidence:
    return MfuEvidence(Range(float(np.median(values)), min(values), max(values)), tuple(names), tuple(dict.fromkeys(sources)))
