"""Models that reason before they answer: the switch in a chat template, and where the reasoning ends. Pure.

A template is untrusted text: it is only looked at here, for names and tags that are known, and runs nowhere but in an engine's sandbox.
Each known switch is a row of `SWITCHES`, each pair of tags a row of `TAGS`.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from jinja2 import Environment, TemplateError
from jinja2.meta import find_undeclared_variables

from llmpick.evidence.call import CallRequest, Completion, Thinking
from llmpick.evidence.errors import InputError
from llmpick.evidence.task import Message

DEFAULT_MAX_THINKING_TOKENS = 1024
"""A budget that small models on one machine can afford (half a minute at 32 tokens/s); `?thinking=N` sets another."""
LONGEST_TEMPLATE = 1_000_000
"""Characters. Published templates have at most 20,000."""

GENERATION_PROMPT = 64
"""Characters at a prompt's end in which a template's own tags are looked for: further up stands what users wrote."""

TAGS: tuple[tuple[str, str, str], ...] = (
    ("<think>\n", "</think>\n\n", "Qwen, DeepSeek, GLM, SmolLM, Nemotron, MiniMax and most others"),
    ("<seed:think>", "</seed:think>", "Seed-OSS"),
    ("[THINK]", "[/THINK]", "Magistral and Ministral"),
    ("<|channel>thought\n", "<channel|>", "Gemma 4"),
    ("<|channel|>analysis<|message|>", "<|end|><|start|>assistant<|channel|>final<|message|>", "gpt-oss (Harmony)"),
    ("<thinking>\n", "</thinking>\n\n", "models tuned on transcripts of closed ones"),
    ("Here is my thought process:\n", "Here is my response:\n\n", "Granite 3"),
)
"""(what opens the reasoning, what stands between it and the answer, who uses it). White space at the ends is not looked for."""

_BUDGET = object()
"""Stands for the budget in a switch that takes a number of tokens."""


@dataclass(frozen=True, slots=True)
class Switch:
    """How a template is told to think or not to. Each way is (variables, word of the system text); None where it knows no such way."""

    name: str
    on: tuple[Mapping[str, Any], str] | None
    off: tuple[Mapping[str, Any], str] | None
    opening: str = "<think>\n"
    closing: str = "</think>\n\n"

    @property
    def always(self) -> bool:
        """True for a template that opens the reasoning whatever it is told."""
        return self.off is None and self.name == ALWAYS

    def set_to(self, on: bool, max_tokens: int | None = None) -> Thinking:
        """Tokens of reasoning at most. Raises `InputError` for a way that the template does not know."""
        way = self.on if on else self.off
        if way is None:
            raise InputError(
                f"its chat template cannot be told {'to think' if on else 'not to think'} ({self.name})",
                where="chat template",
                remedy=f"use ?thinking={'off' if on else 'on'}, or leave it out",
            )
        budget = (max_tokens or DEFAULT_MAX_THINKING_TOKENS) if on else 0
        arguments = {name: budget if value is _BUDGET else value for name, value in way[0].items()}
        return Thinking(on, budget, arguments, way[1], self.opening, self.closing)


ALWAYS = "it always opens the reasoning"

SWITCHES: tuple[tuple[str, Mapping[str, Any], Mapping[str, Any] | None, str], ...] = (
    ("enable_thinking", {"enable_thinking": True}, {"enable_thinking": False}, "Qwen3, GLM-4.5, SmolLM3, Gemma 4, Hunyuan, ERNIE 4.5"),
    ("thinking", {"thinking": True}, {"thinking": False}, "Granite 3.2 and later, DeepSeek V3.1, Kimi K2.5"),
    ("thinking_budget", {"thinking_budget": _BUDGET}, {"thinking_budget": 0}, "Seed-OSS"),
    ("reasoning_effort", {"reasoning_effort": "medium"}, None, "gpt-oss; others can be told 'none'"),
)
"""(variable of the template, its value for thinking, and for not thinking; who has it). The first that a template reads is its switch."""

SYSTEM_WORDS: tuple[tuple[str, str, str], ...] = (
    ("/think", "/no_think", "Nemotron Nano 2, Nemotron Super 1.5"),
    ("detailed thinking on", "detailed thinking off", "Llama-Nemotron 1"),
)
"""(word of the system text for thinking, for not thinking, who has it), where a template looks for both."""


def find_switch(template: str | None) -> Switch | None:
    """The switch of a chat template; None for a template that knows none, and for a base model without one."""
    if template is None or len(template) > LONGEST_TEMPLATE:
        return None
    opening, closing = next(
        ((opening, closing) for opening, closing, _ in TAGS if opening.strip() in template or closing.strip() in template), TAGS[0][:2]
    )
    read = _variables(template)
    for name, on, off, _ in SWITCHES:
        if name in read:
            silent = {name: "none"} if off is None and re.search(r"""['"]none['"]""", template) else off
            return Switch(f"variable {name}", (on, ""), None if silent is None else (silent, ""), opening, closing)
    for on_word, off_word, _ in SYSTEM_WORDS:
        if off_word in template and on_word in template:
            return Switch(f"{off_word} in the system text", ({}, on_word), ({}, off_word), opening, closing)
    at_the_end = template[max(template.rfind("add_generation_prompt"), 0) :]
    if opening.strip() in at_the_end and closing.strip() not in at_the_end:
        return Switch(ALWAYS, ({}, ""), None, opening, closing)
    return None


def _variables(template: str) -> frozenset[str]:
    """The variables that the template reads from outside; all words in it, where Jinja2 cannot parse it."""
    try:
        syntax = Environment(extensions=["jinja2.ext.loopcontrols"]).parse(template)
        return frozenset(find_undeclared_variables(syntax))
    except (TemplateError, RecursionError, ValueError):
        return frozenset(re.findall(r"[A-Za-z_]\w*", template))


def with_thinking(requests: Sequence[CallRequest], thinking: Thinking | None) -> tuple[CallRequest, ...]:
    """The requests put to a model that thinks or not. Not to think by the variable that engines set anyway is to say nothing."""
    if thinking is None or (not thinking.on and dict(thinking.arguments) == {"enable_thinking": False}):
        return tuple(requests)
    return tuple(replace(request, thinking=thinking) for request in requests)


# Prompts


def told(messages: Sequence[Message], thinking: Thinking | None) -> tuple[Message, ...]:
    """The messages with the word that switches thinking in their system text."""
    if thinking is None or not thinking.system:
        return tuple(messages)
    if messages and messages[0].role == "system":
        return Message("system", f"{thinking.system}\n\n{messages[0].content}"), *messages[1:]
    return Message("system", thinking.system), *messages


def opened(prompt: str, thinking: Thinking | None) -> str:
    """The rendered prompt, at its end inside the reasoning where the model is to think, and outside of it where it is not."""
    if thinking is None:
        return prompt
    end = prompt[-GENERATION_PROMPT:]
    inside = end.rfind(thinking.opening.strip()) > end.rfind(thinking.closing.strip())
    if inside == thinking.on:
        return prompt
    return prompt + (thinking.opening if thinking.on else thinking.closing)


def closed(reasoning: str, thinking: Thinking, *, cut: bool) -> str:
    """The reasoning as it stands between prompt and answer. One that its budget ended says so."""
    ended = f"{reasoning.rstrip()}\n\n{thinking.ending}" if cut else reasoning.rstrip()
    return f"{ended}\n{thinking.closing}"


# Texts


@dataclass(frozen=True, slots=True)
class Parts:
    """A text in its parts. `complete` is False while the reasoning has not ended: then there is no answer."""

    reasoning: str
    answer: str
    complete: bool = True


def split(text: str) -> Parts:
    """Takes the reasoning off the front of a text. Its opening tag may be missing, where a template writes that itself."""
    text = text.strip()
    for opening, closing, _ in TAGS:
        if text.startswith(opening.strip()):
            reasoning, ended, answer = text[len(opening.strip()) :].partition(closing.strip())
            return Parts(reasoning.strip(), answer.strip(), bool(ended))
    for opening, closing, _ in TAGS:
        before, ended, after = text.partition(closing.strip())
        if ended and opening.strip() not in before and closing[0] in "<[":
            return Parts(before.strip(), after.strip())
    return Parts("", text)


def kept_output(completion: Completion, thinking: Thinking | None) -> str:
    """What the store keeps of an answer: the reasoning in front of it, always in the same tags, so that `split` finds it again."""
    if not completion.reasoning:
        return completion.text
    reasoning = completion.reasoning.replace("</think>", "</ think>").strip()
    if completion.reasoning_cut and thinking is not None:
        reasoning = f"{reasoning}\n\n{thinking.ending}"
    return f"<think>\n{reasoning}\n</think>\n\n{completion.text}"
