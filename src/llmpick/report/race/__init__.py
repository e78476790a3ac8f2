"""The report of `race`: one `RaceAnswer` (or the result of a replay) as JSON and in the terminal.

`wording` says it, `terminal` lays it out, `json` keeps everything. rich and pydantic are imported when they are needed.
"""

from typing import TYPE_CHECKING, Any

from llmpick.decide.race_answer import RaceAnswer

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["answer_to_json", "print_answer"]


def answer_to_json(answer: RaceAnswer) -> dict[str, Any]:
    """The whole answer as the document that `docs/race.md` describes."""
    from llmpick.report.race.json import answer_document

    return answer_document(answer)


def print_answer(answer: RaceAnswer, console: "Console") -> None:
    """Prints the answer for a person, laid out for the console's width."""
    from llmpick.report.race.terminal import print_race

    print_race(answer, console)
