"""GGUF files on llama.cpp, in a child process that serves on loopback.

What makes an answer a pure function of its request: one slot; the prefix that the prompts of a group share is evaluated once and its state
saved; every call restores that state before it goes on. Plain prefix caching reuses whatever the previous call left, and moves
log-probabilities by 0.1 to 0.9 nats with the order of the rows. Restoring takes 3 to 5 ms.

A model that thinks is called twice for a row: it reasons freely up to its budget, then it is held to the answer's form. The second call
goes on from what the first left in the slot, which is a function of the request too.
"""

import json
import logging
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Literal, Self

from llmpick.evidence.call import CallRequest, Completion, EngineInfo, FreeText, JsonObject, Number, OneLabel
from llmpick.evidence.errors import EngineError, InputError, LlmpickError, TimedOutError
from llmpick.evidence.model import Weights
from llmpick.evidence.task import Message
from llmpick.measure.backends.llamacpp_child import ENVIRONMENT, SETTINGS
from llmpick.measure.grammars import NUMBER_GBNF, json_lark, number_text
from llmpick.measure.labels import Tokens, label_probabilities, most_probable
from llmpick.measure.llamacpp.bodies import choosing, chosen, reasoning, sampled
from llmpick.measure.llamacpp.process import LlamaCppProcess, Start, default_memory_limit_bytes, default_threads
from llmpick.measure.llamacpp.process import start_timeout_s as default_start_timeout_s
from llmpick.measure.server.client import Client, RefusedError
from llmpick.measure.thinking import closed
from llmpick.measure.tokenized import Prompt, Prompts, beginning_of, checked_context, common_prefix, room_to_think, too_long

logger = logging.getLogger(__name__)

CALL_TIMEOUT_S = 600.0
CALL_TIMEOUT_S_PER_TOKEN = 1.0
"""Added for every token that may be written: a model that writes fewer than one a second is none for this machine."""
HEALTH_TIMEOUT_S = 5.0
SLOT_TIMEOUT_S = (2.0, 30.0)
"""At least and at most, for saving or restoring a slot's state: milliseconds, unless the engine hangs."""
SLOW_IN_A_ROW = 3
"""So many rows that took too long, one after the other, and the rest would too."""
TEMPLATE_TIMEOUT_S = 30.0
"""A template that has not ended by then never will."""

Finish = Literal["stop", "length"]


@dataclass(frozen=True, slots=True)
class Prefix:
    """What the prompts of one group begin with, and the file that holds the slot's state after it."""

    tokens: Tokens
    file: str


@dataclass(slots=True)
class Spent:
    """What the calls behind one completion took, in tokens and seconds."""

    output_tokens: int = 0
    prefill_seconds: float = 0.0
    decode_seconds: float = 0.0

    def add(self, answer: Mapping[str, Any]) -> None:
        self.output_tokens += answer["usage"]["completion_tokens"]
        self.prefill_seconds += answer["timings"]["prompt_ms"] / 1000
        self.decode_seconds += answer["timings"]["predicted_ms"] / 1000


class LlamaCppBackend:
    """Loads `weights` with room for `context_tokens` per sequence (by default 4096, or the model's own if that is less).

    `memory_limit_bytes` bounds what the engine may allocate beside the mapped file (by default what is available now),
    `start_timeout_s` the load, `call_timeout_s` one call. If the engine dies or hangs during the run it is started again once
    (`restarts` counts, and a warning is logged); the second time it is given up with a fatal `EngineError`. A call that only takes too
    long loses its row: the engine is started anew, since nothing else ends what it is writing.

    Raises `InputError` for a context longer than the model's, `ModelFileError` and `EngineError` as `LlamaCppProcess` does.
    """

    concurrency = 1

    def __init__(
        self,
        weights: Weights,
        *,
        context_tokens: int | None = None,
        memory_limit_bytes: int | None = None,
        start_timeout_s: float | None = None,
        call_timeout_s: float | None = None,
        threads: int | None = None,
    ) -> None:
        self._weights = weights
        self._start = _start(weights, context_tokens, memory_limit_bytes, start_timeout_s, threads)
        self.call_timeout_s = call_timeout_s
        self.restarts = 0
        self._slow_in_a_row = 0
        self._prefixes: dict[str, Prefix] = {}
        self._grammars: dict[str, str] = {}
        self._closed = False
        self._lock = threading.Lock()
        started = time.perf_counter()
        self._launch()
        self.load_seconds = time.perf_counter() - started
        self.engine = self._info()

    def prepare(self, requests: Sequence[CallRequest]) -> None:
        """Tokenises all prompts, checks that each fits, and evaluates once what those of a group share (at most all but the last token)."""
        with self._lock:
            self._check_open()
            if not requests:
                return
            try:
                groups: dict[str, list[Tokens]] = {}
                for request in requests:
                    groups.setdefault(request.group, []).append(self._fitting_prompt(request)[:-1])
                shared = {group: common_prefix(prompts) for group, prompts in groups.items()}
                self._prefixes = {group: Prefix(tokens, f"prefix-{i}.bin") for i, (group, tokens) in enumerate(shared.items()) if tokens}
                self._save_prefixes()
            except EngineError as error:
                raise self._gone("the prompts of the run", error) from error

    def complete(self, request: CallRequest) -> Completion:
        with self._lock:
            self._check_open()
            try:
                answer = self._answer(request)
            except EngineError as error:
                # Somebody who does not wait for the row has closed the engine.
                self._check_open()
                if isinstance(error, TimedOutError) and self._responds():
                    raise self._too_slow(request, error) from error
                self._restart(request, error)
                try:
                    answer = self._answer(request)
                except EngineError as again:
                    raise self._gone(f"row {request.row}", again) from again
            self._slow_in_a_row = 0
            return answer

    def resident_bytes(self) -> int | None:
        import psutil

        if self._closed or self._process.pid is None:
            return None
        try:
            return psutil.Process(self._process.pid).memory_info().rss
        except psutil.NoSuchProcess:
            return None

    def close(self) -> None:
        self._closed = True
        self._release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    # The engine's life

    def _launch(self) -> None:
        self._process = LlamaCppProcess(self._start)
        self._client = Client(f"{self._process.url}/v1", key=self._process.key, timeout_s=CALL_TIMEOUT_S, retries=0)
        try:
            self._prompts = Prompts(
                self._tokenize,
                # The server would lend a base model a template that is not its own, so the file decides.
                self._render if self._weights.chat_template is not None else None,
                beginning_of(self._tokenize("a", special=True), self._tokenize("a")),
            )
        except BaseException:
            self._release()
            raise

    def _info(self) -> EngineInfo:
        options = {name: value for name, value, _ in (*SETTINGS, *ENVIRONMENT)}
        options |= {
            "n_ctx": self._start.n_ctx,
            "n_threads": self._start.n_threads,
            "prompt": "the model's chat template" if self._weights.chat_template else "completion",
            "prefix": "evaluated once, its state restored before every call",
        }
        return EngineInfo(
            name="llama.cpp",
            version=f"xllamacpp {self._process.version}",
            device=computes_on(self._process.devices),
            options=options,
        )

    def _restart(self, request: CallRequest, error: EngineError) -> None:
        """Starts the engine again, in the state that `prepare` left; the second time it gives up."""
        if self.restarts:
            raise self._gone(f"row {request.row}", error) from error
        logger.warning("llama.cpp is started again, it failed at row %s: %s; it %s", request.row, error.what, self._process.fate())
        self.restarts += 1
        self._release()
        try:
            self._launch()
            self._save_prefixes()
        except LlmpickError as failure:
            raise self._gone(f"row {request.row}", failure) from failure

    def _responds(self) -> bool:
        """True when the server itself is well, and only the call takes long."""
        try:
            self._client.get(f"{self._process.url}/health", retries=0, timeout_s=HEALTH_TIMEOUT_S)
        except LlmpickError:
            return False
        return True

    def _too_slow(self, request: CallRequest, error: TimedOutError) -> EngineError:
        """The error of a row that takes too long. The engine starts anew; after too many such rows it is given up."""
        self._slow_in_a_row += 1
        if self._slow_in_a_row >= SLOW_IN_A_ROW:
            return self._gone(f"row {request.row}", error)
        self._release()
        try:
            self._launch()
            self._save_prefixes()
        except LlmpickError as failure:
            return self._gone(f"row {request.row}", failure)
        where = f"{self._weights.path}, row {request.row}"
        return TimedOutError("the call takes too long", where=where, remedy="allow more time for a call, or fewer tokens")

    def _release(self) -> None:
        self._client.close()
        self._process.close()

    def _gone(self, place: str, error: LlmpickError) -> EngineError:
        """The engine's end, as an error; whatever is left of it is removed."""
        fate = self._process.fate()
        self.close()
        return EngineError(
            f"llama.cpp is given up{' after a restart' if self.restarts else ''}: {error.what}; it {fate}",
            where=f"{self._weights.path}, {place}",
            remedy="run again: finished rows are kept. If it fails at the same row, the file is damaged or the engine has a bug",
            fatal=True,
        )

    def _check_open(self) -> None:
        if self._closed:
            raise EngineError("llama.cpp was closed", where=str(self._weights.path), remedy="open the model again", fatal=True)

    # Prompts

    def _fitting_prompt(self, request: CallRequest) -> Tokens:
        prompt = self._prompts.prompt(request).tokens
        needed = len(prompt) + room_to_think(request) + self._most_tokens(request)
        if needed > self._start.n_ctx:
            raise too_long(request, needed, self._start.n_ctx, self._weights.context_tokens)
        return prompt

    def _most_tokens(self, request: CallRequest) -> int:
        if isinstance(request.answer, OneLabel):
            return max(map(len, self._prompts.labels(request, request.answer.labels).values()))
        return request.answer.max_tokens

    def _render(self, messages: Sequence[Message], **variables: Any) -> str:
        body: dict[str, Any] = {"messages": [{"role": message.role, "content": message.content} for message in messages]}
        if variables:
            body["chat_template_kwargs"] = variables
        return self._client.post(f"{self._process.url}/apply-template", body, timeout_s=TEMPLATE_TIMEOUT_S)["prompt"]

    def _tokenize(self, text: str, *, special: bool = False) -> Tokens:
        body = {"content": text, "add_special": special}
        return tuple(self._client.post(f"{self._process.url}/tokenize", body)["tokens"])

    # State

    def _save_prefixes(self) -> None:
        """Evaluates each group's prefix from nothing, once, and saves the slot."""
        for prefix in self._prefixes.values():
            self._slot("erase", prefix)
            self._client.post(f"{self._process.url}/completion", {"prompt": list(prefix.tokens), "n_predict": 0, "cache_prompt": True})
            self._slot("save", prefix)

    def _restore(self, request: CallRequest, prompt: Tokens) -> None:
        """A slot that holds the group's prefix and nothing else, or nothing at all for a prompt that does not begin with it."""
        prefix = self._prefixes.get(request.group)
        begins = prefix is not None and prompt[: len(prefix.tokens)] == prefix.tokens
        self._slot("restore" if begins else "erase", prefix)

    def _slot(self, action: str, prefix: Prefix | None) -> None:
        least, most = SLOT_TIMEOUT_S
        timeout_s = min(max(self.call_timeout_s or most, least), most)
        try:
            url = f"{self._process.url}/slots/0?action={action}"
            self._client.post(url, {"filename": prefix.file if prefix else ""}, timeout_s=timeout_s)
        except RefusedError as refusal:
            raise EngineError(
                f"llama.cpp cannot {action} the state of the shared prompt: {refusal.reason}",
                where=str(self._weights.path),
                remedy="free space in the folder for temporary files (TMPDIR)",
            ) from refusal

    # Answers

    def _answer(self, request: CallRequest) -> Completion:
        started = time.perf_counter()
        self._fitting_prompt(request)
        prompt, spent = self._prompts.prompt(request), Spent()
        # Before the reasoning: the first look at a grammar is a call of its own, and would leave another slot behind.
        form = None if isinstance(request.answer, OneLabel) else self._form(request)
        thought, thought_cut = "", False
        if _thinks(request):
            thought, thought_cut, prompt = self._reasoned(request, prompt, spent)
        reasoning_tokens, decoded_before = spent.output_tokens, spent.decode_seconds
        prefill_seconds = spent.prefill_seconds
        if isinstance(request.answer, OneLabel):
            text, finish, probabilities = self._scored(request, request.answer.labels, prompt, spent)
        else:
            probabilities = None
            text, finish = self._written(request, form or {}, prompt, spent)
        # Scoring reads the first token's distribution: nothing is decoded.
        decode_seconds = (decoded_before or None) if probabilities else spent.decode_seconds
        return Completion(
            text=text,
            finish=finish,
            prompt_tokens=len(prompt.tokens) - reasoning_tokens,
            output_tokens=spent.output_tokens,
            seconds=time.perf_counter() - started,
            prefill_seconds=prefill_seconds or spent.prefill_seconds,
            decode_seconds=decode_seconds,
            label_probabilities=probabilities,
            reasoning=thought,
            reasoning_tokens=reasoning_tokens,
            reasoning_cut=thought_cut,
        )

    def _reasoned(self, request: CallRequest, prompt: Prompt, spent: Spent) -> tuple[str, bool, Prompt]:
        """Lets the model think until it closes its reasoning or the budget ends it; returns the prompt that the answer follows."""
        thinking = request.thinking
        assert thinking is not None
        answer = self._call(request, prompt.tokens, reasoning(thinking, request.sampling))
        spent.add(answer)
        choice = answer["choices"][0]
        cut = choice["finish_reason"] == "length"
        return choice["text"].strip(), cut, self._prompts.after(prompt, closed(choice["text"], thinking, cut=cut))

    def _scored(self, request: CallRequest, labels: tuple[str, ...], prompt: Prompt, spent: Spent) -> tuple[str, Finish, dict[str, float]]:
        """Scores the labels: one call per branch of their tokens, usually one in all."""

        def ask(path: Tokens, choices: Tokens) -> dict[int, float]:
            answer = self._call(
                request,
                prompt.tokens + path,
                choosing(choices),
                goes_on=_thinks(request),
            )
            spent.add(answer)
            return chosen(choices, answer)

        probabilities = label_probabilities(self._prompts.labels(request, labels, prompt), ask)
        return most_probable(probabilities), "stop", probabilities

    def _written(self, request: CallRequest, form: Mapping[str, Any], prompt: Prompt, spent: Spent) -> tuple[str, Finish]:
        """Lets the model write, held to the answer's grammar."""
        answer = self._call(request, prompt.tokens, {**form, **sampled(request.sampling)}, goes_on=_thinks(request))
        spent.add(answer)
        choice = answer["choices"][0]
        text, finish = choice["text"], "length" if choice["finish_reason"] == "length" else "stop"
        if isinstance(request.answer, Number):
            text, complete = number_text(text)
            finish = "stop" if complete else finish
        return text, finish

    def _form(self, request: CallRequest) -> dict[str, Any]:
        """The part of a call that holds the answer to its form."""
        answer = request.answer
        if isinstance(answer, JsonObject):
            return {"max_tokens": answer.max_tokens, "grammar": self._grammar(request, answer)}
        if isinstance(answer, Number):
            return {"max_tokens": answer.max_tokens, "grammar": NUMBER_GBNF, "stop": ["\n"]}
        assert isinstance(answer, FreeText)
        return {"max_tokens": answer.max_tokens, "stop": list(answer.stop)}

    def _grammar(self, request: CallRequest, answer: JsonObject) -> str:
        """The schema's grammar, tried once: llama.cpp drops one that it cannot use in silence, and only its log tells."""
        key = json.dumps(answer.schema, sort_keys=True)
        if key not in self._grammars:
            grammar = json_lark(answer.schema)
            known = len(self._process.log())
            self._call(request, self._prompts.prompt(request).tokens, {"max_tokens": 1, "grammar": grammar})
            said = self._process.log()[known:].partition("llg error:")[2].strip()
            if said:
                what = f"llama.cpp cannot hold answers to this schema: {said.splitlines()[0]}"
                raise InputError(what, where="schema", remedy="leave out what the message names")
            self._grammars[key] = grammar
        return self._grammars[key]

    def _call(self, request: CallRequest, prompt: Tokens, body: Mapping[str, Any], *, goes_on: bool = False) -> dict[str, Any]:
        """`goes_on` keeps what the request's own earlier call left in the slot."""
        if not goes_on:
            self._restore(request, prompt)
        timeout_s = self.call_timeout_s or CALL_TIMEOUT_S + CALL_TIMEOUT_S_PER_TOKEN * body["max_tokens"]
        try:
            return self._client.post("/completions", {"prompt": list(prompt), "cache_prompt": True, **body}, timeout_s=timeout_s)
        except RefusedError as refusal:
            raise InputError(f"llama.cpp refuses the row: {refusal.reason}", where=f"row {request.row}", remedy=refusal.remedy) from refusal


def _start(
    weights: Weights, context_tokens: int | None, memory_limit_bytes: int | None, timeout_s: float | None, threads: int | None
) -> Start:
    return Start(
        path=weights.path,
        n_ctx=checked_context(context_tokens, weights.context_tokens, str(weights.path)),
        n_threads=threads or default_threads(),
        memory_limit_bytes=memory_limit_bytes or default_memory_limit_bytes(),
        timeout_s=timeout_s or default_start_timeout_s(weights.weight_bytes),
    )


def computes_on(devices: Sequence[Mapping[str, str]]) -> str:
    """The device that takes the layers: the first GPU that the installed wheel can use, else "cpu"."""
    return next((device["name"] for device in devices if device["type"] in ("GPU", "IGPU")), "cpu")


def _thinks(request: CallRequest) -> bool:
    return request.thinking is not None and request.thinking.on
