"""The answer of `plan` as one immutable record; the terminal and the JSON read nothing else."""

from dataclasses import dataclass
from typing import Literal

from llmpick.estimate.decision_cost import Resolution
from llmpick.evidence.values import Interval, Source, Unknown
from llmpick.stats.goal import Guarantee


@dataclass(frozen=True, slots=True)
class CallCost:
    """What one call of a candidate is expected to take. `kept` calls of it are in the store already and need not be paid again.

    `known_from`: `calls` (the kept ones), `words` (bytes of the prompts, and the form of the answer). `money` is None without a price.
    """

    candidate: str
    prompt_tokens: Interval
    output_tokens: Interval
    seconds: Interval | Unknown
    money: Interval | None
    kept: int
    known_from: Literal["calls", "words"]


@dataclass(frozen=True, slots=True)
class RulePlan:
    """What a decision will probably take under one rule: medians with 90% ranges; see `estimate/decision_cost.py` for `early`, `by_half`.

    `share` is that of all calls. `in_budget` is the probability that it is reached within the task's budget, None where there is none.
    `tokens`, `seconds` and `money` count reading and writing of all candidates. `calls_at` has the calls with other numbers of rows.
    """

    guarantee: Guarantee
    calls: Interval
    share: Interval
    early: float
    by_half: float
    in_budget: float | None
    tokens: Interval | Unknown
    seconds: Interval | Unknown
    money: Interval | None
    calls_at: tuple[tuple[int, Interval], ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """`task` is None for a plan of bare numbers; then nothing is known of a call. `graded`: scores lie anywhere in [0, 1]."""

    task: str | None
    candidates: int
    rows: int
    tolerance: float
    confidence: float
    graded: bool
    races: int
    seed: int
    rules: tuple[RulePlan, ...]
    resolution: Resolution
    resolution_at: tuple[tuple[int, Resolution], ...]
    calls: tuple[CallCost, ...]
    prior: Source
    assumptions: tuple[str, ...]
    notes: tuple[str, ...]
