"""Requests as token ids, with one beginning-of-text token, and labels as the tokens that follow them.

Ids and not text, because a template that writes the beginning-of-text token itself would get a second one from the tokenizer.
Pure: the engine's own tokenizer and template engine are arguments.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from llmpick.evidence.call import CallRequest
from llmpick.evidence.errors import InputError
from llmpick.evidence.task import Message
from llmpick.measure.labels import Tokens, check_distinct, closed, shares_a_prefix
from llmpick.measure.thinking import opened, told

DEFAULT_CONTEXT_TOKENS = 4096
CLOSING_TOKENS = 64
"""Room for what closes a reasoning: a sentence and a tag."""
NO_THINKING = "leave ?thinking out of its name"

Tokenize = Callable[[str], Tokens]
"""A text's token ids, without any that the tokenizer would add around it."""

Render = Callable[..., str]
"""Messages through the model's chat template, up to where the answer begins; keywords are further variables of the template. Raises
`InputError` when the template refuses them."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """A prompt as text and as token ids."""

    text: str
    tokens: Tokens


@dataclass(slots=True)
class Prompts:
    """Renders and tokenises each prompt once.

    `render` is None for a base model, which gets the completion prompt and never a borrowed template; `beginning` is what every
    prompt begins with exactly once (empty when the model asks for nothing).
    """

    tokenize: Tokenize
    render: Render | None
    beginning: Tokens
    _prompts: dict[tuple[Any, ...], Prompt] = field(default_factory=dict)
    _labels: dict[tuple[tuple[str, ...], str], dict[str, Tokens]] = field(default_factory=dict)

    def prompt(self, request: CallRequest) -> Prompt:
        """Raises `InputError`, naming the row, when the template does not accept the messages."""
        thinking = request.thinking
        key = (request.messages, request.completion, thinking and (thinking.on, thinking.system, str(thinking.arguments)))
        if key not in self._prompts:
            text = self._text(request)
            self._prompts[key] = Prompt(text, self._tokens(text))
        return self._prompts[key]

    def after(self, prompt: Prompt, text: str) -> Prompt:
        """The prompt with more text at its end, such as a reasoning."""
        return Prompt(prompt.text + text, prompt.tokens + self._following(prompt, text))

    def labels(self, request: CallRequest, labels: tuple[str, ...], prompt: Prompt | None = None) -> dict[str, Tokens]:
        """The labels' tokens as they follow the prompt. A completion prompt ends before the space that stands before an answer.

        How a label is cut into tokens depends on the text before it, but not beyond its line: prompts with the same last line share it.
        `prompt` is the request's own unless something stands behind it already.
        """
        prompt = prompt or self.prompt(request)
        key = (labels, prompt.text.rpartition("\n")[2])
        if key not in self._labels:
            tokens = {label: self._following(prompt, label if self.render else f" {label}") for label in labels}
            check_distinct(tokens)
            self._labels[key] = closed(tokens, self._end_of_answer(prompt)) if shares_a_prefix(tokens) else tokens
        return self._labels[key]

    def _text(self, request: CallRequest) -> str:
        thinking = request.thinking
        if self.render is None:
            if thinking is not None and thinking.on:
                raise InputError("a base model has no template that could let it think", where=f"row {request.row}", remedy=NO_THINKING)
            return request.completion
        try:
            return opened(self.render(told(request.messages, thinking), **(thinking.arguments if thinking else {})), thinking)
        except InputError as error:
            raise InputError(
                f"the model's chat template does not accept these messages: {error.what}",
                where=f"row {request.row}",
                remedy="leave out the system text, or let user and assistant alternate",
            ) from error

    def _tokens(self, text: str) -> Tokens:
        tokens = self.tokenize(text)
        return tokens if tokens[: len(self.beginning)] == self.beginning else self.beginning + tokens

    def _following(self, prompt: Prompt, answer: str) -> Tokens:
        """The answer's tokens in its place; on its own where the tokenizer joins it with the end of the prompt."""
        whole, known = self._tokens(prompt.text + answer), len(prompt.tokens)
        return whole[known:] if whole[:known] == prompt.tokens else self.tokenize(answer)

    def _end_of_answer(self, prompt: Prompt) -> int:
        """The token that ends an answer: a line break after a completion; in a chat what the template puts after an assistant's words."""
        if self.render is None:
            return self._following(prompt, "\n")[0]
        mark = "answer"
        turns = (Message("user", mark), Message("assistant", mark), Message("user", mark))
        return self.tokenize(self.render(turns).split(mark)[2])[0]


def room_to_think(request: CallRequest) -> int:
    """The most tokens that the request's reasoning takes between prompt and answer."""
    return request.thinking.max_tokens + CLOSING_TOKENS if request.thinking and request.thinking.on else 0


def beginning_of(alone: Tokens, plain: Tokens) -> Tokens:
    """What a tokenizer puts before a text: `alone` is a text with what it adds, `plain` the same text without."""
    return alone[: alone.index(plain[0])]


def common_prefix(sequences: Sequence[Tokens]) -> Tokens:
    """The longest sequence that all begin with."""
    first, last = min(sequences), max(sequences)
    same = next((i for i, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), min(len(first), len(last)))
    return first[:same]


def too_long(request: CallRequest, needed: int, context_tokens: int, own: int | None) -> InputError:
    """`needed` tokens for prompt and answer where the context holds `context_tokens`; the model itself reads `own`, None if unknown."""
    remedy = f"shorten the row: this model reads at most {own} tokens"
    if own is None or needed <= own:
        remedy = f"set limits.context_tokens to {needed} or more"
    what = f"the prompt and its answer need {needed} tokens, the context holds {context_tokens}"
    return InputError(what, where=f"row {request.row}", remedy=remedy)


def checked_context(context_tokens: int | None, own: int | None, where: str) -> int:
    """The context to load with: what was asked for, else 4096 or the model's own if that is less.

    Raises `InputError` for more than the model reads: an engine would try, and take all memory.
    """
    if context_tokens is not None and own is not None and context_tokens > own:
        raise InputError(
            f"the model reads at most {own} tokens, {context_tokens} were asked for",
            where=where,
            remedy=f"set limits.context_tokens to {own} or less, or choose a model with a longer context",
        )
    return context_tokens or min(DEFAULT_CONTEXT_TOKENS, own or DEFAULT_CONTEXT_TOKENS)
