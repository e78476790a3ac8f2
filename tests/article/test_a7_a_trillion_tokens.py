"""A7: a model trained on fewer than 1T tokens need not be considered. What the rule keeps and drops of the catalog of that day."""

import json

import pytest
from click.testing import CliRunner

from llmpick.catalog.loader import find_model
from llmpick.cli.screen import screen

DAY = ("--as-of", "2023-05-15")
RULE = ("--min-training-tokens", "1e12")


def screened(*words: str) -> dict[str, dict[str, dict]]:
    """The three lists, by the name of the model."""
    result = CliRunner().invoke(screen, [*words, "--json"], catch_exceptions=False, standalone_mode=False)
    document = json.loads(result.stdout)
    return {place: {one["name"]: one for one in document[place]} for place in ("kept", "not_known", "dropped")}


@pytest.mark.parametrize("day", [(), DAY])
@pytest.mark.parametrize("languages", [(), ("--languages", "zh")])
def test_the_articles_rule(day: tuple[str, ...], languages: tuple[str, ...]) -> None:
    lists = screened(*RULE, *day, *languages)
    assert lists["dropped"].keys() >= {"OPT-175B", "BLOOM-176B", "BLOOM-7B1", "GPT-NeoX-20B", "GPT-J-6B", "Pythia-12B", "Pythia-6.9B"}
    assert lists["dropped"].keys() >= {"Dolly-v2-12B", "StableLM-Tuned-Alpha-7B", "Cerebras-GPT-13B", "GLM-130B"}
    assert lists["kept"].keys() >= {"LLaMA-7B", "LLaMA-13B", "LLaMA-33B", "LLaMA-65B", "ChatGLM-6B"}
    assert lists["kept"].keys() >= {"Vicuna-13B-v1.1", "WizardVicunaLM-13B", "Alpaca-7B", "Chinese-Alpaca-13B", "MPT-7B"}


def test_the_reason_of_each() -> None:
    dropped = screened(*RULE, *DAY)["dropped"]
    assert dropped["OPT-175B"]["reason"] == "it saw 300B tokens (180B different ones), fewer than 1T"
    assert dropped["GPT-NeoX-20B"]["reason"] == "it saw 472B tokens, fewer than 1T"
    assert all(one["training_tokens"] < 1e12 for one in dropped.values())


def test_silence_is_neither_yes_nor_no() -> None:
    """Of the small OPT nobody says how much of the corpus they saw: they are named apart, and dropped only by a strict filter."""
    lists = screened(*RULE, *DAY)
    assert lists["not_known"]["OPT-6.7B"]["reason"] == "how many tokens it saw is not known, of a corpus of 180B"
    strict = screened(*RULE, *DAY, "--strict")
    assert strict["not_known"] == {}
    assert strict["dropped"].keys() == lists["dropped"].keys() | lists["not_known"].keys()
    assert strict["kept"].keys() == lists["kept"].keys()


def test_of_that_day_and_no_later_one() -> None:
    """Falcon came ten days later, Baichuan in June."""
    assert find_model("Falcon-7B") is not None
    names = {name for place in screened(*RULE, *DAY).values() for name in place}
    assert names.isdisjoint({"Falcon-7B", "Falcon-40B", "Baichuan-7B", "ChatGLM2-6B", "Guanaco-33B"})
    assert {"Falcon-7B", "Baichuan-7B"} <= screened(*RULE)["kept"].keys()


def test_chinese_is_named_by_few_and_needed_by_none() -> None:
    """The article's Vicuna carries over to Chinese without it (A13); a strict filter would lose it, and keep ChatGLM-6B."""
    kept = screened(*RULE, *DAY, "--languages", "zh")["kept"]
    assert kept["Vicuna-13B-v1.1"]["unnamed_languages"] == ["zh"]
    assert kept["ChatGLM-6B"]["unnamed_languages"] == []
    strict = screened(*RULE, *DAY, "--languages", "zh", "--strict")
    assert "ChatGLM-6B" in strict["kept"]
    assert "its makers do not name zh" in strict["dropped"]["Vicuna-13B-v1.1"]["reasons"]
