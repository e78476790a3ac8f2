"""The time that a model takes to load counts as cost, and the memory that it then holds replaces the estimate: both are kept per load.

A later run that needs no call of a model looks its memory up by `identity`: what names the model's content and its engine.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "loads",
        sa.Column("id", ID, primary_key=True),
        sa.Column("run", sa.Text, sa.ForeignKey("runs.id"), nullable=False),
        sa.Column("candidate", sa.Text, nullable=False),
        sa.Column("identity", sa.Text, nullable=False),
        sa.Column("load_seconds", sa.Double, nullable=False),
        sa.Column("resident_bytes", sa.BigInteger),
        sa.Column("engine", sa.JSON, nullable=False),
    )
    op.create_index("ix_loads_run", "loads", ["run"])
    op.create_index("ix_loads_identity", "loads", ["identity"])
