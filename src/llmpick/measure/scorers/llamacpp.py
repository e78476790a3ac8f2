"""Log-likelihoods on llama.cpp, in a child process: one pass for a whole window where that can be proved right, forced tokens elsewhere.

llama.cpp's server returns no log-probabilities of a prompt, but its final hidden states, which times the output matrix are the logits
(`llamacpp_head`). When a model is loaded, a few tokens are scored so, and by forcing them: by a grammar that allows one token only, whose
probability the server reports. Where the two differ by more than `TOLERANCE_NATS`, every token is forced: a step of generation for each.

Both are pure functions of the tokens: nothing is kept from call to call. Forced tokens that are generated one after the other differ from
one pass by up to 0.4 nats each, without bias: llama.cpp rounds in another order when it computes one token alone.
"""

import http.client
import json
import math
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np

from llmpick.evidence.call import EngineInfo
from llmpick.evidence.errors import EngineError
from llmpick.evidence.model import Weights
from llmpick.measure.backends.llamacpp_child import ENVIRONMENT, SETTINGS
from llmpick.measure.likelihood import Tokens, TokenScorer, Window
from llmpick.measure.llamacpp.head import Floats, NotUnderstoodError, OutputHead, read_head
from llmpick.measure.llamacpp.process import LlamaCppProcess, Start, default_memory_limit_bytes, default_threads, start_timeout_s
from llmpick.measure.server.client import Client
from llmpick.measure.tokenized import beginning_of, checked_context

TOLERANCE_NATS = 1e-3
PROBE = "The quick brown fox, 27 of them, jumped over the miller's lazy dogs; nobody (not even Max) had asked why.\nThen: silence."
PROBED = (8, 16, 24)
"""Tokens that stand before a forced one. The states are those of a pass over just these: llama.cpp computes the last rows of a pass that
is no multiple of four or eight in another order."""
LOGITS_BYTES = 2**29
"""Of the logits that llama.cpp computes beside the hidden states."""
MOST_STATES = 1024
"""Without flash attention the scores of every head take context times this many numbers."""
GATHERED_ROWS = 4096
"""Hidden states that are multiplied at once, so that a matrix too large to be kept is dequantised less often."""
CALL_TIMEOUT_S = 600.0
WHOLE_VOCABULARY = 10_000_000
ROOM_TOKENS = 16
"""The context must hold a little more than what is read."""


@dataclass(frozen=True, slots=True)
class Way:
    """How tokens are scored: by `head`, or by forcing them where there is none, because of `reason`."""

    head: OutputHead | None
    reason: str


class LlamaCppScorer(TokenScorer):
    """Loads a GGUF file; `engine.options["likelihood"]` says which way its texts are scored, and why.

    `context_tokens` bounds context and text of `score` together (by default 4,096, or the model's own if that is less); `max_tokens` is
    what can be read in one pass. `one_pass=False` forces tokens in any case.

    Raises `InputError` for a context longer than the model's, `ModelFileError` and `EngineError` as `LlamaCppProcess` does.
    """

    def __init__(
        self,
        weights: Weights,
        *,
        context_tokens: int | None = None,
        memory_limit_bytes: int | None = None,
        threads: int | None = None,
        one_pass: bool = True,
    ) -> None:
        self._where = str(weights.path)
        self._context = checked_context(context_tokens, weights.context_tokens, self._where)
        self._lock = threading.Lock()
        self._pieces: dict[int, bytes] = {}
        started = time.perf_counter()
        way = _way(weights.path) if one_pass else Way(None, "asked for")
        states = _most_states(way.head.vocabulary, self._context) if way.head else 0
        self._start = Start(
            path=weights.path,
            n_ctx=self._context + ROOM_TOKENS,
            n_threads=threads or default_threads(),
            memory_limit_bytes=memory_limit_bytes or default_memory_limit_bytes(),
            timeout_s=start_timeout_s(weights.weight_bytes),
            states_of_tokens=states,
        )
        self._process = LlamaCppProcess(self._start)
        self._client = Client(f"{self._process.url}/v1", key=self._process.key, timeout_s=CALL_TIMEOUT_S, retries=0)
        try:
            self._beginning = beginning_of(self._tokenize("a", special=True), self._tokenize("a"))
            self._way = self._checked_way(way)
        except BaseException:
            self.close()
            raise
        self.max_tokens = states if self._way.head else self._context
        self.load_seconds = time.perf_counter() - started
        self.engine = self._info()

    def close(self) -> None:
        self._closed = True
        self._client.close()
        self._process.close()

    def _info(self) -> EngineInfo:
        options: dict[str, Any] = {name: value for name, value, _ in (*SETTINGS, *ENVIRONMENT)}
        if self._start.states_of_tokens:
            options |= {"embedding": True, "pooling_type": "NONE", "n_batch": self._start.states_of_tokens}
            options |= {"n_ubatch": self._start.states_of_tokens}
        options |= {
            "n_ctx": self._start.n_ctx,
            "n_threads": self._start.n_threads,
            "beginning": list(self._beginning),
            "likelihood": f"{'one pass' if self._way.head else 'forced tokens'}: {self._way.reason}",
        }
        device = next((device["name"] for device in self._process.devices if device["type"] in ("GPU", "IGPU")), "cpu")
        slow = None if self._way.head else f"every token is forced, which is slow: {self._way.reason}"
        return EngineInfo("llama.cpp", f"xllamacpp {self._process.version}", device, options, note=slow)

    # Which way

    def _checked_way(self, way: Way) -> Way:
        """The way, after one pass and forced tokens were compared on the probe."""
        if way.head is None:
            return way
        tokens = self._beginning + self._tokenize(PROBE)
        places = [place for place in PROBED if place < min(len(tokens), self._start.states_of_tokens)]
        try:
            states = [self._states(tokens[:place])[-1] for place in places]
        except EngineError as error:
            if not self._process.alive():
                raise
            return Way(None, f"the engine gives no hidden states ({error.what})")
        if not places or len(states[0]) != way.head.width:
            return Way(None, "its hidden states do not fit its output matrix")
        forced = [self._forced(Window(tokens[: place + 1], place)) for place in places]
        errors: list[float] = []
        # A CPU rounds the activations; a GPU may not.
        for head in (way.head, replace(way.head, rounded=_unrounded, name=f"{way.head.name}, activations not rounded")):
            found = [head.engine_log_probability(state, tokens[place]) for state, place in zip(states, places, strict=True)]
            errors.append(max(abs(a - b) for a, b in zip(found, forced, strict=True)))
            if errors[-1] <= TOLERANCE_NATS:
                return Way(head, f"hidden states times {head.name}, within {max(errors[-1], 1e-6):.0e} nats of forced tokens on a probe")
        return Way(None, f"hidden states times {way.head.name} are {min(errors):.2g} nats off forced tokens on a probe")

    # Scoring

    def _most_after_context(self) -> int:
        return self._context

    def _nats(self, cut: Sequence[Window]) -> float:
        with self._lock:
            try:
                head = self._way.head
                short = [window for window in cut if head and len(window.tokens) <= self._start.states_of_tokens]
                long = [window for window in cut if not head or len(window.tokens) > self._start.states_of_tokens]
                return math.fsum([self._in_one_pass(head, short) if head else 0.0, *map(self._forced, long)])
            except EngineError as error:
                if self._process.alive():
                    raise
                raise EngineError(
                    f"llama.cpp is gone: {error.what}; it {self._process.fate()}",
                    where=self._where,
                    remedy="open it again with fewer tokens of context, or choose another file",
                    fatal=True,
                ) from error

    def _in_one_pass(self, head: OutputHead, cut: Sequence[Window]) -> float:
        total = 0.0
        states: list[Floats] = []
        targets: list[int] = []
        for i, window in enumerate(cut):
            states.append(self._states(window.tokens)[window.scored_from - 1 : -1])
            targets += window.scored
            if len(targets) >= GATHERED_ROWS or i == len(cut) - 1:
                total += math.fsum(head.log_probabilities(np.concatenate(states), np.array(targets)))
                states, targets = [], []
        return total

    def _states(self, tokens: Tokens) -> Floats:
        """The final hidden state after each token (tokens x width)."""
        address = urlsplit(self._process.url)
        connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=CALL_TIMEOUT_S)
        try:
            body = json.dumps({"content": list(tokens), "embd_normalize": -1})
            headers = {"Content-Type": "application/json", "Authorization": f"Bearer {self._process.key}"}
            connection.request("POST", "/embeddings", body, headers)
            answer = json.loads(connection.getresponse().read())
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise self._lost(f"the connection broke ({error!r})") from error
        finally:
            connection.close()
        try:
            states = np.array(answer[0]["embedding"], np.float32)
        except (KeyError, IndexError, TypeError, ValueError) as error:
            raise self._lost(f"no hidden states came back ({str(answer)[:200]})") from error
        if states.ndim != 2 or len(states) != len(tokens):
            raise self._lost(f"hidden states of shape {states.shape} came back for {len(tokens)} tokens")
        return states

    def _forced(self, window: Window) -> float:
        """Lets the model write the scored tokens, each the only one that the grammar allows, and adds up what the server reports.

        A grammar cannot ask for a token that is no whole number of characters; such a one is looked up in a list of all tokens.
        """
        tokens, total = window.tokens, 0.0
        run = window.scored_from
        for place in range(window.scored_from, len(tokens)):
            if not _is_text(self._pieces[tokens[place]]):
                total += self._run(tokens[:run], tokens[run:place]) + self._listed(tokens[:place], tokens[place])
                run = place + 1
        return total + self._run(tokens[:run], tokens[run:])

    def _run(self, before: Tokens, tokens: Tokens) -> float:
        """The same for tokens that a grammar can ask for. One that ends an answer it cannot: the run is halved until that stands alone."""
        if not tokens:
            return 0.0
        written = self._written(before, tokens, 1)
        if tuple(entry["id"] for entry in written) == tokens:
            return math.fsum(entry["logprob"] for entry in written)
        if len(tokens) == 1:
            return self._listed(before, tokens[0])
        middle = len(tokens) // 2
        return self._run(before, tokens[:middle]) + self._run(before + tokens[:middle], tokens[middle:])

    def _listed(self, before: Tokens, token: int) -> float:
        """The token's log-probability, from the list of all tokens' that comes with another one."""
        letter = self._tokenize("a")[0]
        listed = self._written(before, (letter,), WHOLE_VOCABULARY)
        found = next((entry["logprob"] for entry in listed[0]["top_logprobs"] if entry["id"] == token), None) if listed else None
        if found is None:
            raise self._lost(f"it does not tell the probability of token {token}")
        return found

    def _written(self, before: Tokens, tokens: Tokens, n_probs: int) -> list[dict[str, Any]]:
        body = {
            "prompt": list(before),
            "grammar": f"root ::= {' '.join(f'<[{token}]>' for token in tokens)}",
            "n_predict": len(tokens),
            "n_probs": n_probs,
            "temperature": 0,
            "cache_prompt": False,
        }
        try:
            return self._client.post(f"{self._process.url}/completion", body).get("completion_probabilities", [])
        except EngineError as error:
            if error.fatal or "grammar" not in error.what:
                raise
            return []  # It was asked for a token that a grammar cannot ask for.

    def _lost(self, what: str) -> EngineError:
        return EngineError(
            f"llama.cpp cannot score this text: {what}", where=self._where, remedy="leave the text out, or choose another file"
        )

    # Text

    def _tokenize(self, text: str, *, special: bool = False) -> Tokens:
        body = {"content": text, "add_special": special, "with_pieces": True}
        told = self._client.post(f"{self._process.url}/tokenize", body)["tokens"]
        # A piece that is no whole character comes as a list of bytes.
        self._pieces |= {
            entry["id"]: piece.encode() if isinstance(piece := entry["piece"], str) else bytes(piece)
            for entry in told
            if entry["id"] not in self._pieces
        }
        return tuple(entry["id"] for entry in told)

    def _decode(self, tokens: Tokens) -> str:
        return b"".join(self._pieces[token] for token in tokens).decode("utf-8", errors="replace")


def _is_text(piece: bytes) -> bool:
    try:
        return bool(piece.decode())
    except UnicodeDecodeError:
        return False


def _way(path: Path) -> Way:
    try:
        return Way(read_head(path), "")
    except NotUnderstoodError as error:
        return Way(None, str(error))


def _most_states(vocabulary: int, context: int) -> int:
    return max(min(MOST_STATES, context, LOGITS_BYTES // (4 * vocabulary)), 1)


def _unrounded(states: Floats) -> Floats:
    return states
