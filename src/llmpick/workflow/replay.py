"""`race --scores`: a recorded matrix in place of models. Once, it is told like any other race; many times, it shows what racing saves."""

import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from llmpick.decide.race_answer import RaceAnswer, RecordedCost
from llmpick.evidence.errors import InputError
from llmpick.evidence.model import Candidate
from llmpick.evidence.scores import ScoreMatrix
from llmpick.evidence.task import Budget
from llmpick.measure.lane import Lane
from llmpick.measure.race import run_race
from llmpick.sources.scores import read_scores, table_columns
from llmpick.stats.goal import Goal, Guarantee
from llmpick.stats.replay import ReplayResult, replay
from llmpick.stats.rules import rule_for
from llmpick.workflow.assemble_race import Contestant, assemble_race, blank_answer, in_their_order
from llmpick.workflow.recorded import Tape, drawn, recorded_lanes

RIGHT_OR_WRONG = frozenset(["yes", "no", "y", "n", "right", "wrong", "correct", "incorrect", "pass", "fail", "passed", "failed"])


@dataclass(frozen=True, slots=True)
class ReplayOptions:
    """What the user asked for. `models` and `rows` are how many of each are drawn at random, None for all. `leave_out` names columns of the
    tables that are not read.

    `spend_by`: whether the races weigh their calls by number or by the recorded costs; None for the costs where there are any.
    """

    scores: Path
    costs: Path | None = None
    metric: str | None = None
    leave_out: tuple[str, ...] = ()
    repeats: int = 1
    models: int | None = None
    rows: int | None = None
    spend_by: Literal["calls", "cost"] | None = None
    seed: int = 0
    guarantee: Guarantee = "anytime"
    confidence: float = 0.95
    tolerance: float = 0.02
    max_expected_loss: float | None = None
    budget: Budget | None = None

    @property
    def goal(self) -> Goal:
        return Goal(self.tolerance, self.confidence, max_expected_loss=self.max_expected_loss)


def _read(options: ReplayOptions) -> ScoreMatrix:
    """The matrix; raises `InputError` naming the place for one that cannot be raced as it was asked."""
    matrix = read_scores(options.scores, costs=options.costs, metric=options.metric, leave_out=options.leave_out)
    is_table = bool(table_columns(options.scores)) if options.metric or options.leave_out else None
    if options.leave_out and not is_table:
        raise InputError("only a table has columns to leave out, and this is a log", where=str(options.scores), remedy="drop --leave-out")
    if options.metric and is_table:
        remedy = "leave it out; a column of a table is raced under its own name"
        raise InputError("--metric chooses among the scores of a log, and this is a table", where=str(options.scores), remedy=remedy)
    if len(matrix.models) < 2:
        worded = "".join(f". {note}" for note in _worded(matrix))
        remedy = f"name a file with the scores of at least two models{worded}"
        raise InputError("a race needs two models, the file has the scores of one", where=str(options.scores), remedy=remedy)
    if options.spend_by == "cost" and matrix.costs is None:
        raise InputError("the file has no costs to weigh calls by", where=str(options.scores), remedy="name them with --costs")
    return matrix


def _worded(matrix: ScoreMatrix) -> tuple[str, ...]:
    """Columns that look like a model's scores in words, which are no scores."""
    worded = [name for name, values in matrix.columns.items() if {str(value).strip().lower() for value in values} - {""} <= RIGHT_OR_WRONG]
    shown = ", ".join(map(repr, worded))
    return (f"Not raced, since it holds words and no scores: {shown}; write 1 for right and 0 for wrong",) if worded else ()


def _spend_by(options: ReplayOptions, matrix: ScoreMatrix) -> Literal["calls", "cost"]:
    return options.spend_by or ("calls" if matrix.costs is None else "cost")


def replay_recorded(options: ReplayOptions) -> tuple[ReplayResult, dict[str, Any]]:
    """Many races on the recorded scores: what they found, and what was asked of them. Raises `InputError` for a wrong matrix or wish."""
    matrix = _read(options)
    drawn(matrix, models=options.models, rows=options.rows, seed=options.seed)  # what cannot be drawn is an error before the first race
    started = time.perf_counter()
    result = replay(
        matrix,
        goal=options.goal,
        guarantee=options.guarantee,
        repeats=options.repeats,
        seed=options.seed,
        models=options.models,
        rows=options.rows,
        spend_by=_spend_by(options, matrix),
    )
    result = replace(result, seconds=time.perf_counter() - started)
    asked = {
        "task": options.scores.name,
        "guarantee": options.guarantee,
        "confidence": options.confidence,
        "tolerance": options.tolerance,
        "max_expected_loss": options.max_expected_loss,
        "spend_by": _spend_by(options, matrix),
        "seed": options.seed,
    }
    return result, asked


def race_recorded(options: ReplayOptions) -> RaceAnswer:
    """One race on the recorded scores, as if the calls were made now, in a random order of the rows."""
    whole = _read(options)
    matrix, left_out = drawn(whole, models=options.models, rows=options.rows, seed=options.seed)
    left_out_rows = (
        (f"{left_out:,} {'row was' if left_out == 1 else 'rows were'} left out, for which some model has no score",) if left_out else ()
    )
    was_drawn = _was_drawn(options, whole, matrix)
    lanes = in_their_order(recorded_lanes(matrix, weigh_by_cost=_spend_by(options, matrix) == "cost"))
    end = run_race(
        lanes,
        rows=len(matrix.items),
        rule=rule_for(options.guarantee, options.goal),
        budget=options.budget or Budget(),
        ledger=Tape(matrix),
        capacity_bytes=0,
        on_look=lambda _: None,
        on_call=lambda _, __: None,
    )
    blank = blank_answer(
        task=options.scores.name,
        source="recorded",
        guarantee=options.guarantee,
        confidence=options.confidence,
        tolerance=options.tolerance,
        max_expected_loss=options.max_expected_loss,
        rows=len(matrix.items),
        cost_by=None,
        metric="recorded score",
        seed=options.seed,
        run=None,
        device="no machine: the scores were recorded",
        notes=tuple(f"{note}." for note in (*was_drawn, *left_out_rows, *_worded(whole))),
    )
    answer = assemble_race(blank, options.goal, [Contestant(lane, Candidate(lane.candidate, None)) for lane in lanes], end)
    return replace(answer, recorded_cost=_cost(matrix, lanes))


def _was_drawn(options: ReplayOptions, whole: ScoreMatrix, matrix: ScoreMatrix) -> tuple[str, ...]:
    """Who and what takes part only by chance."""
    by, notes = f"drawn at random by seed {options.seed}, another --seed draws others", list[str]()
    if len(matrix.models) < len(whole.models):
        notes.append(f"{len(matrix.models):,} of {len(whole.models):,} models take part, {by}: {', '.join(sorted(matrix.models))}")
    if options.rows is not None:
        notes.append(f"{len(matrix.items):,} of {len(whole.items):,} rows take part, {by}")
    return tuple(notes)


def _cost(matrix: ScoreMatrix, lanes: list[Lane]) -> RecordedCost | None:
    if matrix.costs is None:
        return None
    spent = sum(float(matrix.costs[matrix.models.index(lane.candidate), : len(lane.records)].sum()) for lane in lanes)
    return RecordedCost(spent, float(matrix.costs.sum()), matrix.cost_unit or "the file's unit")
