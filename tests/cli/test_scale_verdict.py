"""`llmpick scale verdict`: the terminal, the document, and what it refuses."""

import json
import re

import pytest
from click.testing import CliRunner

from llmpick.cli.amounts import Money
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
    assert "GPU-hours x 3600 x 989.4 TFLOPS x MFU " in text
    assert "open models compute with" in text
    assert "(apache-2.0: commercial use allowed)" in text
    assert "Next: llmpick fit Qwen/" in text
    assert "The rent is $3.725 an hour, the middle of $2.69 to $4.76 of March 2026" in text


def factors(found: dict) -> list[float]:
    """The numbers of the formula of the FLOPs."""
    return [float(word) for word in re.findall(r"[0-9.]+", found["bought"]["formula"].replace(",", ""))]


@pytest.mark.parametrize("money", ["5", "50000"])
def test_the_formula_can_be_checked_by_hand(money):
    hours, seconds, tera, mfu = factors(found := document("--money", money))
    assert hours * seconds * tera * 1e12 * mfu == pytest.approx(found["bought"]["flops"]["value"], rel=1e-3)
    assert float(money) / 3.725 == pytest.approx(hours, rel=1e-3)


def test_a_tiny_budget_is_sent_to_a_good_model():
    """What $5 would train is as good as guessing, and so are open models of its size; there are better ones that anybody can serve."""
    found = document("--money", "5")
    taken, small = found["ways"][-1], found["same_size"]
    assert (found["action"], found["bought"]["params"] < 1e9) == ("take", True)
    assert taken["score"]["value"] > 0.6 > 2 * small["rival"]["score"]["value"]
    assert small["rival"]["params_active"] <= 1.05 * found["bought"]["params"]
    assert found["everyday_params"] == 8e9
    assert all(rival["params_total"] <= 8.4e9 or rival["params_active"] <= 1.05 * found["serving_params"] for rival in found["rivals"])
    assert found["larger"]["score"]["value"] > taken["score"]["value"] + 0.02
    assert found["next_steps"][0] == f"llmpick fit {found['model']}"
    named = document("--money", "5", "--max-params", "100M")
    assert named["everyday_params"] == 0
    assert (named["larger"], named["same_size"]) == (None, None)
    assert {rival["params_active"] <= 1.05e8 for rival in named["rivals"]} == {True}


def test_one_open_model_is_one():
    assert "1 open model computes with 100M parameters or fewer for a token:" in printed("--money", "5", "--max-params", "100M")


def test_a_family_that_does_not_separate_models_decides_nothing():
    found = document("--money", "50000", "--family", "summarize")
    if found["undecided"] is None:
        pytest.skip("the prior has learnt to separate models at it")
    assert found["action"] == "take"
    assert found["reasons"][0] == found["undecided"]
    assert all(way["obstacle"] for way in found["ways"][:-1])
    assert found["unknown"]["threshold"].startswith("the prior does not separate models")
    order = [rival["model"] for rival in document("--money", "50000")["rivals"]]
    assert found["model"] in order  # one of the best of its size in general


def test_more_text_than_there_is():
    far = document("--money", "600m")
    assert "there are about 300T tokens [100T, 1,000T] of text" in ways(far)["continue"]["obstacle"]
    assert far["action"] != "continue"


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
    assert all(rival["params_active"] <= 1.05 * found["serving_params"] for rival in found["rivals"])
    best = found["rivals"][0]
    assert found["ways"][-1]["score"]["value"] >= best["score"]["value"] - 0.02
    as_good = [rival for rival in found["rivals"] if rival["score"]["value"] >= best["score"]["value"] - 0.02]
    taken = next(rival for rival in found["rivals"] if rival["model"] == found["model"])
    assert taken["params_total"] == min(rival["params_total"] for rival in as_good)
    scores = [rival["score"]["value"] for rival in found["rivals"]]
    assert scores == sorted(scores, reverse=True)


def test_what_can_be_served_bounds_both_sides():
    found = document("--money", "5m", "--max-params", "3B")
    assert found["bought"]["params"] == 3e9
    assert max(rival["params_active"] for rival in found["rivals"]) <= 3.15e9
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
    assert (found["licence"], found["commercial"]) == ("llama-1", "no"), found["model"]
    assert any("licence is known to allow commercial use" in note for note in found["notes"])
    assert f"{found['model']} (llama-1: no commercial use)" in printed("--gpu-hours", "82432", *THAT_DAY)


def test_the_licence_is_that_of_what_is_recommended():
    """LLaMA-1, whose pre-training is to be continued, and not that of the model that it is compared with."""
    found = document("--gpu-hours", "82432", *THAT_DAY, "--language", "zh", "--max-params", "14B")
    assert (found["action"], found["model"]) == ("continue", "huggyllama/llama-13b")
    assert (found["licence"], found["commercial"]) == ("llama-1", "no")
    assert found["next_steps"][0].startswith("llmpick scale budget --model huggyllama/llama-13b --method continue --tokens ")


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
    assert "more than the 80.5 GPU-hours there are" in dear["obstacle"]


def test_a_threshold_has_its_price():
    found = document("--gpu-hours", "5e6", *THAT_DAY)
    assert found["action"] == "train"
    assert found["model"] is None
    assert found["threshold"]["cost"]["flops"] <= found["bought"]["flops"]["value"]
    assert found["threshold"]["cost"]["money"]["low"] < found["threshold"]["cost"]["money"]["value"]
    never = document("--gpu-hours", "20000")
    assert never["threshold"] is None
    assert never["unknown"]["threshold"].startswith("never within what was ever spent: at 3.79e25 FLOPs")


def test_other_languages_are_owned_up_to():
    assert any("of sw it knows" in note for note in document("--money", "1000", "--language", "sw")["notes"])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "the budget is not clear"),
        (("--money", "1", "--gpu-hours", "1"), "the budget is not clear"),
        (("--money", "100", "--device", "H101"), "not in the catalog"),
        (("--money", "-5"), "no sum of US dollars above 0; write 50000, 50,000, 50k or $50k"),
        (("--money", "50,00"), "no sum of US dollars above 0"),
        (("--money", "100", "--price", "0"), "give --gpu-hours instead of --money"),
        (("--money", "100", "--served-tokens", "1e25"), "fewer served tokens"),
        (("--money", "1e15"), "so large a budget cannot be spent on text"),
        (("--money", "100", "--language", "xx"), "language"),
        (("--money", "100", "--family", "cooking"), "is not one of"),
        (("--money", "100", "--device", "Jetson Orin Nano 8GB"), "--gpu-hours"),
        (("--money", "100", "--as-of", "2010-01-01"), "no open model was there yet"),
    ],
)
def test_what_is_refused(words, said, capsys):
    assert run(["scale", "verdict", *words]) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("written", ["50000", "50k", "50_000", "50,000", "$50k", "$50,000", "0.05m", "5e4", "50000 USD"])
def test_money_as_people_write_it(written):
    assert Money().convert(written, None, None) == pytest.approx(50_000)


def test_small_models_are_named_where_they_are_more_than_cost_as_little_to_serve():
    assert "parameters or fewer for a token, or have 8B or fewer in all; the best expected first:" in printed("--money", "300")
    assert "10B parameters or fewer for a token; the best expected first:" in printed("--money", "50000")
