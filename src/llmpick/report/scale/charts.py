"""The charts of a fit: runs and law, residuals, constants with their intervals, and what the runs cannot tell."""

from typing import Any

import numpy as np

from llmpick.estimate.scaling.amounts import UNITS, amount
from llmpick.estimate.scaling.answers import FitLawAnswer
from llmpick.estimate.scaling.conventions import six_nd
from llmpick.estimate.scaling.huber import Array
from llmpick.estimate.scaling.profile import CHI2_95
from llmpick.report.charts import Chart, Spec, colour_by, colours, data, dots, layered, whiskers

MOST = 3000
"""More runs than this are thinned evenly along their FLOPs."""
CURVES = 5
"""So many sizes have their curve drawn."""
DEVIANCE_SHOWN = 12.0
FARTHEST = 20.0


def charts(answer: FitLawAnswer) -> dict[str, Chart]:
    """Every chart by its id: `fit`, `residuals`, `constants`, `profiles`."""
    return {chart.id: chart for chart in (_fit(answer), _residuals(answer), _constants(answer), _profiles(answer))}


def _rows(answer: FitLawAnswer) -> list[dict[str, Any]]:
    runs, missed = answer.fit.runs, answer.fit.residuals
    flops = six_nd(runs.params, runs.tokens)
    odd = {one.row for one in answer.outliers.outliers}
    order = np.argsort(flops)
    if len(order) > MOST:
        order = np.union1d(order[np.linspace(0, len(order) - 1, MOST).astype(int)], sorted(odd))
    return [
        {
            "row": answer.rows[i],
            "flops": float(flops[i]),
            "tokens": float(runs.tokens[i]),
            "seen": amount(float(runs.tokens[i])),
            "params": float(runs.params[i]),
            "size": amount(float(runs.params[i])),
            "loss": float(runs.loss[i]),
            "missed": float(np.expm1(-missed[i])),
            "kind": "stands out" if i in odd else "run",
        }
        for i in map(int, order)
    ]


def _fit(answer: FitLawAnswer) -> Chart:
    runs, rows = answer.fit.runs, _rows(answer)
    c = answer.fit.constants
    sizes = np.unique(np.quantile(np.unique(runs.params), np.linspace(0.0, 1.0, CURVES), method="nearest"))
    tokens = np.geomspace(runs.tokens.min(), runs.tokens.max(), 40)
    curves = [
        {"size": amount(float(n)), "tokens": float(d), "loss": float(c["E"] + c["A"] * n ** -c["alpha"] + c["B"] * d ** -c["beta"])}
        for n in sizes
        for d in tokens
    ]
    palette = colours(list(dict.fromkeys(row["size"] for row in curves)))
    x, y = _amounts("tokens", "training tokens", runs.tokens), _value("loss", "loss, nats per token")
    points: Spec = {"x": x, "y": y, "color": {"field": "params", "type": "quantitative", **_by_size()}}
    layers = [
        dots(points, _tips(row="row", size="parameters", seen="tokens", loss="loss"), size=24),
        {
            "data": data(curves),
            "mark": {"type": "line", "strokeWidth": 2},
            "encoding": {"x": x, "y": y, "color": colour_by("size", palette)},
        },
    ]
    said = "Loss against tokens; points are runs, darker for larger models. The lines are the law, from the smallest size to the largest."
    spec = layered(said, layers, height=300, data=data(rows), resolve={"scale": {"color": "independent"}})
    return Chart("fit", "Runs and law", said, spec, tuple((colour, name) for name, colour in palette.items()))


def _residuals(answer: FitLawAnswer) -> Chart:
    rows = _rows(answer)
    palette = {"run": "var(--c1)", "stands out": "var(--c2)"}
    x = _log("flops", "training FLOPs (6 N D)", ".0e")
    y: Spec = {
        "field": "missed",
        "type": "quantitative",
        "axis": {"title": "observed above the law", "format": "+.1%", "tickCount": 6},
    }
    points: Spec = {"x": x, "y": y, "color": colour_by("kind", palette)}
    layers = [
        {"data": data([{"missed": 0}]), "mark": {"type": "rule", "strokeDash": [4, 4]}, "encoding": {"y": y}},
        dots(points, [*_tips(row="row", size="parameters", loss="loss"), {"field": "missed", "title": "above", "format": "+.2%"}], size=24),
    ]
    n = len(answer.outliers.outliers)
    said = f"How far each run lies from the law; {n} of {len(answer.fit.runs):,} stand out. A slope would mean that the form is wrong."
    legend = tuple((colour, name) for name, colour in palette.items())
    return Chart("residuals", "Residuals", said, layered(said, layers, height=300, data=data(rows)), legend)


def _constants(answer: FitLawAnswer) -> Chart:
    rows = [
        {
            "name": name,
            "value": 1.0,
            "low": _cut(value.low / value.value),
            "high": _cut(value.high / value.value),
            "profile_low": _cut(profile.low / value.value),
            "profile_high": _cut(profile.high / value.value),
            "estimate": value.value,
        }
        for (name, value), profile in zip(answer.constants.items(), answer.profiles, strict=True)
    ]
    x = _log("value", "over the estimate", ".3~g")
    y: Spec = {"field": "name", "type": "nominal", "sort": None, "axis": {"title": None, "labelFontSize": 13}}
    points: Spec = {"x": x, "y": y, "color": {"value": "var(--c1)"}}
    thick: Spec = {"x": {**x, "field": "profile_low"}, "x2": {"field": "profile_high"}, "y": y, "color": {"value": "var(--c2)"}}
    layers = [
        {"mark": {"type": "rule", "strokeWidth": 8, "opacity": 0.35}, "encoding": thick},
        whiskers(points, "x"),
        dots(points, _tips(name="constant", estimate="estimate")),
    ]
    said = "Each constant over its estimate: the bootstrap interval (line) and how far the constant may move while the others adapt (band)."
    if any(end in (1.0 / FARTHEST, FARTHEST) for row in rows for end in (row["low"], row["high"], row["profile_low"], row["profile_high"])):
        said += f" What reaches {FARTHEST:g} times up or down goes on beyond."
    return Chart("constants", "Constants", said, layered(said, layers, height=46 * len(rows), data=data(rows)))


def _profiles(answer: FitLawAnswer) -> Chart:
    rows = [
        {"name": one.name, "ratio": float(value / answer.fit.constants[one.name]), "deviance": float(deviance)}
        for one in answer.profiles
        for value, deviance in zip(one.values, one.deviance, strict=True)
        if deviance <= DEVIANCE_SHOWN
    ]
    palette = colours([one.name for one in answer.profiles])
    x, y = _log("ratio", "over the estimate", ".3~g"), _value("deviance", "deviance")
    layers = [
        {"data": data([{"deviance": CHI2_95}]), "mark": {"type": "rule", "strokeDash": [4, 4]}, "encoding": {"y": y}},
        {"mark": {"type": "line", "strokeWidth": 2}, "encoding": {"x": x, "y": y, "color": colour_by("name", palette)}},
    ]
    said = "How much worse the fit is with a constant held elsewhere; its 95% interval lies below the dashes. What is flat cannot be told."
    legend = tuple((colour, name) for name, colour in palette.items())
    return Chart("profiles", "What the runs cannot tell", said, layered(said, layers, height=240, data=data(rows)), legend)


def _cut(ratio: float) -> float:
    return float(np.clip(ratio, 1.0 / FARTHEST, FARTHEST))


def _by_size() -> Spec:
    return {"scale": {"type": "log", "range": ["#c9c6c0", "#55585e"]}, "legend": None}


def _log(field: str, title: str, fmt: str = "", **axis: Any) -> Spec:
    axis = {"title": title, "format": fmt, "tickCount": 6, "grid": False, "labelOverlap": True, **axis}
    return {"field": field, "type": "quantitative", "scale": {"type": "log", "nice": False, "padding": 8}, "axis": axis}


def _amounts(field: str, title: str, values: Array) -> Spec:
    """An axis labelled as `amount` writes (d3's G for 10^9 is nobody's word for tokens), at 1, 2 and 5 times the powers of ten."""
    powers = 10.0 ** np.arange(np.floor(np.log10(values.min())), np.log10(values.max()) + 1)
    ticks = np.outer(powers, [1.0, 2.0, 5.0]).ravel()
    within = ticks[(ticks >= values.min()) & (ticks <= values.max())]
    cases = [f"datum.value >= {size:g} ? format(datum.value / {size:g}, '.3~g') + '{unit}'" for unit, size in UNITS]
    return (
        _log(field, title, values=within.tolist(), labelExpr=" : ".join([*cases, "datum.label"]))
        if len(within)
        else _log(field, title, ".3~g")
    )


def _value(field: str, title: str) -> Spec:
    return {"field": field, "type": "quantitative", "scale": {"zero": False}, "axis": {"title": title, "tickCount": 6}}


def _tips(**titles: str) -> list[Spec]:
    plain = {"row", "size", "seen", "name"}
    return [{"field": field, "title": title, **({} if field in plain else {"format": ".4~g"})} for field, title in titles.items()]
