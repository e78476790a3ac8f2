"""How long the machinery of a race takes, without any model: beside the limits that the project set itself.

    python benchmarks/race_speed.py [--repeats 300]

Choosing the next batch (judging what is seen, then saying who runs on) for 50 models x 10,000 rows: 20 ms. Every look of a whole race is
timed, from nothing seen to the end; shown are the median and the worst look. Replaying 300 races of 8 models x 1,000 rows: 60 s on 2 cores.
Turning the calls of that race into the matrix which the rules read, at every look: 5 ms. A ratio below 1 is within the limit. Tasks are
drawn from the prior of `llmpick plan`; near ties, within two points, take longer, and races of equals without a tolerance go on to the last
row. Each race is run three times and of each look the least time counts, since other work on the machine only adds.
"""

import argparse
import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from llmpick.estimate.decision_cost import PUBLIC_PRIOR
from llmpick.evidence.scores import ScoreMatrix
from llmpick.measure.scoreboard import Scoreboard
from llmpick.stats.anytime import MOST_ROWS
from llmpick.stats.goal import Goal, Guarantee
from llmpick.stats.race import Progress
from llmpick.stats.replay import race_many
from llmpick.stats.rules import rule_for
from llmpick.stats.synthetic import draw_means, draw_task
from llmpick.workflow.recorded import Tape, recorded_lanes

GOAL = Goal(tolerance=0.02, confidence=0.95)
BEST_ONLY = Goal(tolerance=0.0, confidence=0.95)
GUARANTEES: tuple[Guarantee, ...] = ("anytime", "bayes")
BATCH_LIMIT_MS, REPLAY_LIMIT_S, MATRIX_LIMIT_MS = 20.0, 60.0, 5.0
MODELS, ROWS = 50, 10_000
TRIES = 3


Draw = Callable[[int, int, np.random.Generator], NDArray[np.float64]]
"""(candidates, rows, generator) → scores (K, N) of one task."""


def of_the_prior(count: int, rows: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """As different as candidates usually are."""
    return draw_task(PUBLIC_PRIOR, count, rows, rng, means=draw_means(PUBLIC_PRIOR, count, rng))


def near_ties(count: int, rows: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """All within two points."""
    return draw_task(PUBLIC_PRIOR, count, rows, rng, means=rng.uniform(0.59, 0.61, count))


def equals(count: int, rows: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """All right in exactly half of the rows."""
    return rng.permuted(np.tile(np.arange(rows) % 2.0, (count, 1)), axis=1)


KINDS: dict[str, tuple[Draw, Goal]] = {
    "a task of the prior": (of_the_prior, GOAL),
    "near ties": (near_ties, GOAL),
    "equals, no tolerance": (equals, BEST_ONLY),
}


def progress_of(scores: NDArray[np.float64], done: NDArray[np.int64]) -> Progress:
    """As a live race has it: a new matrix at every look, empty to the right of what was run."""
    seen = np.arange(scores.shape[1]) < done[:, None]
    return Progress(np.where(seen, scores, 0.0), np.zeros_like(seen), done, np.zeros(len(done), dtype=np.int64))


def look_ms(guarantee: Guarantee, scores: NDArray[np.float64], goal: Goal) -> NDArray[np.float64]:
    """Milliseconds of each look at one race and of the choice of the batch after it, shape (looks,)."""
    return 1000 * np.min([_seconds_of_looks(guarantee, scores, goal) for _ in range(TRIES)], axis=0)


def _seconds_of_looks(guarantee: Guarantee, scores: NDArray[np.float64], goal: Goal) -> list[float]:
    rule, done, cost, took = rule_for(guarantee, goal), np.zeros(len(scores), dtype=np.int64), np.ones(len(scores)), []
    while True:
        progress, began = progress_of(scores, done), time.perf_counter()
        standing = rule.judge(progress)
        done = rule.next_rows(progress, standing, cost)
        took.append(time.perf_counter() - began)
        if standing.chosen is not None:
            return took


def matrix_ms(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Milliseconds of making the matrix at each look of a race that goes to the last row by batches of `MOST_ROWS`, shape (looks,)."""
    return 1000 * np.min([_seconds_of_matrices(scores) for _ in range(TRIES)], axis=0)


def _seconds_of_matrices(scores: NDArray[np.float64]) -> list[float]:
    matrix = ScoreMatrix(tuple(map(str, range(len(scores)))), tuple(map(str, range(scores.shape[1]))), scores, np.ones(scores.shape, bool))
    lanes, tape = recorded_lanes(matrix, weigh_by_cost=False), Tape(matrix)
    board, took = Scoreboard(lanes, scores.shape[1]), list[float]()
    for first in range(0, scores.shape[1], MOST_ROWS):
        for lane in lanes:
            lane.records.extend(tape.find(lane.keys[first : first + MOST_ROWS]).values())
        began = time.perf_counter()
        board.progress(lanes)
        took.append(time.perf_counter() - began)
    return took


def replay_s(guarantee: Guarantee, repeats: int, draw: Draw, goal: Goal) -> float:
    """Seconds of so many races of 8 models on 1,000 rows."""
    rng = np.random.default_rng(1)
    scores = np.stack([draw(8, 1000, rng) for _ in range(repeats)])
    began = time.perf_counter()
    race_many(scores, None, goal=goal, guarantee=guarantee)
    return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--repeats", type=int, default=300)
    options = parser.parse_args()
    print(f"the next batch, {MODELS} models x {ROWS:,} rows, limit {BATCH_LIMIT_MS:g} ms")
    for name, (draw, goal) in KINDS.items():
        scores = draw(MODELS, ROWS, np.random.default_rng(0))
        for guarantee in GUARANTEES:
            took = look_ms(guarantee, scores, goal)
            of_looks = f"{len(took):5} looks, median {np.median(took):5.1f} ms, worst {took.max():5.1f} ms"
            print(f"  {guarantee:8} {name:21} {of_looks}   ratio {took.max() / BATCH_LIMIT_MS:5.2f}", flush=True)
    took = matrix_ms(of_the_prior(MODELS, ROWS, np.random.default_rng(0)))
    of_looks = f"{len(took):5} looks, median {np.median(took):5.1f} ms, worst {took.max():5.1f} ms"
    print(f"the matrix of its calls, limit {MATRIX_LIMIT_MS:g} ms\n  {of_looks}   ratio {took.max() / MATRIX_LIMIT_MS:5.2f}", flush=True)
    limit = REPLAY_LIMIT_S * options.repeats / 300
    print(f"{options.repeats} races, 8 models x 1,000 rows, limit {limit:g} s")
    for name, (draw, goal) in KINDS.items():
        for guarantee in GUARANTEES:
            took = replay_s(guarantee, options.repeats, draw, goal)
            print(f"  {guarantee:8} {name:21} {took:8.1f} s   ratio {took / limit:5.2f}", flush=True)


if __name__ == "__main__":
    main()
