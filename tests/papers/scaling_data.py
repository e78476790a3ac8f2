"""The published runs of papers on scaling, as the data folder keeps them; a test that asks for them skips where they are absent."""

import csv

import numpy as np
from numpy.typing import NDArray
from tests.shared_data import shared_data

from llmpick.estimate.scaling.fitting import Runs, checked_runs

Floats = NDArray[np.float64]
HIGHEST_LEFT_OUT = 5
"""Epoch leaves the five highest losses of its 245 points out."""


def table(name: str) -> list[dict[str, str]]:
    return list(csv.DictReader(shared_data(f"scaling/{name}").read_text(encoding="utf-8").splitlines()))


def column(rows: list[dict[str, str]], name: str) -> Floats:
    return np.array([float(row[name]) for row in rows])


def all_chinchilla() -> Runs:
    """The 245 points that Epoch read off Hoffmann's figure 4."""
    rows = table("analyzing-chinchilla/svg_extracted_data.csv")
    return checked_runs(column(rows, "Model Size"), column(rows, "loss"), flops=column(rows, "Training FLOP"))


def chinchilla() -> Runs:
    """The 240 of its fit."""
    runs = all_chinchilla()
    return runs.only(np.argsort(runs.loss)[:-HIGHEST_LEFT_OUT])
