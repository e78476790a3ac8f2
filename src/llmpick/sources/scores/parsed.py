"""JSON that others wrote, as it is needed here: objects and lists of the expected kind, or an error that names the place."""

import json
from collections.abc import Mapping
from typing import Any

from llmpick.evidence.errors import InputError


def parse_json(content: bytes, where: str) -> Any:
    """The value. NaN and Infinity are read, since logs of scores hold them. Raises `InputError` for what is not JSON."""
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise InputError(f"this is not JSON: {error}", where=where, remedy="write or fetch the log again") from error


def an_object(value: object, what: str, where: str) -> Mapping[str, Any]:
    if isinstance(value, dict):
        return value
    raise InputError(f"{what} is {_kind(value)}, not an object", where=where, remedy="this log is of a form that llmpick does not read")


def a_list(value: object, what: str, where: str) -> list[Any]:
    if isinstance(value, list):
        return value
    raise InputError(f"{what} is {_kind(value)}, not a list", where=where, remedy="this log is of a form that llmpick does not read")


def score_in_range(value: float, what: str, where: str) -> float:
    """The value. Raises `InputError` if it lies outside [0, 1]."""
    if 0 <= value <= 1:
        return value
    raise InputError(f"{what} is {value:g}, not from 0 to 1", where=where, remedy="choose another metric, one whose scores lie from 0 to 1")


def _kind(value: object) -> str:
    return "missing" if value is None else f"a {type(value).__name__}"
