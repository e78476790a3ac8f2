"""From a task file and its rows to a `Task`: everything that can be wrong is found here, before a model is loaded."""

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, TemplateSyntaxError

from llmpick.evidence.ability import TaskFamily
from llmpick.evidence.errors import InputError
from llmpick.evidence.task import Budget, Example, Judge, Limits, Message, Metric, Price, Prompt, Task, TaskKind
from llmpick.sources.task.answers import Reader, answer_schema, check_answer_by, check_pattern, check_rules, reference_reader, task_labels
from llmpick.sources.task.judged import JUDGED, check_judge, judge_of, judged
from llmpick.sources.task.model import TaskFile, read_task_file, suggest
from llmpick.sources.task.rows import Row, columns_of, read_rows
from llmpick.sources.task.staged import stages_of

METRICS: Mapping[TaskKind, tuple[str, ...]] = {
    TaskKind.CHOICE: ("accuracy",),
    TaskKind.SHORT_ANSWER: ("exact-match", "token-f1", "rouge-l", "regex"),
    TaskKind.NUMBER: ("number",),
    TaskKind.EXTRACT: ("json-fields",),
    TaskKind.GENERATE: ("rouge-l", "token-f1", "exact-match", "regex"),
}
"""The bundled metrics that can score each kind; the first is the default. Metrics of other packages may score any kind."""
MAX_TOKENS: Mapping[TaskKind, int] = {TaskKind.NUMBER: 24, TaskKind.SHORT_ANSWER: 32, TaskKind.EXTRACT: 128, TaskKind.GENERATE: 512}
"""Where an answer is cut off unless the task says otherwise; a choice ends with its label."""


def load_task(path: Path) -> Task:
    """Reads a task file with all its rows.

    Raises `InputError` that names the file, the key or line, and the remedy. Whether the template can be rendered for every row is
    seen when the requests are built (`measure.prompt.build_requests`), whether the metric exists when it is resolved.
    """
    spec = read_task_file(path)
    check_judge(spec, path)
    _check_reference(spec, path)
    metric = _metric(spec, path)
    schema = answer_schema(spec, path)
    check_rules(spec, path, schema)
    check_answer_by(spec, path)
    template = _template(spec, path)
    reader = reference_reader(spec, schema)
    examples, example_rows = _read_examples(spec, path, spec.examples.file, reader)
    fewshot, fewshot_rows = _read_examples(spec, path, spec.prompt.fewshot, reader) if spec.prompt.fewshot else ((), ())
    _check_fewshot(spec, examples, fewshot)
    _check_patterns(metric, examples)
    labels = task_labels(spec, path, examples, fewshot)
    if template is None and (row := next((example for example in (*fewshot, *examples) if example.messages is None), None)):
        raise InputError(f"{row.place} has no messages", where=f"{path}, key prompt.template", remedy="add a template for such rows")
    judge = judge_of(spec, path, {example.id for example in examples})
    return Task(
        name=spec.name,
        kind=TaskKind(spec.kind),
        languages=_languages(spec, path, examples),
        examples=examples,
        prompt=Prompt(template=template or "", system=spec.prompt.system, fewshot=fewshot),
        metric=metric,
        content_hash=_content_hash(spec, schema, judge, example_rows, fewshot_rows),
        labels=labels,
        schema=schema,
        max_output_tokens=spec.answer.max_tokens or MAX_TOKENS.get(TaskKind(spec.kind), 64),
        limits=_limits(spec),
        budget=Budget(**spec.budget.model_dump()),
        confidence=spec.confidence,
        tolerance=spec.tolerance,
        cost_by=spec.cost_by,
        family=None if spec.family is None else TaskFamily(spec.family),
        slices=tuple(spec.slices),
        rules=spec.baselines.rules,
        seed=spec.seed,
        prices={model: Price(price.input, price.output) for model, price in spec.prices.items()},
        model_directories=tuple(os.path.normpath(path.parent / folder) for folder in spec.model_directories),
        answer_by=spec.answer.by,
        normalise=spec.answer.normalise or "bytes",
        judge=judge,
        cluster=spec.examples.cluster,
        stages=stages_of(spec, path, METRICS),
    )


def _read_examples(spec: TaskFile, path: Path, file: str, reader: Reader) -> tuple[tuple[Example, ...], tuple[Row, ...]]:
    try:
        rows = read_rows(path.parent / file)
    except InputError as error:
        if not isinstance(error.__cause__, FileNotFoundError):
            raise
        key = "examples.file" if file == spec.examples.file else "prompt.fewshot"
        raise InputError(error.what, where=f"{error.where}, named by {path}, key {key}", remedy=f"mend the key: {error.remedy}") from error
    _check_columns(spec, path, file, rows)
    examples = tuple(_example(spec, row, reader) for row in rows)
    without = [example for example in examples if example.reference is None]
    if without:
        raise InputError(
            f"{len(without)} of {len(examples)} rows have no reference, the first is {without[0].place}",
            where=f"{path.parent / file}, column {_quoted(_reference_columns(spec))}",
            remedy="fill them in or remove those rows: rows without a reference need a judge (kind generate, table [judge])",
        )
    seen: dict[str, Example] = {}
    for example in examples:
        if (first := seen.setdefault(example.id, example)) is not example:
            raise InputError(f"the id {example.id!r} is used twice", where=f"{first.place} and {example.place}", remedy="make ids unique")
    return examples, rows


def _check_columns(spec: TaskFile, path: Path, file: str, rows: Sequence[Row]) -> None:
    columns = columns_of(rows)
    references = _reference_columns(spec)
    wanted = {"examples.reference": references, "slices": spec.slices}
    wanted |= {
        f"examples.{key}": [name] for key in ("id", "language", "cluster", "messages") if (name := getattr(spec.examples, key)) is not None
    }
    for key, names in wanted.items():
        for name in names:
            if name not in columns:
                raise InputError(f"there is no column {name!r} in {file}", where=f"{path}, key {key}", remedy=suggest(name, columns))
    if hidden := next((name for name in spec.slices if name in references), None):
        raise InputError(
            f"the reference column {hidden!r} cannot be a slice",
            where=f"{path}, key slices",
            remedy="remove it: each label is reported anyway",
        )


def _check_reference(spec: TaskFile, path: Path) -> None:
    if isinstance(spec.examples.reference, list) and spec.kind != TaskKind.EXTRACT:
        raise InputError(
            f"a task of kind {spec.kind!r} has one reference column",
            where=f"{path}, key examples.reference",
            remedy=f'write reference = "{spec.examples.reference[0]}", or set kind to "extract"',
        )


def _example(spec: TaskFile, row: Row, reader: Reader) -> Example:
    """The row as an example. Its reference and its conversation are no fields, so that no template can show them by accident."""
    table = spec.examples
    hidden = {*_reference_columns(spec), table.messages}
    identity = str(row.number) if table.id is None else row.values.get(table.id)
    if identity is None:
        raise InputError(f"the row has no {table.id!r}", where=row.place, remedy="give it a unique id")
    language = None if table.language is None else row.values.get(table.language)
    cluster = None if table.cluster is None else row.values.get(table.cluster)
    if table.cluster is not None and cluster is None:
        raise InputError(f"the row has no {table.cluster!r}", where=row.place, remedy="name what it belongs to; a name of its own if alone")
    return Example(
        id=str(identity),
        fields={name: value for name, value in row.values.items() if name not in hidden},
        reference=reader(row.values, row.place),
        place=row.place,
        language=None if language is None else str(language),
        messages=None if table.messages is None else _messages(row.values.get(table.messages), row.place),
        cluster=None if cluster is None else str(cluster),
    )


def _messages(value: Any, place: str) -> tuple[Message, ...] | None:
    """The conversation of a row, None if it has none. In CSV it is JSON text."""
    if value is None:
        return None
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError) as error:
            raise InputError(f"messages are not JSON: {error}", where=place, remedy="write a list of {role, content}") from error
    if not isinstance(value, list) or not all(_is_message(turn) for turn in value):
        raise InputError(
            "messages are not a list of {role, content}", where=place, remedy="each role is system, user or assistant, each content text"
        )
    if not value or value[-1]["role"] != "user":
        raise InputError("the conversation does not end with the user", where=place, remedy="end it with what the model has to answer")
    if any(turn["role"] == "system" for turn in value[1:]):
        raise InputError("a system message stands inside the conversation", where=place, remedy="put it first")
    return tuple(Message(turn["role"], turn["content"]) for turn in value)


def _is_message(turn: Any) -> bool:
    return (
        isinstance(turn, dict)
        and turn.keys() == {"role", "content"}
        and turn["role"] in ("system", "user", "assistant")
        and isinstance(turn["content"], str)
    )


def _template(spec: TaskFile, path: Path) -> str | None:
    template = spec.prompt.template
    if template is None and spec.examples.messages is None:
        raise InputError(
            "the key 'prompt.template' is missing",
            where=f"{path}, key prompt.template",
            remedy='add it, for example "Question: {{ question }}\\nAnswer:"',
        )
    try:
        Environment(autoescape=False).parse(template or "")
    except TemplateSyntaxError as error:
        raise InputError(
            f"the template cannot be parsed: {error.message}",
            where=f"{path}, key prompt.template, line {error.lineno} of the template",
            remedy="mend it (https://jinja.palletsprojects.com/templates)",
        ) from error
    return template


def _metric(spec: TaskFile, path: Path) -> Metric:
    if judged(spec):
        return Metric(JUDGED)
    fit = METRICS[TaskKind(spec.kind)]
    name = spec.metric.name or fit[0]
    bundled = {metric for metrics in METRICS.values() for metric in metrics}
    if name in bundled and name not in fit:
        raise InputError(
            f"the metric {name!r} cannot score a task of kind {spec.kind!r}",
            where=f"{path}, key metric.name",
            remedy=f"use {' or '.join(map(repr, fit))}, or change kind",
        )
    metric = Metric(name, dict(spec.metric.model_extra or {}))
    if name == "regex" and isinstance(pattern := metric.options.get("pattern"), str):
        check_pattern(pattern, f"{path}, key metric.pattern")
    return metric


def _check_patterns(metric: Metric, examples: Sequence[Example]) -> None:
    """Without a pattern of its own the metric `regex` reads each reference as one."""
    if metric.name == "regex" and "pattern" not in metric.options:
        for example in examples:
            check_pattern(example.reference, example.place)


def _check_fewshot(spec: TaskFile, examples: Sequence[Example], fewshot: Sequence[Example]) -> None:
    """A row that is shown solved in the prompt cannot be asked as well, and it stands after the one system text there is."""

    def asked(example: Example) -> str:
        values = {name: value for name, value in example.fields.items() if name != spec.examples.id}
        return _canonical([values, [[turn.role, turn.content] for turn in example.messages or ()]])

    for example in fewshot:
        if example.messages and example.messages[0].role == "system":
            raise InputError("a few-shot row has a system message", where=example.place, remedy="move it to [prompt] system")
    shown = {asked(example): example for example in fewshot}
    for example in examples:
        if (twin := shown.get(asked(example))) is not None:
            raise InputError(
                "a few-shot row is also an example, so the prompt would hold its answer",
                where=f"{twin.place} and {example.place}",
                remedy="remove one of the two",
            )


def _languages(spec: TaskFile, path: Path, examples: Sequence[Example]) -> tuple[str, ...]:
    used = {example.language for example in examples if example.language is not None}
    if spec.languages is None:
        return tuple(sorted(used))
    for example in examples:
        if example.language is not None and example.language not in spec.languages:
            raise InputError(
                f"the language {example.language!r} is not among the task's",
                where=example.place,
                remedy=suggest(example.language, spec.languages) + f"; mend the row, or the key languages of {path}",
            )
    return tuple(spec.languages)


def _limits(spec: TaskFile) -> Limits:
    values = spec.limits.model_dump()
    licence = values.pop("licence")
    return Limits(memory_bytes=values.pop("memory"), licence=tuple(licence) if isinstance(licence, list) else licence, **values)


def _content_hash(spec: TaskFile, schema: Mapping[str, Any] | None, judge: Judge | None, *tables: Sequence[Row]) -> str:
    """SHA-256 of the task with its defaults and of all values of its rows: not of paths, comments or the order of keys, nor of cheaper
    evidence than its own, nor of the family that it says it is of.
    """
    paths = {
        "model_directories": True,
        "stage": True,
        "family": True,
        "examples": {"file"},
        "prompt": {"fewshot"},
        "answer": {"json_schema", "schema_file"},
    }
    settings = spec.model_dump(exclude=paths)
    if not judged(spec):  # as tasks were hashed before there was a judge
        del settings["judge"]
    elif judge is not None:  # what people said, not where it stands
        settings["judge"]["labels"] = [[label.row, label.model, label.score] for label in judge.labels]
    if spec.examples.cluster is None:  # and before rows belonged together
        del settings["examples"]["cluster"]
    if spec.answer.by == "generation":  # and before there was another way to answer
        del settings["answer"]["by"], settings["answer"]["normalise"]
    fields = list(schema["properties"]) if schema is not None else None  # the order of the fields is part of the prompt
    rows = [[row.values for row in table] for table in tables]
    return hashlib.sha256(_canonical([settings, schema, fields, rows]).encode()).hexdigest()


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False, default=str)


def _reference_columns(spec: TaskFile) -> list[str]:
    return [spec.examples.reference] if isinstance(spec.examples.reference, str) else spec.examples.reference or []


def _quoted(names: Sequence[str]) -> str:
    return ", ".join(map(repr, names))
