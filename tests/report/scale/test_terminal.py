"""What `scale` prints: golden outputs, any width, and text of others that stays text."""

from dataclasses import replace
from functools import partial

import pytest
from tests.report.regenerate import shown
from tests.report.scale import answers

from llmpick.report import scale

printed = partial(shown, scale.print_answer)


@pytest.mark.parametrize("name", answers.ALL)
@pytest.mark.parametrize("width", [60, 80, 140])
def test_no_line_is_wider_than_the_terminal(name: str, width: int):
    assert max(map(len, printed(answers.ALL[name](), width).splitlines())) <= width


def test_names_of_files_and_columns_cannot_steer_the_terminal():
    answer = answers.fit()
    evil = replace(answer, file="runs\x1b[2J.csv", notes=("column \x1b[31m",))
    assert "\x1b" not in printed(evil, 100)


def test_the_answer_comes_first_and_the_notes_last():
    text = printed(answers.served(), 100)
    assert text.startswith("Train 13.6B parameters")
    assert text.index("-28.0 %") < text.index("Notes")
