"""Found, cut off, empty or unreadable: what becomes of each text a model may write."""

from dataclasses import replace
from typing import Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmpick.evidence.call import Completion, Outcome
from llmpick.evidence.task import Example, Metric, Prompt, Task, TaskKind
from llmpick.measure.answer import parse_label, parse_number, parse_object, score

SCHEMA = {
    "type": "object",
    "properties": {"order": {"type": "string"}, "count": {"type": "integer"}},
    "required": ["order"],
    "additionalProperties": False,
}
CHOICE = Task("t", TaskKind.CHOICE, ("en",), (), Prompt(""), Metric("accuracy"), "", labels=("refund", "cancel"))
EXTRACT = Task("t", TaskKind.EXTRACT, ("en",), (), Prompt(""), Metric("json-fields"), "", schema=SCHEMA)
NUMBER = Task("t", TaskKind.NUMBER, ("en",), (), Prompt(""), Metric("number"), "")
SHORT = Task("t", TaskKind.SHORT_ANSWER, ("en",), (), Prompt(""), Metric("exact-match"), "")
GENERATE = Task("t", TaskKind.GENERATE, ("en",), (), Prompt(""), Metric("rouge-l"), "")

WHOLE, CUT = "stop", "length"


@pytest.mark.parametrize(
    ("task", "text", "finish", "reference", "expected"),
    [
        (CHOICE, " Refund.\n", WHOLE, "refund", (Outcome.ANSWERED, "refund", 1.0)),
        (CHOICE, "cancel", WHOLE, "refund", (Outcome.ANSWERED, "cancel", 0.0)),
        (CHOICE, "refund", CUT, "refund", (Outcome.ANSWERED, "refund", 1.0)),  # the label is whole
        (CHOICE, "I think refund", WHOLE, "refund", (Outcome.UNPARSED, None, 0.0)),
        (CHOICE, "ref", CUT, "refund", (Outcome.CUT_OFF, None, 0.0)),
        (CHOICE, " \n", WHOLE, "refund", (Outcome.EMPTY, None, 0.0)),
        (CHOICE, "<think>\n\n</think>\n\nrefund", WHOLE, "refund", (Outcome.ANSWERED, "refund", 1.0)),
        (CHOICE, "<think> it is refund", CUT, "refund", (Outcome.CUT_OFF, None, 0.0)),
        (EXTRACT, '{"order": "A1"}', WHOLE, {"order": "a1"}, (Outcome.ANSWERED, {"order": "A1"}, 1.0)),
        (EXTRACT, 'Sure:\n```json\n{"order": "A1"}\n```', WHOLE, {"order": "A1"}, (Outcome.ANSWERED, {"order": "A1"}, 1.0)),
        (EXTRACT, '{"order": "A1"}\n\nMessage: more', CUT, {"order": "A1"}, (Outcome.ANSWERED, {"order": "A1"}, 1.0)),
        (EXTRACT, '{"order": "A1', CUT, {"order": "A1"}, (Outcome.CUT_OFF, None, 0.0)),
        (EXTRACT, '{"order": 1}', WHOLE, {"order": "1"}, (Outcome.UNPARSED, None, 0.0)),  # not what the schema asks for
        (EXTRACT, "A1", WHOLE, {"order": "A1"}, (Outcome.UNPARSED, None, 0.0)),
        (NUMBER, "42", WHOLE, 42, (Outcome.ANSWERED, 42.0, 1.0)),
        (NUMBER, "0.333", CUT, 0.333, (Outcome.CUT_OFF, None, 0.0)),  # more digits may have followed
        (NUMBER, "42 apples, because", CUT, 42, (Outcome.ANSWERED, 42.0, 1.0)),
        (NUMBER, "forty-two", WHOLE, 42, (Outcome.UNPARSED, None, 0.0)),
        (SHORT, " Paris. ", WHOLE, "paris", (Outcome.ANSWERED, "Paris.", 1.0)),
        (SHORT, "Paris", CUT, "Paris", (Outcome.CUT_OFF, None, 0.0)),
        (SHORT, "", WHOLE, "Paris", (Outcome.EMPTY, None, 0.0)),
        (GENERATE, "我要退货", WHOLE, "我想退款", (Outcome.ANSWERED, "我要退货", 0.5)),
    ],
)
def test_score(task: Task, text: str, finish: Literal["stop", "length"], reference: Any, expected: tuple[Outcome, Any, float]) -> None:
    example = Example("1", {}, reference, "examples.jsonl line 1")
    assert score(task, example, Completion(text, finish, 10, 5, 0.1)) == expected


@pytest.mark.parametrize(
    ("text", "labels", "expected"),
    [
        ("C++", ("C", "C++", "C#"), "C++"),
        ("c#", ("C", "C++", "C#"), "C#"),
        ("“C”", ("C", "C++", "C#"), None),  # without punctuation it could be C or C#
        ("A", ("a", "A"), "A"),
        ("退款。", ("退款", "退货"), "退款"),
        ("退款 退货", ("退款", "退货"), None),
        ("", ("a", "b"), None),
    ],
)
def test_parse_label(text: str, labels: tuple[str, ...], expected: str | None) -> None:
    assert parse_label(text, labels) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("7", 7.0),
        ("-1,234.50", -1234.5),
        ("１２．５", 12.5),
        ("−3", -3.0),
        (".5", 0.5),
        ("1e3", 1000.0),
        ("3 + 4 = 7", 7.0),
        ("The answer is 7, not 8", 7.0),
        ("Answer: 7. The answer is 9.", 9.0),
        ("答案是-5。", -5.0),
        ("#### 72", 72.0),
        ("order A-5", 5.0),  # a hyphen is no minus
        ("1" + "0" * 400, None),  # too large for a float
        ("no answer", None),
        ("", None),
    ],
)
def test_parse_number(text: str, expected: float | None) -> None:
    assert parse_number(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        '{"order": ',
        '{"a":' * 100_000,  # nested without end
        "{" * 10_000,
        '{"order": NaN}',
        '["order"]',
        '{"order": "A", "more": 1}',
        '{"order": "A", "count": ' + "9" * 5000 + "}",  # more digits than Python reads
    ],
)
def test_hostile_objects_are_no_answer(text: str) -> None:
    assert parse_object(text, SCHEMA) is None


def test_a_schema_is_never_fetched() -> None:
    with pytest.raises(Exception, match="Unresolvable"):
        parse_object("{}", {"$ref": "http://127.0.0.1:9/schema.json"})


@given(st.text(max_size=60), st.sampled_from([WHOLE, CUT]))
@settings(max_examples=100)
def test_any_text_gets_an_outcome(text: str, finish: Literal["stop", "length"]) -> None:
    for task, reference in ((CHOICE, "refund"), (EXTRACT, {"order": "A"}), (NUMBER, 1), (SHORT, "x"), (GENERATE, "x")):
        outcome, answer, value = score(task, Example("1", {}, reference, ""), Completion(text, finish, 1, 1, 0.0))
        assert 0 <= value <= 1
        assert (answer is None) == (outcome is not Outcome.ANSWERED)
        assert answer is not None or value == 0


def test_the_metric_and_its_options_decide_the_score() -> None:
    task = replace(EXTRACT, metric=Metric("json-fields", {"require": "all"}))
    example = Example("1", {}, {"order": "A", "count": 2}, "")
    completion = Completion('{"order": "A", "count": 3}', "stop", 1, 1, 0.0)
    assert score(EXTRACT, example, completion)[2] == 0.5
    assert score(task, example, completion)[2] == 0.0
