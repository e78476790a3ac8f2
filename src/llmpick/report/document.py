"""What the JSON documents of all verbs have in common: null and its reason, a number with its interval, an error, how records of evidence
are written in them, and the JSON Schema.

Two rules hold everywhere. What is unknown is null, and the object that holds the null says why under the same key of its `unknown`
(a null without a reason, or a reason without a null, cannot be built). Numbers are finite. Within one `schema_version` keys are added,
never removed, renamed or given another meaning.
"""

from types import UnionType
from typing import Annotated, Any, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, model_validator

from llmpick.evidence.values import Unknown

R = TypeVar("R", bound=BaseModel)


class Record(BaseModel):
    model_config = ConfigDict(frozen=True, allow_inf_nan=False)


Reasons = Annotated[dict[str, str], Field(description="for each key of this object that is null, the reason")]


class WithUnknowns(Record):
    """An object some of whose keys may be null. Its last key is `unknown: Reasons`."""

    @model_validator(mode="after")
    def _each_null_has_its_reason(self) -> Self:
        values = dict(self)
        nulls = {key for key, value in values.items() if value is None}
        if nulls != values["unknown"].keys():
            raise ValueError(f"null: {sorted(nulls)}, with a reason: {sorted(values['unknown'])}")
        return self


class Range(Record):
    """A number with its interval. A subclass says what `value` is."""

    value: float = Field(description="in the unit that the key's name ends with")
    low: float = Field(description="lower end of the interval")
    high: float = Field(description="upper end of the interval")
    confidence: float = Field(description="probability with which the interval holds")


class ErrorText(Record):
    what: str = Field(description="what is wrong")
    where: str = Field(description="the file, key, line, row or address")
    remedy: str = Field(description="what to do about it")


class ErrorAnswer(Record):
    """Printed instead of an answer with the exit codes 1 and 2, and with 130 where the interrupt left nothing to say."""

    error: ErrorText = Field(description="the error")


def known(**values: Any) -> dict[str, Any]:
    """Turns every `Unknown` into null, and collects the reasons under `unknown`."""
    reasons = {key: value.reason for key, value in values.items() if isinstance(value, Unknown)}
    return {**{key: None if key in reasons else value for key, value in values.items()}, "unknown": reasons}


def written(record: type[R], *sources: object, **values: object) -> R:
    """`record` with each key from `values`, else from the first of `sources` with an attribute of that name.

    An `Unknown` becomes null, with its reason under `unknown`; records within become those of the key's type, where they hold no
    `Unknown` themselves. Raises `pydantic.ValidationError` for what the schema cannot hold: a defect of llmpick.
    """
    for name in record.model_fields.keys() - values.keys():
        source = next((source for source in sources if hasattr(source, name)), None)
        if source is not None:
            values[name] = getattr(source, name)
    reasons = {key: value.reason for key, value in values.items() if isinstance(value, Unknown)}
    known = {key: None if key in reasons else value for key, value in values.items()}
    return record.model_validate({"unknown": reasons, **known} if "unknown" in record.model_fields else known, from_attributes=True)


def schema_of(answers: type[Any] | UnionType, title: str) -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of all that a verb prints under `--json`: one of its `answers` (a type or a union), or an error."""
    printed: Any = answers | ErrorAnswer
    document: TypeAdapter[Any] = TypeAdapter(printed)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": title, **document.json_schema(mode="serialization")}
