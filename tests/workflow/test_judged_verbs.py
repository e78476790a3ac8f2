"""A judged task from the command line to the answer: `race` and `pick` with both real models, and what counts, on served ones."""

import json
import signal
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.workflow.served import Model, serve

from llmpick.cli.main import run

QUESTIONS = (
    "What is the capital of France?",
    "Name a colour.",
    "How many legs has a spider?",
    "What do bees make?",
    "What barks?",
    "Hello!",
)
TASK = """
name = "small talk"
kind = "generate"
tolerance = 0.1
[examples]
file = "rows.jsonl"
[prompt]
template = "{{ question }}"
[answer]
max_tokens = 8
[judge]
model = "JUDGE"
opponent = "OPPONENT"
criteria = "which answer is longer"
"""
PAIRS_OF_CALLS = 2
INTERRUPT_AT = 40


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LLMPICK_DB", str(tmp_path / "runs.db"))
    for cache in ("HF_HOME", "MODELSCOPE_CACHE", "HOME"):
        monkeypatch.setenv(cache, str(tmp_path / cache))
    monkeypatch.setenv("OLLAMA_HOST", "http://127.0.0.1:9")
    return tmp_path


def written(folder: Path, judge: str | Path, opponent: str | Path, rows: Sequence[str] = QUESTIONS, more: str = "") -> Path:
    (folder / "rows.jsonl").write_text("".join(json.dumps({"question": row}) + "\n" for row in rows), encoding="utf-8")
    (folder / "task.toml").write_text(TASK.replace("JUDGE", str(judge)).replace("OPPONENT", str(opponent)) + more, encoding="utf-8")
    return folder / "task.toml"


def answer(words: Sequence[str | Path], capsys: pytest.CaptureFixture[str], *, code: int = 0) -> dict[str, Any]:
    assert run([*map(str, words), "--json"]) == code
    return json.loads(capsys.readouterr().out)


def one(document: dict[str, Any], name: str) -> dict[str, Any]:
    return next(candidate for candidate in document["candidates"] if candidate["id"].endswith(name))


def calls(document: dict[str, Any]) -> int:
    return sum(candidate["calls"] for candidate in document["candidates"])


def noted(document: dict[str, Any], words: str) -> str:
    return next(note for note in document["notes"] if words in note)


def test_both_real_models_before_a_real_judge(home: Path, smollm2_path: Path, gemma_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """SmolLM2 is its own opponent: always a tie, and asked once. Gemma's verdicts hang on the order, and the answer says so."""
    task = written(home, gemma_path, smollm2_path)
    words = (task, "-m", smollm2_path, "-m", gemma_path)
    raced = answer(["race", *words], capsys)
    assert raced["metric"] == "judge"
    assert one(raced, smollm2_path.name)["score_on_rows"]["value"] == 0.5
    assert one(raced, gemma_path.name)["score_on_rows"]["value"] in {k / 12 for k in range(13)}
    assert calls(raced) in (len(QUESTIONS), 2 * len(QUESTIONS)), "SmolLM2 answered as candidate or as opponent, whichever came first"
    judged = raced["spent"]["calls"] - 2 * len(QUESTIONS)
    assert raced["everything"]["calls"] == raced["spent"]["calls"], "all rows were run, and what both share is counted once"
    assert 0 < judged <= PAIRS_OF_CALLS * len(QUESTIONS)
    assert f"{judged} calls" in noted(raced, "in both orders: ")
    assert "not shown to read the answers" in " ".join(raced["notes"]) or "not worth its calls" in " ".join(raced["notes"])
    picked = answer(["pick", *words], capsys)
    assert picked["spent"]["calls"] == 0, "everything was kept"
    assert noted(picked, "in both orders: ") == noted(raced, "in both orders: ")
    assert one(picked, gemma_path.name)["score_on_rows"]["value"] == one(raced, gemma_path.name)["score_on_rows"]["value"]


def the_longer(text: str) -> str:
    first, second = (len(text.split(f"[answer {side} ")[1].split("[end")[0].split()) for side in "AB")
    return "A" if first > second else "B" if second > first else "tie"


MODELS = {"judge": the_longer, "plain": lambda _: "an answer", "wordy": lambda _: "a long and winding answer", "terse": lambda _: "no"}
MANY = [f"say something of number {i}" for i in range(60)]


def test_the_longer_answers_win_and_every_call_counts(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with serve(MODELS) as url:
        task = written(home, f"{url}#judge", f"{url}#plain", MANY)
        raced = answer(["race", task, "-m", f"{url}#terse", "-m", f"{url}#wordy"], capsys)
    assert raced["verdict"] == "won"
    assert raced["chosen"].endswith("#wordy")
    rows = one(raced, "#wordy")["rows_run"]
    assert one(raced, "#terse")["rows_run"] == rows < len(MANY)
    assert raced["spent"]["calls"] == 2 * rows + rows + 2 * PAIRS_OF_CALLS * rows, "two answers, the opponent's, two pairs in both orders"
    assert raced["everything"]["calls"] == 7 * len(MANY)
    assert raced["cost_fraction"] == rows / len(MANY)
    assert "it is shown to judge answers" in " ".join(raced["notes"])


def test_the_budget_bears_the_judge(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with serve(MODELS) as url:
        task = written(home, f"{url}#judge", f"{url}#plain", MANY)
        raced = answer(["race", task, "-m", f"{url}#terse", "-m", f"{url}#wordy", "--budget", "30calls"], capsys)
    assert raced["stop"] == "budget"
    assert 20 < raced["spent"]["calls"] <= 30


def test_an_opponent_who_races_is_asked_once(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with serve(MODELS) as url:
        task = written(home, f"{url}#judge", f"{url}#plain", MANY)
        raced = answer(["race", task, "-m", f"{url}#plain", "-m", f"{url}#terse", "--budget", "50calls"], capsys)
    plain = one(raced, "#plain")
    for score in ("score", "score_on_rows"):
        assert (plain[score]["value"], plain[score]["low"], plain[score]["high"]) == (0.5, 0.5, 0.5)
    gap, terse = one(raced, "#terse")["difference"], one(raced, "#terse")["score_on_rows"]
    assert (gap["low"], gap["high"]) == pytest.approx((terse["low"] - 0.5, terse["high"] - 0.5))
    assert raced["spent"]["calls"] <= calls(raced) + plain["rows_run"] + PAIRS_OF_CALLS * one(raced, "#terse")["rows_run"]


def test_a_judge_who_races_judges_itself_and_a_note_says_so(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with serve({**MODELS, "judge": lambda text: the_longer(text) if "[answer A" in text else "mine"}) as url:
        task = written(home, f"{url}#judge", f"{url}#plain", MANY)
        raced = answer(["race", task, "-m", f"{url}#judge", "-m", f"{url}#terse"], capsys)
        fair = answer(["race", task, "-m", f"{url}#wordy", "-m", f"{url}#terse"], capsys)
    assert f"{url}#judge is the judge and a candidate" in noted(raced, "judges its own answers")
    assert not [note for note in fair["notes"] if "its own answers" in note]


def test_pick_says_that_the_opponent_scores_one_half_by_definition(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with serve(MODELS) as url:
        task = written(home, f"{url}#judge", f"{url}#plain", MANY)
        picked = answer(["pick", task, "-m", f"{url}#plain", "-m", f"{url}#terse", "-m", f"{url}#wordy"], capsys)
        assert run(["pick", str(task), "-m", f"{url}#plain", "-m", f"{url}#terse"]) == 0
    plain, wordy, terse = (one(picked, name) for name in ("#plain", "#wordy", "#terse"))
    assert picked["chosen"] == wordy["id"]
    for score in ("score", "score_on_rows"):
        assert (plain[score]["value"], plain[score]["low"], plain[score]["high"]) == (0.5, 0.5, 0.5)
    assert plain["difference"]["high"] == pytest.approx(0.5 - wordy["score_on_rows"]["low"])
    assert terse["difference"]["value"] == -1.0
    assert noted(picked, "the judge's opponent and a candidate").startswith(plain["id"])
    assert "scores 50.0% by definition" in " ".join(capsys.readouterr().out.split())


def the_longer_or_an_answer(text: str) -> str:
    """One model as judge and as candidate."""
    return the_longer(text) if "[answer A " in text else "an answer"


FAMILY = {
    "gemma-3-4b-it": the_longer_or_an_answer,
    "gemma-3-1b-it": lambda _: "an answer",
    "gemma-3-270m-it": lambda _: "two short words",
    **MODELS,
}


@pytest.mark.parametrize(
    ("judge", "opponent", "racing", "said"),
    [
        ("gemma-3-4b-it", "plain", "gemma-3-270m-it", "is of the judge's own family, gemma-3,"),
        ("gemma-3-4b-it", "gemma-3-1b-it", "terse", "The opponent is of the judge's own family, gemma-3,"),
        ("gemma-3-4b-it", "gemma-3-4b-it", "terse", "The judge compares every answer with one of its own"),
        ("gemma-3-4b-it", "plain", "gemma-3-4b-it", "is the judge and a candidate"),
        ("judge", "plain", "gemma-3-270m-it", None),
    ],
)
def test_a_bench_that_may_favour_somebody_is_told_of(
    home: Path, judge: str, opponent: str, racing: str, said: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    with serve(FAMILY) as url:
        task = written(home, f"{url}#{judge}", f"{url}#{opponent}", MANY[:8])
        picked = answer(["pick", task, "-m", f"{url}#{racing}", "-m", f"{url}#wordy"], capsys)
        raced = answer(["race", task, "-m", f"{url}#{racing}", "-m", f"{url}#wordy"], capsys)
    for document in (picked, raced):
        told = [note for note in document["notes"] if "favour" in note and "shown first" not in note]
        assert len(told) == (said is not None)
        assert said is None or said in told[0]


def test_another_judge_is_another_run_and_another_verdict(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with serve({**MODELS, "contrary": lambda text: {"A": "B", "B": "A", "tie": "tie"}[the_longer(text)]}) as url:
        words = ("-m", f"{url}#terse", "-m", f"{url}#wordy")
        first = answer(["race", written(home, f"{url}#judge", f"{url}#plain", MANY), *words], capsys)
        second = answer(["race", written(home, f"{url}#contrary", f"{url}#plain", MANY), *words], capsys)
    assert first["chosen"].endswith("#wordy")
    assert second["chosen"].endswith("#terse")
    assert second["run"] != first["run"]
    rows = one(second, "#terse")["rows_run"]
    assert calls(second) == 0, "the answers were kept"
    assert second["spent"]["calls"] == 2 * PAIRS_OF_CALLS * rows, "the opponent's too; only the verdicts are new"


@pytest.mark.parametrize(
    ("judge", "opponent", "key"), [("nowhere.gguf", "plain", "nowhere.gguf"), ("judge", "nowhere.gguf", "nowhere.gguf")]
)
def test_a_bench_that_is_not_there_is_an_error_before_the_first_call(
    home: Path, judge: str, opponent: str, key: str, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[str] = []
    with serve({**MODELS, "terse": lambda text: asked.append(text) or "no"}) as url:
        names = [name if name.endswith(".gguf") else f"{url}#{name}" for name in (judge, opponent)]
        assert run(["race", str(written(home, *names)), "-m", f"{url}#terse", "--json"]) == 2
    assert key in capsys.readouterr().err
    assert not asked


def test_a_judge_that_refuses_loses_rows_and_decides_nothing(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with serve({**MODELS, "judge": lambda _: 404}) as url:
        task = written(home, f"{url}#judge", f"{url}#plain", MANY[:4])
        raced = answer(["race", task, "-m", f"{url}#terse", "-m", f"{url}#wordy"], capsys)
    assert raced["verdict"] == "undecided"
    assert [candidate["rows_lost"] for candidate in raced["candidates"]] == [4, 4]
    assert "out of order" in noted(raced, "8 answers could not be judged")


def test_the_logs_of_a_run_hold_candidates_only(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with serve(MODELS) as url:
        task = written(home, f"{url}#judge", f"{url}#plain", MANY[:8])
        raced = answer(["race", task, "-m", f"{url}#terse", "-m", f"{url}#wordy"], capsys)
    assert run(["export", raced["run"], "--format", "inspect", "--out", str(home / "logs")]) == 0
    models = {json.loads(file.read_text())["eval"]["model"].rpartition("#")[2] for file in (home / "logs").glob("*.json")}
    assert models == {"terse", "wordy"}


def test_a_race_that_was_broken_off_counts_every_call_of_both_sittings_once(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Ctrl-C in the first batch. The opponent races too, so that it and a candidate share calls."""
    served: list[str] = []

    def counting(name: str) -> Model:
        def model(text: str) -> str | int:
            served.append(name)
            if len(served) == INTERRUPT_AT:
                signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
            return MODELS[name](text)

        return model

    with serve({name: counting(name) for name in MODELS}) as url:
        task = written(home, f"{url}#judge", f"{url}#plain", MANY)
        words = ("race", task, "-m", f"{url}#plain", "-m", f"{url}#terse", "-m", f"{url}#wordy")
        broken = answer(words, capsys, code=130)
        assert broken["stop"] == "interrupted"
        assert broken["spent"]["calls"] == len(served)
        whole = answer(words, capsys)
    assert whole["run"] == broken["run"]
    assert whole["verdict"] == "won"
    assert len(served) > INTERRUPT_AT
    assert whole["spent"]["calls"] == len(served)
