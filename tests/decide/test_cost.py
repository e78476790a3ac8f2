from llmpick.decide.cost import cost_ranks


def test_ranks_by_cost() -> None:
    assert cost_ranks([3.0, 1.0, 2.0]) == [2, 0, 1]


def test_costs_within_a_tenth_are_the_same() -> None:
    assert cost_ranks([1.0, 1.1, 1.11, 0.0]) == [1, 1, 2, 0]


def test_unknown_is_dearest_and_not_zero() -> None:
    assert cost_ranks([None, 5.0, None]) == [1, 0, 1]


def test_nothing_has_no_rank() -> None:
    assert cost_ranks([]) == []
