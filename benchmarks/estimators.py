"""By how much strata, controls, blocks and cascades reduce variance, calls and cost against the plain paired difference, on real answers.

    python benchmarks/estimators.py [--data FOLDER] [--repeats 300] [--coverage 4000]

Nothing is fitted beforehand: every coefficient comes from the rows seen in the same repeat. "MSE" is the mean squared error relative to
the plain paired difference at the same number of dear calls, so 0.90 says that 10% fewer calls give the same accuracy; "held" is the
share of 95% intervals that held the truth. Costs are output characters (mmlu_pro) or the judges' published prices (alpaca_eval).
"""

import argparse
import csv
import math
import os
from collections import defaultdict
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from estimator_coverage import print_coverage
from llmpick.evidence.values import Interval
from llmpick.stats.allocation import allocate
from llmpick.stats.cascade import anytime_cascade, cascade_mean
from llmpick.stats.clustered import cluster_wagers
from llmpick.stats.control_variate import control_wagers, regression_mean, strata_controls
from llmpick.stats.order import block_order
from llmpick.stats.stratified import category_strata, post_stratified_mean, quantile_strata, strata_of
from llmpick.stats.wager import Wagers, log_capital

Array = NDArray[np.float64]
CONFIDENCE = 0.95
FEWEST_ROWS = 200
COMPLETE = "control: a has run all rows"
DATA = Path(os.environ.get("LLMPICK_SHARED_DATA", Path(__file__).resolve().parents[2] / "shared" / "data")) / "evaluation"


class Table:
    """Squared errors and held intervals of several estimators on the same draws; the first estimator named is the plain one."""

    def __init__(self) -> None:
        self.errors: dict[str, list[float]] = defaultdict(list)
        self.held: dict[str, list[bool]] = defaultdict(list)

    def add(self, name: str, interval: Interval, truth: float) -> None:  # noqa: D102
        self.errors[name].append((interval.value - truth) ** 2)
        self.held[name].append(interval.low - 1e-9 <= truth <= interval.high + 1e-9)

    def show(self, title: str) -> None:  # noqa: D102
        print(f"{title}\n  {'estimator':58}{'MSE':>8}{'held':>8}")
        plain = np.mean(next(iter(self.errors.values())))
        for name, errors in self.errors.items():
            print(f"  {name:58}{np.mean(errors) / plain:8.2f}{np.mean(self.held[name]):8.1%}")


def numbers(file: Path) -> pl.DataFrame:
    return pl.read_csv(file)


def mmlu(data: Path) -> tuple[Array, Array, list[str]]:
    """Scores (K, rows), output characters (K, rows) and the category of each row."""
    scores, characters = numbers(data / "mmlu_pro/scores.csv.gz"), numbers(data / "mmlu_pro/output_characters.csv.gz")
    models = [name for name in scores.columns if name not in ("item", "category")]
    joined = scores.join(characters, on="item", suffix=" characters")
    return (
        joined.select(models).to_numpy().T.astype(float),
        joined.select([f"{name} characters" for name in models]).to_numpy().T.astype(float),
        joined["category"].to_list(),
    )


def plain(values: Array, rows: int) -> Interval:
    return post_stratified_mean(values, np.zeros(len(values), dtype=np.int64), np.array([rows]), confidence=CONFIDENCE)


def shifted(interval: Interval, by: float) -> Interval:
    return Interval(interval.value - by, interval.low - by, interval.high - by, interval.confidence)


Signals = dict[str, Callable[[NDArray[np.int64]], list[object]]]


def fixed_sizes(scores: Array, signals: Signals, *, rows: int, seen: int, repeats: int) -> Table:
    """Draws of two models and a bystander (a baseline that has answered all rows), `rows` rows, `seen` of them run by the pair."""
    table, rng = Table(), np.random.default_rng(0)
    for _ in range(repeats):
        cheap, dear, bystander = rng.choice(len(scores), size=3, replace=False)
        drawn = rng.choice(scores.shape[1], size=rows, replace=False)
        a, b, other = scores[cheap, drawn], scores[dear, drawn], scores[bystander, drawn]
        difference, truth = b[:seen] - a[:seen], float((b - a).mean())
        table.add("plain paired difference", plain(difference, rows), truth)
        for name, signal in signals.items():
            strata = strata_of(signal(drawn))
            sizes = np.bincount(strata)
            table.add(f"strata: {name}", post_stratified_mean(difference, strata[:seen], sizes, confidence=CONFIDENCE), truth)
        strata = quantile_strata(other.tolist(), bins=2)
        by_baseline = post_stratified_mean(difference, strata[:seen], np.bincount(strata), confidence=CONFIDENCE)
        table.add("strata: a baseline's score", by_baseline, truth)
        known = other[None]
        table.add("control: a baseline's score", regression_mean(difference, known, confidence=CONFIDENCE, population=rows), truth)
        for name, controls in (("rival has run all rows", a[None]), ("rival and a baseline have run all rows", np.stack([a, other]))):
            dear_mean = regression_mean(b[:seen], controls, confidence=CONFIDENCE, population=rows)
            table.add(f"control: {name}", shifted(dear_mean, float(a.mean())), truth)
        table.add("rival has run all rows, no regression", shifted(plain(b[:seen], rows), float(a.mean())), truth)
    return table


def decided_after(*wagers: Wagers, null: float, threshold: float) -> float:
    """Share of the rows seen when a claim about the pair is proven: "more than `null`", or "less"."""
    rows, left = wagers[0].left[0], wagers[0].left[1:]
    at = rows
    for capital in (log_capital(*wagers, null_mean=null), log_capital(*(one.mirrored() for one in wagers), null_mean=-null)):
        proven = np.flatnonzero(capital >= threshold)
        at = min(at, rows - left[proven[0]] if len(proven) else rows)
    return float(at / rows)


class Pair:
    """A draw: scores and output characters of `a` (the shorter answers) and `b` on the drawn rows, a bystander's scores, and the strata."""

    def __init__(self, scores: Array, characters: Array, categories: list[str], rows: int, rng: np.random.Generator) -> None:
        a, b, bystander = rng.choice(len(scores), size=3, replace=False)
        if characters[a].mean() > characters[b].mean():
            a, b = b, a
        drawn = rng.choice(scores.shape[1], size=rows, replace=False)
        self.a, self.b, self.other = scores[a, drawn], scores[b, drawn], scores[bystander, drawn]
        self.price_a, self.price_b = characters[a, drawn], characters[b, drawn]
        self.strata = category_strata([categories[i] for i in drawn])


def shares(pair: Pair, tolerance: float, seed: int) -> dict[str, float]:
    """For each way of betting: the share of b's rows run until "b is better by more than the tolerance" or its opposite was shown."""
    rows, threshold = len(pair.a), math.log(2 / (1 - CONFIDENCE))
    topics, other, gap, offset = strata_controls(pair.strata), pair.other[None], pair.b - pair.a, float(pair.a.mean())
    ways = {"plain paired bets": np.zeros((1, rows)), "control: category": topics, "control: a baseline's score": other}
    ways["control: a baseline's score and category"] = np.vstack([other, topics])
    found = {
        name: decided_after(control_wagers(gap, controls, low=-1.0, high=1.0), null=tolerance, threshold=threshold)
        for name, controls in ways.items()
    }
    for size in (4, 8):
        order = block_order(pair.strata, size=size, seed=seed)
        bets = cluster_wagers(gap[order.rows], order.units, low=-1.0, high=1.0)
        found[f"blocks of {size} rows, balanced over categories"] = decided_after(bets, null=tolerance, threshold=threshold)
    one = pair.a[None]
    paired = control_wagers(pair.b, one, low=0.0, high=1.0, prior=np.array([1.0]), penalty_rows=1e9, limit=math.inf)
    single = control_wagers(pair.b, one, low=0.0, high=1.0, prior=np.array([0.5]))
    double = control_wagers(pair.b, np.vstack([one, other]), low=0.0, high=1.0, prior=np.array([0.5, 0.0]))
    for name, bets in (("", (single,)), (", and a baseline", (double,)), (", hedged with the paired difference", (paired, single))):
        found[COMPLETE + name] = decided_after(*bets, null=tolerance + offset, threshold=threshold)
    return found


def sequential(scores: Array, characters: Array, categories: list[str], *, rows: int, tolerance: float, repeats: int) -> None:
    """Two-sided, anytime at 95%, a look at every row (or block). `a` runs along with b, or, where it is a control, has run all rows.

    Last column: how many times dearer a call of b must be for the control to pay, when all rows of a are bought for this one race.
    """
    rng, seen, cost = np.random.default_rng(1), defaultdict[str, list[float]](list), defaultdict[str, list[float]](list)
    for repeat in range(repeats):
        pair = Pair(scores, characters, categories, rows, rng)
        for name, share in shares(pair, tolerance, repeat).items():
            of_a = 1.0 if name.startswith(COMPLETE) else share
            seen[name].append(share)
            cost[name].append((of_a * pair.price_a.sum() + share * pair.price_b.sum()) / (pair.price_a.sum() + pair.price_b.sum()))
    print(f"until proven, pairs, N={rows}, tolerance {tolerance:.0%}\n  {'':58}{'b run':>8}{'chars':>8}{'pays from':>11}")
    plainly = np.mean(seen["plain paired bets"])
    for name in seen:
        share = np.mean(seen[name])
        pays = f"{(1 - plainly) / (plainly - share):10.0f}x" if name.startswith(COMPLETE) and share < plainly else ""
        print(f"  {name:58}{share:8.1%}{np.mean(cost[name]):8.1%}{pays:>11}")


def judges(
    title: str, evidence: Iterable[tuple[Array, ...]], costs: Array, *, share: float, repeats: int, pilot: int = 20, low: float = 0.0
) -> None:
    """The truth is the last judge; the stages before it are cheaper. The same budget buys the last judge on `share` of the rows."""
    table, rng, widths, plain_widths, plans = Table(), np.random.default_rng(2), [], [], []
    for stages in evidence:
        rows, truth = len(stages[-1]), float(stages[-1].mean())
        for _ in range(repeats):
            order = rng.permutation(rows)
            shuffled = [stage[order] for stage in stages]
            budget = share * rows * float(costs[-1])
            table.add("last judge alone", plain(shuffled[-1][: int(share * rows)], rows), truth)
            plan = allocate(np.cov(np.stack([stage[:pilot] for stage in shuffled])), costs, budget=budget, rows=rows, observed=pilot)
            sizes = [min(max(n, pilot), rows) if n else 0 for n in plan.rows]
            used = [stage[:n] for stage, n in zip(shuffled, sizes, strict=True) if n]
            table.add(f"cascade, sizes from {pilot} pilot rows", cascade_mean(used, confidence=CONFIDENCE, population=rows), truth)
            plans.append([n / rows for n in sizes])
            left = int((budget - rows * float(costs[:-1].sum())) / float(costs[-1]))
            if left < pilot:
                continue  # the cheaper stages on all rows would take the budget
            both = [*shuffled[:-1], shuffled[-1][:left]]
            anytime = anytime_cascade(both, confidence=CONFIDENCE, rows=rows, complete=len(stages) - 1, low=low)
            alone = anytime_cascade([shuffled[-1][: int(share * rows)]], confidence=CONFIDENCE, rows=rows, complete=0, low=low)
            table.add("anytime, cheaper stages on all rows", anytime, truth)
            widths.append(anytime.high - anytime.low)
            plain_widths.append(alone.high - alone.low)
    table.show(f"{title}; costs {', '.join(f'{c:g}' for c in costs)}; budget: last judge on {share:.0%} of the rows")
    widened = (
        f"anytime width {np.mean(widths):.3f}, last judge alone {np.mean(plain_widths):.3f}" if widths else "no anytime form affordable"
    )
    print(f"  mean sizes {np.mean(plans, axis=0).round(2)}; {widened}")


def alpaca_judges(data: Path, cheap: str, dear: str, lengths: str) -> Iterable[tuple[Array, ...]]:
    """For each model that both judges rated: the length of its answer (free), the cheap judge, the dear judge; complete rows."""
    first, second, length = (numbers(data / f"alpaca_eval/{name}.csv.gz") for name in (cheap, dear, lengths))
    for name in first.columns:
        if name in second.columns and name in length.columns and name not in ("item", "NullModel"):
            table = first.select("item", a=name).join(second.select("item", b=name), on="item")
            table = table.join(length.select("item", c=name), on="item").drop_nulls()
            if table["b"].n_unique() < 2 or len(table) < FEWEST_ROWS:
                continue
            yield np.log1p(table["c"].to_numpy()), table["a"].to_numpy(), table["b"].to_numpy()


def vicuna_judges(data: Path) -> Iterable[tuple[Array, ...]]:
    """For each pairing judged by both: GPT-3.5's and GPT-4's difference of scores, scaled to [-1, 1]."""
    reviews: dict[tuple[str, str], dict[str, float]] = defaultdict(dict)
    with (data / "vicuna_bench/gpt4_reviews.csv").open() as file:
        for row in csv.DictReader(file):
            if "new-hp" in row["group"] and float(row["score_1"]) >= 0 and float(row["score_2"]) >= 0:
                pair = row["pair"].replace("llama-13b_", "llama_")
                reviews[(row["judge"], pair)][row["question_id"]] = (float(row["score_1"]) - float(row["score_2"])) / 9
    for (judge, pair), cheap in reviews.items():
        dear = reviews.get(("gpt-4", pair))
        if judge == "gpt-3.5-turbo" and dear:
            shared = sorted(cheap.keys() & dear.keys())
            yield np.array([cheap[q] for q in shared]), np.array([dear[q] for q in shared])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--repeats", type=int, default=300)
    parser.add_argument("--coverage", type=int, default=0, help="repeats of the simulated coverage; 0: none")
    options = parser.parse_args()
    if options.coverage:
        print_coverage(options.coverage)
    data, repeats = options.data, options.repeats
    scores, characters, categories = mmlu(data)
    signals: Signals = {
        "category": lambda drawn: [categories[i] for i in drawn],
        "output length of one model": lambda drawn: characters[0, drawn].tolist(),
    }
    for rows, seen in ((1000, 200), (300, 100)):
        table = fixed_sizes(scores, signals, rows=rows, seen=seen, repeats=5 * repeats)
        table.show(f"mmlu_pro, pairs, N={rows}, {seen} rows run by the pair")
    alpaca(data, 5 * repeats)
    for rows, tolerance in ((1000, 0.02), (300, 0.05)):
        sequential(scores, characters, categories, rows=rows, tolerance=tolerance, repeats=repeats)
    all_judges(data, max(repeats // 2, 1))


def alpaca(data: Path, repeats: int) -> None:
    wins = numbers(data / "alpaca_eval/winprob_v2_weighted_gpt4turbo_vs_gpt4_1106.csv.gz").drop("NullModel")
    complete = wins.join(numbers(data / "alpaca_eval/items.csv.gz"), on="item").drop_nulls()
    graded = complete.drop("item", "dataset", "instruction").to_numpy().T
    source, texts = complete["dataset"].to_list(), complete["instruction"].to_list()
    signals: Signals = {
        "data set": lambda drawn: [source[i] for i in drawn],
        "length of the instruction": lambda drawn: [texts[i] for i in drawn],
    }
    fixed_sizes(graded, signals, rows=graded.shape[1], seen=150, repeats=repeats).show("alpaca_eval, pairs, N=797, 150 rows")


def all_judges(data: Path, repeats: int) -> None:
    """Prices per 1,000 judgements are those of `evaluators_leaderboard.csv`; lengths cost next to nothing."""
    claude_gpt4 = alpaca_judges(data, "winprob_v1_claude_vs_davinci003", "winprob_v1_gpt4_vs_davinci003", "outchars_v1_gpt4_vs_davinci003")
    judges("alpaca_eval 1: length, Claude, GPT-4", claude_gpt4, np.array([0.01, 3.3, 13.6]), share=0.25, repeats=repeats)
    weighted = "winprob_v2_weighted_gpt4turbo_vs_gpt4_1106"
    names = weighted, "winprob_v2_gpt4turbo_fn_vs_gpt4_1106", "outchars_v2_weighted_gpt4turbo_vs_gpt4_1106"
    human = np.array([0.01, 4.32, 300.0])
    judges("alpaca_eval 2: length, a judge, another as if human", alpaca_judges(data, *names), human, share=0.25, repeats=repeats)
    judges("vicuna_bench: GPT-3.5, GPT-4", vicuna_judges(data), np.array([0.83, 13.6]), share=0.5, repeats=repeats, low=-1.0)


if __name__ == "__main__":
    main()
