"""Places of rows that belong together: the user's rows stay as they are, new inputs become a wider matter."""

from dataclasses import replace

import numpy as np
import pytest

from llmpick.decide.placing import Claims, Placing, placing
from llmpick.decide.placing_clustered import by_clusters
from llmpick.evidence.values import Interval, Unknown
from llmpick.stats.goal import Goal, Guarantee
from llmpick.stats.race import Progress
from llmpick.stats.rules import rule_for

IDS, GOAL, ROWS = ("a", "b", "c"), Goal(0.05, 0.95), 240


def race(claims: Guarantee, per_document: int) -> tuple[Placing, Placing]:
    """Three candidates, right on 80%, 50% and 50% of documents whose rows are all alike: by rows, and by documents."""
    rng = np.random.default_rng(1)
    documents = rng.random((3, ROWS // per_document)) < np.array([[0.8], [0.5], [0.5]])
    order = rng.permutation(ROWS)
    scores, clusters = np.repeat(documents, per_document, axis=1).astype(float)[:, order], (np.arange(ROWS) // per_document)[order]
    progress = Progress(scores, np.zeros(scores.shape, dtype=bool), np.array([ROWS, ROWS, 40]), np.zeros(3, dtype=np.int64))
    standing = rule_for(claims, GOAL).judge(progress)
    plain = placing(IDS, progress, standing, GOAL, claims)
    return plain, by_clusters(plain, IDS, progress, GOAL, claims, clusters)


def width(interval: Interval | Unknown) -> float:
    assert isinstance(interval, Interval)
    return interval.high - interval.low


@pytest.mark.parametrize("claims", ["anytime", "bayes"])
def test_only_what_is_said_of_new_inputs_changes(claims: Guarantee) -> None:
    plain, found = race(claims, per_document=12)
    assert plain.new_inputs.alike == (), "by rows alone the choice would hold"
    assert found.new_inputs.alike[:2] == ("a", "b"), "twenty documents do not settle it"
    assert isinstance(found.new_inputs.rows_more, Interval)
    assert found.new_inputs.rows_more.value > 0
    for before, after in zip(plain.places, found.places, strict=True):
        same = replace(after, score=before.score, difference_on_new_inputs=before.difference_on_new_inputs)
        assert same == before
        assert width(after.score) > width(before.score)
    assert isinstance(found.places[found.leader].difference_on_new_inputs, Unknown)
    assert width(found.places[1].difference_on_new_inputs) > width(plain.places[1].difference_on_new_inputs)


def test_rows_that_stand_alone_are_no_clusters() -> None:
    plain, found = race("anytime", per_document=1)
    assert found.new_inputs.alike == plain.new_inputs.alike
    for before, after in zip(plain.places, found.places, strict=True):
        assert width(after.score) == pytest.approx(width(before.score), rel=0.1)


@pytest.mark.parametrize("claims", ["anytime", "bayes"])
def test_a_candidate_without_a_row_is_in_question(claims: Claims) -> None:
    progress = Progress(np.ones((2, 20)), np.zeros((2, 20), dtype=bool), np.array([20, 0]), np.zeros(2, dtype=np.int64))
    standing = rule_for("anytime", GOAL).judge(progress)
    plain = placing(IDS[:2], progress, standing, GOAL, claims)
    found = by_clusters(plain, IDS[:2], progress, GOAL, claims, np.arange(20) // 4)
    assert found.new_inputs.alike == ("a", "b")
    assert isinstance(found.new_inputs.rows_more, Unknown)
    assert isinstance(found.places[1].score, Unknown)
