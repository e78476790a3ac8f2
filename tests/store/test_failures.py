"""What goes wrong with a database becomes one plain error that names the place and the remedy, and loses nothing."""

import os
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import event

from llmpick.evidence.call import CallRecord, Outcome
from llmpick.evidence.errors import InputError, StoreError
from llmpick.store import database
from llmpick.store.alive import exclusive_lock
from llmpick.store.store import Store

NOW = datetime(2026, 11, 24, tzinfo=UTC)
CALL = CallRecord("k", "c", "r", "p", Outcome.ANSWERED, "x" * 4000, 1.0, 1, 1, 0.1, 0)


def record_until_it_fails(store: Store) -> tuple[list[str], StoreError]:
    """The keys that were acknowledged, and the error that ended it."""
    run = store.begin(fingerprint="f", verb="pick", title="t", seed=0, inputs={}, now=NOW)
    keys: list[str] = []
    while len(keys) < 2000:
        key = f"k{len(keys)}"
        try:
            store.record(run.id, replace(CALL, key=key), paid=True)
        except StoreError as error:
            return keys, error
        keys.append(key)
    raise AssertionError("8 MB were recorded on a disk of 1 MB")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 1 MB."""
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder], capture_output=True, check=False)
    if mounted.returncode != 0:
        pytest.skip("only root may mount a file system that is small enough to fill")
    yield folder
    subprocess.run(["umount", folder], check=True)


def test_a_full_disk_loses_nothing_and_work_goes_on_when_there_is_room(small_disk: Path) -> None:
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(300_000))
    path = small_disk / "llmpick.db"
    with Store.open(str(path)) as store:
        keys, error = record_until_it_fails(store)
        assert "the disk is full" in error.what
        assert error.where == str(path)
        assert "free some space" in error.remedy
        assert len(keys) > 5
        assert set(store.calls(keys)) == set(keys)
        ballast.unlink()
        (run,) = store.runs()
        store.record(run.id, replace(CALL, key="after"), paid=True)
    with Store.open(str(path)) as store:
        assert set(store.calls([*keys, "after"])) == {*keys, "after"}


def test_a_database_that_may_not_grow_is_a_full_disk_too(tmp_path: Path) -> None:
    with Store.open(str(tmp_path / "llmpick.db")) as store:
        engine = store._database.engine
        engine.dispose()
        event.listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA max_page_count = 60"))
        keys, error = record_until_it_fails(store)
        assert "the disk is full" in error.what
        assert set(store.calls(keys)) == set(keys)


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("these are my notes, and they are longer than the header of a database\n" * 20)
    with pytest.raises(StoreError, match="damaged or not a database") as caught:
        Store.open(str(path))
    assert caught.value.where == str(path)
    assert "move the file away" in caught.value.remedy
    assert path.read_text().startswith("these are my notes")


def test_a_damaged_database(tmp_path: Path) -> None:
    path = tmp_path / "llmpick.db"
    with Store.open(str(path)) as store:
        run = store.begin(fingerprint="f", verb="pick", title="t", seed=0, inputs={}, now=NOW)
        for number in range(50):
            store.record(run.id, replace(CALL, key=f"k{number}", row=str(number)), paid=True)
    content = bytearray(path.read_bytes())
    content[4096:] = os.urandom(len(content) - 4096)
    path.write_bytes(content)
    with pytest.raises(StoreError, match="damaged") as caught, Store.open(str(path)) as store:
        store.calls([f"k{number}" for number in range(50)])
    assert "restore" in caught.value.remedy


def test_a_database_that_another_process_keeps_locked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "BUSY_SECONDS", 0.1)
    path = str(tmp_path / "llmpick.db")
    with Store.open(path) as store, closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="another process keeps it locked") as caught:
            store.remember_file_hash("a", 1, 1, "x")
        assert "wait until that process is done" in caught.value.remedy
        assert store.runs() == (), "reading does not wait for a writer"


def test_a_writer_has_the_right_to_write_from_its_first_look_on(tmp_path: Path) -> None:
    """Else two processes could both read, and the later one would fail at its first write."""
    path = str(tmp_path / "llmpick.db")
    with Store.open(path) as store, closing(sqlite3.connect(path, isolation_level=None, timeout=0)) as other:
        with store._database.writing() as connection:
            connection.exec_driver_sql("SELECT count(*) FROM runs")
            with pytest.raises(sqlite3.OperationalError, match="locked"):
                other.execute("BEGIN IMMEDIATE")
        other.execute("BEGIN IMMEDIATE")


def test_processes_take_turns_to_create_a_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLite does not wait when two of them switch to the write-ahead log at once."""
    monkeypatch.setattr(database, "BUSY_SECONDS", 0.1)
    path = tmp_path / "llmpick.db"
    (tmp_path / "llmpick.db.alive").mkdir()
    with closing(exclusive_lock(tmp_path / "llmpick.db.alive" / "opening", wait_seconds=0)), pytest.raises(StoreError, match="locked"):
        Store.open(str(path))
    Store.open(str(path)).close()


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match=r"its folder cannot be made: File exists: .*/file") as caught:
        Store.open(str(tmp_path / "file" / "llmpick.db"))
    assert "LLMPICK_DB" in caught.value.remedy


READ_ONLY = """
import os, sys
from llmpick.evidence.errors import StoreError
from llmpick.store.store import Store
if os.geteuid() == 0:
    os.setgid(65534), os.setuid(65534)
try:
    with Store.open(sys.argv[1]) as store:
        store.remember_file_hash("a", 1, 1, "x")
except StoreError as error:
    print(error.what, error.remedy, sep="|")
"""


@pytest.mark.parametrize("exists", [True, False])
def test_a_folder_that_may_only_be_read(exists: bool) -> None:
    """As a user without rights: root may write everywhere."""
    with tempfile.TemporaryDirectory() as name:
        folder, path = Path(name), Path(name) / "llmpick.db"
        if exists:
            Store.open(str(path)).close()
            path.chmod(0o444)
            (folder / "llmpick.db.alive").chmod(0o555)
        folder.chmod(0o555)
        done = subprocess.run([sys.executable, "-c", READ_ONLY, str(path)], capture_output=True, text=True, check=True)
        folder.chmod(0o755)
    what, remedy = done.stdout.strip().split("|")
    assert what.removeprefix("llmpick's database cannot be used: ") in ("it may only be read, not written", "it cannot be opened")
    assert "writable" in remedy
    assert "LLMPICK_DB" in remedy


def test_another_programs_tables(url: str) -> None:
    with Store.open(url) as store, store._database.writing() as connection:
        connection.exec_driver_sql("DROP TABLE llmpick_schema")
    with pytest.raises(StoreError, match=r"already exists|another program's tables"):
        Store.open(url)


def test_without_the_driver_the_remedy_is_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(InputError, match="driver for PostgreSQL is not installed") as caught:
        Store.open("postgresql://host/db")
    assert caught.value.remedy == "pip install 'llmpick[postgres]'"
