"""What an answer of the task may be: its JSON Schema, its labels, and the reference of a row read accordingly."""

import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from llmpick.evidence.errors import InputError
from llmpick.evidence.task import Example, TaskKind
from llmpick.sources.task.model import TaskFile, suggest

Reader = Callable[[Mapping[str, Any], str], Any]
"""(the row's values, its place) → the reference; None when the row has none."""


def answer_schema(spec: TaskFile, path: Path) -> dict[str, Any] | None:
    """The JSON Schema that an extracted object must satisfy; None for the other kinds. Raises `InputError` for an unfit schema."""
    answer = spec.answer
    if spec.kind != TaskKind.EXTRACT:
        given = "schema" if answer.json_schema is not None else "schema_file" if answer.schema_file is not None else None
        if given:
            raise InputError(f"a task of kind {spec.kind!r} has no schema", where=f"{path}, key answer.{given}", remedy="remove it")
        return None
    if answer.json_schema is not None and answer.schema_file is not None:
        raise InputError("the schema is given twice", where=f"{path}, key answer.schema_file", remedy="keep one of schema and schema_file")
    if answer.schema_file is not None:
        file = path.parent / answer.schema_file
        return _checked(_schema_of(file), str(file))
    if answer.json_schema is not None:
        return _checked(answer.json_schema, f"{path}, key answer.schema")
    if isinstance(spec.examples.reference, str):
        raise InputError(
            "one column holds the whole answer, so its schema must be given",
            where=f"{path}, key answer.schema",
            remedy=f"add it, or name one column per field: reference = [{json.dumps(spec.examples.reference, ensure_ascii=False)}]",
        )
    fields = spec.examples.reference or []
    properties = {name: {"type": "string"} for name in fields}
    return {"type": "object", "properties": properties, "required": list(fields), "additionalProperties": False}


def reference_reader(spec: TaskFile, schema: Mapping[str, Any] | None) -> Reader:
    """How the reference is read from a row of this task."""
    columns = spec.examples.reference
    if columns is None:
        return lambda values, place: ""  # noqa: ARG005
    if schema is not None and isinstance(columns, list):
        return lambda values, place: _object_from_columns(values, columns, schema, place)
    if schema is not None:
        return lambda values, place: _object_from_column(values.get(str(columns)), schema, place)
    read = _number if spec.kind == TaskKind.NUMBER else _text
    return lambda values, place: read(values.get(str(columns)), place)


def task_labels(spec: TaskFile, path: Path, examples: Sequence[Example], fewshot: Sequence[Example]) -> tuple[str, ...]:
    """The labels of a choice: those that are given, else all references, sorted. Raises `InputError` where labels and rows differ."""
    given = spec.answer.labels
    key = f"{path}, key answer.labels"
    if spec.kind != TaskKind.CHOICE:
        if given is not None:
            raise InputError(f"a task of kind {spec.kind!r} has no labels", where=key, remedy="remove them, or set kind to 'choice'")
        return ()
    used = {example.reference for example in examples}
    labels = sorted(used) if given is None else given
    if (twice := next((label for label in labels if labels.count(label) > 1 or not label.strip()), None)) is not None:
        raise InputError(f"the label {twice!r} is empty or given twice", where=key, remedy="remove it")
    for example in (*examples, *fewshot):
        if example.reference not in labels:
            raise InputError(
                f"the reference {example.reference!r} is not among the labels",
                where=example.place,
                remedy=f"{suggest(example.reference, labels)}; mend the row, or add the label to [answer] labels",
            )
    if missing := [label for label in labels if label not in used]:
        raise InputError(
            f"no example has the label {missing[0]!r}", where=key, remedy=suggest(missing[0], sorted(used)) + "; add rows or remove it"
        )
    if len(labels) < 2:
        raise InputError(f"all rows have the label {labels[0]!r}", where=str(path), remedy="add rows with other labels: there is no choice")
    return tuple(labels)


def check_rules(spec: TaskFile, path: Path, schema: Mapping[str, Any] | None) -> None:
    """Raises `InputError` for a rule that is no regular expression or belongs to no field."""
    fields = list(schema["properties"]) if schema is not None else ["answer"]
    for field, pattern in spec.baselines.rules.items():
        where = f"{path}, key baselines.rules.{field}"
        if spec.kind in (TaskKind.CHOICE, TaskKind.GENERATE):
            raise InputError(f"a task of kind {spec.kind!r} has no rules", where=where, remedy="remove them")
        if field not in fields:
            raise InputError(f"the answer has no field {field!r}", where=where, remedy=suggest(field, fields))
        check_pattern(pattern, where)


def check_answer_by(spec: TaskFile, path: Path) -> None:
    """Raises `InputError` for a likelihood that is asked for where no label is, or a normalisation of none."""
    answer = spec.answer
    if answer.by == "likelihood" and spec.kind != TaskKind.CHOICE:
        remedy = "remove it, or set kind to 'choice'"
        raise InputError(f"a task of kind {spec.kind!r} is not answered by likelihood", where=f"{path}, key answer.by", remedy=remedy)
    if answer.normalise is not None and answer.by != "likelihood":
        remedy = 'remove it, or add by = "likelihood"'
        raise InputError("only a likelihood is normalised", where=f"{path}, key answer.normalise", remedy=remedy)


def check_pattern(pattern: str, where: str) -> None:
    """Raises `InputError` for a text that Python's `re` does not accept."""
    try:
        re.compile(pattern)
    except re.error as error:
        raise InputError(f"{pattern!r} is not a regular expression: {error}", where=where, remedy="mend the pattern") from error


def _schema_of(file: Path) -> Any:
    try:
        return json.loads(file.read_bytes().decode())
    except OSError as error:
        raise InputError(f"the schema cannot be read: {error.strerror}", where=str(file), remedy="check answer.schema_file") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"the schema is not JSON: {error}", where=str(file), remedy="mend the file") from error


def _checked(schema: Any, where: str) -> dict[str, Any]:
    from jsonschema.exceptions import SchemaError  # jsonschema takes 0.1 s to load, and only `extract` needs it
    from jsonschema.validators import validator_for

    if not isinstance(schema, dict) or schema.get("type") != "object" or not schema.get("properties"):
        raise InputError("the schema does not describe an object with fields", where=where, remedy='give "type": "object" and "properties"')
    if outside := _outside_reference(schema):
        raise InputError(f"the schema refers to {outside!r}", where=where, remedy="copy it under $defs: nothing is fetched")
    try:
        validator_for(schema).check_schema(schema)
    except SchemaError as error:
        raise InputError(f"that is no JSON Schema: {error.message}", where=f"{where}, at {error.json_path}", remedy="mend it") from error
    return schema


def _outside_reference(schema: Any) -> str | None:
    if isinstance(schema, dict):
        target = schema.get("$ref")
        if isinstance(target, str) and not target.startswith("#"):
            return target
    parts = schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else ()
    return next((found for part in parts if (found := _outside_reference(part))), None)


def _object_from_columns(values: Mapping[str, Any], columns: Sequence[str], schema: Mapping[str, Any], place: str) -> Any:
    if all(_is_missing(values.get(column)) for column in columns):
        return None
    properties = schema["properties"]
    return _fitting({name: _typed(values.get(name), properties.get(name, {})) for name in columns if name in values}, schema, place)


def _object_from_column(value: Any, schema: Mapping[str, Any], place: str) -> Any:
    if _is_missing(value):
        return None
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError) as error:
            raise InputError(
                f"the reference is not JSON: {error}", where=place, remedy="write an object, or name a column per field"
            ) from error
    return _fitting(value, schema, place)


def _typed(value: Any, property_schema: Mapping[str, Any]) -> Any:
    """A CSV cell as the type that its field asks for; anything else, and text that does not read as that type, stays as it is."""
    if not isinstance(value, str) or property_schema.get("type") not in ("integer", "number", "boolean"):
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value


def _fitting(value: Any, schema: Mapping[str, Any], place: str) -> Any:
    from jsonschema.exceptions import best_match
    from jsonschema.validators import validator_for
    from referencing import Registry  # an empty one: without it jsonschema would fetch what a schema refers to

    problem = best_match(validator_for(schema)(schema, registry=Registry()).iter_errors(value))
    if problem is not None:
        raise InputError(
            f"the reference does not satisfy the schema at {problem.json_path}: {problem.message}",
            where=place,
            remedy="mend the row, or give the task another [answer] schema",
        )
    return value


def _text(value: Any, place: str) -> str | None:
    if _is_missing(value):
        return None
    if isinstance(value, list | dict):
        raise InputError(
            f"the reference is a {type(value).__name__}, not a text", where=place, remedy="write a text, or set kind to extract"
        )
    return str(value).lower() if isinstance(value, bool) else str(value)


def _number(value: Any, place: str) -> int | float | None:
    if _is_missing(value):
        return None
    try:
        number = float(value.replace(",", "")) if isinstance(value, str) else value
    except ValueError:
        number = None
    if isinstance(number, bool) or not isinstance(number, int | float) or not math.isfinite(number):
        raise InputError(f"the reference {value!r} is not a number", where=place, remedy="write it with digits, a point for decimals")
    return number


def _is_missing(value: Any) -> bool:
    """Nothing, blanks, or the NaN that other programs write into tables where they mean nothing."""
    return value is None or (isinstance(value, str) and not value.strip()) or (isinstance(value, float) and math.isnan(value))
