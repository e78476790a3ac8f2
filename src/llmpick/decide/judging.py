"""What an answer tells of the judge behind its scores: who judged, how far it can be believed, and what judging took."""

from dataclasses import dataclass

from llmpick.decide.answer import Spending
from llmpick.stats.pairwise import JudgeRecord


@dataclass(frozen=True, slots=True)
class Judging:
    """`record` is the judge's own, None when no pair needed it. `verdicts` is what all verdicts take, those included that an earlier run
    paid for; `spent` what this run paid for judge and opponent; `everything` what judging every candidate on every row would take.

    `lost` says why rows have no verdict, one reason for each.
    """

    judge: str
    opponent: str
    record: JudgeRecord | None
    verdicts: Spending
    spent: Spending
    everything: Spending
    lost: tuple[str, ...] = ()
