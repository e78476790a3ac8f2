"""Who leaves a race by bits per byte, and when it is over: the pure rules, on sums of bits.

Wanted is the cheapest model whose bits per byte *on the whole of the user's text* are at most the tolerance (a share, 0.01 is 1%) above
the best model's. The text is cut into chunks, and these are read in one random order that is fixed beforehand; every model that is still
in the race has read the same first n chunks of it.

- *beaten*: some rival is shown to need fewer bits by more than the tolerance; the model leaves;
- *within*: no rival that is left is better by more than the tolerance.

The race is over when a cheapest one of those left is within the tolerance of all that are left.

The error. Bits are not bounded, so betting (`stats/betting.py`) does not serve; a claim is a one-sided t bound on the paired log ratio of
a random sample of chunks (`stats/ratios.py`), at looks that are fixed beforehand (`stats/looks.py`); at the last one, all chunks read,
nothing is left to chance. Let b be the truly best model. As in `stats/race.py`, a wrong answer needs the upper bound for one of the K - 1
rivals against b to be wrong at one of the looks, so each rival gets (1 - confidence) / (K - 1) for all of its looks. Valid as far as the
t bound is: `tests/stats/test_text_race.py` measures the error of whole races.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from llmpick.stats.looks import nominal_error
from llmpick.stats.ratios import LogRatios


@dataclass(frozen=True, slots=True)
class TextStanding:
    """What is shown of the K models left: `beaten_by`, shape (K,), is the best rival that beats each, -1 for none; `within`, shape (K,);
    `chosen` is None while the race is open.
    """

    beaten_by: NDArray[np.int64]
    within: NDArray[np.bool_]
    chosen: int | None


def error_per_claim(candidates: int, chunks: int, confidence: float) -> float:
    """The chance that one bound at one look may be wrong, for a race of so many candidates over so many chunks."""
    return nominal_error(chunks, (1 - confidence) / max(candidates - 1, 1))


def judge_text(ratios: LogRatios, cost_rank: NDArray[np.int64], *, tolerance: float, error: float) -> TextStanding:
    """All conclusions at one look. `cost_rank`, shape (K,), is 0 for the cheapest; `error` comes from `error_per_claim`.

    `ratios` are on chunks of the user's text with its `population`. Pure: the same figures give the same standing.
    """
    count = len(ratios.log)
    ahead = ratios.log[:, None] - ratios.log[None, :]
    reach = ratios.reach(error) * ratios.errors_of_differences()
    apart = ~np.eye(count, dtype=bool)
    beaten = apart & (ahead - reach > math.log1p(tolerance) + _ROUNDING)
    not_worse = ~apart | (ahead + reach <= math.log1p(tolerance) + _ROUNDING)
    beaten_by = np.array([min(np.flatnonzero(row), key=lambda rival: ratios.log[rival], default=-1) for row in beaten], dtype=np.int64)
    left = beaten_by < 0
    within = left & not_worse[:, left].all(axis=1)
    cheapest = left & (cost_rank == cost_rank[left].min())
    answers = np.flatnonzero(cheapest & within)
    return TextStanding(beaten_by, within, int(min(answers, key=lambda k: ratios.log[k])) if len(answers) else None)


_ROUNDING = 1e-12
