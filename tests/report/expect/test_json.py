"""`expect --json` and `need --json`: the documents against their schemas, and the schemas and tables against the code."""

import json
from dataclasses import replace
from typing import Any

import pytest
from click.testing import CliRunner
from jsonschema import Draft202012Validator
from tests.report.expect.test_need_text import FOUND

from llmpick.cli.expect import expect
from llmpick.cli.need import need
from llmpick.report import expect_json, need_json

MODEL = "Qwen/Qwen2.5-7B-Instruct"
CASES = {
    "named": (expect, expect_json, (MODEL, "--family", "math")),
    "catalog": (expect, expect_json, ("--task", "examples/support-intents/task.toml", "--top", "2")),
    "that day": (expect, expect_json, ("--family", "knowledge", "--as-of", "2023-05-15")),
    "a size": (need, need_json, ("--family", "code", "--target", "0.6")),
    "in four bits": (expect, expect_json, (f"{MODEL}:Q4_K_M", "--family", "math")),
    "surely": (need, need_json, ("--family", "knowledge", "--target", "0.7", "--probability", "0.99")),
    "flat": (need, need_json, ("--family", "rewrite", "--target", "0.9")),
    "beyond reach": (need, need_json, ("--family", "contest-code", "--target", "0.99")),
    "a task": (need, need_json, ("--task", "examples/order-facts/task.toml", "--target", "0.9")),
}


def document(command: Any, words: tuple[str, ...], folder: str) -> dict[str, Any]:
    said = CliRunner().invoke(
        command, [*words, "--json"], env={"LLMPICK_DB": f"{folder}/x.db"}, standalone_mode=False, catch_exceptions=False
    )
    return json.loads(said.stdout)


@pytest.mark.parametrize("case", CASES)
def test_every_document_keeps_to_its_schema(case: str, tmp_path: Any) -> None:
    command, module, words = CASES[case]
    found = document(command, words, str(tmp_path))
    Draft202012Validator.check_schema(module.json_schema())
    validator = Draft202012Validator(module.json_schema())
    validator.validate(found)
    assert not validator.is_valid({**found, "schema_version": 2})
    for score in [model["score"] for model in found.get("models", []) if "score" in model]:
        assert 0 <= score["low"] <= score["value"] <= score["high"] <= 1
    assert sum(one["probability"] for one in found["question"]["families"]) == pytest.approx(1)


def test_how_a_model_is_stored_is_told_or_why_not(tmp_path: Any) -> None:
    cases = [CASES[case] for case in ("in four bits", "named")]
    four, published = (document(command, words, str(tmp_path))["models"][0] for command, _, words in cases)
    assert 4.5 < four["bits_per_weight"] < 5
    assert four["unknown"] == {}
    assert published["bits_per_weight"] is None
    assert published["unknown"] == {"bits_per_weight": expect_json.AS_PUBLISHED}


def test_a_size_that_is_not_there_says_why() -> None:
    nowhere = replace(FOUND, params=None, low=None, high=None, best=0.4)
    flat, beyond = (need_json.need_document(one)["params"] for one in (replace(nowhere, flat=True), nowhere))
    assert flat["value"] is None
    assert flat["unknown"]["value"] == need_json.FLAT
    assert beyond["value"] is None
    assert beyond["unknown"]["value"] == need_json.BEYOND
