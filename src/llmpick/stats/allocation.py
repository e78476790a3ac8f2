"""How many rows each stage of a cascade should see: the least variance that a budget buys.

With D_j the variance of the truth that stage j explains beyond the stages before it (D_J: all that is left), the variance of the cascade
(`stats/cascade.py`) is sum_j D_j / n_j minus a constant and its cost sum_j c_j n_j, so that n_j is in proportion to sqrt(D_j / c_j):
Neyman's rule. Where that would give a later stage more rows than an earlier one, the earlier one is worth less than it costs and is left
out; all choices of stages are tried, since there are few. Source: Peherstorfer, Willcox and Gunzburger, "Optimal model management for
multifidelity Monte Carlo estimation" (SIAM J. Sci. Comput. 38, 2016, A3163), theorem 3.4 and algorithm 1, here with a finite number of
rows.
"""

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

MOST_STAGES = 8


@dataclass(frozen=True, slots=True)
class Allocation:
    """`rows[j]` for each stage, 0 for one that is not worth its cost; what it costs, and the variance of the estimate on the N rows.

    `plain_variance` is that of spending the same budget on the truth alone.
    """

    rows: tuple[int, ...]
    cost: float
    variance: float
    plain_variance: float


def allocate(
    covariance: NDArray[np.float64], costs: NDArray[np.float64], *, budget: float, rows: int, observed: int | None = None
) -> Allocation:
    """The best sizes n_1 >= ... >= n_J for a `budget` in the unit of `costs`, shape (J,), the last stage being the truth.

    `covariance` (J, J) of one row's evidence, from `observed` rows that have all stages (None: known). A regression on few rows explains
    too much of them, so what is left is enlarged by (n - 1) / (n - 1 - p), p the number of stages used. Raises ValueError when the budget
    does not pay for one row of the truth, a cost is not positive, or there are more than `MOST_STAGES` stages.
    """
    count = len(costs)
    if count > MOST_STAGES or (costs <= 0).any() or budget < costs[-1]:
        raise ValueError(f"an allocation needs at most {MOST_STAGES} stages, positive costs, and a budget for one row of the truth")
    plain = min(int(budget / costs[-1]), rows)
    plain_variance = float(covariance[-1, -1]) * (1 / plain - 1 / rows)
    best = Allocation((0,) * (count - 1) + (plain,), plain * float(costs[-1]), plain_variance, plain_variance)
    for size in range(1, count):
        for chosen in combinations(range(count - 1), size):
            stages = [*chosen, count - 1]
            explained = _explained(covariance, stages, observed)
            sizes = _sizes(explained, costs[stages], budget, rows)
            if sizes is None:
                continue
            variance = float((explained / sizes).sum() - explained.sum() / rows)
            if variance < best.variance - 1e-12 * float(covariance[-1, -1]):
                table = dict(zip(stages, sizes.tolist(), strict=True))
                everything = tuple(int(table.get(j, 0)) for j in range(count))
                best = Allocation(everything, float(costs[stages] @ sizes), variance, plain_variance)
    return best


def _explained(covariance: NDArray[np.float64], stages: list[int], observed: int | None) -> NDArray[np.float64]:
    """What each stage explains of the truth's variance beyond those before it, shape of `stages`; last: all that is left."""
    left = [float(covariance[-1, -1])]
    for used in range(1, len(stages)):
        known = covariance[np.ix_(stages[:used], stages[:used])]
        with_truth = covariance[stages[:used], -1]
        unexplained = float(covariance[-1, -1] - with_truth @ np.linalg.pinv(known, hermitian=True) @ with_truth)
        left.append(unexplained * ((observed - 1) / max(observed - 1 - used, 1) if observed else 1.0))
    return np.array([*(-np.diff(left)), left[-1]])


def _sizes(explained: NDArray[np.float64], costs: NDArray[np.float64], budget: float, rows: int) -> NDArray[np.int64] | None:
    """Neyman's sizes, those above the number of rows held there and the rest of the budget shared again. None where they would not fall."""
    weight = np.sqrt(np.maximum(explained, 0.0) / costs)
    sizes, full = np.zeros(len(costs)), np.zeros(len(costs), dtype=bool)
    while not full.all():
        free = budget - rows * float(costs[full].sum())
        if free <= 0 or not (weight[~full] > 0).all():
            return None
        sizes = np.where(full, rows, weight * free / float((weight * costs)[~full].sum()))
        if not (sizes > rows).any():
            break
        full |= sizes > rows
    whole = np.floor(np.minimum(sizes, rows)).astype(np.int64)
    return whole if whole[-1] >= 1 and (np.diff(whole) <= 0).all() else None
