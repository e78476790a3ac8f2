"""What every chart of llmpick shares: Vega-Lite specifications whose colours are the page's own CSS variables, so that one drawing
serves light, dark and paper.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from llmpick.evidence.values import Interval

Spec = dict[str, Any]

SCHEMA = "https://vega.github.io/schema/vega-lite/v6.json"
"""The name of the language that the specifications are written in; nothing is fetched from there."""
COLOURS = tuple(f"var(--c{i})" for i in range(1, 9))
SPARE_COLOUR = "var(--muted)"
LOG_SCALE_FROM = 20
"""An axis that spans more than this ratio is logarithmic."""

_CONFIG: Spec = {
    "background": None,
    "font": "system-ui, sans-serif",
    "view": {"stroke": None},
    "axis": {
        "labelColor": "var(--muted)",
        "titleColor": "var(--muted)",
        "titleFontWeight": "normal",
        "titleFontSize": 12,
        "labelFontSize": 12,
        "gridColor": "var(--line)",
        "domainColor": "var(--line)",
        "tickColor": "var(--line)",
        "titlePadding": 8,
    },
    "text": {"fill": "var(--ink)", "fontSize": 13},
    "rule": {"stroke": "var(--muted)"},
}


@dataclass(frozen=True, slots=True)
class Chart:
    """One figure. `id` names its place in the page, `description` is read out where it cannot be seen, `legend` pairs a colour with a
    name.
    """

    id: str
    title: str
    description: str
    spec: Spec
    legend: tuple[tuple[str, str], ...] = ()


def colours(names: Sequence[str]) -> dict[str, str]:
    """One colour for each name, the same in every chart of a page; names beyond the palette share a grey."""
    return {name: COLOURS[i] if i < len(COLOURS) else SPARE_COLOUR for i, name in enumerate(names)}


def layered(description: str, layers: Iterable[Spec], *, height: int, **more: Any) -> Spec:
    """A specification as wide as its place in the page."""
    return {
        "$schema": SCHEMA,
        "description": description,
        "width": "container",
        "height": height,
        "autosize": {"type": "fit-x", "contains": "padding"},
        "config": _CONFIG,
        "layer": list(layers),
        **more,
    }


def data(rows: Iterable[Mapping[str, Any]]) -> Spec:
    return {"values": [dict(row) for row in rows]}


def interval_fields(score: Interval) -> dict[str, float]:
    return {"value": score.value, "low": score.low, "high": score.high}


def colour_by(field: str, palette: Mapping[str, str]) -> Spec:
    """The colour of each name; the legend stands in the page, where it can wrap."""
    return {"field": field, "type": "nominal", "scale": {"domain": list(palette), "range": list(palette.values())}, "legend": None}


def share_axis(field: str, scores: Iterable[Interval], title: str | None) -> Spec:
    """An axis of percentages, cut to the tenths of the scale that hold all intervals."""
    low, high = tenths(scores)
    axis: Spec = {"format": ".0%", "title": title, "tickCount": 6}
    return {"field": field, "type": "quantitative", "scale": {"domain": [low, high], "nice": False}, "axis": axis, "title": title}


def tenths(scores: Iterable[Interval]) -> tuple[float, float]:
    """The smallest range of whole tenths within [0, 1] that holds all intervals."""
    bounds = [bound for score in scores for bound in (score.low, score.high)]
    low, high = max(0.0, min(bounds)), min(1.0, max(bounds))
    return int(low * 10) / 10, min(10, int(high * 10) + 1) / 10


def amount_axis(field: str, values: Sequence[float], title: str, fmt: str) -> Spec:
    """An axis from zero, or logarithmic where the values span orders of magnitude."""
    wide = min(values) > 0 and max(values) / min(values) >= LOG_SCALE_FROM
    scale = {"type": "log", "nice": True, "padding": 16} if wide else {"zero": True, "nice": True}
    return {"field": field, "type": "quantitative", "scale": scale, "axis": {"title": title, "format": fmt, "tickCount": 5, "grid": False}}


def dots(encoding: Spec, tooltip: list[Spec], size: int = 100, **mark: Any) -> Spec:
    """A layer of filled points that tell their numbers when they are pointed at."""
    return {"mark": {"type": "point", "filled": True, "size": size, "opacity": 1, **mark}, "encoding": {**encoding, "tooltip": tooltip}}


def whiskers(encoding: Spec, along: Literal["x", "y"], opacity: float = 1) -> Spec:
    """A layer of lines from `low` to `high`, for the encoding of the points that they belong to."""
    return {"mark": {"type": "rule", "strokeWidth": 2.5, "opacity": opacity}, "encoding": _spanned(encoding, along)}


def ribbon(encoding: Spec, **mark: Any) -> Spec:
    """A layer that shades from `low` to `high`, for the encoding of the line that it belongs to."""
    return {"mark": {"type": "area", "opacity": 0.14, **mark}, "encoding": _spanned(encoding, "y")}


def _spanned(encoding: Spec, along: Literal["x", "y"]) -> Spec:
    return {**encoding, along: {**encoding[along], "field": "low"}, f"{along}2": {"field": "high"}}


def tip(**titles: str) -> list[Spec]:
    """Tooltip lines: field → title; scores in percent."""
    percent = {"value", "low", "high"}
    return [{"field": field, "title": title, **({"format": ".1%"} if field in percent else {})} for field, title in titles.items()]
