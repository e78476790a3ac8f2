"""What `llmpick calibrate` timed on a machine, kept as it comes, and the constants that were fitted on it, which later estimates use.

A broken calibration goes on where it stopped, so each reading is a row of its own. Constants are found by machine and engine.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "speed_readings",
        sa.Column("id", ID, primary_key=True),
        sa.Column("run", sa.Text, sa.ForeignKey("runs.id"), nullable=False),
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("tokens", sa.BigInteger, nullable=False),
        sa.Column("seconds", sa.JSON, nullable=False),
        sa.UniqueConstraint("run", "model", "kind", "tokens", name="speed_readings_once"),
    )
    op.create_table(
        "calibrations",
        sa.Column("id", ID, primary_key=True),
        sa.Column("run", sa.Text, sa.ForeignKey("runs.id"), nullable=False),
        sa.Column("machine", sa.Text, nullable=False),
        sa.Column("engine", sa.Text, nullable=False),
        sa.Column("version", sa.Text, nullable=False),
        sa.Column("measured", sa.Text, nullable=False),
        sa.Column("constants", sa.JSON, nullable=False),
    )
    op.create_index("ix_calibrations_machine", "calibrations", ["machine"])
