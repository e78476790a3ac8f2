"""What the user wants to know of a race, apart from how it is found out."""

from dataclasses import dataclass
from typing import Literal

Guarantee = Literal["anytime", "bayes"]


@dataclass(frozen=True, slots=True)
class Goal:
    """What the user wants to know. `tolerance` is a difference of scores in [0, 1], `confidence` a probability.

    `max_expected_loss` (in score, 0.01 is one point): stop as soon as stopping is expected to lose no more than this.
    """

    tolerance: float
    confidence: float
    max_expected_loss: float | None = None
