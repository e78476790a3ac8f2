"""The report of `race`: one `RaceAnswer` (or the result of a replay) as JSON, in the terminal, and as a page.

`wording` and `cells` say it, `terminal` and `page` lay it out, `json` keeps everything. rich, pydantic and Jinja2 are imported when they
are needed.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from llmpick.decide.race_answer import RaceAnswer

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["answer_to_json", "print_answer", "write_page"]


def answer_to_json(answer: RaceAnswer) -> dict[str, Any]:
    """The whole answer as the document that `docs/race.md` describes."""
    from llmpick.report.race.json import answer_document

    return answer_document(answer)


def print_answer(answer: RaceAnswer, console: "Console") -> None:
    """Prints the answer for a person, laid out for the console's width."""
    from llmpick.report.race.terminal import print_race

    print_race(answer, console)


def write_page(answer: RaceAnswer, path: Path) -> None:
    """Writes one self-contained HTML file with charts, and creates its folder.

    Raises `LlmpickError` where the file cannot be written; a page that is there already is replaced whole.
    """
    from llmpick.report.race.page import write

    write(answer, path)
