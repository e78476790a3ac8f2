"""What a person reads. The golden files are whole outputs; `python -m tests.report.regenerate` writes them."""

from dataclasses import replace
from functools import partial

import pytest
from rich.cells import cell_len
from tests.report.fit import results
from tests.report.regenerate import shown

from llmpick.evidence.fit import FitAnswer
from llmpick.report import fit

NAMES = list(results.ALL)

printed = partial(shown, fit.print_answer)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("width", [80, 100, 160])
@pytest.mark.parametrize("explain", [False, True])
def test_no_line_is_wider_than_the_terminal(name, width, explain):
    assert max(cell_len(line) for line in printed(results.ALL[name](), width, explain=explain).splitlines()) <= width


@pytest.mark.parametrize("name", NAMES)
def test_colour_changes_no_word(name):
    answer = results.ALL[name]()
    coloured = printed(answer, 100, no_color=False, force_terminal=True, color_system="truecolor")
    assert "\x1b[" in coloured
    assert "\x1b[" not in printed(answer, 100)
    head, *rest = coloured.split("\x1b[")
    plain = head + "".join(part.partition("m")[2] for part in rest)
    assert [line.rstrip() for line in plain.splitlines()] == printed(answer, 100).splitlines()


def test_explain_shows_every_byte_with_its_formula_and_source():
    text = printed(results.fitting(), 200, explain=True)
    for line in results.fitting().results[0].memory.lines:  # pyright: ignore
        assert f"{round(line.bytes.value):,} bytes" in text
        assert line.formula in text
        assert line.source.title in text
    assert "n_ctx=8192" in text


def test_a_probability_is_never_rounded_to_certainty():
    close = replace(results.marginal().results[0], fits_probability=0.9499999)
    assert "probability 95%" in printed(FitAnswer((close,)), 200)
    sure = replace(results.marginal().results[0], fits_probability=0.99999)
    assert "probability >99.9%" in printed(FitAnswer((sure,)), 200)


def test_the_outlook_counts_every_model():
    text = printed(results.outlook(), 200)
    assert "Of 5 models 2 surely fit" in text
    assert "   2  does not fit: 35.0 to 60.0 GiB" in text
    assert "   1  its number of parameters is not known" in text


def test_untrusted_text_can_neither_style_nor_steer_the_terminal():
    evil = "\x1b]0;owned\x07\x1b[2J[bold red]x[/bold red]\u202e"
    one = replace(results.fitting().results[0], model=evil, quantization=evil, notes=(evil,), engine_options={evil: evil})
    text = printed(FitAnswer((one,)), 100, explain=True)
    assert not {c for c in text if c < " " and c != "\n"} | ({"\u202e", "\x9b"} & set(text))
    assert "[bold red]x[/bold red]" in text
