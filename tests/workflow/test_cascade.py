"""`race --cascade` as a user types it, a cheap judge before a dear one: what it saves, what it says, what goes on after a break."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.workflow.cascades import chance, one, said, stage
from tests.workflow.served import serve

from llmpick.cli.main import run
from llmpick.workflow.cascade.budget import PILOT
from llmpick.workflow.cascade.race import PROBE

ROWS = 200
JUDGED = """
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
model = "URL#dear"
opponent = "URL#plain"
[prices]
"URL#dear" = { input = 1000, output = 0 }
"URL#near" = { input = 10, output = 0 }
"URL#blind" = { input = PRICE, output = 0 }
"URL#plain" = { input = 1, output = 0 }
"URL#good" = { input = 5, output = 0 }
"URL#poor" = { input = 5, output = 0 }
[[stage]]
by = "judge"
model = "URL#CHEAP"
"""
DEAR_ROW = 2 * 2 * 20 * 1000 / 1e6
"""Money for a row of the dear judge: two candidates, both orders, 20 tokens."""


def writes(who: str, share: float) -> Callable[[str], str]:
    """A model whose answer is longer than the opponent's on this share of the rows."""

    def answer(question: str) -> str:
        number = re.findall(r"\d+", question)[-1]
        return f"{number} {'a long and winding tale' if chance(who, number) < share else 'hm'} {who}"

    return answer


def longer(wrong: float = 0.0) -> Callable[[str], str]:
    """A judge for whom the longer answer wins, but for a share of the answers, where it says the opposite."""

    def verdict(text: str) -> str:
        first, second = (text.split(f"[answer {side} ")[1].split("]", 1)[1].split("[end")[0].strip() for side in "AB")
        astray = chance("astray", *sorted([first, second])) < wrong
        return "A" if (len(first) > len(second)) != astray else "B"

    return verdict


MODELS = {
    "dear": longer(),
    "near": longer(0.06),
    "blind": longer(0.5),
    "plain": lambda question: f"{re.findall(r'[0-9]+', question)[-1]} an answer of it",
    "good": writes("good", 0.7),
    "poor": writes("poor", 0.4),
}
TRUTH = {name: sum(chance(name, str(i)) < share for i in range(ROWS)) / ROWS for name, share in (("good", 0.7), ("poor", 0.4))}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LLMPICK_DB", str(tmp_path / "runs.db"))
    for cache in ("HF_HOME", "MODELSCOPE_CACHE", "HOME"):
        monkeypatch.setenv(cache, str(tmp_path / cache))
    monkeypatch.setenv("OLLAMA_HOST", "http://127.0.0.1:9")
    return tmp_path


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with serve(MODELS) as address:
        yield address


def judged(folder: Path, url: str, cheap: str = "near", price: int = 10) -> list[str]:
    (folder / "rows.jsonl").write_text("".join(json.dumps({"question": f"say something of {i}"}) + "\n" for i in range(ROWS)))
    (folder / "task.toml").write_text(JUDGED.replace("CHEAP", cheap).replace("PRICE", str(price)).replace("URL", url))
    return ["race", str(folder / "task.toml"), "-m", f"{url}#good", "-m", f"{url}#poor", "--cascade"]


def test_a_cheap_judge_saves_verdicts_of_the_dear_one(home: Path, url: str, capsys: pytest.CaptureFixture[str]) -> None:
    money = 60 * DEAR_ROW
    found = said([*judged(home, url), "--budget", f"{money}money"], capsys)
    assert (found["verdict"], found["stop"], found["unit"]) == ("won", "done", "money")
    assert found["chosen"].endswith("#good")
    for name, truth in TRUTH.items():
        score = one(found, f"#{name}")["score_on_rows"]
        assert score["low"] <= truth <= score["high"]
        assert score["high"] - score["low"] < 0.25
    gap = one(found, "#poor")["difference_on_rows"]
    assert gap["low"] <= TRUTH["poor"] - TRUTH["good"] <= gap["high"] < 0
    cheap, truth = stage(found, "judge"), stage(found, "truth")
    assert ROWS >= cheap["rows"] > truth["rows"] > PILOT
    assert cheap["explains"] > 0.5
    assert 0.8 * money < found["spent"]["money"] <= money
    assert found["truth_alone"]["variance_ratio"] > 1.3
    assert found["truth_alone"]["cost_ratio"] > 1.2
    # Answers and the opponent's are bought by the cheap stage, and the dear judge reads the same ones.
    assert cheap["spent"]["calls"] == 2 * cheap["rows"] + cheap["rows"] + 4 * cheap["rows"]
    assert truth["spent"]["calls"] == 4 * truth["rows"]
    assert truth["cost_per_row"] == pytest.approx(DEAR_ROW)


def test_what_was_paid_is_not_paid_again(home: Path, url: str, capsys: pytest.CaptureFixture[str]) -> None:
    words = [*judged(home, url), "--budget", f"{50 * DEAR_ROW}money"]
    first, again = said(words, capsys), said(words, capsys)
    assert first["spent"]["calls"] > 0
    assert again["spent"]["calls"] == 0
    assert [each["rows"] for each in again["stages"]] == [each["rows"] for each in first["stages"]]
    assert [each["score"] for each in again["candidates"]] == [each["score"] for each in first["candidates"]]


@pytest.mark.parametrize(
    ("price", "rows", "because"),
    [
        (200, PILOT, "it does not pay at its cost (to pay at all it would have to foretell 56%)"),
        (600, PROBE, "a row of it costs 0.6 times one of the truth alone: whatever it foretells, it does not pay"),
    ],
)
def test_a_stage_that_does_not_pay_is_left_out_and_it_is_said(
    home: Path, url: str, capsys: pytest.CaptureFixture[str], price: int, rows: int, because: str
) -> None:
    """By what it tells after the pilot; by its price alone after fewer rows."""
    words = [*judged(home, url, "blind", price), "--budget", f"{60 * DEAR_ROW}money"]
    found = said(words, capsys)
    cheap, truth = stage(found, "judge"), stage(found, "truth")
    assert (cheap["rows"], cheap["rows_bought"], cheap["left_out"]) == (0, rows, because)
    assert 50 < truth["rows"] < 60
    assert 0.7 < found["truth_alone"]["variance_ratio"] < 1
    assert run(words) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert f"left out after {rows} rows: {because}" in text
    assert "the cascade did not pay here (its pilot was paid for)" in text


def test_broken_off_it_tells_what_is_known_and_goes_on(
    home: Path, url: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    words = [*judged(home, url), "--budget", f"{60 * DEAR_ROW}money"]
    from llmpick.workflow.cascade import race as cascade

    batches, run_batch = 0, cascade.run_batch

    def interrupted(*arguments: Any) -> None:
        nonlocal batches
        batches += 1
        if batches == 6:
            raise KeyboardInterrupt
        run_batch(*arguments)

    monkeypatch.setattr(cascade, "run_batch", interrupted)
    part = said(words, capsys, code=130)
    assert part["stop"] == "interrupted"
    assert any("The same command goes on" in note for note in part["notes"])
    assert one(part, "#good")["score_on_rows"]["low"] < TRUTH["good"] < one(part, "#good")["score_on_rows"]["high"]
    monkeypatch.setattr(cascade, "run_batch", run_batch)
    whole = said(words, capsys)
    assert (whole["run"], whole["stop"]) == (part["run"], "done")
    assert whole["spent"]["money"] <= 60 * DEAR_ROW
    assert stage(whole, "truth")["spent"]["calls"] == 4 * stage(whole, "truth")["rows"]
    monkeypatch.setenv("LLMPICK_DB", str(home / "other.db"))
    at_once = said(words, capsys)
    assert [each["rows"] for each in whole["stages"]] == [each["rows"] for each in at_once["stages"]]
    assert [each["score"] for each in whole["candidates"]] == [each["score"] for each in at_once["candidates"]]
    assert whole["spent"]["calls"] == at_once["spent"]["calls"]


def test_a_pilot_of_verdicts_that_cannot_be_paid_is_refused_and_what_is_needed_is_enough(
    home: Path, url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """In calls the near judge's verdicts are as many as the dear one's, so that only the task's own are bought."""
    words = judged(home, url)
    assert run([*words, "--budget", "40calls"]) == 2
    told = capsys.readouterr().err
    needed = int(re.findall(r"give more than (\d+) calls", told)[0])
    found = said([*words, "--budget", f"{needed}calls"], capsys)
    assert (found["stop"], stage(found, "judge")["rows_bought"]) == ("done", 0)
    assert stage(found, "truth")["rows"] >= PILOT
    assert found["spent"]["calls"] <= needed


def test_a_pilot_that_turns_out_too_dear_is_given_up_after_its_first_rows(home: Path, url: str, capsys: pytest.CaptureFixture[str]) -> None:
    """What a verdict costs is seen on the first rows only; what the rest of the pilot would take is told, and not spent."""
    words = [*judged(home, url), "--budget", f"{10 * DEAR_ROW}money"]
    found = said(words, capsys)
    assert (found["stop"], found["verdict"], stage(found, "truth")["rows"]) == ("budget", "undecided", PROBE)
    assert found["spent"]["money"] < 7 * DEAR_ROW
    assert found["reasons"] == ["the budget does not reach through the pilot"]
    assert f"does not reach through the pilot of {PILOT} rows, which would take about 1.6 in money" in found["notes"][-1]


def test_a_page_says_what_the_terminal_says(home: Path, url: str, capsys: pytest.CaptureFixture[str]) -> None:
    words = [*judged(home, url), "--budget", f"{60 * DEAR_ROW}money"]
    assert run([*words, "--html", str(home / "page.html")]) == 0
    first = capsys.readouterr().out.splitlines()[1]
    page = (home / "page.html").read_text(encoding="utf-8")
    assert "good wins" in first
    assert first in page
    assert "What each stage was worth" in page
