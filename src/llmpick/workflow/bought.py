"""What thinking bought each model that took part with and without it, from the calls of a race."""

from collections.abc import Sequence

from llmpick.decide.answer import ThinkingBought
from llmpick.decide.thinking import thinking_bought, thinking_pairs
from llmpick.evidence.model import Candidate
from llmpick.measure.lane import Lane


def what_thinking_bought(models: Sequence[tuple[Lane, Candidate]], *, confidence: float, rows: int) -> tuple[ThinkingBought, ...]:
    """One for each model of which some row was answered both ways; `rows` is the number of the user's rows, in the one race order."""
    records = {candidate.id: lane.records for lane, candidate in models}
    pairs = thinking_pairs([candidate for _, candidate in models])
    found = (thinking_bought(records[on], records[off], confidence=confidence, population=rows) for on, off in pairs)
    return tuple(bought for bought in found if bought is not None)
