"""Prints what a fit of the speed constants found: errors by vendor and source, coverage of the stated intervals, and the YAML."""

from collections.abc import Sequence
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
NINETY = 0.9
USERS, ENOUGH = "user reports", 10


def error_table(title: str, errors: Array, names: Sequence[str], spreads: Array | None = None) -> str:
    """One line per name: rows, median of estimated / measured, mean absolute percentage error, 90% quantile, coverage."""
    lines = [title, f"{'':46}{'rows':>6}{'median':>8}{'MAPE':>7}{'q90':>7}{'covered':>9}"]
    for name in sorted(set(names)):
        part = errors[np.array(names) == name]
        covered = ""
        if spreads is not None:
            covered = f"{np.mean(np.abs(part) <= spreads[np.array(names) == name]):9.0%}"
        median, mape, ninety = np.exp(np.median(part)), np.mean(np.abs(np.expm1(part))), np.quantile(np.abs(part), NINETY)
        lines.append(f"{name:46}{len(part):6}{median:8.2f}{mape:7.1%}{ninety:7.2f}{covered}")
    return "\n".join(lines)


def stated_spread(errors: Array, kinds: Sequence[str]) -> float:
    """The 90% quantile of |error| on devices that were left out, among users' own reports where there are enough of them.

    Whoever asks has a machine like theirs, not a bench's. Without ten reports all kinds of sources with ten rows weigh the same.
    """
    names = np.array(kinds)
    if np.sum(names == USERS) >= ENOUGH:
        return float(np.quantile(np.abs(errors[names == USERS]), NINETY))
    count = np.array([np.sum(names == name) for name in kinds])
    enough = count >= min(ENOUGH, count.max())
    size, weights = np.abs(errors[enough]), 1.0 / count[enough]
    order = np.argsort(size)
    share = np.cumsum(weights[order]) / weights.sum()
    return max(0.05, float(size[order][min(len(size) - 1, np.searchsorted(share, NINETY))]))


def yaml_entry(name: str, scope: dict[str, Any], constants: dict[str, float], rows: int, devices: int, source: str) -> str:
    """One entry of `speeds.yaml`. `scope`: engines, vendors, devices, before_build."""

    def listed(values: Sequence[str]) -> str:
        return "[" + ", ".join(values) + "]"

    lines = [f'  - name: "{name}"', f"    engines: {listed(scope['engines'])}"]
    lines += [f"    {key}: {listed(scope[key])}" for key in ("vendors", "devices") if scope[key]]
    lines += [f"    before_build: {scope['before_build']}"] if scope["before_build"] else []
    lines += [f"    source: {source}", f"    rows: {rows}", f"    devices_measured: {devices}", "    constants:"]
    return "\n".join([*lines, *(f"      {key}: {rounded(value)}" for key, value in constants.items())])


def rounded(value: float) -> str:
    """Three significant digits, as YAML reads them: 8.65e-05."""
    return f"{value:.3g}" if value else "0"
