"""Prompts as token ids: one beginning, labels in their place, the shared prefix. The tokenizer here makes a token of each word."""

import re
import zlib
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmpick.evidence.call import CallRequest, FreeText
from llmpick.evidence.errors import InputError
from llmpick.evidence.task import Message
from llmpick.measure.tokenized import Prompts, Tokens, beginning_of, checked_context, common_prefix, too_long

BOS = 1


def words(text: str) -> Tokens:
    """A word with the space before it is one token, so is a line break; "<s>" is the beginning-of-text token."""
    return tuple(BOS if piece == "<s>" else zlib.crc32(piece.encode()) for piece in re.findall(r"<s>|\n| ?[^\s<]+", text))


def template(messages: Sequence[Message]) -> str:
    if messages[0].role == "system":
        raise InputError("no system text, please", where="template", remedy="")
    return "<s>" + "".join(f"{message.role}: {message.content}\n" for message in messages) + "assistant:\n"


def request(text: str, role: str = "user") -> CallRequest:
    return CallRequest("7", (Message(role, text),), f"{text}\nIntent:", FreeText(3))  # type: ignore[arg-type]


def test_a_base_model_gets_the_completion_prompt_after_one_beginning() -> None:
    prompts = Prompts(words, None, (BOS,))
    prompt = prompts.prompt(request("where is it"))
    assert prompt.text == "where is it\nIntent:"
    assert prompt.tokens == (BOS, *words("where is it\nIntent:"))


def test_a_template_that_writes_the_beginning_itself_gets_no_second_one() -> None:
    prompt = Prompts(words, template, (BOS,)).prompt(request("hello"))
    assert prompt.tokens.count(BOS) == 1
    assert prompt.tokens[0] == BOS


def test_a_prompt_is_rendered_once() -> None:
    calls: list[object] = []

    def counted(messages: Sequence[Message]) -> str:
        calls.append(messages)
        return template(messages)

    prompts = Prompts(words, counted, ())
    assert prompts.prompt(request("a")) is prompts.prompt(request("a"))
    assert len(calls) == 1


def test_a_refusing_template_is_an_input_error_that_names_the_row() -> None:
    with pytest.raises(InputError, match="no system text") as caught:
        Prompts(words, template, ()).prompt(request("a", role="system"))
    assert caught.value.where == "row 7"


@pytest.mark.parametrize("render", [None, template], ids=["completion", "chat"])
def test_labels_follow_the_prompt_with_the_space_that_an_answer_has_there(render) -> None:
    found = Prompts(words, render, (BOS,)).labels(request("hi"), ("refund", "late parcel"))
    space = " " if render is None else ""
    assert found == {"refund": words(f"{space}refund"), "late parcel": words(f"{space}late parcel")}


def test_a_label_that_begins_another_is_ended_by_what_ends_an_answer() -> None:
    assert Prompts(words, None, ()).labels(request("hi"), ("a", "a b"))["a"] == (*words(" a"), words("\n")[0])
    assert Prompts(words, template, ()).labels(request("hi"), ("a", "a b"))["a"] == (*words("a"), words("\n")[0])


@pytest.mark.parametrize(
    ("alone", "plain", "beginning"),
    [((1, 5), (5,), (1,)), ((5,), (5,), ()), ((1, 5, 2), (5,), (1,)), ((1, 2, 5, 6), (5, 6), (1, 2))],
)
def test_what_a_tokenizer_puts_before_a_text(alone: Tokens, plain: Tokens, beginning: Tokens) -> None:
    assert beginning_of(alone, plain) == beginning


sequences = st.lists(st.lists(st.integers(0, 2), max_size=6).map(tuple), min_size=1, max_size=5)


@given(sequences)
def test_the_common_prefix_begins_all_and_is_the_longest(found: list[Tokens]) -> None:
    prefix = common_prefix(found)
    assert all(tokens[: len(prefix)] == prefix for tokens in found)
    assert any(len(tokens) == len(prefix) for tokens in found) or len({tokens[len(prefix)] for tokens in found}) > 1


@pytest.mark.parametrize(
    ("asked", "own", "context"), [(None, 512, 512), (None, 99_999, 4096), (None, None, 4096), (128, 512, 128), (9, None, 9)]
)
def test_the_context_to_load_with(asked: int | None, own: int | None, context: int) -> None:
    assert checked_context(asked, own, "m.gguf") == context


def test_more_context_than_the_model_reads_is_refused_before_anything_is_loaded() -> None:
    with pytest.raises(InputError, match="at most 512 tokens, 1000000") as caught:
        checked_context(1_000_000, 512, "m.gguf")
    assert "512" in caught.value.remedy


@pytest.mark.parametrize(
    ("own", "remedy"), [(None, "limits.context_tokens to 90"), (100, "limits.context_tokens to 90"), (80, "at most 80")]
)
def test_the_remedy_for_a_long_row_depends_on_the_model(own: int | None, remedy: str) -> None:
    assert remedy in too_long(request("a"), 90, 64, own).remedy
