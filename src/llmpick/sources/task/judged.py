"""A task whose answers a judge compares: what the file must say then, and what it need not."""

import os
from pathlib import Path

from llmpick.evidence.errors import InputError
from llmpick.evidence.task import Judge, TaskKind
from llmpick.sources.task.model import JudgeTable, TaskFile

JUDGED = "judge"
"""What stands in place of a metric where a judge scores."""


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
    if spec.prompt.fewshot and spec.examples.reference is None:
        remedy = "name the column with the answers of the solved rows"
        raise InputError("solved rows need an answer", where=f"{path}, key examples.reference", remedy=remedy)


def judge_of(spec: TaskFile, path: Path) -> Judge | None:
    """The judge, its models' files by their path if they stand beside the task file."""
    if spec.judge.model is None or spec.judge.opponent is None:
        return None

    def named(model: str) -> str:
        beside = path.parent / model
        return os.path.normpath(beside) if beside.exists() else model

    return Judge(named(spec.judge.model), named(spec.judge.opponent), spec.judge.criteria)
