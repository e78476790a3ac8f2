"""The answer of `pick` as one immutable record: what was chosen, how every candidate fared, and what finding out cost.

Reports are functions of this record alone, so that the terminal, the page and the JSON can never disagree.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import TYPE_CHECKING, Literal

from llmpick.evidence.call import EngineInfo, Outcome
from llmpick.evidence.model import Candidate
from llmpick.evidence.task import CostBy, TaskKind
from llmpick.evidence.values import Estimate, Interval, Measurement, Unknown

if TYPE_CHECKING:  # numpy would load with it, and `--help` needs an answer's names
    from llmpick.stats.pairwise import JudgeRecord


class Verdict(StrEnum):
    """`TIE`: several candidates are shown to be within the tolerance, the cheapest is named. `BASELINE`: no LLM is needed."""

    CHOSEN = "chosen"
    TIE = "tie"
    BASELINE = "baseline"
    UNDECIDED = "undecided"
    NONE_FITS = "none_fits"


class Status(StrEnum):
    """`DOMINATED`: as good within the tolerance, or worse, at a higher cost. `ELIMINATED`: shown to be worse. `OPEN`: it ran, and nothing
    is shown of it.
    """

    CHOSEN = "chosen"
    TIED = "tied"
    OPEN = "open"
    DOMINATED = "dominated"
    ELIMINATED = "eliminated"
    EXCLUDED = "excluded"
    UNMEASURED = "unmeasured"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Spending:
    """Calls made, tokens read and written, wall-clock seconds (loading included), money; None when no price is known."""

    calls: int = 0
    tokens: int = 0
    seconds: float = 0.0
    money: float | None = None


@dataclass(frozen=True, slots=True)
class LabelsTold:
    """People's labels on drawn rows that were run: how many there are and how many are `missing`, how many the judge scored the `same`,
    and by how much it is `off` on average, up or down, in score.
    """

    given: int
    missing: int
    same: int
    off: float


@dataclass(frozen=True, slots=True)
class Judging:
    """What an answer tells of the judge behind its scores.

    `record` is the judge's own, None when no pair needed it. `verdicts` is what all verdicts take, those included that an earlier run
    paid for; `spent` what this run paid for judge and opponent; `everything` what judging every candidate on every row would take.
    `lost` says why rows have no verdict, one reason for each.
    """

    judge: str
    opponent: str
    record: "JudgeRecord | None"
    verdicts: Spending
    spent: Spending
    everything: Spending
    lost: tuple[str, ...] = ()
    labels: LabelsTold | None = None


@dataclass(frozen=True, slots=True)
class SliceScore:
    """The score on the rows whose `column` has `value`; `score` is for new inputs like these."""

    column: str
    value: str
    score: Interval
    n: int


@dataclass(frozen=True, slots=True)
class Fetch:
    """How a model that is not on this machine could be had. `download_bytes` is an estimate at the named quantisation.

    `fits` says whether the memory that it is estimated to need is there: "marginal" when that lies inside the estimate's interval.
    """

    quantization: str
    download_bytes: int | None
    commands: tuple[str, ...]
    fits: Literal["yes", "marginal", "no", "unknown"] = "unknown"


NOT_PUBLISHED = Unknown("a baseline has no published scores")
NOT_SEEN = Unknown("not run")


@dataclass(frozen=True, slots=True)
class CandidateAnswer:
    """One candidate's part of the answer.

    `score` holds for new inputs like the user's rows (the rows are a sample of `score_n`), `score_on_rows` for the mean over the
    user's own rows (a finite population, so it shrinks to a point when all have been run). `difference` is this candidate's score
    minus the chosen one's on the user's rows, paired.

    `memory_bytes` is what serving it takes, computed where anything can be: the same before a call and after, so that it can decide between
    equals. `resident_bytes` is what its engine's process was seen to hold here while it was measured.
    """

    candidate: Candidate
    status: Status
    reasons: tuple[str, ...]
    score: Interval | Unknown
    score_on_rows: Interval | Unknown
    score_n: int
    memory_bytes: Estimate | Measurement | Unknown
    decode_tokens_per_s: Estimate | Measurement | Unknown
    ttft_s: Estimate | Measurement | Unknown
    spent: Spending
    engine: EngineInfo | None = None
    quantization: str | None = None
    file_sha256: str | None = None
    load_seconds: float | None = None
    seconds_per_call: float | None = None
    macro_f1: float | None = None
    difference: Interval | None = None
    outcomes: Mapping[Outcome, int] = field(default_factory=dict[Outcome, int])
    slices: tuple[SliceScore, ...] = ()
    confusion: Mapping[tuple[str, str], int] = field(default_factory=dict[tuple[str, str], int])
    """(reference label, answered label) → rows; "" stands for an answer that is no label."""
    resident_bytes: Measurement | Unknown = NOT_SEEN
    fetch: Fetch | None = None
    expected: Interval | Unknown = NOT_PUBLISHED
    """The score that published ones led to expect before it ran: a prior, no measurement of this task."""


@dataclass(frozen=True, slots=True)
class ChosenRun:
    """How to serve the chosen candidate: `command` is what to type."""

    engine: str
    quantization: str | None
    command: str


@dataclass(frozen=True, slots=True)
class Disagreement:
    """A row on which the measured candidates differ: `answers` maps a candidate's id to (its output, its score)."""

    row: str
    place: str
    text: str
    reference: str
    answers: Mapping[str, tuple[str, float]]


@dataclass(frozen=True, slots=True)
class LearningPoint:
    """The learned baseline's score when it may train on only `rows` labelled rows."""

    rows: int
    score: Interval


@dataclass(frozen=True, slots=True)
class Trace:
    """How the race went for one candidate: after `rows` rows its running score on the user's rows."""

    candidate: str
    rows: int
    score: Interval


@dataclass(frozen=True, slots=True)
class ThinkingBought:
    """What thinking bought one model. `difference` is the score with thinking minus that without, on the user's rows, paired; it is valid
    however many rows were run.

    Tokens are output tokens per call and seconds are per call, over the same `rows` rows. `cut` counts those whose reasoning was ended by
    its budget.
    """

    candidate: str
    without: str
    rows: int
    difference: Interval
    tokens_with: float
    tokens_without: float
    seconds_with: float
    seconds_without: float
    cut: int


@dataclass(frozen=True, slots=True)
class NextStep:
    """What would tell more than an answer without calls, and what it would take, at most: calls, and what all of them read, write and last.

    `learns` says what one would know then, `command` is what to type. `seconds` are without downloading and loading; `download_bytes` is
    None where nothing is to be downloaded, or its size is not known.
    """

    learns: str
    command: str
    calls: int
    tokens: Interval | Unknown
    seconds: Interval | Unknown
    download_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """Everything `pick` found out about one task."""

    task: str
    kind: TaskKind
    verdict: Verdict
    basis: Literal["measured", "expected"]
    reasons: tuple[str, ...]
    chosen: str | None
    chosen_run: ChosenRun | None
    candidates: tuple[CandidateAnswer, ...]
    spent: Spending
    saved: Spending
    rows: int
    confidence: float
    tolerance: float
    cost_by: CostBy
    metric: str
    seed: int
    run: str | None
    """The run's id in the store; None for a dry run, which is not kept."""
    device: str
    context_tokens: int
    """For which memory is computed, and with which the chosen one is served; less where a model's own context is less."""
    as_of: date | None = None
    learning_curve: tuple[LearningPoint, ...] = ()
    traces: tuple[Trace, ...] = ()
    disagreements: tuple[Disagreement, ...] = ()
    thinking: tuple[ThinkingBought, ...] = ()
    """For each model that took part with and without thinking."""
    judging: Judging | None = None
    """None where a metric scores. Its calls are part of `spent` and `saved`."""
    next_steps: tuple[NextStep, ...] = ()
    """Of an answer that rests on no call."""
    notes: tuple[str, ...] = ()
