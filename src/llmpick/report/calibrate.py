"""The report of `calibrate`: what was timed, what the machine's constants are in plain words, and how well they tell what was timed."""

import math
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from llmpick.estimate.calibration_report import CalibrationReport, Timed
from llmpick.evidence.calibration import SpeedReading, machine_name
from llmpick.evidence.values import Interval, Unknown
from llmpick.report import numbers
from llmpick.report.text import one_line
from llmpick.store.rows import constants_to_json

SCHEMA_VERSION = 1
GB, GIGA = 1e9, 1e9
NAME_LETTERS = 40
WHAT = {"decode": "write after", "prefill": "read"}


def calibration_document(report: CalibrationReport) -> dict[str, Any]:
    """The whole report as JSON values; seconds of every run, and null where nothing is expected."""
    return {
        "schema_version": SCHEMA_VERSION,
        "run": report.run,
        "machine": machine_name(report.machine),
        "engine": report.engine,
        "engine_version": report.version,
        "threads": report.threads,
        "measured": report.measured.isoformat(),
        "seconds": report.seconds,
        "constants": constants_to_json(report.constants),
        "models": [_model_document(timed) for timed in report.models],
        "notes": list(report.notes),
    }


def _model_document(timed: Timed) -> dict[str, Any]:
    return {
        "model": timed.model,
        "quantization": timed.quantization,
        "weights_bytes": timed.weight_bytes,
        "readings": [
            {
                "kind": reading.kind,
                "tokens": reading.tokens,
                "seconds": list(reading.seconds),
                "typical_seconds": reading.typical,
                "expected_seconds": asdict(expected) if isinstance(expected, Interval) else None,
            }
            for reading, expected in _pairs(timed)
        ],
    }


def print_calibration(report: CalibrationReport, console: Console) -> None:
    """A table per model, then the machine in plain words, then what makes it less sure."""
    for timed in report.models:
        console.print(_table(timed))
    for line in plain_words(report):
        console.print(Text(line))
    for note in report.notes:
        console.print(Text(f"Note: {note}"))
    console.print(Text(f"Kept as {report.run}. Estimates of {report.engine} on this machine use it from now on."))


def plain_words(report: CalibrationReport) -> Iterator[str]:
    """What the constants mean."""
    found, machine = report.constants, report.machine
    bandwidth = found.bandwidth_bytes_per_s or 0.0
    yield f"{machine_name(machine)}, {report.engine} ({report.version}), {report.threads} threads, {numbers.seconds(report.seconds)}"
    yield (
        f"  memory: weights at {found.weight_efficiency * bandwidth / GB:.1f} GB/s, {found.weight_efficiency:.0%} of the"
        f" {bandwidth / GB:.1f} GB/s that reading memory reaches; the cache at {found.kv_efficiency * bandwidth / GB:.1f} GB/s"
    )
    yield f"  fixed cost of a token: {1000 * found.token_s:.2f} ms, and {1000 * found.layer_s:.3f} ms for each layer"
    if found.flops is not None:
        yield (
            f"  reading prompts: {found.compute_efficiency * found.flops / GIGA:.0f} GFLOP/s, attention"
            f" {found.attention_efficiency * found.flops / GIGA:.0f} GFLOP/s, {1000 * found.prefill_s:.0f} ms per prompt"
        )
    yield (
        f"  other models, with 90% probability: writing within a factor of {_factor(found.decode_spread)},"
        f" reading prompts within {_factor(found.prefill_spread)}"
    )
    yield f"  of what was timed, {fit_in_words(report)}"


def fit_in_words(report: CalibrationReport) -> str:
    """How far the constants are from the readings that they were fitted on."""
    errors = [expected.value / r.typical - 1 for timed in report.models for r, expected in _pairs(timed) if isinstance(expected, Interval)]
    inside = [
        expected.low <= r.typical <= expected.high for t in report.models for r, expected in _pairs(t) if isinstance(expected, Interval)
    ]
    if not errors:
        return "nothing can be compared"
    mean = sum(map(abs, errors)) / len(errors)
    worst = max(errors, key=abs)
    return f"the constants miss {mean:.0%} on average, {worst:+.0%} at worst; {sum(inside)} of {len(inside)} readings lie in their interval"


def _table(timed: Timed) -> Table:
    start = next((reading.typical for reading in timed.readings if reading.kind == "start"), None)
    started = f", starts in {numbers.seconds(start)}" if start is not None else ""
    name = one_line(timed.model).rpartition("/")[2][-NAME_LETTERS:]
    table = Table(
        box=SIMPLE_HEAD,
        title=Text(f"{name} ({timed.quantization}, {numbers.memory(timed.weight_bytes)}{started})"),
        title_justify="left",
        title_style="",
    )
    table.add_column("timed", no_wrap=True)
    for heading in ("tokens/s", "runs", "vary", "expected", "off"):
        table.add_column(heading, justify="right", no_wrap=True)
    for reading, expected in _pairs(timed):
        if reading.kind != "start":
            table.add_row(*_cells(reading, expected))
    return table


def _cells(reading: SpeedReading, expected: Interval | Unknown | None) -> tuple[str, ...]:
    tokens = reading.tokens if reading.kind == "prefill" else 1
    measured = (f"{WHAT[reading.kind]} {reading.tokens:,}", numbers.rate(tokens / reading.typical), str(len(reading.seconds)))
    unrest = f"{reading.unrest:.0%}" if len(reading.seconds) > 1 else "-"
    if not isinstance(expected, Interval):
        return *measured, unrest, "-", "-"
    low, high = numbers.rate(tokens / expected.high), numbers.rate(tokens / expected.low)
    return *measured, unrest, f"{numbers.rate(tokens / expected.value)} [{low}, {high}]", f"{reading.typical / expected.value - 1:+.0%}"


def _factor(spread: float) -> str:
    """0.18 → "1.20": measured may be so many times more or less than estimated."""
    return f"{math.exp(spread):.2f}"


def _pairs(timed: Timed) -> Iterator[tuple[SpeedReading, Interval | Unknown | None]]:
    """Each reading with what was expected, writing first, by length."""
    pairs = list(zip(timed.readings, timed.expected, strict=True))
    yield from sorted(pairs, key=lambda pair: (pair[0].kind, pair[0].tokens))
