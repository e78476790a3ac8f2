"""What every scaling law answers: the loss at a size and a number of tokens, and how far that may be wrong.

The interval is that of log loss, normal, from three independent parts:
  scatter     how far the law's own runs lie from it (or what it missed on runs that it had not seen);
  constants   the covariance of its constants (bootstrap, or their rounding in print), carried to the point by the derivatives;
  distance    `PER_DECADE` for each factor of ten outside the fitted range, in parameters and tokens (Euclidean).
It is about runs like the law's own: same kind of data, tokenizer and recipe. How laws differ is said by showing several.
"""

from dataclasses import dataclass
from statistics import NormalDist
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from llmpick.estimate.scaling.conventions import LARGEST_LOG, FlopCount, ModelSize, Number, ParameterCount, six_nd
from llmpick.evidence.values import Source

PER_DECADE = 0.02
"""Log loss that an extrapolation adds per decade outside the fitted range: root mean square per decade of what fits to the smaller part
of OLMo's ladder miss on its larger part and on OLMo-2 7B and 13B (`benchmarks/scaling_fit.py`, "extrapolation")."""


@dataclass(frozen=True, slots=True)
class FittedRange:
    """Parameters, tokens and, where known, FLOPs (6 N D) and epochs of the runs that a law was fitted on."""

    params: tuple[float, float]
    tokens: tuple[float, float]
    flops: tuple[float, float] = (0.0, np.inf)
    epochs: float = 1.0

    def decades_outside(self, params: Number, tokens: Number, epochs: Number = 1.0) -> Number:
        """Distance to the range in the plane of log10 N and log10 D; 0 inside. Epochs beyond the range add in quadrature.

        The range is a box with two corners cut off: a large model on many tokens is outside when no run had such FLOPs. A line of equal
        FLOPs runs at 45 degrees, so FLOPs a factor 10 beyond are 1 / sqrt(2) away.
        """
        box = np.hypot(_outside(params, self.params), _outside(tokens, self.tokens))
        corner = _outside(six_nd(params, tokens), self.flops) / np.sqrt(2.0)
        return np.hypot(np.maximum(box, corner), _outside(epochs, (0.0, self.epochs)))


@dataclass(frozen=True, slots=True)
class Spread:
    """Covariance of (log A/N0^alpha, alpha, log B/D0^beta, beta, log E) of an additive law, with N0 = `params` and D0 = `tokens`."""

    params: float
    tokens: float
    covariance: tuple[tuple[float, ...], ...]
    source: str

    @classmethod
    def rounded(cls, constants: tuple[float, ...], units: tuple[float, ...]) -> "Spread":
        """Constants (A, alpha, B, beta, E) printed to `units` of their last digits: uniform within half of one, so sd unit / sqrt(12)."""
        a, alpha, b, beta, e = (unit / float(np.sqrt(12.0)) for unit in units)
        sd = (a / constants[0], alpha, b / constants[2], beta, e / constants[4])
        covariance = tuple(tuple(value * value if i == j else 0.0 for j in range(5)) for i, value in enumerate(sd))
        return cls(1.0, 1.0, covariance, "rounding in print")


@dataclass(frozen=True, slots=True)
class Prediction:
    """The loss in nats per token with its interval at `confidence`; `decades_outside` the fitted range. All of one shape."""

    value: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    decades_outside: NDArray[np.float64]
    confidence: float


class Law(Protocol):
    """A law of loss in parameters and tokens, in its own convention. Losses on two texts (`corpus`) do not compare."""

    @property
    def name(self) -> str: ...
    @property
    def source(self) -> Source: ...
    @property
    def parameters(self) -> ParameterCount: ...
    @property
    def flops(self) -> FlopCount: ...
    @property
    def corpus(self) -> str: ...
    @property
    def fitted(self) -> FittedRange: ...

    def at(self, params: Number, tokens: Number) -> Number: ...

    def log_sd(self, params: Number, tokens: Number) -> Number: ...


@dataclass(frozen=True, slots=True)
class AdditiveLaw:
    """L(N, D) = E + A/N^alpha + B/D^beta (Hoffmann, equation 2), in nats per token of the law's own data."""

    name: str
    source: Source
    A: float
    alpha: float
    B: float
    beta: float
    E: float
    fitted: FittedRange
    scatter: float
    scatter_source: str
    spread: Spread | None = None
    corpus: str = "the user's own runs"
    parameters: ParameterCount = "total"
    flops: FlopCount = "6ND"

    @property
    def constants(self) -> tuple[float, float, float, float, float]:
        return self.A, self.alpha, self.B, self.beta, self.E

    def at(self, params: Number, tokens: Number) -> Number:
        """The loss, broadcast over `params` and `tokens`."""
        return self.E + self.A * np.asarray(params, dtype=float) ** -self.alpha + self.B * np.asarray(tokens, dtype=float) ** -self.beta

    def log_sd(self, params: Number, tokens: Number) -> Number:
        """Standard deviation of log loss from scatter and constants."""
        if self.spread is None:
            return np.broadcast_to(self.scatter, np.broadcast(params, tokens).shape)
        loss = self.at(params, tokens)
        size = self.A * np.asarray(params, dtype=float) ** -self.alpha / loss
        data = self.B * np.asarray(tokens, dtype=float) ** -self.beta / loss
        x, y = np.log(np.asarray(params) / self.spread.params), np.log(np.asarray(tokens) / self.spread.tokens)
        slope = np.stack(np.broadcast_arrays(size, -x * size, data, -y * data, self.E / loss), axis=-1)
        variance = np.einsum("...i,ij,...j->...", slope, np.asarray(self.spread.covariance), slope)
        return np.sqrt(self.scatter**2 + np.maximum(variance, 0.0))

    @property
    def compute_exponent(self) -> float:
        """A of N_opt ~ C^a: beta / (alpha + beta) (Hoffmann, equation 4)."""
        return self.beta / (self.alpha + self.beta)


def predict(law: Law, size: ModelSize, tokens: Number, *, confidence: float = 0.9) -> Prediction:
    """The loss that `law` foretells, wider outside its fitted range. Raises `ConventionError` for the wrong count of parameters."""
    params = size.count(law.parameters, law=law.name)
    return interval(law.at(params, tokens), law.log_sd(params, tokens), law.fitted.decades_outside(params, tokens), confidence)


def interval(loss: Number, log_sd: Number, decades: Number, confidence: float) -> Prediction:
    """`loss` times exp(-+ z sd), where the distance outside the fitted range adds to the variance."""
    sd = np.sqrt(np.asarray(log_sd) ** 2 + (PER_DECADE * np.asarray(decades)) ** 2)
    factor = np.exp(np.minimum(NormalDist().inv_cdf(0.5 + confidence / 2.0) * sd, LARGEST_LOG))
    value, factor, outside = np.broadcast_arrays(np.asarray(loss, dtype=float), factor, np.asarray(decades, dtype=float))
    return Prediction(value, value / factor, value * factor, outside, confidence)


def _outside(value: Number, limits: tuple[float, float]) -> Number:
    with np.errstate(divide="ignore"):
        low, high = np.log10(limits)
    log = np.log10(np.asarray(value, dtype=float))
    return np.maximum(0.0, np.maximum(low - log, log - high))
