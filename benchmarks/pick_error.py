"""How often the choice of `pick` errs, and how often it decides: simulated races in the situations that are hard for it.

    python benchmarks/pick_error.py --repeats 400 --rows 300

The rule is that of `stats/plain.py`; those of `llmpick race` are proven by `race_error.py`.

An error is a returned candidate whose mean over all rows lies more than the tolerance below the best. Every race is judged at each of
its looks, as `pick` does it, with costs equal or all different. Answers are correlated between candidates as real ones are: rows
have a common difficulty (a latent normal variable with correlation 0.5). Gaps are exact in the finite rows, not only on average.
"""

import argparse
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest

from llmpick.stats.plain import FIRST_BATCH, GROWTH
from llmpick.stats.race import Progress, judge

TOLERANCE = 0.02
CONFIDENCE = 0.95
CORRELATION = 0.5


@dataclass(frozen=True)
class Tally:
    """Of `races` races: wrong answers, races decided at all, and decided within half of the calls; mean share of all calls made."""

    races: int
    errors: int
    decided: int
    early: int
    calls: float

    def row(self, name: str) -> str:
        """The line of the printed table."""
        interval = binomtest(self.errors, self.races).proportion_ci(0.95, method="exact")
        return (
            f"{name:44} {self.errors / self.races:6.1%} [{interval.low:.1%}, {interval.high:.1%}]"
            f"{self.decided / self.races:10.1%}{self.early / self.races:14.1%}{self.calls:12.1%}"
        )


def situations(candidates: int) -> dict[str, NDArray[np.float64]]:
    """Mean scores of the candidates in each situation."""
    just_above, equal, winner = np.full(candidates, 0.675), np.full(candidates, 0.7), np.full(candidates, 0.45)
    just_above[-1], winner[-1] = 0.7, 0.75
    return {"gap just above the tolerance": just_above, "all equal": equal, "one clear winner": winner}


def draw(means: NDArray[np.float64], rows: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """0/1 scores, shape (K, rows), each candidate right in exactly round(mean * rows) rows; hard rows are hard for all."""
    shared = rng.normal(size=rows) * np.sqrt(CORRELATION)
    ability = shared + rng.normal(size=(len(means), rows)) * np.sqrt(1 - CORRELATION)
    rank = ability.argsort(axis=1).argsort(axis=1)
    return (rank >= rows - np.round(means * rows).astype(int)[:, None]).astype(float)


def race(scores: NDArray[np.float64], cost_rank: NDArray[np.int64], order: NDArray[np.int64]) -> tuple[int | None, float]:
    """The answer (an index, None if undecided) and the share of all calls that it took."""
    ordered = scores[:, order]
    lost = np.zeros_like(ordered, dtype=bool)
    count, rows = ordered.shape
    done, target = np.zeros(count, dtype=np.int64), 0
    while True:
        standing = judge(Progress(ordered, lost, done, cost_rank), tolerance=TOLERANCE, confidence=CONFIDENCE)
        running = ~standing.beaten & ~standing.idle & (done < rows)
        if standing.chosen is not None or not running.any():
            return standing.chosen, float(done.sum()) / ordered.size
        target = min(max(target + FIRST_BATCH, int(target * GROWTH)), rows)
        done = np.where(running, target, done)


def tally(means: NDArray[np.float64], *, rows: int, repeats: int, equal_cost: bool, rng: np.random.Generator) -> Tally:
    """Runs `repeats` races and counts."""
    errors = decided = early = 0
    calls = 0.0
    for _ in range(repeats):
        means = rng.permutation(means)
        scores = draw(means, rows, rng)
        cost_rank = np.zeros(len(means), dtype=np.int64) if equal_cost else np.arange(len(means))
        answer, share = race(scores, cost_rank, rng.permutation(rows))
        truth = scores.mean(axis=1)
        errors += answer is not None and truth[answer] < truth.max() - TOLERANCE - 1e-9
        decided += answer is not None
        early += answer is not None and share <= 0.5
        calls += share
    return Tally(repeats, errors, decided, early, calls / repeats)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=400)
    parser.add_argument("--rows", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    print(f"{options.repeats} races each, {options.rows} rows, tolerance {TOLERANCE:.0%}, confidence {CONFIDENCE:.0%}")
    print(f"{'':44} {'error [95%]':>20}{'decided':>12}{'by half':>12}{'calls':>12}")
    for candidates in (2, 5, 8):
        for situation, means in situations(candidates).items():
            for equal_cost in (True, False):
                rng = np.random.default_rng([options.seed, candidates, equal_cost])
                result = tally(means, rows=options.rows, repeats=options.repeats, equal_cost=equal_cost, rng=rng)
                print(result.row(f"K={candidates}, {situation}, {'equal costs' if equal_cost else 'costs differ'}"), flush=True)


if __name__ == "__main__":
    main()
