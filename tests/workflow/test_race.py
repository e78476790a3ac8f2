"""`llmpick race` from the command line to the answer, against real servers on loopback, in real processes, and with both real models."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from tests.workflow.served import serve

from llmpick.cli.main import run

SCHEMA = json.loads((Path(__file__).parents[2] / "src/llmpick/report/race.schema.json").read_text())
ROWS = 60
TASK = """
name = "echo"
kind = "choice"
languages = ["en"]
[examples]
file = "rows.jsonl"
reference = "label"
[prompt]
template = "{{ text }}"
[answer]
labels = ["even", "odd"]
"""


@pytest.fixture
def task(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Is the number even or odd?"""
    monkeypatch.setenv("LLMPICK_DB", str(tmp_path / "runs.db"))
    for cache in ("HF_HOME", "MODELSCOPE_CACHE", "HOME"):
        monkeypatch.setenv(cache, str(tmp_path / cache))
    monkeypatch.setenv("OLLAMA_HOST", "http://127.0.0.1:9")
    rows = [{"text": "x" * (7 + i % 5) + f" {i}", "label": ("even", "odd")[i % 2]} for i in range(ROWS)]
    (tmp_path / "rows.jsonl").write_text("\n".join(map(json.dumps, rows)))
    (tmp_path / "task.toml").write_text(TASK)
    return tmp_path / "task.toml"


def truth(text: str) -> str:
    return ("even", "odd")[int(text.split()[-1]) % 2]


def wrong(text: str) -> str:
    return {"even": "odd", "odd": "even"}[truth(text)]


def answer(words: Sequence[str | Path], capsys: pytest.CaptureFixture[str], *, code: int = 0) -> dict[str, Any]:
    """What `--json` prints, checked against the shipped schema."""
    assert run([*map(str, words), "--json"]) == code
    document = json.loads(capsys.readouterr().out)
    Draft202012Validator(SCHEMA).validate(document)
    return document


def one(document: dict[str, Any], name: str) -> dict[str, Any]:
    return next(candidate for candidate in document["candidates"] if candidate["id"].endswith(name))


@pytest.mark.parametrize("guarantee", ["anytime", "bayes"])
def test_the_better_model_wins(guarantee: str, task: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with serve({"good": truth, "bad": wrong}) as url:
        document = answer(["race", task, "-m", f"{url}#bad", "-m", f"{url}#good", "--guarantee", guarantee], capsys)
    assert document["verdict"] == "won"
    assert document["guarantee"] == guarantee
    assert document["chosen"] == document["leader"] == document["candidates"][0]["id"]
    assert document["chosen"].endswith("#good")
    assert one(document, "#bad")["status"] == "beaten"
    assert one(document, "#bad")["difference"]["value"] == pytest.approx(-1.0, abs=0 if guarantee == "anytime" else 0.05)
    assert document["spent"]["calls"] < 2 * ROWS
    assert document["everything"]["calls"] == 2 * ROWS
    assert document["cost_fraction"] == document["spent"]["calls"] / (2 * ROWS)
    assert document["new_inputs"]["settled"] or guarantee == "bayes", "bayes stops after a handful of rows"
    assert not [c for c in document["candidates"] if c["id"].startswith("baseline")]


def test_no_call_is_paid_twice_not_even_by_pick(task: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with serve({"good": truth, "bad": wrong}) as url:
        models = ["-m", f"{url}#bad", "-m", f"{url}#good"]
        first = answer(["race", task, *models], capsys)
        again = answer(["race", task, *models], capsys)
        assert run(["pick", str(task), *models, "--json"]) == 0
        picked = json.loads(capsys.readouterr().out)
    assert first["spent"]["calls"] > 0
    assert again["spent"]["calls"] == 0
    assert [c["difference"] for c in again["candidates"]] == [c["difference"] for c in first["candidates"]]
    assert picked["spent"]["calls"] <= 2 * ROWS - first["spent"]["calls"]


@pytest.mark.parametrize("guarantee", ["anytime", "bayes"])
def test_only_those_shown_to_be_within_the_tolerance_tie_and_the_cheapest_of_them_is_named(
    guarantee: str, task: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with serve({"cheap": truth, "dear": truth}) as url:
        prices = f'\n[prices]\n"{url}#cheap" = {{input = 1, output = 2}}\n"{url}#dear" = {{input = 10, output = 20}}\n'
        task.write_text(task.read_text() + prices)
        words = ["race", task, "-m", f"{url}#dear", "-m", f"{url}#cheap", "--tolerance", "0.2", "--guarantee", guarantee]
        document = answer(words, capsys)
    assert document["verdict"] in ("won", "tie")
    if document["verdict"] == "tie":
        assert document["chosen"].endswith("#cheap")
    assert {one(document, name)["status"] for name in ("#cheap", "#dear")} <= {"chosen", "tied", "behind"}
    assert document["cost_by"] == "money"
    assert one(document, "#cheap")["cost"] == pytest.approx(one(document, "#dear")["cost"] / 10)


def test_a_spent_budget_returns_the_leader_and_says_so(task: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with serve({"a": truth, "b": lambda text: wrong(text) if text[-1] == "3" else truth(text)}) as url:
        document = answer(["race", task, "-m", f"{url}#a", "-m", f"{url}#b", "--budget", "24calls"], capsys)
    assert document["verdict"] == "undecided"
    assert document["stop"] == "budget"
    assert document["chosen"] is None
    assert document["leader"] is not None
    assert document["spent"]["calls"] <= 24
    assert "leads" in document["reasons"][0]
    assert "the budget is spent" in document["unknown"]["chosen"]


def test_the_page_and_the_day_of_the_facts(task: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "race.html"
    with serve({"good": truth, "bad": wrong}) as url:
        words = ["race", task, "-m", f"{url}#bad", "-m", f"{url}#good"]
        document = answer([*words, "--html", page], capsys)
        dated = answer([*words, "--as-of", "2026-01-01"], capsys, code=3)
    assert document["as_of"] is None
    assert "good wins" in page.read_text("utf-8")
    assert dated["as_of"] == "2026-01-01"
    assert "not known to have been released by 2026-01-01" in one(dated, "#good")["reasons"][0]


def test_an_expected_loss_is_enough_where_it_is_asked_for(task: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with serve({"good": truth, "bad": wrong}) as url:
        words = ["race", task, "-m", f"{url}#bad", "-m", f"{url}#good", "--max-expected-loss", "0.05"]
        document = answer(words, capsys)
    assert document["guarantee"] == "bayes"
    assert document["max_expected_loss"] == 0.05
    assert document["chosen"].endswith("#good")


def test_rows_that_the_machinery_loses_are_missing_and_not_wrong(
    task: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("llmpick.measure.server.client.time.sleep", lambda _: None, raising=False)
    with serve({"flaky": lambda text: 500 if text.endswith("7") else truth(text), "bad": wrong}) as url:
        document = answer(["race", task, "-m", f"{url}#flaky", "-m", f"{url}#bad"], capsys)
    flaky = one(document, "#flaky")
    assert document["chosen"].endswith("#flaky")
    assert flaky["score"]["value"] == 1.0
    assert flaky["rows_lost"] == flaky["outcomes"]["failed"] > 0


@pytest.mark.parametrize(("times", "why"), [(1, "no other model is named"), (2, "#only is named more than once")])
def test_a_lone_model_has_nothing_to_be_compared_with(times: int, why: str, task: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with serve({"only": truth}) as url:
        assert run(["race", str(task), *["-m", f"{url}#only"] * times, "--json"]) == 2
    error = json.loads(capsys.readouterr().out)["error"]
    assert why in error["what"]
    assert "at least two" in error["remedy"]


def test_a_model_that_is_named_twice_takes_part_once_and_a_note_says_so(task: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with serve({"good": truth, "bad": wrong}) as url:
        document = answer(["race", task, "-m", f"{url}#good", "-m", f"{url}#bad", "-m", f"{url}#good"], capsys)
    assert len(document["candidates"]) == 2
    assert [note for note in document["notes"] if "more than once" in note] == [f"{url}#good is named more than once, and takes part once"]


@pytest.mark.parametrize(("prices", "note"), [("", "No model has a price"), ("a", "No price is known of"), ("ab", "")])
def test_money_that_is_not_known_is_told_where_it_decides(prices: str, note: str, task: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with serve({"a": truth, "b": wrong}) as url:
        table = "".join(f'"{url}#{name}" = {{input = 1, output = 2}}\n' for name in prices)
        task.write_text(f'cost_by = "money"\n{task.read_text()}\n[prices]\n{table}')
        document = answer(["race", task, "-m", f"{url}#a", "-m", f"{url}#b"], capsys)
    told = [line for line in document["notes"] if "price" in line]
    assert told == [line for line in told if note and note in line]
    assert len(told) == (1 if note else 0)


def test_a_model_that_fails_is_named_first_and_no_winner_is_a_success(task: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with serve({"good": truth}) as url:
        words = ["race", str(task), "-m", f"{url}#good", "-m", "http://127.0.0.1:9/v1#away"]
        assert run(words) == 1
        told = " ".join(capsys.readouterr().out.split())
    assert "race of 1 of 2 candidates" in told
    first = told.partition("tolerance 2.0 points ")[2]
    assert first.startswith("Nothing was compared: away failed, so only good took part")
    assert "127.0.0.1:9" in first.partition("candidate")[0], "the reason stands before the table"
    with serve({"good": truth}) as url:
        document = answer(["race", task, "-m", f"{url}#good", "-m", "http://127.0.0.1:9/v1#away"], capsys, code=1)
    assert (document["verdict"], document["stop"], document["chosen"]) == ("alone", "alone", None)
    assert document["leader"].endswith("#good")
    assert "compared with nothing" in document["unknown"]["chosen"]
    assert one(document, "#good")["status"] == "leader"


def test_what_needs_no_language_model_is_told_beside_the_race(task: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The rows alternate, so that chance and the majority label are right in half of them."""
    half = lambda text: truth(text) if int(text.split()[-1]) % 4 < 1 else wrong(text)  # noqa: E731
    with serve({"good": truth, "half": half, "bad": wrong}) as url:
        won = answer(["race", task, "-m", f"{url}#good", "-m", f"{url}#bad"], capsys)
        low = answer(["race", task, "-m", f"{url}#half", "-m", f"{url}#bad"], capsys)
        assert run(["pick", str(task), "-m", f"{url}#good", "--json"]) == 0
    picked = json.loads(capsys.readouterr().out)
    scores = {c["id"].removeprefix("baseline:"): c["score_on_rows"]["value"] for c in picked["candidates"] if c["id"].startswith("base")}
    assert {each["name"]: each["score"] for each in won["yardsticks"]} == {"chance": 0.5} | scores, "as pick has them"
    chance, majority, _ = won["yardsticks"]
    assert chance["ahead"]["value"] == pytest.approx(-0.5)
    assert chance["ahead"]["low"] < -0.5 < chance["ahead"]["high"]
    ahead = low["yardsticks"][0]["ahead"]
    assert ahead["value"] > 0
    assert ahead["low"] <= 0.25 <= ahead["high"], "by a quarter on all rows, of which it ran some"
    assert majority["ahead"]["confidence"] == 0.95


def test_the_order_in_which_candidates_are_named_changes_no_digit(task: Path, capsys: pytest.CaptureFixture[str]) -> None:
    models = {"a": truth, "b": lambda text: wrong(text) if text[-1] == "3" else truth(text), "c": lambda text: "even"}
    with serve(models) as url:
        found = [
            answer(["race", task, *[word for name in names for word in ("-m", f"{url}#{name}")], "--guarantee", "bayes"], capsys)
            for names in ("abc", "cba", "bca")
        ]
    kept = ("run", "spent", "everything")
    first, *others = ({key: value for key, value in document.items() if key not in kept} for document in found)
    own = ("calls", "tokens", "seconds", "engine", "cost", "unknown")
    for document in (first, *others):
        document["candidates"] = [{key: value for key, value in c.items() if key not in own} for c in document["candidates"]]
    assert all(other == first for other in others)
    assert isinstance(first["expected_loss"], float)


def test_nobody_leads_where_no_row_was_run_and_all_calls_count_in_everything(task: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with serve({"good": truth, "bad": wrong}) as url:
        words = ["race", str(task), "-m", f"{url}#bad", "-m", f"{url}#good", "--budget", "1calls"]
        document = answer(words, capsys, code=1)
    assert document["spent"]["calls"] == 0, "not enough for one row of both"
    assert document["everything"]["calls"] == 2 * ROWS
    assert (document["verdict"], document["stop"], document["leader"]) == ("undecided", "budget", None)
    assert {candidate["status"] for candidate in document["candidates"]} == {"open"}


def test_limits_that_nothing_satisfies_end_with_3(task: Path, smollm2_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    task.write_text(task.read_text() + '\n[limits]\nmemory = "20 MB"\n')
    document = answer(["race", task, "-m", smollm2_path], capsys, code=3)
    assert document["verdict"] == "none_fits"
    assert "needs at least" in one(document, ".gguf")["reasons"][0]
    assert document["run"] is None


@pytest.mark.parametrize(
    ("words", "code", "what"),
    [
        (["-m", "no-such-file.gguf"], 2, "no-such-file.gguf"),
        (["-m", "http://127.0.0.1:9/v1#m", "-m", "http://127.0.0.1:9/v1#n"], 1, "127.0.0.1:9"),
        (["-m", "http://127.0.0.1:9/v1#m", "-m", "http://127.0.0.1:9/v1#n", "--cost-by", "money"], 2, "has a price"),
        (["--budget", "0calls"], 2, "0calls"),
        (["--budget", "infminutes"], 2, "infminutes"),
        (["--confidence", "95"], 2, "write 0.95"),
        (["--tolerance", "2"], 2, "write 0.02"),
        (["--budget", "many"], 2, "many"),
        (["--guarantee", "sometimes"], 2, "sometimes"),
        (["--confidence", "nan"], 2, "nan"),
        (["--rows", "5"], 2, "--rows"),
        (["--repeat", "5"], 2, "--repeat"),
        (["--scores", "scores.csv"], 2, "--scores"),
        (["--engine", "llama.cpp"], 2, "--engine"),
        (["--max-expected-loss", "0.01", "--guarantee", "anytime"], 2, "--max-expected-loss"),
        ([], 2, "no model to race"),
    ],
)
def test_bad_input_is_named_with_place_and_remedy(
    words: list[str], code: int, what: str, task: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["race", str(task), *words, "--json"]) == code
    error = json.loads(capsys.readouterr().out)["error"]
    assert set(error) == {"what", "where", "remedy"}
    assert all(error.values())
    assert what in error["what"] + error["where"]


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (["--text", "no-such-text.txt"], "no-such-text.txt"),
        (["--text", "a.txt", "--scores", "b.csv"], "not --scores and --text"),
        (["--text", "a.txt", "--guarantee", "bayes"], "--guarantee has no effect with --text"),
        (["--text", "a.txt", "--cost-by", "money"], "nothing is known of prices"),
        (["--text", "a.txt", "--engine", "mine"], "mine"),
        ([], "name one of a task file, --scores and --text"),
    ],
)
def test_a_race_without_a_task_says_what_it_needs(words: list[str], what: str, task: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["race", *words, "--json"]) == 2
    error = json.loads(capsys.readouterr().out)["error"]
    assert what in error["what"] + error["where"]


def test_a_damaged_file_is_named(task: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "damaged.gguf").write_bytes(b"GGUF\x03\x00\x00\x00" + b"\xff" * 64)
    assert run(["race", str(task), "-m", str(tmp_path / "damaged.gguf"), "--json"]) == 1
    assert "damaged.gguf" in json.loads(capsys.readouterr().out)["error"]["where"]


def test_ctrl_c_names_the_leader_and_the_same_command_goes_on(task: Path, tmp_path: Path) -> None:
    database = tmp_path / "broken.db"
    environment = {**os.environ, "LLMPICK_DB": str(database)}
    with serve({"good": truth, "fair": lambda text: wrong(text) if text[-1] == "0" else truth(text)}, seconds=0.15) as url:
        command = [sys.executable, "-m", "llmpick", "race", str(task), "-m", f"{url}#good", "-m", f"{url}#fair", "--json"]

        def start() -> subprocess.Popen[str]:
            return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

        process = start()
        _wait_for_calls(database, 12)
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate(timeout=60)
        assert process.returncode == 130
        broken = json.loads(said)
        resumed = json.loads(start().communicate(timeout=120)[0])
    assert broken["stop"] == "interrupted"
    assert broken["verdict"] == "undecided"
    assert broken["leader"] is not None
    assert broken["spent"]["calls"] > 0
    assert resumed["run"] == broken["run"]
    assert resumed["chosen"].endswith("#good")
    assert resumed["spent"]["calls"] <= 2 * ROWS


def _wait_for_calls(database: Path, count: int) -> None:
    from llmpick.store.store import Store

    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if database.exists():
            with Store.open(str(database)) as store:
                if any(summary.calls >= count for summary in store.runs()):
                    return
        time.sleep(0.05)
    raise AssertionError(f"no run with {count} calls in 60 s")


def test_both_real_models_under_both_guarantees(
    task: Path, smollm2_path: Path, gemma_path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [
        {"text": f"{subject} {verb} today.", "label": label}
        for label, verbs in (("good", ("smiles", "wins", "sings")), ("bad", ("weeps", "fails", "bleeds")))
        for subject in ("Anna", "The dog", "My boss", "Her son")
        for verb in verbs
    ]
    (tmp_path / "rows.jsonl").write_text("\n".join(map(json.dumps, rows)))
    asks = TASK.replace('"even", "odd"', '"good", "bad"').replace("{{ text }}", "{{ text }} Is this good or bad news? It is")
    task.write_text(asks)
    models = ["-m", smollm2_path, "-m", gemma_path]
    documents = {name: answer(["race", task, *models, "--guarantee", name], capsys) for name in ("anytime", "bayes")}
    for document in documents.values():
        assert document["verdict"] in ("won", "tie")
        assert document["candidates"][0]["engine"]["name"] == "llama.cpp"
        assert {c["status"] for c in document["candidates"]} <= {"chosen", "tied", "behind", "beaten"}
        assert all(0 < c["rows_run"] <= len(rows) for c in document["candidates"])
        whole = [c["score_on_rows"]["value"] for c in document["candidates"] if c["rows_run"] == len(rows)]
        if len(whole) == 2:
            assert whole[0] >= whole[1] - 0.02
    first, second = documents.values()
    assert first["spent"]["calls"] == sum(c["rows_run"] for c in first["candidates"])
    assert first["spent"]["calls"] + second["spent"]["calls"] <= 2 * len(rows)
