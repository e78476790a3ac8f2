"""A8: without 1T tokens do not train your own: LLaMA-7B took 82,432 A100-80GB hours, 27 days on 128, with an efficient implementation."""

import json

import pytest
from click.testing import CliRunner

from llmpick.cli.scale_budget import budget


def taken(*words: str) -> dict:
    result = CliRunner().invoke(
        budget, ["--params", "6.7e9", "--tokens", "1e12", "--gpus", "128", *words, "--json"], catch_exceptions=False
    )
    assert result.exit_code == 0
    return json.loads(result.stdout)


def test_the_hours_and_days():
    """At the MFU that its hours imply: 43.4% of 6 N D, 46.9% with attention counted."""
    answer = taken("--device", "A100-80GB", "--mfu", "0.434")
    assert answer["gpu_hours"]["value"] == pytest.approx(82_432, rel=5e-4)
    assert round(answer["days"]["value"]) == 27
    assert answer["memory"]["fits"] == "yes"


def test_its_implementation_was_efficient():
    """More of the finished trainings on such devices stayed below its MFU than went above; at their least it would have taken 49 days."""
    answer = taken("--device", "A100-80GB")
    assert answer["mfu"]["value"] < 0.469 < answer["mfu"]["high"]
    assert answer["gpu_hours"]["low"] < 82_432 < answer["gpu_hours"]["value"] < answer["gpu_hours"]["high"]
    assert round(answer["days"]["high"]) == 49


def test_what_it_costs_today():
    """A hundred thousand dollars of rent for a model that can be had for nothing: what the claim advises against."""
    answer = taken("--device", "A100-80GB")
    assert 90_000 < answer["money"]["low"] <= answer["money"]["value"] < 200_000
    assert taken("--device", "H100")["days"]["value"] < answer["days"]["value"]
