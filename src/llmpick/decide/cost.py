"""Which candidate is cheaper, by the measure that the user chose."""

from collections.abc import Sequence

SAME_COST = 1.1
"""Costs within 10% of the cheapest of their group count as equal: repeated timings of one model on one machine differ by about that."""


def cost_ranks(costs: Sequence[float | None]) -> list[int]:
    """A rank for each cost, 0 for the cheapest; costs that are the same within `SAME_COST` share a rank. An unknown cost ranks last."""
    known = sorted(cost for cost in costs if cost is not None)
    bounds: list[float] = []
    for cost in known:
        if not bounds or cost > bounds[-1] * SAME_COST:
            bounds.append(cost)
    return [len(bounds) if cost is None else sum(cost > bound * SAME_COST for bound in bounds) for cost in costs]
