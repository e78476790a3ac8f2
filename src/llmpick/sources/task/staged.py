"""The tables [[stage]] of a task file: cheaper evidence than the task's own score, and what each of them needs to be any."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from llmpick.evidence.errors import InputError
from llmpick.evidence.task import Metric, Stage, TaskKind
from llmpick.sources.task.model import StageTable, TaskFile

MOST = 7
"""Cheaper stages: all choices among them are tried."""
OWN_KEYS = {"likelihood": ("normalise",), "generation": ("metric", "max_tokens", "thinking"), "judge": ("model",)}


def stages_of(spec: TaskFile, path: Path, metrics: Mapping[TaskKind, Sequence[str]]) -> tuple[Stage, ...]:
    """The stages, the cheapest first. `metrics` are the bundled ones that can score each kind, its default first.

    Raises `InputError` for a stage that cannot be had of this task, that is the task itself, or that has a key of another kind of stage.
    """
    if len(spec.stage) > MOST:
        raise InputError(f"there are {len(spec.stage)} stages", where=f"{path}, key stage", remedy=f"leave at most {MOST}")
    return tuple(_stage(one, spec, path, i, metrics) for i, one in enumerate(spec.stage))


def _stage(one: StageTable, spec: TaskFile, path: Path, i: int, metrics: Mapping[TaskKind, Sequence[str]]) -> Stage:
    where = f"{path}, key stage.{i}"
    for key in {key for keys in OWN_KEYS.values() for key in keys}.difference(OWN_KEYS[one.by]):
        if getattr(one, key) is not None:
            raise InputError(f"{key!r} says nothing of a stage by {one.by}", where=f"{where}.{key}", remedy="remove it")
    kind, judged = TaskKind(spec.kind), spec.judge.model is not None
    if one.by == "judge":
        return Stage("judge", model=_judge(one.model, spec, path, where))
    if spec.examples.reference is None:
        remedy = "name it: examples.reference; or leave out the stage"
        raise InputError(f"a stage by {one.by} needs the column with the right answers", where=f"{where}.by", remedy=remedy)
    if one.by == "likelihood":
        if one.normalise is not None and kind is not TaskKind.CHOICE:
            remedy = "remove it: of another answer it is the likelihood per byte"
            raise InputError("only the likelihood of a choice is normalised", where=f"{where}.normalise", remedy=remedy)
        return _another(Stage("likelihood", normalise=one.normalise or "bytes"), spec, where)
    if one.max_tokens is not None and kind is TaskKind.CHOICE:
        raise InputError("a choice ends with its label", where=f"{where}.max_tokens", remedy="remove it")
    name = one.metric or (metrics[kind][0] if judged else None)
    bundled = {metric for known in metrics.values() for metric in known}
    if name in bundled and name not in metrics[kind]:
        remedy = f"use {' or '.join(map(repr, metrics[kind]))}"
        raise InputError(f"the metric {name!r} cannot score a task of kind {spec.kind!r}", where=f"{where}.metric", remedy=remedy)
    return _another(
        Stage("generation", metric=Metric(name) if name else None, max_tokens=one.max_tokens, thinking=one.thinking), spec, where
    )


def _another(stage: Stage, spec: TaskFile, where: str) -> Stage:
    """The stage, if it tells something else than the task itself."""
    if spec.answer.by == "likelihood":
        same = stage.by == "likelihood" and stage.normalise == (spec.answer.normalise or "bytes")
    else:
        same = stage == Stage("generation")
    if same:
        remedy = "remove it: the task itself comes last without being named; or say what is cheaper here (max_tokens, thinking)"
        raise InputError("the stage is the task itself", where=where, remedy=remedy)
    return stage


def _judge(model: str | None, spec: TaskFile, path: Path, where: str) -> str:
    if spec.judge.model is None:
        raise InputError("a cheaper judge needs a dear one", where=f"{where}.by", remedy="name the task's own: [judge]")
    if model is None or model == spec.judge.model:
        remedy = "name a cheaper model, or remove the stage: the task's own judge comes last without being named"
        raise InputError("a stage by judge needs a judge of its own", where=f"{where}.model", remedy=remedy)
    beside = path.parent / model
    return os.path.normpath(beside) if beside.exists() else model
