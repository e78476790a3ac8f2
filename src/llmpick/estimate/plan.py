"""The answer of `plan` as one immutable record; the terminal and the JSON read nothing else."""

from dataclasses import dataclass
from typing import Literal

from llmpick.estimate.decision_cost import Resolution
from llmpick.evidence.values import Interval, Source, Unknown
from llmpick.stats.goal import Guarantee


@dataclass(frozen=True, slots=True)
class CallCost:
    """What one call of a candidate is expected to take. `kept_rows` are those, by their places in the order of the race, of which the store
    has its answer already: they need not be paid again.

    `known_from`: `calls` (the kept ones), `words` (bytes of the prompts, and the form of the answer). `money` is None without a price.
    """

    candidate: str
    prompt_tokens: Interval
    output_tokens: Interval
    seconds: Interval | Unknown
    money: Interval | None
    kept_rows: tuple[int, ...]
    known_from: Literal["calls", "words"]

    @property
    def kept(self) -> int:
        return len(self.kept_rows)


@dataclass(frozen=True, slots=True)
class RulePlan:
    """What a decision will probably take under one rule: medians with 90% ranges; see `estimate/decision_cost.py` for `early`, `by_half`.

    `share` is that of all calls. `to_pay` is what is left of the calls without those that are kept, None where none is; `in_budget`,
    `tokens`, `seconds` and `money` count only these. `in_budget` is the probability of a decision within the task's budget, None where
    there is none. `calls_at` has the calls with other numbers of rows.
    """

    guarantee: Guarantee
    calls: Interval
    share: Interval
    to_pay: Interval | None
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
