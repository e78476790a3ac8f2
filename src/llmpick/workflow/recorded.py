"""A recorded matrix of scores as lanes of a race: every call is held already, and counts as made when the race asks for it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from llmpick.evidence.call import CallRecord, Outcome
from llmpick.evidence.errors import InputError
from llmpick.evidence.scores import ScoreMatrix
from llmpick.measure.backend import Backend
from llmpick.measure.lane import Lane


@dataclass(frozen=True, slots=True)
class Tape:
    """The ledger of a recorded race: it holds the calls of `matrix` under "model number:item number"."""

    matrix: ScoreMatrix

    def paid_before(self, candidate: str) -> Sequence[CallRecord]:
        del candidate
        return ()

    def is_paid(self, call: CallRecord) -> bool:
        """What is on the tape counts as paid for by the race that reads it."""
        del call
        return True

    def find(self, keys: Sequence[str]) -> Mapping[str, CallRecord]:
        return {key: self._call(key) for key in keys}

    def record(self, call: CallRecord, *, paid: bool) -> None: ...

    def loaded(self, candidate: str, backend: Backend) -> None: ...

    def resident(self, candidate: str, resident_bytes: int) -> None: ...

    def _call(self, key: str) -> CallRecord:
        k, i = map(int, key.split(":"))
        matrix, unit = self.matrix, self.matrix.cost_unit
        cost = 0.0 if matrix.costs is None else float(matrix.costs[k, i])
        return CallRecord(
            key=key,
            candidate=matrix.models[k],
            row=matrix.items[i],
            prompt_hash="",
            outcome=Outcome.ANSWERED,
            output="",
            score=float(matrix.scores[k, i]),
            prompt_tokens=0,
            output_tokens=int(cost) if unit == "tokens" else 0,
            seconds=cost if unit == "seconds" else 0.0,
            seed=0,
        )


def drawn(matrix: ScoreMatrix, *, models: int | None, rows: int | None, seed: int) -> tuple[ScoreMatrix, int]:
    """`models` and `rows` of the matrix at random, in a random order of rows; and how many rows were left out for a missing score.

    Raises `InputError` for more than there are, and where no row has a score of every model.
    """
    rng = np.random.default_rng(seed)
    some = np.arange(len(matrix.models)) if models is None else np.sort(_choice(rng, len(matrix.models), models, "models", matrix.source))
    complete = np.flatnonzero(matrix.seen.all(axis=0))
    if not len(complete):
        remedy = "leave the models with few scores out of the file"
        raise InputError("no row has a score of every model", where=matrix.source or "the scores", remedy=remedy)
    order = rng.permutation(complete) if rows is None else complete[_choice(rng, len(complete), rows, "rows", matrix.source)]
    left_out = len(matrix.items) - len(complete)
    cells = np.ix_(some, order)
    return ScoreMatrix(
        models=tuple(matrix.models[k] for k in some),
        items=tuple(matrix.items[i] for i in order),
        scores=matrix.scores[cells],
        seen=matrix.seen[cells],
        costs=None if matrix.costs is None else matrix.costs[cells],
        cost_unit=matrix.cost_unit,
        columns={name: column[order] for name, column in matrix.columns.items()},
        source=matrix.source,
    ), left_out


def recorded_lanes(matrix: ScoreMatrix, *, weigh_by_cost: bool) -> list[Lane]:
    """A lane for each model of a matrix without gaps. Calls are weighed by what the matrix says of their cost, or all alike."""
    return [_lane(matrix, k, weigh_by_cost) for k in range(len(matrix.models))]


def _lane(matrix: ScoreMatrix, k: int, weigh_by_cost: bool) -> Lane:
    costs = matrix.costs

    def cost(lane: Lane) -> float | None:
        done = len(lane.records)
        return None if costs is None or not done else float(costs[k, :done].mean())

    def price(records: Sequence[CallRecord]) -> float:
        return 0.0 if costs is None else float(sum(costs[k, int(record.key.split(":")[1])] for record in records))

    return Lane(
        candidate=matrix.models[k],
        keys=tuple(f"{k}:{i}" for i in range(len(matrix.items))),
        cost=cost,
        breaks=lambda _: (),
        price=price if matrix.cost_unit == "money" else lambda _: 0.0,
        spends=cost if weigh_by_cost else lambda _: None,
        held_is_free=False,
    )


def _choice(rng: np.random.Generator, there_are: int, wanted: int, of: str, source: str) -> np.ndarray:
    if wanted > there_are:
        remedy = f"ask for at most {there_are:,}"
        raise InputError(f"{wanted:,} {of} are asked for, there are {there_are:,}", where=source or "the scores", remedy=remedy)
    return rng.choice(there_are, wanted, replace=False)
