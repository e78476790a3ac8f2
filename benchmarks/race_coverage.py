"""How often the intervals of a race hold the truth: on simulated tasks, and on random draws of recorded matrices.

    python benchmarks/race_coverage.py [DATA] [--repeats 1000] [--seed 0]

DATA is the folder that `benchmarks/race.py` reads; without it only simulated tasks are drawn. Of K candidates on N rows:

- anytime (`stats/betting.py`, as `decide/race_intervals.py` uses it): held only if it held at every look for every candidate at once;
- posterior (`stats/bayes.py`): normal, of the mean over all N rows, at a fixed number of rows and when the race has stopped; of all
  candidates, and of the one with the best mean or the chosen one alone, whose score luck has helped to be there;
- fixed-size (`stats/paired.py`): for new inputs, looked at once.

Rows of a recorded matrix are drawn with replacement, so that the whole matrix is what new inputs are like. Wanted: at least 95% of the
first, 93 to 97% of the others.
"""

import argparse
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest, norm

from llmpick.estimate.decision_cost import PUBLIC_PRIOR
from llmpick.stats.bayes import FIRST_ROWS, outlook, satisfied, targets
from llmpick.stats.betting import best_log_capital, log_capital
from llmpick.stats.goal import Goal
from llmpick.stats.paired import mean_score, paired_difference
from llmpick.stats.population import Posterior, posterior
from llmpick.stats.replay import _moments, _prefix_sums
from llmpick.stats.synthetic import draw_means, draw_task
from race import matrices

Array = NDArray[np.float64]
Held = dict[str, NDArray[np.bool_]]

CONFIDENCE = 0.95
GOAL = Goal(tolerance=0.02, confidence=CONFIDENCE)
COUNT, ROWS = 5, 500
SEEN = (30, 100, 250)
TOGETHER = 50
"""Races that are computed at once."""
CLOSE = 1e-9


@dataclass(frozen=True)
class Sample:
    """Races: `scores` (R, K, N) in random order, and what to expect of each candidate on new inputs, `expected` (R, K)."""

    scores: Array
    expected: Array

    @property
    def means(self) -> Array:
        """The truth about the rows themselves, (R, K)."""
        return self.scores.mean(axis=2)


Source = Callable[[int, np.random.Generator], Sample]


def simulated(races: int, rng: np.random.Generator) -> Sample:
    """Every race a task of the prior that `llmpick plan` is fitted with, scored 0 or 1."""
    expected = np.stack([draw_means(PUBLIC_PRIOR, COUNT, rng) for _ in range(races)])
    return Sample(np.stack([draw_task(PUBLIC_PRIOR, COUNT, ROWS, rng, means=means) for means in expected]), expected)


def close(races: int, rng: np.random.Generator) -> Sample:
    """All candidates within two points, where chance decides who leads."""
    expected = rng.uniform(0.59, 0.61, (races, COUNT))
    return Sample(np.stack([draw_task(PUBLIC_PRIOR, COUNT, ROWS, rng, means=means) for means in expected]), expected)


def recorded(scores: Array, races: int, rng: np.random.Generator) -> Sample:
    """Models and rows of a matrix (K, N), rows with replacement."""
    models = [rng.permutation(len(scores))[:COUNT] for _ in range(races)]
    drawn = [scores[np.ix_(chosen, rng.integers(scores.shape[1], size=ROWS))] for chosen in models]
    return Sample(np.stack(drawn), np.stack([scores[chosen].mean(axis=1) for chosen in models]))


def sources(folder: Path | None) -> dict[str, Source]:
    """By name, what races are drawn from."""
    found: dict[str, Source] = {"simulated tasks": simulated, "simulated near ties": close}
    if folder is not None:
        for name, matrix in matrices(folder, "all").items():
            found[name] = partial(recorded, matrix.scores[:, matrix.seen.all(axis=0)])
    return found


def anytime(sample: Sample) -> Held:
    """Whether the intervals held at every look, (R,). Left out is a truth against which the capital has reached its bound."""
    scores, means = sample.scores, sample.means
    half = (1 - CONFIDENCE) / 2
    own = np.log(scores.shape[1] / half)
    on_rows = [_ever(scores, means, 0.0, population=ROWS) < own, _ever(1 - scores, 1 - means, 0.0, population=ROWS) < own]
    new = [_ever(scores, sample.expected, 0.0, population=None) < own, _ever(1 - scores, 1 - sample.expected, 0.0, population=None) < own]
    return {
        "anytime: scores on the rows, all looks and candidates": np.logical_and(*on_rows).all(axis=1),
        "anytime: scores on new inputs, all looks and candidates": np.logical_and(*new).all(axis=1),
        "anytime: differences to the leader of each look, on the rows": _differences(scores),
    }


def _ever(values: Array, truth: Array, low: float, *, population: int | None) -> Array:
    """The highest log capital against the truth, (R, K)."""
    high = 1.0
    found = [
        best_log_capital(values[r, k], float(truth[r, k]), population=population, low=low, high=high) for r, k in np.ndindex(truth.shape)
    ]
    return np.array(found).reshape(truth.shape)


def _differences(scores: Array) -> NDArray[np.bool_]:
    """The report compares with whoever has the best mean when it is made; K - 1 intervals share the error."""
    races, count, rows = scores.shape
    bound = np.log(2 * (count - 1) / (1 - CONFIDENCE))
    held = np.ones(races, dtype=bool)
    for r, race in enumerate(scores):
        leaders = np.cumsum(race, axis=1).argmax(axis=0)
        for leader in np.unique(leaders):
            gaps = np.delete(race, leader, axis=0) - race[leader]
            for gap in gaps:
                capital = [log_capital(sign * gap, sign * float(gap.mean()), population=rows, low=-1.0, high=1.0)[:-1] for sign in (1, -1)]
                out = np.maximum.accumulate(np.maximum(*capital)) >= bound
                held[r] &= not (out & (leaders[:-1] == leader)).any()
    return held


def believed(sample: Sample) -> Held:
    """Whether the posterior's intervals held at fixed numbers of rows."""
    held: Held = {}
    sums, everyone = _prefix_sums(sample.scores), np.arange(len(sample.scores))
    for seen in SEEN:
        done = np.full(sample.means.shape, seen)
        found = posterior(_moments(*sums, everyone, done), ROWS)
        held |= _around(found, sample.means, found.mean.argmax(axis=1), f"at {seen} rows")
    return held


def ended(sample: Sample) -> Held:
    """The same when the rule `bayes` had seen enough, of candidates that have run different numbers of rows."""
    found, chosen = stopped(sample)
    return _around(found, sample.means, chosen, "when stopped")


def _around(found: Posterior, truth: Array, best: NDArray[np.int64], when: str) -> Held:
    reach = norm.ppf((1 + CONFIDENCE) / 2) * np.sqrt(np.maximum(np.einsum("rkk->rk", found.covariance), 0.0))
    inside = np.abs(found.mean - truth) <= reach + CLOSE
    races = np.arange(len(truth))
    second = np.where(np.arange(truth.shape[1]) == best[:, None], -np.inf, found.mean).argmax(axis=1)
    pick = np.zeros(truth.shape)
    pick[races, best], pick[races, second] = 1.0, -1.0
    variance = np.einsum("rk,rkl,rl->r", pick, found.covariance, pick)
    gap = np.abs((pick * (found.mean - truth)).sum(axis=1))
    return {
        f"posterior {when}: every candidate": inside.ravel(),
        f"posterior {when}: the best or chosen one": inside[races, best],
        f"posterior {when}: its lead over the next": gap <= norm.ppf((1 + CONFIDENCE) / 2) * np.sqrt(np.maximum(variance, 0.0)) + CLOSE,
    }


def stopped(sample: Sample) -> tuple[Posterior, NDArray[np.int64]]:
    """The posterior of each race at the look that ended it, and who was returned."""
    sums, done = _prefix_sums(sample.scores), np.full(sample.means.shape, FIRST_ROWS)
    while True:
        found = posterior(_moments(*sums, np.arange(len(done)), done), ROWS)
        view = outlook(found, GOAL.tolerance)
        over = satisfied(view, done, ROWS, GOAL) | (done == ROWS).all(axis=1)
        if over.all():
            return found, view.best
        done = np.where(over[:, None], done, targets(view, done, ROWS, np.ones(done.shape)))


def fixed(sample: Sample) -> Held:
    """Whether the intervals for new inputs held that are looked at once: of one candidate, and of a pair."""
    held: dict[str, list[bool]] = {}
    for scores, expected in zip(sample.scores, sample.expected, strict=True):
        for seen in SEEN:
            score = mean_score(scores[0, :seen], confidence=CONFIDENCE)
            pair = paired_difference(scores[0, :seen], scores[1, :seen], confidence=CONFIDENCE).interval
            held.setdefault(f"fixed-size at {seen} rows: score", []).append(score.low - CLOSE <= expected[0] <= score.high + CLOSE)
            held.setdefault(f"fixed-size at {seen} rows: difference", []).append(
                pair.low - CLOSE <= expected[0] - expected[1] <= pair.high + CLOSE
            )
    return {name: np.array(values) for name, values in held.items()}


KINDS = (anytime, believed, ended, fixed)


def coverage(source: Source, *, repeats: int, seed: int, kinds: tuple[Callable[[Sample], Held], ...] = KINDS) -> Held:
    """For each kind of interval whether it held, in each of the repeats."""
    parts = list(_chunks(source, repeats, seed, kinds))
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _chunks(source: Source, repeats: int, seed: int, kinds: tuple[Callable[[Sample], Held], ...]) -> Iterator[Held]:
    rng = np.random.default_rng(seed)
    for start in range(0, repeats, TOGETHER):
        sample = source(min(TOGETHER, repeats - start), rng)
        yield {name: held for kind in kinds for name, held in kind(sample).items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data", type=Path, nargs="?")
    parser.add_argument("--repeats", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    print(f"{options.repeats} races of {COUNT} candidates on {ROWS} rows each, intervals at {CONFIDENCE:.0%}, seed {options.seed}")
    for name, source in sources(options.data).items():
        print(name)
        for what, held in coverage(source, repeats=options.repeats, seed=options.seed).items():
            interval = binomtest(int(held.sum()), len(held)).proportion_ci(0.95, method="exact")
            print(f"  {what:62}{held.mean():7.1%} [{interval.low:.1%}, {interval.high:.1%}]", flush=True)


if __name__ == "__main__":
    main()
