"""What the verbs of `scale` answer, each as one record that every report reads."""

from dataclasses import dataclass
from typing import Literal

from llmpick.estimate.scaling.conventions import ParameterCount
from llmpick.estimate.scaling.fitting import Fit
from llmpick.estimate.scaling.outliers import OutlierReport
from llmpick.estimate.scaling.profile import Profile
from llmpick.evidence.values import Interval, Source, Unknown


@dataclass(frozen=True, slots=True)
class LawLoss:
    """What one law says: loss in nats per token of its own `corpus`; unknown where the convention that it counts by was not given."""

    law: str
    source: Source
    corpus: str
    parameters: ParameterCount
    loss: Interval | Unknown
    decades_outside: float | Unknown


@dataclass(frozen=True, slots=True)
class Growth:
    """The loss when the run's `what` is `factor` times as large: by the power law, and by the straight line that touches it here."""

    what: str
    factor: float
    loss: float
    straight: float


@dataclass(frozen=True, slots=True)
class Overtrained:
    """A model beside the training-optimal ones of its law; see `optimal.Overtraining`."""

    tokens_per_param: float
    optimal_tokens_per_param: float
    compute_ratio: float
    params_ratio: float


@dataclass(frozen=True, slots=True)
class PredictAnswer:
    """The loss by `law`, by the `others`, and how it grows. `params` as given, counted as `counted`; `downstream_error` of Gadre's laws."""

    params: float
    tokens: float
    counted: ParameterCount
    law: LawLoss
    others: tuple[LawLoss, ...]
    growth: tuple[Growth, ...]
    overtrained: Overtrained | Unknown
    downstream_error: float | Unknown
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Allocation:
    """A split by one law or approach; `counted` says how its parameters are counted. `loss` is unknown to laws that only split."""

    law: str
    source: Source
    params: float
    tokens: float
    flops: float
    loss: float | Unknown
    counted: ParameterCount = "total"


@dataclass(frozen=True, slots=True)
class Served:
    """What serving `tokens` changes: FLOPs of training and serving, and ratios to the training-optimal model of the same loss.

    `tokens_ratio` of the tokens trained on, `training_ratio` of the training FLOPs, `total_ratio` of those of training and serving.
    """

    tokens: float
    total_flops: float
    tokens_ratio: float
    training_ratio: float
    total_ratio: float
    optimal_params: float
    optimal_tokens: float


@dataclass(frozen=True, slots=True)
class OptimalAnswer:
    """The best split by one law, and by the `others`; `unique_tokens` where the data are few, with the epochs that this takes."""

    question: Literal["flops", "params", "loss"]
    split: Allocation
    loss: Interval
    decades_outside: float
    served: Served | None
    unique_tokens: float | None
    epochs: float | None
    others: tuple[Allocation, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Repeats:
    """After so many `epochs`: tokens seen, what they are worth in unique ones, and the loss."""

    epochs: float
    tokens: float
    effective_tokens: float
    loss: float


@dataclass(frozen=True, slots=True)
class RepeatAnswer:
    """What repeating is worth. `effective_range`: by other constants that fit the same runs as well; `next_epoch` the share of a new token
    that a token of one more epoch is worth; `all_unique` the loss on as many tokens that are all different.
    """

    params: float
    unique_tokens: float
    at: Repeats
    loss: Interval
    decades_outside: float
    effective_range: tuple[float, float]
    effective_params: float
    next_epoch: float
    all_unique: float
    curve: tuple[Repeats, ...]
    source: Source
    corpus: str
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Columns:
    """Which columns were read; one of `tokens` and `flops` is None."""

    params: str
    loss: str
    tokens: str | None
    flops: str | None


@dataclass(frozen=True, slots=True)
class Foretold:
    """A run that was asked for, by the fitted law; and its loss by the fit without the runs that stand out."""

    params: float
    tokens: float
    loss: Interval
    decades_outside: float
    without_outliers: float


@dataclass(frozen=True, slots=True)
class FittedSplit:
    """The best split of a budget by the fitted law; intervals are percentiles of the bootstrap.

    `without_outliers` are parameters, tokens and loss by the fit without the runs that stand out.
    """

    flops: float
    params: Interval
    tokens: Interval
    loss: Interval
    decades_outside: float
    without_outliers: tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class FitLawAnswer:
    """A law fitted to the runs of `file`. `constants` have bootstrap intervals; `held_out` is the root mean square of log loss
    missed in folds, `straight_held_out` that of a straight line; `outliers` are named and stay in the fit; `rows` maps each
    run to its row of the file.
    """

    file: str
    columns: Columns
    left_out: tuple[int, ...]
    rows: tuple[int, ...]
    fit: Fit
    constants: dict[str, Interval]
    profiles: tuple[Profile, ...]
    compute_exponent: Interval
    held_out: float
    straight_held_out: float
    outliers: OutlierReport
    resamples: int
    seed: int
    foretold: tuple[Foretold, ...]
    splits: tuple[FittedSplit, ...]
    notes: tuple[str, ...]
