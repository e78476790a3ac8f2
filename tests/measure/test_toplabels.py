"""Label probabilities from listed alternatives: given only when what is not listed cannot matter."""

import math
from typing import Any

import pytest

from llmpick.measure.server.toplabels import first_alternatives, label_probabilities_of, restricted


def logs(**probabilities: float) -> list[tuple[str, float]]:
    return [(token.replace("_", " "), math.log(probability)) for token, probability in probabilities.items()]


@pytest.mark.parametrize(
    ("alternatives", "labels", "expected"),
    [
        (logs(yes=0.6, no=0.3, maybe=0.1), ("no", "yes"), {"no": 1 / 3, "yes": 2 / 3}),
        (logs(_Y=0.75, _N=0.25), ("Yes", "No"), {"Yes": 0.75, "No": 0.25}),
        (logs(pos=0.5, positive=0.3, neg=0.2), ("positive", "negative"), {"positive": 0.8, "negative": 0.2}),
        # "re" begins both labels, so their shares cannot be told.
        (logs(re=0.9, x=0.1), ("refund", "return"), None),
        (logs(refund=0.9, re=0.05, x=0.05), ("refund", "return"), None),
        # The model begins with something else: its text must be read.
        (logs(The=0.9, yes=0.05, no=0.05), ("yes", "no"), None),
        (logs(_=0.9, yes=0.1), ("yes", "no"), None),
        # "no" is not listed, but could have up to 0.1.
        (logs(yes=0.9, x=0.1), ("yes", "no"), None),
        # "no" is not listed and has at most 0.0001.
        (logs(yes=0.99, x=0.0001), ("yes", "no"), {"yes": 1.0, "no": 0.0}),
        # One label is another's beginning.
        (logs(refund=0.9, delivery=0.1), ("refund", "refund status", "delivery"), None),
    ],
)
def test_restricted(alternatives: list[tuple[str, float]], labels: tuple[str, ...], expected: dict[str, float] | None) -> None:
    found = restricted(alternatives, labels)
    assert found == (None if expected is None else pytest.approx(expected))


@pytest.mark.parametrize(
    ("logprobs", "expected"),
    [
        ({"content": [{"top_logprobs": [{"token": "b", "logprob": -2.0}, {"token": "a", "logprob": -1.0}]}]}, [("a", -1.0), ("b", -2.0)]),
        ({"top_logprobs": [{"a": -1.0, "b": -2.0}]}, [("a", -1.0), ("b", -2.0)]),
        (None, []),
        ({}, []),
        ({"content": []}, []),
        ({"content": [{"top_logprobs": [{"token": 3, "logprob": "x"}]}]}, []),
        ("nonsense", []),
    ],
)
def test_first_alternatives(logprobs: Any, expected: list[tuple[str, float]]) -> None:
    assert first_alternatives(logprobs) == expected


def test_no_alternatives_no_probabilities() -> None:
    assert label_probabilities_of({"message": {}}, ("a", "b")) is None
