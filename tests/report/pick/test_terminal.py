"""What a person reads in the terminal. The golden files are whole outputs; `python -m tests.report.regenerate` writes them."""

from dataclasses import replace
from functools import partial

import pytest
from rich.cells import cell_len
from tests.report import answers
from tests.report.regenerate import shown

from llmpick.decide.answer import Spending, Verdict
from llmpick.evidence.values import Interval, Unknown
from llmpick.report import pick
from llmpick.report.pick.view import view

VERDICTS = list(answers.ALL)
COMMAND = "  "

printed = partial(shown, pick.print_answer)


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
    assert [line.rstrip() for line in _without_styles(coloured).splitlines()] == printed(answer, 100).splitlines()


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
    ("paid", "saved", "said"),
    [
        (
            0,
            480,
            "Finding out cost nothing: all 544 answers were kept from earlier runs. Asking every candidate on every row anew would take",
        ),
        (
            500,
            0,
            "500 calls, 95,000 tokens and 0 s; the money is unknown, since no price is given; 44 answers were kept from earlier runs.",
        ),
        (544, 0, "the money is unknown, since no price is given. Nothing was left out: every candidate ran on every row."),
    ],
)
def test_what_was_kept_costs_nothing(paid: int, saved: int, said: str):
    answer, left = answers.chosen(), paid
    parts = []
    for one in answer.candidates:
        calls = min(one.spent.calls, left)
        left -= calls
        parts.append(replace(one, spent=Spending(calls)))
    whole = replace(answer, candidates=tuple(parts), spent=Spending(paid, 190 * paid), saved=Spending(saved, 190 * saved))
    assert said in " ".join(printed(whole, 200).split())


def test_an_opponents_score_is_told_to_be_one_by_definition():
    answer = answers.tie()
    half = Interval(0.5, 0.5, 0.5, 0.95)
    first = replace(next(one for one in answer.candidates if one.candidate.id == answer.chosen), score=half, score_on_rows=half)
    others = tuple(one for one in answer.candidates if one.candidate.id != answer.chosen)
    text = printed(replace(answer, candidates=(first, *others), metric="judge"), 200)
    assert "it scores 50.0% by definition, as the opponent with which the judge compares all." in " ".join(text.split())
    assert "[50.0, 50.0]" not in text


@pytest.mark.parametrize("width", [80, 200])
def test_right_and_wrong_are_never_cut_off(width: int):
    answer = answers.chosen()
    rows = [replace(row, answers={who: ("x" * 300, score) for who, (_, score) in row.answers.items()}) for row in answer.disagreements]
    text = printed(replace(answer, disagreements=tuple(rows)), width)
    assert text.count(" wrong ") == sum(score == 0 for row in rows for _, score in row.answers.values())


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
