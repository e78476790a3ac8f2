"""What the user asks of `scale verdict`, and the model that a budget would train."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from llmpick.decide.training_verdict import EVERYDAY
from llmpick.estimate.scaling.laws import AdditiveLaw
from llmpick.estimate.scaling.optimal import Split, compute_optimal
from llmpick.estimate.scaling.serving_budget import serving_split
from llmpick.evidence.ability import AbilityFacts, TaskFamily

OWN_TOKENS = 50e6
"""Of fine-tuning, where the user does not say: tens of thousands of conversations."""


@dataclass(frozen=True, slots=True)
class VerdictOptions:
    """One of `money` (US dollars) and `gpu_hours`.

    `max_params`: the most active parameters to serve; None: as many as the trained model has, or whatever has at most `everyday` in all.
    """

    money: float | None = None
    gpu_hours: float | None = None
    device: str = "H100"
    language: str = "en"
    family: TaskFamily = TaskFamily.KNOWLEDGE
    served_tokens: float | None = None
    max_params: float | None = None
    own_tokens: float = OWN_TOKENS
    mfu: float | None = None
    price: float | None = None
    as_of: date | None = None

    @property
    def everyday(self) -> float:
        """Parameters in all that anybody can serve; 0 where the user says what can be served."""
        return EVERYDAY if self.max_params is None else 0.0


@dataclass(frozen=True, slots=True)
class OwnModel:
    """A model trained from scratch, as `law` would split a budget."""

    law: AdditiveLaw
    options: VerdictOptions

    def split(self, flops: NDArray[np.float64]) -> Split:
        """With serving in mind where tokens will be served, and no larger than can be served."""
        served = self.options.served_tokens
        best = compute_optimal(self.law, flops) if served is None else serving_split(self.law, flops, served)
        params = np.minimum(best.params, self.options.max_params or np.inf)
        tokens = flops / (6.0 * params)
        return Split(params, tokens, flops, self.law.at(params, tokens))

    def facts(self, split: Split) -> list[AbilityFacts]:
        """What the prior reads of them: no known family, no date of their own, and trained on the language that is asked."""
        language = (self.options.language,)
        return [
            AbilityFacts("your own", "your own", float(n), float(n), float(d), None, tuned=True, languages=language)
            for n, d in zip(split.params, split.tokens, strict=True)
        ]

    def served_with(self, facts: Sequence[AbilityFacts]) -> NDArray[np.float64]:
        """The active parameters up to which open models cost as little to serve (H,)."""
        return np.array([self.options.max_params or one.parameters for one in facts])
