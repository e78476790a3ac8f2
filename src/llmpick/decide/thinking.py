"""What thinking bought: the same model with and without, on the rows that both have answered. Pure."""

from collections.abc import Sequence

import numpy as np

from llmpick.decide.answer import ThinkingBought
from llmpick.evidence.call import ENDING, CallRecord
from llmpick.evidence.model import Candidate, Endpoint
from llmpick.stats.betting import mean_interval


def thinking_pairs(candidates: Sequence[Candidate]) -> tuple[tuple[str, str], ...]:
    """(the candidate that thinks, the one that does not), by id, for every model that takes part both ways.

    One whose thinking is not spoken of counts as not thinking if no other does: our engines then ask it not to.
    """
    pairs: list[tuple[str, str]] = []
    for thinker in candidates:
        if thinker.thinking is None or not thinker.thinking.on or thinker.run is None:
            continue
        same = [other for other in candidates if _model(other) == _model(thinker)]
        silent = [other for other in same if other.thinking is not None and not other.thinking.on]
        unsaid = [other for other in same if other.thinking is None]
        pairs += [(thinker.id, other.id) for other in (silent or unsaid)[:1]]
    return tuple(pairs)


def _model(candidate: Candidate) -> object:
    """What two candidates of one model share: a price may stand on one of them only."""
    run = candidate.run
    return (run.url, run.model) if isinstance(run, Endpoint) else run


def thinking_bought(
    on: Sequence[CallRecord], off: Sequence[CallRecord], *, confidence: float, population: int | None
) -> ThinkingBought | None:
    """Record i of both is row i of the race, in its random order; `population` is the number of the user's rows.

    None when no row was answered both ways. A row that one of them lost says nothing of the difference and is left out.
    """
    pairs = [(a, b) for a, b in zip(on, off, strict=False) if a.score is not None and b.score is not None]
    if not pairs:
        return None
    differences = np.array([float(a.score or 0.0) - float(b.score or 0.0) for a, b in pairs])
    whole = population if population is not None and population >= len(pairs) else None
    n = len(pairs)
    return ThinkingBought(
        candidate=on[0].candidate,
        without=off[0].candidate,
        rows=n,
        difference=mean_interval(differences, confidence=confidence, population=whole, low=-1.0, high=1.0),
        tokens_with=sum(a.output_tokens for a, _ in pairs) / n,
        tokens_without=sum(b.output_tokens for _, b in pairs) / n,
        seconds_with=sum(a.seconds for a, _ in pairs) / n,
        seconds_without=sum(b.seconds for _, b in pairs) / n,
        cut=sum(ENDING in a.output for a, _ in pairs),
    )


def sentence(bought: ThinkingBought) -> str:
    """One sentence for a report, in points of score (percent), and output tokens and seconds per call."""
    low, high = 100 * bought.difference.low, 100 * bought.difference.high
    worth = f"{100 * bought.difference.value:+.1f} points [{low:+.1f}, {high:+.1f}]"
    tokens = f"{bought.tokens_with:,.0f} instead of {bought.tokens_without:,.0f} output tokens"
    cost = f"{tokens} and {bought.seconds_with:,.2f} instead of {bought.seconds_without:,.2f} seconds per call"
    cut = f"; its budget ended the reasoning in {bought.cut} of {bought.rows} rows" if bought.cut else ""
    return f"Thinking bought {bought.candidate} {worth} on {bought.rows} rows, for {cost}{cut}"
