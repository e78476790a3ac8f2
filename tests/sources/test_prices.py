"""Offers for a model out of the price list that genai-prices brings along: the right ones, no wrong one, and no network."""

import socket
from datetime import date
from importlib.metadata import version

import pytest

from llmpick.sources.prices import SNAPSHOTS, api_offers, snapshot_source


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("the price list is read offline")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


def test_the_installed_list_has_its_day() -> None:
    """A new version of the package needs its day of publication in SNAPSHOTS."""
    assert version("genai-prices") in SNAPSHOTS
    assert snapshot_source().published == SNAPSHOTS[version("genai-prices")]


@pytest.mark.parametrize(
    ("model", "provider", "entry", "paid", "written"),
    [
        ("meta-llama/Llama-3.1-8B-Instruct", "Groq", "llama-3.1-8b-instant", 0.05, 0.08),
        ("meta-llama/Llama-3.1-8B-Instruct", "Fireworks", "llama-v3p1-8b-instruct", 0.2, 0.2),
        ("meta-llama/Llama-3.1-8B-Instruct", "Together AI", "meta-llama/Meta-Llama-3.1-8B-Instruct-Turbo", 0.18, 0.18),
        ("meta-llama/Llama-3.1-8B-Instruct", "AWS Bedrock", "meta.llama3-1-8b-instruct-v1:0", 0.22, 0.22),
        ("meta-llama/Llama-3.3-70B-Instruct", "Databricks", "databricks-meta-llama-3-3-70b-instruct", 0.5, 1.5),
        ("models/Qwen3-8B-Q4_K_M.gguf", "OpenRouter", "qwen/qwen3-8b", 0.035, 0.138),
        ("google/gemma-2-9b-it", "Groq", "gemma2-9b-it", 0.2, 0.2),
        ("openai/gpt-oss-20b", "Fireworks", "gpt-oss-20b", 0.07, 0.3),
    ],
)
def test_each_provider_is_found_by_its_own_spelling(model: str, provider: str, entry: str, paid: float, written: float) -> None:
    """Prices of the pinned list, 0.2.3."""
    offers = {(offer.provider, offer.model): (offer.input_per_million, offer.output_per_million) for offer in api_offers(model)}
    assert offers[provider, entry] == pytest.approx((paid, written))


@pytest.mark.parametrize(
    "model",
    [
        "meta-llama/Llama-3.1-8B",  # base, served as Instruct only
        "Qwen/Qwen3-8B-Base",
        "google/gemma-2-9b",
        "google/gemma-3-270m-it",
        "HuggingFaceTB/SmolLM2-135M-Instruct",
        "nobody/has-made-this",
        "",
    ],
)
def test_a_model_that_nobody_serves_has_no_offer(model: str) -> None:
    assert api_offers(model) == ()


def test_sizes_variants_and_fine_tunes_do_not_mix() -> None:
    for size, other in (("8b", "70b"), ("70b", "8b")):
        found = [offer.model.lower() for offer in api_offers(f"meta-llama/Llama-3.1-{size.upper()}-Instruct")]
        assert found
        assert not [name for name in found if other in name or size not in name]
        assert not [
            name for name in found if any(word in name for word in (":free", ":batch", "guard", "nemotron", "hermes", "3.3", "-fast"))
        ]


def test_no_offer_is_free_or_withdrawn() -> None:
    offers = api_offers("meta-llama/Llama-3.1-8B-Instruct")
    assert all(offer.input_per_million > 0 and offer.output_per_million > 0 for offer in offers)
    assert "Avian" not in {offer.provider for offer in offers}, "the list says: deprecated"


def test_the_cheapest_comes_first_in_the_users_mix() -> None:
    for share in (0.0, 0.5, 1.0):
        prices = [
            share * o.input_per_million + (1 - share) * o.output_per_million for o in api_offers("google/gemma-3-27b-it", input_share=share)
        ]
        assert len(prices) > 3
        assert prices == sorted(prices)


def test_prices_are_those_of_the_day() -> None:
    """The list has Novita's Llama 3.1 8B at 0.05 before, and at 0.02 from 2026-10-18."""

    def novita(on: date | None) -> float:
        offers = api_offers("meta-llama/Llama-3.1-8B-Instruct", on=on)
        return next(o.input_per_million for o in offers if o.provider == "Novita" and o.model == "meta-llama/llama-3.1-8b-instruct")

    assert novita(date(2026, 10, 17)) == 0.05
    assert novita(date(2026, 10, 18)) == novita(None) == 0.02
