"""`llmpick pick --fetch N` against a hub on loopback that serves a real model."""

import io
import json
import os
from pathlib import Path

import pytest
from tests.workflow.hub_server import Hub, serve_hub

from llmpick.cli.main import run
from llmpick.workflow.models.fetch import hub_source
from llmpick.workflow.pick import worth_fetching
from llmpick.workflow.survey import PickOptions

TASK = """
name = "letters"
kind = "choice"
languages = ["en"]
[examples]
file = "rows.jsonl"
reference = "label"
[prompt]
template = "{{ text }}"
[limits]
licence = ["gemma"]
"""


@pytest.fixture
def task(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("HF_HOME", "MODELSCOPE_CACHE", "HOME"):
        monkeypatch.setenv(name, str(tmp_path / name))
    monkeypatch.setenv("OLLAMA_HOST", "http://127.0.0.1:9")
    monkeypatch.setenv("LLMPICK_DB", str(tmp_path / "runs.db"))
    (tmp_path / "rows.jsonl").write_text("\n".join(json.dumps({"text": str(i), "label": "ab"[i % 2]}) for i in range(20)))
    (tmp_path / "task.toml").write_text(TASK)
    return tmp_path / "task.toml"


def test_the_first_model_is_shown_asked_for_downloaded_and_found(
    task: Path, gemma_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    first = hub_source(worth_fetching(PickOptions(task), environ=os.environ)[0])
    assert first is not None
    with serve_hub(Hub(first.repository, {"gemma-3-270m-q4_k_m.gguf": gemma_path.read_bytes()})) as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        words = ["pick", str(task), "--fetch", "1", "--dry-run", "--json"]
        monkeypatch.setattr("sys.stdin", io.StringIO("n\n"))
        assert run(words) == 2
        refused = capsys.readouterr()
        assert "nobody agreed" in json.loads(refused.out)["error"]["what"]
        assert "0.25 GB" in refused.err
        assert not any(line.startswith("GET") and "resolve" in line for line in hub.asked)
        assert run([*words, "--yes"]) == 0
    document = json.loads(capsys.readouterr().out)
    here = [candidate for candidate in document["candidates"] if candidate["type"] == "gguf"]
    assert [candidate["id"] for candidate in here] == [f"{first.repository}:Q4_K_M"]
    assert here[0]["reasons"] == ["would be run on up to 20 rows"]
