"""Facts of models as numbers: size, tokens, date, languages, and the effective size that the first three amount to.

Logarithms are to base 4: models of a ladder are about a factor of 4 apart. What is not known is replaced by what the scored models
lead one to expect: tokens by their regression on date, a date by that of tokens, Chinese by the share that was trained on it.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from llmpick.evidence.ability import AbilityFacts

Array = NDArray[np.float64]
Names = NDArray[np.str_]

REFERENCE_PARAMETERS, REFERENCE_TOKENS, REFERENCE_YEAR = 7e9, 3e12, 2024.0
PARAMETER_EXPONENT, TOKEN_EXPONENT = 0.336, 0.283
"""Of the loss in parameters and tokens (Hoffmann et al. 2022, table A3, approach 3)."""


@dataclass(frozen=True)
class Models:
    """M models as arrays (M,). `tokens` = log4(tokens / 3e12), `year` = years since 2024, `chinese` and `code` in [0, 1].

    `total` and `active` = log4(parameters / 7e9), equal but for a mixture of experts. `kind`: base or tuned; `line`: the family without its
    version (qwen2.5 -> qwen).
    """

    ids: Names
    family: Names
    line: Names
    kind: Names
    total: Array
    active: Array
    tokens: Array
    year: Array
    chinese: Array
    code: Array


@dataclass(frozen=True, slots=True)
class Usual:
    """What to expect of facts that are not known: tokens = `tokens`[0] + `tokens`[1] year, and back; the share trained on Chinese."""

    tokens: tuple[float, float]
    year: tuple[float, float]
    chinese: float


def usual(facts: Sequence[AbilityFacts]) -> Usual:
    """Least squares over the models of which both tokens and date are known; without three of them nothing is regressed."""
    both = [(log_tokens(f.tokens), years(f.released)) for f in facts if f.tokens is not None and f.released is not None]
    known = [float("zh" in f.languages) for f in facts if f.languages is not None]
    chinese = float(np.mean(known)) if known else 0.5
    if len(both) < 3:
        return Usual((0.0, 0.0), (0.0, 0.0), chinese)
    tokens, year = np.array(both).T
    return Usual(_line(year, tokens), _line(tokens, year), chinese)


def as_models(facts: Sequence[AbilityFacts], expected: Usual) -> Models:
    """The facts as arrays, holes filled from `expected`."""
    rows = [_numbers(f, expected) for f in facts]
    total, active, tokens, year, chinese, code = np.array(rows, dtype=float).reshape(-1, 6).T
    family = np.array([f.family for f in facts], dtype=np.str_)
    line = np.array([line_of(f.family) for f in facts], dtype=np.str_)
    kind = np.array(["tuned" if f.tuned else "base" for f in facts], dtype=np.str_)
    ids = np.array([f.id for f in facts], dtype=np.str_)
    return Models(ids, family, line, kind, total, active, tokens, year, chinese, code)


def effective_size(models: Models, shapes: Mapping[str, float]) -> Array:
    """Saturating log of effective size u = (1 - e^(-beta x)) / beta (M,), x in base-4 steps from a 7B model on 3T tokens of 2024.

    x is the size that leads to the same loss A/N^a + B/D^b when only parameters differ from the reference, `data_weight` being the second
    summand over the first at the reference, plus `progress` steps per year. A mixture of experts counts as total^s active^(1-s).
    """
    a, b = PARAMETER_EXPONENT * np.log(4), TOKEN_EXPONENT * np.log(4)
    share = shapes["total_share"]
    size = share * models.total + (1 - share) * models.active
    loss = (np.exp(-a * size) + shapes["data_weight"] * np.exp(-b * models.tokens)) / (1 + shapes["data_weight"])
    steps = -np.log(loss) / a + shapes["progress"] * models.year
    return -np.expm1(-shapes["saturation"] * steps) / shapes["saturation"]


def log_tokens(tokens: float) -> float:
    return float(np.log(tokens / REFERENCE_TOKENS) / np.log(4))


def years(day: date) -> float:
    return day.year + (day.timetuple().tm_yday - 1) / 365.25 - REFERENCE_YEAR


def line_of(family: str) -> str:
    """The name without version numbers: qwen2.5-coder -> qwen-coder, llama-3.1 -> llama."""
    return re.sub(r"[-.]?\d[\d.]*", "", family)


def _numbers(facts: AbilityFacts, expected: Usual) -> tuple[float, ...]:
    year = None if facts.released is None else years(facts.released)
    tokens = None if facts.tokens is None else log_tokens(facts.tokens)
    if year is None:
        year = expected.year[0] + expected.year[1] * tokens if tokens is not None else 0.0
    if tokens is None:
        tokens = expected.tokens[0] + expected.tokens[1] * year
    chinese = expected.chinese if facts.languages is None else float("zh" in facts.languages)
    total, active = (np.log(p / REFERENCE_PARAMETERS) / np.log(4) for p in (facts.parameters, facts.active or facts.parameters))
    return total, active, tokens, year, chinese, float(facts.code)


def _line(x: Array, y: Array) -> tuple[float, float]:
    spread = float(np.var(x))
    rise = float(np.mean((x - x.mean()) * (y - y.mean()))) / spread if spread > 0 else 0.0
    return float(y.mean()) - rise * float(x.mean()), rise
