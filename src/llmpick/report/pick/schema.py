"""The documented, versioned shape of `llmpick pick --json`.

Two rules hold everywhere. What is unknown is null, and the object that holds the null says why under the same key of its
`unknown` (a null without a reason, or a reason without a null, cannot be built). Numbers are finite.

Within one `schema_version` keys are added, never removed, renamed or given another meaning. The descriptions below are the text
of `docs/json.md` and of `pick.schema.json`; `python -m tests.report.regenerate` writes both.
"""

from datetime import date
from typing import Any, Literal

from pydantic import Field, JsonValue

from llmpick.report.document import Range, Reasons, Record, WithUnknowns, schema_of

SCHEMA_VERSION = 1


class Score(Range):
    value: float = Field(description="mean score, 0 to 1")
    n: int = Field(description="rows that were scored")


class Share(Range):
    value: float = Field(description="mean score, 0 to 1")


class Difference(Range):
    value: float = Field(description="this candidate's score minus the chosen one's, paired by row; negative is worse")


class Quantity(Range):
    basis: Literal["measured", "estimated"] = Field(description="observed here, or computed by a formula")
    source: str = Field(description="the conditions of the measurement, or the name of the formula")


class Spent(WithUnknowns):
    calls: int = Field(description="calls to a model")
    tokens: int = Field(description="tokens read and written")
    seconds: float = Field(description="wall-clock seconds, loading included")
    money: float | None = Field(description="in the currency of the candidates' prices")
    unknown: Reasons


class Engine(Record):
    name: str = Field(description="the engine that answered")
    version: str = Field(description="its version")
    device: str = Field(description="what it computed on")
    options: dict[str, JsonValue] = Field(description="every setting that can change an output, by the engine's own names")
    notes: list[str] = Field(description="a device that stands idle and how to mend it, where there is one")


class Outcomes(Record):
    answered: int = Field(description="answers that were complete and could be read")
    cut_off: int = Field(description="answers ended by the token limit; they score 0")
    empty: int = Field(description="empty answers; they score 0")
    unparsed: int = Field(description="answers that could not be read as the asked form; they score 0")
    failed: int = Field(description="calls that the machinery failed; their rows are missing, not scored")


class Slice(Record):
    column: str = Field(description="`language`, or a column named in the task file")
    value: str = Field(description="the rows' value in this column")
    score: Score = Field(description="score on these rows, for new inputs like them")


class Confusion(Record):
    reference: str = Field(description="the right label")
    answered: str = Field(description='the answered label; "" is an answer that is no label')
    rows: int = Field(description="how often")


class Fetch(WithUnknowns):
    quantization: str = Field(description="the quantisation that the size is for")
    download_bytes: int | None = Field(description="size of the download, an estimate")
    commands: list[str] = Field(description="what to type to get it, one for each place that has it")
    fits: Literal["yes", "marginal", "no", "unknown"] = Field(description="whether its memory is there; marginal: it may just fit")
    unknown: Reasons


class Candidate(WithUnknowns):
    id: str = Field(description="what to type to name it (`--model`)")
    status: Literal["chosen", "tied", "open", "dominated", "eliminated", "excluded", "unmeasured", "failed"] = Field(
        description="`dominated`: as good within the tolerance, or worse, at a higher cost; `eliminated`: shown to be worse; `open`: it"
        " ran, and nothing is shown of it"
    )
    reasons: list[str] = Field(description="why it has this status, the deciding reason first")
    type: Literal["gguf", "safetensors", "endpoint", "baseline", "catalog"] = Field(
        description="a file, a served model, a predictor without a language model, or known from the catalog only"
    )
    score: Score | None = Field(description="for new inputs like the task's rows, of which the rows are a sample")
    score_on_rows: Score | None = Field(description="for the task's own rows; a point once all of them were run")
    difference: Difference | None = Field(
        description="to the chosen candidate, or to the leader where none is chosen, on the task's own rows"
    )
    macro_f1: float | None = Field(description="F1 averaged over the labels, 0 to 1")
    memory_bytes: Quantity | None = Field(
        description="memory to serve it, which decides with `cost_by` memory: computed as by `llmpick fit` for `context_tokens` (its own"
        " context if that is less); measured only where nothing can be computed"
    )
    resident_bytes: Quantity | None = Field(
        description="the most that llmpick's own engine process was seen to hold on this task, in this run and earlier ones; it is held"
        " against the task's limit, and decides nothing else"
    )
    decode_tokens_per_s: Quantity | None = Field(description="speed of writing")
    ttft_s: Quantity | None = Field(description="time to the first token")
    seconds_per_call: float | None = Field(description="mean wall-clock seconds of a call")
    load_seconds: float | None = Field(description="from the request to start until the first call could be made")
    calls: int = Field(description="calls made for it")
    tokens: int = Field(description="tokens it read and wrote")
    seconds: float = Field(description="wall-clock seconds spent on it, loading included")
    money: float | None = Field(description="money spent on it")
    engine: Engine | None = Field(description="who answered, under which settings")
    quantization: str | None = Field(description="the data type of most of its weights")
    file_sha256: str | None = Field(description="hash of its file")
    outcomes: Outcomes = Field(description="how its calls ended")
    slices: list[Slice] = Field(description="its score by language and by the columns that the task names")
    confusion: list[Confusion] = Field(description="for a choice among labels: references against answers, the most frequent first")
    fetch: Fetch | None = Field(description="how to get it, when it is not on this machine")
    expected: Share | None = Field(description="score that published ones lead to expect before it runs: a prior, not of this task")
    unknown: Reasons


class ChosenRun(WithUnknowns):
    engine: str = Field(description="what serves it")
    quantization: str | None = Field(description="the quantisation to serve")
    command: str = Field(description="what to type to serve it")
    unknown: Reasons


class LearningPoint(Record):
    rows: int = Field(description="labelled rows that the learned baseline may train on")
    score: Share = Field(description="what it scores then")


class Trace(Record):
    candidate: str = Field(description="id of the candidate")
    rows: int = Field(description="rows run so far")
    score: Score = Field(description="running score on the task's own rows")


class DisagreementAnswer(Record):
    candidate: str = Field(description="id of the candidate")
    output: str = Field(description="what it answered")
    score: float = Field(description="the score of this answer")


class Disagreement(Record):
    row: str = Field(description="id of the row")
    place: str = Field(description="where it stands in its file")
    text: str = Field(description="the input")
    reference: str = Field(description="the right answer")
    answers: list[DisagreementAnswer] = Field(description="what the candidates answered")


class Gain(Range):
    value: float = Field(description="score with thinking minus score without, paired by row")


class ThinkingBought(Record):
    candidate: str = Field(description="id of the candidate that thinks")
    without: str = Field(description="id of the same model without thinking")
    rows: int = Field(description="rows that both have answered; all that follows is of these")
    difference: Gain = Field(description="what thinking added to the score on the user's own rows")
    tokens_with: float = Field(description="mean output tokens of a call with thinking, the reasoning included")
    tokens_without: float = Field(description="the same without thinking")
    seconds_with: float = Field(description="mean seconds of a call with thinking")
    seconds_without: float = Field(description="the same without thinking")
    cut: int = Field(description="rows whose reasoning was ended by its budget")


class Amount(Range):
    value: float = Field(description="the likely amount")


class NextStep(WithUnknowns):
    learns: str = Field(description="what one would know then")
    command: str = Field(description="what to type")
    calls: int = Field(description="calls that it makes at most; kept ones are not asked again")
    tokens: Amount | None = Field(description="tokens that these calls read and write")
    seconds: Amount | None = Field(description="how long they take, without downloading and loading")
    download_bytes: int | None = Field(description="what is to be downloaded first")
    unknown: Reasons


class PickAnswer(WithUnknowns):
    schema_version: Literal[1] = Field(description="this description")
    task: str = Field(description="name of the task")
    kind: Literal["choice", "short-answer", "number", "extract", "generate"] = Field(description="kind of the task")
    verdict: Literal["chosen", "tie", "baseline", "undecided", "none_fits"] = Field(
        description="`tie`: several are within the tolerance; `baseline`: no language model is needed"
    )
    basis: Literal["measured", "expected"] = Field(description="what the choice rests on: calls made here, or expectation alone")
    reasons: list[str] = Field(description="why this verdict")
    chosen: str | None = Field(description="id of the chosen candidate; in a tie, of the cheapest")
    chosen_run: ChosenRun | None = Field(description="how to serve the chosen candidate")
    candidates: list[Candidate] = Field(description="all that were looked at, baselines and catalog models included")
    spent: Spent = Field(description="what finding out cost")
    saved: Spent = Field(description="what running every candidate on every row would have cost on top")
    rows: int = Field(description="examples of the task")
    confidence: float = Field(description="probability with which the decision is right, all comparisons together")
    tolerance: float = Field(description="scores closer than this are a tie")
    cost_by: Literal["money", "memory", "seconds"] = Field(description="what makes one of two equals the cheaper")
    metric: str = Field(description="how an answer is scored")
    seed: int = Field(description="seed of every random choice")
    run: str | None = Field(description="id of the run (`llmpick show RUN`)")
    device: str = Field(description="the machine that the models ran on")
    context_tokens: int = Field(description="tokens of context for which memory is computed and the chosen one served")
    as_of: date | None = Field(description="the day whose knowledge was used")
    learning_curve: list[LearningPoint] = Field(description="the learned baseline's score by the number of labelled rows")
    traces: list[Trace] = Field(description="how the race went")
    disagreements: list[Disagreement] = Field(description="rows on which the candidates differ")
    thinking: list[ThinkingBought] = Field(description="what thinking bought each model that took part with and without")
    next_steps: list[NextStep] = Field(description="of an answer without calls: what would tell more, and what it would take at most")
    notes: list[str] = Field(description="what else the reader should know")
    unknown: Reasons


def json_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of everything that `pick --json` prints: an answer or an error."""
    return schema_of(PickAnswer, "llmpick pick --json")
