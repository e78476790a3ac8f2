"""The answer of `scale budget`: what the training takes, on what evidence, and whether its states fit the devices."""

from dataclasses import dataclass

from llmpick.estimate.training.budget import Line, Work
from llmpick.estimate.training.layout import Training
from llmpick.estimate.training.utilization import MfuEvidence
from llmpick.evidence.values import Source, Unknown


@dataclass(frozen=True, slots=True)
class BudgetAnswer:
    """`runs` is what the MFU was taken from, None where the user gave it; `ceiling` what benchmarks of the layout reached, where known."""

    work: Work
    params_total: float
    device: str
    gpus: int
    lines: tuple[Line, ...]
    runs: MfuEvidence | None
    ceiling: MfuEvidence | Unknown
    memory: Training | Unknown
    shape_from: str
    notes: tuple[str, ...]
    sources: tuple[Source, ...]
