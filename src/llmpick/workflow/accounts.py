"""What finding out cost, and what it would have cost to run everything."""

from collections.abc import Iterable, Sequence

from llmpick.decide.answer import Spending
from llmpick.evidence.call import CallRecord, Outcome
from llmpick.evidence.model import Candidate, Endpoint
from llmpick.measure.lane import Lane


def money(records: Sequence[CallRecord], candidate: Candidate) -> float | None:
    """What the calls cost at the endpoint's prices; None where there is no price."""
    run = candidate.run
    if not isinstance(run, Endpoint) or run.input_price is None or run.output_price is None:
        return None
    return sum(record.prompt_tokens * run.input_price + record.output_tokens * run.output_price for record in records) / 1e6


def paid_for(lane: Lane, candidate: Candidate) -> Spending:
    """What this run paid for the lane; a call that was kept from an earlier run costs nothing."""
    return Spending(len(lane.paid), tokens_of(lane.paid), seconds_of(lane.paid) + lane.load_seconds, money(lane.paid, candidate))


def total(parts: Iterable[Spending]) -> Spending:
    """The sum; its money is None when no part has a price."""
    parts = tuple(parts)
    priced = [part.money for part in parts if part.money is not None]
    return Spending(
        calls=sum(part.calls for part in parts),
        tokens=sum(part.tokens for part in parts),
        seconds=sum(part.seconds for part in parts),
        money=sum(priced) if priced else None,
    )


def saved(models: Sequence[tuple[Lane, Candidate]], spent: Spending, rows: int) -> Spending:
    """Against running every model that could be run on every row, each at its own mean tokens and seconds per call."""
    return left_over(total(on_all_rows(lane, candidate, rows) for lane, candidate in models), spent)


def left_over(everything: Spending, spent: Spending) -> Spending:
    """What was not spent of everything."""
    return Spending(
        calls=max(everything.calls - spent.calls, 0),
        tokens=max(everything.tokens - spent.tokens, 0),
        seconds=max(everything.seconds - spent.seconds, 0.0),
        money=None if everything.money is None else max(everything.money - (spent.money or 0.0), 0.0),
    )


def on_all_rows(lane: Lane, candidate: Candidate, rows: int) -> Spending:
    """What the candidate would take for all rows, at its own mean per call so far; nothing where no call of it has come back."""
    seen = answered(lane.records)
    if not seen:
        return Spending()
    scale = rows / len(seen)
    cost = money(seen, candidate)
    return Spending(
        rows, round(tokens_of(seen) * scale), seconds_of(seen) * scale + lane.load_seconds, None if cost is None else cost * scale
    )


def answered(records: Sequence[CallRecord]) -> list[CallRecord]:
    """The calls that came back, whatever they said."""
    return [record for record in records if record.outcome is not Outcome.FAILED]


def tokens_of(records: Sequence[CallRecord]) -> int:
    return sum(record.prompt_tokens + record.output_tokens for record in records)


def seconds_of(records: Sequence[CallRecord]) -> float:
    return sum(record.seconds for record in records)
