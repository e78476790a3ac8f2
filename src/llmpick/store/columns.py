"""Two column types that keep what they are given exactly, in SQLite and in PostgreSQL alike: any text, and any moment."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy.engine import Dialect
from sqlalchemy.types import Text, TypeDecorator

MARK = '"'


def to_json(value: Any, indent: int | None = None) -> str:
    """JSON that can be written everywhere: readable characters as they are, ASCII escapes throughout where a lone surrogate forbids it.

    What JSON does not know (a path in an engine's options) becomes its text. Raises `ValueError` for NaN and infinity.
    """
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, default=_plain, indent=indent)
    return text if _is_utf8(text) else json.dumps(value, allow_nan=False, default=_plain, indent=indent)


class AnyText(TypeDecorator[str]):
    """Text that a model or a file name may hold.

    PostgreSQL refuses the character NUL, and neither database takes a lone surrogate; both occur in real outputs and paths. Such a
    text, and one that begins with `"`, is kept as a JSON string; every other text as it is. So equal texts are stored equal.
    """

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        if value is None or not (value.startswith(MARK) or "\0" in value or not _is_utf8(value)):
            return value
        return json.dumps(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        return json.loads(value) if value is not None and value.startswith(MARK) else value


class Moment(TypeDecorator[datetime]):
    """A moment as ISO 8601 text in UTC, so that it sorts and reads the same everywhere. Refuses a time without its zone."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value.isoformat()} has no time zone")
        return value.astimezone(UTC).isoformat(timespec="microseconds")

    def process_result_value(self, value: str | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        return None if value is None else datetime.fromisoformat(value)


def _plain(value: Any) -> Any:
    return dict(value) if isinstance(value, Mapping) else str(value)


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
