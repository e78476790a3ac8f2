"""The grammars and how held answers are read; that engines obey them is for the tests of the engines."""

import json

import pytest

from llmpick.evidence.errors import InputError
from llmpick.measure.grammars import json_lark, number_text


@pytest.mark.parametrize(
    ("written", "text", "complete"),
    [
        ("42", "42", False),
        (" 42\n", "42", True),
        ("-3.50 kg", "-3.50", True),
        ("3.", "3", False),
        ("3. That is all", "3", True),
        ("0", "0", False),
        ("-", "-", False),
        ("", "", False),
    ],
)
def test_number_text(written: str, text: str, complete: bool) -> None:
    assert number_text(written) == (text, complete)


def test_a_schema_becomes_a_grammar_with_bounded_white_space() -> None:
    head, _, schema = json_lark({"type": "object", "properties": {"名": {"type": "string"}}}).partition("%json ")
    assert head.startswith("%llguidance {}\nstart: ")
    assert json.loads(schema) == {
        "type": "object",
        "properties": {"名": {"type": "string"}},
        "x-guidance": {"whitespace_pattern": "[ ]?"},
    }


def test_what_is_not_a_schema_is_refused_with_the_key() -> None:
    with pytest.raises(InputError, match="not a JSON Schema") as caught:
        json_lark({"type": "object", "properties": {"n": {"type": "integr"}}})
    assert "properties/n/type" in caught.value.where
