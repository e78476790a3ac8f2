"""Where the database lies: the environment variable `LLMPICK_DB` (a path or a database URL), else the platform's data folder."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from llmpick.evidence.errors import InputError

if TYPE_CHECKING:  # SQLAlchemy takes a seventh of a second to load, and who only asks where the database lies does not need it
    from sqlalchemy.engine import URL

VARIABLE = "LLMPICK_DB"
DRIVERS = {"sqlite": "sqlite+pysqlite", "postgresql": "postgresql+psycopg", "postgres": "postgresql+psycopg"}


def default_url(environ: Mapping[str, str] = os.environ, platform: str = sys.platform) -> str:
    """The path or URL of the database: what `LLMPICK_DB` says, else `llmpick/llmpick.db` in the folder for the user's data.

    An empty variable counts as unset, and a relative `XDG_DATA_HOME` is ignored (XDG Base Directory Specification, 0.8).
    """
    return environ.get(VARIABLE) or str(_data_folder(environ, platform) / "llmpick" / "llmpick.db")


def database_url(text: str) -> "URL":
    """The path or URL `text` with an absolute path and the driver that llmpick uses. Raises `InputError` when it is neither."""
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    if "://" not in text:
        return _file_url(Path(text))
    try:
        url = make_url(text)
    except ArgumentError as error:
        raise _not_a_database(text, "this is not a database URL") from error
    kind = url.get_backend_name()
    if kind not in DRIVERS:
        raise _not_a_database(url.render_as_string(), f"llmpick keeps its records in SQLite or PostgreSQL, not in {kind}")
    return _file_url(Path(url.database or "")) if kind == "sqlite" else url.set(drivername=DRIVERS[kind])


def sqlite_file(text: str) -> Path | None:
    """The file of the database that a path or URL names, whether it is there or not; None for one on a server."""
    scheme, mark, path = text.partition(":///")
    if mark and scheme.partition("+")[0] == "sqlite":
        return Path(path.partition("?")[0]).expanduser()
    return None if "://" in text else Path(text).expanduser()


def shown(url: "URL") -> str:
    """The database as a message names it: the file's path, or the URL without its password."""
    return str(url.database) if url.get_backend_name() == "sqlite" else url.render_as_string(hide_password=True)


def _file_url(path: Path) -> "URL":
    from sqlalchemy.engine import URL

    if str(path) in (".", ":memory:"):
        raise _not_a_database(str(path), "a database in memory forgets every paid call")
    file = path.expanduser().absolute()
    if file.is_dir():
        raise _not_a_database(str(path), "this is a folder, not a database file")
    return URL.create(DRIVERS["sqlite"], database=str(file))


def _data_folder(environ: Mapping[str, str], platform: str) -> Path:
    home = Path(environ["HOME"]) if environ.get("HOME") else Path.home()
    if platform == "darwin":
        return home / "Library" / "Application Support"
    if platform == "win32":
        return Path(environ.get("LOCALAPPDATA") or home / "AppData" / "Local")
    named = Path(environ.get("XDG_DATA_HOME") or ".")
    return named if named.is_absolute() else home / ".local" / "share"


def _not_a_database(where: str, what: str) -> InputError:
    remedy = f"set {VARIABLE} to the path of a file (records/llmpick.db) or to postgresql://user@host/database"
    return InputError(what, where=where, remedy=remedy)
