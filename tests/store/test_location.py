"""Where the database lies, by environment and platform, and what is no database's name."""

from pathlib import Path

import pytest

from llmpick.evidence.errors import InputError
from llmpick.store.location import database_url, default_url, shown, sqlite_file

HOME = {"HOME": "/home/li"}


@pytest.mark.parametrize(
    ("environ", "platform", "expected"),
    [
        (HOME, "linux", "/home/li/.local/share/llmpick/llmpick.db"),
        (HOME | {"XDG_DATA_HOME": "/data/li"}, "linux", "/data/li/llmpick/llmpick.db"),
        (HOME | {"XDG_DATA_HOME": "relative"}, "linux", "/home/li/.local/share/llmpick/llmpick.db"),
        (HOME, "darwin", "/home/li/Library/Application Support/llmpick/llmpick.db"),
        (HOME | {"LOCALAPPDATA": "/c/Local"}, "win32", "/c/Local/llmpick/llmpick.db"),
        (HOME | {"LLMPICK_DB": "runs.db"}, "linux", "runs.db"),
        (HOME | {"LLMPICK_DB": ""}, "linux", "/home/li/.local/share/llmpick/llmpick.db"),
        (HOME | {"LLMPICK_DB": "postgresql://host/db"}, "darwin", "postgresql://host/db"),
    ],
)
def test_default(environ: dict[str, str], platform: str, expected: str) -> None:
    assert default_url(environ, platform) == expected


@pytest.mark.parametrize(
    ("text", "driver", "database"),
    [
        ("/data/runs.db", "sqlite+pysqlite", "/data/runs.db"),
        ("/data/100%? yes.db", "sqlite+pysqlite", "/data/100%? yes.db"),
        ("sqlite:////data/runs.db", "sqlite+pysqlite", "/data/runs.db"),
        ("postgresql://li@host:5433/evidence", "postgresql+psycopg", "evidence"),
        ("postgres://host/evidence", "postgresql+psycopg", "evidence"),
        ("postgresql+asyncpg://host/evidence", "postgresql+psycopg", "evidence"),
    ],
)
def test_paths_and_urls(text: str, driver: str, database: str) -> None:
    url = database_url(text)
    assert (url.drivername, url.database) == (driver, database)


@pytest.mark.parametrize(
    ("text", "file"),
    [
        ("/data/runs.db", "/data/runs.db"),
        ("runs.db", "runs.db"),
        ("sqlite:////data/runs.db", "/data/runs.db"),
        ("sqlite+pysqlite:////data/runs.db?mode=ro", "/data/runs.db"),
        ("sqlite:///runs.db", "runs.db"),
        ("postgresql://li@host:5433/evidence", None),
        ("postgresql:///evidence", None),
    ],
)
def test_the_file_that_a_name_stands_for(text: str, file: str | None) -> None:
    assert sqlite_file(text) == (file and Path(file))


def test_a_relative_path_is_made_absolute_so_that_a_later_chdir_changes_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    assert database_url("runs.db").database == str(tmp_path / "runs.db")


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("mysql://host/db", "not in mysql"),
        ("://nothing", "not a database URL"),
        ("sqlite://", "forgets every paid call"),
        (":memory:", "forgets every paid call"),
        ("sqlite:///:memory:", "forgets every paid call"),
        ("/", "a folder, not a database file"),
    ],
)
def test_what_is_no_database(text: str, what: str) -> None:
    with pytest.raises(InputError, match=what) as caught:
        database_url(text)
    assert "LLMPICK_DB" in caught.value.remedy


def test_a_password_is_never_shown() -> None:
    assert shown(database_url("postgresql://li:secret@host/db")) == "postgresql+psycopg://li:***@host/db"
