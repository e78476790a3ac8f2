"""Whether the interval of a cascade holds when its sizes were chosen by a pilot that is part of it: simulated tasks, the whole way of
`race --cascade` from the pilot to the interval, on functions of the package.

    python benchmarks/cascade_coverage.py --repeats 4000
    python benchmarks/cascade_coverage.py --data FOLDER    # recorded judges of AlpacaEval in place of simulated stages

For each case: how often 95% intervals held the mean over all rows and the mean for new inputs (goal 93-97%), how often the cheaper stage
was used, how many rows of the truth there were, and the mean variance of the truth alone at the same spending over the mean squared
error of the cascade: above 1 the cascade pays, its pilot included.
"""

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from estimators import alpaca_judges
from llmpick.decide.cascading import Evidence, covariances
from llmpick.stats.allocation import allocate
from llmpick.stats.cascade import bounded_cascade_mean
from llmpick.workflow.cascade.budget import PILOT

ROWS = 400
CONFIDENCE = 0.95
Rng = np.random.Generator
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Case:
    """`draw(rng, rows)` gives the evidence of all stages on all rows, shape (K, J, rows), and its true mean for new inputs, shape (K,).
    `costs` are those of a row of each stage for all K candidates, `budget` is in rows of the truth. With two candidates the question is
    their difference.
    """

    draw: Callable[[Rng, int], Floats]
    costs: tuple[float, ...]
    budget: float


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one task. `squared_error` is that of the mean over all rows, `alone` the variance of the truth alone for the budget."""

    on_rows: bool
    new_inputs: bool
    used: bool
    truths: int
    squared_error: float
    alone: float


def binary(share: float, links: tuple[float, ...], candidates: int = 1) -> Callable[[Rng, int], Floats]:
    """Truths of 0 or 1, right on a `share` of the rows, and stages that are linked to what is behind them with these correlations; a
    second candidate is right on a tenth more of them. Half of what makes a row hard is common to both.
    """
    from scipy.special import ndtri

    def draw(rng: Rng, rows: int) -> Floats:
        common = rng.normal(size=rows)
        found: list[list[Floats]] = []
        for k in range(candidates):
            latent = (common + rng.normal(size=rows)) / 2**0.5
            truth = (latent < ndtri(min(share + 0.1 * k, 0.99))).astype(float)
            found.append([*(-link * latent + (1 - link**2) ** 0.5 * rng.normal(size=rows) for link in links), truth])
        return np.array(found)

    return draw


def graded(link: float) -> Callable[[Rng, int], Floats]:
    """A truth of five grades whose spread grows with the cheap evidence: errors are not even, nor is the line straight."""

    def draw(rng: Rng, rows: int) -> Floats:
        cheap = rng.exponential(size=rows)
        latent = link * np.sqrt(cheap) + (1 - link) * rng.normal(size=rows) * (0.4 + 0.6 * cheap)
        return np.array([[cheap, np.clip(np.round(2 * latent) / 4 + 0.25, 0, 1)]])

    return draw


CASES: dict[str, Case] = {
    "good stage, a tenth of the cost": Case(binary(0.6, (0.85,)), (1, 10), 80),
    "good stage, a fiftieth of the cost": Case(binary(0.6, (0.85,)), (1, 50), 60),
    "excellent stage, a fiftieth of it": Case(binary(0.6, (0.97,)), (1, 50), 100),
    "fair stage": Case(binary(0.6, (0.55,)), (1, 20), 80),
    "useless stage": Case(binary(0.6, (0.0,)), (1, 20), 80),
    "three stages": Case(binary(0.5, (0.5, 0.85)), (1, 5, 50), 80),
    "difference of two": Case(binary(0.5, (0.8,), candidates=2), (2, 40), 80),
    "seldom wrong": Case(binary(0.93, (0.85,)), (1, 20), 80),
    "hardly ever right": Case(binary(0.02, (0.85,)), (1, 20), 80),
    "uneven errors": Case(graded(0.6), (1, 20), 80),
    "small budget": Case(binary(0.6, (0.85,)), (1, 20), 40),
}


def once(case: Case, rng: Rng, *, long_run: Floats, rows: int = ROWS) -> Outcome:
    """One task, from its pilot to the interval."""
    whole = case.draw(rng, rows)
    costs, truth = np.array(case.costs, dtype=float), whole[:, -1]
    budget = case.budget * costs[-1]
    pilot = Evidence(tuple(whole[:, j, :PILOT] for j in range(len(costs))), rows, 0)
    left = budget - PILOT * float(costs.sum())
    plan = allocate(covariances(pilot), costs, budget=left, rows=rows, observed=PILOT, have=PILOT)
    seen = [whole[:, j, :n] for j, n in enumerate(plan.rows) if n]
    sign = np.array([1.0, -1.0])[: len(whole)] if len(whole) > 1 else np.ones(1)
    stages = [np.tensordot(sign, stage, 1) for stage in seen]
    low = -1.0 if len(whole) > 1 else 0.0
    mean, future = float(sign @ truth.mean(axis=1)), float(sign @ long_run)
    on_rows, new = (bounded_cascade_mean(stages, confidence=CONFIDENCE, population=n, low=low) for n in (rows, None))
    spread = float((sign @ truth).var(ddof=1))
    return Outcome(
        on_rows=_holds(on_rows.low, mean, on_rows.high),
        new_inputs=_holds(new.low, future, new.high),
        used=len(seen) > 1,
        truths=plan.rows[-1],
        squared_error=(on_rows.value - mean) ** 2,
        alone=spread * (1 / min(int(case.budget), rows) - 1 / rows),
    )


def _holds(low: float, value: float, high: float) -> bool:
    return low - 1e-9 <= value <= high + 1e-9


def repeated(name: str, *, repeats: int, seed: int = 0) -> list[Outcome]:
    """So many seeded tasks of a case."""
    case = CASES[name]
    long_run = case.draw(np.random.default_rng((seed, 1)), 1_000_000)[:, -1].mean(axis=1)
    return [once(case, np.random.default_rng((seed, 2, repeat)), long_run=long_run) for repeat in range(repeats)]


def recorded(data: Path, repeats: int) -> dict[str, list[Outcome]]:
    """The judges of AlpacaEval, all of a table's models one after the other, `repeats` orders of the rows of each; the budget is the dear
    judge on a quarter of the rows. Prices of a judgement, in thousandths of a dollar, are those of its leaderboard; answers cost nothing.
    New inputs are not looked into: nothing is known of their mean.
    """
    one = ("winprob_v1_claude_vs_davinci003", "winprob_v1_gpt4_vs_davinci003", "outchars_v1_gpt4_vs_davinci003")
    weighted = "winprob_v2_weighted_gpt4turbo_vs_gpt4_1106"
    two = (weighted, "winprob_v2_gpt4turbo_fn_vs_gpt4_1106", "outchars_v2_weighted_gpt4turbo_vs_gpt4_1106")
    human = (0.01, 4.32, 300.0)
    tables = {"length, Claude, GPT-4": (one, (0.01, 3.3, 13.6)), "length, a judge, another as if human": (two, human)}
    found: dict[str, list[Outcome]] = {}
    for title, (names, costs) in tables.items():
        found[title] = []
        for k, stages in enumerate(alpaca_judges(data, *names)):
            whole = np.stack(stages)[None]
            rows = whole.shape[-1]
            case = Case(lambda rng, _, whole=whole: whole[..., rng.permutation(whole.shape[-1])], costs, rows / 4)
            mean = whole[:, -1].mean(axis=1)
            found[title] += [once(case, np.random.default_rng((k, r)), long_run=mean, rows=rows) for r in range(repeats)]
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=4000)
    parser.add_argument("--data", type=Path)
    options = parser.parse_args()
    told = recorded(options.data, options.repeats) if options.data else None
    print(f"a pilot of {PILOT} rows, {options.repeats} repeats")
    print(f"{'case':38}{'on rows':>9}{'new':>8}{'used':>8}{'truths':>8}{'gain':>7}")
    for name in told or CASES:
        seen = told[name] if told else repeated(name, repeats=options.repeats)
        on_rows, new, used = (float(np.mean([getattr(one, key) for one in seen])) for key in ("on_rows", "new_inputs", "used"))
        gain = np.mean([one.alone for one in seen]) / np.mean([one.squared_error for one in seen])
        future = "-" if told else f"{new:.1%}"
        print(f"{name:38}{on_rows:9.1%}{future:>8}{used:8.0%}{np.mean([one.truths for one in seen]):8.0f}{gain:7.2f}")


if __name__ == "__main__":
    main()
