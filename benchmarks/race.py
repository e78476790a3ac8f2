"""What a decision costs: `llmpick race` beside plain racing, on the same random draws of recorded matrices.

    python benchmarks/race.py DATA [--repeats 1000] [--seed 1]

DATA is a folder with `mmlu_pro/scores.csv.gz`, `mmlu_pro/output_characters.csv.gz` and `alpaca_eval/winprob_v2_weighted_*.csv.gz`.
"calls" is the share of all calls; regret is measured on all rows of the draw. Constants of the rules were chosen on the even rows of
MMLU-Pro (`--half even`), so what is reported is the odd ones; AlpacaEval played no part. `plain at our error`: the calls that plain racing
takes when its own constant is set so that it errs as often as llmpick does, which makes the two comparable.
"""

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from llmpick.evidence.scores import ScoreMatrix
from llmpick.sources.scores import read_scores
from llmpick.stats.goal import Goal, Guarantee
from llmpick.stats.replay import Ends, draws, race_many
from plain_racing import plain_anytime, plain_bayes

Race = Callable[[NDArray[np.float64], float], tuple[int, NDArray[np.int64]]]


@dataclass(frozen=True)
class Setting:
    """One line of the table."""

    matrix: str
    models: int
    rows: int
    tolerance: float
    guarantee: Guarantee


SETTINGS = (
    Setting("mmlu_pro", 8, 1000, 0.02, "bayes"),
    Setting("mmlu_pro", 8, 200, 0.02, "bayes"),
    Setting("mmlu_pro", 5, 1000, 0.02, "anytime"),
    Setting("mmlu_pro", 5, 300, 0.05, "anytime"),
    Setting("alpaca_eval", 5, 797, 0.05, "anytime"),
    Setting("alpaca_eval", 8, 797, 0.02, "bayes"),
)


def matrices(folder: Path, half: str) -> dict[str, ScoreMatrix]:
    """MMLU-Pro with costs, one half of its rows or all; AlpacaEval 2 without its adversarial `NullModel`."""
    mmlu = read_scores(folder / "mmlu_pro/scores.csv.gz", costs=folder / "mmlu_pro/output_characters.csv.gz")
    every = {"even": slice(0, None, 2), "odd": slice(1, None, 2), "all": slice(None)}[half]
    alpaca = read_scores(folder / "alpaca_eval/winprob_v2_weighted_gpt4turbo_vs_gpt4_1106.csv.gz")
    return {"mmlu_pro": _part(mmlu, rows=every), "alpaca_eval": _part(alpaca, without="NullModel")}


def _part(matrix: ScoreMatrix, rows: slice = slice(None), without: str = "") -> ScoreMatrix:
    kept = [k for k, name in enumerate(matrix.models) if name != without]
    return replace(
        matrix,
        models=tuple(matrix.models[k] for k in kept),
        items=matrix.items[rows],
        scores=matrix.scores[kept][:, rows],
        seen=matrix.seen[kept][:, rows],
        costs=None if matrix.costs is None else matrix.costs[kept][:, rows],
        columns={},
    )


@dataclass(frozen=True)
class Line:
    """One policy on the draws of one setting."""

    calls: NDArray[np.float64]
    spent: NDArray[np.float64]
    wrong: NDArray[np.bool_]
    half: float
    seconds: float

    def text(self, name: str) -> str:
        """The line of the printed table."""
        return (
            f"  {name:34}{self.calls.mean():7.2%} {np.median(self.calls):7.2%}{self.spent.mean():9.2%}"
            f"{self.wrong.mean():9.1%}{self.half:9.1%}{self.seconds:8.1f} s"
        )


def ours(matrix: ScoreMatrix, setting: Setting, repeats: int, seed: int, *, weigh: bool = False, confidence: float = 0.95) -> Line:
    began = time.perf_counter()
    goal = Goal(setting.tolerance, confidence)
    parts: list[Ends] = [
        race_many(drawn.scores, drawn.costs, goal=goal, guarantee=setting.guarantee, weigh=weigh)
        for drawn in draws(matrix, models=setting.models, rows=setting.rows, repeats=repeats, seed=seed)
    ]
    calls, spent, regret, decided = (np.concatenate([getattr(p, n) for p in parts]) for n in ("calls", "spent", "regret", "decided"))
    half = float((decided & (calls <= 0.5)).mean())
    return Line(calls, spent, regret > setting.tolerance + 1e-9, half, time.perf_counter() - began)


def theirs(matrix: ScoreMatrix, setting: Setting, repeats: int, seed: int, race: Race) -> Line:
    began = time.perf_counter()
    calls, spent, wrong = [], [], []
    for drawn in draws(matrix, models=setting.models, rows=setting.rows, repeats=repeats, seed=seed):
        costs = np.ones_like(drawn.scores) if drawn.costs is None else drawn.costs
        for scores, cost in zip(drawn.scores, costs, strict=True):
            returned, done = race(scores, setting.tolerance)
            means, made = scores.mean(axis=1), np.arange(setting.rows) < done[:, None]
            calls.append(made.mean())
            spent.append((cost * made).sum() / cost.sum())
            wrong.append(means.max() - means[returned] > setting.tolerance + 1e-9)
    shares = np.array(calls)
    return Line(shares, np.array(spent), np.array(wrong), float((shares <= 0.5).mean()), time.perf_counter() - began)


def at_error(matrix: ScoreMatrix, setting: Setting, repeats: int, seed: int, error: float) -> tuple[float, float]:
    """The calls of plain racing (`bayes`) when its stopping constant makes it err like `error`, and that constant, by interpolation."""
    stops = (0.02, 0.035, 0.05, 0.08, 0.12)
    lines = [theirs(matrix, setting, repeats, seed, lambda s, t, stop=stop: plain_bayes(s, t, stop=stop)) for stop in stops]
    errors = np.maximum.accumulate([line.wrong.mean() for line in lines])
    stop = float(np.interp(error, errors, stops))
    return float(np.exp(np.interp(stop, stops, [np.log(line.calls.mean()) for line in lines]))), stop


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--repeats", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--half", choices=("even", "odd", "all"), default="odd")
    options = parser.parse_args()
    known = matrices(options.data, options.half)
    print(f"{options.repeats} races each, seed {options.seed}, {options.half} rows of MMLU-Pro, confidence 95%")
    print(f"  {'':34}{'calls':>7} {'median':>7}{'spent':>9}{'error':>9}{'by half':>9}")
    for setting in SETTINGS:
        matrix, args = known[setting.matrix], (options.repeats, options.seed)
        print(f"{setting.matrix}, K={setting.models}, N={setting.rows}, tolerance {setting.tolerance:.0%}, {setting.guarantee}")
        plain = theirs(matrix, setting, *args, plain_bayes if setting.guarantee == "bayes" else plain_anytime)
        race = ours(matrix, setting, *args)
        print(plain.text("plain racing"))
        print(race.text("llmpick race"))
        print(f"  ratio of calls {race.calls.mean() / plain.calls.mean():.2f}", flush=True)
        if setting.guarantee == "bayes":
            calls, stop = at_error(matrix, setting, *args, float(race.wrong.mean()))
            print(
                f"  plain at our error: {calls:.2%} of calls (its constant {stop:.3f}), ratio {race.calls.mean() / calls:.2f}", flush=True
            )
        if setting.guarantee == "bayes" and matrix.costs is not None:
            weighed = ours(matrix, setting, *args, weigh=True)
            print(weighed.text("llmpick race, weighed by cost"))
            print(f"  ratio of cost to the same race by calls {weighed.spent.mean() / race.spent.mean():.2f}", flush=True)


if __name__ == "__main__":
    main()
