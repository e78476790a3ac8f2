"""The trie of labels: its probabilities are those of a decoder that may write nothing else."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmpick.evidence.errors import InputError
from llmpick.measure.labels import NEGLIGIBLE, Tokens, check_distinct, closed, label_probabilities, most_probable, shares_a_prefix

END = 99


def weight(path: Tokens, token: int) -> float:
    """A next-token distribution (unnormalised) that depends on the whole path."""
    return 1.0 + (hash((*path, token)) % 97) / 10


def softmax_over(path: Tokens, choices: Tokens) -> dict[int, float]:
    total = sum(weight(path, token) for token in choices)
    return {token: weight(path, token) / total for token in choices}


def brute_force(labels: dict[str, Tokens]) -> dict[str, float]:
    """Token by token: what may follow is what some label has there; the product of the restricted probabilities is the label's."""
    found = {}
    for label, tokens in labels.items():
        probability = 1.0
        for i, token in enumerate(tokens):
            may_follow = {other[i] for other in labels.values() if other[:i] == tokens[:i] and len(other) > i}
            probability *= softmax_over(tokens[:i], tuple(may_follow))[token]
        found[label] = probability
    return found


def named(sequences: set[Tokens]) -> dict[str, Tokens]:
    return closed({str(tokens): tokens for tokens in sorted(sequences)}, END)


@given(st.sets(st.lists(st.integers(0, 3), min_size=1, max_size=4).map(tuple), min_size=1, max_size=8))
@settings(max_examples=60)
def test_probabilities_are_those_of_constrained_decoding_and_sum_to_one(sequences: set[Tokens]) -> None:
    labels = named(sequences)
    found = label_probabilities(labels, softmax_over)
    assert sum(found.values()) == pytest.approx(1)
    assert list(found) == list(labels)
    expected = brute_force(labels)
    assert max(abs(found[label] - expected[label]) for label in labels) <= NEGLIGIBLE


@given(st.permutations([(1,), (2, 3), (2, 4), (5,)]))
@settings(max_examples=10)
def test_the_order_of_the_labels_does_not_matter(sequences: list[Tokens]) -> None:
    labels = {str(tokens): tokens for tokens in sequences}
    assert label_probabilities(labels, softmax_over) == pytest.approx(brute_force({str(t): t for t in [(1,), (2, 3), (2, 4), (5,)]}))


@pytest.mark.parametrize(
    ("sequences", "nodes"),
    [({(1,), (2,), (3,)}, 1), ({(1, 5), (1, 6)}, 1), ({(1, 7, 5), (1, 7, 6), (2,)}, 2), ({(1,)}, 0)],
)
def test_the_model_is_asked_only_where_the_labels_branch(sequences: set[Tokens], nodes: int) -> None:
    calls: list[Tokens] = []

    def ask(path: Tokens, choices: Tokens) -> dict[int, float]:
        calls.append(path)
        return softmax_over(path, choices)

    label_probabilities(named(sequences), ask)
    assert len(calls) == nodes


def test_a_subtree_that_is_hardly_reached_is_not_opened() -> None:
    calls: list[Tokens] = []

    def ask(path: Tokens, choices: Tokens) -> dict[int, float]:
        calls.append(path)
        return {1: 1 - NEGLIGIBLE / 2, 2: NEGLIGIBLE / 2}

    found = label_probabilities({"a": (1,), "b": (2, 3), "c": (2, 4)}, ask)
    assert calls == [()]
    assert found["b"] == found["c"] == NEGLIGIBLE / 4
    assert sum(found.values()) == pytest.approx(1)


def test_a_label_that_begins_another_needs_its_end() -> None:
    labels = {"refund": (1,), "refund status": (1, 2)}
    assert shares_a_prefix(labels)
    assert closed(labels, END) == {"refund": (1, END), "refund status": (1, 2, END)}
    assert not shares_a_prefix({"a": (1,), "b": (2,)})
    assert closed({"a": (1,)}, END) == {"a": (1,)}


@pytest.mark.parametrize(("labels", "says"), [({"a": (1,), "A": (1,)}, "'a' and 'A' are one"), ({"": ()}, "'' is empty")])
def test_labels_that_a_model_cannot_tell_apart_are_refused(labels: dict[str, Tokens], says: str) -> None:
    with pytest.raises(InputError, match=says):
        check_distinct(labels)


def test_the_first_of_equals_is_the_most_probable() -> None:
    for order in itertools.permutations("abc"):
        assert most_probable(dict.fromkeys(order, 1 / 3)) == order[0]
