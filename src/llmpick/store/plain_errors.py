"""The one place where a database's errors become llmpick's: what is wrong, where, and what to do about it.

SQLite names its errors (https://www.sqlite.org/rescode.html), PostgreSQL numbers them (its appendix "Error Codes"); a longer
name or number is a special case of a shorter one, so the tables match by beginning.
"""

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError

from llmpick.evidence.errors import StoreError

_RETRY = "then give the same command again: it goes on where it stopped"
_DAMAGED = ("it is damaged or not a database", "move the file away (llmpick starts a new one) or restore a copy of it")
_FULL = ("the disk is full", f"free some space on its disk, {_RETRY}")
_READ_ONLY = ("it may only be read, not written", "make its folder and file writable, or name another place in LLMPICK_DB")
_IN_USE = ("another process keeps it locked", f"wait until that process is done, or end it, {_RETRY}")
_CONNECT_REMEDY = f"start the server, check host, port, user and database in LLMPICK_DB, {_RETRY}"
_NO_SERVER = ("its server has gone away", _CONNECT_REMEDY)
_PLACE_REMEDY = "make its folder exist and be writable, or name another place in LLMPICK_DB"
_UNEXPECTED_REMEDY = "if it stays so, move the database away or name another place in LLMPICK_DB"

SQLITE: Mapping[str, tuple[str, str]] = {
    "SQLITE_FULL": _FULL,
    "SQLITE_READONLY": _READ_ONLY,
    "SQLITE_PERM": _READ_ONLY,
    "SQLITE_CANTOPEN": ("it cannot be opened", _PLACE_REMEDY),
    "SQLITE_BUSY": _IN_USE,
    "SQLITE_LOCKED": _IN_USE,
    "SQLITE_CORRUPT": _DAMAGED,
    "SQLITE_NOTADB": _DAMAGED,
    "SQLITE_IOERR": ("its disk cannot be read or written", f"check the disk (space, quota, cable, network), {_RETRY}"),
}
POSTGRES: Mapping[str, tuple[str, str]] = {
    "53100": _FULL,
    "25006": _READ_ONLY,
    "42501": ("this user may not use its tables", "grant the user of LLMPICK_DB all rights on the database"),
    "42P07": ("it holds another program's tables", "name a database in LLMPICK_DB that is llmpick's own"),
    "55P03": _IN_USE,
    "28": ("the server refuses this user", "check user and password in LLMPICK_DB (or in ~/.pgpass)"),
    "3D": ("the server has no such database", "create it (createdb), or correct its name in LLMPICK_DB"),
    "08": _NO_SERVER,
    "57P": _NO_SERVER,
}


@contextmanager
def plain_errors(where: str) -> Iterator[None]:
    """Turns what a database, or the folder it lies in, raises inside the block into a `StoreError` about the database at `where`."""
    try:
        yield
    except (DBAPIError, sqlite3.Error, OSError) as error:
        reason, remedy = _explain(error.orig if isinstance(error, DBAPIError) else error)
        raise StoreError(f"llmpick's database cannot be used: {reason}", where=where, remedy=remedy) from error


def _explain(error: BaseException | None) -> tuple[str, str]:
    if isinstance(error, OSError):
        return f"its folder cannot be made: {error.strerror}: {error.filename}", _PLACE_REMEDY
    name, number = getattr(error, "sqlite_errorname", None), getattr(error, "sqlstate", None)
    if name is not None:
        return _by_beginning(SQLITE, name) or _unexpected(error)
    if number is not None:
        return _by_beginning(POSTGRES, number) or _unexpected(error)
    if type(error).__name__ == "OperationalError":
        return f"its server cannot be reached, or refuses: {_first_line(error)}", _CONNECT_REMEDY
    return _unexpected(error)


def _by_beginning(table: Mapping[str, tuple[str, str]], code: str) -> tuple[str, str] | None:
    return next((row for beginning, row in table.items() if code.startswith(beginning)), None)


def _unexpected(error: BaseException | None) -> tuple[str, str]:
    return _first_line(error), _UNEXPECTED_REMEDY


def _first_line(error: BaseException | None) -> str:
    return str(error).partition("\n")[0]
