"""Why published laws disagree, in figures: Porian's steps from Kaplan's exponent to Chinchilla's, and what each law counts."""

from dataclasses import dataclass
from datetime import date

from llmpick.evidence.values import Source

PORIAN_PAPER = Source(
    "Porian et al., Resolving Discrepancies in Compute-Optimal Scaling", "https://arxiv.org/abs/2406.19146", date(2024, 6, 27)
)


@dataclass(frozen=True, slots=True)
class PorianStep:
    """One change on the way from Kaplan's setting to Chinchilla's: the exponent of N_opt(C) on RefinedWeb and its 95 % interval.

    `exponent` is a plain fit, `weighted` one by 1 / variance of each optimum.
    """

    change: str
    exponent: float
    weighted: float
    interval: tuple[float, float]


PORIAN = (
    PorianStep("Kaplan's setting reproduced", 0.834, 0.835, (0.824, 0.844)),
    PorianStep("the FLOPs of the last layer are counted", 0.701, 0.706, (0.687, 0.715)),
    PorianStep("the warm-up is short for small models too", 0.604, 0.602, (0.588, 0.620)),
    PorianStep("the cosine ends where the run ends", 0.571, 0.571, (0.560, 0.588)),
    PorianStep("learning rate, batch and beta2 are tuned at each size", 0.497, 0.497, (0.491, 0.505)),
)
"""A third of the gap is what was counted, the rest how the runs were trained."""
