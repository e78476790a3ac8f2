"""The other stages of `race --cascade`: likelihood, an answer without thinking, and what cannot be a cascade."""

import json
from pathlib import Path
from typing import Any

import pytest
from tests.measure.canned_server import Reply, canned_server
from tests.measure.scripted_scorer import ScriptedScorer
from tests.workflow.cascades import chance, one, said, stage
from tests.workflow.served import serve

from llmpick.cli.main import run
from llmpick.evidence.errors import InputError
from llmpick.workflow import lanes
from llmpick.workflow.cascade.budget import PILOT

ROWS = 200
CHOICE = """
name = "rain or sun"
kind = "choice"
[examples]
file = "rows.jsonl"
reference = "label"
[prompt]
template = "{{ text }}"
[answer]
labels = ["rain", "sunshine"]
[[stage]]
by = "likelihood"
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LLMPICK_DB", str(tmp_path / "runs.db"))
    for cache in ("HF_HOME", "MODELSCOPE_CACHE", "HOME"):
        monkeypatch.setenv(cache, str(tmp_path / cache))
    monkeypatch.setenv("OLLAMA_HOST", "http://127.0.0.1:9")
    return tmp_path


def weather(folder: Path, task: str = CHOICE, rows: int = ROWS) -> str:
    lines = [{"text": f"Case {i}, {'wet' if i % 3 else 'dry'}:", "label": "rain" if i % 3 else "sunshine"} for i in range(rows)]
    (folder / "rows.jsonl").write_text("\n".join(map(json.dumps, lines)))
    (folder / "task.toml").write_text(task)
    return str(folder / "task.toml")


def unsure(context: str, text: str) -> float:
    """Bits: the right label is found likely where it will be written (`clerk`), and by little otherwise."""
    right = " rain" if "wet" in context else " sunshine"
    knows = chance("clerk", context.strip()[-20:]) < 0.7
    return (1.0 if text == right else 3.0 if knows else 0.2) * len(text)


def clerk(text: str) -> str:
    right, wrong = ("rain", "sunshine") if "wet" in text else ("sunshine", "rain")
    return right if chance("clerk", text.strip()[-20:]) < 0.7 else wrong


def test_likelihood_before_a_written_label(home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    scorer = ScriptedScorer(unsure)
    monkeypatch.setattr(lanes, "open_scorer", lambda *_, **__: scorer)
    with serve({"clerk": clerk}) as address:
        found = said(["race", weather(home), "-m", f"{address}#clerk", "--cascade", "--budget", "10minutes"], capsys)
        truth = sum(clerk(f"Case {i}, {'wet' if i % 3 else 'dry'}:") == ("rain" if i % 3 else "sunshine") for i in range(ROWS)) / ROWS
    assert stage(found, "likelihood")["explains"] > 0.9
    assert len(scorer.asked) == 2 * stage(found, "likelihood")["rows_bought"]
    assert found["candidates"][0]["score_on_rows"]["low"] <= truth <= found["candidates"][0]["score_on_rows"]["high"]
    # In ten minutes the truth can be had of all rows, and nothing is as good.
    assert (found["stop"], stage(found, "truth")["rows"]) == ("all_rows", ROWS)
    assert stage(found, "likelihood")["rows"] == 0
    assert found["candidates"][0]["score_on_rows"] == {"value": truth, "low": truth, "high": truth, "confidence": 0.95}


def thinker(body: dict[str, Any]) -> Reply:
    """Right on three quarters of the rows where it thinks, at 300 tokens; at once it writes the same on nearly all of them, for 2."""
    asked = body["messages"][-1]["content"]
    thinks = body.get("chat_template_kwargs", {}).get("enable_thinking", True)
    right, wrong = ("rain", "sunshine") if "wet" in asked else ("sunshine", "rain")
    label = right if chance("thinks", asked) < (0.75 if thinks else 0.7) else wrong
    message = {"content": label, **({"reasoning_content": "It is wet, or is it?"} if thinks else {})}
    usage = {"prompt_tokens": 10, "completion_tokens": 300 if thinks else 2}
    return Reply(body={"choices": [{"message": {"role": "assistant", **message}, "finish_reason": "stop"}], "usage": usage})


def test_an_answer_at_once_before_one_with_thinking(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    task = CHOICE.replace('by = "likelihood"', 'by = "generation"\nthinking = "off"')
    with canned_server() as server:
        server.reply_to = thinker
        found = said(["race", weather(home, task), "-m", f"{server.url}#m?thinking=on", "--cascade", "--budget", "20000tokens"], capsys)
    quick, truth = found["stages"]
    assert quick["cost_per_row"] < 0.1 * truth["cost_per_row"]
    assert quick["rows"] > truth["rows"] >= PILOT
    assert found["truth_alone"]["cost_ratio"] > 1.3
    assert found["spent"]["tokens"] <= 20000


def test_a_stage_that_cannot_be_had_is_left_out(home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def cannot(*_: Any, **__: Any) -> ScriptedScorer:
        raise InputError("the server tells no likelihood of a prompt", where="the server", remedy="use an engine that does")

    monkeypatch.setattr(lanes, "open_scorer", cannot)
    with serve({"clerk": clerk}) as address:
        found = said(["race", weather(home), "-m", f"{address}#clerk", "--cascade", "--budget", "1760tokens"], capsys)
    assert "it cannot be had: the server tells no likelihood" in stage(found, "likelihood")["left_out"]
    assert (found["stop"], stage(found, "truth")["rows"]) == ("done", 80)


def test_a_candidate_whose_engine_fails_is_no_part_of_it(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    task = CHOICE.replace('by = "likelihood"', 'by = "generation"').replace("[[stage]]", 'by = "likelihood"\n[[stage]]')
    with serve({"clerk": clerk}) as address, pytest.MonkeyPatch.context() as patch:
        patch.setattr(lanes, "open_scorer", lambda run, **_: ScriptedScorer(unsure, fails_at=20 if "lost" in run.model else None))
        words = ["race", weather(home, task), "-m", f"{address}#clerk", "-m", f"{address}#lost", "--cascade", "--budget", "10minutes"]
        found = said(words, capsys, code=1)
    assert one(found, "#lost")["status"] == "failed"
    assert (found["verdict"], found["chosen"], one(found, "#clerk")["status"]) == ("alone", None, "leader")
    assert "it was compared with nothing" in found["reasons"][0]
    assert "the engine broke" in one(found, "#lost")["reasons"][0]
    assert one(found, "#clerk")["score_on_rows"]["value"] > 0.5


def test_both_ways_of_a_real_model(home: Path, smollm2_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A short answer: the likelihood of the right one, then what is written."""
    pairs = [("hot", "cold"), ("big", "small"), ("up", "down"), ("left", "right"), ("day", "night")]
    rows = [{"text": f"Number {i}. The opposite of {a} is", "label": b} for i in range(8) for a, b in pairs]
    task = CHOICE.replace('"choice"', '"short-answer"').replace('labels = ["rain", "sunshine"]', "max_tokens = 4")
    weather(home, task)
    (home / "rows.jsonl").write_text("\n".join(map(json.dumps, rows)))
    found = said(["race", str(home / "task.toml"), "-m", str(smollm2_path), "--cascade", "--budget", "1800tokens"], capsys)
    likelihood, truth = found["stages"]
    assert likelihood["rows_bought"] >= PILOT <= truth["rows"]
    assert likelihood["spent"]["tokens"] > 0 < truth["spent"]["tokens"]
    assert found["spent"]["tokens"] <= 1800
    assert found["candidates"][0]["engine"]["name"] == "llama.cpp"


@pytest.mark.parametrize(
    ("more", "words", "complaint"),
    [
        ("", [], "a budget of one kind, and there are 0"),
        ("", ["--budget", "100calls", "--budget", "9minutes"], "a budget of one kind, and there are 2"),
        ("", ["--budget", "5money"], "costs no money"),
        ("drop", ["--budget", "100calls"], "the task has no stages"),
        ("short", ["--budget", "100calls"], "a cascade can save nothing"),
        ("cluster", ["--budget", "100calls"], "takes rows to stand alone"),
        ("", ["--budget", "100calls", "--guarantee", "bayes"], "--guarantee has no effect with --cascade"),
    ],
)
def test_what_cannot_be_a_cascade(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, more: str, words: list[str], complaint: str
) -> None:
    monkeypatch.setattr(lanes, "open_scorer", lambda *_, **__: ScriptedScorer(unsure))
    task = CHOICE.partition("[[stage]]")[0] if more == "drop" else CHOICE
    task = task.replace('reference = "label"', 'reference = "label"\ncluster = "text"') if more == "cluster" else task
    with serve({"clerk": clerk}) as address:
        name = weather(home, task, rows=30 if more == "short" else ROWS)
        assert run(["race", name, "-m", f"{address}#clerk", "--cascade", *words]) == 2
    assert complaint in capsys.readouterr().err


def test_in_calls_a_stage_that_takes_as_many_is_left_out_before_the_first(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Then the truth gets the whole budget, and the first call is one of it."""
    with serve({"clerk": clerk, "guesser": lambda _: "rain"}) as address:
        words = ["race", weather(home), "-m", f"{address}#clerk", "-m", f"{address}#guesser", "--cascade", "--budget", "100calls"]
        found = said(words, capsys)
        assert run(words) == 0
    told = " ".join(capsys.readouterr().out.split())
    cheap = stage(found, "likelihood")
    assert (cheap["rows_bought"], cheap["left_out"].split(",")[0]) == (0, "a row of it takes as many calls as one of the truth")
    assert (found["spent"]["calls"], stage(found, "truth")["rows"]) == (100, 50)
    assert "likelihood: left out before the first call: a row of it takes as many calls" in told
    assert "No cheaper evidence was bought" in told


@pytest.mark.parametrize(("budget", "needed"), [("39calls", "40 calls for 2 models"), ("50tokens", "tokens for 2 models")])
def test_a_budget_that_ends_in_the_pilot_is_refused_before_the_first_call(
    home: Path, budget: str, needed: str, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[str] = []

    def answer(text: str) -> str:
        asked.append(text)
        return "rain"

    with serve({"a": answer, "b": answer}) as address:
        words = ["race", weather(home), "-m", f"{address}#a", "-m", f"{address}#b", "--cascade"]
        assert run([*words, "--budget", budget]) == 2
        told = " ".join(capsys.readouterr().err.split())
        assert f"does not reach through the pilot: {PILOT} rows" in told
        assert needed in told
        assert asked == []
        assert not (home / "runs.db").exists()
        assert said([*words, "--budget", "40calls"], capsys)["stages"][-1]["rows"] == PILOT
        # What is kept counts as what it took: the same budget means the same on any store.
        assert run([*words, "--budget", budget]) == 2
