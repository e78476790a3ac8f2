"""A fit as one HTML page: the same sentences as in the terminal, with charts of the runs, the residuals and the constants."""

from pathlib import Path

from llmpick.estimate.scaling.answers import FitLawAnswer
from llmpick.report import numbers
from llmpick.report.html import render, write_file
from llmpick.report.pick.page import Tile, keep_intervals
from llmpick.report.scale import wording
from llmpick.report.scale.charts import charts
from llmpick.report.text import one_line


def write(answer: FitLawAnswer, path: Path) -> None:
    """Writes the page whole or not at all. Raises `LlmpickError` where the disk refuses."""
    write_file(path, page(answer))


def page(answer: FitLawAnswer) -> str:
    """The text of the page."""
    drawn = charts(answer)
    context = {
        "title": one_line(Path(answer.file).name),
        "sentences": [one_line(sentence) for sentence in wording.fitted(answer)],
        "tiles": _tiles(answer),
        "charts": drawn,
        "constants": [
            (name, wording.constant(value), wording.profile_bounds(profile))
            for (name, value), profile in zip(answer.constants.items(), answer.profiles, strict=True)
        ],
        "legend": wording.fit_legend(answer),
        "foretold": wording.foretold(answer),
        "outliers": [one_line(line) for line in wording.outliers(answer)],
        "notes": [one_line(note) for note in answer.notes],
        "keep": keep_intervals,
    }
    return render("scale_fit.html.j2", context, charts={chart.id: chart.spec for chart in drawn.values()})


def _tiles(answer: FitLawAnswer) -> list[Tile]:
    without = f"; {answer.outliers.without.compute_exponent:.3f} without those that stand out" if answer.outliers.outliers else ""
    runs, a = numbers.count(len(answer.fit.runs)), answer.compute_exponent
    return [
        Tile("R2", f"{answer.fit.r2:.4f}", "of the loss"),
        Tile("Missed when left out", wording.percent(answer.held_out), "root mean square"),
        Tile("Exponent of N_opt(C)", f"{a.value:.3f}", f"[{a.low:.3f}, {a.high:.3f}]{without}"),
        Tile("Runs", runs, f"{len(answer.outliers.outliers)} stand out"),
    ]
