"""Any OpenAI-compatible server: vLLM, SGLang, Ollama, llama-server, LM Studio, or one at the other end of the world.

Only the plain chat call is taken for granted. What a server may lack is a row of `FEATURES`: it is asked for until the server refuses
it, then the plain way is taken and remembered, and the caller parses what comes back.
"""

import math
import os
import time
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit, urlunsplit

from llmpick.evidence.call import CallRequest, Completion, EngineInfo, FreeText, JsonObject, OneLabel
from llmpick.evidence.errors import EngineError, InputError, LlmpickError
from llmpick.evidence.model import Endpoint
from llmpick.measure.client import Client, NotFoundError, RefusedError
from llmpick.measure.toplabels import label_probabilities_of

FEATURES: Mapping[str, tuple[str, ...]] = {
    "chat": ("chat template", "chat_template"),
    "response_format": ("response_format", "json_schema", "json schema", "structured", "guided", "grammar"),
    "logprobs": ("logprob",),
    "max_tokens": ("max_completion_tokens",),
}
"""A feature → words of a refusal that speak of it. The most fundamental first."""

TOP_LOGPROBS = 20
"""The most alternatives per token that the OpenAI API allows."""

BYTES_PER_TOKEN = 4
"""Stands in for the counts of a server that reports none; `EngineInfo.note` then says so."""


class EndpointBackend:
    """Asks `endpoint.model` at `endpoint.url`; the address, the key and the model's name are checked at once.

    Raises `EngineError` (fatal) when nothing answers there, `InputError` for a key or a model that the server does not accept.
    """

    load_seconds = 0.0

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        timeout_s: float = 60.0,
        concurrency: int = 4,
        retries: int = 3,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.concurrency = concurrency
        self._model = endpoint.model
        self._lacks: frozenset[str] = frozenset()
        self._client = Client(
            endpoint.url,
            # Local servers ask for no key, but the SDK insists on one.
            key=os.environ.get(endpoint.api_key_variable) or "none",
            key_from=f"the environment variable {endpoint.api_key_variable}",
            timeout_s=timeout_s,
            retries=retries,
            sleep=sleep,
        )
        try:
            self._check_model()
            self.engine = EngineInfo(
                name=endpoint.server,
                version=self._version(),
                device="remote",
                options={"api": "chat completions", "response_format": "json_schema, strict", "top_logprobs": TOP_LOGPROBS},
            )
        except BaseException:
            self._client.close()
            raise
        self._closed = False

    def prepare(self, requests: Sequence[CallRequest]) -> None:
        """Nothing is shared with a server that belongs to others; a prompt that is too long is refused when it is asked."""
        del requests
        self._check_open()

    def complete(self, request: CallRequest) -> Completion:
        self._check_open()
        lacks = self._lacks
        while True:
            started = time.perf_counter()
            try:
                answer = self._client.post(*self._call(request, lacks))
            except RefusedError as refusal:
                feature = _to_blame(refusal.reason, _asked_for(request) - lacks)
                if feature is None:
                    raise _refused_row(refusal, request) from refusal
                lacks |= {feature}
                continue
            # Only an answer proves that the feature was what the server refused.
            self._lacks |= lacks
            return self._completion(request, answer, time.perf_counter() - started)

    def resident_bytes(self) -> int | None:
        return None

    def close(self) -> None:
        self._closed = True
        self._client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def _check_open(self) -> None:
        if self._closed:
            raise EngineError("the connection was closed", where=self._client.url, remedy="open the endpoint again", fatal=True)

    def _check_model(self) -> None:
        """A server that lists its models must list ours; one that keeps no list is believed."""
        try:
            listed = self._client.get("/models", retries=0).get("data")
        except (NotFoundError, RefusedError):
            return
        except EngineError as error:
            if error.fatal:
                raise
            return
        ids = [model["id"] for model in listed or () if isinstance(model, dict) and isinstance(model.get("id"), str)]
        if ids and self._model not in ids and f"{self._model}:latest" not in ids:
            shown = ", ".join(ids[:10]) + (", …" if len(ids) > 10 else "")
            raise InputError(f"the server has no model {self._model!r}", where=self._client.url, remedy=f"use one of: {shown}")

    def _version(self) -> str:
        """As vLLM and SGLang tell at /version, Ollama at /api/version, llama-server at /props; others do not tell."""
        parts = urlsplit(self._client.url)
        root = urlunsplit((parts.scheme, parts.netloc, parts.path.removesuffix("/v1"), "", ""))
        for path, key in (("/version", "version"), ("/api/version", "version"), ("/props", "build_info")):
            try:
                told = self._client.get(f"{root}{path}", retries=0).get(key)
            except LlmpickError:
                continue
            if isinstance(told, str) and told:
                return told
        return "unknown"

    def _call(self, request: CallRequest, lacks: frozenset[str]) -> tuple[str, dict[str, Any]]:
        """The path and the body of one call, without what the server lacks."""
        chat = "chat" not in lacks
        body: dict[str, Any] = {
            "model": self._model,
            "max_completion_tokens" if "max_tokens" in lacks else "max_tokens": _most_tokens(request),
            "temperature": request.sampling.temperature,
            "top_p": request.sampling.top_p,
            "seed": request.sampling.seed,
        }
        if chat:
            body["messages"] = [{"role": message.role, "content": message.content} for message in request.messages]
        else:
            body["prompt"] = request.completion
        if isinstance(request.answer, FreeText) and request.answer.stop:
            body["stop"] = list(request.answer.stop[:4])
        if isinstance(request.answer, JsonObject) and "response_format" not in lacks:
            schema = {"name": "answer", "strict": True, "schema": dict(request.answer.schema)}
            body["response_format"] = {"type": "json_schema", "json_schema": schema}
        if isinstance(request.answer, OneLabel) and "logprobs" not in lacks:
            body |= {"logprobs": True, "top_logprobs": TOP_LOGPROBS} if chat else {"logprobs": TOP_LOGPROBS}
        return ("/chat/completions" if chat else "/completions"), body

    def _completion(self, request: CallRequest, answer: Mapping[str, Any], seconds: float) -> Completion:
        try:
            choice = answer["choices"][0]
            text = (choice["message"]["content"] if "message" in choice else choice["text"]) or ""
            if not isinstance(text, str):
                raise TypeError("the answer is not a text")
        except (KeyError, IndexError, TypeError) as error:
            raise EngineError(
                f"the server's answer has no text ({error!r})",
                where=f"{self._client.url}, row {request.row}",
                remedy="check that the server implements the OpenAI API's completions",
            ) from error
        probabilities = label_probabilities_of(choice, request.answer.labels) if isinstance(request.answer, OneLabel) else None
        if probabilities is not None:
            text = max(probabilities, key=probabilities.__getitem__)
        prompt_tokens, output_tokens = self._counts(answer.get("usage"), request, text)
        return Completion(
            text=text,
            finish="length" if choice.get("finish_reason") == "length" and probabilities is None else "stop",
            prompt_tokens=prompt_tokens,
            output_tokens=output_tokens,
            seconds=seconds,
            label_probabilities=probabilities,
        )

    def _counts(self, usage: Any, request: CallRequest, text: str) -> tuple[int, int]:
        """Prompt and output tokens as the server counted them, else by `BYTES_PER_TOKEN`."""
        if isinstance(usage, dict) and isinstance(usage.get("prompt_tokens"), int) and isinstance(usage.get("completion_tokens"), int):
            return usage["prompt_tokens"], usage["completion_tokens"]
        self.engine = EngineInfo(
            self.engine.name,
            self.engine.version,
            self.engine.device,
            self.engine.options,
            note=f"the server reports no token counts: they are guessed as one token for {BYTES_PER_TOKEN} bytes",
        )
        asked = sum(len(message.content.encode()) for message in request.messages)
        return math.ceil(asked / BYTES_PER_TOKEN), math.ceil(len(text.encode()) / BYTES_PER_TOKEN)


def _most_tokens(request: CallRequest) -> int:
    """A label needs no more tokens than it has bytes; two more for a quote or a full stop."""
    answer = request.answer
    return max(len(label.encode()) for label in answer.labels) + 2 if isinstance(answer, OneLabel) else answer.max_tokens


def _asked_for(request: CallRequest) -> frozenset[str]:
    optional = {JsonObject: "response_format", OneLabel: "logprobs"}.get(type(request.answer))
    return frozenset({"chat", "max_tokens"} | ({optional} if optional else set()))


def _to_blame(reason: str, asked_for: frozenset[str]) -> str | None:
    """The feature that the server's words speak of; when they speak of none, the optional one that was asked for."""
    said = reason.lower()
    spoken_of = [feature for feature, words in FEATURES.items() if feature in asked_for and any(word in said for word in words)]
    if spoken_of:
        return spoken_of[0]
    too_long = "context" in said or "too long" in said
    return None if too_long else next(iter(asked_for - {"chat", "max_tokens"}), None)


def _refused_row(refusal: RefusedError, request: CallRequest) -> InputError:
    return InputError(
        refusal.what,
        where=f"row {request.row}, {refusal.where}",
        remedy="shorten the row or serve the model with a longer context" if "context" in refusal.reason.lower() else refusal.remedy,
    )
