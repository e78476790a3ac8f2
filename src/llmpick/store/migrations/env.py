"""How Alembic runs the numbered migrations: on the connection, and inside the transaction, of whoever asks for them."""

from alembic import context

from llmpick.store.schema import VERSION_TABLE

context.configure(connection=context.config.attributes["connection"], version_table=VERSION_TABLE)
context.run_migrations()
