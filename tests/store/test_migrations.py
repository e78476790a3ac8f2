"""A database of any earlier schema becomes one of the newest and keeps every row; one of a later schema is refused."""

import sys
from collections.abc import Callable
from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import MetaData, create_engine, select, text
from sqlalchemy.engine import Engine

from llmpick.evidence.call import CallRecord, Outcome
from llmpick.evidence.errors import StoreError
from llmpick.store import migrations, schema
from llmpick.store.location import database_url
from llmpick.store.store import Store

FIRST_SCHEMA = Path(__file__).with_name("first_schema")
MIGRATION_FILES = sorted((Path(migrations.__file__).parent / "versions").glob("[0-9]*.py"))
FIRST_TABLES = ["calls", "file_hashes", "run_calls", "runs"]


def on_engine(url: str, use: Callable[[Engine], Any]) -> Any:
    engine = create_engine(database_url(url))
    try:
        return use(engine)
    finally:
        engine.dispose()


def run_sql(url: str, *files: str) -> None:
    def run(engine: Engine) -> None:
        with engine.begin() as connection:
            for name in files:
                lines = (FIRST_SCHEMA / name).read_text().splitlines()
                for statement in "\n".join(line for line in lines if not line.startswith("--")).split(";\n"):
                    if statement.strip():
                        connection.exec_driver_sql(statement)

    if "://" not in url:
        Path(url).parent.mkdir()
    on_engine(url, run)


def all_rows(url: str, tables: list[str]) -> dict[str, list[tuple]]:
    def read(engine: Engine) -> dict[str, list[tuple]]:
        found = MetaData()
        found.reflect(engine, only=tables)
        with engine.connect() as connection:
            return {name: sorted(map(tuple, connection.execute(select(found.tables[name]))), key=repr) for name in tables}

    return on_engine(url, read)


def golden(url: str) -> str:
    return "postgresql.sql" if url.startswith("postgresql") else "sqlite.sql"


def test_a_database_of_the_first_schema_keeps_every_row(url: str) -> None:
    run_sql(url, golden(url), "rows.sql")
    before = all_rows(url, FIRST_TABLES)
    assert [len(before[name]) for name in FIRST_TABLES] == [3, 1, 4, 2]
    Store.open(url).close()
    assert all_rows(url, FIRST_TABLES) == before


def test_a_database_of_the_first_schema_goes_on_working(url: str) -> None:
    run_sql(url, golden(url), "rows.sql")
    with Store.open(url) as store:
        detail = store.run("20261124-0745")
        assert (detail.verdict, detail.chosen, detail.calls, detail.inputs) == ("chosen", "gemma", 3, {"task": "task.toml"})
        assert detail.sittings[0].packages == {"click": "8.1"}
        outcomes = [(call.outcome, call.score) for call, _ in store.run_calls(detail.id)]
        assert outcomes == [(Outcome.ANSWERED, 1.0), (Outcome.FAILED, None), (Outcome.EMPTY, 0.0)]
        assert store.calls(["k1", "k2"])["k1"].label_probabilities == {"a": 0.25, "b": 0.75}
        assert store.file_hash("/models/a.gguf", 253113024, 1795506995409410200) == "ab12"
        resumed = store.begin(fingerprint="f2", verb="pick", title="订单", seed=1, inputs={}, now=datetime.now(UTC))
        assert (resumed.id, resumed.resumed, resumed.seed) == ("20261124-080000-pick-0a1b", True, 2**63 - 1)
        store.record(resumed.id, CallRecord("k3", "c", "r", "p", Outcome.ANSWERED, "x", 1.0, 1, 1, 0.1, 0), paid=True)
        assert len(store.run_calls(resumed.id)) == 2


def test_the_first_migration_was_never_edited(url: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """What it makes today is what it made when the golden text was written."""

    def migrate(engine: Engine) -> Any:
        with engine.begin() as connection:
            migrations.upgrade(connection, "0001")
        return tables_of(engine)

    def tables_of(engine: Engine) -> Any:
        found = MetaData()
        found.reflect(engine)
        return {
            name: ([(str(c.name), str(c.type), c.nullable, c.primary_key) for c in table.columns], sorted(map(repr, table.indexes)))
            for name, table in found.tables.items()
        }

    if golden(url) == "sqlite.sql":
        other = str(tmp_path / "golden" / "llmpick.db")
        Path(url).parent.mkdir()
    else:
        other = request.getfixturevalue("new_postgres_database")()
    run_sql(other, golden(url))
    assert on_engine(url, migrate) == on_engine(other, tables_of)


def test_all_migrations_together_make_the_schema_that_the_code_uses(url: str) -> None:
    Store.open(url).close()

    def differences(engine: Engine) -> list:
        with engine.connect() as connection:
            options = {"version_table": schema.VERSION_TABLE, "compare_type": True}
            return compare_metadata(MigrationContext.configure(connection, opts=options), schema.metadata)

    assert on_engine(url, differences) == []


def test_migrations_are_numbered_without_gaps_and_give_their_reason() -> None:
    numbers = [int(file.name[:4]) for file in MIGRATION_FILES]
    assert numbers == list(range(1, schema.VERSION + 1))
    for file in MIGRATION_FILES:
        assert file.read_text().startswith('"""')
        assert f'revision = "{file.name[:4]}"' in file.read_text()


def test_a_newer_schema_is_refused_and_left_alone(url: str) -> None:
    Store.open(url).close()

    def set_version(engine: Engine) -> None:
        with engine.begin() as connection:
            connection.execute(text(f"UPDATE {schema.VERSION_TABLE} SET version_num = '9999'"))

    on_engine(url, set_version)
    with pytest.raises(StoreError, match="schema 9999, made by a newer llmpick") as caught:
        Store.open(url)
    assert "upgrade llmpick" in caught.value.remedy
    assert "llmpick" in caught.value.where
    assert all_rows(url, [schema.VERSION_TABLE]) == {schema.VERSION_TABLE: [("9999",)]}


def test_an_up_to_date_database_opens_without_alembic(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    Store.open(url).close()
    for name in [name for name in sys.modules if name.partition(".")[0] == "alembic"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "alembic", None)
    Store.open(url).close()


def test_every_field_of_a_call_has_its_column() -> None:
    assert {column.name for column in schema.calls.columns} == {field.name for field in fields(CallRecord)} | {"id", "created"}
