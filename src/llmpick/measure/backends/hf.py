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

from llmpick.evidence.call import CallRequest, Completion, EngineInfo, FreeText, JsonObject, Number, OneLabel
from llmpick.evidence.errors import EngineError, InputError, ModelFileError
from llmpick.evidence.model import Weights
from llmpick.evidence.task import Message
from llmpick.measure.decoding import Rules, matcher_for, write
from llmpick.measure.grammars import NUMBER_LARK, json_lark, number_text
from llmpick.measure.labels import Tokens, label_probabilities, most_probable
from llmpick.measure.tokenized import Prompts, beginning_of, checked_context, common_prefix, too_long

Finish = Literal["stop", "length"]

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

    def __init__(self, weights: Weights, *, context_tokens: int | None = None, memory_limit_bytes: int | None = None) -> None:
        self._weights = weights
        self._context = checked_context(context_tokens, weights.context_tokens, str(weights.path))
        _check_memory(weights, memory_limit_bytes)
        started = time.perf_counter()
        self._torch, self._transformers, self._llguidance, _ = _extra()
        self._resident_before = _resident_bytes()
        self._device = _device(self._torch)
        self._tokenizer: Any
        self._model: Any
        self._tokenizer, self._model = self._load()
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

    # Loading

    def _load(self) -> tuple[Any, Any]:
        path = str(self._weights.path)
        self._transformers.logging.disable_progress_bar()
        local: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
        try:
            tokenizer = self._transformers.AutoTokenizer.from_pretrained(path, **local)
            model = self._transformers.AutoModelForCausalLM.from_pretrained(path, dtype="auto", use_safetensors=True, **local)
            return tokenizer, model.to(self._device).eval()
        except (MemoryError, self._torch.OutOfMemoryError) as error:
            raise EngineError(
                f"not enough memory to load the model: {error}", where=path, remedy="choose a smaller model", fatal=True
            ) from error
        except Exception as error:  # transformers and safetensors raise many kinds for a damaged folder; each means that it cannot be used.
            raise ModelFileError(
                f"transformers cannot load this folder: {type(error).__name__}: {' '.join(str(error).split())[:400]}",
                where=path,
                remedy="fetch it again, or choose a model that needs no code of its own (trust_remote_code stays off)",
            ) from error

    def _info(self) -> EngineInfo:
        torch = self._torch
        return EngineInfo(
            name="transformers",
            version=f"transformers {self._transformers.__version__}, torch {torch.__version__}",
            device="cpu" if self._device == "cpu" else torch.cuda.get_device_name() if self._device == "cuda" else self._device,
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

    def _render(self, messages: Sequence[Message]) -> str:
        turns = [{"role": message.role, "content": message.content} for message in messages]
        errors = import_module("jinja2").TemplateError
        try:
            return self._tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True, enable_thinking=False)
        except errors as error:
            raise InputError(str(error), where="chat template", remedy="change the messages") from error

    def _fitting_prompt(self, request: CallRequest) -> Tokens:
        prompt = self._prompts.prompt(request).tokens
        answer = request.answer
        most = max(map(len, self._prompts.labels(request, answer.labels).values())) if isinstance(answer, OneLabel) else answer.max_tokens
        if len(prompt) + most > self._context:
            raise too_long(request, len(prompt) + most, self._context, self._weights.context_tokens)
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
        prompt = self._fitting_prompt(request)
        shared = len(self._prefix.tokens)
        known = self._prefix if prompt[:shared] == self._prefix.tokens else State((), None, None)
        state = self._read(known, prompt[len(known.tokens) :])
        read = time.perf_counter()
        probabilities: dict[str, float] | None = None
        finish: Finish = "stop"
        if isinstance(request.answer, OneLabel):
            probabilities = self._scored(request, request.answer.labels, state)
            text, output_tokens = most_probable(probabilities), 1
        else:
            text, finish, output_tokens = self._written(request, state)
        done = time.perf_counter()
        return Completion(
            text=text,
            finish=finish,
            prompt_tokens=len(prompt),
            output_tokens=output_tokens,
            seconds=done - started,
            prefill_seconds=read - started,
            decode_seconds=None if probabilities else done - read,
            label_probabilities=probabilities,
        )

    def _scored(self, request: CallRequest, labels: tuple[str, ...], state: State) -> dict[str, float]:
        """The labels' forced tokens, scored where their paths branch."""

        def ask(path: Tokens, choices: Tokens) -> dict[int, float]:
            logits = self._read(state, path).logits[list(choices)].double()
            return dict(zip(choices, self._torch.softmax(logits, dim=-1).tolist(), strict=True))

        return label_probabilities(self._prompts.labels(request, labels), ask)

    def _written(self, request: CallRequest, state: State) -> tuple[str, Finish, int]:
        """Lets the model write, held to the answer's grammar where the tokenizer allows that."""
        answer = request.answer
        assert not isinstance(answer, OneLabel)
        stops = answer.stop if isinstance(answer, FreeText) else ("\n",) if isinstance(answer, Number) else ()
        rules = Rules(answer.max_tokens, self._ends, stops, self._matcher(answer))

        def feed(token: int) -> Any:
            return self._forward(state.cache, (token,)).logits[0, -1].float()

        def decode(tokens: list[int]) -> str:
            return self._tokenizer.decode(tokens, skip_special_tokens=True, clean_up_tokenization_spaces=False)

        written = write(state.logits, feed, decode, rules, request.sampling)
        text, ended = written.text, written.ended
        if isinstance(answer, Number):
            text, complete = number_text(text)
            ended = ended or complete
        return text, "stop" if ended else "length", written.tokens

    def _matcher(self, answer: FreeText | JsonObject | Number) -> Any:
        if isinstance(answer, FreeText) or not self._tokenizer.is_fast:
            return None
        if self._guide is None:
            # Takes about a second for a large vocabulary, so only answers that need it wait for it.
            from_tokenizer = import_module("llguidance.hf").from_tokenizer
            self._guide = from_tokenizer(self._tokenizer, n_vocab=self._model.config.vocab_size, eos_token=sorted(self._ends))
        return matcher_for(self._guide, NUMBER_LARK if isinstance(answer, Number) else json_lark(answer.schema))


def _extra() -> tuple[Any, ...]:
    """The modules of the extra `hf`."""
    try:
        return tuple(import_module(name) for name in MODULES)
    except ImportError as error:
        raise InputError(f"safetensors models need {error.name}", where="the extra hf", remedy="pip install 'llmpick[hf]'") from error


def _device(torch: Any) -> str:
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def _check_memory(weights: Weights, limit_bytes: int | None) -> None:
    """The weights live in this process, so a limit can only be kept by not loading them."""
    if limit_bytes is not None and weights.weight_bytes > limit_bytes:
        raise EngineError(
            f"the weights take {weights.weight_bytes / 2**30:.1f} GiB, the limit is {limit_bytes / 2**30:.1f} GiB",
            where=str(weights.path),
            remedy="raise the memory limit or choose a smaller model",
            fatal=True,
        )


def _resident_bytes() -> int:
    import psutil

    return psutil.Process().memory_info().rss


def _end_tokens(model: Any, tokenizer: Any) -> frozenset[int]:
    """Every token that ends an answer, as the model's makers list them."""
    listed = model.generation_config.eos_token_id
    ends = set(listed if isinstance(listed, list) else [listed])
    return frozenset((ends | {tokenizer.eos_token_id}) - {None})
