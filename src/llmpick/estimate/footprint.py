"""A memory estimate, line by line: every byte has a part, a name, a formula and a source, and the totals are sums of lines.

One file of `estimate/engines/` per engine knows its lines; this one adds them up and says how surely they fit.
"""

import math
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np

from llmpick.estimate.shape import Number, Range
from llmpick.evidence.values import Source

Part = Literal["weights", "kv_cache", "compute", "overhead"]
_FIVE_PERCENT = 1.6448536269514722  # standard normal quantile of 0.95


class Line(NamedTuple):
    """One term of the sum. `formula` is written with the numbers filled in where there is one model only."""

    part: Part
    name: str
    bytes: Range
    formula: str
    source: Source


@dataclass(frozen=True, slots=True)
class Footprint:
    """Bytes per device. `kind` says which memory is meant: of the process (resident), allocated, or what the device's driver counts.

    `total` is the sum of `lines`, whose errors are taken as independent; engines that know the error of the sum give it as `total_range`.
    `kv_pool` is the cache that an engine claims beforehand, and `pool_tokens` the tokens of context that it holds; it is not part of
    `lines`, which have the cache that the load needs. `host` has what lies in the host's memory beside the device's, where a part of the
    model was kept there on purpose.
    """

    lines: tuple[Line, ...]
    kind: Literal["resident", "allocated", "on the device"]
    total_range: Range | None = None
    kv_pool: Range | None = None
    pool_tokens: Number | None = None
    host: tuple[Line, ...] = ()

    def part(self, part: Part) -> Range:
        return sum_of([line.bytes for line in self.lines if line.part == part])

    @property
    def total(self) -> Range:
        return self.total_range or sum_of([line.bytes for line in self.lines])


def probability_that_it_fits(total: Range, available_bytes: Number) -> Number:
    """The probability that `total` is at most `available_bytes`: normal on either side of the value, 5% beyond low and beyond high."""
    value, low, high = (np.asarray(part, dtype=float) for part in total)
    available = np.asarray(available_bytes, dtype=float)
    side = np.where(available < value, value - low, high - value) / _FIVE_PERCENT
    exact = np.where(available >= value, 1.0, 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(side > 0, _normal((available - value) / side), exact)


def _normal(z: "np.ndarray[Any, Any]") -> Number:
    """The standard normal distribution function."""
    if z.ndim == 0:
        return 0.5 * math.erfc(-float(z) / math.sqrt(2))
    from scipy.special import ndtr  # only for many at once: the package takes a quarter of a second to load

    return ndtr(z)


def sum_of(ranges: "list[Range]") -> Range:
    """The sum of independent quantities: their half-widths add as squares, on each side."""
    value: Number = sum((r.value for r in ranges), start=0.0)
    below: Number = sum(((r.value - r.low) ** 2 for r in ranges), start=0.0)
    above: Number = sum(((r.high - r.value) ** 2 for r in ranges), start=0.0)
    return Range(value, value - np.sqrt(below), value + np.sqrt(above))


def filled(formula: str, **values: Number) -> str:
    """`formula` with its {names} replaced by numbers with thousands separators; by the names themselves where a value is an array."""
    return formula.format(**{name: f"{float(value):,.0f}" if np.ndim(value) == 0 else name for name, value in values.items()})


def cache_formula(need: Number, context_tokens: Number, sequences: Number, how: str = "") -> str:
    """Of a cache of `need` bytes in all: what one sequence takes, and how many there are."""
    text = f"{{one}} bytes for {{tokens}} tokens{how} x {{sequences}} sequences"
    return filled(text, one=need / np.maximum(sequences, 1), tokens=context_tokens, sequences=sequences)
