"""Over-training and downstream error (Gadre, arXiv:2403.08540), by constants that were fitted to the paper's published runs.

Equation 4: L(C, M) = E + (a M^eta + b M^-eta) C^-eta with M = D / N and C = 6 N D: with alpha = beta = 2 eta it is the additive law,
so over-training leaves the exponent and moves the line. Equation 5: mean top-1 error over 17 tasks = epsilon - k exp(-gamma L).
"""

from dataclasses import dataclass
from datetime import date

import numpy as np

from llmpick.estimate.scaling.conventions import Number
from llmpick.estimate.scaling.laws import AdditiveLaw, FittedRange
from llmpick.evidence.values import Source

GADRE = Source(
    "Gadre et al., Language models scale reliably with over-training and on downstream tasks; constants of a fit to its published runs",
    "https://arxiv.org/abs/2403.08540",
    date(2024, 3, 13),
)
FITTED = FittedRange((1.0e7, 4.2e8), (2.1e8, 8.3e9))
"""The five runs of the paper's fit (table 2): 0.011B to 0.411B at 20 tokens per parameter, and 0.011B at 320."""
HELD_OUT = 0.0073
"""The largest relative error of the paper's two extrapolations (1.4B at 640 tokens per parameter, 6.9B at 20), RedPajama."""


@dataclass(frozen=True, slots=True)
class DownstreamError:
    """Mean top-1 error over the paper's 17 tasks as a function of C4 loss: between chance (about `epsilon`) and 0."""

    epsilon: float
    k: float
    gamma: float

    def __call__(self, loss: Number) -> Number:
        return np.clip(self.epsilon - self.k * np.exp(-self.gamma * np.asarray(loss, dtype=float)), 0.0, 1.0)


@dataclass(frozen=True, slots=True)
class OvertrainedLaw:
    """Loss on C4 and error on 17 tasks after training on one data set."""

    loss: AdditiveLaw
    error: DownstreamError


def _law(data: str, a: float, b: float, exponent: float, floor: float, error: DownstreamError) -> OvertrainedLaw:
    """`a` multiplies N^-exponent, `b` 6^(-exponent/2) D^-exponent, as the paper's notebook writes its fit."""
    law = AdditiveLaw(
        f"gadre-{data}",
        GADRE,
        a,
        exponent,
        b * 6.0 ** (-exponent / 2.0),
        exponent,
        floor,
        FITTED,
        HELD_OUT,
        "the paper's held-out runs",
        None,
        "C4, GPT-NeoX's tokenizer",
    )
    return OvertrainedLaw(law, error)


GADRE_C4 = _law("c4", 113.69, 189.52, 0.2425, 1.5083, DownstreamError(0.8497, 2.0789, 0.7561))
GADRE_REDPAJAMA = _law("redpajama", 166.21, 366.69, 0.2729, 1.8366, DownstreamError(0.8570, 2.2065, 0.7146))
GADRE_REFINEDWEB = _law("refinedweb", 125.10, 246.21, 0.2544, 1.7345, DownstreamError(0.8653, 2.2148, 0.7070))
