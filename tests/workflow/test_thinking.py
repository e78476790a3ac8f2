"""One served model with and without thinking, from the command line to the answers of `pick` and `race`."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from tests.measure.canned_server import Reply, canned_server

from llmpick.cli.main import run

REPORTS = Path(__file__).parents[2] / "src/llmpick/report"
ROWS = 40
TASK = """
name = "parity"
kind = "choice"
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
    monkeypatch.setenv("LLMPICK_DB", str(tmp_path / "runs.db"))
    for cache in ("HF_HOME", "MODELSCOPE_CACHE", "HOME"):
        monkeypatch.setenv(cache, str(tmp_path / cache))
    monkeypatch.setenv("OLLAMA_HOST", "http://127.0.0.1:9")
    rows = [{"text": f"number {i}", "label": ("even", "odd")[i % 2]} for i in range(ROWS)]
    (tmp_path / "rows.jsonl").write_text("\n".join(map(json.dumps, rows)))
    (tmp_path / "task.toml").write_text(TASK)
    return tmp_path / "task.toml"


def replied(body: dict[str, Any]) -> Reply:
    """Thinks unless its template is told not to, and is right when it thinks; else it is right about half of the numbers."""
    asked = body["messages"][-1]["content"]
    number = int(asked.split()[-1]) if asked.startswith("number") else 0
    if body.get("chat_template_kwargs", {}).get("enable_thinking", True):
        message = {"content": ("even", "odd")[number % 2], "reasoning_content": f"Is {number} a multiple of two? I divide it."}
        used = 30
    else:
        message, used = {"content": ("even", "odd")[number % 3 % 2]}, 2
    choice = {"message": {"role": "assistant", **message}, "finish_reason": "stop"}
    return Reply(body={"choices": [choice], "usage": {"prompt_tokens": 20, "completion_tokens": used}})


@pytest.fixture
def served() -> Iterator[str]:
    with canned_server() as server:
        server.reply_to = replied
        yield f"{server.url}#m"


def answer(verb: str, words: list[str], capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    assert run([verb, *words, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    Draft202012Validator(json.loads((REPORTS / f"{verb}.schema.json").read_text())).validate(document)
    return document


@pytest.mark.parametrize("verb", ["pick", "race"])
def test_the_answer_says_what_thinking_bought(verb: str, task: Path, served: str, capsys: pytest.CaptureFixture[str]) -> None:
    words = [str(task), "-m", f"{served}?thinking=on", "-m", f"{served}?thinking=off"]
    [bought] = answer(verb, words, capsys)["thinking"]
    assert (bought["candidate"], bought["without"]) == (f"{served}?thinking=on", f"{served}?thinking=off")
    assert bought["difference"]["value"] > 0
    assert bought["difference"]["low"] <= bought["difference"]["value"] <= bought["difference"]["high"]
    assert bought["tokens_with"] >= 30 > 2 == bought["tokens_without"]
    assert bought["cut"] == 0
    assert run([verb, *words]) == 0
    assert "Thinking bought m?thinking=on +" in " ".join(capsys.readouterr().out.split())


def test_nothing_is_said_where_no_model_took_part_both_ways(task: Path, served: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert answer("pick", [str(task), "-m", f"{served}?thinking=on"], capsys)["thinking"] == []


def test_the_reasoning_is_not_shown_as_the_answer(task: Path, served: str, capsys: pytest.CaptureFixture[str]) -> None:
    words = [str(task), "-m", f"{served}?thinking=on", "-m", f"{served}?thinking=off"]
    document = answer("pick", words, capsys)
    said = {one["output"] for row in document["disagreements"] for one in row["answers"] if one["candidate"].startswith(served)}
    assert said == {"even", "odd"}
    assert run(["show", document["run"], "--calls"]) == 0
    assert "multiple" not in capsys.readouterr().out
    assert run(["show", document["run"], "--calls", "--json"]) == 0
    kept = [call["output"] for call in json.loads(capsys.readouterr().out)["calls"]]
    assert any("multiple of two" in output for output in kept), "what is kept holds the reasoning"


def test_the_price_of_a_model_holds_with_and_without_thinking(task: Path, served: str, capsys: pytest.CaptureFixture[str]) -> None:
    task.write_text(TASK + f'[prices]\n"{served}" = {{input = 1, output = 100}}\n"{served}?thinking=off" = {{input = 1, output = 200}}\n')
    document = answer("race", [str(task), "-m", f"{served}?thinking=on", "-m", f"{served}?thinking=off"], capsys)
    assert document["cost_by"] == "money"
    cost = {one["id"].partition("?")[2]: one["cost"] * 1e6 for one in document["candidates"]}
    prompts = [one["tokens"] / one["calls"] for one in document["candidates"]]
    assert min(prompts) >= 22
    assert cost["thinking=off"] == pytest.approx(20 + 2 * 200), "its own price goes first"
    assert cost["thinking=on"] >= 20 + 30 * 100
