"""What `need` says first: the answer in one sentence, and sizes that cannot be read as an interval about it."""

from dataclasses import replace

import pytest

from llmpick.decide.expected_answer import Need, Point, Question
from llmpick.evidence.ability import TaskFamily
from llmpick.evidence.values import Interval
from llmpick.report.need import answer, between

SCORE = Interval(0.5, 0.3, 0.7, 0.9)
FAMILY = Question(None, {TaskFamily.CODE: 1.0}, "you named it", ("en",), {TaskFamily.CODE: ("HumanEval",)})
FOUND = Need(
    question=FAMILY,
    target=0.7,
    probability=0.8,
    recipe="qwen3",
    params=3e9,
    low=0.5e9,
    high=9e9,
    flat=False,
    rise=SCORE,
    best=0.99,
    curve=(Point(0.1e9, SCORE, 0.02),),
    models=(),
    reasons=(),
)
NONE = {"params": None, "low": None, "high": None, "best": 0.4}


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({}, "3B parameters of qwen3 clear 70.0% with 80.0% probability."),
        ({"params": 0.1e9, "low": 0.1e9}, "0.1B parameters of qwen3, the fewest looked at, clear 70.0% with 80.0% probability."),
        (NONE, "Beyond reach: no size clears 70.0% with 80.0% probability."),
        ({**NONE, "flat": True}, "Size hardly matters here, and no size clears 70.0% with 80.0% probability."),
        ({**NONE, "flat": True, "best": 0.9}, "Size hardly matters here, and 70.0% is cleared with 80.0% probability."),
        (
            {**NONE, "question": replace(FAMILY, task="orders")},
            "Whether a model clears 70.0% is not known before a small one has run the task.",
        ),
        (
            {**NONE, "question": replace(FAMILY, task="orders"), "measured": (("small.gguf", 0.1, 40),)},
            "Beyond reach: no size clears 70.0% with 80.0% probability.",
        ),
    ],
)
def test_the_answer(changed: dict[str, object], said: str) -> None:
    assert answer(replace(FOUND, **changed)) == said


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({}, ["0.5B clear it with 5.0%, 9B with 95.0%"]),
        ({"high": None}, ["0.5B clear it with 5.0%, no size up to 1T with 95.0%"]),
        ({"low": 0.1e9, "curve": (Point(0.1e9, SCORE, 0.37),)}, ["even 0.1B clear it with 37.0%, 9B with 95.0%"]),
        ({"probability": 0.99, "high": 3e9}, ["0.5B clear it with 5.0%"]),
        ({"probability": 0.02, "low": 3e9}, ["9B clear it with 95.0%"]),
    ],
)
def test_the_sizes_around_it(changed: dict[str, object], said: list[str]) -> None:
    assert between(replace(FOUND, **changed)) == said
