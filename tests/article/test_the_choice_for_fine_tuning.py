"""A17 and A18 as a choice: a base for one's own fine-tuning on 24 GB is the 33B at int4, above the 13B at int8. And A7: fewer tokens, lower
rank.

Holds on that day by published scores of the base models, less what rounding costs. Today the same card takes newer models of 14-32B.
"""

from tests.article.replay import DAY, asked, expected, part, released

from llmpick.decide.answer import Status
from llmpick.evidence.values import Estimate

LARGE, SMALL = "huggyllama/llama-30b", "huggyllama/llama-13b"


def bits(quantization: str | None) -> float:
    from llmpick.catalog.tables import find_quantization

    assert quantization is not None
    return find_quantization(quantization).bits_per_weight


def test_33b_at_four_bits_above_13b_at_eight():
    answer = asked("general-24gb")
    large, small = part(answer, LARGE), part(answer, SMALL)
    assert answer.chosen == LARGE
    assert 4 <= bits(large.quantization) < 5
    assert 8 <= bits(small.quantization) < 9
    assert expected(answer, LARGE) > expected(answer, SMALL) + 0.02
    assert small.difference is not None
    assert small.difference.value < -0.02


def test_it_needs_about_the_twenty_gigabytes_of_the_article():
    memory = part(asked("general-24gb"), LARGE).memory_bytes
    assert isinstance(memory, Estimate)
    assert 18e9 < memory.interval.value < 24e9


def test_what_saw_fewer_than_a_trillion_tokens_is_not_near():
    """No rule about tokens has a part in it."""
    answer = asked("general-24gb")
    for model in ("EleutherAI/gpt-neox-20b", "EleutherAI/pythia-12b", "facebook/opt-13b", "cerebras/Cerebras-GPT-13B"):
        assert part(answer, model).status is not Status.CHOSEN
        assert expected(answer, model) < expected(answer, SMALL) - 0.05


def test_65b_does_not_fit_and_is_said_not_to():
    out = part(asked("general-24gb"), "huggyllama/llama-65b")
    assert out.status is Status.EXCLUDED
    assert "does not surely fit" in out.reasons[0]


def test_today_newer_ones():
    now = asked("general-24gb", None)
    gap = part(now, LARGE).difference
    assert released(now) > DAY
    assert gap is not None
    assert gap.value < -0.2
