"""`[answer] by = "likelihood"`: a choice of a task file answered by what a model finds likely, from `pick` to its document."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.measure.scripted_scorer import ScriptedScorer

from llmpick.cli.main import run
from llmpick.evidence.errors import InputError
from llmpick.evidence.model import Endpoint, Runnable
from llmpick.measure.likelihood import TextScorer
from llmpick.workflow import lanes

TASK = """
name = "rain or sun"
kind = "choice"
[examples]
file = "rows.jsonl"
reference = "label"
[prompt]
template = "{{ text }}"
[answer]
labels = ["rain", "sunshine"]
by = "likelihood"
"""
GOOD, BAD = "http://127.0.0.1:9/v1#good", "http://127.0.0.1:9/v1#bad"


@pytest.fixture
def task(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LLMPICK_DB", str(tmp_path / "runs.db"))
    rows = [{"text": f"Case {i}, {'wet' if i % 3 else 'dry'}:", "label": "rain" if i % 3 else "sunshine"} for i in range(45)]
    (tmp_path / "rows.jsonl").write_text("\n".join(map(json.dumps, rows)))
    (tmp_path / "task.toml").write_text(TASK)
    return tmp_path / "task.toml"


def knows(context: str, text: str) -> float:
    """Bits. By the sum of them the short word always wins; per byte, or against what it is worth alone, the right one does."""
    usual = {" rain": 4.0, " sunshine": 9.0}[text]
    right = " rain" if "wet" in context else " sunshine"
    return usual - (2.5 if context and text == right else 0.0)


def guesses(context: str, text: str) -> float:
    return {" rain": 4.0, " sunshine": 3.0}[text]


def opener(**scorers: Callable[[], TextScorer] | Exception) -> Callable[..., TextScorer]:
    def opened(run: Runnable | None, **_: Any) -> TextScorer:
        assert isinstance(run, Endpoint)
        made = scorers[run.model]
        if isinstance(made, Exception):
            raise made
        return made()

    return opened


def picked(task: Path, capsys: pytest.CaptureFixture[str], *models: str) -> dict[str, Any]:
    words = [word for model in models for word in ("--model", model)]
    assert run(["pick", str(task), *words, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def score_of(document: dict[str, Any], name: str) -> float:
    return next(one for one in document["candidates"] if one["id"] == name)["score_on_rows"]["value"]


def test_the_model_that_finds_the_right_label_likely_is_chosen(
    task: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = ScriptedScorer(knows)
    monkeypatch.setattr(lanes, "open_scorer", opener(good=lambda: made, bad=lambda: ScriptedScorer(guesses)))
    task.write_text(TASK + 'normalise = "calibrated"\n')
    document = picked(task, capsys, GOOD, BAD)
    assert score_of(document, GOOD) > 0.9
    assert score_of(document, BAD) < 0.75  # equal gains: always the first label
    asked = len(made.asked)
    again = picked(task, capsys, GOOD, BAD)
    assert score_of(again, GOOD) == score_of(document, GOOD)
    assert len(made.asked) == asked  # kept calls are not asked again


def test_another_normalisation_is_another_call(task: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lanes, "open_scorer", opener(good=lambda: ScriptedScorer(knows)))
    scores: dict[str, float] = {}
    for normalise in ("none", "calibrated"):
        task.write_text(TASK + f'normalise = "{normalise}"\n')
        scores[normalise] = score_of(picked(task, capsys, GOOD), GOOD)
    assert scores == {"none": pytest.approx(2 / 3, abs=0.1), "calibrated": 1.0}


def test_an_engine_that_cannot_score_text_fails_alone(
    task: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    cannot = InputError("the server tells no likelihood of a prompt", where=BAD, remedy="use an engine that does")
    monkeypatch.setattr(lanes, "open_scorer", opener(good=lambda: ScriptedScorer(knows), bad=cannot))
    document = picked(task, capsys, GOOD, BAD)
    failed = next(one for one in document["candidates"] if one["id"] == BAD)
    assert failed["status"] == "failed"
    assert "tells no likelihood" in failed["reasons"][0]
    assert score_of(document, GOOD) > 0.9


def test_a_real_model_by_likelihood(task: Path, capsys: pytest.CaptureFixture[str], smollm2_path: Path) -> None:
    rows = [
        {"text": "The opposite of hot is", "label": "cold"},
        {"text": "The opposite of small is", "label": "big"},
        {"text": "The opposite of warm is", "label": "cold"},
        {"text": "The opposite of little is", "label": "big"},
    ]
    (task.parent / "rows.jsonl").write_text("\n".join(map(json.dumps, rows)))
    task.write_text(TASK.replace('labels = ["rain", "sunshine"]\n', ""))
    document = picked(task, capsys, str(smollm2_path))
    assert score_of(document, str(smollm2_path)) >= 0.75
    engine = next(one["engine"] for one in document["candidates"] if one["id"] == str(smollm2_path))
    assert engine["name"] == "llama.cpp"
