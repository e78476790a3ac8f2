"""`--budget 500calls --budget 10minutes` → Budget(calls=500, minutes=10)."""

import math

import click

from llmpick.evidence.task import Budget


def budget(_: click.Context, __: click.Parameter, words: tuple[str, ...]) -> Budget | None:
    """The callback of the option; None when it was not given."""
    amounts: dict[str, float] = {}
    for word in words:
        number = word.rstrip("abcdefghijklmnopqrstuvwxyz ")
        unit = word[len(number) :].strip()
        if unit not in ("calls", "tokens", "minutes", "money") or not number:
            raise click.BadParameter(f"{word!r} is not an amount such as 500calls, 200000tokens, 10minutes or 5money")
        try:
            amounts[unit] = float(number) if unit in ("minutes", "money") else int(number)
        except ValueError as error:
            raise click.BadParameter(f"{number!r} in {word!r} is not a number") from error
        if not 0 < amounts[unit] < math.inf:
            raise click.BadParameter(f"{word!r} buys nothing: a budget is more than 0, and finite; llmpick plan spends nothing")
    return Budget(**amounts) if amounts else None  # pyright: ignore[reportArgumentType]
