"""Which runs are alive: a lock per run that dies with the process that holds it, however that process ends.

A run that was killed must be continued, and one that another process is still working on must not. A process id cannot tell
(it is reused, and means nothing in another container or on another host), a heartbeat can only guess. So each living run holds a
lock that the operating system or the database server takes back by itself: for SQLite an exclusive lock on a small file beside
the database (SQLite's own locking, which works on every platform and is not inherited by child processes), for PostgreSQL an
advisory lock of a session. A PostgreSQL session that loses its connection loses the lock with it, although its process lives on.
"""

import hashlib
import sqlite3
from pathlib import Path
from threading import Lock
from typing import Any, Protocol

from sqlalchemy import text
from sqlalchemy.engine import Connection, Engine

_TAKE_SECONDS = 0.25
_LOOK_SECONDS = 0.02
"""To look at a file's lock is to hold it for a moment; taking it waits longer than such moments last."""


class RunLocks(Protocol):
    """The locks of the runs that this process works on."""

    def take(self, run: str) -> bool:
        """Takes the lock of `run`; False when another process, or this one, already holds it."""
        ...

    def is_held(self, run: str) -> bool:
        """Whether any process holds the lock of `run`."""
        ...

    def free(self, run: str) -> None:
        """Gives the lock of `run` back, if this object holds it."""
        ...

    def forget(self, run: str) -> None:
        """Clears away what the lock of a run that will never be continued leaves behind."""
        ...

    def close(self) -> None:
        """Gives all locks back."""
        ...


class FileLocks:
    """One empty file per run in `folder`, locked by SQLite."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._held: dict[str, sqlite3.Connection] = {}

    def take(self, run: str) -> bool:
        if run in self._held:
            return False
        self._folder.mkdir(parents=True, exist_ok=True)
        lock = _try_lock(self._folder / run, _TAKE_SECONDS)
        if lock is None:
            return False
        self._held[run] = lock
        return True

    def is_held(self, run: str) -> bool:
        file = self._folder / run
        if not file.exists():
            return False
        lock = _try_lock(file, _LOOK_SECONDS)
        if lock is not None:
            lock.close()
        return lock is None

    def free(self, run: str) -> None:
        if lock := self._held.pop(run, None):
            lock.close()

    def forget(self, run: str) -> None:
        (self._folder / run).unlink(missing_ok=True)

    def close(self) -> None:
        for run in list(self._held):
            self.free(run)


class SessionLocks:
    """One PostgreSQL advisory lock per run, all held by one connection that does nothing else."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine.execution_options(isolation_level="AUTOCOMMIT")
        self._session: Connection | None = None
        self._held: set[str] = set()
        self._turn = Lock()

    def take(self, run: str) -> bool:
        with self._turn:
            # The server would give a session its own lock a second time.
            if run in self._held or not self._ask("SELECT pg_try_advisory_lock(:number)", run):
                return False
            self._held.add(run)
            return True

    def is_held(self, run: str) -> bool:
        query = (
            "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 1 AND granted"
            " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
            " AND ((classid::bigint << 32) | objid::bigint) = :number"
        )
        with self._turn:
            return self._ask(query, run) > 0

    def free(self, run: str) -> None:
        with self._turn:
            if run in self._held:
                self._held.remove(run)
                self._ask("SELECT pg_advisory_unlock(:number)", run)

    def forget(self, run: str) -> None:
        """The server keeps nothing of a lock that was given back."""

    def close(self) -> None:
        with self._turn:
            session, self._session = self._session, None
            self._held.clear()
            if session is not None:
                with session:
                    session.execute(text("SELECT pg_advisory_unlock_all()"))

    def _ask(self, query: str, run: str) -> Any:
        if self._session is None:
            self._session = self._engine.connect()
        return self._session.execute(text(query), {"number": _number(run)}).scalar_one()


def exclusive_lock(file: Path, *, wait_seconds: float) -> sqlite3.Connection:
    """An open connection that holds `file` locked until it is closed, waiting `wait_seconds` for another one that has it.

    Raises `sqlite3.OperationalError`, SQLITE_BUSY when the other one keeps it.
    """
    lock = sqlite3.connect(file, timeout=wait_seconds, isolation_level=None, check_same_thread=False)
    try:
        lock.execute("BEGIN EXCLUSIVE")
    except BaseException:
        lock.close()
        raise
    return lock


def _try_lock(file: Path, wait_seconds: float) -> sqlite3.Connection | None:
    try:
        return exclusive_lock(file, wait_seconds=wait_seconds)
    except sqlite3.OperationalError as error:
        if error.sqlite_errorname.startswith("SQLITE_BUSY"):
            return None
        raise


def _number(run: str) -> int:
    """PostgreSQL names an advisory lock by a number: the first 63 bits of the run's SHA-256."""
    return int.from_bytes(hashlib.sha256(run.encode()).digest()[:8]) >> 1
