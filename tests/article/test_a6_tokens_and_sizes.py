"""A6: "LLaMA: 1-1.4T tokens, 7-65B. ChatGLM-6B: 1T tokens (half Chinese), 6B."

Holds, by the catalog against the papers' and cards' own figures, to the digits that they print: the 7B and 13B saw 1.0T, the 33B (30B in
file names) and 65B 1.4T, and 7-65B are 6.7 to 65.2 billion. That half of ChatGLM's tokens are Chinese its card says and nothing confirms;
the catalog has the languages, not the shares. Today: models of 7B see 15-36T tokens.
"""

import csv

import pytest
from tests.shared_data import shared_data

from llmpick.catalog.loader import find_model, load_models
from llmpick.evidence.model import ModelFacts

NAMES = {
    "LLaMA-7B": "huggyllama/llama-7b",
    "LLaMA-13B": "huggyllama/llama-13b",
    "LLaMA-33B": "huggyllama/llama-30b",
    "LLaMA-65B": "huggyllama/llama-65b",
    "ChatGLM-6B": "THUDM/chatglm-6b",
}


def known(name: str) -> tuple[ModelFacts, float, float]:
    """The catalog's model, its billions of parameters and its trillions of tokens."""
    model = find_model(name)
    assert model is not None
    assert model.parameters_total is not None
    assert model.training_tokens is not None
    return model, model.parameters_total.value / 1e9, model.training_tokens.value / 1e12


@pytest.mark.parametrize("name", NAMES)
def test_the_catalog_has_what_was_printed(name):
    table = csv.DictReader(shared_data("published/model_facts.csv").read_text(encoding="utf-8").splitlines())
    printed = next(row for row in table if row["model"] == name)
    model, billions, trillions = known(NAMES[name])
    assert billions == pytest.approx(float(printed["total_B"]), abs=0.1)
    assert trillions == pytest.approx(float(printed["tokens_T"]))
    assert model.context_tokens is not None
    assert model.context_tokens.value == float(printed["context"])


def test_the_article_s_ranges():
    llama = [known(NAMES[name]) for name in NAMES if name.startswith("LLaMA")]
    assert (round(min(b for _, b, _ in llama)), round(max(b for _, b, _ in llama))) == (7, 65)
    assert {trillions for _, _, trillions in llama} == {1.0, 1.4}
    chatglm, billions, trillions = known(NAMES["ChatGLM-6B"])
    assert (round(billions), trillions) == (6, 1.0)
    assert chatglm.languages is not None
    assert {"zh", "en"} <= set(chatglm.languages.value)


def test_models_of_that_size_see_ten_times_as_much_today():
    """Base models of 6-9B that came after 2023: the median."""
    recent = sorted(
        model.training_tokens.value
        for model in load_models()
        if model.training_tokens is not None
        and model.parameters_total is not None
        and 6e9 <= model.parameters_total.value <= 9e9
        and model.released is not None
        and model.released.value.year >= 2024
        and model.tuning == "base"
    )
    assert len(recent) >= 4
    assert recent[len(recent) // 2] >= 6e12
    assert recent[-1] == 36e12
