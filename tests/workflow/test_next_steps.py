"""The commands that would tell more than an answer without calls: what they repeat, and what they say that they take."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from llmpick.cli.main import run

TASK = """
name = "echo"
kind = "short-answer"
model_directories = ["MODELS"]
[examples]
file = "rows.jsonl"
reference = "answer"
[prompt]
template = "{{ text }}"
"""
JUDGED = """
name = "talk"
kind = "generate"
[examples]
file = "rows.jsonl"
[prompt]
template = "{{ text }}"
[judge]
model = "MODEL"
opponent = "MODEL"
"""
ROWS = 12


@pytest.fixture
def steps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., list[dict[str, Any]]]:
    for name in ("HOME", "HF_HOME", "MODELSCOPE_CACHE", "OLLAMA_MODELS"):
        monkeypatch.setenv(name, str(tmp_path / name))
    monkeypatch.setenv("OLLAMA_HOST", "http://127.0.0.1:9")
    monkeypatch.setenv("LLMPICK_DB", str(tmp_path / "runs.db"))
    rows = [json.dumps({"text": f"say {i}", "answer": str(i)}) for i in range(ROWS)]
    (tmp_path / "rows.jsonl").write_text("\n".join(rows), encoding="utf-8")

    def ask(task: str, *words: str) -> list[dict[str, Any]]:
        (tmp_path / "my task.toml").write_text(task, encoding="utf-8")
        assert run(["pick", str(tmp_path / "my task.toml"), *words, "--json"]) == 0
        return json.loads(capsys.readouterr().out)["next_steps"]

    return ask


def test_a_command_repeats_what_was_asked_and_can_be_pasted(steps: Callable[..., Any], tmp_path: Path, smollm2_path: Path) -> None:
    asked = ("--model", str(smollm2_path), "--seed", "3", "--cost-by", "memory", "--budget", "500calls", "--budget", "2.5minutes")
    (step,) = steps(TASK.replace('"MODELS"', ""), "--dry-run", *asked)
    assert step["command"] == f"llmpick pick '{tmp_path}/my task.toml' --model {smollm2_path} --seed 3 " + " ".join(asked[4:])
    assert (step["calls"], step["download_bytes"]) == (ROWS, None)


def test_kept_answers_are_not_asked_again(steps: Callable[..., Any], smollm2_path: Path) -> None:
    task = TASK.replace('"MODELS"', "")
    (before,) = steps(task, "--dry-run", "-m", str(smollm2_path))
    assert steps(task, "-m", str(smollm2_path), "--budget", "8calls") == [], "an answer that rests on calls says what would decide"
    (after,) = steps(task, "--dry-run", "-m", str(smollm2_path))
    assert (before["calls"], after["calls"]) == (ROWS, ROWS - 8)
    assert after["seconds"]["low"] <= after["seconds"]["value"] <= after["seconds"]["high"], "the kept calls tell"


def test_the_judges_calls_are_counted_and_their_tokens_are_not_known(
    steps: Callable[..., Any], smollm2_path: Path, gemma_path: Path
) -> None:
    models = ("-m", str(smollm2_path), "-m", str(gemma_path))
    step, plan = steps(JUDGED.replace("MODEL", str(gemma_path)), "--dry-run", *models)
    assert step["calls"] == 2 * ROWS + 2 * 2 * ROWS + ROWS, "two answers, two pairs in both orders, and the opponent's answer"
    assert "judge" in step["unknown"]["tokens"]
    assert plan["command"].startswith("llmpick plan ")
    assert plan["calls"] == 0
