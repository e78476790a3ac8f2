"""What a person reads in the terminal. The golden files are whole outputs; `python -m tests.report.regenerate` writes them."""

from dataclasses import replace

import pytest
from rich.cells import cell_len
from tests.report import answers
from tests.report.regenerate import GOLDEN, printed

from llmpick.decide.answer import Verdict
from llmpick.evidence.values import Unknown
from llmpick.report.pick.view import view

VERDICTS = list(answers.ALL)
COMMAND = "  "


@pytest.mark.parametrize("verdict", VERDICTS)
def test_the_whole_output_at_100_columns(verdict):
    assert printed(answers.ALL[verdict](), 100) == (GOLDEN / f"{verdict}.txt").read_text("utf-8")


@pytest.mark.parametrize("verdict", VERDICTS)
@pytest.mark.parametrize("width", [80, 120, 200])
def test_no_line_is_wider_than_the_terminal_but_a_command(verdict, width):
    answer = answers.ALL[verdict]()
    commands = {
        answer.chosen_run.command if answer.chosen_run else "",
        *(c for one in answer.candidates if one.fetch for c in one.fetch.commands),
    }
    for line in printed(answer, width).splitlines():
        assert cell_len(line) <= width or line.removeprefix(COMMAND) in commands, line


@pytest.mark.parametrize("verdict", VERDICTS)
def test_colour_changes_no_word(verdict):
    answer = answers.ALL[verdict]()
    coloured = printed(answer, 100, no_color=False, force_terminal=True, color_system="truecolor")
    assert "\x1b[" in coloured
    assert "\x1b[" not in printed(answer, 100)
    assert _without_styles(coloured) == printed(answer, 100)


def _without_styles(text: str) -> str:
    head, *rest = text.split("\x1b[")
    return head + "".join(part.partition("m")[2] for part in rest)


@pytest.mark.parametrize("verdict", VERDICTS)
def test_every_candidate_is_named_or_counted(verdict):
    answer = answers.ALL[verdict]()
    shown, text = view(answer), printed(answer, 200)
    grouped = {one.candidate.id for one in shown.excluded}
    assert sum(alike.count for alike in shown.excluded_groups) == len(grouped)
    named = [shown.names[one.candidate.id] for one in answer.candidates if one.candidate.run]
    assert [name for name in named if name not in text] == []


def test_untrusted_text_can_neither_style_nor_steer_the_terminal():
    evil = "\x1b]0;owned\x07\x1b[2J[bold red]x[/bold red]\u202e"
    answer = answers.baseline()
    rows = tuple(replace(row, text=evil, reference=evil, place=evil, answers={evil: (evil, 0.0)}) for row in answer.disagreements)
    worst = tuple(replace(one, reasons=(evil,), confusion={(evil, evil + "2"): 3}) for one in answer.candidates)
    text = printed(replace(answer, task=evil, metric=evil, device=evil, notes=(evil,), disagreements=rows, candidates=worst), 100)
    assert not {c for c in text if c < " " and c != "\n"} | ({"\u202e", "\x9b"} & set(text))
    assert "[bold red]x[/bold red]" in text


@pytest.mark.parametrize(
    ("n", "said", "not_said"),
    [(4, "it scores 3 of 4 (JSON-field accuracy) on 4 of your 320 rows", "75.0%"), (5, "it scores 75.0%", "of 5 (")],
)
def test_a_tiny_base_gets_no_percentage(n, said, not_said):
    answer = answers.chosen()
    first = replace(answer.candidates[0], score=answers.wilson(0.75, n), score_n=n, slices=())
    text = printed(replace(answer, candidates=(first,), traces=(), disagreements=()), 120)
    assert said in text
    assert not_said not in text
    assert "the only candidate that was measured" in text


def test_a_choice_that_was_not_measured_says_so():
    answer = answers.chosen()
    first = replace(answer.candidates[0], score=Unknown("it cannot run here"), score_n=0)
    text = printed(replace(answer, basis="expected", candidates=(first,)), 100)
    assert "expected to be the best" in text
    assert "Nothing was measured" in text
    assert "%" not in text.split("What it cost")[0]


def test_before_anything_ran_it_says_what_would_decide():
    answer = answers.chosen()
    catalog = tuple(one for one in answer.candidates if one.candidate.run is None)
    text = printed(replace(answer, verdict=Verdict.UNDECIDED, chosen=None, chosen_run=None, reasons=(), candidates=catalog), 100)
    assert text.splitlines()[1] == "Undecided: no language model was measured."
    assert "Name one with --model, or fetch one of those below." in text
    assert "hf download Qwen/Qwen2.5-1.5B-Instruct-GGUF" in text


def test_a_budget_that_ended_is_named_by_whom_it_stopped():
    answer = answers.undecided()
    stopped = tuple(replace(one, outcomes={}) for one in answer.candidates)
    assert "the rows that gemma-3-270m-q4_k_m did not run yet" in printed(replace(answer, candidates=stopped), 200)
    finished = tuple(replace(one, outcomes={}, score_n=60) for one in answer.candidates[:2])
    assert "more examples; all 60 were used" in printed(replace(answer, candidates=finished), 200)


def test_it_says_what_thinking_bought():
    answer = answers.chosen()
    best = answer.chosen or ""
    text = " ".join(printed(replace(answer, thinking=(answers.thinking_bought(best, "m?thinking=off"),)), 100).split())
    assert (
        f"Thinking bought {view(answer).names[best]} +12.5 points [-2.1, +26.4] on 48 rows, for 412 instead of 10 output tokens "
        "and 9.50 instead of 0.31 seconds per call; its budget ended the reasoning in 3 of 48 rows"
    ) in text
    assert "Thinking" not in printed(answer, 100)
