"""The first filter: each demand alone, what is missing, and what no demand can change."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmpick.decide.first_filter import Demands, Filtered, first_filter, tokens_text
from llmpick.evidence.model import ModelFacts
from llmpick.evidence.values import Fact, Source

SOURCE = Source("a card")
GIB = 2**30


def fact(value: Any) -> Fact[Any]:
    return Fact(value, SOURCE)


MODEL = ModelFacts(
    "org/model",
    "Model",
    "family",
    "base",
    parameters_total=fact(7_000_000_000),
    training_tokens=fact(10**12),
    context_tokens=fact(2048),
    licence=fact("apache-2.0"),
    languages=fact(("en",)),
    released=fact(date(2023, 2, 24)),
)


def filtered(model: ModelFacts = MODEL, weights_bytes: float | None = 4.0 * GIB, **demands: Any) -> Filtered:
    return first_filter(
        model, Demands(**demands), weights_bytes=weights_bytes, commercial_use=lambda licence: "yes" if licence == "apache-2.0" else "no"
    )


@pytest.mark.parametrize(
    ("demands", "reason"),
    [
        ({"min_training_tokens": 1.1e12}, "it saw 1T tokens, fewer than 1.1T"),
        ({"tuning": "instruct"}, "it is a base model, and one tuned to follow instructions is wanted"),
        ({"max_memory_bytes": 3 * GIB}, "its weights alone take 4.0 GiB in int4, more than 3.0 GiB"),
        ({"licence": ("mit",)}, "licence apache-2.0 is not one of mit"),
        ({"context_tokens": 4096}, "its context is 2,048 tokens, fewer than 4,096"),
        ({"languages": ("zh",), "strict": True}, "its makers do not name zh"),
    ],
)
def test_each_demand_drops(demands: dict[str, Any], reason: str) -> None:
    one = filtered(**demands)
    assert (one.place, one.reasons) == ("dropped", (reason,))


@pytest.mark.parametrize(
    "demands",
    [
        {"min_training_tokens": 1e12},
        {"tuning": "base"},
        {"max_memory_bytes": 4 * GIB},
        {"licence": "commercial"},
        {"context_tokens": 2048},
        {"languages": ("en",), "strict": True},
        {"languages": ("zh",)},
    ],
)
def test_a_demand_that_is_just_met_keeps(demands: dict[str, Any]) -> None:
    assert filtered(**demands).place == "kept"


@pytest.mark.parametrize(
    ("model", "demands", "reason"),
    [
        (replace(MODEL, training_tokens=None), {"min_training_tokens": 1e12}, "how many tokens it saw is not known"),
        (
            replace(MODEL, training_tokens=None, unique_tokens=fact(180 * 10**9)),
            {"min_training_tokens": 1e12},
            "how many tokens it saw is not known, of a corpus of 180B",
        ),
        (replace(MODEL, context_tokens=None), {"context_tokens": 4096}, "its context is not known"),
        (replace(MODEL, licence=None), {"licence": "commercial"}, "its licence is not known"),
        (replace(MODEL, parameters_total=None), {"max_memory_bytes": GIB}, "how much its weights take is not known"),
    ],
)
def test_what_is_missing_sets_apart_and_strictly_drops(model: ModelFacts, demands: dict[str, Any], reason: str) -> None:
    weights = None if model.parameters_total is None else 4.0 * GIB
    loose, strict = filtered(model, weights, **demands), filtered(model, weights, **demands, strict=True)
    assert (loose.place, loose.reasons) == ("not known", (reason,))
    assert (strict.place, strict.reasons) == ("dropped", (reason,))


def test_a_broken_demand_outweighs_what_is_missing() -> None:
    one = filtered(replace(MODEL, training_tokens=None), min_training_tokens=1e12, tuning="instruct")
    assert one.place == "dropped"
    assert one.reasons == ("it is a base model, and one tuned to follow instructions is wanted",)


def test_makers_that_name_no_language() -> None:
    silent = replace(MODEL, languages=None)
    assert filtered(silent, languages=("zh",)).reasons == ("it saw 1T tokens", "its languages are not known")
    assert filtered(silent, languages=("zh",), strict=True).reasons == ("its languages are not known",)


def test_a_kept_model_says_what_speaks_for_it() -> None:
    assert filtered(min_training_tokens=1e12, languages=("zh",)).reasons == ("it saw 1T tokens", "its makers do not name zh")


def test_a_model_of_a_later_day() -> None:
    one = first_filter(MODEL, Demands(tuning="base"), weights_bytes=None, commercial_use=lambda _: "yes", as_of=date(2023, 1, 1))
    assert one.reasons == ("released on 2023-02-24, after 2023-01-01",)


@given(seen=st.one_of(st.none(), st.integers(1, 10**14)), low=st.floats(1, 1e14), more=st.floats(0, 1e14))
def test_asking_for_more_tokens_never_keeps_more(seen: int | None, low: float, more: float) -> None:
    model = replace(MODEL, training_tokens=None if seen is None else fact(seen))
    if filtered(model, min_training_tokens=low + more).place == "kept":
        assert filtered(model, min_training_tokens=low).place == "kept"


@pytest.mark.parametrize(("tokens", "text"), [(1e12, "1T"), (1.05e12, "1.05T"), (366e9, "366B"), (36e12, "36T"), (5e8, "0.5B")])
def test_tokens(tokens: float, text: str) -> None:
    assert tokens_text(tokens) == text
