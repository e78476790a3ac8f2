"""`llmpick plan` as a user types it: bare numbers, a task with models that are served or on this machine, calls that are kept, errors."""

import json
from pathlib import Path
from typing import Any

import pytest
from tests.workflow.served import serve

from llmpick.cli.main import run
from llmpick.workflow import plan as workflow

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


@pytest.fixture(autouse=True)
def few_races(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workflow, "RACES", 12)
    monkeypatch.setattr(workflow, "RACES_OTHERWISE", 6)


@pytest.fixture
def task(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LLMPICK_DB", str(tmp_path / "runs.db"))
    for cache in ("HF_HOME", "MODELSCOPE_CACHE", "HOME"):
        monkeypatch.setenv(cache, str(tmp_path / cache))
    monkeypatch.setenv("OLLAMA_HOST", "http://127.0.0.1:9")
    rows = [{"text": f"is the number {i * i // 7} even or odd?", "label": "even" if (i * i // 7) % 2 else "odd"} for i in range(60)]
    (tmp_path / "rows.jsonl").write_text("\n".join(map(json.dumps, rows)))
    (tmp_path / "task.toml").write_text(TASK)
    return tmp_path / "task.toml"


def said(capsys: pytest.CaptureFixture[str], *words: object, code: int = 0) -> str:
    assert run(["plan", *map(str, words)]) == code
    return capsys.readouterr().out


def document(capsys: pytest.CaptureFixture[str], *words: object) -> dict[str, Any]:
    return json.loads(said(capsys, *words, "--json"))


def test_bare_numbers(capsys: pytest.CaptureFixture[str]):
    text = " ".join(said(capsys, "--candidates", 3, "--rows", 100, "--tolerance", 0.05).split())
    assert "3 candidates on 100 rows, scores of 0 or 1, tolerance 5.0 points, confidence 95%" in text
    assert "anytime (the error of every single race is bounded)" in text
    assert "bayes (the error is bounded on average over tasks like this)" in text
    assert "fitted by benchmarks/plan.py" in text


def test_the_document_of_bare_numbers(capsys: pytest.CaptureFixture[str]):
    found = document(capsys, "--candidates", 3, "--rows", 100, "--guarantee", "anytime", "--graded", "--confidence", 0.9)
    assert (found["candidates"], found["rows"], found["tolerance"], found["confidence"]) == (3, 100, 0.02, 0.9)
    assert found["graded"] is True
    (rule,) = found["rules"].values()
    assert 0 < rule["calls"]["low"] <= rule["calls"]["value"] <= rule["calls"]["high"] <= 300
    assert rule["calls_share"]["value"] == pytest.approx(rule["calls"]["value"] / 300, abs=0.01)
    assert list(rule["calls_with_rows"]) == ["50", "200"]
    assert list(found["resolution"]) == ["100", "50", "200"]
    assert rule["tokens"] is None
    assert "not known" in rule["tokens_unknown"]
    assert found == document(capsys, "--candidates", 3, "--rows", 100, "--guarantee", "anytime", "--graded", "--confidence", 0.9)


def test_a_task_with_served_models_and_prices(task: Path, capsys: pytest.CaptureFixture[str]):
    with serve({"a": lambda _: "even", "b": lambda _: "odd"}) as url:
        prices = "".join(f'\n[prices."{url}#{name}"]\ninput = 2.0\noutput = 10.0\n' for name in ("a", "b"))
        task.write_text(TASK + "[budget]\ncalls = 20\n" + prices)
        found = document(capsys, task, "-m", f"{url}#a", "-m", f"{url}#b", "--guarantee", "anytime")
        text = said(capsys, task, "-m", f"{url}#a", "-m", f"{url}#b", "--guarantee", "anytime")
    (rule,) = found["rules"].values()
    assert (found["task"], found["candidates"], found["rows"], found["graded"]) == ("echo", 2, 60, False)
    for call in found["calls"]:
        assert call["prompt_tokens"]["low"] < 12 < call["prompt_tokens"]["high"]
        assert call["output_tokens"]["value"] == 1
        assert call["known_from"] == "words"
        assert call["money"]["value"] == pytest.approx((2 * call["prompt_tokens"]["value"] + 10) / 1e6)
    assert rule["money"]["value"] > 0
    assert rule["seconds"] is None
    assert 0 <= rule["decided_in_budget"] < 1
    assert "within the budget" in " ".join(text.split())


def test_calls_that_are_kept_say_what_a_call_takes(task: Path, capsys: pytest.CaptureFixture[str]):
    with serve({"a": lambda _: "even", "b": lambda _: "odd"}) as url:
        models = ("-m", f"{url}#a", "-m", f"{url}#b")
        assert run(["pick", str(task), *models]) == 0
        capsys.readouterr()
        found = document(capsys, task, *models, "--guarantee", "anytime")
        text = " ".join(said(capsys, task, *models, "--guarantee", "anytime").split())
        of_others = document(capsys, task, *models, "--guarantee", "anytime", "--rows", 30)
    for call in found["calls"]:
        assert call["known_from"] == "calls"
        assert call["kept"] >= 16
        assert call["prompt_tokens"] == {"value": 20, "low": 20, "high": 20, "confidence": 0.9}
        assert call["seconds"]["value"] > 0
    (rule,) = found["rules"].values()
    kept = sum(call["kept"] for call in found["calls"])
    assert rule["calls"]["high"] - kept <= rule["calls_to_pay"]["high"] < rule["calls"]["high"]
    assert rule["tokens"]["value"] == pytest.approx(22 * rule["calls_to_pay"]["value"], rel=0.01)
    assert f"of them are still to pay for: {kept} calls of these models on these rows are kept from earlier runs" in text
    (other,) = of_others["rules"].values()
    assert other["calls_to_pay"] == other["calls"]  # which rows those are is not known


def test_no_call_and_no_database_is_made(task: Path, capsys: pytest.CaptureFixture[str]):
    calls: list[str] = []

    def asked(text: str) -> str:
        calls.append(text)
        return "even"

    with serve({"a": asked}) as url:
        document(capsys, task, "-m", f"{url}#a", "--candidates", 3, "--guarantee", "anytime")
    assert calls == []
    assert not (task.parent / "runs.db").exists()


def test_models_on_this_machine(task: Path, capsys: pytest.CaptureFixture[str], smollm2_path: Path):
    found = document(capsys, task, "-m", smollm2_path, "--candidates", 2, "--guarantee", "anytime")
    (call,) = found["calls"]
    assert call["candidate"] == str(smollm2_path)
    assert call["seconds"] is None or call["seconds"]["low"] < call["seconds"]["high"]
    assert call["seconds"] is not None or call["seconds_unknown"]


@pytest.mark.parametrize(
    ("words", "code", "what"),
    [
        ([], 2, "neither a task nor the numbers"),
        (["--candidates", "5"], 2, "neither a task nor the numbers"),
        (["--candidates", "100", "--rows", "900000"], 2, "more than can be simulated"),
        (["--candidates", "1", "--rows", "100"], 2, "1 is not in the range"),
        (["--candidates", "2", "--rows", "100", "--guarantee", "luck"], 2, "'luck' is not one of"),
        (["--candidates", "2", "--rows", "100", "--tolerance", "nan"], 2, "no finite number"),
        (["nowhere/task.toml"], 2, "task.toml"),
    ],
)
def test_errors_say_what_to_do(words: list[str], code: int, what: str, capsys: pytest.CaptureFixture[str]):
    assert run(["plan", *words, "--json"]) == code
    told = json.loads(capsys.readouterr().out)["error"]
    assert what in " ".join([told["what"], told["where"]])
    assert told["remedy"]


def test_one_candidate_is_no_decision(task: Path, capsys: pytest.CaptureFixture[str]):
    with serve({"a": lambda _: "even"}) as url:
        assert run(["plan", str(task), "-m", f"{url}#a"]) == 2
    assert "nothing to decide" in capsys.readouterr().err


def test_a_task_without_models(task: Path, capsys: pytest.CaptureFixture[str]):
    assert run(["plan", str(task), "--directory", str(task.parent)]) == 2
    assert "no model on this machine could be run" in capsys.readouterr().err
    assert "on 60 rows" in said(capsys, task, "--candidates", 2, "--guarantee", "anytime")
