"""What `race --cascade` says: the terminal and the document, read as a specification."""

import io
import json
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console
from tests.report.pick.test_page import tags

from llmpick.decide.answer import Spending
from llmpick.decide.cascade_answer import CascadeAnswer, CascadeStop, Comparison, Measured, StageTold
from llmpick.decide.race_answer import Place, RaceVerdict
from llmpick.evidence.values import Interval, Unknown
from llmpick.report.cascade import cascade_to_json, exit_code, print_cascade, write_cascade

NOTHING = Unknown("the others are compared with it")


def interval(value: float, reach: float, confidence: float = 0.95) -> Interval:
    return Interval(value, value - reach, value + reach, confidence)


GOOD = Measured("good.gguf", Place.CHOSEN, (), interval(0.71, 0.05), interval(0.71, 0.06), NOTHING, NOTHING, 1.8)
POOR = Measured("poor.gguf", Place.BEATEN, (), interval(0.4, 0.05), interval(0.4, 0.06), interval(-0.31, 0.06), interval(-0.31, 0.07), 1.6)
LOST = Measured("lost.gguf", Place.FAILED, ("its engine broke",), NOTHING, NOTHING, NOTHING, NOTHING, NOTHING)
CHEAP = StageTold("judge", 180, 180, 0.016, 0.62, Spending(1260, 27720, 60.0, 2.9))
BLIND = StageTold("likelihood", 0, 20, 0.01, 0.02, Spending(40, 4000, 9.0, 0.2), "it does not pay at its cost")
TRUTH = StageTold("truth", 44, 44, 0.08, 1.0, Spending(176, 3872, 20.0, 3.5))
ANSWER = CascadeAnswer(
    task="small talk",
    verdict=RaceVerdict.WON,
    stop=CascadeStop.DONE,
    reasons=(),
    chosen="good.gguf",
    leader="good.gguf",
    candidates=(GOOD, POOR),
    stages=(BLIND, CHEAP, TRUTH),
    comparison=Comparison(60, 1.7, 1.6),
    unit="money",
    budget=7.0,
    spent=Spending(1476, 35592, 89.0, 6.6),
    pilot=20,
    rows=200,
    rows_lost=0,
    confidence=0.95,
    tolerance=0.02,
    metric="judge",
    seed=0,
    run="20240101-abcd",
    device="this machine",
)


def text(answer: CascadeAnswer) -> str:
    console = Console(file=io.StringIO(), width=100)
    print_cascade(answer, console)
    assert isinstance(console.file, io.StringIO)
    return " ".join(console.file.getvalue().split())


def test_what_is_shown_and_what_each_stage_was_worth() -> None:
    said = text(ANSWER)
    assert "good wins: 71.0% [66.0, 76.0] on your rows; no other is better by more than 2.0 points." in said
    assert "- likelihood, 0.0100 in money a row, foretells 2% of what varies in the truth from row to row: left out after 20 rows" in said
    assert "- judge, 0.0160 in money a row, foretells 62% of what varies in the truth from row to row: 180 of 200 rows" in said
    assert "- truth (judge), 0.0800 in money a row: 44 of 200 rows" in said
    assert "The truth alone would have seen 60 rows for the same spending, with 1.70 times the variance" in said
    assert "as narrow a range would have cost it 1.60 times as much" in said
    assert "1,476 calls, 35,592 tokens, 89 s and 6.60 in money of a budget of 7.00 in money" in said


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"comparison": Comparison(75, 0.71, 0.8)}, "the cascade did not pay here (its pilot was paid for)"),
        (
            {"comparison": Comparison(75, 0.71, 0.8), "stages": (CHEAP, TRUTH)},
            "the cascade did not pay here (the stages told less than the pilot promised)",
        ),
        ({"comparison": Comparison(75, 1.01, 1.0)}, "with the same width: the cascade neither won nor lost"),
        ({"comparison": Comparison(200, 0.0, 0.8)}, "the budget pays for it, and no cascade is needed"),
        ({"comparison": Comparison(197, 0.0, 0.8), "rows_lost": 3}, "no cascade is needed"),
        (
            {"stages": (replace(CHEAP, explains=Unknown("the truth is the same on all rows seen")), TRUTH)},
            "- judge, 0.0160 in money a row (the truth is the same on all rows seen): 180 of 200 rows",
        ),
        (
            {"candidates": (GOOD,), "verdict": RaceVerdict.ALONE, "chosen": None},
            "Nothing was compared: only good took part, with 71.0% [66.0, 76.0] on your rows.",
        ),
        (
            {"verdict": RaceVerdict.UNDECIDED, "chosen": None, "reasons": ("it is not shown",)},
            "Undecided: it is not shown. good leads: 71.0% [66.0, 76.0] on your rows.",
        ),
        (
            {"candidates": (GOOD, LOST)},
            "Not measured - lost: its engine broke",
        ),
        ({"leader": None, "chosen": None, "candidates": (), "reasons": ("no model fits",)}, "Nothing was measured: no model fits."),
    ],
)
def test_in_other_cases(changed: dict[str, object], words: str) -> None:
    assert words in text(replace(ANSWER, **changed))  # pyright: ignore[reportArgumentType]


def test_names_of_others_cannot_command_the_terminal() -> None:
    assert "\x1b" not in text(replace(ANSWER, task="a\x1b[31mb", candidates=(replace(GOOD, candidate="good.gguf"), POOR)))


def test_the_document() -> None:
    document = json.loads(json.dumps(cascade_to_json(ANSWER), allow_nan=False))
    assert document["truth_alone"] == {"rows": 60, "variance_ratio": 1.7, "cost_ratio": 1.6}
    assert [stage["rows"] for stage in document["stages"]] == [0, 180, 44]
    good = document["candidates"][0]
    assert good["difference"] is None
    assert good["unknown"]["difference"] == "the others are compared with it"
    assert document["candidates"][1]["difference_on_rows"]["high"] == pytest.approx(-0.25)


def test_every_null_has_a_reason() -> None:
    nothing = replace(ANSWER, comparison=Unknown("too few rows"), chosen=None, leader=None, run=None, candidates=())
    unknown = StageTold("judge", 0, 0, Unknown("not run"), Unknown("not run"), Spending())
    for document in (cascade_to_json(ANSWER), cascade_to_json(replace(nothing, stages=(unknown,)))):
        for part in (document, document["spent"], *document["candidates"], *document["stages"]):
            nulls = {key for key, value in part.items() if value is None}
            assert nulls == set(part["unknown"])


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({}, 0),
        ({"stop": CascadeStop.BUDGET, "verdict": RaceVerdict.UNDECIDED, "chosen": None}, 0),
        ({"stop": CascadeStop.BUDGET, "verdict": RaceVerdict.UNDECIDED, "chosen": None, "leader": None}, 1),
        ({"verdict": RaceVerdict.ALONE, "chosen": None, "candidates": (GOOD,)}, 0),
        ({"verdict": RaceVerdict.ALONE, "chosen": None, "candidates": (GOOD, LOST)}, 1),
        ({"stop": CascadeStop.INTERRUPTED, "leader": None}, 130),
        ({"stop": CascadeStop.NOT_RUN, "leader": None}, 3),
    ],
)
def test_exit_codes(changed: dict[str, object], code: int) -> None:
    assert exit_code(replace(ANSWER, **changed)) == code  # pyright: ignore[reportArgumentType]


EVIL = "<img src=x onerror=alert(1)>"


def test_the_page_is_well_formed_and_closed_to_hostile_text(tmp_path: Path) -> None:
    hostile = replace(ANSWER, task=EVIL, metric=EVIL, notes=(EVIL,), candidates=(GOOD, replace(POOR, candidate=EVIL)))
    for number, answer in enumerate((ANSWER, hostile, replace(ANSWER, candidates=(GOOD,), verdict=RaceVerdict.ALONE))):
        file = tmp_path / f"{number}.html"
        write_cascade(answer, file)
        page = file.read_text(encoding="utf-8")
        parser = tags(page)
        assert parser.open == []
        assert {tag for tag, _ in parser.seen}.isdisjoint({"link", "img", "script", "iframe", "a"})
        assert "71.0%" in page
        assert "[66.0, 76.0]" in page
