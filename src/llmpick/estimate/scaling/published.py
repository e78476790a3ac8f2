"""The published additive laws, and Hoffmann's two approaches that say only how to split a budget.

Hoffmann's constants exist in four roundings, and no two give the same answers: at 10T parameters 0.34 / 0.28 asks for twice the FLOPs of
table A3. `HOFFMANN` has the exponents 0.336 / 0.283 of Sardana, which reproduce table A3; `HOFFMANN_PRINTED` those of equation 10;
`HOFFMANN_TEX` the unrounded numbers in the paper's TeX source (through Epoch), which fit the runs best and differ from table A3.
"""

from dataclasses import dataclass, replace
from datetime import date

import numpy as np

from llmpick.estimate.scaling.conventions import Number
from llmpick.estimate.scaling.laws import AdditiveLaw, FittedRange, Spread
from llmpick.evidence.values import Source

HOFFMANN_PAPER = Source(
    "Hoffmann et al., Training Compute-Optimal Large Language Models", "https://arxiv.org/abs/2203.15556", date(2022, 3, 29)
)
EPOCH_PAPER = Source("Besiroglu et al., Chinchilla Scaling: A replication attempt", "https://arxiv.org/abs/2404.10102", date(2024, 4, 15))
SARDANA_PAPER = Source("Sardana et al., Beyond Chinchilla-Optimal", "https://arxiv.org/abs/2401.00448", date(2023, 12, 31))

CHINCHILLA_RUNS = FittedRange((5.7e7, 1.62e10), (8.2e8, 3.2e11), (1.4e18, 1.3e22))
"""The 240 runs of Hoffmann's figure 4 that Epoch's fit uses."""

# Covariance of Epoch's fit by 4,000 bootstraps of those runs around their geometric mean (seed 1; benchmarks/scaling_fit.py prints it). It
# is what 240 runs can tell, so it serves Hoffmann's constants too: their own intervals (a between 0.454 and 0.455) would need far more.
CHINCHILLA_SPREAD = Spread(
    8.4876e8,
    1.6945e10,
    (
        (3.4413e-3, -8.8134e-4, -1.4625e-3, 4.0560e-4, -4.2896e-4),
        (-8.8134e-4, 2.3190e-4, 3.2382e-4, -9.0937e-5, 1.1930e-4),
        (-1.4625e-3, 3.2382e-4, 4.1358e-3, -1.2887e-3, -4.9923e-4),
        (4.0560e-4, -9.0937e-5, -1.2887e-3, 4.1274e-4, 1.6452e-4),
        (-4.2896e-4, 1.1930e-4, -4.9923e-4, 1.6452e-4, 1.8691e-4),
    ),
    "4,000 bootstraps of the 240 runs, seed 1",
)
MASSIVE = "MassiveText, Chinchilla's tokenizer"
ON_RUNS = "root mean square of log loss on the 240 runs"
HELD_OUT = "the same, in ten folds of neighbouring FLOPs"

EPOCH = AdditiveLaw(
    "epoch", EPOCH_PAPER, 482.01, 0.3478, 2085.43, 0.3658, 1.8172, CHINCHILLA_RUNS, 0.0100, HELD_OUT, CHINCHILLA_SPREAD, MASSIVE
)
HOFFMANN = AdditiveLaw(
    "hoffmann", HOFFMANN_PAPER, 406.4, 0.336, 410.7, 0.283, 1.69, CHINCHILLA_RUNS, 0.0175, ON_RUNS, CHINCHILLA_SPREAD, MASSIVE
)
HOFFMANN_PRINTED = replace(HOFFMANN, name="hoffmann-printed", alpha=0.34, beta=0.28, scatter=0.0193)
HOFFMANN_TEX = replace(
    HOFFMANN,
    name="hoffmann-tex",
    A=float(np.exp(6.0073404)),
    alpha=0.33917084,
    B=float(np.exp(6.0179186)),
    beta=0.2849083,
    E=float(np.exp(0.5267228)),
    scatter=0.0100,
)


def _sardana(most: int, alpha: float, beta: float, a: float, b: float, e: float, units: tuple[float, float, float]) -> AdditiveLaw:
    """A refit to runs of up to `most` tokens per parameter, 150M to 6B parameters. `units` of the last digits of A, B and E.

    The range of tokens is what follows from the smallest model at 10 and at `most` tokens per parameter; the larger models' is not known.
    """
    fitted = FittedRange((1.5e8, 6e9), (1.5e9, 1.5e8 * most))
    spread = Spread.rounded((a, alpha, b, beta, e), (units[0], 0.01, units[1], 0.01, units[2]))
    return AdditiveLaw(
        f"sardana-{most}", SARDANA_PAPER, a, alpha, b, beta, e, fitted, 0.0, "not published", spread, "Sardana's training data"
    )


SARDANA = {
    100: _sardana(100, 0.08, 0.13, 7.199, 25.97, 0.17, (0.001, 0.01, 0.01)),
    250: _sardana(250, 0.13, 0.16, 14.23, 39.54, 0.98, (0.01, 0.01, 0.01)),
    500: _sardana(500, 0.13, 0.16, 17.07, 35.80, 0.95, (0.01, 0.01, 0.01)),
    10_000: _sardana(10_000, 0.18, 0.24, 33.66, 138.9, 1.45, (0.01, 0.1, 0.01)),
}
"""By the most tokens per parameter of the runs used. Two digits of an exponent leave the loss uncertain by several percent."""


@dataclass(frozen=True, slots=True)
class AllocationLaw:
    """N_opt = params (C / flops)^exponent: what to buy, not what it reaches. Anchored on a row of the published table."""

    name: str
    source: Source
    flops: float
    params: float
    exponent: float
    interval: tuple[float, float]
    """10 % and 90 % quantile of the exponent (table 2)."""

    def params_for(self, flops: Number) -> Number:
        return self.params * (np.asarray(flops, dtype=float) / self.flops) ** self.exponent

    def flops_for(self, params: Number) -> Number:
        return self.flops * (np.asarray(params, dtype=float) / self.params) ** (1.0 / self.exponent)


APPROACH_1 = AllocationLaw("hoffmann-1", HOFFMANN_PAPER, 1.23e22, 1e10, 0.498, (0.488, 0.502))
"""Envelope of training curves; printed a = 0.50, table 3 has the slope 0.498."""
APPROACH_2 = AllocationLaw("hoffmann-2", HOFFMANN_PAPER, 1.32e22, 1e10, 0.490, (0.462, 0.534))
"""IsoFLOP profiles; printed a = 0.49 (table A3)."""
APPROACH_3 = AllocationLaw("hoffmann-3", HOFFMANN_PAPER, 2.46e22, 1e10, 0.457, (0.454, 0.455))
"""The parametric law's own split; printed a = 0.46."""
APPROACHES = (APPROACH_1, APPROACH_2, APPROACH_3)


@dataclass(frozen=True, slots=True)
class OptimumRow:
    """Parameters, and (FLOPs, tokens) of their optimal training by approaches 1, 2 and 3 (tables 3 and A3)."""

    params: float
    approach_1: tuple[float, float]
    approach_2: tuple[float, float]
    approach_3: tuple[float, float]
    misprint: str | None = None


OPTIMA = (
    OptimumRow(4e8, (1.92e19, 8.0e9), (1.84e19, 7.7e9), (2.21e19, 9.2e9)),
    OptimumRow(1e9, (1.21e20, 20.2e9), (1.20e20, 20.0e9), (1.62e20, 27.1e9)),
    OptimumRow(1e10, (1.23e22, 205.1e9), (1.32e22, 219.5e9), (2.46e22, 410.1e9)),
    OptimumRow(6.7e10, (5.76e23, 1.5e12), (6.88e23, 1.7e12), (1.71e24, 4.1e12)),
    OptimumRow(1.75e11, (3.85e24, 3.7e12), (4.54e24, 4.3e12), (1.26e25, 12.0e12), "approach 3 is printed as 1.26e24, a tenth of 6 N D"),
    OptimumRow(2.8e11, (9.90e24, 5.9e12), (1.18e25, 7.1e12), (3.52e25, 20.1e12)),
    OptimumRow(5.2e11, (3.43e25, 11.0e12), (4.19e25, 13.4e12), (1.36e26, 43.5e12)),
    OptimumRow(1e12, (1.27e26, 21.2e12), (1.59e26, 26.5e12), (5.65e26, 94.1e12)),
    OptimumRow(1e13, (1.30e28, 216.2e12), (1.75e28, 292.0e12), (8.55e28, 1425.5e12)),
)
