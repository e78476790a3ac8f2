"""The part of the store that keeps how likely models found chunks of text, so that none is read twice by the same model."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from sqlalchemy import select

from llmpick.evidence.likelihood import TextRead
from llmpick.store.database import Database
from llmpick.store.rows import text_read_from_row, text_read_to_row
from llmpick.store.schema import text_reads

_KEYS_PER_QUERY = 500


class TextReads:
    """A key is the hash of everything that can change a likelihood: the model's content, the engine, its settings, and the text."""

    _database: Database

    def text_reads(self, keys: Sequence[str]) -> Mapping[str, TextRead]:
        """What was read before, by key; keys without a reading are left out."""
        found: dict[str, TextRead] = {}
        with self._database.reading() as connection:
            for start in range(0, len(keys), _KEYS_PER_QUERY):
                query = select(text_reads).where(text_reads.c.key.in_(keys[start : start + _KEYS_PER_QUERY]))
                found.update((row["key"], text_read_from_row(row)) for row in connection.execute(query).mappings())
        return found

    def record_text_read(self, key: str, read: TextRead) -> None:
        """Keeps a reading; it is durable when this returns. Of two under one key the first stands."""
        insert = self._database.insert(text_reads).values(key=key, **text_read_to_row(read), created=datetime.now(UTC))
        with self._database.writing() as connection:
            connection.execute(insert.on_conflict_do_nothing())
