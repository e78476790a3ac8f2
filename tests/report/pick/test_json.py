"""The document of `pick --json`: what the issue of its keys promises, for every verdict."""

import json
from collections.abc import Iterator
from dataclasses import replace
from math import inf
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from tests.report import answers
from tests.report.regenerate import schema_path

from llmpick.decide.answer import Spending
from llmpick.evidence.call import EngineInfo
from llmpick.evidence.errors import InputError
from llmpick.evidence.values import Estimate, Interval, Source
from llmpick.report.pick import answer_to_json, error_to_json
from llmpick.report.pick.schema import Spent

PROMISED = ["schema_version", "task", "verdict", "basis", "chosen", "chosen_run", "candidates", "spent", "saved", "seed"]
PROMISED_OF_A_CANDIDATE = ["id", "status", "reasons", "score", "memory_bytes", "decode_tokens_per_s", "calls", "tokens", "seconds"]


def objects(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from objects(inner)


@pytest.fixture(scope="module")
def validator():
    schema = json.loads(schema_path("pick").read_text("utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


@pytest.fixture(scope="module", params=list(answers.ALL))
def document(request) -> dict[str, Any]:
    return answer_to_json(answers.ALL[request.param]())


def test_every_document_satisfies_the_shipped_schema(document, validator):
    validator.validate(json.loads(json.dumps(document, allow_nan=False)))


def test_the_promised_keys_are_there(document):
    assert set(PROMISED) <= document.keys()
    for candidate in document["candidates"]:
        assert set(PROMISED_OF_A_CANDIDATE) <= candidate.keys()
        assert candidate["score"] is None or candidate["score"].keys() >= {"value", "low", "high", "n"}
        for key in ("memory_bytes", "decode_tokens_per_s"):
            assert candidate[key] is None or candidate[key].keys() >= {"value", "low", "high"}
    for key in ("spent", "saved"):
        assert document[key].keys() == {"calls", "tokens", "seconds", "money", "unknown"}
    assert document["chosen_run"] is None or document["chosen_run"].keys() >= {"engine", "quantization", "command"}


def test_every_null_has_a_reason_beside_it_and_nothing_else_has(document):
    for one in objects({key: value for key, value in document.items() if key != "candidates"} | {"candidates": _without_options(document)}):
        nulls = {key for key, value in one.items() if value is None}
        assert nulls == one.get("unknown", {}).keys()
        assert all(one.get("unknown", {}).values())


def _without_options(document: dict[str, Any]) -> list[dict[str, Any]]:
    """The options belong to the engine, which may use null as it likes."""
    return [{**one, "engine": one["engine"] and {**one["engine"], "options": {}}} for one in document["candidates"]]


def test_values_pass_unrounded(document):
    answer = next(make() for make in answers.ALL.values() if make().task == document["task"])
    assert [one["id"] for one in document["candidates"]] == [one.candidate.id for one in answer.candidates]
    for written, one in zip(document["candidates"], answer.candidates, strict=True):
        if isinstance(one.score, Interval):
            expected = {"value": one.score.value, "low": one.score.low, "high": one.score.high, "confidence": 0.95, "n": one.score_n}
            assert written["score"] == expected
        else:
            assert written["unknown"]["score"] == one.score.reason
    assert document["spent"]["tokens"] == answer.spent.tokens
    assert document["verdict"] == answer.verdict.value


def test_confusion_is_a_list_the_most_frequent_first():
    tfidf = answer_to_json(answers.baseline())["candidates"][3]
    rows = [pair["rows"] for pair in tfidf["confusion"]]
    assert rows == sorted(rows, reverse=True)
    assert sum(rows) == 360
    assert {"reference": "cancel_order", "answered": "", "rows": 3} in tfidf["confusion"]


def test_infinity_becomes_unknown_and_odd_options_become_text(validator):
    first = answers.chosen().candidates[0]
    endless = Estimate(Interval(1.0, 0.0, inf, 0.95), "bytes", Source("formula"))
    odd = EngineInfo("e", "1", "cpu", {"path": Path("/a"), "limit": inf, "stop": ("a", "b"), "nested": {1: None}})
    answer = replace(answers.chosen(), candidates=(replace(first, memory_bytes=endless, engine=odd),))
    written = answer_to_json(answer)
    validator.validate(json.loads(json.dumps(written, allow_nan=False)))
    assert written["candidates"][0]["unknown"]["memory_bytes"] == "the value or its interval is not finite"
    assert written["candidates"][0]["engine"]["options"] == {"path": "/a", "limit": "inf", "stop": ["a", "b"], "nested": {"1": None}}


spendings = st.builds(
    Spending, st.integers(0, 10**9), st.integers(0, 10**12), st.floats(0, 1e9, allow_nan=False), st.none() | st.floats(0, 1e6)
)


@given(spendings, st.floats(0, 1), st.floats(0, 1), st.floats(0, 1), st.text(), st.integers(0, 10**6))
@settings(max_examples=25, deadline=None)
def test_any_record_makes_a_valid_document(validator, spent, a, b, c, text, n):
    low, value, high = sorted((a, b, c))
    one = replace(answers.chosen().candidates[0], score=Interval(value, low, high, 0.95), score_n=n, spent=spent, reasons=(text,))
    answer = replace(answers.chosen(), candidates=(one,), spent=spent, task=text)
    document = json.loads(json.dumps(answer_to_json(answer), allow_nan=False))
    validator.validate(document)
    assert document["candidates"][0]["score"]["value"] == value


def test_a_null_without_a_reason_cannot_be_built():
    with pytest.raises(ValidationError, match="money"):
        Spent(calls=0, tokens=0, seconds=0.0, money=None, unknown={})
    with pytest.raises(ValidationError, match="money"):
        Spent(calls=0, tokens=0, seconds=0.0, money=1.0, unknown={"money": "no price is known"})
    with pytest.raises(ValidationError, match="finite"):
        Spent(calls=0, tokens=0, seconds=float("nan"), money=1.0, unknown={})


def test_an_error_has_what_where_and_remedy(validator):
    document = error_to_json(InputError("no key 'kinds'", where="task.toml line 3", remedy="write 'kind'"))
    assert document == {"error": {"what": "no key 'kinds'", "where": "task.toml line 3", "remedy": "write 'kind'"}}
    validator.validate(document)


def test_a_wrong_document_is_refused(validator, document):
    for broken in ({}, {**document, "verdict": "maybe"}, {key: value for key, value in document.items() if key != "saved"}):
        assert not validator.is_valid(broken)


def test_what_thinking_bought_passes_unrounded(validator):
    document = answer_to_json(replace(answers.chosen(), thinking=(answers.thinking_bought("m?thinking=on", "m"),)))
    validator.validate(document)
    assert document["thinking"] == [
        {
            "candidate": "m?thinking=on",
            "without": "m",
            "rows": 48,
            "difference": {"value": 0.125, "low": -0.021, "high": 0.264, "confidence": 0.95},
            "tokens_with": 412.5,
            "tokens_without": 10.25,
            "seconds_with": 9.5,
            "seconds_without": 0.31,
            "cut": 3,
        }
    ]
