"""A text scorer whose likelihoods can be worked out by hand: a token is a character, and its probability is given."""

import hashlib
import math
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Self

from llmpick.evidence.call import EngineInfo
from llmpick.evidence.errors import EngineError
from llmpick.evidence.likelihood import TextScore


class ScriptedScorer:
    """`bits(context, text)` are those of the whole text. One without a start mark leaves out a text's first token."""

    def __init__(
        self,
        bits: Callable[[str, str], float],
        *,
        name: str = "scripted",
        max_tokens: int | None = None,
        start_mark: bool = True,
        load_seconds: float = 0.0,
        fails_at: int | None = None,
        interrupted_at: int | None = None,
        split: Callable[[str], list[int]] | None = None,
    ) -> None:
        self.engine = EngineInfo(name, "1", "none")
        self.load_seconds = load_seconds
        self.max_tokens = max_tokens
        self.asked: list[tuple[str, str]] = []
        self.closed = 0
        self.prepared: list[list[str]] = []
        self._bits, self._start_mark = bits, start_mark
        self._fails_at, self._interrupted_at = fails_at, interrupted_at
        self._split = split or (lambda text: [ord(character) for character in text])

    def score(self, context: str, text: str) -> TextScore:
        self._called(context, text)
        scored = self._start_mark or bool(context)
        skipped = 0 if scored else 1
        size = len(text[skipped:].encode())
        nats = -self._bits(context, text) * math.log(2)
        return TextScore(nats, len(text) - skipped, size, first_token_scored=scored, processed_tokens=len(context) + len(text))

    def score_all(self, context: str, texts: Sequence[str]) -> list[TextScore]:
        return [self.score(context, text) for text in texts]

    def prepare(self, groups: Sequence[Sequence[str]]) -> None:
        self.prepared = [list(contexts) for contexts in groups]

    def score_document(self, text: str, *, context: str = "", window: int | None = None, stride: int | None = None) -> TextScore:
        return self.score(context, text)

    def tokens(self, text: str) -> list[int]:
        return self._split(text)

    def close(self) -> None:
        self.closed += 1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def _called(self, context: str, text: str) -> None:
        self.asked.append((context, text))
        if len(self.asked) == self._fails_at:
            raise EngineError("the engine broke", where="the script", remedy="mend it", fatal=True)
        if len(self.asked) == self._interrupted_at:
            raise KeyboardInterrupt


def model(rate: float, *, noise: float = 0.0, seed: int = 0) -> Callable[[str, str], float]:
    """About `rate` bits per byte: every text is as hard as it is for all models, and a little more or less for this one."""

    def bits(context: str, text: str) -> float:
        hard = 1 + 0.3 * _draw(context + text, -1)
        own = 1 + noise * _draw(context + text, seed)
        return rate * hard * own * len(text.encode())

    return bits


def _draw(text: str, seed: int) -> float:
    """Between -1 and 1, the same for the same text and seed on every machine."""
    return int.from_bytes(hashlib.sha256(f"{seed} {text}".encode()).digest()[:4]) / 2**31 - 1
