"""How long the machinery of a race takes, without any model: beside the limits that the project set itself.

    python benchmarks/race_speed.py [--repeats 300]

Choosing the next batch (judging what is seen, then saying who runs on) for 50 models x 10,000 rows, at several stages of a race: 20 ms.
Replaying 300 races of 8 models x 1,000 rows: 60 s on 2 cores. A ratio below 1 is within the limit. Tasks are drawn from the prior of
`llmpick plan`; the near ties, within two points, are the dear ones. The best of five is shown for a batch, since other work on the machine
only adds.
"""

import argparse
import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from llmpick.estimate.decision_cost import PUBLIC_PRIOR
from llmpick.stats.race import Progress
from llmpick.stats.replay import race_many
from llmpick.stats.rules import Goal, Guarantee, rule_for
from llmpick.stats.synthetic import draw_means, draw_task

GOAL = Goal(tolerance=0.02, confidence=0.95)
GUARANTEES: tuple[Guarantee, ...] = ("anytime", "bayes")
BATCH_LIMIT_MS, REPLAY_LIMIT_S = 20.0, 60.0
MODELS, ROWS = 50, 10_000
STAGES = (10, 100, 1000, 5000, 9000)
TRIES = 5


def task(count: int, rows: int, rng: np.random.Generator, *, close: bool) -> NDArray[np.float64]:
    """Scores (count, rows) of one task: of the prior, or all within two points."""
    return draw_task(
        PUBLIC_PRIOR, count, rows, rng, means=rng.uniform(0.59, 0.61, count) if close else draw_means(PUBLIC_PRIOR, count, rng)
    )


def progress_of(scores: NDArray[np.float64], done: NDArray[np.int64]) -> Progress:
    """As a live race has it: a new matrix at every look, empty to the right of what was run."""
    seen = np.arange(scores.shape[1]) < done[:, None]
    return Progress(np.where(seen, scores, 0.0), np.zeros_like(seen), done, np.zeros(len(done), dtype=np.int64))


def batch_ms(guarantee: Guarantee, scores: NDArray[np.float64], stage: int) -> float:
    """Milliseconds of one look and the choice of the next batch, at `stage` rows, after a look one batch before."""
    cost, found = np.ones(len(scores)), []
    for _ in range(TRIES):
        rule = rule_for(guarantee, GOAL)
        before = progress_of(scores, np.full(len(scores), round(stage / 1.05)))
        first = rule.judge(before)
        now = progress_of(scores, np.where(first.beaten, before.done, stage))
        found.append(_seconds(lambda rule=rule, now=now: rule.next_rows(now, rule.judge(now), cost)))
    return 1000 * min(found)


def replay_s(guarantee: Guarantee, repeats: int, *, close: bool) -> float:
    """Seconds of so many races of 8 models on 1,000 rows."""
    rng = np.random.default_rng(1)
    scores = np.stack([task(8, 1000, rng, close=close) for _ in range(repeats)])
    return _seconds(lambda: race_many(scores, None, goal=GOAL, guarantee=guarantee))


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--repeats", type=int, default=300)
    options = parser.parse_args()
    kinds = {"a task of the prior": False, "near ties": True}
    print(f"the next batch, {MODELS} models x {ROWS:,} rows, limit {BATCH_LIMIT_MS:g} ms")
    for name, close in kinds.items():
        scores = task(MODELS, ROWS, np.random.default_rng(0), close=close)
        for guarantee in GUARANTEES:
            for stage in STAGES:
                took = batch_ms(guarantee, scores, stage)
                print(f"  {guarantee:8} {name:20} at {stage:5,} rows {took:8.1f} ms   ratio {took / BATCH_LIMIT_MS:5.2f}", flush=True)
    print(f"{options.repeats} races, 8 models x 1,000 rows, limit {REPLAY_LIMIT_S * options.repeats / 300:g} s")
    for name, close in kinds.items():
        for guarantee in GUARANTEES:
            took = replay_s(guarantee, options.repeats, close=close)
            print(f"  {guarantee:8} {name:20} {took:8.1f} s   ratio {took / (REPLAY_LIMIT_S * options.repeats / 300):5.2f}", flush=True)


if __name__ == "__main__":
    main()
