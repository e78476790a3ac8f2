"""Any OpenAI-compatible server: vLLM, SGLang, Ollama, llama-server, LM Studio, or one at the other end of the world.

How one call goes is in `measure/server/talk.py`; here it is decided which calls make an answer: one, or two for a model whose
reasoning its budget ended.
"""

import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit, urlunsplit

from llmpick.evidence.call import CallRequest, Completion, EngineInfo, FreeText, JsonObject, OneLabel, Thinking
from llmpick.evidence.errors import EngineError, InputError, LlmpickError, RowRefusedError
from llmpick.evidence.model import Endpoint
from llmpick.evidence.task import Message
from llmpick.measure.server.answers import Answered
from llmpick.measure.server.client import Client, NotFoundError, RefusedError
from llmpick.measure.server.health import Health
from llmpick.measure.server.talk import TIMEOUT_S, TOP_LOGPROBS, Ask, ServerTalk, Spent, plain
from llmpick.measure.server.thinking import DIALECTS, LONG_PROBE_TOKENS, PROBE_TOKENS, QUESTION, shows
from llmpick.measure.server.toplabels import label_probabilities_of
from llmpick.measure.thinking import closed


class EndpointBackend:
    """Asks `endpoint.model` at `endpoint.url`; the address, the key and the model's name are checked at once.

    One attempt of a call may take `timeout_s` (by default a minute, and more for long answers); at most `concurrency` are under way.
    Raises `EngineError` (fatal) when nothing answers there, `InputError` for a key or a model that the server does not accept.
    """

    load_seconds = 0.0

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        timeout_s: float | None = None,
        concurrency: int = 4,
        retries: int = 3,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.concurrency = concurrency
        self.call_timeout_s = timeout_s
        self._model = endpoint.model
        self._formats_while_thinking = True
        self._switches: dict[bool, Mapping[str, Any]] = {}
        self._switching = threading.Lock()
        self._health = Health()
        self._client = Client(
            endpoint.url,
            # Local servers ask for no key, but the SDK insists on one.
            key=os.environ.get(endpoint.api_key_variable) or "none",
            key_from=f"the environment variable {endpoint.api_key_variable}",
            timeout_s=timeout_s or TIMEOUT_S,
            retries=retries,
            concurrency=concurrency,
            sleep=sleep,
        )
        self._talk = ServerTalk(self._client, self._model, self._note)
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
        """Finds out how the server is told to think, where a request says so. Nothing else is shared with a server that belongs to
        others; a prompt that is too long is refused when it is asked.
        """
        self._check_open()
        for thinking in {request.thinking.on: request.thinking for request in requests if request.thinking}.values():
            self._switch(thinking)

    def complete(self, request: CallRequest) -> Completion:
        """Raises `RowRefusedError` when the server will not answer this row, `EngineError` when it could not after all retries."""
        self._check_open()
        try:
            completion = self._after_thinking(request) if request.thinking and request.thinking.on else self._at_once(request)
        except LlmpickError as error:
            raise self._health.after(error) from error
        self._health.well()
        return completion

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

    # Answers

    def _ask(self, ask: Ask, spent: Spent) -> Answered:
        return self._talk.exchange(ask, spent, self.call_timeout_s)

    def _at_once(self, request: CallRequest) -> Completion:
        spent = Spent()
        fields = self._switch(request.thinking) if request.thinking else {}
        return self._completion(request, self._ask(plain(request, fields), spent), spent)

    def _after_thinking(self, request: CallRequest) -> Completion:
        """Reasons, then answers: in one call where the server gets that far, else in a second one that goes on from the reasoning."""
        thinking = request.thinking
        assert thinking is not None
        spent = Spent()
        first = self._ask(self._thinking_ask(request, thinking), spent)
        if isinstance(request.answer, JsonObject) and self._formats_while_thinking and not first.thought:
            # Held to a form from its first token, a model cannot think.
            self._formats_while_thinking = False
            first = self._ask(self._thinking_ask(request, thinking), spent)
        if first.reasoning and (first.finish == "length" or not first.text.strip()):
            return self._in_two_calls(request, thinking, first, spent)
        text = first.text.strip()
        stops = request.answer.stop if isinstance(request.answer, FreeText) else ()
        cut = min((at for stop in stops if (at := text.find(stop)) >= 0), default=None)
        first = replace(first, text=text[:cut], finish=first.finish if cut is None else "stop")
        return replace(self._completion(request, first, spent), reasoning_cut=not first.complete)

    def _in_two_calls(self, request: CallRequest, thinking: Thinking, first: Answered, spent: Spent) -> Completion:
        """The reasoning is cut, its tag closed, and the answer asked for in its own form. If none comes, none came."""
        so_far = thinking.opening + closed(first.reasoning, thinking, cut=not first.complete)
        silent = replace(thinking, on=False, max_tokens=0)
        reasoning_tokens = first.reasoning_tokens(spent.output_tokens)
        ask = plain(request, self._switch(silent, otherwise={}))
        ask = replace(ask, messages=(*ask.messages, Message("assistant", so_far)), continues=True)
        try:
            second = self._ask(ask, spent)
        except RowRefusedError:
            second = replace(first, text="", finish="length")
        completion = self._completion(request, replace(second, text=second.text.strip()), spent)
        thought = {"reasoning": first.reasoning, "reasoning_tokens": reasoning_tokens, "reasoning_cut": not first.complete}
        return replace(completion, **thought)

    def _thinking_ask(self, request: CallRequest, thinking: Thinking) -> Ask:
        """A stop text would end the reasoning, and a first token's alternatives are not the answer's: neither is asked for."""
        ask = plain(request, self._switch(thinking))
        return replace(
            ask,
            form=request.answer if self._formats_while_thinking else None,
            max_tokens=ask.max_tokens + thinking.max_tokens,
            sampling={"temperature": thinking.temperature, "top_p": thinking.top_p, "seed": request.sampling.seed},
            stop=(),
            score=False,
        )

    def _switch(self, thinking: Thinking, otherwise: Mapping[str, Any] | None = None) -> Mapping[str, Any]:
        """What tells this server to think or not to, found out once.

        Raises `InputError` when nothing does, unless there is an `otherwise`.
        """
        with self._switching:
            if thinking.on not in self._switches:
                found = self._found_switch(thinking)
                found = otherwise if found is None else found
                if found is None:
                    raise InputError(
                        f"the server cannot be told {'to think' if thinking.on else 'not to think'}: its answers "
                        f"{'show no reasoning' if thinking.on else 'are reasoned or cut short'}, whatever is said",
                        where=f"{self._client.url}#{self._model}",
                        remedy="leave ?thinking out of its name, or serve the model with a parser for its reasoning",
                    )
                self._switches[thinking.on] = found
            return self._switches[thinking.on]

    def _found_switch(self, thinking: Thinking) -> Mapping[str, Any] | None:
        spent = Spent()
        found: Mapping[str, Any] | None = None
        tried = [(name, make(thinking), PROBE_TOKENS) for name, make in DIALECTS]
        if thinking.on:
            tried.append((*tried[0][:2], LONG_PROBE_TOKENS))
        for name, fields, most in tried:
            ask = Ask("a question before the first row", (Message("user", QUESTION),), QUESTION, None, most, {}, fields=fields)
            try:
                answer = self._ask(ask, spent)
            except RowRefusedError:
                continue
            if shows(answer, thinking):
                found = fields
                self._note(f"told {'to think' if thinking.on else 'not to think'} by {name}")
                break
        self._note(f"finding out took {spent.prompt_tokens + spent.output_tokens} tokens that are not among the rows'")
        return found

    def _completion(self, request: CallRequest, answer: Answered, spent: Spent) -> Completion:
        """The last answer, with what all calls took."""
        scored = isinstance(request.answer, OneLabel) and not answer.thought
        probabilities = label_probabilities_of(answer.choice, request.answer.labels) if scored else None  # type: ignore[union-attr]
        return Completion(
            text=answer.text if probabilities is None else max(probabilities, key=probabilities.__getitem__),
            finish=answer.finish if probabilities is None else "stop",
            prompt_tokens=spent.prompt_tokens,
            output_tokens=spent.output_tokens,
            seconds=spent.seconds,
            label_probabilities=probabilities,
            reasoning=answer.reasoning,
            reasoning_tokens=answer.reasoning_tokens(spent.output_tokens) if answer.thought else 0,
            unanswered=spent.unanswered,
        )

    def _note(self, note: str) -> None:
        known = self.engine.note or ""
        if note not in known:
            self.engine = replace(self.engine, note=f"{known}; {note}" if known else note)
