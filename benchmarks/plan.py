"""What `llmpick plan` assumes, fitted on published scores, and whether its forecasts hold on models and data that the fit has not seen.

    python benchmarks/plan.py DATA [--draws 200] [--seed 0]

DATA is the folder with `mmlu_pro`, `alpaca_eval`, `vicuna_bench` and `metabench` (their READMEs name the sources). Models are split by
family: the prior is fitted on one half of MMLU-Pro's and AlpacaEval's families, and races are replayed on the other half, and on two data
sets of metabench, of which the fit has seen nothing. Printed are the fitted constants (`estimate/decision_cost.py` has them), the share of
races whose calls lie inside the 90% range that was forecast, and how often "about N more rows would decide" came true.
"""

import argparse
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri
from scipy.stats import binomtest, spearmanr

from llmpick.estimate.decision_cost import PUBLIC_PRIOR, Forecast, Setting, forecast, run_one
from llmpick.evidence.values import Unknown
from llmpick.stats.goal import Goal, Guarantee
from llmpick.stats.power import rows_to_decide

MMLU_FITTED = ("llama", "phi", "yi")
"""The families of MMLU-Pro that the fit sees; Mistral and Qwen are left for the test."""
NOT_MODELS = ("NullModel", "gpt4_1106_preview", "text_davinci_003", "full_benchmark_score")
"""A constant answer, the baselines that the others are compared with, and a column of metabench."""
NODES, WEIGHTS = np.polynomial.legendre.leggauss(24)
RACES = 200
QUARTERS = (0.125, 0.375, 0.625, 0.875)
SETTINGS = ((5, 300, 0.05), (5, 1000, 0.02), (8, 1000, 0.02))


@dataclass(frozen=True)
class Matrix:
    """Scores, shape (models, items), without gaps."""

    name: str
    models: tuple[str, ...]
    scores: NDArray[np.float64]

    def where(self, keep: Callable[[str], bool], label: str) -> "Matrix":
        """Its models of which `keep` says so."""
        chosen = [k for k, model in enumerate(self.models) if keep(model)]
        return Matrix(f"{self.name}, {label}", tuple(self.models[k] for k in chosen), self.scores[chosen])

    @property
    def graded(self) -> bool:
        """Whether scores lie between 0 and 1 too."""
        return not np.isin(self.scores, (0.0, 1.0)).all()


def family(model: str) -> str:
    """The first word of a name: Qwen1.5-7B-Chat → qwen; mathstral is Mistral's."""
    word = re.match("[a-zA-Z]*", model)
    return {"mathstral": "mistral"}.get(word[0].lower(), word[0].lower()) if word else model


def read(file: Path, name: str) -> Matrix:
    """A table with a row per item; models that lack more than a twentieth of the items go, then items that any model lacks."""
    table = pl.read_csv(file)
    models = [column for column in table.columns if table[column].dtype.is_numeric() and column not in ("item", *NOT_MODELS)]
    scores = table.select(models).to_numpy().T.astype(float)
    kept = (np.isnan(scores).mean(axis=1) < 0.05) & (np.nanstd(scores, axis=1) > 0)
    scores = scores[kept]
    return Matrix(name, tuple(np.array(models)[kept]), scores[:, ~np.isnan(scores).any(axis=0)])


def read_transposed(file: Path, name: str) -> Matrix:
    """A table with a row per model."""
    table = pl.read_csv(file)
    items = [column for column in table.columns[1:] if column not in NOT_MODELS]
    return Matrix(name, tuple(table["model"]), table.select(items).to_numpy().astype(float))


def halves(matrix: Matrix) -> tuple[Matrix, Matrix]:
    """Every second family, in the order of the alphabet, for the fit; the rest for the test."""
    families = sorted(set(map(family, matrix.models)))
    fitted = set(families[::2])
    return matrix.where(lambda m: family(m) in fitted, "fitted"), matrix.where(lambda m: family(m) not in fitted, "unseen")


@dataclass(frozen=True)
class Fit:
    """Of one matrix: level and spread of the mean scores on the probit scale, and mean and spread of the latent correlation of pairs."""

    level: float
    spread: float
    agreement: float
    agreement_spread: float


def fit(matrix: Matrix) -> Fit:
    """`agreement_spread` is less what sampling of the items alone would give."""
    means = matrix.scores.mean(axis=1)
    usable = (means > 0.01) & (means < 0.99)
    scores, probits = matrix.scores[usable], ndtri(means[usable])
    pairs = np.triu_indices(len(scores), 1)
    if matrix.graded:
        agreement, noise = 2 * np.sin(np.pi * np.asarray(spearmanr(scores.T)[0])[pairs] / 6), 1.0 / scores.shape[1]
    else:
        agreement, noise = tetrachoric(scores)[pairs], 3.0 / scores.shape[1]
    extra = np.sqrt(max(agreement.var() - noise, 0.0))
    return Fit(float(probits.mean()), float(probits.std(ddof=1)), float(agreement.mean()), float(extra))


def tetrachoric(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """The correlation of the normal variables that were cut into 0 and 1, shape (K, K), found by bisection."""
    cut = ndtri(scores.mean(axis=1))
    first, second = np.meshgrid(cut, cut, indexing="ij")
    both = scores @ scores.T / scores.shape[1]
    low, high = np.full(both.shape, -0.99), np.full(both.shape, 0.99)
    for _ in range(30):
        middle = (low + high) / 2
        less = both_above(first, second, middle) < both
        low, high = np.where(less, middle, low), np.where(less, high, middle)
    return (low + high) / 2


def both_above(first: NDArray[np.float64], second: NDArray[np.float64], correlation: NDArray[np.float64]) -> NDArray[np.float64]:
    """The bivariate normal distribution function: its density integrated over the correlation (Drezner and Wesolowsky, 1990)."""
    r = correlation[..., None] * (NODES + 1) / 2
    h, k = first[..., None], second[..., None]
    density = np.exp(-(h**2 - 2 * r * h * k + k**2) / (2 * (1 - r**2))) / (2 * np.pi * np.sqrt(1 - r**2))
    return ndtr(first) * ndtr(second) + (density * WEIGHTS / 2).sum(axis=-1) * correlation


def graded_shares(folder: Path, alpaca: Matrix) -> NDArray[np.float64]:
    """The variance of graded scores over the most it could be: over GPT-4's reviews (1-10 as 0-1), then over AlpacaEval's models."""
    reviews = pl.read_csv(folder / "vicuna_bench/gpt4_reviews.csv").filter(pl.col("judge") == "gpt-4")
    columns = [part[column].to_numpy() for part in reviews.partition_by("pair") for column in ("score_1", "score_2")]
    grades = [(column[column > 0] - 1) / 9 for column in columns]
    return np.concatenate(
        [np.quantile([s.var() / (s.mean() * (1 - s.mean())) for s in some], QUARTERS) for some in (grades, alpaca.scores)]
    )


@dataclass(frozen=True)
class Cover:
    """Whether the calls of each replayed race lie inside the forecast range, shape (draws,); their median share; the forecast."""

    inside: NDArray[np.bool_]
    median: float
    expected: Forecast


def covered(matrix: Matrix, setting: Setting, guarantee: Guarantee, *, draws: int, races: int, seed: int) -> "Cover":
    """Forecasts, then replays races on random models and rows of the matrix."""
    expected = forecast(setting, guarantee, races=races, seed=seed)
    rng = np.random.default_rng(seed)
    calls = np.empty(draws)
    for draw in range(draws):
        models = rng.choice(len(matrix.models), setting.candidates, replace=False)
        rows = rng.choice(matrix.scores.shape[1], setting.rows, replace=False)
        calls[draw] = run_one(matrix.scores[np.ix_(models, rows)], setting.goal, guarantee).done.sum()
    inside = (calls >= expected.calls.low) & (calls <= expected.calls.high)
    return Cover(inside, float(np.median(calls)) / setting.candidates / setting.rows, expected)


@dataclass
class More:
    """Pairs that some rows left open: how many, decided after the number of rows named, number that is right at the pair's true mean and
    variance inside the range, and pairs of which nothing could be said or that the matrix has too few items to follow.
    """

    told: int = 0
    decided: int = 0
    inside: int = 0
    left_out: int = 0


def more_rows(matrix: Matrix, *, seen: int, tolerance: float, draws: int, seed: int) -> More:
    """Asks for the rows that pairs still need, and goes on with the matrix's other items. Truth is the pair's mean and variance on all."""
    rng = np.random.default_rng(seed)
    items, tally = matrix.scores.shape[1], More()
    while tally.told < draws and tally.left_out < 20 * draws:
        a, b = rng.choice(len(matrix.models), 2, replace=False)
        differences = (matrix.scores[a] - matrix.scores[b])[rng.permutation(items)]
        more = rows_to_decide(differences[:seen], tolerance, 0.95)
        if not isinstance(more, Unknown) and more.value == 0:
            continue
        if isinstance(more, Unknown) or more.value > items - seen:
            tally.left_out += 1
            continue
        right = rows_to_decide(differences[:seen], tolerance, 0.95, truth=(float(differences.mean()), float(differences.std())))
        after = differences[: seen + int(more.value)]
        tally.told += 1
        tally.decided += bool(abs(after.mean()) + tolerance >= 1.645 * after.std() / np.sqrt(len(after)))
        tally.inside += not isinstance(right, Unknown) and more.low <= right.value <= more.high
    return tally


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--draws", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--guarantees", nargs="*", default=["anytime", "bayes"])
    options = parser.parse_args()
    fitted, unseen = matrices(options.data)
    print_fit(fitted, graded_shares(options.data, fitted[1]))
    print(f"\ncalls inside the forecast 90% range, {options.draws} races each")
    everything: list[bool] = []
    for matrix in unseen:
        for guarantee in options.guarantees:
            for candidates, rows, tolerance in SETTINGS:
                rows = min(rows, matrix.scores.shape[1])
                if candidates > len(matrix.models) or (rows < 300 and tolerance < 0.05):
                    continue
                setting = Setting(candidates, rows, Goal(tolerance, 0.95), graded=matrix.graded)
                found = covered(matrix, setting, guarantee, draws=options.draws, races=RACES, seed=options.seed)
                everything += found.inside.tolist()
                share = found.expected.share
                name = f"{matrix.name:28} {guarantee:8} K={candidates} N={rows:4} {100 * tolerance:g} points"
                print(
                    f"{name}: inside {found.inside.mean():6.1%}; "
                    f"median {found.median:6.1%}, forecast {share.value:6.1%} [{share.low:.1%}, {share.high:.1%}]",
                    flush=True,
                )
    interval = binomtest(sum(everything), len(everything)).proportion_ci(0.95)
    print(f"together: {np.mean(everything):.1%} inside [{interval.low:.1%}, {interval.high:.1%}]")
    print("\nabout N more rows would decide (pairs left open; decided after N, wanted 80%; right number inside the range, wanted 90%)")
    for matrix, seen, tolerance in ((unseen[0], 100, 0.02), (unseen[0], 300, 0.01), (unseen[1], 50, 0.01)):
        tally = more_rows(matrix, seen=seen, tolerance=tolerance, draws=options.draws, seed=options.seed)
        print(
            f"{matrix.name:28} {seen} rows, {100 * tolerance:g} points: {tally.told} pairs, {tally.decided / tally.told:.1%} decided, "
            f"{tally.inside / tally.told:.1%} inside; {tally.left_out} left out"
        )


def matrices(folder: Path) -> tuple[list[Matrix], list[Matrix]]:
    """Those that the prior is fitted on (MMLU-Pro, AlpacaEval 2, AlpacaEval 1), and those that the forecasts are held against."""
    mmlu = read(folder / "mmlu_pro/scores.csv.gz", "MMLU-Pro")
    second = read(folder / "alpaca_eval/winprob_v2_weighted_gpt4turbo_vs_gpt4_1106.csv.gz", "AlpacaEval 2")
    first = read(folder / "alpaca_eval/winprob_v1_gpt4_vs_davinci003.csv.gz", "AlpacaEval 1")
    first = Matrix(first.name, first.models, np.where(first.scores == 0.5, 0.0, first.scores).round())
    others = [read_transposed(folder / f"metabench/{name}.csv.gz", f"metabench {name}") for name in ("arc_primary", "gsm8k_secondary")]
    fitted = [mmlu.where(lambda m: family(m) in MMLU_FITTED, "fitted"), halves(second)[0], halves(first)[0]]
    unseen = [mmlu.where(lambda m: family(m) not in MMLU_FITTED, "unseen"), halves(second)[1], halves(first)[1], *others]
    return fitted, unseen


def print_fit(fitted: list[Matrix], shares: NDArray[np.float64]) -> None:
    fits = [fit(matrix) for matrix in fitted]
    for matrix, one in zip(fitted, fits, strict=True):
        print(
            f"{matrix.name:28} {len(matrix.models)} models x {matrix.scores.shape[1]}: level {one.level:.2f}, spread {one.spread:.2f}, "
            f"agreement {one.agreement:.2f} ({one.agreement_spread:.2f} between pairs)"
        )
    levels, spreads = np.array([one.level for one in fits]), np.log([one.spread for one in fits])
    agreement, between = np.mean([one.agreement for one in fits]), np.mean([one.agreement_spread for one in fits])
    print(f"fitted: level ({levels.mean():.2f}, {levels.std(ddof=1):.2f}), log_spread ({spreads.mean():.2f}, {spreads.std(ddof=1):.2f}),")
    print(f"  agreement ({agreement:.2f}, {between:.2f}), graded_variance {tuple(np.round(shares, 2).tolist())}")
    print(f"in the code: {PUBLIC_PRIOR}")


if __name__ == "__main__":
    main()
