"""The answer of `race` as one immutable record: who wins, by how much, how sure and in which sense, and what finding out cost.

Reports are functions of this record alone, so that the terminal, the page and the JSON can never disagree.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Literal

from llmpick.decide.answer import Judging, Spending, ThinkingBought
from llmpick.evidence.call import EngineInfo, Outcome
from llmpick.evidence.model import Candidate
from llmpick.evidence.task import CostBy
from llmpick.evidence.values import Interval, Unknown
from llmpick.stats.goal import Guarantee

_HOLDS = Unknown("the choice holds for new inputs too")
_NOT_COMPUTED = Unknown("nothing was run that it could be computed from")


class RaceVerdict(StrEnum):
    """`TIE`: other candidates are shown to be within the tolerance of the best too, and the cheapest of them is named. `ALONE`: one took
    part, and was compared with nothing.
    """

    WON = "won"
    TIE = "tie"
    ALONE = "alone"
    UNDECIDED = "undecided"
    NONE_FITS = "none_fits"


class RaceStop(StrEnum):
    """Why the race ended. `ALL_ROWS`: it was decided, but only when every row of those in question had been run. `ALONE`: there
    was nobody to compare the only one with.
    """

    DECIDED = "decided"
    ALL_ROWS = "all_rows"
    ALONE = "alone"
    EXPECTED_LOSS = "expected_loss"
    BUDGET = "budget"
    INTERRUPTED = "interrupted"
    STUCK = "stuck"
    NOT_RUN = "not_run"


class Place(StrEnum):
    """`TIED`: shown to be within the tolerance of the best. `BEATEN`: under `anytime` shown not to be the best (it may still be within the
    tolerance), under `bayes` probably worse than another by more than the tolerance. `BEHIND`: not better than the chosen one by more
    than the tolerance, and nothing more is shown. `OPEN`: could still have won. `LEADER` stands for `CHOSEN` where nothing is decided.
    """

    CHOSEN = "chosen"
    LEADER = "leader"
    TIED = "tied"
    BEHIND = "behind"
    BEATEN = "beaten"
    OPEN = "open"
    EXCLUDED = "excluded"
    FAILED = "failed"


class Sense(StrEnum):
    """How a race's intervals are right. `TOGETHER`: those of all candidates hold together, in every single race and at every look.
    `ON_AVERAGE`: each alone holds with the stated probability, on average over tasks like these: it is the posterior's.
    """

    TOGETHER = "together"
    ON_AVERAGE = "on_average"


@dataclass(frozen=True, slots=True)
class Placed:
    """What a race shows of one candidate; `RaceAnswer.sense` says in which sense the intervals are right.

    `score_on_rows` is the mean over the user's own rows (a point once all were run), `score` what to expect on new inputs like them.
    `difference` and `difference_on_new_inputs` are this candidate's score minus that of the chosen or leading one, paired by row.
    """

    place: Place
    reasons: tuple[str, ...]
    rows_run: int
    rows_lost: int
    score_on_rows: Interval | Unknown
    score: Interval | Unknown
    difference: Interval | Unknown
    difference_on_new_inputs: Interval | Unknown


@dataclass(frozen=True, slots=True)
class NewInputs:
    """What the rows tell of new inputs like them. `alike` holds the candidates that they cannot tell apart, the chosen one included:
    each of the others may be better there by more than the tolerance; it is empty when the choice holds for new inputs too.
    `rows_more` is how many more rows would probably decide, `rows_left` how many of the user's own were not run by all of `alike` yet.
    """

    alike: tuple[str, ...] = ()
    rows_more: Interval | Unknown = _HOLDS
    rows_left: int = 0


@dataclass(frozen=True, slots=True)
class Passed:
    """The mean score of a candidate on the first `rows` rows of the race, lost ones left out."""

    rows: int
    score: float


@dataclass(frozen=True, slots=True)
class Racer:
    """One candidate's part of the answer. `cost` is what one call of it takes, by the measure that breaks ties."""

    candidate: Candidate
    placed: Placed
    spent: Spending
    everything: Spending
    cost: float | None = None
    engine: EngineInfo | None = None
    quantization: str | None = None
    file_sha256: str | None = None
    outcomes: Mapping[Outcome, int] = field(default_factory=dict[Outcome, int])
    way: tuple[Passed, ...] = ()
    """Its running score from the first rows to the last that it ran."""


@dataclass(frozen=True, slots=True)
class Yardstick:
    """What needs no language model, on the same rows: `chance`, which takes any label, or a baseline of `pick`. `score` is its mean over
    all of the user's rows, `ahead` its score minus that of the returned candidate, paired; valid by itself whenever the race stopped.
    """

    name: Literal["chance", "majority", "tfidf", "rules"]
    score: float
    ahead: Interval | Unknown


@dataclass(frozen=True, slots=True)
class RecordedCost:
    """What the calls of a recorded race cost by the file's own column, and what all calls would have cost."""

    spent: float
    everything: float
    unit: str


@dataclass(frozen=True, slots=True)
class RaceAnswer:
    """Everything a race found out.

    `chosen` is None when undecided, and when only one took part; `leader` is who is returned in any case. `expected_loss` and `next_saving`
    are in score (0.01 is one point): how far `leader` is expected to lie below the best when one stops here, and how much of that the next
    batch would probably save; both are averages over tasks like this one. `risk` is the probability that it lies more than the tolerance
    below.
    """

    task: str
    source: Literal["models", "recorded"]
    guarantee: Guarantee
    confidence: float
    tolerance: float
    verdict: RaceVerdict
    stop: RaceStop
    reasons: tuple[str, ...]
    chosen: str | None
    leader: str | None
    candidates: tuple[Racer, ...]
    new_inputs: NewInputs
    spent: Spending
    everything: Spending
    rows: int
    cost_by: CostBy | None
    metric: str
    seed: int
    run: str | None
    device: str
    max_expected_loss: float | None = None
    risk: float | Unknown = _NOT_COMPUTED
    expected_loss: float | Unknown = _NOT_COMPUTED
    next_saving: float | Unknown = _NOT_COMPUTED
    recorded_cost: RecordedCost | None = None
    thinking: tuple[ThinkingBought, ...] = ()
    """For each model that took part with and without thinking."""
    judging: Judging | None = None
    """None where a metric scores. Its calls are part of `spent` and `everything`."""
    yardsticks: tuple[Yardstick, ...] = ()
    """Of a task whose answers are compared with right ones; empty where there is none, or it was interrupted before they were known."""
    as_of: date | None = None
    notes: tuple[str, ...] = ()

    @property
    def sense(self) -> Sense:
        return Sense.ON_AVERAGE if self.guarantee == "bayes" else Sense.TOGETHER

    @property
    def unopposed(self) -> bool:
        """Whether failures of the others left one candidate that was compared with nothing."""
        places = [one.placed.place for one in self.candidates]
        return Place.FAILED in places and sum(place not in (Place.FAILED, Place.EXCLUDED) for place in places) < 2

    @property
    def cost_fraction(self) -> float:
        """Candidates' calls made over all that there are; those that an earlier run paid for count as made. 0 where nothing was run."""
        by_the_judge = self.judging.everything.calls if self.judging else 0
        return sum(one.placed.rows_run for one in self.candidates) / max(self.everything.calls - by_the_judge, 1)
