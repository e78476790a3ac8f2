"""How parameters and FLOPs are counted. A number always says which, and a law takes only its own kind.

Kaplan counts parameters without embeddings, everybody else with them; 6 N D leaves attention out, which Hoffmann counts (appendix F).
At the sizes that laws are fitted on this alone moves Kaplan's exponent from 0.84 to 0.70 (Porian, arXiv:2406.19146, figure 1).
"""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from llmpick.evidence.errors import InputError

Number = Any
"""A float, or arrays that broadcast."""

ParameterCount = Literal["total", "without embeddings"]
FlopCount = Literal["6ND", "6ND without embeddings", "counted"]

LARGEST_LOG = 600.0
"""What runs leave open may be any number; so far, exponentials and their products with losses stay finite."""
PF_DAY = 8.64e19
"""FLOPs of a petaflop/s-day, Kaplan's unit of compute."""


class ConventionError(InputError):
    """A number that is counted one way was given to a law that counts the other way."""


@dataclass(frozen=True, slots=True)
class ModelSize:
    """Parameters of a model, by each way to count that is known. Scalars or arrays that broadcast; None: not known."""

    total: Number | None = None
    without_embeddings: Number | None = None

    @classmethod
    def of(cls, params: Number, kind: ParameterCount, embeddings: Number | None = None) -> "ModelSize":
        """Both counts where the `embeddings` are known. Raises `InputError` when they alone are more than the model."""
        if kind == "without embeddings":
            return cls(None if embeddings is None else np.asarray(params) + embeddings, params)
        if embeddings is not None and np.any(np.asarray(params) <= embeddings):
            raise InputError(
                "the embeddings alone have more parameters than the model", where="embedding parameters", remedy="correct one of the two"
            )
        return cls(params, None if embeddings is None else np.asarray(params) - embeddings)

    def count(self, kind: ParameterCount, *, law: str) -> Number:
        """The count that `law` was fitted with; raises `ConventionError` where only the other one is known."""
        value = self.total if kind == "total" else self.without_embeddings
        if value is None:
            other = "without embeddings" if kind == "total" else "with them"
            raise ConventionError(
                f"{law} counts parameters {'with' if kind == 'total' else 'without'} embeddings, and only those {other} are known",
                where=f"parameters for {law}",
                remedy="give the embeddings too (--embedding-params: vocabulary x hidden size, twice where input and output differ)",
            )
        return np.asarray(value, dtype=float)


@dataclass(frozen=True, slots=True)
class Flops:
    """Training FLOPs and how they were counted."""

    value: Number
    count: FlopCount = "6ND"

    def as_counted(self, kind: FlopCount, *, law: str) -> Number:
        """The number, when it is counted as `law` does; raises `ConventionError` when not."""
        if self.count != kind:
            raise ConventionError(
                f"{law} counts FLOPs as {kind}, and these are {self.count}",
                where=f"FLOPs for {law}",
                remedy="give 6 N D (with attention counted FLOPs come out at 0.99 to 1.10 of it: Hoffmann, table A4)",
            )
        return np.asarray(self.value, dtype=float)


def six_nd(params: Number, tokens: Number) -> Number:
    """2 N D forward, twice that backward (Kaplan, section 2.1)."""
    return 6.0 * np.asarray(params, dtype=float) * np.asarray(tokens, dtype=float)


def tokens_of_flops(flops: Number, params: Number) -> Number:
    """D = C / (6 N): the tokens of a run of which only the FLOPs are published."""
    return np.asarray(flops, dtype=float) / (6.0 * np.asarray(params, dtype=float))
