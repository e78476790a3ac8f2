"""How far the budget of a race reaches: batches are made smaller where it would be passed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from llmpick.decide.answer import Spending
from llmpick.evidence.task import Budget
from llmpick.measure.lane import Batch, Lane


@dataclass(frozen=True, slots=True)
class Beside:
    """What is spent beside the lanes' own calls, as by a judge: so far, and at most so many calls more for each row that a lane runs."""

    spent: Spending = field(default_factory=Spending)
    calls_per_row: int = 0


NOTHING = Beside()


def within_budget(wanted: Batch, lanes: Sequence[Lane], budget: Budget, beside: Beside = NOTHING) -> Batch:
    """The batch, each lane's part made smaller by the same factor where the budget does not reach. Empty when it is spent."""
    share = min((left / needed for left, needed in _left_and_needed(wanted, lanes, budget, beside) if needed > left), default=1.0)
    cut = {name: (lane, int(n * share + 1e-9)) for name, (lane, n) in wanted.items()}
    return {name: (lane, n) for name, (lane, n) in cut.items() if n > 0}


def _left_and_needed(wanted: Batch, lanes: Sequence[Lane], budget: Budget, beside: Beside) -> list[tuple[float, float]]:
    """For every part of the budget: how much of it is left, and how much the batch would take at the means of the calls so far.

    Before the first call nothing is known of tokens, minutes and money, so the first batch is bounded by calls alone. Calls beside the
    lanes' own are counted at the most that there can be: what was set aside for them in vain is left for the next batch.
    """
    loading_minutes = sum(lane.load_seconds for lane in lanes) / 60
    aside, run = beside.spent, max(sum(len(lane.records) for lane in lanes if lane.ask), 1)
    parts: tuple[tuple[float | None, Callable[[Lane], float], float, float, float], ...] = (
        (budget.calls, lambda lane: len(lane.paid), aside.calls, beside.calls_per_row, 1.0),
        (
            budget.tokens,
            lambda lane: sum(record.prompt_tokens + record.output_tokens for record in lane.paid),
            aside.tokens,
            aside.tokens / run,
            0.0,
        ),
        (
            budget.minutes,
            lambda lane: sum(record.seconds for record in lane.paid) / 60,
            loading_minutes + aside.seconds / 60,
            aside.seconds / 60 / run,
            0.0,
        ),
        (budget.money, lambda lane: lane.price(lane.paid), aside.money or 0.0, (aside.money or 0.0) / run, 0.0),
    )
    paid = sum(len(lane.paid) for lane in lanes)
    found: list[tuple[float, float]] = []
    for bound, used_by, before, each, unknown in parts:
        if bound is None:
            continue
        used = {lane.candidate: used_by(lane) for lane in lanes}
        mean = sum(used.values()) / paid if paid else unknown
        needed = sum(n * (each + (used[name] / len(lane.paid) if lane.paid else mean)) for name, (lane, n) in wanted.items())
        left = bound - before - sum(used.values())
        found.append((left, needed) if left > 0 else (0.0, max(needed, 1.0)))
    return found
