-- The first schema as migration 0001 made it in SQLite. Never edited: databases like this one exist.
CREATE TABLE llmpick_schema (
	version_num VARCHAR(32) NOT NULL,
	CONSTRAINT llmpick_schema_pkc PRIMARY KEY (version_num)
);
INSERT INTO llmpick_schema VALUES ('0001');
CREATE TABLE runs (
	id TEXT NOT NULL,
	fingerprint TEXT NOT NULL,
	verb TEXT NOT NULL,
	title TEXT NOT NULL,
	status TEXT NOT NULL,
	started TEXT NOT NULL,
	finished TEXT,
	seed BIGINT NOT NULL,
	inputs JSON NOT NULL,
	sittings JSON NOT NULL,
	answer JSON,
	PRIMARY KEY (id)
);
CREATE INDEX ix_runs_fingerprint ON runs (fingerprint);
CREATE TABLE calls (
	id INTEGER NOT NULL,
	"key" TEXT NOT NULL,
	candidate TEXT NOT NULL,
	"row" TEXT NOT NULL,
	prompt_hash TEXT NOT NULL,
	outcome TEXT NOT NULL,
	output TEXT NOT NULL,
	score DOUBLE,
	prompt_tokens BIGINT NOT NULL,
	output_tokens BIGINT NOT NULL,
	seconds DOUBLE NOT NULL,
	seed BIGINT NOT NULL,
	prefill_seconds DOUBLE,
	decode_seconds DOUBLE,
	label_probabilities JSON,
	error TEXT,
	created TEXT NOT NULL,
	PRIMARY KEY (id)
);
CREATE UNIQUE INDEX calls_one_answer_per_key ON calls ("key") WHERE outcome <> 'failed';
CREATE TABLE run_calls (
	position INTEGER NOT NULL,
	run TEXT NOT NULL,
	call INTEGER NOT NULL,
	candidate TEXT NOT NULL,
	"row" TEXT NOT NULL,
	outcome TEXT NOT NULL,
	score DOUBLE,
	paid BOOLEAN NOT NULL,
	PRIMARY KEY (position),
	CONSTRAINT run_calls_once UNIQUE (run, candidate, "row", call),
	FOREIGN KEY(run) REFERENCES runs (id),
	FOREIGN KEY(call) REFERENCES calls (id)
);
CREATE TABLE file_hashes (
	path TEXT NOT NULL,
	size BIGINT NOT NULL,
	mtime_ns BIGINT NOT NULL,
	sha256 TEXT NOT NULL,
	PRIMARY KEY (path)
);
