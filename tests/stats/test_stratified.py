"""Groups from columns, and the estimate that weighs them by their known share."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmpick.stats.means import mean_interval_t
from llmpick.stats.stratified import category_strata, crossed, post_stratified_mean, quantile_strata, strata_of

TEXTS = ["x" * length for length in range(1, 41)]


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        ([3.0, 1.0, 2.0, 4.0], [1, 0, 0, 1]),
        ([1, 1, 1, 1], [0, 0, 0, 0]),
        ([1, None, 2, None], [0, 2, 1, 2]),
        ([None, None], [0, 0]),
        ([], []),
        (["de", "en", "de", "de"], [0, 1, 0, 0]),
        (["de", None, "de", "de"], [0, 1, 0, 0]),
        ([True, False, True, True], [0, 1, 0, 0]),
        (TEXTS, [0] * 20 + [1] * 20),
    ],
)
def test_groups_of_a_column(column: list[Any], expected: list[int]) -> None:
    assert strata_of(column, bins=2).tolist() == expected


def test_rare_categories_share_a_group() -> None:
    groups = category_strata(["a"] * 60 + ["b"] * 38 + ["c", "d"])
    assert np.bincount(groups).tolist() == [60, 38, 2]


def test_crossed_groups_are_alike_in_both() -> None:
    first, second = np.array([0, 0, 1, 1] * 10), np.array([0, 1, 0, 1] * 10)
    assert len(np.unique(crossed(first, second))) == 4


@given(st.lists(st.one_of(st.none(), st.floats(-5, 5)), max_size=60), st.integers(1, 6))
def test_equal_values_are_never_parted_and_order_is_kept(values: list[float | None], bins: int) -> None:
    groups = quantile_strata(values, bins=bins)
    known = sorted((value, group) for value, group in zip(values, groups.tolist(), strict=True) if value is not None)
    assert [group for _, group in known] == sorted(group for _, group in known)
    assert len(dict(known)) == len(set(known))
    assert len(set(groups.tolist())) <= bins + 1


def test_one_group_is_the_plain_interval_with_its_share_unseen() -> None:
    values = np.random.default_rng(0).random(30)
    ours = post_stratified_mean(values, np.zeros(30, dtype=np.int64), np.array([120]), confidence=0.95)
    plain = mean_interval_t(values.tolist(), confidence=0.95)
    assert ours.value == pytest.approx(plain.value)
    assert ours.high - ours.value == pytest.approx((plain.high - plain.value) * 0.75**0.5)
    new = post_stratified_mean(values, np.zeros(30, dtype=np.int64), np.array([120]), confidence=0.95, new_inputs=True)
    assert plain.high - plain.value == pytest.approx(new.high - new.value, rel=0.01)


def test_strata_that_foretell_everything_leave_no_doubt() -> None:
    strata = np.arange(40) % 2
    interval = post_stratified_mean(strata.astype(float), strata, np.array([300, 100]), confidence=0.95)
    assert interval.low == interval.high == pytest.approx(0.25)


@given(st.lists(st.integers(0, 5), min_size=2, max_size=40), st.integers(0, 5))
@settings(max_examples=60)
def test_groups_seen_rarely_or_never_are_joined(strata: list[int], more: int) -> None:
    groups = np.array(strata)
    sizes = np.bincount(groups, minlength=6) + more
    interval = post_stratified_mean(groups * 0.1, groups, sizes, confidence=0.95)
    assert interval.low <= interval.value <= interval.high
    assert 0 <= interval.value <= 0.5


def test_one_value_is_not_enough() -> None:
    with pytest.raises(ValueError, match="two values"):
        post_stratified_mean(np.ones(1), np.zeros(1, dtype=np.int64), np.array([5]), confidence=0.95)
