"""What a PostgreSQL server reports, in plain words."""

from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError

from llmpick.evidence.errors import StoreError
from llmpick.store.plain_errors import plain_errors
from llmpick.store.store import Store

psycopg = pytest.importorskip("psycopg", reason="psycopg is not installed (the extra `postgres`)")
errors = psycopg.errors


def test_a_server_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="its server cannot be reached") as caught:
        Store.open(f"postgresql://li:secret@/db?host={tmp_path}")
    assert "start the server" in caught.value.remedy
    assert "secret" not in f"{caught.value.what} {caught.value.where} {caught.value.remedy}"


def test_a_database_that_the_server_does_not_have(new_postgres_database) -> None:
    url = new_postgres_database().replace("@/llmpick_", "@/missing_")
    with pytest.raises(StoreError, match=r'database "missing_[0-9]+" does not exist'):
        Store.open(url)


@pytest.mark.parametrize(
    ("error", "what"),
    [
        (errors.DiskFull("no space"), "the disk is full"),
        (errors.ReadOnlySqlTransaction("read-only"), "only be read"),
        (errors.InsufficientPrivilege("denied"), "may not use its tables"),
        (errors.InvalidPassword("wrong"), "refuses this user"),
        (errors.InvalidCatalogName("none"), "no such database"),
        (errors.AdminShutdown("bye"), "gone away"),
        (
            psycopg.OperationalError("connection failed: no route\nsecond try"),
            r"cannot be reached, or refuses: connection failed: no route \(",
        ),
        (errors.NumericValueOutOfRange("too large\nHINT: think"), r"used: too large \("),
    ],
)
def test_what_a_postgresql_server_reports(error: Exception, what: str) -> None:
    with pytest.raises(StoreError, match=what), plain_errors("postgresql://host/db"):
        raise OperationalError("SELECT 1", {}, error)
