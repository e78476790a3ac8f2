"""What the terminal shows of a race: the golden files are the specification."""

from dataclasses import replace
from functools import partial

import pytest
from rich.text import Text
from tests.report.answers import thinking_bought
from tests.report.race import answers
from tests.report.regenerate import shown

from llmpick.decide.answer import Spending
from llmpick.decide.race_answer import RaceStop
from llmpick.evidence.model import Candidate
from llmpick.evidence.values import Interval
from llmpick.report import race

printed = partial(shown, race.print_answer)


@pytest.mark.parametrize("name", list(answers.ALL))
@pytest.mark.parametrize("width", [80, 100, 160])
def test_no_line_is_wider_than_the_console(name: str, width: int) -> None:
    for line in printed(answers.ALL[name](), width).splitlines():
        assert Text(line).cell_len <= width


def test_names_that_a_terminal_could_obey_are_shown_as_text() -> None:
    answer = answers.recorded()
    evil = "[red]\x1b[31mmodel\u202e"
    first, *rest = answer.candidates
    named = replace(answer, candidates=(replace(first, candidate=Candidate(evil, None)), *rest), leader=evil, chosen=evil)
    named = replace(named, new_inputs=replace(answer.new_inputs, alike=(evil, rest[0].candidate.id)))
    shown = printed(named, 120)
    assert "\x1b" not in shown
    assert "\u202e" not in shown
    assert "[red]" in shown


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("won", "for this very race, whenever it had stopped"),
        ("tie", "on average over tasks like these, not for each one"),
        ("tie", "each is probably within 2.0 points of the best"),
        ("tie", "more rows"),
        ("tie", "each interval holds with a probability of 95%, on average over tasks like these"),
        ("won", "the intervals of a column hold together at 95%"),
        ("won", "shown not to be the best, and more than 2 points worse than large"),
        ("recorded", "points more on the 200 rows that both answered), but perhaps within 2 points of it"),
        ("undecided", "small is 8.3 points behind [-29.6, +15.3] on the 60 rows that both ran"),
        ("undecided", "so that it is not that of the two scores where one ran fewer"),
        ("interrupted", "race of 2 of 4 candidates"),
        ("interrupted", "broken failed and took no part: not a GGUF file"),
        ("tie", "It was decided only when all 300 rows had been run by"),
        ("probably", "more than 2 points worse than large with a probability above 95%"),
        ("all_rows", "for certain"),
        ("all_rows", "small is taken, the best of them so far, at the same cost"),
        ("undecided", "Undecided: large leads against small"),
        ("undecided", "because the budget is spent"),
        ("undecided", "it is open whether small is better by more than 2.0 points: about"),
        ("interrupted", "It was interrupted; the same command goes on with it"),
        ("expected_loss", "large is taken"),
        ("expected_loss", "With a probability of 89% no other is better"),
        ("expected_loss", "could still have won"),
        ("paid_before", "all 120 answers were kept from earlier runs"),
        ("alone", "Nothing was compared: only only took part, with 56.2%"),
        ("below", "The best of these is 45.0 points ahead of large [+36.0, +53.0]: there is no reason to take large"),
        ("won", "For new inputs like these the choice holds too: no other is better by more than 2.0 points, at 95%"),
        ("recorded", "The race would have made 2,800 of 7,000 calls"),
        ("none_fits", "Nothing fits"),
    ],
)
def test_it_says(name: str, says: str) -> None:
    assert says in " ".join(printed(answers.ALL[name](), 100).split())


def test_all_rows_run_by_one_is_not_all_rows_run() -> None:
    answer = replace(answers.probably(), stop=RaceStop.ALL_ROWS, rows=150)
    told = " ".join(printed(answer, 100).split())
    assert "It was decided only when all 150 rows had been run by large and middle." in told


def test_an_end_that_is_the_estimate_is_explained_only_where_it_is_seen() -> None:
    answer = answers.won()
    first, second = answer.candidates
    assert "ruled out" not in printed(answer, 100)
    cut = replace(second, placed=replace(second.placed, difference=Interval(-0.633, -0.799, -0.633, 0.95)))
    told = printed(replace(answer, candidates=(first, cut)), 100)
    assert "where one ends at its estimate, earlier looks had ruled out what lies beyond" in " ".join(told.split())


def test_nothing_is_guessed_of_the_tokens_of_a_candidate_that_did_not_run_yet() -> None:
    answer = answers.undecided()
    first, second = answer.candidates
    waiting = replace(second, placed=replace(second.placed, rows_run=0), everything=Spending(calls=320))
    told = " ".join(printed(replace(answer, candidates=(first, waiting)), 100).split())
    assert "would have taken 640 calls (14.1% of the calls were made)." in told


def test_one_row_is_one_row() -> None:
    answer = answers.alone()
    (only,) = answer.candidates
    told = " ".join(printed(replace(answer, rows=1, candidates=(replace(only, placed=replace(only.placed, rows_run=1)),)), 100).split())
    assert "all 1 rows" not in told
    assert "these 1 row" not in told
    assert "the only row" in told


def test_it_says_what_thinking_bought() -> None:
    answer = answers.won()
    names = [one.candidate.id for one in answer.candidates]
    told = printed(replace(answer, thinking=(thinking_bought(names[0], names[1]),)), 100)
    assert "What thinking bought" in told
    assert "+12.5 points [-2.1, +26.4] on 48 rows" in " ".join(told.split())
    assert "thinking" not in printed(answer, 100)
