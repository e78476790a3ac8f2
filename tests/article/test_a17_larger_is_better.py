"""A17: "Larger is better if your compute allows: WikiText-2 perplexity falls with size (GPTQ-for-LLaMa)."

Holds within a family trained alike, at 16 bits, at 4 bits however they are rounded, and at 3 with GPTQ: each step in size lowers
perplexity. Does not hold where rounding is crude (3 bits to the nearest: 33B is worse than 13B), nor between models that were trained
differently (Chinese-Alpaca-33B has a higher perplexity than Plus-13B), and perplexities of different vocabularies do not compare at all:
bits per byte do. Today: it holds as it did.
"""

import csv
from collections import defaultdict
from itertools import pairwise

import pytest
from tests.shared_data import shared_data

SIZES = ("LLaMA-7B", "LLaMA-13B", "LLaMA-33B", "LLaMA-65B")


def by_rounding() -> dict[str, list[float]]:
    """Perplexities from the smallest to the largest model, by method, bits and group."""
    found: dict[str, list[float]] = defaultdict(list)
    with shared_data("quant/gptq_for_llama_readme.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            found["-".join(filter(None, (row["method"], row["bits"], row["group_size"])))].append(float(row["wikitext2_ppl"]))
    assert all(len(values) == len(SIZES) for values in found.values())
    return found


@pytest.mark.parametrize("rounding", ["FP16-16", "RTN-4", "GPTQ-4", "GPTQ-4-128", "GPTQ-3", "GPTQ-3-128"])
def test_perplexity_falls_with_every_step_in_size(rounding):
    values = by_rounding()[rounding]
    assert all(larger < smaller for smaller, larger in pairwise(values))


def test_the_published_row():
    assert by_rounding()["FP16-16"] == [5.68, 5.09, 4.10, 3.53]


def test_not_when_weights_are_cut_to_three_bits_without_care():
    seven, thirteen, thirty, sixty = by_rounding()["RTN-3"]
    assert thirty > thirteen
    assert sixty > by_rounding()["FP16-16"][0], "the largest is worse than the smallest at 16 bits"
    assert seven > 25


def test_not_between_models_that_were_trained_differently():
    with shared_data("quant/chinese_alpaca_quant.csv").open(encoding="utf-8") as file:
        perplexity = {row["model"]: float(row["ppl"]) for row in csv.DictReader(file) if row["quant"] == "F16"}
    assert perplexity["Alpaca-33B"] > perplexity["Alpaca-Plus-13B"]
    assert perplexity["Alpaca-Plus-7B"] > perplexity["Alpaca-Plus-13B"]


def test_33b_at_four_bits_beats_13b_at_sixteen_and_65b_beats_33b():
    """What the article concludes from the table (A18)."""
    four, sixteen = by_rounding()["GPTQ-4-128"], by_rounding()["FP16-16"]
    assert four[2] < sixteen[1]
    assert four[3] < sixteen[2]
