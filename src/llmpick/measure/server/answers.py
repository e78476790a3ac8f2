"""What a server's answer holds: the text, the reasoning before it, and the counts. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from llmpick.measure.thinking import Parts, split

REASONING_FIELDS = ("reasoning_content", "reasoning", "thinking")
"""Where servers put what was thought: DeepSeek, SGLang, llama.cpp and vLLM before 0.11; vLLM since, Ollama and OpenRouter; others."""


@dataclass(frozen=True, slots=True)
class Answered:
    """One answer. `prompt_tokens` and `output_tokens` are None where the server counts none; `withheld` says that a filter took it back.

    `complete` is False while the reasoning had not ended. `reasoning_tokens` are among `output_tokens`: as counted by the server, else by
    the reasoning's share of the text.
    """

    text: str
    reasoning: str
    complete: bool
    finish: Literal["stop", "length"]
    withheld: bool
    prompt_tokens: int | None
    output_tokens: int | None
    told_reasoning_tokens: int
    choice: Mapping[str, Any]

    @property
    def thought(self) -> bool:
        """True when the model reasoned, whether the server shows it or only counts it."""
        return bool(self.reasoning) or not self.complete or self.told_reasoning_tokens > 0

    def reasoning_tokens(self, output_tokens: int) -> int:
        if self.told_reasoning_tokens:
            return min(self.told_reasoning_tokens, output_tokens)
        written = len(self.reasoning) + len(self.text)
        return round(output_tokens * len(self.reasoning) / written) if written else 0


def read_answer(body: Mapping[str, Any]) -> Answered:
    """Raises `KeyError`, `IndexError` or `TypeError` for a body that is no answer of chat or plain completions."""
    choice = body["choices"][0]
    message = choice.get("message")
    said = (message["content"] if message is not None else choice["text"]) or ""
    if not isinstance(said, str):
        raise TypeError("the answer is not a text")
    finish = choice.get("finish_reason")
    parts = split(said)
    apart = _reasoning_field(message)
    if apart:
        parts = Parts(apart, said, complete=bool(said.strip()) or finish != "length")
    elif message is None or (parts.complete and not parts.reasoning):
        parts = Parts("", said)
    usage = body.get("usage")
    usage = usage if isinstance(usage, dict) else {}
    counts = (usage.get("prompt_tokens"), usage.get("completion_tokens"))
    counted = all(isinstance(count, int) for count in counts)
    return Answered(
        text=parts.answer,
        reasoning=parts.reasoning,
        complete=parts.complete,
        finish="length" if finish == "length" else "stop",
        withheld=finish == "content_filter",
        prompt_tokens=counts[0] if counted else None,
        output_tokens=counts[1] if counted else None,
        told_reasoning_tokens=_told_reasoning(usage),
        choice=choice,
    )


def _reasoning_field(message: Any) -> str:
    found = (message.get(name) for name in REASONING_FIELDS) if isinstance(message, dict) else ()
    return next((text.strip() for text in found if isinstance(text, str) and text.strip()), "")


def _told_reasoning(usage: Any) -> int:
    try:
        told = usage["completion_tokens_details"]["reasoning_tokens"]
    except (KeyError, TypeError):
        return 0
    return told if isinstance(told, int) and told > 0 else 0
