"""Answers of `scale` for the tests of its reports, by the workflow itself; the fit is of runs by a known law, two of them spoiled."""

import tempfile
from functools import cache
from pathlib import Path

import numpy as np

from llmpick.estimate.scaling.answers import FitLawAnswer, OptimalAnswer, PredictAnswer, RepeatAnswer
from llmpick.estimate.scaling.published import EPOCH
from llmpick.workflow.scale.fit import FitOptions, fitted
from llmpick.workflow.scale.optimal import OptimalOptions, optimum
from llmpick.workflow.scale.predict import PredictOptions, predicted
from llmpick.workflow.scale.repeat import RepeatOptions, repeated


def runs_csv(folder: Path, name: str = "runs.csv") -> Path:
    rng = np.random.default_rng(11)
    params, tokens = 10 ** rng.uniform(7.5, 10, 50), 10 ** rng.uniform(9, 11.5, 50)
    loss = EPOCH.at(params, tokens) * np.exp(0.004 * rng.laplace(size=50))
    loss[[3, 30]] *= 1.15
    lines = [f"{n:.6g},{d:.6g},{y:.5f}" for n, d, y in zip(params, tokens, loss, strict=True)]
    (folder / name).write_text("\n".join(["params,tokens,loss", *lines]) + "\n")
    return folder / name


@cache
def fit() -> FitLawAnswer:
    with tempfile.TemporaryDirectory() as folder:
        return fitted(FitOptions(runs_csv(Path(folder)), resamples=400, seed=2, at=((7e9, 1e12),), flops=(1e22,)))


@cache
def few_runs() -> FitLawAnswer:
    """On one line of tokens per parameter: some constants are open."""
    params = np.geomspace(1e8, 1e9, 12)
    loss = EPOCH.at(params, 20 * params) * np.exp(0.02 * np.random.default_rng(5).laplace(size=12))
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "line.csv"
        file.write_text("\n".join(["params,flops,loss", *(f"{n:.6g},{120 * n**2:.6g},{y:.5f}" for n, y in zip(params, loss, strict=True))]))
        return fitted(FitOptions(file, resamples=100))


def predict() -> PredictAnswer:
    return predicted(PredictOptions(6.7e9, 1e12))


def by_gadre() -> PredictAnswer:
    return predicted(PredictOptions(1.4e9, 9e11, law="gadre", embedding_params=1e8, params_count="total"))


def optimal() -> OptimalAnswer:
    return optimum(OptimalOptions(flops=5.76e23))


def served() -> OptimalAnswer:
    return optimum(OptimalOptions(params=30e9, inference_tokens=1e13))


def few_data() -> OptimalAnswer:
    return optimum(OptimalOptions(flops=1e22, unique_tokens=2e10))


def repeat() -> RepeatAnswer:
    return repeated(RepeatOptions(1e10, 20e9, 4))


ALL = {one.__name__: one for one in (predict, by_gadre, optimal, served, few_data, repeat, fit, few_runs)}
