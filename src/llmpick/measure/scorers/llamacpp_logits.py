"""Exact log-likelihoods from llama.cpp's own logits, in a child process: what texts share is read once, and a text may fill the context.

The wheel's C interface is used where it is the one known (`measure/llamacpp/logits.py`); elsewhere, and for models with an encoder, texts
are scored through its server (`scorers/llamacpp.py`), which reads everything anew for every text.
"""

import math
import threading
import time
from collections.abc import Sequence
from typing import Any

from llmpick.evidence.call import EngineInfo
from llmpick.evidence.errors import EngineError, ModelFileError
from llmpick.evidence.model import Weights
from llmpick.measure.backends.llamacpp_child import ENVIRONMENT
from llmpick.measure.likelihood import Tokens, TokenScorer, Window
from llmpick.measure.llamacpp.process import LlamaCppProcess, Start, default_memory_limit_bytes, default_threads, start_timeout_s
from llmpick.measure.tokenized import beginning_of, checked_context

CALL_TIMEOUT_S = 600.0
REMEMBERED = 64
"""Texts with their tokens."""


class UnsupportedError(Exception):
    """The wheel or the model has no logits that can be read; the text says why."""


def open_llamacpp(weights: Weights, *, context_tokens: int | None = None, memory_limit_bytes: int | None = None) -> TokenScorer:
    """The scorer by logits, or by the server where that cannot be. Raises what `LlamaCppScorer` raises."""
    from llmpick.measure.scorers.llamacpp import LlamaCppScorer

    try:
        return LogitsScorer(weights, context_tokens=context_tokens, memory_limit_bytes=memory_limit_bytes)
    except (UnsupportedError, ModelFileError):
        # A file that broke the one way may break the other too, and then the server's words for it are the better ones.
        return LlamaCppScorer(weights, context_tokens=context_tokens, memory_limit_bytes=memory_limit_bytes)


class LogitsScorer(TokenScorer):
    """Loads a GGUF file with room for `context_tokens` (by default 4,096, or the model's own if that is less).

    Raises `InputError` for a context longer than the model's, `UnsupportedError`, `ModelFileError` and `EngineError` as `LlamaCppProcess`
    does.
    """

    _shares_context = True

    def __init__(
        self,
        weights: Weights,
        *,
        context_tokens: int | None = None,
        memory_limit_bytes: int | None = None,
        threads: int | None = None,
    ) -> None:
        self._where = str(weights.path)
        self.max_tokens = checked_context(context_tokens, weights.context_tokens, self._where)
        self._lock = threading.Lock()
        self._pieces: dict[int, bytes] = {}
        self._tokenized: dict[tuple[str, bool], Tokens] = {}
        started = time.perf_counter()
        start = Start(
            path=weights.path,
            n_ctx=self.max_tokens,
            n_threads=threads or default_threads(),
            memory_limit_bytes=memory_limit_bytes or default_memory_limit_bytes(),
            timeout_s=start_timeout_s(weights.weight_bytes),
            logits=True,
        )
        self._process = LlamaCppProcess(start)
        try:
            if self._process.unsupported:
                raise UnsupportedError(self._process.unsupported)
            self._beginning = beginning_of(self._tokenize("a", special=True), self._tokenize("a"))
        except BaseException:
            self.close()
            raise
        self.load_seconds = time.perf_counter() - started
        device = next((device["name"] for device in self._process.devices if device["type"] in ("GPU", "IGPU")), "cpu")
        options: dict[str, Any] = {name: value for name, value, _ in ENVIRONMENT}
        options |= {"n_ctx": start.n_ctx, "n_threads": start.n_threads, "flash_attn": False, "beginning": list(self._beginning)}
        options |= {"likelihood": "the engine's logits, what texts share read once"}
        self.engine = EngineInfo("llama.cpp", f"xllamacpp {self._process.version}", device, options)

    def close(self) -> None:
        self._closed = True
        self._process.close()

    def _nats(self, cut: Sequence[Window]) -> float:
        return math.fsum(self._read(window, 0) for window in cut)

    def _nats_after(self, window: Window) -> float:
        return self._read(window, self._prefix_of(window))

    def _read(self, window: Window, prefix: int) -> float:
        before = window.tokens[: window.scored_from]
        return math.fsum(self._ask({"before": before, "scored": window.scored, "prefix": prefix}))

    def _ask(self, question: dict[str, Any]) -> Any:
        with self._lock:
            try:
                return self._process.ask(question, CALL_TIMEOUT_S)
            except EngineError as error:
                if self._process.alive():
                    raise
                raise EngineError(
                    f"llama.cpp is gone: {error.what}",
                    where=self._where,
                    remedy="open it again with fewer tokens of context, or choose another file",
                    fatal=True,
                ) from error

    def _tokenize(self, text: str, *, special: bool = False) -> Tokens:
        """What was tokenised last is remembered: a context is asked for with each of its texts."""
        key = text, special
        if key not in self._tokenized:
            told = self._ask({"text": text, "special": special})
            self._pieces |= {token: bytes.fromhex(piece) for token, piece in told["new"]}
            if len(self._tokenized) >= REMEMBERED:
                self._tokenized.pop(next(iter(self._tokenized)))
            self._tokenized[key] = tuple(told["tokens"])
        return self._tokenized[key]

    def _decode(self, tokens: Tokens) -> str:
        return b"".join(self._pieces[token] for token in tokens).decode("utf-8", errors="replace")
