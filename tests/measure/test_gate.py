"""The gate: a table of what happens and how many calls may then be under way, and threads that try to pass it."""

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmpick.measure.server.gate import Gate

EVENTS = {"answered": {"answered": True}, "busy": {"answered": False, "busy": True}, "failed": {"answered": False}}


@pytest.mark.parametrize(
    ("events", "limit"),
    [
        ([], 8),
        (["answered"] * 20, 8),
        (["failed"], 8),
        (["busy"], 4),
        (["busy", "busy"], 2),
        (["busy"] * 9, 1),
        (["busy", "answered"], 4.25),
        (["busy", "failed"], 4),
        (["busy"] + ["answered"] * 500, 8),
    ],
)
def test_halved_when_busy_and_wider_with_each_answer(events: list[str], limit: float) -> None:
    gate = Gate(8)
    for event in events:
        gate.leave(gate.enter(), **EVENTS[event])
    assert gate.limit == limit


def test_calls_that_were_under_way_together_narrow_it_once() -> None:
    gate = Gate(8)
    together = [gate.enter() for _ in range(6)]
    for taken in together:
        gate.leave(taken, answered=False, busy=True)
    assert gate.limit == 4


@given(st.lists(st.sampled_from(sorted(EVENTS)), max_size=60), st.integers(1, 16))
def test_there_is_always_a_place_and_never_more_than_were_allowed(events: list[str], most: int) -> None:
    gate = Gate(most)
    for event in events:
        gate.leave(gate.enter(), **EVENTS[event])
        assert 1 <= gate.limit <= most


def test_whoever_comes_while_all_places_are_taken_waits_for_one() -> None:
    gate = Gate(1)
    first = gate.enter()
    passed = threading.Event()

    def second() -> None:
        gate.leave(gate.enter(), answered=True)
        passed.set()

    thread = threading.Thread(target=second)
    thread.start()
    assert not passed.wait(0.1)
    gate.leave(first, answered=True)
    assert passed.wait(5)
    thread.join()
