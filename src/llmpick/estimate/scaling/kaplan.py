"""Kaplan's laws (arXiv:2001.08361). N without embeddings; compute in PF-days; loss in nats per token of WebText2.

Three sets of constants for three uses: equations 1.1-1.3 (one thing is scarce), table 2 (parameters and data together), table 3
(parameters and steps). They do not agree with each other at the edges: L(N) and L(N, infinity) differ by 2.4 %. Equations, sections and
ranges were compared with the paper's text; the constants of tables 2, 3, 5 and 6, which are pictures there, with a copy of them.
"""

from dataclasses import dataclass
from datetime import date
from typing import Literal

import numpy as np

from llmpick.estimate.scaling.conventions import PF_DAY, FlopCount, Number, ParameterCount, six_nd
from llmpick.estimate.scaling.laws import FittedRange
from llmpick.evidence.values import Source

KAPLAN = Source(
    "Kaplan et al., Scaling Laws for Neural Language Models", "https://arxiv.org/abs/2001.08361", date(2020, 1, 23), date(2026, 11, 24)
)


@dataclass(frozen=True, slots=True)
class PowerLaw:
    """(scale / x)^exponent: L(N), L(D), L(C) and L(C_min)."""

    scale: float
    exponent: float

    def __call__(self, x: Number) -> Number:
        return (self.scale / np.asarray(x, dtype=float)) ** self.exponent


OF_PARAMETERS = PowerLaw(8.8e13, 0.076)
"""Equation 1.1, trained to convergence on enough data."""
OF_TOKENS = PowerLaw(5.4e13, 0.095)
"""Equation 1.2, a large model stopped early."""
OF_COMPUTE = PowerLaw(1.6e7, 0.057)
"""L(C), figure 1 and table 5: compute at a fixed batch size, in PF-days."""
OF_MINIMAL_COMPUTE = PowerLaw(3.1e8, 0.050)
"""Equation 1.3: compute at a batch far below the critical one, in PF-days."""


FITTED = FittedRange((768.0, 1.5e9), (2.2e7, 2.3e10))
"""Section 3: sizes without embeddings, subsets of WebText2. The fits leave out the smallest: one layer (D.7), and 2e7 tokens (4.2)."""
WEBTEXT = "WebText2, GPT-2's tokenizer"
EDGES = 0.076 * float(np.log(8.8e13 / 6.4e13))
"""No interval is published. How far L(N) and L(N, infinity) lie apart, in log loss, stands for what the printed constants leave open."""
HALVINGS = 100
ROUNDING = 0.001 / float(np.sqrt(12.0))
"""Standard deviation of an exponent that is printed to three decimals."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KaplanLaw:
    """What every law of the paper has."""

    name: str
    source: Source = KAPLAN
    fitted: FittedRange = FITTED
    corpus: str = WEBTEXT
    parameters: ParameterCount = "without embeddings"
    flops: FlopCount = "6ND without embeddings"


@dataclass(frozen=True, slots=True)
class KaplanScarce(KaplanLaw):
    """L(N), L(D) or L(C) as a law: only what is scarce counts. Compute is 6 N D at a fixed batch and the best size."""

    power: PowerLaw
    scarce: Literal["params", "tokens", "compute"]

    def at(self, params: Number, tokens: Number) -> Number:
        """The loss when the rest is in plenty, broadcast over both."""
        return np.broadcast_to(self.power(self._amount(params, tokens)), np.broadcast(params, tokens).shape)

    def log_sd(self, params: Number, tokens: Number) -> Number:
        """The exponent's rounding, and `EDGES`."""
        return np.hypot(ROUNDING * np.log(self.power.scale / self._amount(params, tokens)), EDGES)

    def _amount(self, params: Number, tokens: Number) -> Number:
        amounts = {"params": params, "tokens": tokens, "compute": six_nd(params, tokens) / PF_DAY}
        return np.asarray(amounts[self.scarce], dtype=float)


KAPLAN_SCARCE = (
    KaplanScarce(OF_PARAMETERS, "params", name="kaplan-params"),
    KaplanScarce(OF_TOKENS, "tokens", name="kaplan-tokens"),
    KaplanScarce(OF_COMPUTE, "compute", name="kaplan-compute"),
)


@dataclass(frozen=True, slots=True)
class KaplanJoint(KaplanLaw):
    """L(N, D) = [(N_c/N)^(alpha_N/alpha_D) + D_c/D]^alpha_D (equation 1.5, table 2)."""

    alpha_n: float = 0.076
    alpha_d: float = 0.103
    n_c: float = 6.4e13
    d_c: float = 1.8e13

    def at(self, params: Number, tokens: Number) -> Number:
        """The loss, broadcast over `params` and `tokens`."""
        return sum(self._terms(params, tokens)) ** self.alpha_d

    def log_sd(self, params: Number, tokens: Number) -> Number:
        """The rounding of the two exponents, and `EDGES`."""
        size, data = self._terms(params, tokens)
        ratio = size / (size + data)
        by_n = ratio * np.log(self.n_c / np.asarray(params))
        by_d = np.log(size + data) - ratio * np.log(size)
        return np.sqrt(ROUNDING**2 * (by_n**2 + by_d**2) + EDGES**2)

    def _terms(self, params: Number, tokens: Number) -> tuple[Number, Number]:
        """What size and data add under the outer power."""
        return (self.n_c / np.asarray(params, dtype=float)) ** (self.alpha_n / self.alpha_d), self.d_c / np.asarray(tokens, dtype=float)


KAPLAN_JOINT = KaplanJoint(name="kaplan")


@dataclass(frozen=True, slots=True)
class KaplanSteps(KaplanLaw):
    """L(N, S_min) = (N_c/N)^alpha_N + (S_c/S_min)^alpha_S (equation 1.6, table 3), and the critical batch (equation 1.4).

    `batch` tokens per step; the paper's runs had 512 sequences of 1,024.
    """

    batch: float = 2.0**19
    alpha_n: float = 0.077
    alpha_s: float = 0.76
    n_c: float = 6.5e13
    s_c: float = 2.1e3
    batch_tokens: float = 2.0e8
    alpha_b: float = 0.21

    def at(self, params: Number, tokens: Number) -> Number:
        """The loss after tokens / batch steps, worth S_min = S / (1 + B_crit/B) (equation 5.4).

        B_crit falls with the loss, so there is one loss that agrees with its own S_min: bisection.
        """
        size = self._of_size(params)
        steps = np.asarray(tokens, dtype=float) / self.batch
        low, high = size, size + self._of_steps(steps, size)
        for _ in range(HALVINGS):
            middle = 0.5 * (low + high)
            above = size + self._of_steps(steps, middle) < middle
            low, high = np.where(above, low, middle), np.where(above, middle, high)
        return 0.5 * (low + high)

    def _of_size(self, params: Number) -> Number:
        return (self.n_c / np.asarray(params, dtype=float)) ** self.alpha_n

    def _of_steps(self, steps: Number, loss: Number) -> Number:
        return (self.s_c * (1.0 + self.critical_batch(loss) / self.batch) / steps) ** self.alpha_s

    def log_sd(self, params: Number, tokens: Number) -> Number:
        """The rounding of alpha_N, on the share of the loss that it makes, and `EDGES`."""
        return np.hypot(ROUNDING * np.log(self.n_c / np.asarray(params)) * self._of_size(params) / self.at(params, tokens), EDGES)

    def critical_batch(self, loss: Number) -> Number:
        """B_crit in tokens: 2e8 / L^(1/0.21)."""
        return self.batch_tokens / np.asarray(loss, dtype=float) ** (1.0 / self.alpha_b)


KAPLAN_STEPS = KaplanSteps(name="kaplan-steps")


@dataclass(frozen=True, slots=True)
class KaplanOptimum:
    """Table 6: what a budget buys. `params` without embeddings; `tokens` = 2 x batch x steps, since C_min is not C."""

    params: Number
    batch_tokens: Number
    steps: Number
    tokens: Number
    loss: Number


def kaplan_optimum(flops: Number) -> KaplanOptimum:
    """N 1.3e9 C^0.73, B 2.0e6 C^0.24, S 5.4e3 C^0.03, D 2e10 C^0.27 with C = C_min in PF-days (table 6, equations 1.7-1.8).

    6 N D is about 1.8 C_min: training at the critical batch costs twice the least compute (section 5.1). Section 6.3 rounds otherwise and
    has D = 4e10 C^0.26.
    """
    c = np.asarray(flops, dtype=float) / PF_DAY
    return KaplanOptimum(1.3e9 * c**0.73, 2.0e6 * c**0.24, 5.4e3 * c**0.03, 2e10 * c**0.27, OF_MINIMAL_COMPUTE(c))


def kaplan_budget(params: Number) -> Number:
    """The FLOPs whose optimal model has `params`: the inverse of `kaplan_optimum`."""
    return PF_DAY * (np.asarray(params, dtype=float) / 1.3e9) ** (1.0 / 0.73)


def tokens_against_overfitting(params: Number) -> Number:
    """D >= 5e3 N^0.74 keeps the penalty of few data small (equation 4.4)."""
    return 5e3 * np.asarray(params, dtype=float) ** 0.74
