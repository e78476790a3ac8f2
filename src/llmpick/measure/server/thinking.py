"""How servers are told to think or not to: every dialect of it, and what shows that one was understood. Pure.

A server keeps the template to itself, and most ignore a field that they do not know. So nothing is believed: a short question is asked in
one dialect after the other until the answer shows what was wanted, reasoning or none.
"""

from collections.abc import Callable, Mapping
from typing import Any

from llmpick.evidence.call import Thinking
from llmpick.measure.server.answers import Answered

QUESTION = "What is 6 times 7? Answer with the number alone."
PROBE_TOKENS = 64
"""Enough for the answer; a reasoning shows itself by its first words."""
LONG_PROBE_TOKENS = 512
"""Enough to see where a reasoning ends of which the server hides the beginning: a template wrote that, and no parser takes it off."""

DIALECTS: tuple[tuple[str, Callable[[Thinking], Mapping[str, Any]]], ...] = (
    ("the server's own way", lambda _: {}),
    ("chat_template_kwargs", lambda t: {"chat_template_kwargs": {"enable_thinking": t.on, "thinking": t.on}}),
    ("reasoning_effort", lambda t: {"reasoning_effort": "medium" if t.on else "none"}),
    ("thinking.type", lambda t: {"thinking": {"type": "enabled" if t.on else "disabled"}}),
    ("enable_thinking", lambda t: {"enable_thinking": t.on, **({"thinking_budget": t.max_tokens} if t.on else {})}),
    ("reasoning.enabled", lambda t: {"reasoning": {"enabled": t.on, **({"max_tokens": t.max_tokens} if t.on else {})}}),
)
"""(name, what is sent beside the request). In this order: nothing; vLLM, SGLang and llama-server; OpenAI, Ollama and Gemini; DeepSeek,
GLM and Kimi; Alibaba Cloud; OpenRouter."""


def shows(answer: Answered, thinking: Thinking) -> bool:
    """True when the answer is one of a model that thinks, or does not, as it was told. An answer cut short proves no silence."""
    return answer.thought if thinking.on else not answer.thought and answer.finish == "stop" and bool(answer.text.strip())
