"""What a table's columns seem to be: a first guess at a task, for `llmpick init`, each part with the reason for it.

The rules, in their order: names that say what a column is; values that stand word for word in the input text (fields to extract);
few short values that repeat (labels); numbers; short texts; long texts. The user corrects the result, so a wrong guess costs little.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from llmpick.evidence.errors import InputError
from llmpick.evidence.task import TaskKind
from llmpick.sources.task.rows import Row, columns_of

_ID_NAME = re.compile(r"(.*[_ -])?(id|uuid|key|index)|编号|序号", re.IGNORECASE)
_LANGUAGE_NAME = re.compile(r"lang|language|locale|语言|语种", re.IGNORECASE)
_REFERENCE_NAME = re.compile(
    r"(gold[_ -]?)?(label|intent|category|class|target|answer|output|response|reference|summary|completion|expected)"
    r"|标签|类别|分类|意图|答案|回答|回复|摘要|参考",
    re.IGNORECASE,
)
_CLUSTER_NAME = re.compile(
    r"((doc|document|article|passage|paper|page|file|url|user|author|customer|patient|session|thread|cluster)"
    r"|(.*[_ -])?(id|uuid|key))([_ -]?(id|no|nr|number|name|key))?|文档|文章|用户|会话",
    re.IGNORECASE,
)
"""What several rows may belong to. A column of answers has another name."""
_NAMED_THING = re.compile(r"[A-Za-z]{1,12}[-_ ]?\d+|[0-9a-f]{8}(-[0-9a-f]{4,12})+")
"""What ids look like: d12, doc_7, session-3, a UUID."""
_SHORT = 40
"""Characters; a longer value is a text to read or to write, not a name or a label."""
_MOST_LABELS = 50
_FOUND_SHARE = 0.8


class Shape(StrEnum):
    LABEL = "few short values that repeat"
    NUMBER = "numbers"
    SHORT = "short texts"
    LONG = "long texts"


@dataclass(frozen=True, slots=True)
class Guess:
    """What the task seems to be. `reference` has several columns only for extract; `inputs` is empty for whole conversations."""

    kind: TaskKind
    reference: tuple[str, ...]
    inputs: tuple[str, ...]
    id: str | None
    language: str | None
    languages: tuple[str, ...]
    messages: str | None
    slices: tuple[str, ...]
    longest_answer: int
    reason: str
    cluster: str | None = None
    """A column of ids that repeat: several rows belong to one document, user or session."""
    others: tuple[str, ...] = ()
    """Columns that could hold the answers as well."""


def guess_task(rows: Sequence[Row], path: Path) -> Guess:
    """A first guess from the rows of the table at `path`. Raises `InputError` if no column can hold the right answers."""
    columns = {name: [row.values.get(name) for row in rows] for name in columns_of(rows)}
    identity = next((name for name, values in columns.items() if _ID_NAME.fullmatch(name) and _all_differ(values)), None)
    language = next((name for name, values in columns.items() if _LANGUAGE_NAME.fullmatch(name) and any(values)), None)
    messages = next((name for name, values in columns.items() if all(map(_is_conversation, values))), None)
    cluster = next(
        (name for name, values in columns.items() if name not in (identity, language) and _holds_ids_that_repeat(name, values)), None
    )
    rest = {name: values for name, values in columns.items() if name not in (identity, language, messages, cluster)}
    texts = {name: [str(value) for value in values] for name, values in rest.items() if all(_is_plain(value) for value in values)}
    shapes = {name: _shape(values) for name, values in texts.items()}
    main = None if messages else _main_input(texts, shapes)
    kind, reference, reason = _reference(texts, shapes, main, path, tuple(columns))
    left = [name for name in texts if name not in reference]
    labels_left = [name for name in left if name != main and shapes[name] is Shape.LABEL]
    return Guess(
        kind=kind,
        reference=reference,
        inputs=() if messages else tuple(name for name in left if name == main or shapes[name] in (Shape.SHORT, Shape.LONG)),
        id=identity,
        language=language,
        languages=tuple(sorted({str(value) for value in columns[language] if value})) if language else (),
        messages=messages,
        slices=tuple(labels_left[:3]),
        longest_answer=max(_answer_length([texts[name][row] for name in reference], reference) for row in range(len(rows))),
        reason=reason,
        cluster=cluster,
        others=tuple(name for name in left if name != main and shapes[name] is not Shape.LONG),
    )


def _holds_ids_that_repeat(name: str, values: Sequence[Any]) -> bool:
    """By its name or by its values; a column that is named like an answer holds answers."""
    texts = [str(value) for value in values if _is_plain(value)]
    if _REFERENCE_NAME.fullmatch(name) or len(texts) < len(values) or not 1 < len(set(texts)) < len(texts) or max(map(len, texts)) > _SHORT:
        return False
    return bool(_CLUSTER_NAME.fullmatch(name)) or all(_NAMED_THING.fullmatch(text.strip()) for text in texts)


def _main_input(texts: Mapping[str, Sequence[str]], shapes: Mapping[str, Shape]) -> str | None:
    """The column of the longest texts that is not named like an answer; the first of equals."""
    candidates = [name for name in texts if not _REFERENCE_NAME.fullmatch(name) and shapes[name] is not Shape.NUMBER]
    return max(candidates, key=lambda name: sum(map(len, texts[name])), default=None)


def _reference(
    texts: Mapping[str, Sequence[str]], shapes: Mapping[str, Shape], main: str | None, path: Path, columns: Sequence[str]
) -> tuple[TaskKind, tuple[str, ...], str]:
    others = [name for name in texts if name != main]
    named = [name for name in others if _REFERENCE_NAME.fullmatch(name)]
    if named:
        return _kind(shapes[named[-1]]), (named[-1],), f"its name says so; it holds {shapes[named[-1]]}"
    copied = [name for name in others if main and _found_share(texts[name], texts[main]) >= _FOUND_SHARE]
    if len(copied) > 1:
        return TaskKind.EXTRACT, tuple(copied), f"their values stand word for word in {main!r}"
    for shape in (Shape.LABEL, Shape.NUMBER):
        if fitting := [name for name in others if shapes[name] is shape]:
            return _kind(shape), (fitting[-1],), f"it holds {shape}" + ("; of several such columns it is the last" if fitting[1:] else "")
    short = [name for name in others if shapes[name] is Shape.SHORT]
    if len(short) > 1:
        return TaskKind.EXTRACT, tuple(short), f"they hold {Shape.SHORT}"
    if others:
        name = short[0] if short else others[-1]
        return _kind(shapes[name]), (name,), f"it holds {shapes[name]}"
    raise InputError(
        "no column can hold the right answers: one without empty cells is needed, beside the text",
        where=f"{path}, columns {', '.join(columns)}",
        remedy="add a column with the right answer of each row, for example 'answer' or 'label'",
    )


def _kind(shape: Shape) -> TaskKind:
    return {
        Shape.LABEL: TaskKind.CHOICE,
        Shape.NUMBER: TaskKind.NUMBER,
        Shape.SHORT: TaskKind.SHORT_ANSWER,
        Shape.LONG: TaskKind.GENERATE,
    }[shape]


def _shape(values: Sequence[str]) -> Shape:
    distinct = set(values)
    longest = max(map(len, values))
    if 2 <= len(distinct) <= min(_MOST_LABELS, len(values) // 2) and longest <= _SHORT:
        return Shape.LABEL
    if all(re.fullmatch(r"[-+]?\d[\d,]*(\.\d+)?", value.strip()) for value in values):
        return Shape.NUMBER
    return Shape.SHORT if sum(map(len, values)) <= _SHORT * len(values) else Shape.LONG


def _found_share(values: Sequence[str], texts: Sequence[str]) -> float:
    return sum(value in text for value, text in zip(values, texts, strict=True)) / len(values)


def _answer_length(values: Sequence[str], reference: Sequence[str]) -> int:
    return len(values[0]) if len(reference) == 1 else len(json.dumps(dict(zip(reference, values, strict=True)), ensure_ascii=False))


def _all_differ(values: Sequence[Any]) -> bool:
    return all(_is_plain(value) for value in values) and len({str(value) for value in values}) == len(values)


def _is_plain(value: Any) -> bool:
    return isinstance(value, str | int | float) and not isinstance(value, bool) and bool(str(value).strip())


def _is_conversation(value: Any) -> bool:
    if isinstance(value, str) and value.lstrip().startswith("["):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return False
    return isinstance(value, list) and bool(value) and all(isinstance(turn, dict) and {"role", "content"} <= turn.keys() for turn in value)
