"""`llmpick pick` from the command line to the answer, against real servers on loopback and in real processes."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from tests.workflow.served import serve

from llmpick.cli.main import run

SCHEMA = json.loads((Path(__file__).parents[2] / "src/llmpick/report/pick.schema.json").read_text())
ROWS = 60
TASK = """
name = "echo"
kind = "choice"
languages = ["en", "zh"]
slices = ["source"]
[examples]
file = "rows.jsonl"
language = "language"
reference = "label"
[prompt]
template = "{{ text }}"
[answer]
labels = ["even", "odd"]
"""


@pytest.fixture
def task(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Is the number even or odd? No baseline can see it in the digits' n-grams better than by chance, and 60 rows are balanced."""
    monkeypatch.setenv("LLMPICK_DB", str(tmp_path / "runs.db"))
    for cache in ("HF_HOME", "MODELSCOPE_CACHE", "HOME"):
        monkeypatch.setenv(cache, str(tmp_path / cache))
    monkeypatch.setenv("OLLAMA_HOST", "http://127.0.0.1:9")
    rows = [
        {
            "text": "x" * (7 + i % 5) + f" {i}",
            "label": "even" if (i * i // 7) % 2 else "odd",
            "language": ("en", "zh")[i % 2],
            "source": "a",
        }
        for i in range(ROWS)
    ]
    (tmp_path / "rows.jsonl").write_text("\n".join(map(json.dumps, rows)))
    (tmp_path / "task.toml").write_text(TASK)
    return tmp_path / "task.toml"


def truth(text: str) -> str:
    i = int(text.split()[-1])
    return "even" if (i * i // 7) % 2 else "odd"


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


def test_the_better_model_is_chosen_with_reasons(task: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with serve({"good": truth, "bad": wrong}) as url:
        document = answer(["pick", task, "-m", f"{url}#bad", "-m", f"{url}#good"], capsys)
    assert document["verdict"] == "chosen"
    assert document["chosen"].endswith("#good")
    assert document["basis"] == "measured"
    assert one(document, "#good")["score"]["value"] == 1.0
    assert one(document, "#bad")["status"] == "eliminated"
    assert "more than 2 points worse" in one(document, "#bad")["reasons"][0]
    assert document["spent"]["calls"] < 2 * ROWS
    assert document["spent"]["calls"] + document["saved"]["calls"] == 2 * ROWS
    assert {(s["column"], s["value"]) for s in one(document, "#good")["slices"]} == {
        ("language", "en"),
        ("language", "zh"),
        ("source", "a"),
    }
    assert {c["id"] for c in document["candidates"]} >= {"baseline:majority", "baseline:tfidf"}


def test_a_second_run_pays_nothing_and_says_the_same(task: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with serve({"good": truth, "bad": wrong}) as url:
        words = ["pick", task, "-m", f"{url}#bad", "-m", f"{url}#good"]
        first, second = answer(words, capsys), answer(words, capsys)
    assert second["spent"]["calls"] == 0
    assert second["run"] != first["run"]
    for name in ("verdict", "chosen", "reasons"):
        assert second[name] == first[name]
    assert [c["score"] for c in second["candidates"]] == [c["score"] for c in first["candidates"]]


def test_no_model_that_does_not_beat_the_baseline(task: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with serve({"bad": wrong}) as url:
        document = answer(["pick", task, "-m", f"{url}#bad"], capsys)
    assert document["verdict"] == "baseline"
    assert document["chosen"].startswith("baseline:")
    assert document["chosen_run"] is None


def test_a_tie_goes_to_the_cheaper(task: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with serve({"cheap": truth, "dear": truth}) as url:
        prices = f'\n[prices]\n"{url}#cheap" = {{input = 1, output = 2}}\n"{url}#dear" = {{input = 10, output = 20}}\n'
        task.write_text(task.read_text() + prices)
        document = answer(["pick", task, "-m", f"{url}#dear", "-m", f"{url}#cheap"], capsys)
    assert document["chosen"].endswith("#cheap")
    assert document["cost_by"] == "money"
    assert one(document, "#dear")["status"] in ("tied", "dominated")
    assert document["spent"]["money"] == pytest.approx(document["spent"]["calls"] / 2 * (24 + 240) / 1e6, rel=0.3)


def test_the_budget_stops_it_undecided_and_it_says_what_leads(task: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with serve({"a": truth, "b": lambda text: "odd" if text.endswith("3") else truth(text)}) as url:
        document = answer(["pick", task, "-m", f"{url}#a", "-m", f"{url}#b", "--budget", "24calls"], capsys)
    assert document["verdict"] == "undecided"
    assert document["chosen"] is None
    assert document["spent"]["calls"] <= 24
    assert "the budget is spent" in document["reasons"][0]


def test_rows_that_the_machinery_loses_are_missing_and_not_wrong(
    task: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("llmpick.measure.server.client.time.sleep", lambda _: None, raising=False)
    with serve({"flaky": lambda text: 500 if text.endswith("7") else truth(text), "bad": wrong}) as url:
        document = answer(["pick", task, "-m", f"{url}#flaky", "-m", f"{url}#bad"], capsys)
    flaky = one(document, "#flaky")
    assert document["chosen"].endswith("#flaky")
    assert flaky["score"]["value"] == 1.0
    assert flaky["outcomes"]["failed"] > 0
    assert flaky["score"]["n"] + flaky["outcomes"]["failed"] == sum(flaky["outcomes"].values())


@pytest.mark.parametrize("verb", ["pick", "race"])
def test_a_call_that_takes_too_long_is_given_up_and_its_row_is_missing(
    verb: str, task: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("llmpick.measure.server.client.time.sleep", lambda _: None, raising=False)
    hung = threading.Event()

    def slow(text: str) -> str:
        return truth(text) if not text.endswith(" 16") or hung.wait(60) else wrong(text)

    with serve({"slow": slow, "bad": wrong}) as url:
        assert run([verb, str(task), "-m", f"{url}#slow", "-m", f"{url}#bad", "--call-timeout", "1", "--json"]) == 0
        hung.set()
    document = json.loads(capsys.readouterr().out)
    slow_one = one(document, "#slow")
    assert document["chosen"].endswith("#slow")
    assert slow_one["outcomes"]["failed"] == 1
    assert slow_one["score"]["value"] == 1.0, "a row that is missing is not wrong"
    assert slow_one["calls"] == sum(slow_one["outcomes"].values()), "what was sent may have been charged, so it counts"
    assert slow_one["tokens"] > 22 * slow_one["outcomes"]["answered"]


def test_answers_in_the_wrong_form_are_the_models_own_fault(task: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with serve({"good": truth, "talks": lambda text: f"I believe that it is {truth(text)}.", "mute": lambda _: ""}) as url:
        document = answer(["pick", task, *(word for name in ("good", "talks", "mute") for word in ("-m", f"{url}#{name}"))], capsys)
    assert document["chosen"].endswith("#good")
    assert one(document, "#talks")["outcomes"]["unparsed"] > 0
    assert one(document, "#mute")["outcomes"]["empty"] > 0
    assert one(document, "#mute")["score"]["value"] == 0.0


def test_memory_is_one_figure_in_pick_race_and_fit(
    task: Path, smollm2_path: Path, gemma_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A function of the file and the context; what the processes held is told beside it, and is kept."""
    task.write_text(task.read_text() + "\n[limits]\ncontext_tokens = 1024\n")
    words = [task, "-m", smollm2_path, "-m", gemma_path, "--cost-by", "memory", "--budget", "48calls"]
    dry, first, again = answer(["pick", *words, "--dry-run"], capsys), answer(["pick", *words], capsys), answer(["pick", *words], capsys)
    assert run(["race", *map(str, words), "--json"]) == 0
    raced = json.loads(capsys.readouterr().out)
    for path in (smollm2_path, gemma_path):
        assert run(["fit", str(path), "--context", "1024", "--json"]) == 0
        fitted = json.loads(capsys.readouterr().out)["results"][0]["memory"]["total_bytes"]["value"]
        assert {one(document, path.name)["memory_bytes"]["value"] for document in (dry, first, again)} == {fitted}
        assert one(raced, path.name)["cost"] == fitted
        seen = one(first, path.name)["resident_bytes"]
        assert seen["basis"] == "measured"
        assert seen["value"] > path.stat().st_size
        assert one(again, path.name)["resident_bytes"]["value"] >= seen["value"], "a peak that is kept"
        assert one(first, path.name)["memory_bytes"]["source"].startswith("computed: weights, KV cache of 1,024 tokens")
    assert first["context_tokens"] == 1024
    assert one(dry, smollm2_path.name)["resident_bytes"] is None


def test_limits_that_nothing_satisfies_end_with_3(task: Path, smollm2_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    task.write_text(task.read_text() + '\n[limits]\nmemory = "20 MB"\n')
    document = answer(["pick", task, "-m", smollm2_path], capsys, code=3)
    assert document["verdict"] == "none_fits"
    assert "needs at least" in one(document, ".gguf")["reasons"][0]


def test_a_dry_run_calls_nobody(task: Path, smollm2_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    document = answer(["pick", task, "-m", smollm2_path, "--dry-run"], capsys)
    assert document["verdict"] == "undecided"
    assert document["run"] is None
    assert one(document, ".gguf")["status"] == "unmeasured"
    assert not Path(os.environ["LLMPICK_DB"]).exists()


def test_without_a_model_and_without_a_baseline_nothing_is_decided(task: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = task.read_text().replace('kind = "choice"', 'kind = "generate"').replace('[answer]\nlabels = ["even", "odd"]', "")
    task.write_text(text)
    document = answer(["pick", task], capsys)
    assert document["verdict"] == "undecided"
    assert "fetch one of those listed" in document["reasons"][0]


def test_without_names_the_catalog_is_listed_and_never_measured(task: Path, capsys: pytest.CaptureFixture[str]) -> None:
    document = answer(["pick", task, "--as-of", "2023-05-15"], capsys)
    names = {candidate["id"] for candidate in document["candidates"]}
    assert any("vicuna-13b" in name.lower() for name in names)
    assert not any("falcon" in name.lower() or "llama-2" in name.lower() for name in names)
    assert not any(candidate["status"] == "chosen" for candidate in document["candidates"])
    models = [c for c in document["candidates"] if not c["id"].startswith("baseline:")]
    assert all(candidate["status"] in ("unmeasured", "excluded") and candidate["score"] is None for candidate in models)
    assert document["verdict"] == "undecided"


@pytest.mark.parametrize(
    ("change", "words", "code", "what"),
    [
        (lambda text: text.replace("languages", "langauges"), [], 2, "langauges"),
        (lambda text: text.replace('"odd"]', '"odd", "prime"]'), [], 2, "prime"),
        (lambda text: text.replace("{{ text }}", "{{ txet }}"), [], 2, "txet"),
        (lambda text: text.replace('kind = "choice"', 'kind = "choice"\ncost_by = "love"'), [], 2, "cost_by"),
        (lambda text: text, ["-m", "http://127.0.0.1:9/v1#m"], 1, ""),
        (lambda text: text, ["-m", "no-such-file.gguf"], 2, "no-such-file.gguf"),
        (lambda text: text, ["--budget", "many"], 2, "many"),
        (lambda text: text, ["--no-such-option"], 2, "--no-such-option"),
    ],
)
def test_bad_input_is_named_with_place_and_remedy(
    change: Any, words: list[str], code: int, what: str, task: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    task.write_text(change(task.read_text()))
    assert run(["pick", str(task), *words, "--json"]) == code
    error = json.loads(capsys.readouterr().out)["error"]
    assert set(error) == {"what", "where", "remedy"}
    assert all(error.values())
    assert what in error["what"] + error["where"]


def test_a_damaged_file_is_named(task: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "damaged.gguf").write_bytes(b"GGUF\x03\x00\x00\x00" + b"\xff" * 64)
    assert run(["pick", str(task), "-m", str(tmp_path / "damaged.gguf"), "--json"]) == 1
    assert "damaged.gguf" in json.loads(capsys.readouterr().out)["error"]["where"]


def test_a_cached_file_that_is_not_what_the_hub_published_is_refused(
    task: Path, smollm2_path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "HF_HOME/hub/models--org--Tiny-GGUF"
    for part in ("blobs", "snapshots/abc", "refs"):
        (folder / part).mkdir(parents=True)
    blob = folder / "blobs" / ("0" * 64)
    blob.write_bytes(smollm2_path.read_bytes())
    (folder / "snapshots/abc/tiny.gguf").symlink_to(blob)
    (folder / "refs/main").write_text("abc")
    document = answer(["pick", task, "--budget", "1calls"], capsys)
    tiny = one(document, "tiny.gguf")
    assert tiny["status"] == "failed"
    assert "the hub published 000" in tiny["reasons"][0]


def start(words: Sequence[str | Path], database: Path) -> subprocess.Popen[str]:
    environment = {**os.environ, "LLMPICK_DB": str(database)}
    command = [sys.executable, "-m", "llmpick", *map(str, words), "--json"]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def wait_for_calls(database: Path, count: int) -> None:
    from llmpick.store.store import Store

    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        if database.exists():
            with Store.open(str(database)) as store:
                if any(summary.calls >= count for summary in store.runs()):
                    return
        time.sleep(0.05)
    raise AssertionError(f"no run with {count} calls in 90 s")


def seconds_by_call(database: Path) -> dict[tuple[str, str], float]:
    """The seconds of each call in the log of the only run, by (candidate, row)."""
    from llmpick.store.store import Store

    with Store.open(str(database)) as store:
        [summary] = store.runs()
        return {(call.candidate, call.row): call.seconds for call, _ in store.run_calls(summary.id)}


@pytest.mark.parametrize(("blow", "code"), [(signal.SIGKILL, -signal.SIGKILL), (signal.SIGINT, 130)])
def test_a_broken_run_goes_on_to_the_same_answer(blow: signal.Signals, code: int, task: Path, tmp_path: Path) -> None:
    """The cost is money, by tokens: the run that was never broken measures seconds of its own, and they may rank the models otherwise."""
    broken, whole = tmp_path / "broken.db", tmp_path / "whole.db"
    with serve({"good": truth, "fair": lambda text: wrong(text) if text[-1] in "05" else truth(text)}, seconds=0.03) as url:
        prices = f'\n[prices]\n"{url}#good" = {{input = 2, output = 2}}\n"{url}#fair" = {{input = 1, output = 1}}\n'
        task.write_text(task.read_text() + prices)
        words = ["pick", task, "-m", f"{url}#good", "-m", f"{url}#fair"]
        process = start(words, broken)
        wait_for_calls(broken, 12)
        process.send_signal(blow)
        said, _ = process.communicate(timeout=90)
        assert process.returncode == code
        before = seconds_by_call(broken)
        if blow == signal.SIGINT:
            assert json.loads(said)["error"]["what"] == "interrupted"
        resumed, unbroken = start(words, broken), start(words, whole)
        after, straight = (json.loads(one.communicate(timeout=180)[0]) for one in (resumed, unbroken))
    kept = seconds_by_call(broken)
    assert len(before) >= 12
    assert {call: kept[call] for call in before} == before, "what was timed before the break is not timed again"
    for name in ("verdict", "chosen", "reasons", "rows", "cost_by"):
        assert after[name] == straight[name]
    for a, b in zip(after["candidates"], straight["candidates"], strict=True):
        assert (a["id"], a["status"], a["score"], a["outcomes"], a["calls"]) == (
            b["id"],
            b["status"],
            b["score"],
            b["outcomes"],
            b["calls"],
        )
    assert after["spent"]["calls"] == straight["spent"]["calls"]
