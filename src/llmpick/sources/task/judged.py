"""A task whose answers a judge compares: what the file must say then, and what it need not."""

import math
import os
from collections.abc import Collection
from pathlib import Path

from llmpick.evidence.errors import InputError
from llmpick.evidence.task import HumanLabel, Judge, TaskKind
from llmpick.sources.task.model import JudgeTable, TaskFile, suggest
from llmpick.sources.task.rows import Row, columns_of, read_rows

JUDGED = "judge"
"""What stands in place of a metric where a judge scores."""
LABEL_COLUMNS = ("row", "model", "score")


def judged(spec: TaskFile) -> bool:
    """Whether anything is said of a judge."""
    return spec.judge != JudgeTable()


def check_judge(spec: TaskFile, path: Path) -> None:
    """Raises `InputError` for a task that has neither right answers nor a judge, and for a judge that cannot do its work."""
    if not judged(spec):
        if spec.examples.reference is None:
            remedy = "add it: name the column with the right answer, or let a judge compare answers: [judge]"
            raise InputError("the key 'examples.reference' is missing", where=f"{path}, key examples.reference", remedy=remedy)
        return
    if spec.kind != TaskKind.GENERATE:
        remedy = "remove it, or set kind to 'generate'"
        raise InputError(f"a task of kind {spec.kind!r} has right answers, and no judge", where=f"{path}, key judge", remedy=remedy)
    for key in ("model", "opponent"):
        if getattr(spec.judge, key) is None:
            description = JudgeTable.model_fields[key].description
            raise InputError(f"the key 'judge.{key}' is missing", where=f"{path}, key judge.{key}", remedy=f"add it. {description}")
    if spec.metric.name is not None:
        raise InputError("a judge and a metric cannot both score", where=f"{path}, key metric.name", remedy="remove one of the two")
    if spec.judge.labels and spec.examples.cluster:
        remedy = "remove one of the two"
        raise InputError("labels correct a judge only where rows stand alone", where=f"{path}, key examples.cluster", remedy=remedy)
    if spec.prompt.fewshot and spec.examples.reference is None:
        remedy = "name the column with the answers of the solved rows"
        raise InputError("solved rows need an answer", where=f"{path}, key examples.reference", remedy=remedy)


def judge_of(spec: TaskFile, path: Path, rows: Collection[str]) -> Judge | None:
    """The judge, its models' files by their path if they stand beside the task file. `rows` are the ids that labels may name."""
    if spec.judge.model is None or spec.judge.opponent is None:
        return None

    def named(model: str) -> str:
        beside = path.parent / model
        return os.path.normpath(beside) if beside.exists() else model

    labels = _labels(path.parent / spec.judge.labels, rows) if spec.judge.labels else ()
    return Judge(named(spec.judge.model), named(spec.judge.opponent), spec.judge.criteria, labels, spec.judge.label_share)


def _labels(file: Path, rows: Collection[str]) -> tuple[HumanLabel, ...]:
    """The labels that people gave. A score that is left empty is none."""
    table = read_rows(file)
    columns = columns_of(table)
    for name in LABEL_COLUMNS:
        if name not in columns:
            raise InputError(f"there is no column {name!r}", where=str(file), remedy=suggest(name, columns))
    found = [label for row in table if (label := _label(row, rows)) is not None]
    if not found:
        raise InputError("no row has a score", where=str(file), remedy="fill in the column score: 1 better, 0.5 neither, 0 worse")
    first: dict[tuple[str, str], HumanLabel] = {}
    for label in found:
        if (other := first.setdefault((label.row, label.model), label)) is not label:
            both = f"{other.place} and {label.place}"
            raise InputError(f"the row {label.row!r} of {label.model} is labelled twice", where=both, remedy="remove one of the two")
    return tuple(found)


def _label(row: Row, rows: Collection[str]) -> HumanLabel | None:
    name, model, said = (row.values.get(column) for column in LABEL_COLUMNS)
    if said is None or not str(said).strip():
        return None
    try:
        score = float(said)
    except (TypeError, ValueError):
        score = math.nan
    if not 0 <= score <= 1:
        raise InputError(f"the score {said!r} is no number from 0 to 1", where=row.place, remedy="1 better, 0.5 neither, 0 worse")
    if str(name) not in rows:
        raise InputError(f"there is no row {name!r} in the examples", where=row.place, remedy=suggest(str(name), sorted(rows)[:20]))
    mark = row.values.get("answers")
    return HumanLabel(str(name), str(model), score, row.place, str(mark) if mark else None)
