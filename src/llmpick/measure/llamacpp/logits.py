"""llama.cpp's own C interface, inside the child process: log-probabilities of given tokens after others, what is shared read once.

The wheel exports llama.h's functions beside its server, whose HTTP interface has no log-probabilities of a prompt. Structures are taken
from the library's own defaults; only fields whose place those defaults prove are changed, and `UnsupportedError` is raised where they
prove none.

Reading is pure, whatever was read before: the places at which a text is divided (after its prefix, after all that stands before the
scored tokens, after every full batch) are arguments or follow from them. Batches are filled up to whole groups of `GROUP` rows, which
are computed by the same kernels whatever their number, so that a text divided elsewhere has the same log-probabilities too.
"""

import ctypes
import sys
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

GROUP = 8
"""Rows: a multiple of what llama.cpp's matrix kernels compute together; a rest is computed one by one, in another order of sums."""
BATCH = 512
LOGITS_BYTES = 2**27
"""Of logits at a time."""
KEPT_STATES = 4
"""Prefixes of so many groups of prompts are kept."""
_STRUCT_BYTES = 1024
"""More than either structure has; the callee reads and writes its own part only."""
_ERROR_LEVEL = 4

Tokens = tuple[int, ...]


def rows_at_once(vocabulary: int) -> int:
    """So many rows of logits are told by one batch. The engine holds them twice: where it computes them, and where it leaves them."""
    return max(min(BATCH, LOGITS_BYTES // (4 * vocabulary)) // GROUP, 1) * GROUP


class UnsupportedError(Exception):
    """The library, or the model on it, cannot be driven from here; the text says why."""


class _Params(ctypes.Structure):
    """`llama_model_params` or `llama_context_params`, of whatever size: both go by memory, not in registers."""

    _fields_ = (("words", ctypes.c_int32 * (_STRUCT_BYTES // 4)),)


class _Batch(ctypes.Structure):
    """`llama_batch`."""

    _fields_ = (
        ("n_tokens", ctypes.c_int32),
        ("token", ctypes.POINTER(ctypes.c_int32)),
        ("embd", ctypes.c_void_p),
        ("pos", ctypes.POINTER(ctypes.c_int32)),
        ("n_seq_id", ctypes.c_void_p),
        ("seq_id", ctypes.c_void_p),
        ("logits", ctypes.POINTER(ctypes.c_int8)),
    )


_LOGGER = ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p)
_P, _I, _Z, _B = ctypes.c_void_p, ctypes.c_int32, ctypes.c_size_t, ctypes.c_bool
_FUNCTIONS: Mapping[str, tuple[Any, tuple[Any, ...]]] = {
    "llama_log_set": (None, (_LOGGER, _P)),
    "llama_backend_init": (None, ()),
    "llama_model_default_params": (_Params, ()),
    "llama_context_default_params": (_Params, ()),
    "llama_model_load_from_file": (_P, (ctypes.c_char_p, _Params)),
    "llama_init_from_model": (_P, (_P, _Params)),
    "llama_model_get_vocab": (_P, (_P,)),
    "llama_vocab_n_tokens": (_I, (_P,)),
    "llama_model_has_encoder": (_B, (_P,)),
    "llama_model_is_recurrent": (_B, (_P,)),
    "llama_model_is_hybrid": (_B, (_P,)),
    "llama_set_n_threads": (None, (_P, _I, _I)),
    "llama_get_memory": (_P, (_P,)),
    "llama_memory_clear": (None, (_P, _B)),
    "llama_memory_seq_rm": (_B, (_P, _I, _I, _I)),
    "llama_state_seq_get_size": (_Z, (_P, _I)),
    "llama_state_seq_get_data": (_Z, (_P, _P, _Z, _I)),
    "llama_state_seq_set_data": (_Z, (_P, _P, _Z, _I)),
    "llama_decode": (_I, (_P, _Batch)),
    "llama_get_logits_ith": (ctypes.POINTER(ctypes.c_float), (_P, _I)),
    "llama_tokenize": (_I, (_P, ctypes.c_char_p, _I, ctypes.POINTER(_I), _I, _B, _B)),
    "llama_token_to_piece": (_I, (_P, _I, ctypes.c_char_p, _I, _I, _B)),
}


class LogitsReader:
    """A loaded model with one sequence of `n_ctx` tokens.

    Raises `UnsupportedError`, and `RuntimeError` when the model cannot be loaded (its reason is on standard error).
    """

    def __init__(self, path: str, n_ctx: int, n_threads: int) -> None:
        self._lib = _library()
        self._lib.llama_log_set(_log_errors, None)
        self._lib.llama_backend_init()
        params = _context_params(self._lib.llama_context_default_params(), n_ctx + GROUP)
        model = self._lib.llama_model_load_from_file(path.encode(), self._lib.llama_model_default_params())
        if not model:
            raise RuntimeError(f"failed to load model {path}")
        if self._lib.llama_model_has_encoder(model):
            raise UnsupportedError("the model has an encoder")
        self._recurrent = bool(self._lib.llama_model_is_recurrent(model) or self._lib.llama_model_is_hybrid(model))
        self._context = self._lib.llama_init_from_model(model, params)
        if not self._context:
            raise RuntimeError(f"failed to allocate the context of {n_ctx} tokens")
        self._lib.llama_set_n_threads(self._context, n_threads, n_threads)
        self._memory = self._lib.llama_get_memory(self._context)
        self._vocab = self._lib.llama_model_get_vocab(model)
        self._vocabulary = int(self._lib.llama_vocab_n_tokens(self._vocab))
        self._rows = rows_at_once(self._vocabulary)
        self._states: dict[Tokens, Any] = {}
        self._held: Tokens = ()
        self._before: tuple[Tokens, int] = (), 0
        self._next: NDArray[np.float64] = np.zeros(0)

    def nats(self, before: Sequence[int], scored: Sequence[int], prefix: int) -> list[float]:
        """The log-probability of each of `scored` after `before` (at least one token) and those of `scored` that precede it.

        What was read last stays: a call with the same `before` and `prefix` reads its own tokens only, and one whose `before` has the
        same first `prefix` tokens (fewer than all) does not read these again.
        """
        before, scored = tuple(before), tuple(scored)
        if not before or not 0 <= prefix < len(before):
            raise ValueError(f"{prefix} of {len(before)} tokens cannot be read ahead")
        if self._before != (before, prefix):
            self._before = (), 0
            self._go_to(before[:prefix])
            self._next = self._read(before[prefix:], len(before) - prefix - 1)[-1]
            self._before = before, prefix
            if self._recurrent:
                self._keep()
        nats = [float(self._next[scored[0]])]
        if len(scored) > 1:
            self._go_to(before)
            for row, token in zip(self._rows_of(scored[:-1], 0), scored[1:], strict=True):
                nats.append(float(row[token]))
        return nats

    def tokens(self, text: str, *, special: bool) -> list[int]:
        """Token ids; control tokens are recognised in the text. `special` adds what is put around a text."""
        data = text.encode()
        room = len(data) + 16
        ids = (_I * room)()
        count = self._lib.llama_tokenize(self._vocab, data, len(data), ids, room, special, True)
        if count < 0:
            raise ValueError(f"the tokenizer wants room for {-count} tokens")
        return ids[:count]

    def piece(self, token: int) -> bytes:
        """The bytes that a token stands for."""
        buffer = ctypes.create_string_buffer(256)
        size = self._lib.llama_token_to_piece(self._vocab, token, buffer, len(buffer), 0, True)
        if size < 0:
            buffer = ctypes.create_string_buffer(-size)
            size = self._lib.llama_token_to_piece(self._vocab, token, buffer, len(buffer), 0, True)
        return buffer.raw[:size]

    # The memory: `_held` are the tokens that it holds

    def _go_to(self, tokens: Tokens) -> None:
        """Leaves exactly `tokens` in the memory, read from nothing unless they are held already or their state is kept."""
        if self._held == tokens:
            return
        if not self._recurrent and tokens and self._held[: len(tokens)] == tokens:
            self._cut(len(tokens))
            return
        self._lib.llama_memory_clear(self._memory, False)
        self._held = ()
        if tokens in self._states:
            # The last to be dropped.
            state = self._states[tokens] = self._states.pop(tokens)
            if not self._lib.llama_state_seq_set_data(self._context, state, len(state), 0):
                raise RuntimeError("a kept state cannot be restored")
            self._held = tokens
        elif tokens:
            self._read(tokens, len(tokens))
            self._keep()

    def _keep(self) -> None:
        size = self._lib.llama_state_seq_get_size(self._context, 0)
        state = ctypes.create_string_buffer(size)
        self._lib.llama_state_seq_get_data(self._context, state, size, 0)
        while len(self._states) >= KEPT_STATES:
            self._states.pop(next(iter(self._states)))
        self._states[self._held] = state

    def _cut(self, length: int) -> None:
        if not self._lib.llama_memory_seq_rm(self._memory, 0, length, -1):
            raise RuntimeError(f"the memory cannot be cut to {length} tokens")
        self._held = self._held[:length]

    # Reading on

    def _read(self, tokens: Tokens, silent: int) -> list[NDArray[np.float64]]:
        return list(self._rows_of(tokens, silent))

    def _rows_of(self, tokens: Tokens, silent: int) -> Iterator[NDArray[np.float64]]:
        """Reads on, and gives the log-probabilities of the whole vocabulary after each token but the first `silent`."""
        start = 0
        while start < len(tokens):
            told = max(start, silent)
            end = min(start + BATCH, told + self._rows, len(tokens))
            self._decode(tokens[start:end], told - start)
            for row in range(told - start, end - start):
                logits = np.ctypeslib.as_array(self._lib.llama_get_logits_ith(self._context, row), (self._vocabulary,))
                peak = logits.max()
                yield logits - (float(peak) + float(np.log(np.exp(logits - peak).sum(dtype=np.float64))))
            start = end

    def _decode(self, tokens: Tokens, silent: int) -> None:
        """One batch. Rows that fill up its last group follow all others, which do not see them, and are forgotten."""
        fill = 0 if self._recurrent else -len(tokens) % GROUP
        count, known = len(tokens) + fill, len(self._held)
        ids = (ctypes.c_int32 * count)(*tokens, *[tokens[-1]] * fill)
        places = (ctypes.c_int32 * count)(*range(known, known + count))
        wanted = (ctypes.c_int8 * count)(*(row >= silent for row in range(len(tokens))))
        # llama.cpp is asked for one row at least.
        wanted[len(tokens) - 1] = 1
        failed = self._lib.llama_decode(self._context, _Batch(count, ids, None, places, None, None, wanted))
        if failed:
            self._held, self._before = (), ((), 0)
            self._lib.llama_memory_clear(self._memory, False)
            raise RuntimeError(f"llama_decode gives {failed}")
        self._held += tokens
        if fill:
            self._cut(len(self._held))


@_LOGGER
def _log_errors(level: int, text: bytes | None, _: object) -> None:
    if level == _ERROR_LEVEL and text:
        sys.stderr.write(text.decode(errors="replace"))
        sys.stderr.flush()


def _library() -> Any:
    import_module("xllamacpp")
    path = sys.modules["xllamacpp.xllamacpp"].__file__
    library = ctypes.CDLL(path)
    for name, (result, arguments) in _FUNCTIONS.items():
        function = getattr(library, name, None)
        if function is None:
            raise UnsupportedError(f"the wheel does not export {name}")
        function.restype, function.argtypes = result, arguments
    return library


def _context_params(params: _Params, n_ctx: int) -> _Params:
    """The defaults with room for `n_ctx` tokens, in batches of `BATCH`, and without flash attention.

    `n_ctx`, `n_batch`, `n_ubatch`, `n_seq_max` come first; the kinds of rotary scaling, pooling, attention and flash attention are the
    only four fields in a row that are -1.
    """
    words = params.words
    kinds = [i for i in range(4, 20) if list(words[i : i + 4]) == [-1] * 4 and words[i - 1] != -1 and words[i + 4] != -1]
    if list(words[:4]) != [512, 2048, 512, 1] or len(kinds) != 1:
        raise UnsupportedError(f"the layout of llama_context_params is not the one known here ({list(words[:20])})")
    words[0], words[1], words[2] = n_ctx, BATCH, BATCH
    words[kinds[0] + 3] = 0
    return params
