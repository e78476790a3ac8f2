"""Amounts as people write them: `6.7e9`, `6.7B` and `1T` for counts, `2/h` for a price."""

import math
import re
from typing import Any

import click

UNITS = {"": 1.0, "k": 1e3, "m": 1e6, "b": 1e9, "t": 1e12}


class Amount(click.ParamType):
    """A finite number above 0, with K, M, B or T for thousand to trillion."""

    name = "number"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        found = re.fullmatch(r"([0-9._]+(?:e[+-]?\d+)?)\s*([kmbt]?)", str(value).strip().lower())
        try:
            number = float(found[1].replace("_", "")) * UNITS[found[2]] if found else math.nan
        except ValueError:
            number = math.nan
        if not 0 < number < math.inf:
            self.fail(f"{value!r} is no number above 0; write 6.7e9, 6.7B or 1T", param, ctx)
        return number


class HourlyPrice(click.ParamType):
    """US dollars per hour of one device: `2/h`, `$2/h` or `2`."""

    name = "price"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        found = re.fullmatch(r"\$?\s*(\d+(?:\.\d+)?|\.\d+)\s*(?:usd)?\s*(?:/\s*h(?:our)?)?", str(value).strip().lower())
        if found is None:
            self.fail(f"{value!r} is no price per hour; write 2/h for 2 US dollars per hour of one device", param, ctx)
        return float(found[1])
