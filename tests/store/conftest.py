"""Both databases that the store runs on, so that every test of it is a test of both."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest

from llmpick.store.schema import metadata
from llmpick.store.store import Store


@pytest.fixture(scope="session")
def new_postgres_database() -> Iterator[Callable[[], str]]:
    """Starts a PostgreSQL server of its own, reached by a socket in a temporary folder; each call makes an empty database."""
    psycopg = pytest.importorskip("psycopg", reason="psycopg is not installed (the extra `postgres`)")
    binaries = _postgres_binaries()
    folder = Path(tempfile.mkdtemp(prefix="llmpick-pg-"))
    as_postgres = _not_as_root(folder)

    def command(program: str, *arguments: str) -> None:
        subprocess.run([*as_postgres, str(binaries / program), *arguments], cwd=folder, check=True, stdout=subprocess.DEVNULL)

    data, log = str(folder / "data"), str(folder / "log")
    options = f"-c listen_addresses='' -c unix_socket_directories={folder} -c fsync=off"
    command("initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
    command("pg_ctl", "-D", data, "-l", log, "-o", options, "-w", "start")
    numbers = count()

    def new_database() -> str:
        name = f"llmpick_{next(numbers)}"
        with psycopg.connect(host=str(folder), user="postgres", dbname="postgres", autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return f"postgresql://postgres@/{name}?host={folder}"

    yield new_database
    command("pg_ctl", "-D", data, "-m", "immediate", "-w", "stop")
    shutil.rmtree(folder)


def _postgres_binaries() -> Path:
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: int(folder.parent.name))
    found = shutil.which("pg_ctl")
    if not folders and not found:
        pytest.skip("no PostgreSQL server is installed")
    return folders[-1] if folders else Path(found or "").parent


def _not_as_root(folder: Path) -> list[str]:
    """PostgreSQL refuses to run as root: then it runs as the user that Debian makes for it."""
    if os.geteuid() != 0:
        return []
    try:
        shutil.chown(folder, "postgres")
    except LookupError:
        pytest.skip("PostgreSQL does not run as root, and there is no user `postgres`")
    return ["runuser", "-u", "postgres", "--"]


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database."""
    if request.param == "sqlite":
        return str(tmp_path / "records" / "llmpick.db")
    return request.getfixturevalue("new_postgres_database")()


@pytest.fixture(scope="session")
def emptied_postgres_database(new_postgres_database: Callable[[], str]) -> Callable[[], str]:
    """Each call empties the same database, which is faster than to make a new one."""
    url = new_postgres_database()

    def emptied_database() -> str:
        with Store.open(url) as store, store._database.writing() as connection:
            connection.exec_driver_sql(f"TRUNCATE {', '.join(metadata.tables)} RESTART IDENTITY")
        return url

    return emptied_database


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """An open store without any run."""
    url = str(tmp_path / "llmpick.db") if request.param == "sqlite" else request.getfixturevalue("emptied_postgres_database")()
    with Store.open(url) as store:
        yield store
