"""What a model is shown, word for word, as a chat and as plain text."""

from dataclasses import replace
from typing import Any

import pytest
from inline_snapshot import snapshot

from llmpick.evidence.call import CallRequest, FreeText, JsonObject, Number, OneLabel, Sampling
from llmpick.evidence.errors import InputError
from llmpick.evidence.task import Example, Message, Metric, Prompt, Task, TaskKind
from llmpick.measure.prompt import answer_form, answer_text, build_requests, prompt_hash, row_text

SCHEMA = {"type": "object", "properties": {"order": {"type": "string"}, "item": {"type": "string"}}}


def example(identity: str, reference: Any, place: str = "rows.jsonl line 1", messages: Any = None, **fields: Any) -> Example:
    return Example(identity, fields, reference, place, messages=messages)


def task(kind: TaskKind, *examples: Example, template: str = "Message: {{ message }}\nFacts:", **values: Any) -> Task:
    prompt = Prompt(template, values.pop("system", None), values.pop("fewshot", ()))
    return Task("t", kind, ("en",), examples, prompt, Metric("accuracy"), "", **values)


def test_both_forms_carry_the_same_words() -> None:
    shown = example("f", {"item": "台灯", "order": "A1"}, message="台灯 A1 坏了")
    made = build_requests(
        task(TaskKind.EXTRACT, example("1", {}, message="B2, no lamp  "), system="Find the facts.", fewshot=(shown,), schema=SCHEMA)
    )
    assert [(turn.role, turn.content) for turn in made[0].messages] == snapshot(
        [
            ("system", "Find the facts."),
            ("user", "Message: 台灯 A1 坏了\nFacts:"),
            ("assistant", '{"order": "A1", "item": "台灯"}'),
            ("user", "Message: B2, no lamp  \nFacts:"),
        ]
    )
    assert made[0].completion == snapshot(
        """\
Find the facts.

Message: 台灯 A1 坏了
Facts: {"order": "A1", "item": "台灯"}

Message: B2, no lamp  \n\
Facts:\
"""
    )
    assert made[0].answer == JsonObject(SCHEMA, 64)


def test_a_conversation_keeps_its_turns() -> None:
    turns = (Message("system", "Be brief."), Message("user", "Hi"), Message("assistant", "Hello"), Message("user", "Where is it?"))
    (made,) = build_requests(task(TaskKind.SHORT_ANSWER, example("1", "here", messages=turns), system="You help."))
    assert [(turn.role, turn.content) for turn in made.messages] == [
        ("system", "You help.\n\nBe brief."),
        ("user", "Hi"),
        ("assistant", "Hello"),
        ("user", "Where is it?"),
    ]
    assert made.completion == "You help.\n\nBe brief.\n\nUser: Hi\nAssistant: Hello\nUser: Where is it?\nAssistant:"


def test_a_row_is_shown_solved_rows_of_its_own_language() -> None:
    fewshot = [replace(example(name, {"order": name, "item": "x"}, message=name), language=name[:2]) for name in ("en1", "zh1", "en2")]
    fewshot.append(example("any", {"order": "any", "item": "x"}, message="any"))
    rows = [replace(example(name, {}, message=name), language=name) for name in ("en", "zh", "de")]
    made = build_requests(task(TaskKind.EXTRACT, *rows, fewshot=tuple(fewshot), template="{{ message }}", schema=SCHEMA))
    shown = {request.row: [turn.content for turn in request.messages if turn.role == "user"][:-1] for request in made}
    assert shown == {"en": ["en1", "en2", "any"], "zh": ["zh1", "any"], "de": ["any"]}
    assert [request.group for request in made] == ["en", "zh", "de"]


def test_all_solved_rows_are_shown_rather_than_none_or_too_few_labels() -> None:
    fewshot = tuple(replace(example(label, label, message=label), language=language) for label, language in (("a", "en"), ("b", "zh")))
    row = replace(example("1", "a", message="x"), language="en")
    (made,) = build_requests(task(TaskKind.CHOICE, row, fewshot=fewshot, labels=("a", "b")))
    assert (len(made.messages), made.group) == (5, "")
    (made,) = build_requests(task(TaskKind.SHORT_ANSWER, replace(row, language="de"), fewshot=fewshot))
    assert (len(made.messages), made.group) == (5, "")
    (made,) = build_requests(task(TaskKind.SHORT_ANSWER, row, fewshot=fewshot))
    assert (len(made.messages), made.group) == (3, "en")


def test_a_plain_prompt_ends_without_white_space() -> None:
    (made,) = build_requests(task(TaskKind.NUMBER, example("1", 1, message="x"), template="{{ message }} \n\n"))
    assert made.completion == "x"


def test_templates_see_labels_and_columns_with_any_name() -> None:
    labels = ("a", "b")
    template = "{{ labels }}|{% for label in labels %}<{{ label }}>{% endfor %}|{{ row['my text'] }}"
    one = task(TaskKind.CHOICE, Example("1", {"my text": "x", "other": "y"}, "a", ""), template=template, labels=labels)
    assert build_requests(one)[0].completion == "a, b|<a><b>|x"
    assert row_text(one, one.examples[0]) == "x"


@pytest.mark.parametrize(
    ("template", "what", "remedy"),
    [
        ("{{ mesage }}", "'mesage' is undefined", "columns there are: id, message, note"),
        ("{{ row['mesage'] }}", "mesage", "columns there are: id, message, note"),
        ("{{ message.text }}", "text", "columns there are: id, message, note"),
        ("{{ note }}", "empty in this row", "mend the template or the row"),
        ("{{ message | nosuch }}", "nosuch", "mend the template"),
        ("{{ message + 1 }}", "cannot be rendered", "mend the template"),
        ("{{ 1 / 0 }}", "division", "mend the template"),
        ("{{ message.__class__.__mro__ }}", "unsafe|undefined|__class__", "mend the template"),
        ("{% for i in range(10 ** 9) %}x{% endfor %}", "Range too big", "mend the template"),
    ],
)
def test_a_template_that_does_not_fit_names_row_and_columns(template: str, what: str, remedy: str) -> None:
    fields = {"id": "7", "message": "hi", "note": None}
    with pytest.raises(InputError, match=what) as caught:
        build_requests(task(TaskKind.CHOICE, Example("7", fields, "a", "rows.jsonl line 7"), template=template))
    assert caught.value.where == "[prompt] template, rows.jsonl line 7"
    assert remedy in caught.value.remedy


def test_an_empty_cell_can_be_left_out_on_purpose() -> None:
    one = task(TaskKind.CHOICE, example("1", "a", note=None), template="[{{ note or '' }}]")
    assert build_requests(one)[0].completion == "[]"


@pytest.mark.parametrize(
    ("kind", "references", "form"),
    [
        (TaskKind.CHOICE, ["a"], OneLabel(("a", "b"))),
        (TaskKind.NUMBER, [1], Number(64)),
        (TaskKind.SHORT_ANSWER, ["Paris"], FreeText(64, ("\n",))),
        (TaskKind.SHORT_ANSWER, ["12 Main St\nParis"], FreeText(64, ("\n\n",))),
        (TaskKind.GENERATE, ["one\nparagraph"], FreeText(64, ("\n\n",))),
        (TaskKind.GENERATE, ["two\n\nparagraphs"], FreeText(64)),
    ],
)
def test_answer_form(kind: TaskKind, references: list[Any], form: Any) -> None:
    rows = [example(str(i), reference, message="x") for i, reference in enumerate(references)]
    assert answer_form(task(kind, *rows, labels=("a", "b") if kind is TaskKind.CHOICE else ())) == form


@pytest.mark.parametrize(
    ("kind", "reference", "text"),
    [
        (TaskKind.CHOICE, "退款", "退款"),
        (TaskKind.NUMBER, 3.0, "3"),
        (TaskKind.NUMBER, 3.25, "3.25"),
        (TaskKind.EXTRACT, {"item": "é", "order": "1", "extra": None}, '{"order": "1", "item": "é", "extra": null}'),
    ],
)
def test_answer_text(kind: TaskKind, reference: Any, text: str) -> None:
    assert answer_text(task(kind, schema=SCHEMA if kind is TaskKind.EXTRACT else None), reference) == text


def test_row_text_is_what_the_row_itself_says() -> None:
    one = task(TaskKind.CHOICE, example("1", "a", message="hello", channel="app"))
    assert row_text(one, one.examples[0]) == "hello"
    talk = (Message("user", "hi"), Message("assistant", "yes?"), Message("user", "refund"))
    assert row_text(one, example("1", "a", messages=talk)) == "hi\nrefund"


def test_prompt_hash_covers_all_that_is_asked() -> None:
    base = CallRequest("1", (Message("user", "x"),), "x", FreeText(8))
    others = [
        replace(base, messages=(Message("system", "x"),)),
        replace(base, completion="y"),
        replace(base, answer=FreeText(9)),
        replace(base, answer=Number(8)),
        replace(base, sampling=Sampling(seed=1)),
        replace(base, answer=JsonObject({"properties": {"a": {}, "b": {}}}, 8)),
        replace(base, answer=JsonObject({"properties": {"b": {}, "a": {}}}, 8)),
    ]
    hashes = {prompt_hash(request) for request in (base, *others)}
    assert len(hashes) == len(others) + 1
    assert prompt_hash(replace(base, row="2", group="zh")) == prompt_hash(base)
    assert prompt_hash(base) == snapshot("2873271eac1d7b04c77284d38d58a657d4c0496cc1cd1533bb0bed45ec68a150")
