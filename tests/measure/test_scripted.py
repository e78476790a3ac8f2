"""The scripted backend says exactly what its script says."""

import pytest

from llmpick.evidence.call import CallRequest, Completion, FreeText
from llmpick.evidence.errors import EngineError, InputError
from llmpick.measure.backends.scripted import ScriptedBackend


def asked(row: str) -> CallRequest:
    return CallRequest(row, (), "two words", FreeText(3))


def test_each_kind_of_answer() -> None:
    ready = Completion("x", "stop", 1, 1, 0.5, label_probabilities={"x": 1.0})
    broken = EngineError("down", where="here", remedy="wait")
    with ScriptedBackend({"a": "one  two", "b": ready, "c": broken, "d": "1 2 3 4"}, seconds_per_call=0.25) as backend:
        assert backend.complete(asked("a")) == Completion("one  two", "stop", 2, 2, 0.25)
        assert backend.complete(asked("b")) is ready
        with pytest.raises(EngineError, match="down"):
            backend.complete(asked("c"))
        assert backend.complete(asked("d")) == Completion("1 2 3", "length", 2, 3, 0.25)
        assert backend.asked == ["a", "b", "c", "d"]


def test_a_row_that_the_script_does_not_know_is_the_tests_own_mistake() -> None:
    with ScriptedBackend({}) as backend, pytest.raises(InputError, match="no answer for this row") as caught:
        backend.complete(asked("z"))
    assert caught.value.where == "row z"


def test_a_function_of_the_request() -> None:
    with ScriptedBackend(lambda request: request.row.upper()) as backend:
        assert backend.complete(asked("q")).text == "Q"
