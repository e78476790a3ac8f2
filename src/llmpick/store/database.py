"""An open database of the newest schema, and the two ways to use it: `reading` and `writing`.

What was written when `writing` ends survives `kill -9` of the process (SQLite: write-ahead log with `synchronous=NORMAL`, which
leaves written pages with the operating system; only a power failure can take the last moments with it, never the file).
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from threading import Lock
from typing import Any

from sqlalchemy import Table, create_engine, event, select, table, text
from sqlalchemy import column as bare_column
from sqlalchemy.engine import URL, Connection, Engine

from llmpick.evidence.errors import InputError, StoreError
from llmpick.store.alive import FileLocks, RunLocks, SessionLocks, exclusive_lock
from llmpick.store.columns import to_json
from llmpick.store.location import shown
from llmpick.store.plain_errors import plain_errors
from llmpick.store.schema import VERSION, VERSION_TABLE

BUSY_SECONDS = 30.0
"""How long a process waits for another one's write: far longer than any of llmpick's transactions."""
_MIGRATION_LOCK = 5_067_216
"""The advisory lock under which one process at a time migrates a PostgreSQL database: any number that no run is given."""


class Database:
    """One engine with the thread-safe ways to read and write through it. `where` names the database in messages, without password."""

    def __init__(self, url: URL) -> None:
        self.where = shown(url)
        self._writer = Lock()
        self.is_sqlite = url.get_backend_name() == "sqlite"
        with plain_errors(self.where):
            if self.is_sqlite:
                Path(self.where).parent.mkdir(parents=True, exist_ok=True)
            self.engine = _engine(url)
            self.locks = _locks(self.engine, self.where)
            self._immediate = self.engine.execution_options(begin="BEGIN IMMEDIATE")
            try:
                self._bring_up_to_date()
            except BaseException:
                self.engine.dispose()
                raise

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection that sees one state of the database."""
        with plain_errors(self.where), self.engine.connect() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A connection whose changes are all kept when the block ends, or none of them when it raises.

        It has the right to write from the start, so that two processes wait for each other instead of failing half-way.
        """
        with self._writer, plain_errors(self.where), self._immediate.begin() as connection:
            yield connection

    def insert(self, into: Table) -> Any:
        """An INSERT for this database that has `on_conflict_do_nothing` and `on_conflict_do_update`."""
        if self.is_sqlite:
            from sqlalchemy.dialects.sqlite import insert
        else:
            from sqlalchemy.dialects.postgresql import insert
        return insert(into)

    def close(self) -> None:
        try:
            with plain_errors(self.where):
                self.locks.close()
        finally:
            self.engine.dispose()

    def _bring_up_to_date(self) -> None:
        if self._is_newest():
            return
        if not self.is_sqlite:
            with self._immediate.begin() as connection:
                connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": _MIGRATION_LOCK})
                _upgrade(connection)
            return
        # Switching to the write-ahead log does not wait for other processes that do the same, so one goes at a time.
        folder = lock_folder(self.where)
        folder.mkdir(exist_ok=True)
        with closing(exclusive_lock(folder / "opening", wait_seconds=BUSY_SECONDS)):
            with closing(sqlite3.connect(self.where, timeout=BUSY_SECONDS)) as connection:
                connection.execute("PRAGMA journal_mode = WAL")
            with self._immediate.begin() as connection:
                _upgrade(connection)

    def _is_newest(self) -> bool:
        with self.engine.connect() as connection:
            version = _version(connection)
        if version is not None and version > VERSION:
            raise StoreError(
                f"llmpick's database has schema {version}, made by a newer llmpick; this one knows schemas up to {VERSION}",
                where=self.where,
                remedy="upgrade llmpick, or name another place in LLMPICK_DB",
            )
        return version == VERSION


def _engine(url: URL) -> Engine:
    """Connects lazily: nothing is opened yet. Raises `InputError` when PostgreSQL is asked for and its driver is not installed."""
    if url.get_backend_name() == "sqlite":
        engine = create_engine(url, json_serializer=to_json, connect_args={"timeout": BUSY_SECONDS})
        event.listen(engine, "connect", _set_up_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    try:
        return create_engine(url, json_serializer=to_json, pool_pre_ping=True)
    except ModuleNotFoundError as error:
        remedy = "pip install 'llmpick[postgres]'"
        raise InputError("the driver for PostgreSQL is not installed", where=shown(url), remedy=remedy) from error


def _set_up_sqlite(connection: Any, _record: Any) -> None:
    """Leaves BEGIN to `_begin_sqlite`: Python's own would start a transaction at the first write only, and none around DDL."""
    connection.isolation_level = None
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA synchronous = NORMAL")


def _begin_sqlite(connection: Connection) -> None:
    connection.exec_driver_sql(connection.get_execution_options().get("begin", "BEGIN"))


def _locks(engine: Engine, where: str) -> RunLocks:
    return FileLocks(lock_folder(where)) if engine.dialect.name == "sqlite" else SessionLocks(engine)


def lock_folder(where: str) -> Path:
    """Where the locks of an SQLite database lie: in a folder beside it."""
    return Path(f"{where}.alive")


def _version(connection: Connection) -> int | None:
    """The schema's number; None for a database that llmpick has not used yet."""
    if not connection.dialect.has_table(connection, VERSION_TABLE):
        return None
    number = connection.execute(select(bare_column("version_num")).select_from(table(VERSION_TABLE))).scalar_one_or_none()
    return None if number is None else int(number)


def _upgrade(connection: Connection) -> None:
    from llmpick.store.migrations import upgrade

    upgrade(connection)
