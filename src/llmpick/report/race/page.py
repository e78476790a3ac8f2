"""The answer of a race as one HTML page: the same sentences as in the terminal, with charts and with every detail of each candidate."""

from pathlib import Path

from llmpick.decide.race_answer import RaceAnswer, Racer, RaceVerdict
from llmpick.evidence.call import Outcome
from llmpick.evidence.values import Interval, Unknown
from llmpick.report import numbers
from llmpick.report.html import render, write_file
from llmpick.report.judge import judging_notes
from llmpick.report.pick.page import Tile, keep_intervals, what_ran
from llmpick.report.pick.view import names as short_names
from llmpick.report.race import beyond, cells, wording
from llmpick.report.race.charts import charts, palette, side_by_side
from llmpick.report.spent import spending
from llmpick.report.text import one_line

VERDICTS = {
    RaceVerdict.WON: "Won",
    RaceVerdict.TIE: "Tie",
    RaceVerdict.ALONE: "Compared with nothing",
    RaceVerdict.UNDECIDED: "Undecided",
    RaceVerdict.NONE_FITS: "Nothing fits",
}


def write(answer: RaceAnswer, path: Path) -> None:
    """Writes the page whole or not at all. Raises `LlmpickError` where the disk refuses."""
    write_file(path, page(answer))


def page(answer: RaceAnswer) -> str:
    """The text of the page."""
    names = short_names([one.candidate for one in answer.candidates])
    drawn = charts(answer, names)
    context = {
        "answer": answer,
        "names": names,
        "front": cells.in_front(answer),
        "rest": cells.ran(answer)[len(cells.in_front(answer)) :],
        "folded": cells.folded(answer, names),
        "side_by_side": side_by_side(answer, names),
        "say": wording,
        "cells": cells,
        "num": numbers,
        "line": one_line,
        "keep": keep_intervals,
        "charts": drawn,
        "colour": palette(answer),
        "verdict": VERDICTS[answer.verdict],
        "sentences": wording.decision(answer, names),
        "legend": cells.legend(answer, names),
        "standings": wording.standings(answer, names),
        "thinking": wording.thinking(answer, names),
        "notes": (*answer.notes, *judging_notes(answer.judging)),
        "costs": any(one.cost is not None for one in cells.ran(answer)),
        "tiles": _tiles(answer),
        "details": details,
    }
    return render("race.html.j2", context, charts={chart.id: chart.spec for chart in drawn.values()})


def _tiles(answer: RaceAnswer) -> list[Tile]:
    tiles: list[Tile] = []
    best = next((one for one in answer.candidates if one.candidate.id == answer.leader), None)
    if best:
        n = best.placed.rows_run - best.placed.rows_lost
        score = best.placed.score if cells.by_people(answer) else best.placed.score_on_rows
        tiles.append(Tile("Score", *cells.score_parts(score, n, answer)))
    if answer.everything.calls and best:
        run = sum(one.placed.rows_run for one in answer.candidates)
        tiles.append(Tile("Calls made", numbers.percent(answer.cost_fraction), numbers.counted(run, "call")))
    if isinstance(answer.expected_loss, float) and best:
        tiles.append(Tile("Expected loss", beyond.loss(answer.expected_loss), "of stopping here, on average"))
    if answer.spent.calls and answer.source == "models":
        tiles.append(Tile("Spent", numbers.seconds(answer.spent.seconds), numbers.counted(answer.spent.calls, "call")))
    return tiles


def details(one: Racer, answer: RaceAnswer) -> list[tuple[str, str]]:
    """What is recorded of one candidate, as (name, value); what is not known is told with its reason."""
    placed, n = one.placed, one.placed.rows_run - one.placed.rows_lost
    facts = [("id", one_line(one.candidate.id)), ("place", cells.status(one)), ("why", one_line("; ".join(placed.reasons)))]
    facts += [("rows run", f"{numbers.count(placed.rows_run)} of {numbers.count(answer.rows)}")]
    facts += [("score on your own rows", _told(placed.score_on_rows, n, answer)), ("score on new inputs", _told(placed.score, n, answer))]
    if (mean := cells.plain_mean(one, answer)) is not None:
        facts.append(("mean of the rows that it ran", numbers.short_score(Interval(mean, mean, mean, 1.0), n)))
    if one.candidate.id != answer.leader:
        facts += [
            ("difference on your own rows", _gap(placed.difference)),
            ("difference on new inputs", _gap(placed.difference_on_new_inputs)),
        ]
    if one.spent.calls and answer.source == "models":
        facts.append(("spent", spending(one.spent)))
    told = ", ".join(f"{numbers.count(one.outcomes[outcome])} {outcome.value}" for outcome in Outcome if one.outcomes.get(outcome))
    if told and answer.source == "models":
        facts.append(("answers", told))
    return [*facts, *what_ran(one.engine, one.quantization, one.file_sha256)]


def _told(score: Interval | Unknown, n: int, answer: RaceAnswer) -> str:
    return one_line(score.reason) if isinstance(score, Unknown) else " ".join(cells.score_parts(score, n, answer)).strip()


def _gap(gap: Interval | Unknown) -> str:
    if isinstance(gap, Unknown):
        return one_line(gap.reason)
    value, bounds = cells.gap_parts(gap)
    return f"{value} {bounds}".strip() + " points"
