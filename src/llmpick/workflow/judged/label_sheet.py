"""`race --draw-labels`: the rows that people should label, with all answers to them, as a table to be filled in.

Candidates and opponent answer the drawn rows, and no judge is asked. The answers are kept like those of a race, which does not pay for
them again. Models' answers are untrusted text: what a spreadsheet would run as a formula is written as text.
"""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from llmpick.decide.answer import Spending
from llmpick.evidence.call import CallRecord, Completion, Outcome
from llmpick.evidence.device import Load
from llmpick.evidence.errors import InputError
from llmpick.evidence.judging import BENCH
from llmpick.evidence.task import Task
from llmpick.measure.budget import within_budget
from llmpick.measure.calls import run_batch
from llmpick.measure.garage import Garage
from llmpick.measure.lane import Lane
from llmpick.measure.prompt import render, row_text
from llmpick.measure.thinking import split
from llmpick.stats.judged_race import draw_rows
from llmpick.store.store import Store
from llmpick.workflow.accounts import paid_for, total
from llmpick.workflow.findings import Entry, Findings, runnable
from llmpick.workflow.judged.human_labels import mark
from llmpick.workflow.lanes import Course
from llmpick.workflow.ledger import RunLedger
from llmpick.workflow.running import Ended, Watch, capacity_bytes, in_one_run, model_lanes
from llmpick.workflow.survey import PickOptions, survey

COLUMNS = ("row", "model", "score", "request", "answer", "opponent_answer", "answers")
FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, slots=True)
class Sheet:
    """What was drawn: `rows` of all rows, with `answers` to be labelled, for which `spent` was paid."""

    file: str
    rows: int
    of_rows: int
    answers: int
    spent: Spending


def draw_labels(options: PickOptions, file: Path, *, environ: Mapping[str, str], watch: Watch) -> Sheet:
    """Draws rows, has them answered and writes the sheet. Raises `InputError` for a task without a judge, and for a file that exists."""
    findings, load = survey(options, environ)
    if findings.task.judge is None:
        remedy = "name a judge first: [judge]"
        raise InputError("people's labels correct a judge, and the task has none", where=str(options.task_file), remedy=remedy)
    if findings.task.cluster:
        remedy = "remove it: a row gets its labels by a coin of its own"
        where = f"{options.task_file}, key examples.cluster"
        raise InputError("labels correct a judge only where rows stand alone", where=where, remedy=remedy)
    if file.exists():
        raise InputError("the file exists already", where=str(file), remedy="name another, so that no label is lost")
    if not runnable(findings.entries):
        raise InputError("there is no model whose answers could be labelled", where="--model", remedy="name those that will race")
    drawn = _drawn(findings.task, findings.course)

    def work(findings: Findings, ledger: RunLedger, run_id: str) -> tuple[Sheet, Ended]:  # noqa: ARG001
        sheet = _sheet(
            replace(findings, course=drawn), ledger, load, file, len(findings.course.examples), watch, options.budget is not None
        )
        return sheet, Ended(None)

    with Store.open(options.store_url) as store:
        return in_one_run(findings, store, options, verb="race", asked=("labels", findings.task.judge.label_share), watch=watch, work=work)


def _drawn(task: Task, course: Course) -> Course:
    """The rows that the coin draws, in race order."""
    assert task.judge is not None, "only a judged task has labels"
    drawn = np.flatnonzero(draw_rows(len(course.examples), task.judge.label_share, seed=task.seed))
    if not len(drawn):
        remedy = "raise label_share, or add rows"
        raise InputError(f"of {len(course.examples)} rows none was drawn", where="[judge], key label_share", remedy=remedy)
    return Course(task, tuple(course.examples[i] for i in drawn), tuple(course.requests[i] for i in drawn), judged=_not_yet)


def _not_yet(i: int, completion: Completion, key: str) -> tuple[Outcome, float | None]:  # noqa: ARG001
    """An answer that waits for its verdict."""
    answer = split(completion.text).answer
    return Outcome.CUT_OFF if completion.finish == "length" else Outcome.ANSWERED if answer else Outcome.EMPTY, None


def _sheet(findings: Findings, ledger: RunLedger, load: Load, file: Path, of_rows: int, watch: Watch, budget_given: bool) -> Sheet:
    assert findings.bench is not None, "a judged task has an opponent"
    against = findings.bench[1]
    lanes = model_lanes(findings, load, ledger)
    (opponent,) = model_lanes(replace(findings, entries=(_named(against, f"{BENCH[1]}{against.candidate.id}"),)), load, ledger)
    everyone = [*lanes, opponent]
    _answer_all(everyone, findings, ledger, watch, "--budget" if budget_given else "[budget]")
    answers = _write(file, findings.course, lanes, opponent)
    models = {entry.candidate.id: entry.candidate for entry in findings.entries} | {opponent.candidate: against.candidate}
    spent = total(paid_for(lane, models[lane.candidate]) for lane in everyone)
    return Sheet(str(file), len(findings.course.examples), of_rows, answers, spent)


def _named(entry: Entry, name: str) -> Entry:
    return replace(entry, candidate=replace(entry.candidate, id=name))


def _answer_all(lanes: Sequence[Lane], findings: Findings, ledger: RunLedger, watch: Watch, budget: str) -> None:
    """Runs all drawn rows in every lane. Raises `InputError` when the budget does not reach, and the error of a lane that fails."""
    rows = len(findings.course.examples)
    wanted = {lane.candidate: (lane, rows) for lane in lanes}
    if within_budget(wanted, lanes, findings.task.budget) != wanted:
        remedy = "raise it, or lower label_share"
        raise InputError(f"a sheet takes {len(lanes) * rows} calls, more than the budget", where=budget, remedy=remedy)
    watch.start(lanes, rows)
    garage = Garage(capacity_bytes(findings.task, findings.machine), ledger)
    try:
        run_batch(wanted, garage, ledger, watch.call, watch.stopping)
    finally:
        garage.close()
    for lane in lanes:
        if lane.gone:
            raise lane.gone


def _write(file: Path, course: Course, lanes: Sequence[Lane], opponent: Lane) -> int:
    """Every answer beside the opponent's, its score left empty unless both are the same; how many. A lost answer is left out."""
    written = 0
    with file.open("x", encoding="utf-8", errors="backslashreplace", newline="") as stream:
        sheet = csv.writer(stream)
        sheet.writerow(COLUMNS)
        for i, example in enumerate(course.examples):
            request = row_text(course.task, example) if example.messages is not None else render(course.task, example)
            for lane in lanes:
                mine, other = lane.records[i], opponent.records[i]
                if Outcome.FAILED in (mine.outcome, other.outcome):
                    continue
                shown = (_as_text(text) for text in (request, _answer(mine), _answer(other)))
                known = "0.5" if _answer(mine) == _answer(other) else ""
                sheet.writerow([example.id, lane.candidate, known, *shown, mark(lane.keys[i], opponent.keys[i])])
                written += 1
    return written


def _answer(record: CallRecord) -> str:
    return split(record.output).answer.strip()


def _as_text(text: str) -> str:
    return f"'{text}" if text.startswith(FORMULA) else text
