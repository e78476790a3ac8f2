"""The documents of `scale --json`: complete, valid by the shipped schema, and with a reason for every null."""

import json
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest
from tests.report.regenerate import schema_path
from tests.report.scale import answers

from llmpick.evidence.values import Interval
from llmpick.report.scale import answer_to_json


@pytest.fixture(scope="module")
def validator() -> jsonschema.Draft202012Validator:
    schema = json.loads(schema_path("scale").read_text("utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def objects(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from objects(inner)


@pytest.mark.parametrize("name", answers.ALL)
def test_every_document_satisfies_the_shipped_schema(name: str, validator: jsonschema.Draft202012Validator):
    document = json.loads(json.dumps(answer_to_json(answers.ALL[name]()), allow_nan=False))
    validator.validate(document)
    for one in objects(document):
        assert {key for key, value in one.items() if value is None} == one.get("unknown", {}).keys()
    del document["notes"]
    assert not validator.is_valid(document)


def test_values_pass_unrounded():
    answer = answers.fit()
    document = answer_to_json(answer)
    for name, value in answer.constants.items():
        assert document["constants"][name] == {"value": value.value, "low": value.low, "high": value.high, "confidence": 0.95}
    assert document["objective"] == answer.fit.objective
    assert document["minima"][0]["constants"] == pytest.approx(answer.fit.constants)
    assert {one["row"] for one in document["outliers"]} >= {4, 31}  # rows of the file count from 1
    predicted = answers.predict()
    assert isinstance(predicted.law.loss, Interval)
    assert answer_to_json(predicted)["loss"]["value"] == predicted.law.loss.value
    assert answer_to_json(answers.served())["served"]["total_ratio"] == pytest.approx(0.7202, abs=1e-4)


def test_what_the_runs_do_not_bound_is_null_with_a_reason():
    document = answer_to_json(answers.few_runs())
    ends = [(one["low"], one["high"]) for one in document["profiles"]]
    assert any(None in pair for pair in ends)
    assert document["columns"]["flops"] == "flops"
