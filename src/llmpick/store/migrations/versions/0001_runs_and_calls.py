"""The first schema: runs, the calls they made, and the hashes of model files.

A call's answer is unique by its key, so that the same call is never paid twice, whichever process makes it. A failed call has no
answer: it is kept, and its key stays free for a later try. The hash of a large model file is remembered with the size and time
that it was computed for.
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "runs",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("fingerprint", sa.Text, nullable=False),
        sa.Column("verb", sa.Text, nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("started", sa.Text, nullable=False),
        sa.Column("finished", sa.Text),
        sa.Column("seed", sa.BigInteger, nullable=False),
        sa.Column("inputs", sa.JSON, nullable=False),
        sa.Column("sittings", sa.JSON, nullable=False),
        sa.Column("answer", sa.JSON),
    )
    op.create_index("ix_runs_fingerprint", "runs", ["fingerprint"])
    _create_calls()
    op.create_table(
        "run_calls",
        sa.Column("position", ID, primary_key=True),
        sa.Column("run", sa.Text, sa.ForeignKey("runs.id"), nullable=False),
        sa.Column("call", ID, sa.ForeignKey("calls.id"), nullable=False),
        sa.Column("candidate", sa.Text, nullable=False),
        sa.Column("row", sa.Text, nullable=False),
        sa.Column("outcome", sa.Text, nullable=False),
        sa.Column("score", sa.Double),
        sa.Column("paid", sa.Boolean, nullable=False),
        sa.UniqueConstraint("run", "candidate", "row", "call", name="run_calls_once"),
    )
    op.create_table(
        "file_hashes",
        sa.Column("path", sa.Text, primary_key=True),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("mtime_ns", sa.BigInteger, nullable=False),
        sa.Column("sha256", sa.Text, nullable=False),
    )


def _create_calls() -> None:
    op.create_table(
        "calls",
        sa.Column("id", ID, primary_key=True),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("candidate", sa.Text, nullable=False),
        sa.Column("row", sa.Text, nullable=False),
        sa.Column("prompt_hash", sa.Text, nullable=False),
        sa.Column("outcome", sa.Text, nullable=False),
        sa.Column("output", sa.Text, nullable=False),
        sa.Column("score", sa.Double),
        sa.Column("prompt_tokens", sa.BigInteger, nullable=False),
        sa.Column("output_tokens", sa.BigInteger, nullable=False),
        sa.Column("seconds", sa.Double, nullable=False),
        sa.Column("seed", sa.BigInteger, nullable=False),
        sa.Column("prefill_seconds", sa.Double),
        sa.Column("decode_seconds", sa.Double),
        sa.Column("label_probabilities", sa.JSON),
        sa.Column("error", sa.Text),
        sa.Column("created", sa.Text, nullable=False),
    )
    answered = sa.text("outcome <> 'failed'")
    op.create_index("calls_one_answer_per_key", "calls", ["key"], unique=True, sqlite_where=answered, postgresql_where=answered)
