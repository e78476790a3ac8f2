"""How likely a model found a text: `race --text` keeps each chunk that a model has read, and reads none twice.

They are no calls: nothing was written that another metric could score, no row belongs to them, and their numbers are not shares.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "text_reads",
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("nats", sa.Double, nullable=False),
        sa.Column("tokens", sa.BigInteger, nullable=False),
        sa.Column("text_bytes", sa.BigInteger, nullable=False),
        sa.Column("first_token_scored", sa.Boolean, nullable=False),
        sa.Column("processed_tokens", sa.BigInteger, nullable=False),
        sa.Column("seconds", sa.Double, nullable=False),
        sa.Column("engine", sa.JSON, nullable=False),
        sa.Column("max_tokens", sa.BigInteger),
        sa.Column("split", sa.Text),
        sa.Column("created", sa.Text, nullable=False),
    )
