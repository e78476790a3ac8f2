"""What the database holds, in its newest form. `migrations/` makes an older database equal to this; a test compares the two."""

from sqlalchemy import JSON, BigInteger, Boolean, Column, Double, ForeignKey, Index, Integer, MetaData, Table, Text, UniqueConstraint, text

from llmpick.store.columns import AnyText, Moment

VERSION = 4
"""The number of the newest migration, written here so that opening an up-to-date database needs no look at the migrations."""
VERSION_TABLE = "llmpick_schema"

metadata = MetaData()

_Id = BigInteger().with_variant(Integer(), "sqlite")
_Json = JSON(none_as_null=True)

runs = Table(
    "runs",
    metadata,
    Column("id", Text, primary_key=True),
    Column("fingerprint", Text, nullable=False, index=True),
    Column("verb", Text, nullable=False),
    Column("title", AnyText, nullable=False),
    Column("status", Text, nullable=False),
    Column("started", Moment, nullable=False),
    Column("finished", Moment),
    Column("seed", BigInteger, nullable=False),
    Column("inputs", _Json, nullable=False),
    Column("sittings", _Json, nullable=False),
    Column("answer", _Json),
)

# One row for each call that was made. A failed call is kept for the log, but only answers are unique by key: that is what "the
# same call is never paid twice" rests on. (The index is partial in PostgreSQL too, see migration 0001; to say so here would load
# SQLAlchemy's part for PostgreSQL at every start.)
calls = Table(
    "calls",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("key", Text, nullable=False),
    Column("candidate", AnyText, nullable=False),
    Column("row", AnyText, nullable=False),
    Column("prompt_hash", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("output", AnyText, nullable=False),
    Column("score", Double),
    Column("prompt_tokens", BigInteger, nullable=False),
    Column("output_tokens", BigInteger, nullable=False),
    Column("seconds", Double, nullable=False),
    Column("seed", BigInteger, nullable=False),
    Column("prefill_seconds", Double),
    Column("decode_seconds", Double),
    Column("label_probabilities", _Json),
    Column("error", AnyText),
    Column("created", Moment, nullable=False),
    Index("calls_one_answer_per_key", "key", unique=True, sqlite_where=text("outcome <> 'failed'")),
)

# A run's log, in the order of `position`. It has the names, the outcome and the score of this run: the same call may serve another
# run under another name, or be scored by another metric.
run_calls = Table(
    "run_calls",
    metadata,
    Column("position", _Id, primary_key=True),
    Column("run", Text, ForeignKey("runs.id"), nullable=False),
    Column("call", _Id, ForeignKey("calls.id"), nullable=False),
    Column("candidate", AnyText, nullable=False),
    Column("row", AnyText, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("score", Double),
    Column("paid", Boolean, nullable=False),
    UniqueConstraint("run", "candidate", "row", "call", name="run_calls_once"),
)

file_hashes = Table(
    "file_hashes",
    metadata,
    Column("path", AnyText, primary_key=True),
    Column("size", BigInteger, nullable=False),
    Column("mtime_ns", BigInteger, nullable=False),
    Column("sha256", Text, nullable=False),
)

loads = Table(
    "loads",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("run", Text, ForeignKey("runs.id"), nullable=False, index=True),
    Column("candidate", AnyText, nullable=False),
    Column("identity", AnyText, nullable=False, index=True),
    Column("load_seconds", Double, nullable=False),
    Column("resident_bytes", BigInteger),
    Column("engine", _Json, nullable=False),
)

# One row for each thing that was timed, with the seconds of all its runs: a reading that gets further runs is replaced.
speed_readings = Table(
    "speed_readings",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("run", Text, ForeignKey("runs.id"), nullable=False),
    Column("model", AnyText, nullable=False),
    Column("kind", Text, nullable=False),
    Column("tokens", BigInteger, nullable=False),
    Column("seconds", _Json, nullable=False),
    UniqueConstraint("run", "model", "kind", "tokens", name="speed_readings_once"),
)

calibrations = Table(
    "calibrations",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("run", Text, ForeignKey("runs.id"), nullable=False),
    Column("machine", AnyText, nullable=False, index=True),
    Column("engine", Text, nullable=False),
    Column("version", Text, nullable=False),
    Column("measured", Moment, nullable=False),
    Column("constants", _Json, nullable=False),
)

# One row for each chunk of text that a model has read, by the hash of everything that can change its likelihood.
text_reads = Table(
    "text_reads",
    metadata,
    Column("key", Text, primary_key=True),
    Column("nats", Double, nullable=False),
    Column("tokens", BigInteger, nullable=False),
    Column("text_bytes", BigInteger, nullable=False),
    Column("first_token_scored", Boolean, nullable=False),
    Column("processed_tokens", BigInteger, nullable=False),
    Column("seconds", Double, nullable=False),
    Column("engine", _Json, nullable=False),
    Column("max_tokens", BigInteger),
    Column("split", Text),
    Column("created", Moment, nullable=False),
)
