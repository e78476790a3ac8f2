"""`llmpick scale verdict`: the terminal, the document, and what it refuses."""

import json

import pytest
from click.testing import CliRunner

from llmpick.cli.main import run
from llmpick.cli.scale_verdict import verdict

THAT_DAY = ("--as-of", "2023-05-15", "--device", "A100-80GB")


def printed(*words: str) -> str:
    result = CliRunner().invoke(verdict, list(words), env={"COLUMNS": "120"}, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return " ".join(result.stdout.split())


def document(*words: str) -> dict:
    return json.loads(CliRunner().invoke(verdict, [*words, "--json"], catch_exceptions=False).stdout)


def test_a_small_budget_takes_an_open_model():
    text = printed("--money", "50000", "--language", "zh")
    assert text.startswith("Take Qwen/")
    assert "as it is; do not train." in text
    assert "The budget: $50,000, " in text
    assert "GPU-hours x 3600 x 989.4 TFLOPS x " in text
    assert "open models compute with" in text


def test_money_and_hours_are_two_ways_to_say_one_budget():
    money = document("--money", "10000", "--price", "2/h", "--mfu", "0.4")
    hours = document("--gpu-hours", "5000", "--price", "2/h", "--mfu", "0.4")
    assert money["bought"] == hours["bought"]
    assert money["bought"]["flops"]["value"] == pytest.approx(5000 * 3600 * 989.4e12 * 0.4)


def test_every_number_has_its_range():
    bought = document("--money", "50000")["bought"]
    for key in ("gpu_hours", "mfu", "flops", "loss", "score", "beats"):
        assert bought[key]["low"] <= bought[key]["value"] <= bought[key]["high"]
    assert bought["flops"]["low"] < bought["flops"]["value"] < bought["flops"]["high"]
    assert bought["params"] * bought["tokens"] * 6 == pytest.approx(bought["flops"]["value"])


def test_the_open_models_cost_no_more_to_serve():
    found = document("--gpu-hours", "20000")
    assert found["serving_params"] == found["bought"]["params"]
    assert all(rival["params_active"] <= found["serving_params"] for rival in found["rivals"])
    assert found["model"] == found["rivals"][0]["model"]
    scores = [rival["score"]["value"] for rival in found["rivals"]]
    assert scores == sorted(scores, reverse=True)


def test_what_can_be_served_bounds_both_sides():
    found = document("--money", "5m", "--max-params", "3B")
    assert found["bought"]["params"] == 3e9
    assert max(rival["params_active"] for rival in found["rivals"]) <= 3e9
    small = document("--money", "300", "--max-params", "8B")
    assert small["bought"]["params"] < 8e9 < 2 * max(rival["params_active"] for rival in small["rivals"])


def test_serving_makes_the_model_smaller():
    plain, served = document("--money", "1m"), document("--money", "1m", "--served-tokens", "1e13")
    assert served["bought"]["params"] < plain["bought"]["params"]
    assert served["bought"]["tokens"] > plain["bought"]["tokens"]
    assert served["served_tokens"] == 1e13


def test_models_of_that_day():
    found = document("--gpu-hours", "82432", *THAT_DAY)
    assert found["as_of"] == "2023-05-15"
    assert max(rival["released"] for rival in found["rivals"]) <= "2023-05-15"
    assert found["model"] == "junelee/wizard-vicuna-13b"
    assert any("llama-1, does not allow commercial use" in note for note in found["notes"])


def ways(found: dict) -> dict[str, dict]:
    return {way["action"]: way for way in found["ways"]}


def test_continuing_in_a_new_language_needs_tokens():
    """The same base: 20 GB of Chinese were too few for LLaMA, 120 GB were not."""
    chinese = ("--language", "zh", "--max-params", "14B")
    few, some, many = (ways(document("--gpu-hours", hours, *THAT_DAY, *chinese))["continue"] for hours in ("500", "2500", "20000"))
    assert few["model"] == some["model"] == many["model"] == "huggyllama/llama-13b"
    assert few["tokens"] < 5e9 < some["tokens"] < 30e9 < many["tokens"]
    assert "fewer than the 5B" in few["obstacle"]
    assert "is not known" in some["obstacle"]
    assert many["obstacle"] is None
    assert "already" in ways(document("--gpu-hours", "82432", *THAT_DAY))["continue"]["obstacle"]


def test_code_of_that_day_had_a_base_that_nobody_had_tuned():
    found = document("--gpu-hours", "82432", *THAT_DAY, "--family", "code")
    assert (found["action"], found["model"]) == ("finetune", "bigcode/starcoder")


def test_fine_tuning_is_priced_and_left_to_a_race():
    way = ways(document("--money", "300", "--max-params", "8B", "--own-tokens", "50M"))["finetune"]
    assert way["cost"]["money"]["value"] < 300
    assert "llmpick race" in way["obstacle"]
    assert way["beats"] is None
    dear = ways(document("--money", "300", "--max-params", "8B", "--own-tokens", "1T"))["finetune"]
    assert "more than there are" in dear["obstacle"]


def test_a_threshold_has_its_price():
    found = document("--gpu-hours", "5e6", *THAT_DAY)
    assert found["action"] == "train"
    assert found["model"] is None
    assert found["threshold"]["cost"]["flops"] <= found["bought"]["flops"]["value"]
    assert found["threshold"]["cost"]["money"]["low"] < found["threshold"]["cost"]["money"]["value"]
    never = document("--gpu-hours", "20000")
    assert never["threshold"] is None
    assert never["unknown"]["threshold"].startswith("never within what was ever spent: at 3.79e+25 FLOPs")


def test_other_languages_are_owned_up_to():
    assert any("of sw it knows" in note for note in document("--money", "1000", "--language", "sw")["notes"])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "the budget is not clear"),
        (("--money", "1", "--gpu-hours", "1"), "the budget is not clear"),
        (("--money", "100", "--device", "H101"), "not in the catalog"),
        (("--money", "-5"), "no number above 0"),
        (("--money", "100", "--family", "cooking"), "is not one of"),
        (("--money", "100", "--device", "Jetson Orin Nano 8GB"), "--gpu-hours"),
        (("--money", "100", "--as-of", "2010-01-01"), "no open model was there yet"),
    ],
)
def test_what_is_refused(words, said, capsys):
    assert run(["scale", "verdict", *words]) == 2
    assert said in capsys.readouterr().err
