"""The scores looked at from inside: by slice, by label, and row by row where candidates disagree."""

from collections.abc import Sequence

import numpy as np

from llmpick.decide.answer import Disagreement, SliceScore
from llmpick.evidence.call import CallRecord, Outcome
from llmpick.evidence.task import Task, TaskKind
from llmpick.evidence.values import Interval
from llmpick.measure.answer import parse
from llmpick.measure.lane import Lane
from llmpick.measure.prompt import answer_text, row_text
from llmpick.measure.thinking import split
from llmpick.stats.betting import mean_interval
from llmpick.stats.clustered import new_input_interval
from llmpick.workflow.lanes import Course

MOST_DISAGREEMENTS = 50


def slices(course: Course, records: Sequence[CallRecord]) -> tuple[SliceScore, ...]:
    """The score by language and by every column that the user named. Record i is row i of the course."""
    task = course.task
    found: dict[tuple[str, str], list[tuple[float, int]]] = {}
    clusters = course.clusters
    for i, (example, record) in enumerate(zip(course.examples, records, strict=False)):
        columns = {"language": example.language, **{column: example.fields.get(column) for column in task.slices}}
        for column, value in columns.items():
            if value is not None and record.score is not None:
                found.setdefault((column, str(value)), []).append((record.score, i))

    def interval(rows: Sequence[tuple[float, int]]) -> Interval:
        scores = np.array([score for score, _ in rows])
        if clusters is None:
            return mean_interval(scores, confidence=task.confidence)
        return new_input_interval(scores, clusters[[i for _, i in rows]], confidence=task.confidence)

    return tuple(SliceScore(column, value, interval(rows), len(rows)) for (column, value), rows in sorted(found.items()))


def label_pairs(course: Course, records: Sequence[CallRecord]) -> list[tuple[str, str]]:
    """(reference, answered) labels of a choice, "" where the answer is no label; empty for other kinds."""
    task: Task = course.task
    if task.kind is not TaskKind.CHOICE:
        return []
    return [
        (example.reference, parse(task, record.output) or "")
        for example, record in zip(course.examples, records, strict=False)
        if record.outcome is not Outcome.FAILED
    ]


def disagreements(course: Course, lanes: Sequence[Lane]) -> tuple[Disagreement, ...]:
    """Rows on which scores differ among those who ran them: the widest difference first, then in race order.

    What a model reasoned before it answered is left out.
    """
    found: list[tuple[float, Disagreement]] = []
    for i, example in enumerate(course.examples):
        answers = {lane.candidate: lane.records[i] for lane in lanes if i < len(lane.records)}
        scored = {name: (split(record.output).answer, record.score) for name, record in answers.items() if record.score is not None}
        scores = [score for _, score in scored.values()]
        if len(scores) > 1 and max(scores) > min(scores):
            text, reference = row_text(course.task, example), answer_text(course.task, example.reference)
            found.append((max(scores) - min(scores), Disagreement(example.id, example.place, text, reference, scored)))
    return tuple(row for _, row in sorted(found, key=lambda item: -item[0])[:MOST_DISAGREEMENTS])
