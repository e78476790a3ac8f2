"""Exact log-likelihoods on transformers and torch, in this process: safetensors folders, and GGUF files dequantised to float32.

The softmax is taken in float32 over at most `LOGITS_BYTES` of logits at a time, so that neither a long window nor a large vocabulary
fills the memory. Of the tokens that are only read no logits are computed.
"""

import copy
import gc
import inspect
import math
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from llmpick.evidence.call import EngineInfo
from llmpick.evidence.errors import EngineError
from llmpick.evidence.model import Weights
from llmpick.measure.hf_model import check_memory, device_name, extra_modules, load_model, torch_device
from llmpick.measure.likelihood import Tokens, TokenScorer, Window
from llmpick.measure.tokenized import beginning_of, checked_context

MODULES = ("torch", "transformers", "accelerate")
LOGITS_BYTES = 512 * 2**20
"""Of float32 logits at a time: the default window of the largest vocabularies (262,144) in one piece."""


class HfScorer(TokenScorer):
    """Loads `weights` on the first GPU that torch can use, else on the CPU; reads at most `context_tokens` at once.

    Raises `InputError` without the extra `hf`, or for a context longer than the model's; `EngineError` (fatal) for weights beyond
    `memory_limit_bytes`; `ModelFileError` for what cannot be loaded.
    """

    def __init__(self, weights: Weights, *, context_tokens: int | None = None, memory_limit_bytes: int | None = None) -> None:
        self._where = str(weights.path)
        self.max_tokens = checked_context(context_tokens, weights.context_tokens, self._where)
        check_memory(weights, memory_limit_bytes)
        started = time.perf_counter()
        self._torch, transformers, _ = extra_modules(MODULES)
        self._device = torch_device(self._torch)
        self._tokenizer: Any
        self._model: Any
        self._tokenizer, self._model = load_model(weights, self._torch, transformers, self._device)
        self.load_seconds = time.perf_counter() - started
        self._beginning = beginning_of(tuple(self._tokenizer("a").input_ids), self._tokenize("a"))
        self._keeps_last = "logits_to_keep" in inspect.signature(self._model.forward).parameters
        # A recurrent state goes on from one token only, in some models, so their windows are read in one piece.
        self._divisible = not getattr(self._model, "_is_stateful", False)
        self._shares_context = self._divisible
        self._shared: tuple[Tokens, Any, Any] | None = None
        self._kept: dict[Tokens, Any] = {}
        self._lock = threading.Lock()
        self.engine = EngineInfo(
            name="transformers",
            version=f"transformers {transformers.__version__}, torch {self._torch.__version__}",
            device=device_name(self._torch, self._device),
            options={
                "dtype": str(self._model.dtype).removeprefix("torch."),
                "attn_implementation": self._model.config._attn_implementation,
                "num_threads": self._torch.get_num_threads(),
                "context_tokens": self.max_tokens,
                "beginning": list(self._beginning),
                "likelihood": "log-softmax in float32" + (", weights dequantised from GGUF to float32" if weights.format == "gguf" else ""),
            },
        )

    def close(self) -> None:
        self._closed = True
        self._model = self._shared = None
        self._kept.clear()
        gc.collect()
        if self._device == "cuda":
            self._torch.cuda.empty_cache()

    def _tokenize(self, text: str) -> Tokens:
        # A text longer than the model's context is cut into windows later, which the tokenizer cannot know and would warn of.
        return tuple(self._tokenizer(text, add_special_tokens=False, verbose=False).input_ids)

    def _decode(self, tokens: Tokens) -> str:
        return self._tokenizer.decode(list(tokens), clean_up_tokenization_spaces=False)

    def _nats(self, cut: Sequence[Window]) -> float:
        with self._reading():
            return math.fsum(self._window(window) for window in cut)

    def _nats_after(self, window: Window) -> float:
        """What stands before the text is read by itself, and once for all texts that follow it; of that a prepared prefix once for all."""
        if not self._divisible or window.scored_from == 1:
            return self._nats((window,))
        with self._reading():
            before = window.tokens[: window.scored_from]
            if self._shared is None or self._shared[0] != before:
                self._shared = None
                self._shared = before, *self._after_prefix(before, self._prefix_of(window))
            _, cache, logits = self._shared
            first = self._log_probabilities(logits, window.scored[:1])
            return first + (self._pieces(copy.deepcopy(cache), window.scored) if len(window.scored) > 1 else 0.0)

    def _window(self, window: Window) -> float:
        """One pass where the logits of all scored tokens fit into `LOGITS_BYTES` together, else one pass for each piece of them."""
        rows = len(window.scored)
        if rows <= self._most_rows() or not self._divisible:
            logits = self._forward(None, window.tokens[:-1], rows).logits[0, -rows:]
            return self._log_probabilities(logits, window.scored)
        if window.scored_from == 1:
            return self._pieces(None, window.tokens)
        cache, _ = self._before(window.tokens[: window.scored_from - 1])
        return self._pieces(cache, window.tokens[window.scored_from - 1 :])

    def prepare(self, groups: Sequence[Sequence[str]]) -> None:
        super().prepare(groups)
        self._kept.clear()
        self._shared = None

    def _after_prefix(self, tokens: Tokens, prefix: int) -> tuple[Any, Any]:
        """The same as `_before`, from the cache that is kept after the first `prefix` tokens."""
        if not prefix:
            return self._before(tokens)
        start = tokens[:prefix]
        if start not in self._kept:
            self._kept[start], _ = self._before(start)
        return self._before(tokens[prefix:], copy.deepcopy(self._kept[start]))

    def _before(self, tokens: Tokens, cache: Any = None) -> tuple[Any, Any]:
        """What is only read: the cache after it, and the logits of the token that follows."""
        out = self._forward(cache, tokens, 1, use_cache=True)
        return out.past_key_values, out.logits[0, -1:]

    def _pieces(self, cache: Any, tokens: Tokens) -> float:
        """The log-likelihood of all tokens but the first, which follow what is in `cache`."""
        total, most = 0.0, self._most_rows()
        for start in range(0, len(tokens) - 1, most):
            scored = tokens[start + 1 : start + 1 + most]
            out = self._forward(cache, tokens[start : start + len(scored)], len(scored), use_cache=True)
            cache = out.past_key_values
            total += self._log_probabilities(out.logits[0, -len(scored) :], scored)
        return total

    def _forward(self, cache: Any, tokens: Tokens, rows: int, *, use_cache: bool = False) -> Any:
        """One pass, with the logits of at least the last `rows` tokens."""
        keep = {"logits_to_keep": rows} if self._keeps_last else {}
        ids = self._torch.tensor([tokens], device=self._device)
        return self._model(input_ids=ids, past_key_values=cache, use_cache=use_cache, **keep)

    def _log_probabilities(self, logits: Any, tokens: Tokens) -> float:
        """Row i of `logits` is the model's distribution of token i."""
        torch, total = self._torch, 0.0
        targets = torch.tensor(tokens, device=logits.device)
        # A further quarter: the softmax holds its exponentials beside the logits.
        step = max(self._most_rows() // 4, 1)
        for start in range(0, len(tokens), step):
            rows = logits[start : start + step].float()
            # logsumexp is right to 1e-7; log_softmax, which transformers' loss takes, loses 3e-5 of a vocabulary of 262,144.
            chosen = rows.gather(1, targets[start : start + step, None])[:, 0]
            total += (chosen - torch.logsumexp(rows, dim=1)).double().sum().item()
        return total

    def _most_rows(self) -> int:
        return max(LOGITS_BYTES // (4 * self._model.config.get_text_config().vocab_size), 1)

    @contextmanager
    def _reading(self) -> Iterator[None]:
        with self._lock, self._torch.inference_mode():
            self._check_open()
            try:
                yield
            except (MemoryError, self._torch.OutOfMemoryError) as error:
                raise EngineError(
                    f"torch has no memory left: {error}", where=self._where, remedy="choose shorter windows or a smaller model"
                ) from error
