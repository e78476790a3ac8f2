"""The answer of `race --cascade` as one record: each candidate's mean with one interval, and what each kind of evidence was worth.

Reports are functions of this record alone.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from llmpick.decide.answer import Spending
from llmpick.decide.race_answer import Place, RaceVerdict
from llmpick.evidence.call import EngineInfo
from llmpick.evidence.values import Interval, Unknown

Unit = Literal["calls", "tokens", "seconds", "money"]
"""What the budget counts."""


class CascadeStop(StrEnum):
    """`DONE`: every stage ran the rows that were planned. `ALL_ROWS`: the truth was bought for all rows. `BUDGET`: it was spent before."""

    DONE = "done"
    ALL_ROWS = "all_rows"
    BUDGET = "budget"
    INTERRUPTED = "interrupted"
    FAILED = "failed"
    NOT_RUN = "not_run"


@dataclass(frozen=True, slots=True)
class StageTold:
    """One kind of evidence, the truth being the last.

    `rows` is how many the answer rests on, 0 for a stage that was left out for the reason `left_out`. `cost_per_row` is what a row of it
    costs for all candidates together beyond the stages before it, in the unit of the budget. `explains` is the share of what varies in
    the truth from row to row that this stage alone foretells (r squared, corrected for the rows it was seen on; the truth's is 1).
    """

    name: str
    rows: int
    rows_bought: int
    cost_per_row: float | Unknown
    explains: float | Unknown
    spent: Spending
    left_out: str | None = None


@dataclass(frozen=True, slots=True)
class Measured:
    """One candidate's part of the answer. `score_on_rows` and `score` hold each by itself; the differences, to the leader, all together.

    `worth` is how many rows of the truth one row of it was worth with the cheaper evidence at the same spending: the variance that the
    truth alone would have had over that of the cascade.
    """

    candidate: str
    place: Place
    reasons: tuple[str, ...]
    score_on_rows: Interval | Unknown
    score: Interval | Unknown
    difference_on_rows: Interval | Unknown
    difference: Interval | Unknown
    worth: float | Unknown
    engine: EngineInfo | None = None


@dataclass(frozen=True, slots=True)
class Comparison:
    """The cascade against the truth alone, each with the same rows lost: for the same spending that would have seen `rows` rows, and its
    variance would have been `variance_ratio` times the cascade's (mean over candidates); the same width would have cost `cost_ratio`
    times as much.
    """

    rows: int
    variance_ratio: float
    cost_ratio: float


@dataclass(frozen=True, slots=True)
class CascadeAnswer:
    """Everything that `race --cascade` found out. `pilot` is how many rows all stages saw before the sizes were chosen. Of one
    that was compared with nothing (`ALONE`) nothing is chosen.
    """

    task: str
    verdict: RaceVerdict
    stop: CascadeStop
    reasons: tuple[str, ...]
    chosen: str | None
    leader: str | None
    candidates: tuple[Measured, ...]
    stages: tuple[StageTold, ...]
    comparison: Comparison | Unknown
    unit: Unit
    budget: float
    spent: Spending
    pilot: int
    rows: int
    rows_lost: int
    confidence: float
    tolerance: float
    metric: str
    seed: int
    run: str | None
    device: str
    notes: tuple[str, ...] = ()

    @property
    def unopposed(self) -> bool:
        """Whether failures of the others left the leader without anybody to be compared with."""
        return self.verdict is RaceVerdict.ALONE and any(one.place is Place.FAILED for one in self.candidates)
