"""How many rows each stage of a cascade should see: the least variance that a budget buys.

With D_j the variance of the truth that stage j explains beyond the stages before it (D_J: all that is left), the variance of the cascade
(`stats/cascade.py`) is sum_j D_j / n_j minus a constant and its cost sum_j c_j n_j, so that n_j is in proportion to sqrt(D_j / c_j):
Neyman's rule. Where that would give a later stage more rows than an earlier one, the earlier one is worth less than it costs and is left
out; all choices of stages are tried, since there are few. Source: Peherstorfer, Willcox and Gunzburger, "Optimal model management for
multifidelity Monte Carlo estimation" (SIAM J. Sci. Comput. 38, 2016, A3163), theorem 3.4 and algorithm 1, here with a finite number of
rows. Stages may share parts, as two judges share the answer that both read: what the earlier one has bought the later one has for nothing.
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
    covariance: NDArray[np.float64],
    costs: NDArray[np.float64],
    *,
    budget: float,
    rows: int,
    observed: int | None = None,
    parts: NDArray[np.bool_] | None = None,
    have: int = 0,
) -> Allocation:
    """The best sizes n_1 >= ... >= n_J for a `budget` in the unit of `costs`, shape (K,), the last stage being the truth.

    `covariance` (..., J, J) of one row's evidence, from `observed` rows that have all stages (None: known); of several estimates the mean
    of their variances is made least. A regression on few rows explains too much of them, so what is left is enlarged by
    (n - 1) / (n - 1 - p), p the number of stages used. `parts` (J, K) says which parts a stage needs, by default one of its own. The
    first `have` rows have all stages already, and the budget is for what comes beyond them. Raises ValueError when it does not pay for
    one row of the truth and there is none, a cost is not positive, or there are more than `MOST_STAGES` stages.
    """
    count = covariance.shape[-1]
    parts = np.eye(count, dtype=bool) if parts is None else parts
    alone = float(costs[parts[-1]].sum())
    if count > MOST_STAGES or (costs <= 0).any() or (have == 0 and budget < alone):
        raise ValueError(f"an allocation needs at most {MOST_STAGES} stages, positive costs, and a budget for one row of the truth")
    plain = min(have + int(max(budget, 0.0) / alone), rows)
    truth_variance = float(covariance[..., -1, -1].mean())
    plain_variance = truth_variance * (1 / plain - 1 / rows)
    best = Allocation((0,) * (count - 1) + (plain,), (plain - have) * alone, plain_variance, plain_variance)
    for size in range(1, count):
        for chosen in combinations(range(count - 1), size):
            stages = [*chosen, count - 1]
            explained, each = _explained(covariance, stages, observed), _each(parts, costs, stages)
            sizes = _sizes(explained, each, budget, rows, have)
            if sizes is None:
                continue
            variance = float((explained / sizes).sum() - explained.sum() / rows)
            if variance < best.variance - 1e-12 * truth_variance:
                table = dict(zip(stages, sizes.tolist(), strict=True))
                everything = tuple(int(table.get(j, 0)) for j in range(count))
                best = Allocation(everything, float(each @ (sizes - have)), variance, plain_variance)
    return best


def least_explained(cheap: float, dear: float) -> float:
    """The share of the truth's variance that a stage must foretell to pay at all, from what a row of it and of the truth cost.

    With n_1 and n_2 at their best the variance falls only if r^2 > 4 c_1 c_2 / (c_1 + c_2)^2 (Cochran, Sampling Techniques, 3rd edition,
    section 12.7). One that costs as much as the truth cannot: the truth tells all.
    """
    return 4 * cheap * dear / (cheap + dear) ** 2 if cheap < dear else 1.0


def _each(parts: NDArray[np.bool_], costs: NDArray[np.float64], stages: list[int]) -> NDArray[np.float64]:
    """What a row of each stage costs beyond the stages before it. One that needs nothing more is not quite free."""
    before = np.maximum.accumulate(np.vstack([np.zeros(len(costs), dtype=bool), parts[stages[:-1]]]), axis=0)
    return np.maximum((parts[stages] & ~before) @ costs, 1e-9 * float(costs.sum()))


def _explained(covariance: NDArray[np.float64], stages: list[int], observed: int | None) -> NDArray[np.float64]:
    """What each stage explains of the truth's variance beyond those before it, shape of `stages`; last: all that is left."""
    truth = covariance[..., -1, -1]
    left = [float(truth.mean())]
    for used in range(1, len(stages)):
        known = covariance[..., stages[:used], :][..., stages[:used]]
        with_truth = covariance[..., stages[:used], -1:]
        foretold = (with_truth.swapaxes(-1, -2) @ np.linalg.pinv(known, hermitian=True) @ with_truth)[..., 0, 0]
        left.append(float((truth - foretold).mean()) * ((observed - 1) / max(observed - 1 - used, 1) if observed else 1.0))
    return np.array([*(-np.diff(left)), left[-1]])


def _sizes(explained: NDArray[np.float64], costs: NDArray[np.float64], budget: float, rows: int, have: int) -> NDArray[np.int64] | None:
    """Neyman's sizes, those that would pass all rows, or fall short of those there are, held there and the rest of the budget shared
    again. None where they would not fall from stage to stage.
    """
    weight = np.sqrt(np.maximum(explained, 0.0) / costs)
    sizes, held = np.zeros(len(costs)), np.zeros(len(costs), dtype=bool)
    everything = budget + have * float(costs.sum())
    while not held.all():
        free = everything - float(costs[held] @ sizes[held])
        if free <= 0 or not (weight[~held] > 0).all():
            return None
        sizes = np.where(held, sizes, weight * free / float((weight * costs)[~held].sum()))
        beyond, short = sizes > rows, sizes < have
        if not (beyond | short).any():
            break
        # The side on which more is amiss is held first: the other may come right by it.
        more = costs @ np.maximum(sizes - rows, 0.0) >= costs @ np.maximum(have - sizes, 0.0)
        sizes = np.where(beyond, rows, sizes) if more else np.where(short, have, sizes)
        held |= beyond if more else short
    whole = np.floor(sizes + 1e-9).astype(np.int64)
    return whole if whole[-1] >= 1 and (np.diff(whole) <= 0).all() else None
