"""Log-likelihoods from a server that tells the log-probabilities of a prompt's tokens: vLLM, SGLang, and the few hosted ones that do.

Two ways are asked for, the first that is answered is taken: `prompt_logprobs` (vLLM), and `echo` with `logprobs` (the OpenAI API of 2020).
A server that only ignores them, as llama-server does, would give likelihoods of nothing: what comes back is counted against the prompt.

Where the server tokenises (`/tokenize`), prompts are sent as token ids, so that boundaries and windows are exactly ours. Elsewhere a text
is sent as it is and only as a whole: what is longer than the server's context cannot be scored there.
"""

import math
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from llmpick.evidence.call import EngineInfo
from llmpick.evidence.errors import EngineError, InputError, LlmpickError
from llmpick.evidence.model import Endpoint
from llmpick.measure.likelihood import Tokens, TokenScorer, Window
from llmpick.measure.server.client import Client, NotFoundError, RefusedError
from llmpick.measure.tokenized import beginning_of

PROBE = "The quick brown fox"
LogProbabilities = tuple[float | None, ...]
"""Of each token of a prompt; None for the first, which follows nothing."""
REMEMBERED = 8
SPACE = "▁"
"""What some servers leave of SentencePiece's spaces."""

WAYS: Mapping[str, Mapping[str, Any]] = {
    "prompt_logprobs": {"prompt_logprobs": 1},
    "echo": {"echo": True, "logprobs": 1},
}
"""How a server is asked for a prompt's log-probabilities. Each also lists the most probable token, which is not read."""


class EndpointScorer(TokenScorer):
    """Scores with `endpoint.model` at `endpoint.url`; whether the server can is found out at once.

    Raises `InputError` for a server that tells no log-probabilities of a prompt, for a key or a model that it does not accept, and
    `EngineError` (fatal) when nothing answers there. Every prompt costs one generated token, the least that servers allow.
    """

    load_seconds = 0.0

    def __init__(
        self, endpoint: Endpoint, *, timeout_s: float = 300.0, retries: int = 3, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._where = f"{endpoint.url}#{endpoint.model}"
        self._model = endpoint.model
        self._client = Client(
            endpoint.url,
            # Local servers ask for no key, but the SDK insists on one.
            key=os.environ.get(endpoint.api_key_variable) or "none",
            key_from=f"the environment variable {endpoint.api_key_variable}",
            timeout_s=timeout_s,
            retries=retries,
            sleep=sleep,
        )
        self._strings: list[str] = []
        self._ids: dict[str, int] = {}
        self._read: dict[str, tuple[Tokens, LogProbabilities]] = {}
        try:
            self.max_tokens = self._context()
            self._sends_ids = self._tokenizes()
            self._way = self._found_way()
            self._beginning = self._found_beginning()
        except BaseException:
            self._client.close()
            raise
        self.engine = EngineInfo(
            name=endpoint.server,
            version=self._version(),
            device="remote",
            options={
                "likelihood": f"{self._way}, prompts as {'token ids' if self._sends_ids else 'text'}",
                "beginning": list(self._beginning) if self._sends_ids else [self._strings[token] for token in self._beginning],
            },
        )

    def close(self) -> None:
        self._closed = True
        self._client.close()

    # What the server can do

    def _context(self) -> int | None:
        """As vLLM and SGLang tell among their models; one token is left for what must be generated."""
        try:
            listed = self._client.get("/models", retries=0).get("data")
        except (NotFoundError, RefusedError):
            return None
        except EngineError as error:
            if error.fatal:
                raise
            return None
        models = [model for model in listed or () if isinstance(model, dict)]
        longest = next((model.get("max_model_len") for model in models if model.get("id") == self._model), None)
        return longest - 1 if isinstance(longest, int) and longest > 1 else None

    def _version(self) -> str:
        try:
            return str(self._client.get(self._beside("/version"), retries=0).get("version", "unknown"))
        except LlmpickError:
            return "unknown"

    def _tokenizes(self) -> bool:
        try:
            return bool(self._asked_ids(PROBE, special=False))
        except LlmpickError:
            return False

    def _asked_ids(self, text: str, *, special: bool) -> Tokens:
        body = {"model": self._model, "prompt": text, "add_special_tokens": special}
        ids = self._client.post(self._beside("/tokenize"), body).get("tokens")
        if not isinstance(ids, list) or not all(isinstance(token, int) for token in ids):
            raise self._strange("tokens that are no list of ids")
        return tuple(ids)

    def _found_way(self) -> str:
        prompt = self._asked_ids(PROBE, special=True) if self._sends_ids else PROBE
        said = ""
        # Tokens whose ids are not known are told apart by the strings that only `echo` returns.
        for way in WAYS if self._sends_ids else ("echo",):
            try:
                strings, _ = self._answered(prompt, way)
                if self._sends_ids or _spelled(strings).endswith(PROBE):
                    return way
                said = f"it echoes {_spelled(strings)[:40]!r}"
            except RefusedError as refusal:
                said = refusal.reason
            except EngineError as error:
                if error.fatal:
                    raise
                said = error.what
        raise InputError(
            f"this server tells no log-probabilities of a prompt, so it cannot score a text ({said})",
            where=self._where,
            remedy="serve the model with vLLM or SGLang, or score its own files (a GGUF file on llama.cpp, a folder with the extra hf)",
        )

    def _found_beginning(self) -> Tokens:
        if self._sends_ids:
            return beginning_of(self._asked_ids("a", special=True), self._asked_ids("a", special=False))
        strings, _ = self._answered(PROBE, self._way)
        return () if _spelled(strings) == PROBE else tuple(map(self._id, strings[:1]))

    # Reading

    def _nats(self, cut: Sequence[Window]) -> float:
        return math.fsum(value for window in cut for value in self._scored(window))

    def _scored(self, window: Window) -> Iterator[float]:
        told = self._answered(window.tokens, self._way)[1] if self._sends_ids else self._remembered(window.tokens)
        for value in told[window.scored_from :]:
            if value is None:
                raise self._strange("no log-probability of a token within the prompt")
            yield value

    def _remembered(self, tokens: Tokens) -> LogProbabilities:
        for known, told in self._read.values():
            if known == tokens:
                return told
        raise InputError(
            "this server does not tokenise, so a text can only be sent to it as a whole, and this one would have to be cut",
            where=self._where,
            remedy="shorten the text or widen the window; let a context end before its last space",
        )

    def _tokenize(self, text: str) -> Tokens:
        if not text:
            return ()
        if self._sends_ids:
            return self._asked_ids(text, special=False)
        if text not in self._read:
            strings, told = self._answered(text, self._way)
            while len(self._read) >= REMEMBERED:
                self._read.pop(next(iter(self._read)))
            self._read[text] = tuple(map(self._id, strings)), told
        return self._read[text][0][len(self._beginning) :]

    def _decode(self, tokens: Tokens) -> str:
        if not self._sends_ids:
            return "".join(self._strings[token] for token in tokens).replace(SPACE, " ")
        return str(self._client.post(self._beside("/detokenize"), {"model": self._model, "tokens": list(tokens)}).get("prompt", ""))

    def _beside(self, path: str) -> str:
        """The address of what vLLM and SGLang serve beside the OpenAI API."""
        parts = urlsplit(self._client.url)
        return urlunsplit((parts.scheme, parts.netloc, f"{parts.path.removesuffix('/v1')}{path}", "", ""))

    def _id(self, string: str) -> int:
        """Our own number for a token of which only the text is known."""
        if string not in self._ids:
            self._ids[string] = len(self._strings)
            self._strings.append(string)
        return self._ids[string]

    def _answered(self, prompt: Tokens | str, way: str) -> tuple[tuple[str, ...], LogProbabilities]:
        """The prompt's tokens as text (empty where the way does not tell them) and their log-probabilities; raises unless all came back."""
        body = {"model": self._model, "max_tokens": 1, "temperature": 0, **WAYS[way]}
        answer = self._client.post("/completions", {**body, "prompt": prompt if isinstance(prompt, str) else list(prompt)})
        try:
            choice = answer["choices"][0]
            if way == "prompt_logprobs":
                return (), _of_vllm(choice["prompt_logprobs"], prompt)
            return _of_echo(choice["logprobs"], answer.get("usage"), prompt)
        except (KeyError, IndexError, TypeError, ValueError) as error:
            raise self._strange(f"no log-probabilities of the prompt ({error!r})") from error

    def _strange(self, what: str) -> EngineError:
        return EngineError(
            f"the server returns {what}", where=self._where, remedy="look at the server's log; score the model's own files instead"
        )


def _spelled(strings: Sequence[str]) -> str:
    return "".join(strings).replace(SPACE, " ").strip()


def _of_vllm(told: Any, prompt: Tokens | str) -> LogProbabilities:
    """A list with, for each token of the prompt, null or a table from token ids (as text) to their log-probabilities."""
    if isinstance(prompt, str) or len(told) != len(prompt):
        raise ValueError(f"{len(told)} for a prompt of {len(prompt)}")
    return tuple(None if not table else float(table[str(token)]["logprob"]) for token, table in zip(prompt, told, strict=True))


def _of_echo(told: Any, usage: Any, prompt: Tokens | str) -> tuple[tuple[str, ...], LogProbabilities]:
    """Lists over the prompt and what was generated after it, which is left off."""
    values, strings = told["token_logprobs"], told["tokens"]
    counted = usage.get("prompt_tokens") if isinstance(usage, dict) else None
    length = len(prompt) if not isinstance(prompt, str) else counted if isinstance(counted, int) else len(values) - 1
    if not 1 <= length <= len(values) or len(values) != len(strings):
        raise ValueError(f"{len(values)} for a prompt of {length}")
    if any(value is None for value in values[1:length]):
        raise ValueError("a token of the prompt has none")
    return tuple(map(str, strings[:length])), tuple(None if value is None else float(value) for value in values[:length])
