"""The charts of a race: scores and differences with their intervals, and how the scores went along the rows."""

from collections.abc import Mapping, Sequence
from typing import Any

from llmpick.decide.race_answer import RaceAnswer
from llmpick.evidence.values import Interval
from llmpick.report import numbers
from llmpick.report.charts import COLOURS, Chart, Spec, colour_by, data, dots, interval_fields, layered, share_axis, tip, whiskers
from llmpick.report.race.cells import by_people, gap_of, in_front, plain_mean, ran

SHORT_NAME = 24
"""Longer names would be cut where two charts stand side by side."""


LABEL_PX = 190
LONG_LABEL_PX = 270
"""Of names that stand alone in their line, so that a telephone has room for the chart too."""


def charts(answer: RaceAnswer, names: Mapping[str, str]) -> dict[str, Chart]:
    """Every chart by its id, where there is something to draw: `scores`, `differences`, `way`."""
    made = [_scores(answer, names), _differences(answer, names), _way(answer, names)]
    return {chart.id: chart for chart in made if chart}


def palette(answer: RaceAnswer) -> dict[str, str]:
    """The colours of the first candidates that ran, by id; the others are grey."""
    return {one.candidate.id: colour for one, colour in zip(ran(answer), COLOURS, strict=False)}


def _scores(answer: RaceAnswer, names: Mapping[str, str]) -> Chart | None:
    own = [(one, one.placed.score if by_people(answer) else one.placed.score_on_rows) for one in in_front(answer)]
    told = [(one, score, one.placed.score) for one, score in own if isinstance(score, Interval)]
    told.sort(key=lambda each: -each[1].value)
    if not told:
        return None
    rows = [
        {**interval_fields(score), "name": names[one.candidate.id], "new_low": new.low, "new_high": new.high}
        for one, score, new in told
        if isinstance(new, Interval)
    ]
    axis = share_axis("value", [each for _, score, new in told for each in (score, new) if isinstance(each, Interval)], None)
    points: Spec = {"x": axis, "y": _by_name(answer, names), "color": _colour(answer, names)}
    wide: Spec = {**points, "x": {**axis, "field": "new_low"}, "x2": {"field": "new_high"}}
    layers = [
        {"mark": {"type": "rule", "strokeWidth": 1, "opacity": 0.7}, "encoding": wide},
        whiskers(points, "x"),
        dots(points, tip(name="candidate", value="score", low="from", high="to")),
    ]
    thick = "for new inputs" if by_people(answer) else "on your rows"
    said = f"Score {thick} with its interval (thick), and the interval for new inputs like these (thin).{_not_drawn(answer)}"
    return Chart("scores", "Scores", said, layered(said, layers, height=_height(rows), data=data(rows)))


def _differences(answer: RaceAnswer, names: Mapping[str, str]) -> Chart | None:
    told = [(one, gap) for one in in_front(answer) if isinstance(gap := gap_of(one, answer), Interval)]
    if not told or answer.leader is None:
        return None
    rows = [{**_in_points(gap), "name": names[one.candidate.id]} for one, gap in told]
    axis: Spec = {
        "field": "value",
        "type": "quantitative",
        "axis": {"title": "points", "tickCount": 6, "labelOverlap": True},
        "scale": {"zero": True},
    }
    points: Spec = {"x": axis, "y": _by_name(answer, names), "color": _colour(answer, names)}
    reach = 100 * answer.tolerance
    band: Spec = {"x": {**axis, "field": "from"}, "x2": {"field": "to"}}
    titles = {"value": "points", "low": "from", "high": "to"}
    layers = [
        {
            "data": data([{"from": -reach, "to": reach}]),
            "mark": {"type": "rect", "fill": "var(--accent)", "fillOpacity": 0.14},
            "encoding": band,
        },
        {"data": data([{"value": 0}]), "mark": {"type": "rule", "strokeDash": [4, 4]}, "encoding": {"x": axis}},
        whiskers(points, "x"),
        dots(points, [{"field": "name", "title": "candidate"}, *({"field": f, "title": t, "format": "+.1f"} for f, t in titles.items())]),
    ]
    leader = names[answer.leader]
    band_is = f"; the band is the tolerance of {numbers.distance(answer.tolerance)}" if answer.tolerance else ""
    said = f"Paired difference to {leader} with its interval{band_is}.{_not_drawn(answer)}"
    return Chart("differences", f"Difference to {leader}", said, layered(said, layers, height=_height(rows), data=data(rows)))


def _way(answer: RaceAnswer, names: Mapping[str, str]) -> Chart | None:
    shown = [one for one in ran(answer)[: len(COLOURS)] if len(one.way) > 1]
    if not shown:
        return None
    rows = [{"name": names[one.candidate.id], "rows": at.rows, "value": at.score} for one in shown for at in one.way]
    x: Spec = {"field": "rows", "type": "quantitative", "axis": {"title": "rows run", "tickMinStep": 1, "tickCount": 6, "grid": False}}
    y = share_axis("value", [Interval(row["value"], row["value"], row["value"], answer.confidence) for row in rows], None)
    points: Spec = {"x": x, "y": y, "color": _colour(answer, names)}
    layers = [
        {"mark": {"type": "line", "strokeWidth": 2}, "encoding": points},
        dots(points, tip(name="candidate", rows="rows", value="mean score"), size=34),
    ]
    rest = len(ran(answer)) - len(shown)
    more = f" {numbers.counted(rest, 'more candidate is', 'more candidates are')} not drawn." if rest else ""
    drawn = any(plain_mean(one, answer) is not None for one in shown)
    why = " The scores of the table are these means, drawn towards each other where rows are few." if drawn else ""
    said = f"Mean score of each candidate on the rows run so far. A line ends where its candidate left or the race stopped.{why}{more}"
    legend = tuple((palette(answer)[one.candidate.id], names[one.candidate.id]) for one in shown)
    return Chart("way", "How the race went", said, layered(said, layers, height=260, data=data(rows)), legend)


def side_by_side(answer: RaceAnswer, names: Mapping[str, str]) -> bool:
    """Whether scores and differences find room beside each other with every name whole."""
    return all(len(names[one.candidate.id]) <= SHORT_NAME for one in in_front(answer))


def _not_drawn(answer: RaceAnswer) -> str:
    rest = len(ran(answer)) - len(in_front(answer))
    return f" {numbers.counted(rest, 'more candidate is', 'more candidates are')} not drawn." if rest else ""


def _in_points(gap: Interval) -> dict[str, float]:
    return {"value": 100 * gap.value, "low": 100 * gap.low, "high": 100 * gap.high}


def _by_name(answer: RaceAnswer, names: Mapping[str, str]) -> Spec:
    limit = LABEL_PX if side_by_side(answer, names) else LONG_LABEL_PX
    axis: Spec = {"title": None, "labelLimit": limit, "domain": False, "ticks": False, "labelColor": "var(--ink)", "labelFontSize": 13}
    return {"field": "name", "type": "nominal", "sort": None, "axis": axis}


def _colour(answer: RaceAnswer, names: Mapping[str, str]) -> Spec:
    given = palette(answer)
    return colour_by("name", {names[one.candidate.id]: given.get(one.candidate.id, "var(--muted)") for one in ran(answer)})


def _height(rows: Sequence[Mapping[str, Any]]) -> int:
    return max(30 * len(rows), 60)
