"""The charts of an answer, each of them only where its data exists."""

from collections.abc import Mapping, Sequence
from typing import Any

from llmpick.decide.answer import CandidateAnswer, SliceScore
from llmpick.evidence.values import Interval, Unknown
from llmpick.report import numbers
from llmpick.report.charts import (
    Chart,
    Spec,
    amount_axis,
    colour_by,
    colours,
    data,
    dots,
    interval_fields,
    layered,
    ribbon,
    share_axis,
    tenths,
    tip,
    whiskers,
)
from llmpick.report.pick import wording
from llmpick.report.pick.view import SliceTable, View
from llmpick.report.text import one_line

MOST_LABELS = 24
"""A confusion matrix of more labels cannot be read; the list of the most frequent confusions remains."""
NO_LABEL = "(no label)"
SAME_HEIGHT = 0.05
"""Scores so close that names beside their points would be printed over each other."""


def charts(view: View) -> dict[str, Chart]:
    """Every chart by its id: `scores`, `race`, `cost`, `slices-0`…, `learning`, `confusion`."""
    palette = colours([view.name(one) for one in view.measured])
    made = [
        _scores(view, palette),
        _race(view, palette),
        _cost(view, palette),
        *(_slices(view, i, table, palette) for i, table in enumerate(view.slices)),
        _learning(view),
        _confusion(view),
    ]
    return {chart.id: chart for chart in made if chart}


def _scores(view: View, palette: Mapping[str, str]) -> Chart | None:
    scored = [(one, one.score) for one in view.measured if isinstance(one.score, Interval)]
    if not scored:
        return None
    best = max(score.value for _, score in scored)
    rows = [{**interval_fields(score), "name": view.name(one), "label": _label(view, one), "n": one.score_n} for one, score in scored]
    band = {"band_low": max(0.0, best - view.answer.tolerance), "band_high": best}
    x = share_axis("value", [score for _, score in scored], wording.metric(view.answer))
    points: Spec = {"x": x, "y": {"field": "name", "type": "nominal", "sort": None, "axis": None}, "color": colour_by("name", palette)}
    shade = {"type": "rect", "fill": "var(--accent)", "fillOpacity": 0.14}
    at_left = {"type": "quantitative", "scale": x["scale"], "datum": tenths([score for _, score in scored])[0]}
    label = {"type": "text", "align": "left", "dy": -15, "limit": 0}
    layers = [
        {"data": data([band]), "mark": shade, "encoding": {"x": {**x, "field": "band_low"}, "x2": {"field": "band_high"}}},
        whiskers(points, "x"),
        dots(points, tip(name="candidate", value="score", low="from", high="to", n="rows")),
        {"mark": label, "encoding": {"x": at_left, "y": points["y"], "text": {"field": "label"}}},
    ]
    said = f"Score of each candidate with its interval. The shaded band is the tolerance below the best: {numbers.percent(best)}."
    return Chart("scores", "Score and what is known of it", said, layered(said, layers, height=48 * len(rows), data=data(rows)))


def _label(view: View, one: CandidateAnswer) -> str:
    score = " ".join(wording.interval_parts(one.score, one.score_n)) if wording.by_definition(one.score) else None
    return f"{view.name(one)}   {score or numbers.score(one.score, one.score_n)}"


def _race(view: View, palette: Mapping[str, str]) -> Chart | None:
    traces = [trace for trace in view.answer.traces if trace.candidate in view.names]
    if len({trace.rows for trace in traces}) < 2:
        return None  # a race of one batch has no way
    rows = [{**interval_fields(t.score), "name": view.names[t.candidate], "rows": t.rows} for t in traces]
    x: Spec = {"field": "rows", "type": "quantitative", "axis": {"title": "rows run", "tickMinStep": 1, "tickCount": 6, "grid": False}}
    y = share_axis("value", [t.score for t in traces], None)
    points: Spec = {"x": x, "y": y, "color": colour_by("name", palette)}
    layers = [
        ribbon(points),
        {"mark": {"type": "line", "strokeWidth": 2}, "encoding": points},
        dots(points, tip(name="candidate", rows="rows", value="score", low="from", high="to"), size=34),
    ]
    said = "Running score of each candidate with its interval, by the number of rows run. A line ends where its candidate left."
    shown = list(dict.fromkeys(row["name"] for row in rows))
    return Chart("race", "How the race went", said, layered(said, layers, height=260, data=data(rows)), _legend(shown, palette))


def _legend(names: Sequence[str], palette: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple((palette.get(name, "var(--muted)"), name) for name in names)


def _cost(view: View, palette: Mapping[str, str]) -> Chart | None:
    """Quality against cost, for the candidates of which both are known; two of them at least."""
    title, fmt = {
        "memory": ("memory (GiB)", "~g"),
        "seconds": ("seconds per call", "~g"),
        "money": ("money per 1,000 calls", "~g"),
    }[view.answer.cost_by]
    known = [(one, one.score, _cost_of(one, view.answer.cost_by)) for one in view.measured]
    rows: list[dict[str, Any]] = [
        {**interval_fields(score), "name": view.name(one), "cost": cost}
        for one, score, cost in known
        if isinstance(score, Interval) and cost is not None
    ]
    if len(rows) < 2:
        return None
    x = amount_axis("cost", [row["cost"] for row in rows], title, fmt)
    y = share_axis("value", [score for _, score, cost in known if isinstance(score, Interval) and cost is not None], None)
    points: Spec = {"x": x, "y": y, "color": colour_by("name", palette)}
    front = pareto_front(rows)
    dashed = {"type": "line", "interpolate": "step-after", "stroke": "var(--muted)", "strokeDash": [4, 4]}
    layers = [
        {"data": data(front), "mark": dashed, "encoding": {"x": x, "y": y, "order": {"field": "cost"}}},
        whiskers(points, "y", opacity=0.5),
        dots(points, tip(name="candidate", value="score", cost=title)),
        *_names_beside(rows, x, y),
    ]
    said = f"Score against {title}."
    if len(front) > 1:
        said += " The dashed line joins the candidates that no other beats in both."
    return Chart("cost", "Quality against cost", said, layered(said, layers, height=260, data=data(rows)))


def _names_beside(rows: Sequence[dict[str, Any]], x: Spec, y: Spec) -> list[Spec]:
    """A point in the right half has its name on its left side, so that no name leaves the chart; of two at one height one stands below."""
    low, high = min(row["cost"] for row in rows), max(row["cost"] for row in rows)
    middle = (low * high) ** 0.5 if x["scale"].get("type") == "log" else high / 2
    places: dict[tuple[bool, bool], list[dict[str, Any]]] = {}
    taken = -1.0
    for row in sorted(rows, key=lambda row: -row["value"]):
        above = abs(row["value"] - taken) >= SAME_HEIGHT
        taken = row["value"] if above else -1.0
        places.setdefault((row["cost"] > middle, above), []).append(row)
    return [
        {
            "data": data(some),
            "mark": {
                "type": "text",
                "align": "right" if right else "left",
                "dx": -8 if right else 8,
                "dy": -10 if above else 14,
                "fontSize": 12,
            },
            "encoding": {"x": x, "y": y, "text": {"field": "name"}},
        }
        for (right, above), some in places.items()
    ]


def _cost_of(one: CandidateAnswer, by: str) -> float | None:
    if by == "memory":
        return None if isinstance(one.memory_bytes, Unknown) else one.memory_bytes.interval.value / numbers.GIB
    if by == "money":
        return 1000 * one.spent.money / one.spent.calls if one.spent.money is not None and one.spent.calls else None
    return one.seconds_per_call


def pareto_front(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows, the cheapest first, of which no other is both cheaper (or as cheap) and better (or as good)."""
    front: list[dict[str, Any]] = []
    for row in sorted(rows, key=lambda row: (row["cost"], -row["value"])):
        if not front or row["value"] > front[-1]["value"]:
            front.append(row)
    return front


def _slices(view: View, number: int, table: SliceTable, palette: Mapping[str, str]) -> Chart:
    cells: list[tuple[str, SliceScore]] = [(view.names[who], part) for (_, who), part in table.cells.items()]
    rows = [{**interval_fields(part.score), "name": name, "slice": one_line(part.value), "n": part.n} for name, part in cells]
    x = share_axis("value", [part.score for _, part in cells], wording.metric(view.answer))
    y: Spec = {"field": "slice", "type": "nominal", "sort": "ascending", "axis": {"title": None, "labelLimit": 130, "labelFontSize": 13}}
    y["axis"] |= {"domain": False, "ticks": False, "labelColor": "var(--ink)"}
    offset: Spec = {"field": "name", "type": "nominal", "sort": list(palette)}
    points: Spec = {"x": x, "y": y, "yOffset": offset, "color": colour_by("name", palette)}
    tooltip = tip(slice=one_line(table.column), name="candidate", value="score", low="from", high="to", n="rows")
    layers = [whiskers(points, "x"), dots(points, tooltip, size=80)]
    said = f"Score with its interval by {one_line(table.column)}, for each candidate."
    height = 20 * len(view.measured) * len(table.values) + 12 * len(table.values)
    shown = [name for name in palette if any(name == row["name"] for row in rows)]
    spec = layered(said, layers, height=height, data=data(rows))
    return Chart(f"slices-{number}", f"Score by {one_line(table.column)}", said, spec, _legend(shown, palette))


def _learning(view: View) -> Chart | None:
    curve = view.answer.learning_curve
    if len(curve) < 2:
        return None
    rows = [{**interval_fields(point.score), "rows": point.rows} for point in curve]
    model = view.best_model.score if view.best_model and isinstance(view.best_model.score, Interval) else None
    scores = [point.score for point in curve] + ([Interval(model.value, model.value, model.value, model.confidence)] if model else [])
    x: Spec = {"field": "rows", "type": "quantitative", "scale": {"type": "log", "base": 2, "nice": False}}
    x["axis"] = {"title": "labelled rows to learn from", "values": [point.rows for point in curve], "format": "d", "grid": False}
    x["axis"] |= {"labelOverlap": "greedy", "labelSeparation": 10}
    y = share_axis("value", scores, None)
    points: Spec = {"x": x, "y": y}
    layers: list[Spec] = [
        ribbon(points, fill="var(--c1)"),
        {"mark": {"type": "line", "stroke": "var(--c1)", "strokeWidth": 2}, "encoding": points},
        dots(points, tip(rows="labelled rows", value="score", low="from", high="to"), size=60, fill="var(--c1)"),
    ]
    if model and view.best_model:
        level = data([{"value": model.value, "name": f"{view.name(view.best_model)} {numbers.percent(model.value)}"}])
        layers.append({"data": level, "mark": {"type": "rule", "strokeDash": [5, 4]}, "encoding": {"y": y}})
        text = {"type": "text", "align": "right", "dx": -4, "dy": -9, "fontSize": 12}
        layers.append({"data": level, "mark": text, "encoding": {"y": y, "x": {"value": "width"}, "text": {"field": "name"}}})
    said = "Score of the learned baseline by the number of labelled rows it learns from."
    if model:
        said += " The dashed line is the best language model, which learns from none of them."
    return Chart("learning", "How many labelled rows the learned baseline needs", said, layered(said, layers, height=250, data=data(rows)))


def _confusion(view: View) -> Chart | None:
    who = view.confused
    if who is None:
        return None
    labels = sorted({label for pair in who.confusion for label in pair if label})
    if len(labels) > MOST_LABELS:
        return None
    totals = {label: sum(n for (reference, _), n in who.confusion.items() if reference == label) for label in labels}
    rows = [
        {
            "reference": one_line(reference),
            "answered": one_line(answered) if answered else NO_LABEL,
            "rows": n,
            "share": n / totals[reference],
            "right": reference == answered,
        }
        for (reference, answered), n in who.confusion.items()
        if n and reference
    ]
    order = [one_line(label) for label in labels]
    y: Spec = {"field": "reference", "type": "nominal", "sort": order, "axis": _label_axis("right label")}
    x: Spec = {"field": "answered", "type": "nominal", "sort": [*order, NO_LABEL], "axis": {**_label_axis("answered"), "labelAngle": -40}}
    fill = {"field": "right", "type": "nominal", "scale": {"domain": [True, False], "range": ["var(--c1)", "var(--c2)"]}, "legend": None}
    strength = {"field": "share", "type": "quantitative", "scale": {"domain": [0, 1], "range": [0.07, 0.55]}, "legend": None}
    tooltip = tip(reference="right label", answered="answered", rows="rows")
    cells: Spec = {"x": x, "y": y, "fill": fill, "fillOpacity": strength, "tooltip": tooltip}
    layers = [
        {"mark": {"type": "rect", "cornerRadius": 3}, "encoding": cells},
        {"mark": {"type": "text", "fontSize": 12}, "encoding": {"x": x, "y": y, "text": {"field": "rows"}}},
    ]
    said = f"Rows by right label and by the label that {view.name(who)} answered. The diagonal is right."
    return Chart("confusion", f"Confusions of {view.name(who)}", said, layered(said, layers, height=30 * len(labels), data=data(rows)))


def _label_axis(title: str) -> Spec:
    return {"title": title, "labelLimit": 110, "domain": False, "ticks": False, "labelColor": "var(--ink)"}
