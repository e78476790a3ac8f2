"""The step "expect" of `pick`: every model of known size has an expected score, and what is worth fetching is ordered by it."""

import json
from pathlib import Path
from typing import Any

import pytest

from llmpick.cli.main import run
from llmpick.workflow.expected_candidates import FITS

TASK = """
name = "sums"
kind = "number"
languages = ["en"]
[examples]
file = "rows.jsonl"
reference = "answer"
[prompt]
template = "Solve: {{ question }}"
[limits]
memory = "6 GB"
"""


@pytest.fixture
def task(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A task on a machine without models."""
    for cache in ("HF_HOME", "MODELSCOPE_CACHE", "HOME"):
        monkeypatch.setenv(cache, str(tmp_path / cache))
    monkeypatch.setenv("OLLAMA_HOST", "http://127.0.0.1:9")
    rows = [{"question": f"How many are {n} and {n + 1} together?", "answer": 2 * n + 1} for n in range(20)]
    (tmp_path / "rows.jsonl").write_text("\n".join(map(json.dumps, rows)))
    (tmp_path / "task.toml").write_text(TASK)
    return tmp_path / "task.toml"


def dry(task: Path, capsys: Any, *words: str) -> dict[str, Any]:
    assert run(["pick", str(task), "--dry-run", "--json", *words]) in (0, 3)
    return json.loads(capsys.readouterr().out)


def test_the_best_that_fits_comes_first(task: Path, capsys: Any) -> None:
    found = dry(task, capsys)
    listed = [one for one in found["candidates"] if one["status"] == "unmeasured" and one["type"] == "catalog"]
    worth = [FITS[one["fetch"]["fits"]] * one["expected"]["value"] for one in listed if one["expected"]]
    assert len(worth) > 5
    fitting = [one for one in worth if one > 0]
    assert worth[: len(fitting)] == fitting  # what does not fit comes last
    named = len(fitting) // 2  # models whose makers do not name English stand behind those whose makers do
    assert fitting[:named] == sorted(fitting[:named], reverse=True)
    assert all(one["expected"]["low"] <= one["expected"]["value"] <= one["expected"]["high"] for one in listed if one["expected"])
    assert any("a prior from published benchmarks" in note and "math" in note for note in found["notes"])


def test_the_family_decides_the_order(task: Path, capsys: Any) -> None:
    math = [one["id"] for one in dry(task, capsys)["candidates"]]
    task.write_text(TASK.replace('name = "sums"', 'name = "sums"\nfamily = "chat"'))
    chat = dry(task, capsys)
    assert sorted(math) == sorted(one["id"] for one in chat["candidates"])
    assert math != [one["id"] for one in chat["candidates"]]
    assert any("chat 100%" in note for note in chat["notes"])
    assert any("The prior has learnt from models up to" in note for note in chat["notes"])


def test_a_model_that_the_catalog_does_not_know_has_none_and_says_why(task: Path, capsys: Any) -> None:
    found = dry(task, capsys, "--model", "http://127.0.0.1:9/v1#nobody-knows-me")
    (one,) = (one for one in found["candidates"] if one["type"] == "endpoint")
    assert one["expected"] is None
    assert one["unknown"]["expected"] == "its number of parameters is not known"


def test_the_prior_of_a_day_knows_no_later_model(task: Path, capsys: Any) -> None:
    found = dry(task, capsys, "--as-of", "2022-01-01")
    assert any("on that day" in note for note in found["notes"])
    expected = {one["id"]: one["expected"] for one in found["candidates"] if one["type"] == "catalog"}
    assert expected["EleutherAI/gpt-j-6b"]["value"] < 0.3  # nobody but GPT-2 and its like had been scored
    assert not any("Qwen" in name for name in expected)
