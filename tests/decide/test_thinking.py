"""What thinking bought: from the records of one model with and without."""

from pathlib import Path

import numpy as np
import pytest

from llmpick.decide.thinking import sentence, thinking_bought, thinking_pairs
from llmpick.evidence.call import ENDING, CallRecord, Outcome, Thinking
from llmpick.evidence.model import Candidate, Endpoint, Weights

WEIGHTS = Weights(Path("a.gguf"), "gguf", 1, "Q4", None, 512, "template")
SERVED = Endpoint("http://h/v1", "m")


def record(candidate: str, row: int, score: float | None, tokens: int, output: str = "x") -> CallRecord:
    outcome = Outcome.FAILED if score is None else Outcome.ANSWERED
    return CallRecord("k", candidate, str(row), "", outcome, output, score, 10, tokens, tokens / 100, 0)


def candidate(name: str, run: Weights | Endpoint, on: bool | None) -> Candidate:
    return Candidate(name, run, None, None if on is None else Thinking(on))


@pytest.mark.parametrize(
    ("candidates", "pairs"),
    [
        ([("a+", WEIGHTS, True), ("a-", WEIGHTS, False)], (("a+", "a-"),)),
        ([("a+", WEIGHTS, True), ("a", WEIGHTS, None)], (("a+", "a"),)),
        ([("a+", WEIGHTS, True), ("a", WEIGHTS, None), ("a-", WEIGHTS, False)], (("a+", "a-"),)),
        ([("a+", WEIGHTS, True), ("a++", WEIGHTS, True), ("a-", WEIGHTS, False)], (("a+", "a-"), ("a++", "a-"))),
        ([("a+", WEIGHTS, True), ("s-", SERVED, False)], ()),
        ([("s+", SERVED, True), ("s-", Endpoint("http://h/v1", "m", input_price=1.0, output_price=1.0), False)], (("s+", "s-"),)),
        ([("a", WEIGHTS, None)], ()),
        ([], ()),
    ],
)
def test_who_took_part_both_ways(candidates: list[tuple[str, Weights | Endpoint, bool | None]], pairs: tuple[tuple[str, str], ...]) -> None:
    assert thinking_pairs([candidate(*one) for one in candidates]) == pairs


def test_it_is_paired_counts_tokens_and_tells_of_cut_reasonings() -> None:
    on = [
        record("a+", i, score, 100, f"<think>\nso\n\n{ENDING}\n</think>\n\nx" if i == 0 else "x")
        for i, score in enumerate([1.0, 1.0, 0.0, None])
    ]
    off = [record("a-", i, score, 4) for i, score in enumerate([0.0, 1.0, 0.0, 1.0])]
    found = thinking_bought(on, off, confidence=0.95, population=3)
    assert found is not None
    assert found.rows == 3, "a lost row says nothing"
    assert found.difference.value == pytest.approx(1 / 3)
    assert found.difference.low == found.difference.high, "all rows of the user were seen"
    assert (found.tokens_with, found.tokens_without, found.cut) == (100, 4, 1)
    assert sentence(found) == (
        "Thinking bought a+ +33.3 points [+33.3, +33.3] on 3 rows, for 100 instead of 4 output tokens and "
        "1.00 instead of 0.04 seconds per call; its budget ended the reasoning in 1 of 3 rows"
    )


def test_nothing_is_said_of_no_rows() -> None:
    assert thinking_bought([], [], confidence=0.95, population=10) is None
    assert thinking_bought([record("a+", 0, None, 1)], [record("a-", 0, 1.0, 1)], confidence=0.95, population=10) is None


def test_the_interval_holds_the_true_difference_as_often_as_it_says() -> None:
    """200 draws of 120 of 400 rows; the difference on all of them is known."""
    rng = np.random.default_rng(5)
    with_, without = (rng.random(400) < 0.6).astype(float), (rng.random(400) < 0.5).astype(float)
    true, held = float((with_ - without).mean()), 0
    for _ in range(200):
        rows = rng.permutation(400)[:120]
        on, off = ([record("a", i, float(scores[i]), 1) for i in rows] for scores in (with_, without))
        found = thinking_bought(on, off, confidence=0.9, population=400)
        assert found is not None
        held += found.difference.low <= true <= found.difference.high
    assert held >= 180
