"""What a judge says of two answers: the verdict in each order of showing them, and what both together are worth."""

from dataclasses import dataclass
from enum import StrEnum

BENCH = ("judge:", "opponent:")
"""What stands before a model's id in a run's log where it served the bench, and was no candidate."""


class Verdict(StrEnum):
    """Which of the two answers shown the judge calls better; `UNREADABLE` when it wrote none of the allowed words."""

    FIRST = "first"
    SECOND = "second"
    TIE = "tie"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class Judgement:
    """One row: the verdict with the candidate's answer shown first, and with it shown second."""

    row: str
    shown_first: Verdict
    shown_second: Verdict

    @property
    def favours(self) -> tuple[int, int]:
        """Whom each order favours: 1 the candidate, -1 the opponent, 0 neither (a tie, or nothing that could be read)."""
        sign = {Verdict.FIRST: 1, Verdict.SECOND: -1}
        return sign.get(self.shown_first, 0), -sign.get(self.shown_second, 0)

    @property
    def score(self) -> float:
        """1 if the candidate wins in both orders, 0 if it loses in both, else 0.5: a verdict that hangs on the order is a tie.

        Source: the conservative way of Zheng et al., "Judging LLM-as-a-Judge", section 3.4 (arXiv 2306.05685).
        """
        return {2: 1.0, -2: 0.0}.get(sum(self.favours), 0.5)

    @property
    def flipped(self) -> bool:
        """Each order named a winner, and not the same one."""
        first, second = self.favours
        return first * second < 0

    @property
    def consistent(self) -> bool:
        """Both orders say the same of the two answers; what could not be read says nothing."""
        first, second = self.favours
        return first == second and Verdict.UNREADABLE not in (self.shown_first, self.shown_second)
