"""Safetensors folders on transformers and torch, in this process: the extra `hf`.

One request at a time, the shared prefix evaluated once and its cache copied for every call, so that an answer is a pure function of
its request. No code from the folder is run, no pickle is read, nothing is fetched; the chat template runs in the sandbox of transformers.
"""

import copy
import gc
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from types import TracebackType
from typing import Any, Literal, Self

from llmpick.evidence.call import CallRequest, Completion, EngineInfo, FreeText, JsonObject, Number, OneLabel, Sampling
from llmpick.evidence.errors import EngineError, InputError, TimedOutError
from llmpick.evidence.model import Weights
from llmpick.evidence.task import Message
from llmpick.measure.decoding import Rules, Written, matcher_for, write
from llmpick.measure.grammars import NUMBER_LARK, json_lark, number_text
from llmpick.measure.hf_model import check_memory, device_name, extra_modules, load_model, torch_device
from llmpick.measure.labels import Tokens, label_probabilities, most_probable
from llmpick.measure.thinking import closed
from llmpick.measure.tokenized import Prompt, Prompts, beginning_of, checked_context, common_prefix, room_to_think, too_long

Finish = Literal["stop", "length"]

CALL_TIMEOUT_S = 600.0
CALL_TIMEOUT_S_PER_TOKEN = 1.0
"""Added for every token that may be written: a model that writes fewer than one a second is none for this machine."""

MODULES = ("torch", "transformers", "llguidance", "accelerate")


@dataclass(slots=True)
class State:
    """What the model has read: its cache, the tokens in it, and the logits of the next token (None before any token)."""

    tokens: Tokens
    cache: Any
    logits: Any


class HfBackend:
    """Loads the folder `weights.path` in the data type it was published in, on the first GPU that torch can use, else on the CPU.

    Raises `InputError` without the extra, or for a context longer than the model's; `EngineError` (fatal) for weights beyond
    `memory_limit_bytes`; `ModelFileError` for a folder that cannot be loaded.
    """

    concurrency = 1

    def __init__(
        self,
        weights: Weights,
        *,
        context_tokens: int | None = None,
        memory_limit_bytes: int | None = None,
        call_timeout_s: float | None = None,
    ) -> None:
        self.call_timeout_s = call_timeout_s
        self._weights = weights
        self._context = checked_context(context_tokens, weights.context_tokens, str(weights.path))
        check_memory(weights, memory_limit_bytes)
        started = time.perf_counter()
        self._torch, self._transformers, self._llguidance, _ = extra_modules(MODULES)
        self._resident_before = _resident_bytes()
        self._device = torch_device(self._torch)
        self._tokenizer: Any
        self._model: Any
        self._tokenizer, self._model = load_model(weights, self._torch, self._transformers, self._device)
        self.load_seconds = time.perf_counter() - started
        self._ends = _end_tokens(self._model, self._tokenizer)
        self._prompts = Prompts(
            self._tokenize,
            self._render if weights.chat_template is not None else None,
            # A chat template writes the beginning itself; a completion gets what the tokenizer puts before a text.
            () if weights.chat_template is not None else beginning_of(tuple(self._tokenizer("a").input_ids), self._tokenize("a")),
        )
        self._prefix = State((), None, None)
        self._guide: Any = None
        self._lock = threading.Lock()
        self._closed = False
        self.engine = self._info()

    def prepare(self, requests: Sequence[CallRequest]) -> None:
        """Tokenises all prompts, checks that each fits, and evaluates once what they share (all but the last token of one prompt alone)."""
        with self._lock:
            self._check_open()
            if requests:
                shared = common_prefix([self._fitting_prompt(request)[:-1] for request in requests])
                self._prefix = self._read(State((), None, None), shared)

    def complete(self, request: CallRequest) -> Completion:
        with self._lock:
            self._check_open()
            try:
                return self._answer(request)
            except (MemoryError, self._torch.OutOfMemoryError) as error:
                raise EngineError(
                    f"torch has no memory left: {error}",
                    where=f"{self._weights.path}, row {request.row}",
                    remedy="lower the context (limits.context_tokens) or choose a smaller model",
                ) from error

    def resident_bytes(self) -> int | None:
        """On a GPU what torch has reserved there, else by how much this process has grown since the model was loaded."""
        if self._device == "cuda":
            return self._torch.cuda.memory_reserved()
        return max(0, _resident_bytes() - self._resident_before)

    def close(self) -> None:
        self._closed = True
        self._model = self._guide = None
        self._prefix = State((), None, None)
        gc.collect()
        if self._device == "cuda":
            self._torch.cuda.empty_cache()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def _info(self) -> EngineInfo:
        torch = self._torch
        return EngineInfo(
            name="transformers",
            version=f"transformers {self._transformers.__version__}, torch {torch.__version__}",
            device=device_name(torch, self._device),
            options={
                "dtype": str(self._model.dtype).removeprefix("torch."),
                "attn_implementation": self._model.config._attn_implementation,
                "num_threads": torch.get_num_threads(),
                "context_tokens": self._context,
                "enable_thinking": False,
                "grammar": f"llguidance {self._llguidance.__version__}"
                if self._tokenizer.is_fast
                else "none: the tokenizer is not a fast one",
                "prompt": "the model's chat template" if self._weights.chat_template is not None else "completion",
                "prefix": "evaluated once, its cache copied for every call",
            },
        )

    def _check_open(self) -> None:
        if self._closed:
            raise EngineError("the model was closed", where=str(self._weights.path), remedy="open it again", fatal=True)

    # Prompts

    def _tokenize(self, text: str) -> Tokens:
        return tuple(self._tokenizer(text, add_special_tokens=False).input_ids)

    def _render(self, messages: Sequence[Message], **variables: Any) -> str:
        turns = [{"role": message.role, "content": message.content} for message in messages]
        errors = import_module("jinja2").TemplateError
        try:
            return self._tokenizer.apply_chat_template(
                turns, tokenize=False, add_generation_prompt=True, **{"enable_thinking": False, **variables}
            )
        except errors as error:
            raise InputError(str(error), where="chat template", remedy="change the messages") from error

    def _fitting_prompt(self, request: CallRequest) -> Tokens:
        prompt = self._prompts.prompt(request).tokens
        answer = request.answer
        most = max(map(len, self._prompts.labels(request, answer.labels).values())) if isinstance(answer, OneLabel) else answer.max_tokens
        needed = len(prompt) + room_to_think(request) + most
        if needed > self._context:
            raise too_long(request, needed, self._context, self._weights.context_tokens)
        return prompt

    # Answers

    def _read(self, state: State, tokens: Tokens) -> State:
        """The state after `tokens`; `state` itself stays as it was."""
        if not tokens:
            return state
        out = self._forward(copy.deepcopy(state.cache), tokens)
        return State(state.tokens + tokens, out.past_key_values, out.logits[0, -1].float())

    def _forward(self, cache: Any, tokens: Tokens) -> Any:
        """One pass over `tokens` after what is in `cache`, which takes them up."""
        ids = self._torch.tensor([tokens], device=self._device)
        with self._torch.inference_mode():
            return self._model(input_ids=ids, past_key_values=cache, use_cache=True)

    def _answer(self, request: CallRequest) -> Completion:
        started = time.perf_counter()
        self._fitting_prompt(request)
        prompt = self._prompts.prompt(request)
        state = self._read_prompt(prompt.tokens)
        read = time.perf_counter()
        reasoning, reasoning_tokens, reasoning_cut, answered_from = "", 0, False, prompt
        if request.thinking and request.thinking.on:
            reasoning, reasoning_tokens, reasoning_cut, answered_from = self._reasoned(request, prompt, state)
            state = self._read_prompt(answered_from.tokens)
        thought = time.perf_counter()
        probabilities: dict[str, float] | None = None
        finish: Finish = "stop"
        if isinstance(request.answer, OneLabel):
            probabilities = self._scored(request, request.answer.labels, answered_from, state)
            text, output_tokens = most_probable(probabilities), 1
        else:
            text, finish, output_tokens = self._written(request, state)
        done = time.perf_counter()
        # Scoring reads the first token's distribution: nothing is decoded.
        decode_seconds = (thought - read if reasoning_tokens else None) if probabilities else done - read
        return Completion(
            text=text,
            finish=finish,
            prompt_tokens=len(prompt.tokens),
            output_tokens=reasoning_tokens + output_tokens,
            seconds=done - started,
            prefill_seconds=read - started,
            decode_seconds=decode_seconds,
            label_probabilities=probabilities,
            reasoning=reasoning,
            reasoning_tokens=reasoning_tokens,
            reasoning_cut=reasoning_cut,
        )

    def _read_prompt(self, tokens: Tokens) -> State:
        shared = len(self._prefix.tokens)
        known = self._prefix if tokens[:shared] == self._prefix.tokens else State((), None, None)
        return self._read(known, tokens[len(known.tokens) :])

    def _reasoned(self, request: CallRequest, prompt: Prompt, state: State) -> tuple[str, int, bool, Prompt]:
        """Lets the model think until it closes its reasoning or the budget ends it; returns the prompt that the answer follows."""
        thinking = request.thinking
        assert thinking is not None
        rules = Rules(thinking.max_tokens, self._ends, (thinking.closing.strip(),))
        sampling = Sampling(thinking.temperature, thinking.top_p, request.sampling.seed)
        # Tags may be special tokens, which must be seen where they end the reasoning.
        written = self._write(request, state, rules, sampling, special=True)
        cut = not written.ended
        return written.text.strip(), written.tokens, cut, self._prompts.after(prompt, closed(written.text, thinking, cut=cut))

    def _scored(self, request: CallRequest, labels: tuple[str, ...], prompt: Prompt, state: State) -> dict[str, float]:
        """The labels' forced tokens, scored where their paths branch."""

        def ask(path: Tokens, choices: Tokens) -> dict[int, float]:
            logits = self._read(state, path).logits[list(choices)].double()
            return dict(zip(choices, self._torch.softmax(logits, dim=-1).tolist(), strict=True))

        return label_probabilities(self._prompts.labels(request, labels, prompt), ask)

    def _written(self, request: CallRequest, state: State) -> tuple[str, Finish, int]:
        """Lets the model write, held to the answer's grammar where the tokenizer allows that."""
        answer = request.answer
        assert not isinstance(answer, OneLabel)
        stops = answer.stop if isinstance(answer, FreeText) else ("\n",) if isinstance(answer, Number) else ()
        written = self._write(request, state, Rules(answer.max_tokens, self._ends, stops, self._matcher(answer)), request.sampling)
        text, ended = written.text, written.ended
        if isinstance(answer, Number):
            text, complete = number_text(text)
            ended = ended or complete
        return text, "stop" if ended else "length", written.tokens

    def _write(self, request: CallRequest, state: State, rules: Rules, sampling: Sampling, *, special: bool = False) -> Written:
        end = time.perf_counter() + (self.call_timeout_s or CALL_TIMEOUT_S + CALL_TIMEOUT_S_PER_TOKEN * rules.max_tokens)

        def feed(token: int) -> Any:
            if time.perf_counter() > end:
                where = f"{self._weights.path}, row {request.row}"
                raise TimedOutError("the call takes too long", where=where, remedy="allow more time for a call, or fewer tokens")
            return self._forward(state.cache, (token,)).logits[0, -1].float()

        def decode(tokens: list[int]) -> str:
            return self._tokenizer.decode(tokens, skip_special_tokens=not special, clean_up_tokenization_spaces=False)

        return write(state.logits, feed, decode, rules, sampling)

    def _matcher(self, answer: FreeText | JsonObject | Number) -> Any:
        if isinstance(answer, FreeText) or not self._tokenizer.is_fast:
            return None
        if self._guide is None:
            # Takes about a second for a large vocabulary, so only answers that need it wait for it.
            from_tokenizer = import_module("llguidance.hf").from_tokenizer
            self._guide = from_tokenizer(self._tokenizer, n_vocab=self._model.config.vocab_size, eos_token=sorted(self._ends))
        return matcher_for(self._guide, NUMBER_LARK if isinstance(answer, Number) else json_lark(answer.schema))


def _resident_bytes() -> int:
    import psutil

    return psutil.Process().memory_info().rss


def _end_tokens(model: Any, tokenizer: Any) -> frozenset[int]:
    """Every token that ends an answer, as the model's makers list them."""
    listed = model.generation_config.eos_token_id
    ends = set(listed if isinstance(listed, list) else [listed])
    return frozenset((ends | {tokenizer.eos_token_id}) - {None})
