"""The report of `fit`: one `FitAnswer` as JSON and in the terminal.

`wording` says it, `terminal` and `explain` lay it out, `json` keeps everything. rich and pydantic are imported when they are needed.
"""

from typing import TYPE_CHECKING, Any

from llmpick.evidence.fit import FitAnswer

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["answer_to_json", "print_answer"]


def answer_to_json(answer: FitAnswer) -> dict[str, Any]:
    """The whole answer as the document that `docs/fit.md` describes."""
    from llmpick.report.fit.json import answer_document

    return answer_document(answer)


def print_answer(answer: FitAnswer, console: "Console", *, explain: bool = False) -> None:
    """Prints the answer for a person; with `explain` every term of the memory with its formula and source."""
    from llmpick.report.fit.terminal import print_fit

    print_fit(answer, console, explain=explain)
