"""Tokens in their places: how a text is cut into windows, and where it stands after a context. Pure: the tokenizer is an argument."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

Tokens = tuple[int, ...]

CHARACTER_TOKENS = 4
"""The most tokens that one character can be cut into: its bytes in UTF-8."""
_LEAD = re.compile(r"\s*\S\w{0,15}")
"""A text's first word, or 16 characters of it where words are not parted."""


@dataclass(frozen=True, slots=True)
class Window:
    """Tokens that are read at once, of which those from `scored_from` on (at least 1) are scored."""

    tokens: Tokens
    scored_from: int

    @property
    def scored(self) -> Tokens:
        return self.tokens[self.scored_from :]


def windows(text: Tokens, beginning: Tokens, *, window: int, stride: int, unscored: int = 0) -> Iterator[Window]:
    """Cuts a text so that each of its tokens but the first `unscored` is scored once.

    The first window is full; each further one scores `stride` new tokens after `window` - `stride` known ones, `beginning` among them.
    """
    room = window - len(beginning)
    end = min(room, len(text))
    yield Window(beginning + text[:end], len(beginning) + unscored)
    while end < len(text):
        start, scored = end + stride - room, end
        end = min(end + stride, len(text))
        yield Window(beginning + text[start:end], len(beginning) + scored - start)


@dataclass(frozen=True, slots=True)
class Placed:
    """A text in its place: the tokens `before` it, those that are `scored`, and how many bytes of UTF-8 these stand for."""

    before: Tokens
    scored: Tokens
    text_bytes: int


def placed(context: str, text: str, tokenize: Callable[[str], Tokens]) -> Placed:
    """Finds the tokens of `text` after `context`, by the rule of `TextScorer.score`."""
    kept = context.rstrip()
    # A blank belongs to the next word in nearly every vocabulary; line breaks are joined to what follows, or to each other, by some.
    if kept != context and (context[-1] in " \t" or not begins(tokenize(context + "a"), tokenize(context))):
        context, text = kept, context[len(kept) :] + text
    before, whole = tokenize(context), tokenize(context + text)
    joined = not begins(whole, before) or len(whole) == len(before)
    return Placed(before, tokenize(text) if joined else whole[len(before) :], len(text.encode()))


def led(text: str) -> tuple[str, str]:
    """The first word of a text, and the rest of it, "" where there is no more.

    Where nothing stands before a text some models have nothing to condition its first token on. Models that are compared are all given the
    first word, and scored on the rest: on the same bytes, wherever their own first token ends.
    """
    found = _LEAD.match(text)
    end = found.end() if found else len(text)
    return text[:end], text[end:] if text[end:].strip() else ""


def begins(whole: Tokens, start: Tokens) -> bool:
    return whole[: len(start)] == start


def unscorable(text: str, tokens: Tokens, decode: Callable[[Tokens], str]) -> tuple[int, int]:
    """How many tokens at the begin of a text cannot be scored where nothing stands before it, and their bytes of UTF-8.

    That is the first token, and the rest of its last character where a character is cut into several tokens.
    """
    stripped = text.lstrip()
    for count in range(1, min(CHARACTER_TOKENS, len(tokens)) + 1):
        shown = decode(tokens[:count])
        if text.startswith(shown) and shown:
            return count, len(shown.encode())
        # Some tokenizers drop the space before a text's first word when they decode it.
        if stripped.startswith(shown.lstrip()) and shown.strip():
            return count, len(text.encode()) - len(stripped.encode()) + len(shown.lstrip().encode())
    # A tokenizer that rewrites text (NFKC, lower case): its own words for the first token are the best guess.
    return 1, min(len(decode(tokens[:1]).encode()), len(text.encode()) - 1)
