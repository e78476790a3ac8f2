"""The seam between a stopping rule and whoever makes the calls: what is shown so far, and what to run next.

Two rules keep this protocol. `anytime` (`stats/anytime.py`) bounds the error of each single race, at every look; `bayes`
(`stats/bayes.py`) bounds it on average over tasks like these, and stops earlier. Both are pure: the same progress, the same answer.
"""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from llmpick.stats.goal import Goal, Guarantee
from llmpick.stats.race import Progress, Standing


class Rule(Protocol):
    """A stopping rule together with its way of spending."""

    goal: Goal

    def judge(self, progress: Progress) -> Standing:
        """All conclusions that the rows seen so far allow; the race is over when `chosen` is set."""
        ...

    def next_rows(self, progress: Progress, standing: Standing, cost_per_call: NDArray[np.float64]) -> NDArray[np.int64]:
        """How many of its rows each candidate should have run after the next batch, shape (K,); never less than `progress.done`.

        `cost_per_call`, shape (K,), is what a call of each is expected to cost, in one unit. Equal to `progress.done` where nothing is
        left to run.
        """
        ...


def rule_for(guarantee: Guarantee, goal: Goal) -> Rule:
    """The rule that bounds the error in the asked sense."""
    if guarantee == "anytime":
        from llmpick.stats.anytime import AnytimeRule

        return AnytimeRule(goal)
    from llmpick.stats.bayes import BayesRule

    return BayesRule(goal)
