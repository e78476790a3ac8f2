"""Records of evidence into records of a schema: where each key comes from, and what becomes of an unknown."""

from dataclasses import dataclass

import pytest
from pydantic import Field, ValidationError

from llmpick.evidence.values import Interval, Unknown
from llmpick.report.document import Reasons, Record, WithUnknowns, written


class Range(Record):
    value: float
    low: float
    high: float


class Row(WithUnknowns):
    name: str
    speed: Range | None = Field(description="unknown where nobody measured")
    parts: list[Range]
    unknown: Reasons


@dataclass(frozen=True)
class Seen:
    name: str
    speed: Interval | Unknown
    parts: tuple[Interval, ...] = ()


FAST = Interval(2.0, 1.0, 3.0, 0.95)


def test_keys_are_those_given_then_those_of_the_first_source_that_has_them():
    row = written(Row, Seen("first", FAST, (FAST,)), Seen("second", Unknown("no")))
    assert (row.name, row.speed, row.parts, row.unknown) == ("first", Range(value=2, low=1, high=3), [Range(value=2, low=1, high=3)], {})
    assert written(Row, Seen("first", FAST), name="given").name == "given"


def test_an_unknown_is_null_with_its_reason():
    row = written(Row, Seen("slow", Unknown("nobody looked")))
    assert (row.speed, row.unknown) == (None, {"speed": "nobody looked"})


@pytest.mark.parametrize("sources", [(), (FAST,)])
def test_a_key_that_nothing_has_is_a_defect(sources):
    with pytest.raises(ValidationError):
        written(Row, *sources, name="alone")


def test_a_null_without_a_reason_is_a_defect():
    with pytest.raises(ValidationError, match="null"):
        written(Row, Seen("silent", FAST), speed=None)


def test_a_number_that_is_none_is_a_defect():
    with pytest.raises(ValidationError):
        written(Range, FAST, value=float("nan"))
