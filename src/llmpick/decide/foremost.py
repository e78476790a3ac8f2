"""Which models nothing that is known speaks against, before any of them has run: the Pareto front of training and size.

Loss falls with the compute of training, 6 x active parameters x tokens (arXiv:2001.08361, section 6), and the compute that a given loss
takes has halved every 8 months (5 to 14; arXiv:2403.05812): a newer model counts as if it had had so much more. More parameters hold more
facts besides (arXiv:2404.05405). None of this is a prior of the score on a task.
"""

import math
from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

HALVING_DAYS = 8 * 30.4
SAME_SIZE = 0.75
"""Sizes nearer than this are one step of the ladder on which models are made (8B, 14B, 32B, 70B)."""
AS_FAST = 2
"""Times as many parameters in use per token are no longer as fast."""


class Standing(NamedTuple):
    """What is known of one model; None where it is not."""

    model: str
    parameters_total: int | None
    parameters_active: int | None
    training_tokens: int | None
    released: date | None

    @property
    def training(self) -> float | None:
        """The binary logarithm of the training compute, in operations of one fixed day; None where a part of it is not known."""
        if not self.parameters_active or not self.training_tokens or self.released is None:
            return None
        return math.log2(6 * self.parameters_active) + math.log2(self.training_tokens) + self.released.toordinal() / HALVING_DAYS


def surpassed_by(one: Standing, others: Sequence[Standing]) -> str | None:
    """A model that had more training and is of the same class of size at least, or had as much and is larger; None where there is none.

    Where the training of one of the two is not known, its day takes the place; a model whose training is not known surpasses none whose is.
    """
    better = [other for other in others if other.model != one.model and _surpasses(other, one)]
    return max(better, key=lambda other: (other.training or 0, other.parameters_total or 0, other.model)).model if better else None


def in_order(standings: Sequence[Standing]) -> list[Standing]:
    """The most training first; those of which it is not known last, the newest and largest of them first."""

    def key(one: Standing) -> tuple[bool, float, int, int, str]:
        newness = one.released.toordinal() if one.released else 0
        return one.training is None, -(one.training or 0), -newness, -(one.parameters_total or 0), one.model

    return sorted(standings, key=key)


def _surpasses(one: Standing, other: Standing) -> bool:
    if (one.training is None and other.training is not None) or _is_slower(one, other):
        return False
    if one.training is None or other.training is None:
        mine, theirs = float(_day(one)), float(_day(other))
    else:
        mine, theirs = one.training, other.training
    sizes = [(one.parameters_total or 0, other.parameters_total or 0), (one.parameters_active or 0, other.parameters_active or 0)]
    if mine == theirs:
        return all(a >= b for a, b in sizes) and any(a > b for a, b in sizes)
    return mine > theirs and all(a >= SAME_SIZE * b for a, b in sizes)


def _is_slower(one: Standing, other: Standing) -> bool:
    """A mixture of experts is taken for its speed, so only what is about as fast surpasses it."""
    total, active = other.parameters_total or 0, other.parameters_active or 0
    return active < total and (one.parameters_active or 0) > AS_FAST * active


def _day(one: Standing) -> int:
    return one.released.toordinal() if one.released else 0
