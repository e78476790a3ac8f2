"""Many races on a recorded matrix of scores: what racing would have cost, and how often it would have erred.

Every repeat draws models and rows at random, puts the rows into a random order, and races with the rule of a live race; the truth is the
mean over all rows drawn. Hundreds of races advance together, so that each step is one array operation. `anytime` looks after every row,
as a live race that makes one call of each candidate at a time; `bayes` makes the batches that it asks for.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from llmpick.evidence.scores import ScoreMatrix
from llmpick.stats.anytime import Bets
from llmpick.stats.bayes import FIRST_ROWS, outlook, satisfied, targets
from llmpick.stats.goal import Goal, Guarantee
from llmpick.stats.population import Array, Moments, posterior

TOGETHER = 16_000_000
"""How many pairs of models, times rows, advance together at most: bounds memory to a few hundred MiB."""
ROUNDING = 1e-9
"""A regret of exactly the tolerance is not above it, whatever the last bit says."""


@dataclass(frozen=True, slots=True)
class Ends:
    """How R races ended, shape (R,) each: `calls` and `spent` as shares of running everything (nan-free; `spent` equals `calls` without
    costs), `regret` of the returned model in score, whether the rule proved its answer, and which model was returned.
    """

    calls: Array
    spent: Array
    regret: Array
    decided: NDArray[np.bool_]
    returned: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class ReplayResult:
    """The summary of `repeats` races of `models` models on `rows` rows; `ends` has each of them. `seconds` is left to who holds a clock."""

    repeats: int
    models: int
    rows: int
    cost_fraction: dict[str, float]
    token_cost_fraction: dict[str, float] | None
    regret: dict[str, float]
    error_rate: float
    decided_at_half: float
    winners: dict[str, float]
    ends: Ends
    seconds: float = 0.0


def replay(
    matrix: ScoreMatrix,
    *,
    goal: Goal,
    guarantee: Guarantee,
    repeats: int,
    seed: int,
    models: int | None = None,
    rows: int | None = None,
    spend_by: Literal["calls", "cost"] = "calls",
) -> ReplayResult:
    """Races `repeats` times. Rows for which some model has no score are left out beforehand.

    `spend_by="cost"` lets `bayes` weigh its calls by the recorded costs. Raises ValueError when fewer models or rows are there than asked.
    """
    models = len(matrix.models) if models is None else models
    rows = int(matrix.seen.all(axis=0).sum()) if rows is None else rows
    parts = [
        race_many(drawn.scores, drawn.costs, goal=goal, guarantee=guarantee, weigh=spend_by == "cost", names=drawn.models)
        for drawn in draws(matrix, models=models, rows=rows, repeats=repeats, seed=seed)
    ]
    ends = Ends(*(np.concatenate([getattr(part, name) for part in parts]) for name in Ends.__slots__))
    return _summary(ends, matrix, models, rows, goal.tolerance)


def _summary(ends: Ends, matrix: ScoreMatrix, models: int, rows: int, tolerance: float) -> ReplayResult:
    repeats = len(ends.calls)
    returned = np.bincount(ends.returned, minlength=len(matrix.models)) / repeats
    return ReplayResult(
        repeats=repeats,
        models=models,
        rows=rows,
        cost_fraction=_mean_and_median(ends.calls),
        token_cost_fraction=None if matrix.costs is None else _mean_and_median(ends.spent),
        regret={"mean": float(ends.regret.mean()), "p95": float(np.quantile(ends.regret, 0.95))},
        error_rate=float((ends.regret > tolerance + ROUNDING).mean()),
        decided_at_half=float((ends.decided & (ends.calls <= 0.5)).mean()),
        winners={matrix.models[k]: float(returned[k]) for k in np.argsort(-returned, kind="stable") if returned[k]},
        ends=ends,
    )


def _mean_and_median(values: Array) -> dict[str, float]:
    return {"mean": float(values.mean()), "median": float(np.median(values))}


@dataclass(frozen=True, slots=True)
class Draw:
    """R races: `scores` and `costs` (R, K, N) in race order, `models` (R, K) indices into the matrix."""

    scores: Array
    costs: Array | None
    models: NDArray[np.int64]


def draws(matrix: ScoreMatrix, *, models: int, rows: int, repeats: int, seed: int) -> Iterator[Draw]:
    """Random models and rows in random order, in chunks that advance together; the same draws for a seed, however large the chunks.

    Rows for which some model has no score are left out. Raises ValueError when fewer models or rows are there than asked.
    """
    complete = matrix.seen.all(axis=0)
    scores = matrix.scores[:, complete]
    costs = None if matrix.costs is None else matrix.costs[:, complete]
    if models > scores.shape[0] or rows > scores.shape[1] or min(models, rows) < 1:
        raise ValueError(f"cannot draw {models} models and {rows} rows of {scores.shape[0]} models and {scores.shape[1]} complete rows")
    chunk = max(1, TOGETHER // (models * models * rows))
    seeds = np.random.SeedSequence(seed).spawn(repeats)
    for start in range(0, repeats, chunk):
        chosen, cells = [], []
        for one in seeds[start : start + chunk]:
            rng = np.random.default_rng(one)
            chosen.append(rng.permutation(scores.shape[0])[:models])
            cells.append(np.ix_(chosen[-1], rng.permutation(scores.shape[1])[:rows]))
        yield Draw(
            np.stack([scores[cell] for cell in cells]),
            None if costs is None else np.stack([costs[cell] for cell in cells]),
            np.stack(chosen),
        )


def race_many(
    scores: Array, costs: Array | None, *, goal: Goal, guarantee: Guarantee, weigh: bool = False, names: NDArray[np.int64] | None = None
) -> Ends:
    """R races at once on `scores` (R, K, N) in race order. `weigh`: spend by `costs`, same shape. `names` (R, K): who they are."""
    races, _, rows = scores.shape
    if guarantee == "anytime":
        done, returned, decided = _anytime(scores, goal)
    else:
        done, returned, decided = _bayes(scores, costs if weigh else None, goal)
    means = scores.mean(axis=2)
    made = np.arange(rows) < done[:, :, None]
    price = np.ones_like(scores) if costs is None else costs
    return Ends(
        calls=made.mean(axis=(1, 2)),
        spent=(price * made).sum(axis=(1, 2)) / np.maximum(price.sum(axis=(1, 2)), 1e-300),
        regret=means.max(axis=1) - means[np.arange(races), returned],
        decided=decided,
        returned=returned if names is None else names[np.arange(races), returned],
    )


def _anytime(scores: Array, goal: Goal) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]:
    """Rows run (R, K), who is returned, and whether it was proven; all costs are equal, so the highest mean of the proven ones is taken.

    A row that a dropped candidate did not run is like a lost one, as in a live race.
    """
    races, count, rows = scores.shape
    done, returned, decided = np.zeros((races, count), dtype=np.int64), np.zeros(races, dtype=np.int64), np.zeros(races, dtype=bool)
    open_races, bets = np.arange(races), Bets.start(races, count, rows, goal)
    for row in range(rows):
        column = scores[open_races, :, row]
        done[open_races] += bets.alive
        bets.step(np.where(bets.alive, column, 0.0), np.where(bets.alive, column, 1.0))
        within = bets.within
        over = np.asarray(within.any(axis=1))
        if not over.any() and row + 1 < rows:
            continue
        returned[open_races] = np.where(within | ~over[:, None], np.where(within | bets.alive, bets.worst, -1.0), -1.0).argmax(axis=1)
        decided[open_races] = over
        open_races, bets = open_races[~over], bets.only(~over)
        if not len(open_races):
            break
    return done, returned, decided


def _bayes(scores: Array, costs: Array | None, goal: Goal) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]:
    """Rows run (R, K), who is returned, and whether the rule was content before all rows were run."""
    races, count, rows = scores.shape
    sums, products = _prefix_sums(scores)
    paid = None if costs is None else np.concatenate([np.zeros((races, count, 1)), costs.cumsum(axis=2)], axis=2)
    done = np.full((races, count), min(FIRST_ROWS, rows))
    returned, decided = np.zeros(races, dtype=np.int64), np.zeros(races, dtype=bool)
    open_races = np.arange(races)
    while len(open_races):
        now = done[open_races]
        view = outlook(posterior(_moments(sums, products, open_races, now), rows), goal.tolerance)
        content = satisfied(view, now, rows, goal)
        over: NDArray[np.bool_] = np.logical_or(content, (now == rows).all(axis=1))
        returned[open_races], decided[open_races] = view.best, content
        open_races, now = open_races[~over], now[~over]
        cost = np.ones(now.shape) if paid is None else np.take_along_axis(paid[open_races], now[:, :, None], 2)[:, :, 0] / now
        done[open_races] = targets(view.only(np.asarray(~over)), now, rows, np.maximum(cost, 1e-12))
    return done, returned, decided


def _prefix_sums(scores: Array) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Sums (R, K, N + 1) of the scores and (R, K, K, N + 1) of their products over the first n rows."""
    races, count, rows = scores.shape
    sums = np.zeros((races, count, rows + 1), dtype=np.float32)
    np.cumsum(scores, axis=2, out=sums[:, :, 1:])
    products = np.zeros((races, count, count, rows + 1), dtype=np.float32)
    for k in range(count):
        np.cumsum(scores[:, k, None] * scores, axis=2, out=products[:, k, :, 1:])
    return sums, products


def _moments(sums: NDArray[np.float32], products: NDArray[np.float32], races: NDArray[np.int64], done: NDArray[np.int64]) -> Moments:
    """What `stats.population.moments` computes from scores, read off the prefix sums."""
    everyone = np.arange(done.shape[1])
    shared = np.minimum(done[:, :, None], done[:, None, :])
    first, second = everyone[None, :, None], everyone[None, None, :]
    who = races[:, None, None]
    return Moments(done, shared, sums[who, first, shared].astype(np.float64), products[who, first, second, shared].astype(np.float64))
