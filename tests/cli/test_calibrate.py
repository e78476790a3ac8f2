"""`llmpick calibrate` from end to end: the real engine, a real model, a database of its own."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from llmpick.cli.main import run


def test_a_short_calibration_measures_reports_and_keeps(smollm2_path: Path, tmp_path: Path) -> None:
    environ = {**os.environ, "LLMPICK_DB": str(tmp_path / "llmpick.db")}
    command = [sys.executable, "-m", "llmpick", "calibrate", "--model", str(smollm2_path), "--seconds", "5", "--json"]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["engine"] == "llama.cpp"
    assert document["constants"]["bandwidth_bytes_per_s"] > 1e9
    (model,) = document["models"]
    assert {("decode", 16), ("prefill", 16)} <= {(reading["kind"], reading["tokens"]) for reading in model["readings"]}
    assert "writes" in done.stderr, "what goes on is told while it goes on"
    assert (tmp_path / "llmpick.db").exists()


def test_an_engine_that_cannot_be_measured_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["calibrate", "--engine", "vllm", "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["error"]["where"] == "--engine"
