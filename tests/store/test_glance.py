"""The look into the file says what the store says, and changes nothing."""

import sqlite3
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from llmpick.estimate.speed_constants import SpeedConstants
from llmpick.evidence.values import Source
from llmpick.store.glance import latest_constants
from llmpick.store.records import KeptCalibration
from llmpick.store.store import Store

NOW = datetime(2026, 11, 24, 8, tzinfo=UTC)
CONSTANTS = SpeedConstants(name="this machine", source=Source("measured", checked=NOW.date()), token_s=0.001, decode_spread=0.1)


def test_the_newest_of_the_machine_and_engine(tmp_path: Path) -> None:
    file = tmp_path / "a folder?#%" / "records.db"
    with Store.open(str(file)) as store:
        run = store.begin(fingerprint="f", verb="calibrate", title="t", seed=0, inputs={}, now=NOW)
        kept = KeptCalibration(run.id, "EPYC, 2 cores", "llama.cpp", "1", NOW, CONSTANTS)
        newer = replace(kept, measured=NOW + timedelta(days=1), constants=replace(CONSTANTS, token_s=0.5))
        for calibration in (newer, kept, replace(kept, machine="other"), replace(kept, engine="vllm")):
            store.record_calibration(calibration)
    before = file.read_bytes()
    assert latest_constants(file, "EPYC, 2 cores", "llama.cpp") == newer.constants
    assert latest_constants(file, "other", "llama.cpp") == CONSTANTS
    assert latest_constants(file, "nobody's", "llama.cpp") is None
    assert file.read_bytes() == before


def test_a_file_of_an_older_version_has_none(tmp_path: Path) -> None:
    file = tmp_path / "old.db"
    with sqlite3.connect(file) as connection:
        connection.execute("CREATE TABLE runs (id TEXT)")
    connection.close()
    assert latest_constants(file, "a", "b") is None


def test_what_is_no_database_is_an_error(tmp_path: Path) -> None:
    file = tmp_path / "text.db"
    file.write_text("no database at all, but long enough to be looked at" * 100)
    with pytest.raises(sqlite3.DatabaseError):
        latest_constants(file, "a", "b")


def test_it_needs_no_sqlalchemy() -> None:
    code = "import sys, llmpick.store.glance; sys.exit('sqlalchemy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
