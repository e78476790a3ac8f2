"""The order in which the rows are run, drawn once before the first call: random, balanced over strata, or by whole clusters.

What each order allows:

- `random_order`: everything. All tests of `stats/betting.py` hold row by row, and so does a control variate (`stats/control_variate.py`),
  which gets the gain of strata without giving up this order. Clusters of rows do not harm it either: a claim about *these* N rows rests
  on the shuffle alone. They matter for claims about new inputs (`stats/clustered.py`).
- `cluster_order`, `block_order`: bets on whole units (`stats/clustered.py`), looks at the ends of units. The next unit is drawn from
  those left with a probability in proportion to its rows, so the expected mean of its rows is the mean of all rows left.
- `balanced_order`: estimates at a size fixed beforehand (`stats/stratified.py`) and posteriors. Row-by-row bets on the mean of *all* rows
  are not valid here: given the past, the next row's expectation is the mean of what is left of its own stratum, about which a claim on
  the overall mean says nothing. Bets on the mean of a single stratum are valid, since within it the order is random.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class UnitOrder:
    """`rows` (N,) is the order of the rows; `units` (N,) names the unit of each place in it, 0 for the first; a unit stands together."""

    rows: NDArray[np.int64]
    units: NDArray[np.int64]


def random_order(rows: int, *, seed: int) -> NDArray[np.int64]:
    """A random permutation of the rows, shape (N,)."""
    return np.random.default_rng(seed).permutation(rows)


def balanced_order(strata: NDArray[np.int64], *, seed: int) -> NDArray[np.int64]:
    """An order, shape (N,), in which every prefix holds the strata in proportion, random within each stratum.

    `strata` has shape (N,). With H strata, a prefix of t rows holds of a stratum with the share p between p t - 1 - p H and p t + 1 + p H.
    """
    rng = np.random.default_rng(seed)
    key = np.empty(len(strata))
    for stratum in np.unique(strata):
        members = rng.permutation(np.flatnonzero(strata == stratum))
        key[members] = (np.arange(len(members)) + rng.random()) / len(members)
    return np.argsort(key, kind="stable")


def cluster_order(clusters: Sequence[Hashable], *, seed: int, proportional: bool = True) -> UnitOrder:
    """Rows of one cluster together, in random order; `clusters` has one name per row, shape (N,).

    The clusters stand in the order in which they are first met in a random order of the *rows*: larger ones tend to come early, and the
    next is drawn in proportion to its rows. With `proportional` false all orders of the clusters are equally likely, as the test for new
    clusters needs it.
    """
    rng = np.random.default_rng(seed)
    numbers = {name: number for number, name in enumerate(dict.fromkeys(clusters))}
    unit_of_row = np.array([numbers[name] for name in clusters], dtype=np.int64)
    shuffled = rng.permutation(len(unit_of_row))
    if proportional:
        _, first = np.unique(unit_of_row[shuffled], return_index=True)
        place = np.argsort(np.argsort(first))
    else:
        place = rng.permutation(len(numbers))
    units = place[unit_of_row[shuffled]] if len(numbers) else unit_of_row
    together = np.argsort(units, kind="stable")
    return UnitOrder(shuffled[together], units[together])


def block_order(strata: NDArray[np.int64], *, size: int, seed: int) -> UnitOrder:
    """Blocks of at most `size` rows, each a small sample of all strata in proportion; the blocks come in random order.

    The rows are sorted by stratum, at random within, and dealt out in turn: of a stratum with n rows each of the T blocks gets n / T,
    rounded up or down. Number the strata so that like ones are neighbours (as `quantile_strata` does), and small strata balance each
    other.
    """
    rng = np.random.default_rng(seed)
    shuffled = rng.permutation(len(strata))
    by_stratum = shuffled[np.argsort(strata[shuffled], kind="stable")]
    blocks = np.empty(len(strata), dtype=np.int64)
    blocks[by_stratum] = np.arange(len(strata)) % max(-(-len(strata) // size), 1)
    return cluster_order(blocks.tolist(), seed=int(rng.integers(2**62)))
