"""How a number is written for a person. Every report uses these functions, so that the same value reads the same everywhere.

The thresholds have names. `tests/report/test_numbers.py` is the table that shows what each rule does.
"""

from llmpick.evidence.values import Estimate, Interval, Measurement, Unknown

TINY_BASE = 5
"""Below so many rows a percentage would promise more than is known: "3 of 4" is written instead."""
MIB = 2**20
GIB = 2**30
SMALLEST_GIB = 0.01
"""Less than this many GiB is written in MiB."""
TENTHS_OF_GIB_FROM = 10
WHOLE_RATES_FROM = 20
"""From so many tokens per second on, decimals are noise."""
MILLISECONDS_BELOW_S = 0.9995
TENTHS_OF_SECONDS_BELOW_S = 10.0
MINUTES_FROM_S = 120.0
HOURS_FROM_S = 7200.0
SMALLEST_MONEY = 0.0001
TENTHS_BELOW = 100
"""Rates of devices have one decimal below it: 68.3 GB/s, 1,008 GB/s."""
LARGE = ((1e12, "trillion"), (1e9, "billion"), (1e6, "million"))
CENTS_FROM = 1.0


def count(n: int) -> str:
    """1234567 → "1,234,567"."""
    return f"{n:,}"


def counted(n: int, one: str, many: str | None = None) -> str:
    """1 row, 1,200 rows; `many` is given where an "s" does not make the plural."""
    return f"{n:,} {one if n == 1 else many or one + 's'}"


def k_of_n(k: float, n: int) -> str:
    """How many of how many; a sum of partial scores keeps one decimal: "2.5 of 4"."""
    return f"{f'{k:,.1f}'.removesuffix('.0')} of {n:,}"


def percent(share: float) -> str:
    """0.871 → "87.1%". Only nothing is 0% and only everything is 100%."""
    return f"{_hundredths(share)}%"


def percent_interval(share: Interval) -> str:
    """The value with its range: "87.1% [83.9, 89.8]"."""
    return f"{percent(share.value)} {bounds(share)}"


def bounds(share: Interval) -> str:
    """The range alone, in percent: "[83.9, 89.8]"."""
    return f"[{_hundredths(share.low)}, {_hundredths(share.high)}]"


def probability(p: float) -> str:
    """A confidence that somebody chose: 0.95 → "95%"."""
    return f"{100 * p:g}%"


def score(share: Interval | Unknown, n: int) -> str:
    """A mean score over `n` rows, with its range; on a tiny base the rows themselves, and "unknown" where there is none."""
    if isinstance(share, Unknown):
        return "unknown"
    if n < TINY_BASE:
        return k_of_n(share.value * n, n)
    return percent_interval(share)


def short_score(share: Interval | Unknown, n: int) -> str:
    """The same without its range."""
    if isinstance(share, Unknown):
        return "unknown"
    return k_of_n(share.value * n, n) if n < TINY_BASE else percent(share.value)


def share_of(k: int, n: int) -> str:
    """A part of a whole with its percentage, where the whole is large enough for one: "212 of 320 (66.2%)"."""
    return k_of_n(k, n) if n < TINY_BASE else f"{k_of_n(k, n)} ({percent(k / n)})"


def points(difference: Interval) -> str:
    """A difference of two shares in percentage points: "-46.3 [-51.9, -40.8]"."""
    return f"{signed_points(difference.value)} {points_bounds(difference)}"


def points_bounds(difference: Interval) -> str:
    """The range of a difference alone: "[-51.9, -40.8]"."""
    return f"[{signed_points(difference.low)}, {signed_points(difference.high)}]"


def signed_points(difference: float) -> str:
    """0.02 → "+2.0", -0.463 → "-46.3", and no sign before zero."""
    text = f"{100 * difference:+.1f}"
    return "0.0" if text in ("+0.0", "-0.0") else text


def distance(difference: float) -> str:
    """The size of a difference in words: "46.3 points"."""
    return f"{abs(100 * difference):.1f} points"


def by_more_than(tolerance: float) -> str:
    """What stands behind "better" or "worse": " by more than 2.0 points", nothing where the tolerance is 0."""
    return f" by more than {distance(tolerance)}" if tolerance else ""


def memory(size: float) -> str:
    """Bytes in GiB (2^30 bytes), in MiB where a GiB is too coarse."""
    gib = size / GIB
    if gib < SMALLEST_GIB:
        return f"{size / MIB:.1f} MiB"
    return f"{gib:.1f} GiB" if gib >= TENTHS_OF_GIB_FROM else f"{gib:.2f} GiB"


def rate(tokens_per_s: float) -> str:
    """Tokens per second, without the unit: "142", "8.4"."""
    return f"{tokens_per_s:,.0f}" if tokens_per_s >= WHOLE_RATES_FROM else f"{tokens_per_s:.1f}"


def bandwidth(bytes_per_s: float) -> str:
    """1.008e12 → "1,008 GB/s", 68.3e9 → "68.3 GB/s" (10^9 bytes)."""
    return f"{_tenths(bytes_per_s / 1e9)} GB/s"


def tera(per_s: float) -> str:
    """Operations per second in units of 10^12, without the unit: "330", "14.1"."""
    return _tenths(per_s / 1e12)


def large(n: int) -> str:
    """A count to three digits with its unit in words: "1.54 billion", "135 million"; smaller ones in full."""
    for unit, word in LARGE:
        if n >= 0.9995 * unit:
            return f"{n / unit:.{2 if n < 9.995 * unit else 1 if n < 99.95 * unit else 0}f} {word}"
    return count(n)


def seconds(s: float) -> str:
    """A duration: "240 ms", "3.4 s", "74 s", "3 min 12 s", "2 h 5 min"."""
    if s == 0:
        return "0 s"
    if s < MILLISECONDS_BELOW_S:
        return "<1 ms" if s < 0.001 else f"{1000 * s:.0f} ms"
    if s < TENTHS_OF_SECONDS_BELOW_S:
        return f"{s:.1f} s"
    if s < MINUTES_FROM_S:
        return f"{s:.0f} s"
    if s < HOURS_FROM_S:
        return _two_units(round(s), "min", "s")
    return _two_units(round(s / 60), "h", "min")


def money(amount: float) -> str:
    """An amount in the currency of the candidates' prices, which the task does not name."""
    if amount == 0:
        return "0.00"
    if amount < SMALLEST_MONEY:
        return f"<{SMALLEST_MONEY}"
    return f"{amount:,.2f}" if amount >= CENTS_FROM else f"{amount:.4f}"


def marked(quantity: Estimate | Measurement | Unknown, text: str) -> str:
    """`text` with the sign of its kind: "~" before an estimate, "-" in place of what is not known."""
    if isinstance(quantity, Unknown):
        return "-"
    return f"~{text}" if isinstance(quantity, Estimate) else text


def memory_cell(quantity: Estimate | Measurement | Unknown) -> str:
    """Memory as a table shows it: "0.24 GiB" measured, "~9.80 GiB" estimated, "-" unknown."""
    return "-" if isinstance(quantity, Unknown) else marked(quantity, memory(quantity.interval.value))


def rate_cell(quantity: Estimate | Measurement | Unknown) -> str:
    """Tokens per second as a table shows them: "142", "~35", "-"."""
    return "-" if isinstance(quantity, Unknown) else marked(quantity, rate(quantity.interval.value))


def _tenths(value: float) -> str:
    return f"{value:,.1f}".removesuffix(".0") if value < TENTHS_BELOW else f"{value:,.0f}"


def _hundredths(share: float) -> str:
    text = f"{100 * share:.1f}"
    if text == "100.0" and share < 1:
        return ">99.9"
    if text in ("0.0", "-0.0"):
        return "<0.1" if share > 0 else "0"
    return "100" if text == "100.0" else text


def _two_units(n: int, large: str, small: str) -> str:
    whole, rest = divmod(n, 60)
    return f"{whole} {large} {rest} {small}" if rest else f"{whole} {large}"
