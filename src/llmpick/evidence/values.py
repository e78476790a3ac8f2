"""The three kinds of evidence and the source that each of them carries.

A `Fact` was published or read from a file, an `Estimate` was computed by a named formula, a `Measurement` was observed
here. What is not known is an `Unknown` with a reason: never zero, never NaN.
"""

from dataclasses import dataclass
from datetime import date
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Source:
    """Where a value comes from.

    `published` is the day from which the statement could be known (it decides what `--as-of` sees), `checked` the day
    on which somebody compared the value with the source.
    """

    title: str
    url: str | None = None
    published: date | None = None
    checked: date | None = None


@dataclass(frozen=True, slots=True)
class Fact(Generic[T]):
    """A published value, or one read from the model's own files."""

    value: T
    source: Source


@dataclass(frozen=True, slots=True)
class Interval:
    """A value with the range that holds at `confidence` (a probability, for example 0.95)."""

    value: float
    low: float
    high: float
    confidence: float

    def __post_init__(self) -> None:
        if not self.low <= self.value <= self.high:
            raise ValueError(f"interval {self.low} <= {self.value} <= {self.high} does not hold")


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value computed by the formula named in `source`, in `unit`."""

    interval: Interval
    unit: str
    source: Source


@dataclass(frozen=True, slots=True)
class Measurement:
    """A value observed here on `n` observations, in `unit`; `source` names the conditions."""

    interval: Interval
    unit: str
    n: int
    source: Source


@dataclass(frozen=True, slots=True)
class Unknown:
    """Nothing is known, and why."""

    reason: str
