"""The report of `pick`: one `Answer` as JSON, in the terminal, and as a page that needs nothing but a browser.

`view` decides what is worth saying, `headline` and `wording` say it; `terminal` and `page` only lay it out, so they cannot disagree. `json`
keeps everything. The functions here import their part when they are called: rich, pydantic and Jinja2 would slow `llmpick --help`.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from llmpick.decide.answer import Answer
from llmpick.evidence.errors import LlmpickError

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["answer_to_json", "error_to_json", "print_answer", "write_page"]


def answer_to_json(answer: Answer) -> dict[str, Any]:
    """The whole answer as the document that `docs/json.md` describes: plain dicts, lists, strings, numbers, booleans and None."""
    from llmpick.report.pick.json import answer_document

    return answer_document(answer)


def error_to_json(error: LlmpickError) -> dict[str, Any]:
    """What `--json` prints instead of an answer: `{"error": {"what", "where", "remedy"}}`."""
    return {"error": {"what": error.what, "where": error.where, "remedy": error.remedy}}


def print_answer(answer: Answer, console: "Console") -> None:
    """Prints the answer for a person, laid out for the console's width."""
    from llmpick.report.pick.terminal import print_view

    print_view(answer, console)


def write_page(answer: Answer, path: Path) -> None:
    """Writes one self-contained HTML file with charts, and creates its folder.

    Raises `LlmpickError` where the file cannot be written (no right, disk full); a page that is there already is replaced whole.
    """
    from llmpick.report.pick.page import write

    write(answer, path)
