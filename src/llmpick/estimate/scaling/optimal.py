"""The best split of a budget between parameters and tokens: for training alone, with serving in mind, and with few data.

Everything is vectorised: budgets, losses and serving loads may be arrays that broadcast.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from llmpick.estimate.scaling.conventions import LARGEST_LOG, Number, six_nd
from llmpick.estimate.scaling.laws import AdditiveLaw, Law
from llmpick.estimate.scaling.repeated import RepeatedLaw
from llmpick.evidence.errors import InputError

HALVINGS = 200
"""Bisection steps, more than the bits of a double."""
GOLDEN = 0.6180339887498949


@dataclass(frozen=True, slots=True)
class Split:
    """`params` and `tokens` in the law's convention, training `flops` (6 N D) and the `loss` they reach."""

    params: Any
    tokens: Any
    flops: Any
    loss: Any


@dataclass(frozen=True, slots=True)
class ServingSplit(Split):
    """A split that is served: all FLOPs are 6 N D + 2 N `served`. Ratios are to the training-optimal model of the same loss."""

    served: Any
    total_flops: Any
    tokens_ratio: Any
    """Tokens trained on over those of the training-optimal model."""
    total_ratio: Any
    """All FLOPs over those of training and serving the training-optimal model."""
    optimal_params: Any


def compute_optimal(law: AdditiveLaw, flops: Number) -> Split:
    """N = G (C/6)^(beta/(alpha+beta)), D = C / 6N, G = (alpha A / beta B)^(1/(alpha+beta)) (Hoffmann, equation 4)."""
    budget = np.asarray(flops, dtype=float) / 6.0
    params = _g(law) * budget**law.compute_exponent
    return _split(law, params, budget / params)


def optimal_params_of(constants: NDArray[np.float64], flops: float) -> NDArray[np.float64]:
    """The same parameters for constants A, alpha, B, beta, E (..., 5), which may be extreme; not a number where an exponent is negative."""
    a, alpha, b, beta, _ = np.moveaxis(constants, -1, 0)
    with np.errstate(invalid="ignore"):
        log_g = np.log(alpha) + np.log(a) - np.log(beta) - np.log(b)
        log_params = (log_g + beta * np.log(flops / 6.0)) / (alpha + beta)
    return np.exp(np.clip(log_params, -LARGEST_LOG, LARGEST_LOG))


def optimal_for_params(law: AdditiveLaw, params: Number) -> Split:
    """The budget whose compute-optimal model has `params`, and its tokens: the inverse of `compute_optimal` (Hoffmann, table A3)."""
    params = np.asarray(params, dtype=float)
    budget = (params / _g(law)) ** (1.0 / law.compute_exponent)
    return _split(law, params, budget / params)


def optimal_for_loss(law: AdditiveLaw, loss: Number) -> Split:
    """The cheapest training that reaches `loss`. At the optimum alpha A/N^alpha = beta B/D^beta, so each term is a fixed share."""
    room = _room(law, loss)
    size = room * law.beta / (law.alpha + law.beta)
    params = (law.A / size) ** (1.0 / law.alpha)
    return _split(law, params, (law.B / (room - size)) ** (1.0 / law.beta))


def tokens_for_loss(law: AdditiveLaw, params: Number, loss: Number) -> Number:
    """Tokens with which `params` reach `loss`; infinite for a model that is too small to."""
    left = np.asarray(loss, dtype=float) - law.E - law.A * np.asarray(params, dtype=float) ** -law.alpha
    with np.errstate(over="ignore"):
        return np.where(left > 0.0, (law.B / np.maximum(left, 1e-300)) ** (1.0 / law.beta), np.inf)


def serving_optimal(law: AdditiveLaw, loss: Number, served: Number) -> ServingSplit:
    """The model of `loss` with the least 6 N D + 2 N `served` FLOPs (Sardana, arXiv:2401.00448).

    The derivative by log N vanishes where 3 D (1 - (alpha/beta) a / (R - a)) + served = 0, with a = A/N^alpha and R = loss - E: it goes
    from minus infinity at the smallest model that can reach the loss to `served` at the training-optimal one. Bisection in log N.
    """
    best = optimal_for_loss(law, loss)
    room, served = np.broadcast_arrays(np.asarray(_room(law, loss), dtype=float), np.asarray(served, dtype=float))
    low = np.log(law.A / room) / law.alpha + 1e-12
    high = np.broadcast_to(np.log(best.params), low.shape)
    for _ in range(HALVINGS):
        middle = 0.5 * (low + high)
        size = law.A * np.exp(-law.alpha * middle)
        tokens = (law.B / (room - size)) ** (1.0 / law.beta)
        falling = 3.0 * tokens * (1.0 - law.alpha / law.beta * size / (room - size)) + served < 0.0
        low, high = np.where(falling, middle, low), np.where(falling, high, middle)
    params = np.exp(high)
    split = _split(law, params, tokens_for_loss(law, params, loss))
    total = split.flops + 2.0 * params * served
    reference = best.flops + 2.0 * best.params * served
    return ServingSplit(
        split.params, split.tokens, split.flops, split.loss, served, total, split.tokens / best.tokens, total / reference, best.params
    )


def data_constrained(law: RepeatedLaw, flops: Number, unique: Number) -> Split:
    """The split of a budget when only `unique` tokens exist: more epochs and fewer parameters than with data in plenty.

    No closed form: a grid in log N, refined by golden section (Muennighoff, by search as well).
    """
    flops, unique = np.broadcast_arrays(np.asarray(flops, dtype=float), np.asarray(unique, dtype=float))

    def loss(log_params: Number) -> Number:
        tokens = flops / (6.0 * np.exp(log_params))
        return law.at(np.exp(log_params), tokens, np.minimum(unique, tokens))

    grid = np.linspace(np.log(1e5), np.log(1e14), 400)
    values = np.stack([loss(point) for point in grid])
    at = np.clip(values.argmin(axis=0), 1, len(grid) - 2)
    log_params = golden_section(loss, grid[at - 1], grid[at + 1])
    params = np.exp(log_params)
    return Split(params, flops / (6.0 * params), flops, loss(log_params))


@dataclass(frozen=True, slots=True)
class Overtraining:
    """What a model costs beside the training-optimal ones.

    `compute_ratio`: its FLOPs over the least that reach the same loss; `params_ratio`: its size over that of this least; `loss_excess`:
    its loss less the least that its FLOPs could reach.
    """

    tokens_per_param: Any
    optimal_tokens_per_param: Any
    compute_ratio: Any
    loss_excess: Any
    params_ratio: Any


def overtraining(law: AdditiveLaw, params: Number, tokens: Number) -> Overtraining:
    """How far a model is from the training-optimal one. Ratios of tokens to parameters are compared at the same FLOPs."""
    params, tokens = np.asarray(params, dtype=float), np.asarray(tokens, dtype=float)
    flops, loss = six_nd(params, tokens), law.at(params, tokens)
    same_loss, same_flops = optimal_for_loss(law, loss), compute_optimal(law, flops)
    return Overtraining(
        tokens / params,
        same_flops.tokens / same_flops.params,
        flops / same_loss.flops,
        loss - same_flops.loss,
        params / same_loss.params,
    )


def golden_section(function: Any, low: Number, high: Number, steps: int = 100) -> Number:
    """The minimum of a unimodal function between `low` and `high`, element by element."""
    low, high = np.array(low, dtype=float), np.array(high, dtype=float)
    for _ in range(steps):
        left, right = high - GOLDEN * (high - low), low + GOLDEN * (high - low)
        smaller = function(left) < function(right)
        low, high = np.where(smaller, low, left), np.where(smaller, right, high)
    return 0.5 * (low + high)


def _g(law: AdditiveLaw) -> float:
    return (law.alpha * law.A / (law.beta * law.B)) ** (1.0 / (law.alpha + law.beta))


def _room(law: AdditiveLaw, loss: Number) -> Number:
    room = np.asarray(loss, dtype=float) - law.E
    if np.any(room <= 0.0):
        raise InputError(
            f"{law.name} never reaches a loss of {np.min(loss):g}: it ends at {law.E:g}", where="loss", remedy="ask for a higher loss"
        )
    return room


def _split(law: Law, params: Number, tokens: Number) -> Split:
    return Split(params, tokens, six_nd(params, tokens), law.at(params, tokens))
