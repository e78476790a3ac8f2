"""Limits that facts alone can break."""

from datetime import date
from pathlib import Path

import pytest

from llmpick.decide.limits import broken_by_memory, broken_by_price, broken_by_speed
from llmpick.decide.screen import broken_by_facts, unnamed_languages
from llmpick.evidence.model import Candidate, Endpoint, ModelFacts, Weights
from llmpick.evidence.task import Limits
from llmpick.evidence.values import Estimate, Fact, Interval, Measurement, Source, Unknown

CARD = Source("model card")
LICENCES = {"apache-2.0": "yes", "llama2": "conditions", "non-commercial": "no"}


def model(**facts: object) -> Candidate:
    return Candidate("m", None, ModelFacts("m", "M", "m", "base", **{name: Fact(value, CARD) for name, value in facts.items()}))  # pyright: ignore


def reasons(candidate: Candidate, limits: Limits = Limits(), as_of: date | None = None) -> tuple[str, ...]:  # noqa: B008
    return broken_by_facts(candidate, limits=limits, as_of=as_of, commercial_use=lambda licence: LICENCES.get(licence))  # pyright: ignore


@pytest.mark.parametrize(
    ("candidate", "limits", "expected"),
    [
        (model(licence="non-commercial"), Limits(licence="commercial"), "licence non-commercial does not allow commercial use"),
        (model(licence="llama2"), Limits(licence="commercial"), None),
        (model(licence="other"), Limits(licence="commercial"), "whether its licence (other) allows commercial use is not known"),
        (model(), Limits(licence="commercial"), "its licence is not known, and the task limits the licence"),
        (model(licence="llama2"), Limits(licence=("mit", "apache-2.0")), "licence llama2 is not one of mit, apache-2.0"),
        (model(context_tokens=2048), Limits(context_tokens=4096), "its context is 2,048 tokens, the task needs 4,096"),
        (model(), Limits(context_tokens=4096), "its context is not known, and the task needs 4,096 tokens"),
        (model(context_tokens=4096), Limits(context_tokens=4096), None),
        (model(), Limits(tuning="instruct"), "a base model, and the task wants one that follows instructions"),
        (model(), Limits(tuning="base"), None),
        (Candidate("m", None), Limits(tuning="base"), "it is not known whether it follows instructions, and the task limits that"),
    ],
)
def test_limits_by_fact(candidate: Candidate, limits: Limits, expected: str | None) -> None:
    assert reasons(candidate, limits) == (() if expected is None else (expected,))


@pytest.mark.parametrize(
    ("candidate", "expected"),
    [
        (model(languages=("en",)), ("zh",)),
        (model(languages=("en", "zh", "de")), ()),
        (model(), ()),
        (Candidate("m", Weights(Path("m.gguf"), "gguf", 1, "Q4_0", None, None, None, languages=("zh",))), ("en",)),
    ],
)
def test_languages_are_told_and_rule_nobody_out(candidate: Candidate, expected: tuple[str, ...]) -> None:
    assert unnamed_languages(candidate, ("en", "zh")) == expected
    assert reasons(candidate) == ()


def test_the_day_decides_what_was_known() -> None:
    day = date(2023, 5, 15)
    assert reasons(model(released=date(2023, 5, 15)), as_of=day) == ()
    assert reasons(model(released=date(2023, 5, 25)), as_of=day) == ("released on 2023-05-25, after 2023-05-15",)
    assert reasons(model(), as_of=day) == ("not known to have been released by 2023-05-15",)


GIB = 2**30


def seen(value: float, unit: str = "bytes") -> Measurement:
    return Measurement(Interval(value, value * 0.9, value * 1.1, 0.95), unit, 9, Source("here"))


def test_an_estimate_excludes_by_its_low_end_and_a_measurement_by_its_value() -> None:
    estimate = Estimate(Interval(5 * GIB, 3.9 * GIB, 6 * GIB, 0.8), "bytes", Source("formula"))
    limits = Limits(memory_bytes=4 * GIB)
    assert broken_by_memory(estimate, limits, available_bytes=None) is None
    assert broken_by_memory(seen(5 * GIB), limits, available_bytes=None) == "was seen to take 5.0 GiB, the task's limit is 4.0 GiB"
    assert broken_by_memory(estimate, Limits(), available_bytes=2 * GIB) == "needs at least 3.9 GiB, the device has 2.0 GiB free"
    near = broken_by_memory(seen(4 * GIB + GIB // 50), limits, available_bytes=None)
    assert near == "was seen to take 4.02 GiB, the task's limit is 4.00 GiB", "as many digits as tell them apart"
    assert broken_by_memory(Unknown("remote"), limits, available_bytes=1) is None


def test_a_speed_seen_elsewhere_decides_no_limit() -> None:
    limits = Limits(decode_tokens_per_s=20, ttft_s=1, device="RTX 4090", users=1)
    elsewhere = broken_by_speed(seen(100, "tokens/s"), seen(0.1, "s"), limits, measured_here=False)
    assert len(elsewhere) == 2
    assert all("was not measured on RTX 4090" in reason for reason in elsewhere)
    assert broken_by_speed(seen(100, "tokens/s"), seen(0.1, "s"), limits, measured_here=True) == ()
    slow = broken_by_speed(seen(10, "tokens/s"), seen(3, "s"), limits, measured_here=True)
    assert slow == ("decode speed 10 tokens/s, the task's limit is 20 tokens/s", "time to first token 3 s, the task's limit is 1 s")


def test_an_unknown_speed_does_not_pass_a_limit() -> None:
    assert broken_by_speed(Unknown("one token"), Unknown("-"), Limits(decode_tokens_per_s=1), measured_here=True) == (
        "its decode speed is not known (one token), the task's limit is 1 tokens/s",
    )


@pytest.mark.parametrize(
    ("endpoint", "expected"),
    [
        (Endpoint("http://x", "m"), "its price is not known, the task's limit is 2 per million tokens"),
        (Endpoint("http://x", "m", input_price=1, output_price=3), "costs 3 per million tokens, the task's limit is 2"),
        (Endpoint("http://x", "m", input_price=0.0, output_price=0.0), None),
    ],
)
def test_prices(endpoint: Endpoint, expected: str | None) -> None:
    assert broken_by_price(Candidate("m", endpoint), Limits(price_per_million_tokens=2)) == expected
