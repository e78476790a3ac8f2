"""Hides published scores, predicts them by the ability prior, and counts the errors: what `ability.py` prints."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from scipy.linalg import cho_solve, solve_triangular

from llmpick.estimate.ability import link
from llmpick.estimate.ability.blank import BLANK
from llmpick.estimate.ability.features import as_models, line_of, usual
from llmpick.estimate.ability.kernel import Rows, model_kernels, model_terms, row_covariance
from llmpick.estimate.ability.posterior import Mode, find_mode, rows_of, scored_models
from llmpick.estimate.ability.records import AbilityEvidence, Hyperparameters

Array = np.ndarray[Any, Any]
QUANTILE = 1.6449


class Table:
    """The published scores of the evidence as arrays (N,). `ladder`: makers' own tables, many sizes by one hand."""

    def __init__(self, evidence: AbilityEvidence) -> None:
        facts = {f.id: f for f in evidence.facts}
        scores = evidence.scores
        self.evidence = evidence
        self.model = np.array([s.model for s in scores])
        self.family = np.array([facts[s.model].family for s in scores])
        self.line = np.array([line_of(f) for f in self.family])
        self.tuned = np.array([facts[s.model].tuned for s in scores])
        self.parameters = np.array([facts[s.model].parameters for s in scores])
        self.benchmark = np.array([s.benchmark for s in scores])
        self.score = np.array([s.score for s in scores])
        self.ladder = np.array([s.source != "obsscaling" for s in scores])
        self.cell = np.char.add(np.char.add(self.model, " @ "), self.benchmark)
        self.own_ladder = np.char.add(np.char.add(np.char.add(self.family, self.tuned.astype(str)), "@"), self.benchmark)


class Predicted(NamedTuple):
    """Of the rows `rows` (positions in the table): a new report's median, 5% and 95% quantiles."""

    rows: Array
    median: Array
    low: Array
    high: Array


@dataclass(frozen=True)
class Prior:
    """The prior over all reports at given hyperparameters, ready to hide any of them."""

    table: Table
    hyper: Hyperparameters
    rows: Rows
    covariance: Array
    modes: Array
    """Of all rows, where every search for the mode of some of them starts."""

    @classmethod
    def of(cls, table: Table, hyper: Hyperparameters) -> "Prior":
        """At these hyperparameters."""
        evidence = table.evidence
        models = as_models(scored_models(evidence), usual(evidence.facts))
        kernels = model_kernels(model_terms(models, models, hyper.shapes), hyper.amplitudes)
        rows = rows_of(evidence, lambda _: True, blanks=(BLANK,))
        covariance = row_covariance(rows, kernels)
        return cls(table, hyper, rows, covariance, find_mode(rows.score, rows.chance, covariance, hyper).latent)

    def mode(self, seen: Array) -> Mode:
        """The posterior given the rows at positions `seen`."""
        start = self.modes[seen]
        return find_mode(self.rows.score[seen], self.rows.chance[seen], self.covariance[np.ix_(seen, seen)], self.hyper, start)

    def predict(self, hidden: Array, seen: Array | None = None) -> Predicted:
        """Predicts the rows at positions `hidden` from those at `seen` (None: all others)."""
        seen = np.setdiff1d(np.arange(len(self.rows.score)), hidden) if seen is None else seen
        mode = self.mode(seen)
        to_seen = self.covariance[np.ix_(hidden, seen)]
        explained = solve_triangular(mode.factor, to_seen.T, lower=True)
        variance = np.diag(self.covariance)[hidden] - np.sum(explained**2, axis=0)
        return self._reported(hidden, to_seen @ mode.weights, variance)

    def each_hidden(self, groups: Iterable[Array]) -> list[Predicted]:
        """Each group of rows predicted from all rows outside it, in closed form: the mode of all rows serves to linearise the others."""
        mode = self.mode(np.arange(len(self.rows.score)))
        precision = cho_solve((mode.factor, True), np.eye(len(mode.slope)))
        found = list[Predicted]()
        for rows in groups:
            inner = np.linalg.inv(precision[np.ix_(rows, rows)])
            mean = mode.observed[rows] - inner @ mode.weights[rows]
            variance = np.diag(inner) - (self.hyper.noise / mode.slope[rows]) ** 2
            found.append(self._reported(rows, mean, variance))
        return found

    def _reported(self, rows: Array, mean: Array, variance: Array) -> Predicted:
        """The latent ability's interval and the noise of a report, which add as independent half-widths."""
        k, sd = self.hyper.link, np.sqrt(np.maximum(variance, 1e-9))
        floor = self.hyper.floor * self.rows.chance[rows]
        middle = link.score(mean, k, floor)
        noise = QUANTILE * self.hyper.noise
        low = middle - np.hypot(middle - link.score(mean - QUANTILE * sd, k, floor), noise)
        high = middle + np.hypot(link.score(mean + QUANTILE * sd, k, floor) - middle, noise)
        return Predicted(rows, middle, np.clip(low, 0, 1), np.clip(high, 0, 1))


class Errors(NamedTuple):
    """Of cells (the mean over the reports of one model on one benchmark): how many, errors in points, share inside the 90% interval."""

    cells: int
    mean: float
    median: float
    bias: float
    covered: float
    half_width: float

    def __str__(self) -> str:
        return (
            f"{self.cells:5d} cells  mean error {self.mean:5.2f}  median {self.median:5.2f}  bias {self.bias:+5.2f}"
            f"  in the 90% interval {self.covered:.3f}  half-width {self.half_width:.1f}"
        )


def join(parts: Sequence[Predicted]) -> Predicted:
    return Predicted(*(np.concatenate([part[i] for part in parts]) for i in range(4)))


def errors(table: Table, predicted: Predicted, wanted: Array | None = None) -> Errors:
    """The errors over the cells of `predicted`, of those rows only that are `wanted` (a mask over the table)."""
    keep = np.ones(len(predicted.rows), bool) if wanted is None else wanted[predicted.rows]
    names, cell = np.unique(table.cell[predicted.rows[keep]], return_inverse=True)
    count = np.bincount(cell)

    def mean(values: Array) -> Array:
        return np.bincount(cell, values[keep]) / count

    truth, guess, low, high = (mean(v) for v in (table.score[predicted.rows], *predicted[1:]))
    off = 100 * (guess - truth)
    inside = (truth >= low) & (truth <= high)
    size = np.abs(off)
    return Errors(len(names), size.mean(), float(np.median(size)), off.mean(), inside.mean(), 50 * (high - low).mean())


def per_size(table: Table, rows: Array) -> dict[str, tuple[Array, Array]]:
    """Own ladder -> (parameters, mean score) by size, of these rows."""
    found: dict[str, tuple[Array, Array]] = {}
    for name in np.unique(table.own_ladder[rows]):
        of = rows[table.own_ladder[rows] == name]
        sizes = np.unique(table.parameters[of])
        found[str(name)] = (sizes, np.array([table.score[of[table.parameters[of] == size]].mean() for size in sizes]))
    return found


def above(table: Table, family: str, parameters: float, smaller: int) -> Array:
    """Ladder rows of a family's models above a size whose own ladder has at least `smaller` sizes below."""
    own = table.ladder & (table.family == family)
    big = own & (table.parameters > parameters)
    sizes = per_size(table, np.flatnonzero(own & ~big))
    enough = {name for name, (below, _) in sizes.items() if len(below) >= smaller}
    return np.flatnonzero(big & np.isin(table.own_ladder, list(enough)))


def middles(table: Table, families: Iterable[str], *, every: bool) -> list[Array]:
    """Groups of rows, each all reports of one cell: the inner sizes of ladders of four and more, or the middle one only."""
    wanted = np.flatnonzero(table.ladder & np.isin(table.family, list(families)))
    groups = list[Array]()
    for name, (sizes, _) in per_size(table, wanted).items():
        if len(sizes) < 4:
            continue
        inner = sizes[1:-1] if every else sizes[[len(sizes) // 2]]
        groups.extend(np.flatnonzero((table.own_ladder == name) & (table.parameters == size)) for size in inner)
    return groups
