"""`llmpick race --scores`: one recorded race told like any other, and many of them."""

import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from jsonschema import Draft202012Validator
from rich.console import Console
from tests.shared_data import shared_data

from llmpick.cli.main import run
from llmpick.evidence.errors import InputError
from llmpick.evidence.scores import ScoreMatrix
from llmpick.report.race.replay import print_replay, replay_document
from llmpick.workflow.recorded import drawn
from llmpick.workflow.replay import ReplayOptions, replay_recorded

SCHEMA = json.loads((Path(__file__).parents[2] / "src/llmpick/report/race.schema.json").read_text())
SHARES = {"strong": 0.9, "middle": 0.6, "weak": 0.3}
ROWS = 200


@pytest.fixture
def scores(tmp_path: Path) -> Path:
    rows = [[f"item-{i}", *(int((i * 37 % ROWS) < share * ROWS) for share in SHARES.values())] for i in range(ROWS)]
    file = tmp_path / "scores.csv"
    file.write_text("\n".join(",".join(map(str, row)) for row in [["item", *SHARES], *rows]) + "\n")
    return file


@pytest.fixture
def costs(scores: Path) -> Path:
    file = scores.with_name("output_characters.csv")
    rows = [[f"item-{i}", 900 + i, 300, 100] for i in range(ROWS)]
    file.write_text("\n".join(",".join(map(str, row)) for row in [["item", *SHARES], *rows]) + "\n")
    return file


def answer(words: Sequence[str | Path | int], capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    assert run(["race", *map(str, words), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    Draft202012Validator(SCHEMA).validate(document)
    return document


@pytest.mark.parametrize("guarantee", ["anytime", "bayes"])
def test_one_recorded_race_is_told_like_any_other(guarantee: str, scores: Path, capsys: pytest.CaptureFixture[str]) -> None:
    document = answer(["--scores", scores, "--guarantee", guarantee, "--repeat", 1], capsys)
    assert document["source"] == "recorded"
    assert document["chosen"] == "strong"
    assert document["rows"] == ROWS
    assert document["spent"]["calls"] == sum(c["rows_run"] for c in document["candidates"]) < 3 * ROWS
    assert document["everything"]["calls"] == 3 * ROWS
    assert document["recorded_cost"] is None
    assert document["run"] is None


def test_recorded_costs_are_summed_over_the_calls_that_were_needed(scores: Path, costs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    document = answer(["--scores", scores, "--costs", costs, "--spend-by", "cost"], capsys)
    cost = document["recorded_cost"]
    assert cost["everything"] == sum(1300 + i for i in range(ROWS))
    assert 0 < cost["spent"] < cost["everything"]
    assert cost["unit"]
    cells = {c["id"]: c["cost"] for c in document["candidates"]}
    assert cells["weak"] == 100
    assert 900 <= cells["strong"] < 1100


def test_the_seed_decides_and_nothing_else(scores: Path, capsys: pytest.CaptureFixture[str]) -> None:
    same = [answer(["--scores", scores, "--seed", 3], capsys) for _ in range(2)]
    assert same[0] == same[1]
    others = [answer(["--scores", scores, "--seed", seed], capsys)["candidates"][0]["score_on_rows"] for seed in range(4, 9)]
    assert any(other != same[0]["candidates"][0]["score_on_rows"] for other in others)


@pytest.mark.parametrize("guarantee", ["anytime", "bayes"])
def test_many_races_are_summed_up(guarantee: str, scores: Path, costs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["race", "--scores", scores, "--repeat", 20, "--seed", 1, "--models", 2, "--rows", 150, "--guarantee", guarantee]
    assert run([*map(str, words), "--json"]) == 0
    without = json.loads(capsys.readouterr().out)
    assert run([*map(str, words), "--costs", str(costs), "--spend-by", "cost", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    for document in (without, told):
        Draft202012Validator(SCHEMA).validate(document)
        assert (document["repeats"], document["models"], document["rows"], document["seed"]) == (20, 2, 150, 1)
        assert 0 < document["cost_fraction"]["median"] <= 1
        assert document["cost_fraction"].keys() >= {"mean", "median"}
        assert document["regret"].keys() >= {"mean", "p95"}
        assert 0 <= document["error_rate"] <= 1
        assert document["decided_at_half"] == 1.0, "the three are far apart"
        assert sum(document["winners"].values()) == pytest.approx(1)
        assert document["seconds"] > 0
    assert without["token_cost_fraction"] is None
    assert without["unknown"]["token_cost_fraction"] == "the file has no costs"
    assert 0 < told["token_cost_fraction"]["mean"] <= 1


def test_many_races_in_words(scores: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["race", "--scores", str(scores), "--repeat", "5"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "5 races of 3 models on 200 rows, anytime at 95%" in said
    assert "strong: 100%" in said


def test_a_draw_of_models_and_rows(scores: Path, capsys: pytest.CaptureFixture[str]) -> None:
    document = answer(["--scores", scores, "--models", 2, "--rows", 50, "--seed", 1], capsys)
    assert (len(document["candidates"]), document["rows"]) == (2, 50)


def test_the_page_of_a_recorded_race(scores: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "race.html"
    assert run(["race", "--scores", str(scores), "--html", str(page)]) == 0
    assert f"The page is at {page}" in capsys.readouterr().err
    text = page.read_text("utf-8")
    assert "strong wins" in text
    assert 'id="chart-way"' in text


@pytest.mark.parametrize(
    ("guarantee", "beaten", "intervals"),
    [
        ("anytime", "shown not to be the best", "together"),
        ("bayes", "more than 2 points worse than strong with a probability", "on_average"),
    ],
)
def test_each_guarantee_claims_what_its_rule_shows(
    guarantee: str, beaten: str, intervals: str, scores: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    document = answer(["--scores", scores, "--guarantee", guarantee], capsys)
    assert document["intervals"] == intervals
    weak = next(one for one in document["candidates"] if one["id"] == "weak")
    assert weak["status"] == "beaten"
    assert beaten in weak["reasons"][0]
    assert isinstance(document["risk"], float)
    assert 0 <= document["next_saving"] <= document["expected_loss"]


def test_an_expected_loss_stops_and_says_so(scores: Path, capsys: pytest.CaptureFixture[str]) -> None:
    document = answer(["--scores", scores, "--max-expected-loss", "0.05"], capsys)
    assert document["stop"] == "expected_loss"
    assert document["expected_loss"] <= 0.05


def test_who_was_drawn_by_chance_is_told(scores: Path, capsys: pytest.CaptureFixture[str]) -> None:
    document = answer(["--scores", scores, "--models", 2, "--rows", 50, "--seed", 3], capsys)
    models, rows = document["notes"]
    took_part = ", ".join(sorted(one["id"] for one in document["candidates"]))
    assert models == f"2 of 3 models take part, drawn at random by seed 3, another --seed draws others: {took_part}."
    assert rows.startswith("50 of 200 rows take part, drawn at random by seed 3")
    assert answer(["--scores", scores, "--models", 3], capsys)["notes"] == [], "all of them is no draw"


@pytest.mark.parametrize("guarantee", ["anytime", "bayes"])
def test_the_order_of_the_columns_changes_no_digit(guarantee: str, scores: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--guarantee", guarantee, "--budget", "90calls"]
    first = answer(["--scores", scores, *words], capsys)
    turned = scores.with_name("turned")
    turned.mkdir()
    lines = [line.split(",") for line in scores.read_text().splitlines()]
    (turned / scores.name).write_text("".join(f"{','.join([cells[0], *reversed(cells[1:])])}\n" for cells in lines))
    assert answer(["--scores", turned / scores.name, *words], capsys) == first
    assert first["expected_loss"] > 0


def test_a_column_that_is_no_models_score_is_left_out(scores: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    document = answer(["--scores", scores, "--leave-out", "weak"], capsys)
    assert {one["id"] for one in document["candidates"]} == {"strong", "middle"}
    many = answer(["--scores", scores, "--leave-out", "weak", "--repeat", 3], capsys)
    assert set(many["winners"]) <= {"strong", "middle"}
    assert run(["race", "--scores", str(scores), "--leave-out", "price", "--json"]) == 2
    assert "no column 'price' to leave out" in json.loads(capsys.readouterr().out)["error"]["what"]
    logs = Path(__file__).parents[1] / "data" / "logs"
    log = next(path for path in sorted(logs.rglob("*.json")) if path.is_file())
    assert run(["race", "--scores", str(log), "--leave-out", "price", "--json"]) in (1, 2)
    assert "only a table" in json.loads(capsys.readouterr().out)["error"]["what"]


def test_a_budget_leaves_it_undecided_with_a_leader(scores: Path, capsys: pytest.CaptureFixture[str]) -> None:
    document = answer(["--scores", scores, "--budget", "9calls"], capsys)
    assert (document["verdict"], document["stop"]) == ("undecided", "budget")
    assert document["spent"]["calls"] <= 9
    assert document["leader"] is not None


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (["--models", "4"], "4 models are asked for, there are 3"),
        (["--rows", "201"], "201 rows are asked for, there are 200"),
        (["--spend-by", "cost"], "the file has no costs"),
        (["--repeat", "3", "--budget", "9calls"], "--budget has no effect with --repeat"),
        (["--repeat", "3", "--html", "page.html"], "--html has no effect with --repeat"),
        (["--metric", "acc"], "--metric chooses among the scores of a log"),
        (["--as-of", "2026-01-01"], "--as-of has no effect with --scores"),
        (["-m", "a.gguf"], "--model has no effect with --scores"),
        (["--cost-by", "memory"], "--cost-by has no effect with --scores"),
    ],
)
def test_what_cannot_be_done_is_said(words: list[str], what: str, scores: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["race", "--scores", str(scores), *words, "--json"]) == 2
    assert what in json.loads(capsys.readouterr().out)["error"]["what"]


def test_a_file_with_one_model_is_no_race(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "one.csv").write_text("item,a\nx,1\ny,0\n")
    assert run(["race", "--scores", str(tmp_path / "one.csv"), "--json"]) == 2
    assert "two models" in json.loads(capsys.readouterr().out)["error"]["what"]


def test_a_column_of_yes_and_no_is_not_dropped_in_silence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [f"{i},{i % 2},{'yes' if i % 3 else 'no'},{'abc'[i % 3]}" for i in range(12)]
    (tmp_path / "t.csv").write_text("\n".join(["item,a,b,topic", *rows]))
    assert run(["race", "--scores", str(tmp_path / "t.csv"), "--json"]) == 2
    assert "'b'; write 1 for right" in json.loads(capsys.readouterr().out)["error"]["remedy"]
    (tmp_path / "t.csv").write_text("\n".join(["item,a,b,topic,c", *(f"{row},1" for row in rows)]))
    document = answer(["--scores", tmp_path / "t.csv"], capsys)
    assert [note for note in document["notes"] if "'b'" in note and "topic" not in note]


def test_winners_that_are_not_listed_are_counted(scores: Path) -> None:
    result, asked = replay_recorded(ReplayOptions(scores, repeats=3))
    document = {**replay_document(result, asked), "winners": {"best": 0.5, **{f"m{k}": 0.05 for k in range(10)}}}
    out = io.StringIO()
    print_replay(document, Console(file=out, width=100))
    assert "- 3 others: 15.0% together" in out.getvalue()
    out = io.StringIO()
    print_replay({**document, "winners": {"best": 1.0}}, Console(file=out, width=100))
    assert "other" not in out.getvalue()


def matrix(seen: list[list[bool]]) -> ScoreMatrix:
    cells = np.array(seen)
    names = tuple("abc"[: cells.shape[0]])
    return ScoreMatrix(names, tuple(map(str, range(cells.shape[1]))), np.arange(cells.size, dtype=float).reshape(cells.shape) / 10, cells)


def test_rows_that_a_model_lacks_are_left_out_and_counted() -> None:
    kept, left_out = drawn(matrix([[True, True, False, True], [True, False, True, True]]), models=None, rows=None, seed=0)
    assert sorted(kept.items) == ["0", "3"]
    assert left_out == 2
    for j, item in enumerate(kept.items):
        assert kept.scores[:, j].tolist() == [int(item) / 10, (4 + int(item)) / 10]


def test_no_row_with_all_scores_is_an_error() -> None:
    with pytest.raises(InputError, match="no row has a score of every model"):
        drawn(matrix([[True, False], [False, True]]), models=None, rows=None, seed=0)


def test_a_draw_takes_what_there_is_once() -> None:
    kept, _ = drawn(matrix([[True] * 6] * 3), models=2, rows=4, seed=5)
    assert len(set(kept.items)) == 4
    assert len(set(kept.models)) == 2


def test_a_real_matrix(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--scores", shared_data("evaluation/mmlu_pro/scores.csv.gz"), "--models", 4, "--rows", 300, "--tolerance", 0.05, "--seed", 2]
    document = answer([*words, "--costs", shared_data("evaluation/mmlu_pro/output_characters.csv.gz")], capsys)
    assert document["verdict"] in ("won", "tie")
    assert document["cost_fraction"] < 1
    assert document["recorded_cost"]["unit"] == "characters"
