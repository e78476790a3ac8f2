import json
from pathlib import Path

import pytest

from llmpick.cli.main import run

ROWS = "text,label\n" + "".join(f"please look at this message number {i},{'ab'[i % 2]}\n" for i in range(8))


def test_init_writes_a_file_and_says_what_it_guessed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "rows.csv").write_text(ROWS)
    assert run(["init", str(tmp_path / "rows.csv"), "--out", str(tmp_path / "task.toml")]) == 0
    said = capsys.readouterr()
    assert said.out == f"{tmp_path / 'task.toml'}\n"
    assert "kind choice, right answers in label" in said.err


def test_init_json_and_refusal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "rows.csv").write_text(ROWS)
    words = ["init", str(tmp_path / "rows.csv"), "--out", str(tmp_path / "task.toml"), "--json"]
    assert run(words) == 0
    assert json.loads(capsys.readouterr().out)["reference"] == ["label"]
    assert run(words) == 2
    assert "--force" in json.loads(capsys.readouterr().out)["error"]["remedy"]
    assert run([*words, "--force"]) == 0
