"""The documented, versioned shape of `llmpick scale predict|optimal|fit|repeat --json`, under the rules of `report/pick/schema.py`.

What is unknown is null with its reason under the same key of `unknown`; numbers are finite; within one `schema_version` keys are only
added. The descriptions are the text of `docs/scale.md` and of `scale.schema.json`; `python -m tests.report.regenerate` writes both.
"""

from typing import Annotated, Any, Literal

from pydantic import Field

from llmpick.report.document import Range, Reasons, Record, WithUnknowns, schema_of

SCHEMA_VERSION = 1
Counted = Literal["total", "without embeddings"]
Version = Annotated[Literal[1], Field(description="this description")]
Notes = Annotated[list[str], Field(description="what was assumed, and what else the reader should know")]
Outside = Annotated[float, Field(description="factors of ten outside the range that the law was fitted on; each widens the interval")]


class LawLoss(WithUnknowns):
    law: str = Field(description="the law")
    source: str = Field(description="title of its paper")
    corpus: str = Field(description="the text that the loss is of: losses of two texts do not compare")
    counted: Counted = Field(description="how the law counts parameters")
    loss: Range | None = Field(description="nats per token")
    decades_outside: float | None = Field(description="factors of ten outside the range that the law was fitted on")
    unknown: Reasons


class Growth(Record):
    what: Literal["tokens", "parameters"] = Field(description="what grows")
    factor: float = Field(description="by how much")
    loss: float = Field(description="the loss by the law")
    straight: float = Field(description="the loss by the straight line (in the logarithm of what grows) that touches the law here")


class Overtrained(Record):
    tokens_per_param: float = Field(description="tokens over parameters")
    optimal_tokens_per_param: float = Field(description="those of the best split of the same FLOPs")
    compute_ratio: float = Field(description="FLOPs over the least that reach the same loss")
    params_ratio: float = Field(description="parameters over those of the model that reaches the same loss with the least FLOPs")


class Predict(WithUnknowns):
    """What `scale predict` prints."""

    schema_version: Version
    params: float = Field(description="parameters as given")
    tokens: float = Field(description="training tokens")
    counted: Counted = Field(description="how `params` is counted")
    law: str = Field(description="the law that `loss` is by")
    source: str = Field(description="title of its paper")
    corpus: str = Field(description="the text that the loss is of")
    loss: Range = Field(description="nats per token")
    decades_outside: Outside
    laws: list[LawLoss] = Field(description="what the other laws say")
    growth: list[Growth] = Field(description="how the loss falls when one thing grows")
    overtrained: Overtrained | None = Field(description="beside the training-optimal models of the law")
    downstream_error: float | None = Field(description="mean top-1 error over the 17 tasks of Gadre, by its laws")
    notes: Notes
    unknown: Reasons


class Allocation(WithUnknowns):
    law: str = Field(description="the law or approach")
    source: str = Field(description="title of its paper")
    params: float = Field(description="parameters")
    tokens: float = Field(description="training tokens")
    flops: float = Field(description="training FLOPs")
    loss: float | None = Field(description="nats per token of the law's own text")
    counted: Counted = Field(description="how parameters and FLOPs are counted")
    unknown: Reasons


class Served(Record):
    tokens: float = Field(description="tokens that will be served")
    total_flops: float = Field(description="6 N D for training and 2 N for each token served")
    tokens_ratio: float = Field(description="training tokens over those of the training-optimal model of the same loss")
    training_ratio: float = Field(description="training FLOPs over those of that model")
    total_ratio: float = Field(description="all FLOPs over those of training and serving that model")
    optimal_params: float = Field(description="parameters of that model")
    optimal_tokens: float = Field(description="its training tokens")


class Optimal(WithUnknowns):
    """What `scale optimal` prints."""

    schema_version: Version
    question: Literal["flops", "params", "loss"] = Field(description="what was given")
    law: str = Field(description="the law that splits")
    source: str = Field(description="title of its paper")
    params: float = Field(description="parameters to train")
    tokens: float = Field(description="tokens to train on")
    flops: float = Field(description="training FLOPs, 6 N D; serving is not among them")
    loss: float = Field(description="nats per token that this reaches")
    loss_interval: Range = Field(description="the same with its interval")
    counted: Counted = Field(description="how parameters and FLOPs are counted")
    decades_outside: Outside
    served: Served | None = Field(description="what serving changes")
    unique_tokens: float | None = Field(description="tokens that differ, where data are few")
    epochs: float | None = Field(description="how often each of them is seen")
    laws: list[Allocation] = Field(description="what other laws and approaches make of the same question")
    notes: Notes
    unknown: Reasons


class FitColumns(WithUnknowns):
    params: str = Field(description="column of parameters")
    loss: str = Field(description="column of losses")
    tokens: str | None = Field(description="column of tokens")
    flops: str | None = Field(description="column of training FLOPs, from which tokens follow")
    unknown: Reasons


class ProfileBounds(WithUnknowns):
    constant: str = Field(description="the constant")
    low: float | None = Field(description="lower end of the 95% interval by profile likelihood")
    high: float | None = Field(description="upper end")
    unknown: Reasons


class Minimum(Record):
    constants: dict[str, float] = Field(description="A, alpha, B, beta, E")
    objective: float = Field(description="its sum of Huber losses")


class FitOutlier(Record):
    row: int = Field(description="row of the file, from 1, without the header")
    params: float = Field(description="parameters")
    tokens: float = Field(description="tokens")
    loss: float = Field(description="the loss")
    expected: float = Field(description="the loss that the other runs lead to expect")
    scales: float = Field(description="size of the miss in units of the usual one")
    reason: str = Field(description="the same in words")


class WithoutOutliers(Record):
    constants: dict[str, float] = Field(description="the constants when the outliers are left out")
    changes: dict[str, float] = Field(description="by what share each constant changes")
    compute_exponent: float = Field(description="a of the best number of parameters, FLOPs^a")


class Bootstrapped(Record):
    resamples: int = Field(description="fits to runs drawn with replacement")
    seed: int = Field(description="seed of the draws")


class Foretold(Record):
    params: float = Field(description="parameters")
    tokens: float = Field(description="tokens")
    loss: Range = Field(description="nats per token")
    decades_outside: Outside
    without_outliers: float = Field(description="the loss by the fit without outliers")


class CleanedSplit(Record):
    params: float = Field(description="parameters")
    tokens: float = Field(description="tokens")
    loss: float = Field(description="nats per token")


class FittedSplit(Record):
    flops: float = Field(description="training FLOPs, 6 N D")
    params: Range = Field(description="parameters that are best for it, with bootstrap percentiles")
    tokens: Range = Field(description="tokens that are best for it")
    loss: Range = Field(description="nats per token that this reaches")
    decades_outside: Outside
    without_outliers: CleanedSplit = Field(description="the best split by the fit without outliers")


class LawFit(Record):
    """What `scale fit` prints: L(N, D) = E + A / N^alpha + B / D^beta."""

    schema_version: Version
    file: str = Field(description="the table of runs")
    columns: FitColumns = Field(description="what was read")
    runs: int = Field(description="runs that were fitted")
    left_out: list[int] = Field(description="rows that the user left out")
    constants: dict[str, Range] = Field(description="A, alpha, B, beta, E with bootstrap intervals")
    profiles: list[ProfileBounds] = Field(description="how far each constant may move while the others adapt")
    compute_exponent: Range = Field(description="a = beta / (alpha + beta): the best number of parameters grows as FLOPs^a")
    objective: float = Field(description="sum of Huber losses of the residuals of log loss")
    r2: float = Field(description="share of the variance of the loss that the law explains")
    held_out: float = Field(description="root mean square of log loss that is missed on runs left out in ten folds of neighbouring FLOPs")
    straight_held_out: float = Field(description="the same for a straight line in the logarithms of parameters and tokens")
    delta: float = Field(description="where the Huber loss turns linear")
    tied: bool = Field(description="whether alpha and beta are one")
    minima: list[Minimum] = Field(description="the distinct minima that the starts led to, the best first")
    outliers: list[FitOutlier] = Field(description="runs that the law does not describe; they are in the fit")
    without_outliers: WithoutOutliers = Field(description="the fit without them")
    bootstrap: Bootstrapped = Field(description="the bootstrap")
    foretold: list[Foretold] = Field(description="the runs that were asked for")
    splits: list[FittedSplit] = Field(description="the budgets that were asked for")
    notes: Notes


class RepeatPoint(Record):
    epochs: float = Field(description="how often each token is seen")
    tokens: float = Field(description="tokens seen")
    effective_tokens: float = Field(description="what they are worth in tokens that differ")
    loss: float = Field(description="nats per token")


class Repeat(Record):
    """What `scale repeat` prints."""

    schema_version: Version
    law: str = Field(description="the law")
    source: str = Field(description="title of its paper")
    corpus: str = Field(description="the text that the loss is of")
    params: float = Field(description="parameters, with embeddings")
    unique_tokens: float = Field(description="tokens that differ")
    epochs: float = Field(description="how often each is seen")
    tokens: float = Field(description="tokens seen")
    effective_tokens: float = Field(description="what they are worth in tokens that differ")
    effective_low: float = Field(description="the least by any of the constants that fit the law's runs about as well")
    effective_high: float = Field(description="the most")
    effective_params: float = Field(description="what the parameters are worth: all, unless they are more than the unique tokens need")
    next_epoch: float = Field(description="share of a new token that a token of one more epoch is worth")
    loss: float = Field(description="nats per token")
    loss_interval: Range = Field(description="the same with its interval")
    all_unique_loss: float = Field(description="the loss on as many tokens that all differ")
    decades_outside: Outside
    curve: list[RepeatPoint] = Field(description="the same for other numbers of epochs")
    notes: Notes


def json_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of what the four sub-commands print, and of an error."""
    return schema_of(Predict | Optimal | LawFit | Repeat, "llmpick scale predict|optimal|fit|repeat --json")
