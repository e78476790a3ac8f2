"""A3: "to serve cheaply, shrink the model and train it on more tokens", as Chinchilla began and LLaMA went on."""

import pytest

from llmpick.estimate.scaling.conventions import six_nd
from llmpick.estimate.scaling.optimal import compute_optimal, optimal_for_params, overtraining, serving_optimal
from llmpick.estimate.scaling.published import APPROACHES, EPOCH, HOFFMANN
from llmpick.workflow.scale.optimal import OptimalOptions, optimum

GOPHER = 5.76e23
LLAMA = {"7B": (6.7e9, 1.0e12), "13B": (13.0e9, 1.0e12), "33B": (32.5e9, 1.4e12), "65B": (65.2e9, 1.4e12)}


def test_chinchilla_beats_gopher_at_its_compute():
    """70B on 1.4T against 280B on 300B: a quarter of the size, and so of the cost of each token served, at a lower loss."""
    for law in (EPOCH, HOFFMANN):
        assert float(law.at(70e9, 1.4e12)) < float(law.at(280e9, 0.3e12)) - 0.02
    assert six_nd(70e9, 1.4e12) == pytest.approx(GOPHER, rel=0.03)
    assert compute_optimal(EPOCH, GOPHER).params == pytest.approx(70e9, rel=0.05)


@pytest.mark.parametrize("size", LLAMA)
def test_how_far_llama_is_beyond_chinchilla(size: str):
    """The small ones by far, the largest hardly: 149 tokens per parameter for 7B, 21 for 65B, where the optimum is about 20."""
    params, tokens = LLAMA[size]
    found = overtraining(EPOCH, params, tokens)
    assert found.tokens_per_param == pytest.approx({"7B": 149, "13B": 77, "33B": 43, "65B": 21}[size], abs=1)
    assert found.optimal_tokens_per_param == pytest.approx(19, abs=1)
    assert found.compute_ratio == pytest.approx({"7B": 1.43, "13B": 1.18, "33B": 1.06, "65B": 1.00}[size], abs=0.01)


def test_llama_7b_pays_for_itself_once_it_is_served():
    """It costs 1.43 times the cheapest training of its loss and 0.44 times as much for each token: cheaper from 0.7T on."""
    params, tokens = LLAMA["7B"]
    found = overtraining(EPOCH, params, tokens)
    flops, best_params = 6 * params * tokens, params / found.params_ratio
    extra, saved_per_token = flops - flops / found.compute_ratio, 2 * (best_params - params)
    pays_from = extra / saved_per_token
    assert pays_from == pytest.approx(6.95e11, rel=0.01)
    for served, cheaper in ((0.5 * pays_from, False), (2 * pays_from, True)):
        both = flops + 2 * params * served, flops / found.compute_ratio + 2 * best_params * served
        assert (both[0] < both[1]) == cheaper


def test_the_more_is_served_the_smaller_and_longer_trained():
    loss = float(EPOCH.at(*LLAMA["7B"]))
    found = [serving_optimal(EPOCH, loss, served) for served in (0.0, 1e11, 1e12, 1e13)]
    assert [float(one.params) for one in found] == sorted((float(one.params) for one in found), reverse=True)
    assert float(found[0].params) == pytest.approx(6.7e9 / 0.436, rel=0.01)
    ratios = [float(one.tokens / one.params) for one in found]
    assert ratios[0] == pytest.approx(20, abs=1)
    assert ratios[-1] > 100


def test_sardanas_example_by_the_verb():
    """The quality of a training-optimal 30B for 10T tokens: 13.6B on 2.84 times the tokens, 28 % less in all."""
    answer = optimum(OptimalOptions(params=30e9, inference_tokens=1e13))
    assert answer.split.law == "hoffmann"
    assert answer.split.params == pytest.approx(13.6e9, rel=2e-3)
    assert answer.served is not None
    assert answer.served.tokens_ratio == pytest.approx(2.84, abs=0.006)
    assert answer.served.total_ratio == pytest.approx(0.72, abs=0.005)


def test_what_the_approaches_say_of_67b():
    """1.5T tokens by approaches 1 and 2; LLaMA-65B was trained on 1.4T."""
    assert [round(float(one.flops_for(67e9)) / 6 / 67e9 / 1e12, 1) for one in APPROACHES[:2]] == pytest.approx([1.4, 1.6], abs=0.15)
    assert float(optimal_for_params(EPOCH, 65.2e9).tokens) == pytest.approx(1.2e12, rel=0.05)
