"""The seam between llmpick and every engine that can score text, and what all of them share: boundaries, windows, warnings.

An engine supplies the log-probabilities of tokens; which tokens are asked for, with how much before them, and how many bytes they stand
for is decided here, once, so that two engines differ in their arithmetic only.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Protocol, Self, runtime_checkable

from llmpick.evidence.call import EngineInfo
from llmpick.evidence.errors import EngineError, InputError
from llmpick.evidence.likelihood import TextScore
from llmpick.measure.windows import Placed, Tokens, Window, begins, placed, unscorable, windows

__all__ = ["Placed", "TextScorer", "TokenScorer", "Tokens", "Window", "placed", "tokenizer_warning", "unscorable", "windows"]

DEFAULT_WINDOW_TOKENS = 512
"""Read at once where the caller does not say: the same for every engine, so that models are compared with equal context."""


@runtime_checkable
class TextScorer(Protocol):
    """An engine that tells how likely a model finds a text. Scores are pure: the same arguments give the same result."""

    engine: EngineInfo
    load_seconds: float
    max_tokens: int | None
    """The most tokens that can be read at once, what stands before the text included; None where the engine does not tell."""

    def score(self, context: str, text: str) -> TextScore:
        """The log-likelihood of `text` after `context` (which may be empty).

        Both are tokenised as one string, as the model would meet them. White space that ends the context is scored with the text where it
        ends in a blank, or where the tokenizer joins it to a letter that follows: the context alone decides, so that all answers to one
        question are treated alike. `text_bytes` then counts it. A text that is joined to the context all the same is tokenised by itself.

        Raises `InputError` for an empty text and for one that does not fit, `EngineError` when the machinery failed.
        """
        ...

    def score_all(self, context: str, texts: Sequence[str]) -> list[TextScore]:
        """The same for several texts after one context, which is read once where the engine can keep it; `processed_tokens` of the first
        then holds those of the context, and those of the others their own only.
        """
        ...

    def prepare(self, groups: Sequence[Sequence[str]]) -> None:
        """Tells which contexts will be asked for, in any order: what all of a group begin with is read once where the engine can keep it,
        and left out of `processed_tokens`. Replaces what was prepared before.
        """
        ...

    def score_document(self, text: str, *, context: str = "", window: int | None = None, stride: int | None = None) -> TextScore:
        """The log-likelihood of a text of any length, each token scored exactly once, windows of `window` tokens `stride` apart.

        A short `context` may stand before it, by the rule of `score`. From the second window on every token is conditioned on at least
        `window` - `stride` tokens; each window begins with what the model's tokenizer puts before a text, as every text began that the
        model was trained on. Defaults: `window` 512, or `max_tokens` if that is less; `stride` half of it.

        Raises `InputError` for an empty text and for impossible windows, `EngineError` when the machinery failed.
        """
        ...

    def tokens(self, text: str) -> list[int]:
        """The text's token ids, without what the tokenizer puts before a text."""
        ...

    def close(self) -> None:
        """Frees the model and everything started for it. May be called twice."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None: ...


class TokenScorer(ABC):
    """A `TextScorer` whose engine only has to tokenise, decode and supply log-probabilities of tokens."""

    engine: EngineInfo
    load_seconds: float
    max_tokens: int | None

    def score(self, context: str, text: str) -> TextScore:
        return self.score_all(context, (text,))[0]

    def score_all(self, context: str, texts: Sequence[str]) -> list[TextScore]:
        self._check_open()
        placed_texts = [self._in_place(context, text) for text in texts]
        scores: list[TextScore] = []
        for i, (window, skipped, text_bytes) in enumerate(placed_texts):
            read = len(window.tokens)
            if self._shares_context:
                known = placed_texts[i - 1][0] if i else None
                again = known is not None and known.tokens[: known.scored_from] == window.tokens[: window.scored_from]
                read -= window.scored_from if again else self._prefix_of(window)
            nats = self._nats_after(window)
            scores.append(self._score(nats, len(window.scored), text_bytes, not skipped, read))
        return scores

    def prepare(self, groups: Sequence[Sequence[str]]) -> None:
        self._check_open()
        if self._shares_context:
            self._prefixes = tuple(filter(None, (self._shared_by(contexts) for contexts in groups if len(contexts) > 1)))

    def _shared_by(self, contexts: Sequence[str]) -> Tokens:
        """But for the last token, which a tokenizer may join with what follows it in another context."""
        from llmpick.measure.tokenized import common_prefix

        return common_prefix([self._begun(placed(context, "a", self._tokenize).before) for context in contexts])[:-1]

    def _in_place(self, context: str, text: str) -> tuple[Window, int, int]:
        """The tokens of both, how many of the text's first ones are not scored, and the bytes of the others."""
        _check_text(context + text, text, self._where)
        found = placed(context, text, self._tokenize)
        before = self._begun(found.before)
        skipped, skipped_bytes = (0, 0) if before else unscorable(text, found.scored, self._decode)
        self._check_scored(len(found.scored) - skipped)
        window = Window(before + found.scored, len(before) + skipped)
        most = self._most_after_context()
        if most is not None and len(window.tokens) > most:
            raise InputError(
                f"context and text have {len(window.tokens)} tokens, the engine reads at most {most} at once",
                where=self._where,
                remedy="shorten them, open the model with more context, or score a long text as a document",
            )
        return window, skipped, found.text_bytes - skipped_bytes

    def _begun(self, tokens: Tokens) -> Tokens:
        """The tokens of a context with what the model's tokenizer puts before a text, once."""
        beginning = self._beginning
        return tokens if beginning and begins(tokens, beginning) else beginning + tokens

    def _prefix_of(self, window: Window) -> int:
        """How many of the window's first tokens were prepared: fewer than what stands before its text."""
        lengths = [len(prefix) for prefix in self._prefixes if len(prefix) < window.scored_from and begins(window.tokens, prefix)]
        return max(lengths, default=0)

    def score_document(self, text: str, *, context: str = "", window: int | None = None, stride: int | None = None) -> TextScore:
        self._check_open()
        _check_text(context + text, text, self._where)
        beginning = self._beginning
        window, stride = self._checked(window, stride)
        found = placed(context, text, self._tokenize) if context else Placed((), self._tokenize(text), len(text.encode()))
        before, tokens = found.before, found.before + found.scored
        if beginning and begins(tokens, beginning):
            before, tokens = before[len(beginning) :], tokens[len(beginning) :]
        if len(beginning) + len(before) >= window:
            remedy = "shorten the context, or choose a longer window"
            raise InputError(f"the context fills a window of {window} tokens", where=self._where, remedy=remedy)
        skipped, skipped_bytes = (0, 0) if beginning or before else unscorable(text, tokens, self._decode)
        self._check_scored(len(tokens) - len(before) - skipped)
        cut = tuple(windows(tokens, beginning, window=window, stride=stride, unscored=len(before) + skipped))
        processed, scored = sum(len(part.tokens) for part in cut), len(tokens) - len(before) - skipped
        return self._score(self._nats(cut), scored, found.text_bytes - skipped_bytes, not skipped, processed)

    def tokens(self, text: str) -> list[int]:
        self._check_open()
        return list(self._tokenize(text))

    @abstractmethod
    def close(self) -> None:
        """Sets `_closed`."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    _beginning: Tokens
    """What the model's tokenizer puts before a text: its BOS, or nothing."""
    _where: str
    """The file or address, for errors."""
    _closed = False
    _shares_context = False
    """Whether `_nats_after` reads what stands before texts once for all of them, and a prepared prefix once for all contexts."""
    _prefixes: tuple[Tokens, ...] = ()
    """What was prepared, one for each group."""

    @abstractmethod
    def _tokenize(self, text: str) -> Tokens:
        """Without what is put around a text."""

    @abstractmethod
    def _decode(self, tokens: Tokens) -> str: ...

    @abstractmethod
    def _nats(self, cut: Sequence[Window]) -> float:
        """The sum of the log-probabilities of all scored tokens, each given what stands before it in its window."""

    def _nats_after(self, window: Window) -> float:
        """The same for one window, whose unscored part many texts may share."""
        return self._nats((window,))

    def _most_after_context(self) -> int | None:
        """The most tokens of context and text together."""
        return self.max_tokens

    def _checked(self, window: int | None, stride: int | None) -> tuple[int, int]:
        most = self.max_tokens
        window = window if window is not None else min(DEFAULT_WINDOW_TOKENS, most or DEFAULT_WINDOW_TOKENS)
        stride = stride if stride is not None else max(window // 2, 1)
        # Without a beginning the first token of a window is only read.
        if not 1 <= stride <= window - max(len(self._beginning), 1) or (most is not None and window > most):
            raise InputError(
                f"windows of {window} tokens, {stride} apart, cannot be read{f': the engine reads {most} at once' if most else ''}",
                where=self._where,
                remedy="choose a window that fits, and a stride that is at least 1 and less than the window",
            )
        return window, stride

    def _check_open(self) -> None:
        if self._closed:
            raise EngineError("the model was closed", where=self._where, remedy="open it again", fatal=True)

    def _check_scored(self, tokens: int) -> None:
        if tokens < 1:
            raise InputError(
                "the text is a single token, and this model has nothing to condition its first token on",
                where=self._where,
                remedy="score it after a context, or score a longer text",
            )

    def _score(self, nats: float, tokens: int, text_bytes: int, first_token_scored: bool, processed: int) -> TextScore:
        if not math.isfinite(nats):
            raise EngineError(
                f"the engine gave {nats} as log-likelihood",
                where=self._where,
                remedy="the model is damaged: fetch it again, or leave it out",
            )
        return TextScore(min(nats, 0.0), tokens, text_bytes, first_token_scored, processed)


def _check_text(whole: str, text: str, where: str) -> None:
    if not text:
        raise InputError("there is no text to score", where=where, remedy="leave out empty texts")
    try:
        whole.encode()
    except UnicodeEncodeError as error:
        raise InputError(f"the text is not Unicode: {error}", where=where, remedy="decode it as UTF-8 first") from error


def tokenizer_warning(tokens: Mapping[str, Sequence[int]]) -> str | None:
    """Words the warning that engines cut one text differently with what should be one model's tokenizer; None where they agree.

    `tokens` maps the engine's name to the token ids that it makes of the user's text. Their scores are then of different tokens: still
    comparable in bits per byte, but one of the two is not how the model was trained to read.
    """
    names = list(tokens)
    first = tuple(tokens[names[0]]) if names else ()
    for name in names[1:]:
        other = tuple(tokens[name])
        if other != first:
            at = next((i for i, (a, b) in enumerate(zip(first, other, strict=False)) if a != b), min(len(first), len(other)))
            counts = ", ".join(f"{each}: {len(tokens[each]):,}" for each in names)
            return (
                f"the tokenizers of {names[0]} and {name} disagree on this text from token {at + 1} on ({counts} tokens): "
                "compare these engines by bits per byte only, and expect a small difference even so"
            )
    return None
