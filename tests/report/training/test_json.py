"""`scale budget --json`, `scale verdict --json` and `screen --json`: the documents against their schemas, and what they promise."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from click.testing import CliRunner
from jsonschema import Draft202012Validator

from llmpick.cli.scale_budget import budget
from llmpick.cli.scale_verdict import verdict
from llmpick.cli.screen import screen
from llmpick.report import screen_json
from llmpick.report.scale import budget_json, verdict_json

LINES = ("flops", "attention_flops", "mfu", "gpu_hours", "days", "money", "energy_mwh", "tco2e")
LLAMA = ("--params", "6.7e9", "--tokens", "1e12", "--device", "A100-80GB", "--gpus", "128")
BUDGETS = {
    "by evidence": LLAMA,
    "all given": (*LLAMA, "--mfu", "0.434", "--price", "2/h"),
    "adapters": ("--model", "LLaMA-13B", "--tokens", "5e7", "--device", "RTX 4090", "--method", "qlora"),
    "without rent": ("--params", "1B", "--tokens", "1B", "--device", "Jetson Orin Nano 8GB"),
    "too small for layers": ("--params", "1M", "--tokens", "1B", "--device", "H100"),
    "mixture": ("--params", "37B", "--params-total", "671B", "--tokens", "14.8T", "--device", "H800", "--gpus", "2048"),
}
VERDICTS = {
    "money": ("--money", "50000", "--language", "zh"),
    "hours without rent": ("--gpu-hours", "1e6", "--device", "Jetson Orin Nano 8GB"),
    "it pays": ("--gpu-hours", "5e6", "--device", "A100-80GB", "--as-of", "2023-05-15"),
    "served": ("--money", "1m", "--served-tokens", "1e13", "--family", "code", "--max-params", "8B"),
}
SCREENS = {
    "rule": ("--min-training-tokens", "1e12"),
    "that day": ("--min-training-tokens", "1e12", "--languages", "zh", "--as-of", "2023-05-15"),
    "strict": ("--tuning", "instruct", "--licence", "commercial", "--max-memory", "24GB", "--strict"),
    "nothing": ("--min-training-tokens", "1e18"),
}


def document(command: Any, words: tuple[str, ...]) -> dict[str, Any]:
    result = CliRunner().invoke(command, [*words, "--json"], catch_exceptions=False, standalone_mode=False)
    return json.loads(result.stdout)


CASES = [
    *((budget, budget_json.json_schema, words) for words in BUDGETS.values()),
    *((verdict, verdict_json.json_schema, words) for words in VERDICTS.values()),
    *((screen, screen_json.json_schema, words) for words in SCREENS.values()),
]


@pytest.mark.parametrize(("command", "schema", "words"), CASES, ids=[*BUDGETS, *VERDICTS, *SCREENS])
def test_every_document_keeps_to_its_schema(command: Any, schema: Callable[[], dict[str, Any]], words: tuple[str, ...]) -> None:
    Draft202012Validator.check_schema(schema())
    validator = Draft202012Validator(schema())
    found = document(command, words)
    validator.validate(found)
    assert not validator.is_valid({**found, "schema_version": 2})
    for one in _objects(found):
        if "unknown" in one:
            assert {key for key, value in one.items() if value is None} == one["unknown"].keys()


@pytest.mark.parametrize("name", list(BUDGETS))
def test_every_line_is_under_its_key(name: str) -> None:
    found = document(budget, BUDGETS[name])
    assert [line["name"] for line in found["lines"]] == list(LINES)
    assert all(found[line["name"]] == line["amount"] for line in found["lines"])
    for key in LINES:
        if found[key] is not None:
            assert found[key].keys() == {"value", "low", "high"}
            assert found[key]["low"] <= found[key]["value"] <= found[key]["high"]
    if found["memory"] is not None:
        assert sum(line["bytes"] for line in found["memory"]["lines"]) == pytest.approx(found["memory"]["total_bytes"])


def test_what_is_not_known_says_why() -> None:
    assert document(budget, BUDGETS["all given"])["unknown"] == {"mfu_runs": "the MFU was given"}
    unlet = document(budget, BUDGETS["without rent"])["unknown"]
    assert unlet["money"] == "what an hour of the device costs is not known; name it with --price"
    assert "fewer than vocabulary and attention" in document(budget, BUDGETS["too small for layers"])["unknown"]["memory"]


def test_every_model_is_in_one_list() -> None:
    found = document(screen, SCREENS["rule"])
    names = [one["model"] for place in ("kept", "not_known", "dropped") for one in found[place]]
    assert len(names) == len(set(names))
    assert all(one["reason"] == one["reasons"][0] for place in ("kept", "not_known", "dropped") for one in found[place])
    that_day = document(screen, SCREENS["that day"])
    assert sum(len(that_day[place]) for place in ("kept", "not_known", "dropped")) + that_day["later"] == len(names)


def _objects(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        if "demands" not in value or "kept" in value:
            yield value
        inner = list(value.values())
    else:
        inner = value if isinstance(value, list) else []
    for one in inner:
        yield from _objects(one)
