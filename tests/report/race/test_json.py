"""The document of `race --json`: complete, valid by the shipped schema, and with a reason for every null."""

import json
from collections.abc import Iterator
from typing import Any

import jsonschema
import numpy as np
import pytest
from tests.report.race import answers
from tests.report.regenerate import schema_path

from llmpick.evidence.values import Interval
from llmpick.report.race import answer_to_json
from llmpick.report.race.replay import replay_document
from llmpick.stats.replay import Ends, ReplayResult


@pytest.fixture(scope="module")
def validator() -> jsonschema.Draft202012Validator:
    schema = json.loads(schema_path("race").read_text("utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


@pytest.fixture(params=list(answers.ALL))
def name(request: pytest.FixtureRequest) -> str:
    return request.param


def objects(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from objects(inner)


def test_every_document_satisfies_the_shipped_schema(name: str, validator: jsonschema.Draft202012Validator) -> None:
    validator.validate(json.loads(json.dumps(answer_to_json(answers.ALL[name]()), allow_nan=False)))


def test_every_null_has_a_reason_beside_it_and_nothing_else_has(name: str) -> None:
    for one in objects(answer_to_json(answers.ALL[name]())):
        assert {key for key, value in one.items() if value is None} == one.get("unknown", {}).keys()


def test_values_pass_unrounded(name: str) -> None:
    answer = answers.ALL[name]()
    document = answer_to_json(answer)
    assert [one["id"] for one in document["candidates"]] == [one.candidate.id for one in answer.candidates]
    for written, one in zip(document["candidates"], answer.candidates, strict=True):
        gap = one.placed.difference
        assert written["status"] == one.placed.place.value
        assert (written["difference"] is None) != isinstance(gap, Interval)
        if isinstance(gap, Interval):
            assert written["difference"] == {"value": gap.value, "low": gap.low, "high": gap.high, "confidence": 0.95}
    assert document["spent"]["calls"] == answer.spent.calls
    assert document["everything"]["tokens"] == answer.everything.tokens


@pytest.mark.parametrize(("name", "sense"), [("won", "together"), ("tie", "on_average"), ("recorded", "together")])
def test_the_sense_of_the_intervals_is_told(name: str, sense: str) -> None:
    assert answer_to_json(answers.ALL[name]())["intervals"] == sense


def test_the_way_of_each_candidate_ends_with_its_last_row() -> None:
    for one in answer_to_json(answers.won())["candidates"]:
        assert [at["rows"] for at in one["way"]] == sorted(at["rows"] for at in one["way"])
        assert one["way"][-1]["rows"] == one["rows_run"]
        assert one["way"][-1]["score"] == pytest.approx(one["score_on_rows"]["value"])


@pytest.mark.parametrize("costs", [None, {"mean": 0.2, "median": 0.1}])
@pytest.mark.parametrize("loss", [None, 0.01])
def test_a_replay_is_a_document_of_the_schema_too(
    costs: dict[str, float] | None, loss: float | None, validator: jsonschema.Draft202012Validator
) -> None:
    nothing = Ends(*(np.zeros(0) for _ in Ends.__slots__))  # pyright: ignore[reportArgumentType]
    both = {"mean": 0.2, "median": 0.1}
    result = ReplayResult(9, 5, 300, both, costs, {"mean": 0.001, "p95": 0.0}, 0.0, 1.0, {"a": 1.0}, nothing, 0.5)
    asked = {"task": "scores.csv", "guarantee": "bayes", "confidence": 0.95, "tolerance": 0.02, "spend_by": "calls", "seed": 1}
    document = replay_document(result, {**asked, "max_expected_loss": loss})
    validator.validate(document)
    assert {key for key, value in document.items() if value is None} == document["unknown"].keys()
    assert document["cost_fraction"] == both
    assert document["winners"] == {"a": 1.0}


@pytest.mark.parametrize(
    ("name", "chosen", "settled"), [("won", True, True), ("undecided", False, False), ("tie", True, False), ("none_fits", False, False)]
)
def test_the_leader_is_named_whether_chosen_or_not(name: str, chosen: bool, settled: bool) -> None:
    document = answer_to_json(answers.ALL[name]())
    assert (document["chosen"] is not None) == chosen
    assert document["new_inputs"]["settled"] == settled
    if chosen:
        assert document["chosen"] == document["leader"]


def test_a_wrong_document_is_refused(validator: jsonschema.Draft202012Validator) -> None:
    document = answer_to_json(answers.won())
    for broken in ({}, {**document, "verdict": "maybe"}, {key: value for key, value in document.items() if key != "leader"}):
        assert not validator.is_valid(broken)
