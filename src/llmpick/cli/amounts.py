"""What people write on the command line: `6.7e9`, `6.7B` and `1T` for amounts, `2/h` for a price, `fit.html` for a page."""

import math
import re
from pathlib import Path
from typing import Any

import click

PAGE_SUFFIXES = (".html", ".htm")
UNITS = {"": 1.0, "k": 1e3, "m": 1e6, "b": 1e9, "t": 1e12}


def _number(text: str) -> float:
    """6.7e9, 6.7B, 50_000 and 50,000; NaN for what is none of these."""
    found = re.fullmatch(r"(\d{1,3}(?:,\d{3})+(?:\.\d+)?|[0-9._]+(?:e[+-]?\d+)?)\s*([kmbt]?)", text.strip().lower())
    try:
        return float(re.sub("[,_]", "", found[1])) * UNITS[found[2]] if found else math.nan
    except ValueError:
        return math.nan


class Amount(click.ParamType):
    """A finite number above 0, and not below `least`, with K, M, B or T for thousand to trillion."""

    name = "number"

    def __init__(self, least: float = 0.0) -> None:
        self.least = least

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        number = _number(str(value))
        if not 0 < number < math.inf:
            self.fail(f"{value!r} is no number above 0; write 6.7e9, 6.7B or 1T", param, ctx)
        if number < self.least:
            self.fail(f"{value!r} is less than {self.least:g}; write it in full or with its unit: 6.7e9, 6.7B or 1T", param, ctx)
        return number


QUANTITY = Amount(least=1)
"""Parameters, tokens, FLOPs: below one there is nothing to count."""


class Money(click.ParamType):
    """US dollars above 0: `50000`, `50,000`, `50_000`, `50k`, `$50k`, `1.5m`."""

    name = "dollars"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        dollars = _number(re.sub(r"^\$\s*|\s*(usd|dollars?)$", "", str(value).strip().lower()))
        if not 0 < dollars < math.inf:
            self.fail(f"{value!r} is no sum of US dollars above 0; write 50000, 50,000, 50k or $50k", param, ctx)
        return dollars


class HourlyPrice(click.ParamType):
    """US dollars per hour of one device: `2/h`, `$2/h` or `2`."""

    name = "price"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        found = re.fullmatch(r"\$?\s*(\d+(?:\.\d+)?|\.\d+)\s*(?:usd)?\s*(?:/\s*h(?:our)?)?", str(value).strip().lower())
        if found is None:
            self.fail(f"{value!r} is no price per hour; write 2/h for 2 US dollars per hour of one device", param, ctx)
        return float(found[1])


class Page(click.Path):
    """A file to write a page to. Its name must say what it holds, so that nobody opens HTML as a PDF."""

    def __init__(self) -> None:
        super().__init__(path_type=Path, dir_okay=False)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        path = Path(str(super().convert(value, param, ctx)))
        if path.suffix.lower() not in PAGE_SUFFIXES:
            self.fail(f"{str(value)!r} would hold HTML; give a name that ends in .html", param, ctx)
        return path
