import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import f1_score

from llmpick.stats.classification import confusion, macro_f1


@pytest.mark.parametrize(
    ("pairs", "expected"),
    [
        ([], None),
        ([("a", "a")], 1.0),
        ([("a", "b")], 0.0),
        ([("a", "")], 0.0),
        # a: TP 2, FP 1, FN 0 → 4/5; b: TP 0 → 0
        ([("a", "a"), ("a", "a"), ("b", "a")], 0.4),
        # a: TP 1, FN 1 → 2/3; b: TP 1, FP 0 → 1; the answered c is never a reference
        ([("a", "a"), ("a", "c"), ("b", "b")], (2 / 3 + 1) / 2),
    ],
)
def test_macro_f1(pairs: list[tuple[str, str]], expected: float | None) -> None:
    assert macro_f1(pairs) == (None if expected is None else pytest.approx(expected))


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("abcd")), min_size=1, max_size=30))
@settings(max_examples=40)
def test_macro_f1_agrees_with_scikit_learn(pairs: list[tuple[str, str]]) -> None:
    references, answers = zip(*pairs, strict=True)
    expected = f1_score(references, answers, labels=sorted(set(references)), average="macro", zero_division=0.0)
    assert macro_f1(pairs) == pytest.approx(expected)


def test_confusion_counts_pairs() -> None:
    assert confusion([("a", "a"), ("a", ""), ("a", "a")]) == {("a", "a"): 2, ("a", ""): 1}
    assert confusion([]) == {}
