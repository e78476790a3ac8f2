-- What a database of the first schema held. Never edited.
INSERT INTO runs VALUES ('20261124-074501-order-facts-3f2a', 'f1', 'pick', 'order-facts', 'finished',
	'2026-11-24T07:45:01.000000+00:00', '2026-11-24T07:46:00.000000+00:00', 7, '{"task": "task.toml"}',
	'[{"started": "2026-11-24T07:45:01+00:00", "llmpick": "0.1.0", "python": "3.11.7", "platform": "Linux", "packages": {"click": "8.1"}}]',
	'{"verdict": "chosen", "chosen": "gemma", "reasons": ["it is best"]}');
INSERT INTO runs VALUES ('20261124-080000-pick-0a1b', 'f2', 'pick', '订单', 'running', '2026-11-24T08:00:00.000000+00:00', NULL, 9223372036854775807, '{}', '[]', NULL);
INSERT INTO calls ("key", candidate, "row", prompt_hash, outcome, output, score, prompt_tokens, output_tokens, seconds, seed,
	prefill_seconds, decode_seconds, label_probabilities, error, created)
VALUES
	('k1', 'gemma', 'r1', 'p1', 'answered', '{"order": 1}', 1.0, 120, 8, 0.25, 7, 0.2, 0.05, '{"a": 0.25, "b": 0.75}', NULL, '2026-11-24T07:45:02.000000+00:00'),
	('k2', 'gemma', 'r2', 'p2', 'failed', '', NULL, 0, 0, 30.0, 7, NULL, NULL, NULL, 'timeout', '2026-11-24T07:45:03.000000+00:00'),
	('k2', 'gemma', 'r2', 'p2', 'empty', '', 0.0, 120, 0, 0.1, 7, NULL, NULL, NULL, NULL, '2026-11-24T07:45:40.000000+00:00');
INSERT INTO run_calls (run, call, candidate, "row", outcome, score, paid)
VALUES
	('20261124-074501-order-facts-3f2a', 1, 'gemma', 'r1', 'answered', 1.0, TRUE),
	('20261124-074501-order-facts-3f2a', 2, 'gemma', 'r2', 'failed', NULL, TRUE),
	('20261124-074501-order-facts-3f2a', 3, 'gemma', 'r2', 'empty', 0.0, TRUE),
	('20261124-080000-pick-0a1b', 1, 'gemma.gguf', '1', 'answered', 0.5, FALSE);
INSERT INTO file_hashes VALUES ('/models/a.gguf', 253113024, 1795506995409410200, 'ab12');
