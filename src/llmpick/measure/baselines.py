"""Predictors that need no language model and compete with all that do: the majority answer, a learned classifier, the user's rules.

What is learned is learned out of fold: no row's own reference helps to answer it. If no model beats the best of these, none is needed.
"""

import json
import re
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from llmpick.evidence.task import Task, TaskKind
from llmpick.measure.answer import parse
from llmpick.measure.learned import Split, Vectors, folds, samples
from llmpick.measure.metrics import resolve
from llmpick.measure.prompt import answer_text, row_text

LONGEST_TEXT = 10_000
"""Characters of a row that a rule searches. Python's `re` can take exponential time on patterns like `(a+)+$`; they are the user's own."""


@dataclass(frozen=True, slots=True)
class BaselineResult:
    """What one baseline answered. `outputs` and `scores` go by row id; "" is no answer and scores 0. `note` says how it was done."""

    name: Literal["majority", "tfidf", "rules"]
    outputs: Mapping[str, str]
    scores: Mapping[str, float]
    seconds: float
    note: str


class LearningCurvePoint(NamedTuple):
    """The learned baseline with `rows` labelled rows to train on: its score on all other rows, once per repeat."""

    rows: int
    mean: float
    scores: tuple[float, ...]


def run_baselines(task: Task) -> tuple[BaselineResult, ...]:
    """All baselines that this kind of task has: none for `generate`, and the learned ones only with two rows or more."""
    results: list[BaselineResult] = []
    if task.kind in (TaskKind.CHOICE, TaskKind.SHORT_ANSWER, TaskKind.NUMBER) and len(task.examples) > 1:
        results.append(_majority(task))
    if task.kind is TaskKind.CHOICE and len(task.examples) > 1:
        results.append(_tfidf(task))
    if task.rules:
        results.append(_rules(task))
    return tuple(results)


def learning_curve(task: Task, sizes: Sequence[int] | None = None, repeats: int = 5) -> tuple[LearningCurvePoint, ...]:
    """How good the learned baseline of a `choice` is for who has only so many labelled rows, tested on the user's other rows.

    `sizes` defaults to 1, 2, 4, 8, ... rows per label, up to half of the rows. Few-shot rows do not help here. Other kinds have none.
    """
    if task.kind is not TaskKind.CHOICE:
        return ()
    sizes = _doublings(len(task.labels), len(task.examples) // 2) if sizes is None else sizes
    labels = [example.reference for example in task.examples]
    vectors = Vectors.of([row_text(task, example) for example in task.examples])
    points: list[LearningCurvePoint] = []
    for rows in sizes:
        scores = tuple(_share_right(labels, split, vectors.predict(labels, split)) for split in samples(labels, rows, repeats, task.seed))
        points.append(LearningCurvePoint(rows, sum(scores) / len(scores), scores))
    return tuple(points)


def _majority(task: Task) -> BaselineResult:
    """The commonest answer among the other folds' rows and the few-shot rows; of equally common ones the first in their order."""
    start = time.perf_counter()
    answers = [answer_text(task, example.reference) for example in task.examples]
    shown = Counter(answer_text(task, example.reference) for example in task.prompt.fewshot)
    splits, note = folds(answers, task.seed)
    outputs: dict[str, str] = {}
    for split in splits:
        counts = shown + Counter(answers[row] for row in split.train)
        commonest = min(counts, key=lambda answer: (-counts[answer], answer))
        outputs |= {task.examples[row].id: commonest for row in split.test}
    return _result(task, "majority", outputs, start, note or "five stratified folds")


def _tfidf(task: Task) -> BaselineResult:
    start = time.perf_counter()
    examples = (*task.examples, *task.prompt.fewshot)
    labels = [example.reference for example in examples]
    vectors = Vectors.of([row_text(task, example) for example in examples])
    shown = range(len(task.examples), len(examples))
    splits, note = folds(labels[: len(task.examples)], task.seed)
    outputs: dict[str, str] = {}
    for split in splits:
        answers = vectors.predict(labels, Split([*split.train, *shown], split.test))
        outputs |= {task.examples[row].id: answer for row, answer in zip(split.test, answers, strict=True)}
    return _result(task, "tfidf", outputs, start, note or "five stratified folds")


def _rules(task: Task) -> BaselineResult:
    """The user's regular expressions, one per field; a rule that finds nothing leaves its field out."""
    start = time.perf_counter()
    rules = {field: re.compile(pattern) for field, pattern in task.rules.items()}
    outputs: dict[str, str] = {}
    for example in task.examples:
        text = row_text(task, example)[:LONGEST_TEXT]
        found = {field: value for field, rule in rules.items() if (value := _first(rule, text)) is not None}
        as_text = json.dumps(found, ensure_ascii=False) if task.kind is TaskKind.EXTRACT and found else found.get("answer", "")
        outputs[example.id] = as_text
    without = [field for field in (task.schema or {}).get("properties", {}) if field not in rules]
    return _result(task, "rules", outputs, start, f"no rule for {', '.join(without)}" if without else "a rule for every field")


def _first(rule: re.Pattern[str], text: str) -> str | None:
    found = rule.search(text)
    return None if found is None else found[1] if rule.groups else found[0]


def _result(task: Task, name: Literal["majority", "tfidf", "rules"], outputs: Mapping[str, str], start: float, note: str) -> BaselineResult:
    measure = resolve(task.metric)
    scores: dict[str, float] = {}
    for example in task.examples:
        answer = _read(task, outputs[example.id])
        scores[example.id] = 0.0 if answer is None else measure(answer, example.reference)
    return BaselineResult(name, outputs, scores, time.perf_counter() - start, note)


def _read(task: Task, output: str) -> Any:
    """The output as the metric takes it. A rule's object may lack fields, so it need not satisfy the schema."""
    if not output:
        return None
    return json.loads(output) if task.kind is TaskKind.EXTRACT else parse(task, output)


def _share_right(labels: Sequence[str], split: Split, answers: Sequence[str]) -> float:
    return sum(labels[row] == answer for row, answer in zip(split.test, answers, strict=True)) / len(answers)


def _doublings(labels: int, most: int) -> tuple[int, ...]:
    sizes: list[int] = []
    size = labels
    while size <= most:
        sizes.append(size)
        size *= 2
    return tuple(sizes)
