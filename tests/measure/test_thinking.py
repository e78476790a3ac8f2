"""Switches of chat templates, what is put at a prompt's end, and how reasoning is taken off an answer."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmpick.evidence.call import ENDING, CallRequest, Completion, FreeText, Thinking
from llmpick.evidence.errors import InputError
from llmpick.evidence.task import Message
from llmpick.measure.prompt import prompt_hash
from llmpick.measure.thinking import Parts, Switch, closed, find_switch, kept_output, opened, split, told, with_thinking

QWEN = "{% if add_generation_prompt %}A:{% if enable_thinking is false %}<think>\n\n</think>\n\n{% endif %}{% endif %}"
GRANITE = "{% if thinking %}Write after 'Here is my thought process:', then after 'Here is my response:'.{% endif %}"
SEED = "{% set o='<seed:think>' %}{% if not thinking_budget is defined %}{% set thinking_budget = -1 %}{% endif %}{{ thinking_budget }}"
HARMONY = "{% if not reasoning_effort %}{% set reasoning_effort='medium' %}{% endif %}{{ reasoning_effort }}<|channel|>analysis<|message|>"
EFFORT = "{{ '' if reasoning_effort == 'none' else reasoning_effort }}[THINK]"
# It sets the variable itself, and listens to words of the system text.
NEMOTRON = (
    "{% set enable_thinking = true %}{% if '/no_think' in s %}{% set enable_thinking = false %}{% elif '/think' in s %}{% endif %}<think>"
)
WORDS = "{% if 'detailed thinking on' in s %}{% elif 'detailed thinking off' in s %}{% endif %}"
R1 = "{% for m in messages %}{{ m.content.split('</think>')[-1] }}{% endfor %}{% if add_generation_prompt %}<A><think>\n{% endif %}"
GENERATION_TAG = "{% generation %}{{ x }}{% endgeneration %}{% if enable_thinking %}<think>{% endif %}"


@pytest.mark.parametrize(
    ("template", "name", "on", "off", "closing"),
    [
        (QWEN, "variable enable_thinking", ({"enable_thinking": True}, ""), ({"enable_thinking": False}, ""), "</think>"),
        (GRANITE, "variable thinking", ({"thinking": True}, ""), ({"thinking": False}, ""), "Here is my response:"),
        (SEED, "variable thinking_budget", ({"thinking_budget": 99}, ""), ({"thinking_budget": 0}, ""), "</seed:think>"),
        (
            HARMONY,
            "variable reasoning_effort",
            ({"reasoning_effort": "medium"}, ""),
            None,
            "<|end|><|start|>assistant<|channel|>final<|message|>",
        ),
        (EFFORT, "variable reasoning_effort", ({"reasoning_effort": "medium"}, ""), ({"reasoning_effort": "none"}, ""), "[/THINK]"),
        (NEMOTRON, "/no_think in the system text", ({}, "/think"), ({}, "/no_think"), "</think>"),
        (WORDS, "detailed thinking off in the system text", ({}, "detailed thinking on"), ({}, "detailed thinking off"), "</think>"),
        (R1, "it always opens the reasoning", ({}, ""), None, "</think>"),
        (GENERATION_TAG, "variable enable_thinking", ({"enable_thinking": True}, ""), ({"enable_thinking": False}, ""), "</think>"),
    ],
    ids=["qwen", "granite", "seed", "harmony", "effort", "nemotron", "words", "always", "not parsed"],
)
def test_the_switch_of_a_template(template: str, name: str, on: object, off: object, closing: str) -> None:
    switch = find_switch(template)
    assert switch is not None
    assert switch.name == name
    assert way(switch, True) == on
    assert way(switch, False) == off
    assert switch.closing.strip() == closing
    assert switch.always == (name == "it always opens the reasoning")


def way(switch: Switch, on: bool) -> tuple[dict[str, object], str] | None:
    if (switch.on if on else switch.off) is None:
        with pytest.raises(InputError, match="cannot be told"):
            switch.set_to(on)
        return None
    thinking = switch.set_to(on, 99)
    assert thinking.max_tokens == (99 if on else 0)
    return dict(thinking.arguments), thinking.system


@pytest.mark.parametrize(
    "template", [None, "", "{{ messages }}", "{# enable_thinking #}{{ messages }}", "{{ '" + "(" * 5000, "enable_thinking" * 100_000]
)
def test_a_template_without_a_switch_has_none(template: str | None) -> None:
    assert find_switch(template) is None


@given(st.text())
def test_any_text_may_be_a_template(template: str) -> None:
    found = find_switch(template)
    assert found is None or isinstance(found, Switch)


ON, OFF = Thinking(True, 20), Thinking(False)


@pytest.mark.parametrize(
    ("prompt", "thinking", "end"),
    [
        ("U: hi\nA:", None, "A:"),
        ("U: hi\nA:", ON, "A:<think>\n"),
        ("U: hi\nA:<think>\n", ON, "A:<think>\n"),
        ("U: hi\nA:<think>", ON, "A:<think>"),
        ("U: hi\nA:", OFF, "A:"),
        ("U: hi\nA:<think>\n\n</think>\n\n", OFF, "</think>\n\n"),
        ("U: hi\nA:<think>\n", OFF, "<think>\n</think>\n\n"),
        # What a user wrote further up is not the template's.
        ("U: what does <think> mean?" + " " * 80 + "A:", OFF, " A:"),
        ("U: what does <think> mean?" + " " * 80 + "A:", ON, " A:<think>\n"),
    ],
)
def test_a_prompt_ends_inside_the_reasoning_or_outside(prompt: str, thinking: Thinking | None, end: str) -> None:
    made = opened(prompt, thinking)
    assert made.startswith(prompt)
    assert made.endswith(end)
    assert opened(made, thinking) == made


def test_a_cut_reasoning_says_so_and_a_whole_one_does_not() -> None:
    assert closed("so\n", ON, cut=False) == "so\n</think>\n\n"
    assert closed("so", ON, cut=True) == f"so\n\n{ENDING}\n</think>\n\n"


def test_the_word_that_switches_stands_in_the_system_text() -> None:
    user, system = Message("user", "hi"), Message("system", "Be brief.")
    word = Thinking(True, 5, system="/think")
    assert told((user,), word) == (Message("system", "/think"), user)
    assert told((system, user), word) == (Message("system", "/think\n\nBe brief."), user)
    assert told((system, user), ON) == (system, user)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("Paris", Parts("", "Paris")),
        ("<think>\nFrance...\n</think>\n\nParis", Parts("France...", "Paris")),
        ("France...</think>Paris", Parts("France...", "Paris")),
        ("<think>France", Parts("France", "", complete=False)),
        ("<think></think>Paris", Parts("", "Paris")),
        ("[THINK]a[/THINK]b", Parts("a", "b")),
        ("<seed:think>a</seed:think>b", Parts("a", "b")),
        ("Here is my thought process: a Here is my response: b", Parts("a", "b")),
        ("Well. Here is my response: b", Parts("", "Well. Here is my response: b")),
        ("<|channel>thought\na<channel|>b", Parts("a", "b")),
        ("a < b </b>", Parts("", "a < b </b>")),
        ("", Parts("", "")),
    ],
)
def test_the_reasoning_is_taken_off(text: str, parts: Parts) -> None:
    assert split(text) == parts


@given(st.text(), st.text(), st.booleans())
def test_what_is_kept_gives_the_answer_back(reasoning: str, answer: str, cut: bool) -> None:
    kept = kept_output(Completion(answer, "stop", 1, 1, 0.0, reasoning=reasoning, reasoning_cut=cut), ON)
    if reasoning.strip():
        assert split(kept).answer == answer.strip()
        assert (ENDING in split(kept).reasoning) >= cut
    elif not reasoning:
        assert kept == answer


def test_to_say_nothing_of_thinking_is_the_same_request_as_ever_and_the_same_as_off_by_the_usual_variable() -> None:
    request = CallRequest("1", (Message("user", "hi"),), "hi", FreeText(4))
    assert prompt_hash(request) == "674f65e5d9aa6e2445325b51512b5a4a1adf1c2ae3e016eab5ece36b295f50b8", "stores are full of such keys"
    off = find_switch(QWEN)
    assert off is not None
    assert with_thinking([request], off.set_to(False)) == (request,)
    on = [with_thinking([request], off.set_to(True, budget))[0] for budget in (10, 20)]
    assert len({prompt_hash(one) for one in (request, *on)}) == 3
