"""Repeated data (Muennighoff, arXiv:2305.16264): a token seen again is worth less, and so are parameters beyond what the data need.

D' = U_D + U_D R_D* (1 - exp(-R_D / R_D*)), R_D = epochs - 1; N' likewise in the parameters beyond U_N, the compute-optimal number for U_D;
L = E + A/N'^alpha + B/D'^beta (section 3). The form plateaus and never turns up: it cannot say that too
many epochs hurt.
"""

from dataclasses import dataclass
from datetime import date

import numpy as np

from llmpick.estimate.scaling.conventions import FlopCount, Number, ParameterCount
from llmpick.estimate.scaling.huber import Array
from llmpick.estimate.scaling.laws import AdditiveLaw, FittedRange
from llmpick.evidence.errors import InputError
from llmpick.evidence.values import Source

MUENNIGHOFF = Source("Muennighoff et al., Scaling Data-Constrained Language Models", "https://arxiv.org/abs/2305.16264", date(2023, 5, 25))


FITTED = FittedRange((7.1e6, 8.7e9), (1e8, 9e11), epochs=9000.0)
"""The 182 runs of the fit."""


@dataclass(frozen=True, slots=True)
class RepeatedLaw:
    """Constants of appendix A. `scatter`: root mean square of log loss on the 182 runs of the fit. No intervals are published.

    R_D* and R_N* are one of several minima on those runs, 0.13 % above the lowest: the runs do not tell them apart (`OTHER_MINIMA`).
    The law lies 7 % below the losses that it was fitted to, so its shares of tokens are to be trusted before its losses.
    """

    A: float = float(np.exp(6.255414))
    alpha: float = 0.3526596
    B: float = float(np.exp(7.3049974))
    beta: float = 0.3526596
    E: float = float(np.exp(0.6254804))
    r_d: float = 15.387756
    r_n: float = 5.309743
    scatter: float = 0.11
    name: str = "muennighoff"
    source: Source = MUENNIGHOFF
    fitted: FittedRange = FITTED
    corpus: str = "C4, GPT-2's tokenizer"
    parameters: ParameterCount = "total"
    flops: FlopCount = "6ND"

    def additive(self) -> AdditiveLaw:
        """The same law where no token is seen twice and no parameter is in excess: what splits of a budget need."""
        return AdditiveLaw(
            *(self.name, self.source, self.A, self.alpha, self.B, self.beta, self.E, self.fitted, self.scatter),
            "root mean square of log loss on the 182 runs",
            corpus=self.corpus,
        )

    def at(self, params: Number, tokens: Number, unique: Number | None = None) -> Number:
        """The loss of `params` on `tokens` in all, of which `unique` differ (None: all)."""
        unique = tokens if unique is None else unique
        size = self.effective_params(params, tokens, unique)
        data = self.effective_tokens(tokens, unique)
        return self.E + self.A * size**-self.alpha + self.B * data**-self.beta

    def log_sd(self, params: Number, tokens: Number) -> Number:
        return np.broadcast_to(self.scatter, np.broadcast(params, tokens).shape)

    def effective_tokens(self, tokens: Number, unique: Number) -> Number:
        """D': what the tokens are worth in unique ones. Raises `InputError` when more are unique than there are."""
        tokens, unique = np.asarray(tokens, dtype=float), np.asarray(unique, dtype=float)
        if np.any(unique > tokens * (1.0 + 1e-9)):
            raise InputError(
                "more tokens are unique than are trained on", where="unique tokens", remedy="give at most as many as tokens in all"
            )
        return saturated(unique, tokens / unique - 1.0, self.r_d)

    def effective_params(self, params: Number, tokens: Number, unique: Number) -> Number:
        """N': all of them up to the compute-optimal number for the unique tokens, less beyond."""
        params = np.asarray(params, dtype=float)
        base = np.minimum(params, self.params_for(np.minimum(unique, tokens)))
        return saturated(base, params / base - 1.0, self.r_n)

    def params_for(self, tokens: Number) -> Number:
        """U_N: the compute-optimal parameters for so many unique tokens, (G D)^(beta/alpha) G; 0.051 D here (appendix A)."""
        g = (self.alpha * self.A / (self.beta * self.B)) ** (1.0 / (self.alpha + self.beta))
        return (g * np.asarray(tokens, dtype=float)) ** (self.beta / self.alpha) * g


def saturated(unique: Number, repeats: Number, scale: Number) -> Number:
    """U + U R* (1 - exp(-R / R*)); `repeats` below 0 count as 0."""
    repeats = np.maximum(np.asarray(repeats, dtype=float), 0.0)
    return np.asarray(unique) * (1.0 - scale * np.expm1(-repeats / scale))


MUENNIGHOFF_LAW = RepeatedLaw()
OTHER_MINIMA = ((95.365, 1.7059), (46.990, 2.3296), (160.71, 1.4487))
"""(R_D*, R_N*) of the other minima whose Huber sum is within 0.13 % of the lowest, on the same 182 runs (`tests/papers`)."""


@dataclass(frozen=True, slots=True)
class RepeatedRegression:
    """Residuals of log loss in theta = (log R_D*, log R_N*), the other constants given: the fit of appendix A."""

    law: RepeatedLaw
    params: Array
    tokens: Array
    unique: Array
    log_loss: Array

    def residuals(self, theta: Array) -> tuple[Array, Array]:
        law, scale = self.law, np.exp(np.clip(theta, -30.0, 30.0))
        unique = np.minimum(self.unique, self.tokens)
        base = np.minimum(self.params, law.params_for(unique))
        data, by_d = _saturated_slope(unique, self.tokens / unique - 1.0, scale[:, :1])
        size, by_n = _saturated_slope(base, self.params / base - 1.0, scale[:, 1:])
        size_term, data_term = law.A * size**-law.alpha, law.B * data**-law.beta
        loss = law.E + size_term + data_term
        slopes = [-law.beta * data_term / data * by_d * scale[:, :1], -law.alpha * size_term / size * by_n * scale[:, 1:]]
        return np.log(loss) - self.log_loss, np.stack(slopes, axis=-1) / loss[..., None]


def _saturated_slope(unique: Array, repeats: Array, scale: Array) -> tuple[Array, Array]:
    """`saturated`, and its derivative by the scale: U (1 - e^-x - x e^-x) with x = R / R*."""
    x = np.maximum(repeats, 0.0) / scale
    return unique * (1.0 - scale * np.expm1(-x)), unique * (-np.expm1(-x) - x * np.exp(-x))
