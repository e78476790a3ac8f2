"""Judging a growing sample at a few looks that are fixed beforehand: when, and how much error each look may make.

A bound that is right 95 times in 100 at one look is right less often at all of nine. Dividing the error by nine would be safe but wasteful,
for a sample that looks good at one look does so at the next. The means of a sample drawn without replacement move, around the mean of all,
like sums of independent steps with the information 1 / (1/n - 1/N); so the chance of ever crossing a bound is an integral that is worked
out step by step, and one nominal error, the same at every look, is found for which it is the wanted one.

Sources: Armitage, McPherson and Rowe, "Repeated significance tests on accumulating data" (JRSS A 1969): the recursion; Pocock, "Group
sequential methods" (Biometrika 1977): the same nominal level at every look; Jennison and Turnbull, "Group Sequential Methods" (2000),
section 4.4: used with Student's t for an unknown variance.
"""

import math
from collections.abc import Sequence
from functools import cache
from itertools import pairwise

import numpy as np

FIRST_LOOK = 8
"""Fewer say nothing of their own spread."""
GROWTH = 1.5
"""From look to look: a race runs on by at most half beyond what would have decided it."""
_GRID = 120
_LOWEST = -8.0
"""Standard deviations; what lies below will not come back to a bound above zero."""


def looks(population: int) -> tuple[int, ...]:
    """After how many units the sample is judged: growing steps, the last one after all."""
    steps: list[int] = []
    n = FIRST_LOOK
    while n < population:
        steps.append(n)
        n = math.ceil(n * GROWTH)
    return (*steps, population)


@cache
def nominal_error(population: int, error: float) -> float:
    """The one-sided error allowed at each of the `looks` so that one of them errs with a probability of at most `error`.

    The last look, after all units, cannot err and takes no part.
    """
    information = [1 / (1 / n - 1 / population) for n in looks(population)[:-1]]
    if len(information) < 2:
        return error
    low, high = error / len(information), error
    for _ in range(16):
        middle = (low + high) / 2
        low, high = (low, middle) if ever_crossed(information, middle) > error else (middle, high)
    return low


def ever_crossed(information: Sequence[float], nominal: float) -> float:
    """The probability that a standard normal score is ever above its `nominal` upper quantile, at looks with these amounts of information.

    The scores' correlation at two looks is the root of the ratio of their information.
    """
    from scipy.special import ndtr, ndtri

    bound = float(-ndtri(nominal))
    edges = np.linspace(_LOWEST, bound, _GRID + 1)
    at = (edges[:-1] + edges[1:]) / 2
    uncrossed = np.diff(ndtr(edges))
    for before, now in pairwise(information):
        kept, spread = math.sqrt(before / now), math.sqrt(1 - before / now)
        steps = ndtr((edges[None, :] - kept * at[:, None]) / spread)
        uncrossed = uncrossed @ np.diff(steps, axis=1)
    return 1 - float(uncrossed.sum())
