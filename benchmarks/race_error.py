"""How often `llmpick race` errs where it is hardest, looked at after every row, and what it costs there.

    python benchmarks/race_error.py [--repeats 10000] [--bayes-repeats 1000] [--seed 0]

An error is a returned candidate whose mean over all rows lies more than the tolerance below the best. `anytime` bounds it for every single
race, so it is shown near ties: candidates just more than the tolerance behind the best, the least distance at which returning them is an
error. Gaps are exact in the finite rows, not only on average; answers are correlated between candidates as real ones are: rows have a
common difficulty (a latent normal variable with correlation 0.5). `bayes` bounds the average over tasks, so each of its races is a task
drawn from the prior of `llmpick plan`. Exits with 1 when an error is shown to be above what is allowed.
"""

import argparse
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest

from llmpick.estimate.decision_cost import PUBLIC_PRIOR
from llmpick.stats.goal import Goal, Guarantee
from llmpick.stats.replay import ROUNDING, Ends, race_many
from llmpick.stats.synthetic import draw_task

Array = NDArray[np.float64]
Draw = Callable[[int, np.random.Generator], Array]
"""(races, generator) → scores (R, K, N), columns in random order."""

GOAL = Goal(tolerance=0.02, confidence=0.95)
CORRELATION = 0.5
BEST, FAR = 0.7, 0.45
"""Mean scores of the best candidate and of those that are no rivals."""
TOGETHER = 4_000_000
"""How many scores are drawn and raced at once."""
SIZES = tuple((count, rows) for rows in (300, 1000) for count in (2, 5, 8))


def right_in(counts: NDArray[np.int64], rows: int, races: int, rng: np.random.Generator) -> Array:
    """0/1 scores (R, K, N), candidate k right in exactly `counts[k]` rows of every race; hard rows are hard for all."""
    shared = rng.normal(size=(races, 1, rows)) * np.sqrt(CORRELATION)
    ability = shared + rng.normal(size=(races, len(counts), rows)) * np.sqrt(1 - CORRELATION)
    least = np.take_along_axis(np.sort(ability, axis=2), rows - np.maximum(counts, 1)[None, :, None], 2)
    return ((ability >= least) & (counts > 0)[:, None]).astype(float)


def near_ties(count: int, rows: int, rivals: int, races: int, rng: np.random.Generator, *, graders: int = 1) -> Array:
    """One best candidate, `rivals` just more than the tolerance behind, the others far. A score is the mean of as many 0/1 as `graders`."""
    best = round(BEST * rows)
    counts = np.full(count, round(FAR * rows))
    counts[:rivals] = best - int(GOAL.tolerance * rows + ROUNDING) - 1
    counts[-1] = best
    scores = np.mean([right_in(counts, rows, races, rng) for _ in range(graders)], axis=0)
    places = rng.permuted(np.tile(np.arange(count), (races, 1)), axis=1)
    return np.take_along_axis(scores, places[:, :, None], 1)


def from_prior(count: int, rows: int, races: int, rng: np.random.Generator) -> Array:
    """Every race a task of its own."""
    return np.stack([draw_task(PUBLIC_PRIOR, count, rows, rng) for _ in range(races)])


def situations(count: int, rows: int) -> dict[str, Draw]:
    """Where `anytime` is put to the test."""
    cases: dict[str, Draw] = {"all just beyond the tolerance": partial(near_ties, count, rows, count - 1)}
    if count > 2:
        cases["one just beyond, the others far"] = partial(near_ties, count, rows, 1)
    cases["graded, all just beyond"] = partial(near_ties, count, rows, count - 1, graders=4)
    return cases


@dataclass(frozen=True)
class Tally:
    """Of `races`: wrong answers, races proven within half of the calls; and the mean share of calls made."""

    races: int
    errors: int
    by_half: int
    calls: float

    @property
    def error(self) -> float:
        """Share of wrong answers."""
        return self.errors / self.races

    @property
    def interval(self) -> tuple[float, float]:
        """Exact 95% interval of the error."""
        found = binomtest(self.errors, self.races).proportion_ci(0.95, method="exact")
        return found.low, found.high

    def row(self, name: str) -> str:
        """The line of the printed table."""
        low, high = self.interval
        return f"{name:52}{self.error:7.2%} [{low:.2%}, {high:.2%}]{self.by_half / self.races:10.1%}{self.calls:9.1%}"


def tally(draw: Draw, guarantee: Guarantee, *, repeats: int, rng: np.random.Generator, goal: Goal = GOAL) -> Tally:
    """Races `repeats` times and counts."""
    ends = list(_raced(draw, guarantee, repeats, rng, goal))
    regret, calls, decided = (np.concatenate([getattr(end, name) for end in ends]) for name in ("regret", "calls", "decided"))
    wrong = regret > goal.tolerance + ROUNDING
    by_half = int((decided & (calls <= 0.5)).sum())
    return Tally(repeats, int(wrong.sum()), by_half, float(calls.mean()))


def _raced(draw: Draw, guarantee: Guarantee, repeats: int, rng: np.random.Generator, goal: Goal) -> Iterator[Ends]:
    chunk = max(1, TOGETHER // draw(1, np.random.default_rng(0)).size)
    for start in range(0, repeats, chunk):
        yield race_many(draw(min(chunk, repeats - start), rng), None, goal=goal, guarantee=guarantee)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--repeats", type=int, default=10_000)
    parser.add_argument("--bayes-repeats", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    allowed, worst, failed = 1 - GOAL.confidence, 0.0, False
    print(f"tolerance {GOAL.tolerance:.0%}, confidence {GOAL.confidence:.0%}, seed {options.seed}")
    print(f"{'':52}{'error [95%]':>23}{'by half':>10}{'calls':>9}")
    repeats_of: dict[Guarantee, int] = {"anytime": options.repeats, "bayes": options.bayes_repeats}
    for guarantee, repeats in repeats_of.items():
        print(f"{guarantee}, {repeats:,} races each")
        for count, rows in SIZES:
            cases = situations(count, rows) if guarantee == "anytime" else {"tasks of the prior": partial(from_prior, count, rows)}
            for name, draw in cases.items():
                rng = np.random.default_rng([options.seed, count, rows])
                found = tally(draw, guarantee, repeats=repeats, rng=rng)
                print(found.row(f"  K={count}, N={rows:,}, {name}"), flush=True)
                worst = max(worst, found.error) if guarantee == "anytime" else worst
                failed |= found.interval[0] > allowed
    print(f"the largest error of `anytime` is {worst:.2%}, {worst / allowed:.0%} of what is allowed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
