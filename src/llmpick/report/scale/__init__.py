"""The report of `scale`: each answer of a sub-command as JSON and in the terminal, and a fit as a page with charts.

`wording` says it, `terminal` and `page` lay it out, `json` keeps everything. rich, pydantic and Jinja2 are imported when they are needed.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from llmpick.estimate.scaling.answers import FitLawAnswer, OptimalAnswer, PredictAnswer, RepeatAnswer

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["ScaleAnswer", "answer_to_json", "print_answer", "write_page"]

ScaleAnswer = PredictAnswer | OptimalAnswer | FitLawAnswer | RepeatAnswer


def answer_to_json(answer: ScaleAnswer) -> dict[str, Any]:
    """The whole answer as the document that `docs/scale.md` describes."""
    from llmpick.report.scale.json import answer_document

    return answer_document(answer)


def print_answer(answer: ScaleAnswer, console: "Console") -> None:
    """Prints the answer for a person, laid out for the console's width."""
    from llmpick.report.scale.terminal import print_scale

    print_scale(answer, console)


def write_page(answer: FitLawAnswer, path: Path) -> None:
    """Writes one self-contained HTML file with charts, and creates its folder. Raises `LlmpickError` where it cannot be written."""
    from llmpick.report.scale.page import write

    write(answer, path)
