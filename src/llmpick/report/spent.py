"""What something cost, in words."""

from llmpick.decide.answer import Spending
from llmpick.report import numbers
from llmpick.report.text import joined


def spending(cost: Spending) -> str:
    """For example: 544 calls, 103,360 tokens and 2 min 52 s."""
    parts = [numbers.counted(cost.calls, "call"), numbers.counted(cost.tokens, "token"), numbers.seconds(cost.seconds)]
    return joined(parts if cost.money is None else [*parts, f"{numbers.money(cost.money)} in money"])
