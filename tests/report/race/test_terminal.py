"""What the terminal shows of a race: the golden files are the specification."""

from dataclasses import replace
from pathlib import Path

import pytest
from rich.text import Text
from tests.report.answers import thinking_bought
from tests.report.race import answers, regenerate

from llmpick.evidence.model import Candidate


@pytest.mark.parametrize("path", list(regenerate.golden()), ids=lambda path: path.stem)
def test_golden(path: Path) -> None:
    assert path.read_text("utf-8") == regenerate.golden()[path], "run `python -m tests.report.race.regenerate` and read the difference"


@pytest.mark.parametrize("name", list(answers.ALL))
@pytest.mark.parametrize("width", [80, 100, 160])
def test_no_line_is_wider_than_the_console(name: str, width: int) -> None:
    for line in regenerate.printed(answers.ALL[name](), width).splitlines():
        assert Text(line).cell_len <= width


def test_names_that_a_terminal_could_obey_are_shown_as_text() -> None:
    answer = answers.recorded()
    evil = "[red]\x1b[31mmodel\u202e"
    first, *rest = answer.candidates
    named = replace(answer, candidates=(replace(first, candidate=Candidate(evil, None)), *rest), leader=evil, chosen=evil)
    named = replace(named, new_inputs=replace(answer.new_inputs, alike=(evil, rest[0].candidate.id)))
    shown = regenerate.printed(named, 120)
    assert "\x1b" not in shown
    assert "\u202e" not in shown
    assert "[red]" in shown


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("won", "for this very race, whenever it had stopped"),
        ("tie", "on average over tasks like these, not for each one"),
        ("tie", "each is probably within 2.0 points of the best"),
        ("tie", "more rows would decide"),
        ("tie", "each interval holds with a probability of 95%, on average over tasks like these"),
        ("won", "the intervals of a column hold together at 95%"),
        ("won", "shown not to be the best, and more than 2 points worse than large"),
        ("recorded", "shown not to be the best, but perhaps within 2 points of it"),
        ("probably", "more than 2 points worse than large with a probability above 95%"),
        ("all_rows", "for certain"),
        ("all_rows", "small is taken, the best of them so far, at the same cost"),
        ("undecided", "Undecided: large leads against small"),
        ("undecided", "because the budget is spent"),
        ("undecided", "more rows would decide"),
        ("interrupted", "It was interrupted; the same command goes on with it"),
        ("expected_loss", "large is taken"),
        ("expected_loss", "With a probability of 88.9% no other is better"),
        ("expected_loss", "could still have won"),
        ("paid_before", "all 120 answers were kept from earlier runs"),
        ("alone", "compared with nothing"),
        ("recorded", "The race would have made 2,800 of 7,000 calls"),
        ("none_fits", "Nothing fits"),
    ],
)
def test_it_says(name: str, says: str) -> None:
    assert says in " ".join(regenerate.printed(answers.ALL[name](), 100).split())


def test_it_says_what_thinking_bought() -> None:
    answer = answers.won()
    names = [one.candidate.id for one in answer.candidates]
    told = regenerate.printed(replace(answer, thinking=(thinking_bought(names[0], names[1]),)), 100)
    assert "What thinking bought" in told
    assert "+12.5 points [-2.1, +26.4] on 48 rows" in " ".join(told.split())
    assert "thinking" not in regenerate.printed(answer, 100)
