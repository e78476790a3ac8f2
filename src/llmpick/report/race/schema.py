"""The documented, versioned shape of `llmpick race --json`: of a race on a task or on recorded scores, and of many recorded races.

What is unknown is null, and the object that holds the null says why under the same key of its `unknown`. Numbers are finite. Within one
`schema_version` keys are added, never removed, renamed or given another meaning. The descriptions below are the text of `docs/race.md`
and of `race.schema.json`; `python -m tests.report.regenerate` writes both.
"""

from datetime import date
from typing import Any, Literal

from pydantic import Field

from llmpick.report.document import Range, Reasons, Record, WithUnknowns, schema_of
from llmpick.report.pick.schema import Engine, Outcomes, Score, Spent, ThinkingBought

SCHEMA_VERSION = 1


class Gap(Range):
    value: float = Field(description="this candidate's score minus that of the chosen or leading one, paired by row; negative is worse")
    confidence: float = Field(description="probability with which the interval holds, in the sense of the race's `intervals`")


class RowsMore(Range):
    value: float = Field(description="how many more rows would probably decide")


class NewInputs(WithUnknowns):
    settled: bool = Field(description="whether the choice holds for new inputs like these too, and not only for the rows themselves")
    alike: list[str] = Field(description="the candidates that the rows cannot tell apart for new inputs, the chosen one first")
    rows_more: RowsMore | None = Field(description="rows beyond those that were run that would probably decide for new inputs")
    rows_left: int = Field(description="how many of the user's own rows not all of them have run yet")
    unknown: Reasons


class Yardstick(WithUnknowns):
    name: Literal["chance", "majority", "tfidf", "rules"] = Field(description="`chance`: any of the labels; the others as in `pick`")
    score: float = Field(description="mean score on all rows")
    ahead: Gap | None = Field(description="its score minus that of the `leader` on the user's own rows, paired, valid at every look")
    unknown: Reasons


class RecordedCost(Record):
    spent: float = Field(description="sum over the calls that the race made")
    everything: float = Field(description="sum over all calls that are recorded")
    unit: str = Field(description="what is counted: characters, tokens, seconds, money")


class Passed(Record):
    rows: int = Field(description="so many rows of the race, in its order")
    score: float = Field(description="mean score on those of them that the machinery did not lose")


class RaceCandidate(WithUnknowns):
    id: str = Field(description="what to type to name it (`--model`); the column of a recorded matrix")
    status: Literal["chosen", "leader", "tied", "behind", "beaten", "open", "excluded", "failed"] = Field(
        description="`tied`: shown to be within the tolerance of the best; `behind`: not better than the chosen one by more than the "
        "tolerance; `beaten`: under `anytime` shown not to be the best (how far below it lies is for `difference` to say), under `bayes` "
        "probably worse by more than the tolerance; `open`: could still have won; `leader` stands for `chosen` where it is undecided"
    )
    reasons: list[str] = Field(description="why it has this status, the deciding reason first")
    rows_run: int = Field(description="rows that it has run")
    rows_lost: int = Field(description="rows of them that the machinery lost; they are missing, not wrong")
    score_on_rows: Score | None = Field(description="on the user's own rows; a point once all of them were run")
    score: Score | None = Field(description="on new inputs like these, of which the rows are a sample")
    difference: Gap | None = Field(description="to the chosen or leading candidate, on the user's own rows")
    difference_on_new_inputs: Gap | None = Field(description="the same for new inputs like these")
    cost: float | None = Field(
        description="what it costs, by the measure of `cost_by`: of a call in money or seconds, or bytes of memory to serve it, computed as"
        " by `llmpick fit --task` (measured only where nothing can be computed)"
    )
    calls: int = Field(description="calls made for it")
    tokens: int = Field(description="tokens it read and wrote")
    seconds: float = Field(description="wall-clock seconds spent on it, loading included")
    money: float | None = Field(description="money spent on it")
    engine: Engine | None = Field(description="who answered, under which settings")
    quantization: str | None = Field(description="the data type of most of its weights")
    file_sha256: str | None = Field(description="hash of its file")
    outcomes: Outcomes = Field(description="how its calls ended")
    way: list[Passed] = Field(description="its mean score on the first rows of the race, from few rows to all that it ran")
    unknown: Reasons


class Race(WithUnknowns):
    schema_version: Literal[1] = Field(description="this description")
    task: str = Field(description="name of the task, or of the file of scores")
    source: Literal["models", "recorded"] = Field(description="whether models were called, or a recorded matrix was read")
    guarantee: Literal["anytime", "bayes"] = Field(
        description="`anytime`: the error of this very race is bounded, at every look; `bayes`: on average over tasks like these"
    )
    intervals: Literal["together", "on_average"] = Field(
        description="`together`: the intervals of all candidates hold together, in every single race and whenever it stopped; "
        "`on_average`: each alone holds with its probability, on average over tasks like these (the posterior's)"
    )
    confidence: float = Field(description="probability with which the decision is right, in the sense of `guarantee`")
    tolerance: float = Field(description="a chosen candidate may lie so far below the best")
    max_expected_loss: float | None = Field(description="the expected loss in score at which the race was to stop")
    verdict: Literal["won", "tie", "alone", "undecided", "none_fits"] = Field(
        description="`tie`: others are shown to be within the tolerance of the best too, and the cheapest of them is chosen; `alone`: only "
        "one candidate took part, so that nothing was compared, and nothing is chosen"
    )
    stop: Literal["decided", "all_rows", "alone", "expected_loss", "budget", "interrupted", "stuck", "not_run"] = Field(
        description="why it stopped; `all_rows`: decided, but only when all rows had been run; `alone`: nobody to compare with; "
        "`stuck`: failures of the machinery"
    )
    reasons: list[str] = Field(description="why nothing was decided")
    chosen: str | None = Field(description="id of the winner; in a tie, of the cheapest")
    leader: str | None = Field(description="id of the candidate that is returned in any case: the chosen one, or the leader")
    candidates: list[RaceCandidate] = Field(description="all that were looked at, the returned one first")
    risk: float | None = Field(description="probability that the leader lies more than the tolerance below the best, on average over tasks")
    expected_loss: float | None = Field(description="how far the leader is expected to lie below the best when one stops here, in score")
    next_saving: float | None = Field(description="how much of the expected loss the next batch would probably save")
    new_inputs: NewInputs = Field(description="what the rows tell of new inputs like these")
    spent: Spent = Field(description="what finding out cost")
    everything: Spent = Field(description="what running every candidate on every row would have cost, what was spent included")
    cost_fraction: float | None = Field(description="calls made over all calls that there are")
    yardsticks: list[Yardstick] = Field(description="what needs no language model, on the same rows; it takes no part")
    recorded_cost: RecordedCost | None = Field(description="the same by the recorded costs of a matrix")
    rows: int = Field(description="rows of the task")
    cost_by: Literal["money", "memory", "seconds"] | None = Field(description="what makes one of two equals the cheaper")
    metric: str = Field(description="how an answer is scored")
    seed: int = Field(description="seed of every random choice")
    run: str | None = Field(description="id of the run (`llmpick show RUN`)")
    device: str = Field(description="the machine that the models ran on")
    as_of: date | None = Field(description="the day whose knowledge was used")
    thinking: list[ThinkingBought] = Field(description="what thinking bought each model that took part with and without")
    notes: list[str] = Field(description="what else the reader should know")
    unknown: Reasons


class Spread(Record):
    mean: float = Field(description="mean over the races")
    median: float = Field(description="median over the races")


class Regret(Record):
    mean: float = Field(description="mean over the races")
    p95: float = Field(description="95% of the races have no larger one")


class Replay(WithUnknowns):
    """What `--scores` with `--repeat` prints: many races on draws of a recorded matrix."""

    schema_version: Literal[1] = Field(description="this description")
    task: str = Field(description="name of the file of scores")
    guarantee: Literal["anytime", "bayes"] = Field(description="the rule that the races stopped by")
    confidence: float = Field(description="how sure the decision of each race was to be")
    tolerance: float = Field(description="a returned model may lie so far below the best")
    max_expected_loss: float | None = Field(description="the expected loss in score at which the races were to stop")
    spend_by: Literal["calls", "cost"] = Field(description="whether the races weighed calls by number or by recorded cost")
    seed: int = Field(description="seed of the draws")
    repeats: int = Field(description="how many races")
    models: int = Field(description="models in each race")
    rows: int = Field(description="rows in each race")
    cost_fraction: Spread = Field(description="calls made over all calls of a race")
    token_cost_fraction: Spread | None = Field(description="the same by the recorded costs")
    regret: Regret = Field(description="how far the returned model's mean over all rows drawn lies below the best one's, in score")
    error_rate: float = Field(description="share of races with a regret above the tolerance")
    decided_at_half: float = Field(description="share of races that the rule decided after at most half of the calls")
    winners: dict[str, float] = Field(description="share of races in which each model was returned, the most frequent first")
    seconds: float = Field(description="seconds that the races took")
    unknown: Reasons


def json_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of what `race --json` prints of a race, of many, and of an error."""
    return schema_of(Race | Replay, "llmpick race --json")
