"""`fit --json`: the document against its schema, and what the issue asks it to hold."""

import json

import pytest
from jsonschema import Draft202012Validator
from tests.report.fit import results

from llmpick.evidence.fit import FitAnswer
from llmpick.report.fit import answer_to_json
from llmpick.report.fit.schema import json_schema

RESULT_KEYS = {
    *("model", "quantization", "engine", "engine_version", "engine_options", "device", "context_tokens", "sequences", "memory", "speed"),
    *("price", "fits", "fits_probability", "sources"),
}
MEMORY_KEYS = {"weights_bytes", "kv_cache_bytes", "compute_bytes", "overhead_bytes", "total_bytes", "kv_pool_bytes"}
RANGE_KEYS = {"value", "low", "high", "confidence"}


@pytest.fixture(scope="module")
def validator() -> Draft202012Validator:
    Draft202012Validator.check_schema(json_schema())
    return Draft202012Validator(json_schema())


@pytest.mark.parametrize("name", list(results.ALL))
def test_every_answer_keeps_to_the_schema(name, validator):
    document = json.loads(json.dumps(answer_to_json(results.ALL[name]()), allow_nan=False))
    validator.validate(document)


@pytest.mark.parametrize("name", list(results.ALL))
def test_every_null_has_a_reason_beside_it(name):
    for one in _objects(answer_to_json(results.ALL[name]())):
        assert {key for key, value in one.items() if value is None} == one.get("unknown", {}).keys()


def test_a_result_holds_what_the_documents_promise():
    one = answer_to_json(results.serving())["results"][0]
    assert one.keys() >= RESULT_KEYS
    assert one["memory"].keys() >= MEMORY_KEYS
    assert one["memory"]["total_bytes"].keys() == RANGE_KEYS
    assert one["memory"]["kv_pool_bytes"].keys() == RANGE_KEYS
    assert all(one["speed"][key].keys() == RANGE_KEYS for key in ("decode_tokens_per_s", "prefill_tokens_per_s", "ttft_s"))
    assert (one["engine"], one["engine_version"], one["tensor_parallel"]) == ("vllm", "0.19", 2)


def test_the_parts_are_whole_bytes_and_add_up():
    memory = answer_to_json(results.fitting())["results"][0]["memory"]
    parts = [memory[f"{name}_bytes"] for name in ("weights", "kv_cache", "compute", "overhead")]
    assert all(isinstance(part, int) for part in parts)
    assert sum(parts) == pytest.approx(memory["total_bytes"]["value"])
    assert sum(line["bytes"]["value"] for line in memory["lines"]) == pytest.approx(memory["total_bytes"]["value"])


def test_what_is_not_known_says_why():
    one = answer_to_json(results.unknown())["results"][0]
    assert one["memory"] is None
    assert one["unknown"]["memory"] == "neither its layers nor its number of parameters are known"
    assert one["speed"]["unknown"]["decode_tokens_per_s"] == "its layers are not known"
    assert answer_to_json(results.fitting())["unknown"] == {"outlook": "models were named"}


def test_nothing_at_all_is_a_document_too(validator):
    validator.validate(answer_to_json(FitAnswer(())))


def test_a_wrong_document_is_refused(validator):
    document = answer_to_json(results.fitting())
    for broken in ({}, {**document, "results": [{}]}, {**document, "schema_version": 2}):
        assert not validator.is_valid(broken)


def _objects(value):
    """Every object of the document but engines' options, which may hold null as they like."""
    if isinstance(value, dict):
        yield value
        for key, inner in value.items():
            if key != "engine_options":
                yield from _objects(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _objects(inner)
