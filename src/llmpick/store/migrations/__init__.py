"""Brings a database up to date. Each file in `versions/` is one numbered step and begins with the reason for it.

To add a step: copy the newest file, count up `revision` and `down_revision`, change `schema.py` and its `VERSION` to match.
A step that was released is never edited, and llmpick never goes back to an older schema.
"""

from pathlib import Path

from sqlalchemy.engine import Connection


def upgrade(connection: Connection, to: str = "head") -> None:
    """Runs the steps that the database behind `connection` has not had; does nothing to one that is up to date."""
    # Alembic takes as long to import as everything else together, and is needed once per database.
    from alembic import command
    from alembic.config import Config

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    command.upgrade(config, to)
