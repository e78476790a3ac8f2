"""One call to an OpenAI-compatible server: its body, what is left out of it once the server has refused that, and what it took.

Only the plain chat call is taken for granted. What a server may lack is a row of `FEATURES`: it is asked for until the server refuses
it, then the plain way is taken and remembered, and the caller parses what comes back.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from llmpick.evidence.call import AnswerForm, CallRequest, FreeText, JsonObject, OneLabel
from llmpick.evidence.errors import EngineError, RowRefusedError
from llmpick.evidence.task import Message
from llmpick.measure.server.answers import Answered, read_answer
from llmpick.measure.server.client import Client, RefusedError

FEATURES: Mapping[str, tuple[str, ...]] = {
    "chat": ("chat template", "chat_template"),
    "response_format": ("response_format", "json_schema", "json schema", "structured", "guided", "grammar"),
    "logprobs": ("logprob",),
    "continue": ("continue_final_message", "add_generation_prompt"),
    "sampling": ("temperature", "top_p"),
    "max_tokens": ("max_completion_tokens",),
}
"""A feature → words of a refusal that speak of it. The most fundamental first."""
NEEDED = frozenset({"chat", "sampling", "max_tokens"})
"""Features that are given up only when a refusal speaks of them."""

TOP_LOGPROBS = 20
"""The most alternatives per token that the OpenAI API allows."""

BYTES_PER_TOKEN = 4
"""Stands in for the counts of a server that reports none; `EngineInfo.note` then says so."""

TIMEOUT_S = 60.0
TIMEOUT_S_PER_TOKEN = 0.25
"""Added for every token that may be written: nobody waits for a server that writes fewer than four a second."""


@dataclass(slots=True)
class Spent:
    """What the calls behind one completion took."""

    prompt_tokens: int = 0
    output_tokens: int = 0
    seconds: float = 0.0
    unanswered: int = 0


@dataclass(frozen=True, slots=True)
class Ask:
    """One call: what is asked, in which form, and what is sent beside it."""

    row: str
    messages: tuple[Message, ...]
    completion: str
    form: AnswerForm | None
    max_tokens: int
    sampling: Mapping[str, Any]
    stop: tuple[str, ...] = ()
    fields: Mapping[str, Any] = field(default_factory=dict[str, Any])
    score: bool = False
    continues: bool = False

    def features(self) -> frozenset[str]:
        """What the server is asked for that it may lack."""
        optional = {
            "response_format": isinstance(self.form, JsonObject),
            "logprobs": self.score,
            "continue": self.continues,
        }
        return NEEDED | {name for name, wanted in optional.items() if wanted}


class ServerTalk:
    """Calls to `model` through `client`. `note` is told what a reader of the results should know. Safe to use from several threads."""

    def __init__(self, client: Client, model: str, note: Callable[[str], None]) -> None:
        self._client = client
        self._model = model
        self._note = note
        self._lacks: frozenset[str] = frozenset()

    def exchange(self, ask: Ask, spent: Spent, timeout_s: float | None = None) -> Answered:
        """One answer, asked for without what the server turns out to lack. Adds to `spent` what it took.

        Raises `RowRefusedError` when the server will not answer, `EngineError` when it could not.
        """
        lacks = self._lacks
        while True:
            path, body = self._call(ask, lacks)
            allowed = timeout_s or TIMEOUT_S + TIMEOUT_S_PER_TOKEN * ask.max_tokens
            try:
                reply = self._client.exchange(path, body, timeout_s=allowed)
            except RefusedError as refusal:
                feature = _to_blame(refusal.reason, ask.features() - lacks)
                if feature is None:
                    raise _refused_row(refusal, ask.row) from refusal
                lacks |= {feature}
                continue
            # Only an answer proves that the feature was what the server refused.
            self._lacks |= lacks
            answer = self._read(reply.body, ask)
            prompt_tokens, output_tokens = self._counts(answer, ask)
            spent.prompt_tokens += prompt_tokens * (1 + reply.unanswered)
            spent.output_tokens += output_tokens * (1 + reply.unanswered)
            spent.seconds += reply.seconds
            spent.unanswered += reply.unanswered
            if answer.withheld and not answer.text.strip():
                raise RowRefusedError(
                    "the server withholds its answer (content filter)", where=f"row {ask.row}, {self._client.url}", remedy="change the row"
                )
            return answer

    def _call(self, ask: Ask, lacks: frozenset[str]) -> tuple[str, dict[str, Any]]:
        """The path and the body of one call, without what the server lacks."""
        chat = "chat" not in lacks
        body: dict[str, Any] = {
            "model": self._model,
            "max_completion_tokens" if "max_tokens" in lacks else "max_tokens": ask.max_tokens,
            **({} if "sampling" in lacks else ask.sampling),
            **ask.fields,
        }
        if chat:
            body["messages"] = [{"role": message.role, "content": message.content} for message in ask.messages]
        else:
            body["prompt"] = ask.completion
        if ask.stop:
            body["stop"] = list(ask.stop[:4])
        if isinstance(ask.form, JsonObject) and "response_format" not in lacks:
            schema = {"name": "answer", "strict": True, "schema": dict(ask.form.schema)}
            body["response_format"] = {"type": "json_schema", "json_schema": schema}
        if ask.score and "logprobs" not in lacks:
            body |= {"logprobs": True, "top_logprobs": TOP_LOGPROBS} if chat else {"logprobs": TOP_LOGPROBS}
        if ask.continues and "continue" not in lacks:
            body |= {"continue_final_message": True, "add_generation_prompt": False}
        return ("/chat/completions" if chat else "/completions"), body

    def _read(self, body: Mapping[str, Any], ask: Ask) -> Answered:
        try:
            return read_answer(body)
        except (AttributeError, KeyError, IndexError, TypeError) as error:
            raise EngineError(
                f"the server's answer has no text ({error!r})",
                where=f"{self._client.url}, row {ask.row}",
                remedy="check that the server implements the OpenAI API's completions",
            ) from error

    def _counts(self, answer: Answered, ask: Ask) -> tuple[int, int]:
        """Prompt and output tokens as the server counted them, else by `BYTES_PER_TOKEN`."""
        if answer.prompt_tokens is not None and answer.output_tokens is not None:
            return answer.prompt_tokens, answer.output_tokens
        self._note(f"the server reports no token counts: they are guessed as one token for {BYTES_PER_TOKEN} bytes")
        return guessed_tokens(*(message.content for message in ask.messages)), guessed_tokens(answer.reasoning, answer.text)


def guessed_tokens(*texts: str) -> int:
    return -(-sum(len(text.encode()) for text in texts) // BYTES_PER_TOKEN)


def plain(request: CallRequest, fields: Mapping[str, Any]) -> Ask:
    """The request as it is, without reasoning."""
    answer, sampling = request.answer, request.sampling
    return Ask(
        row=request.row,
        messages=request.messages,
        completion=request.completion,
        form=answer,
        max_tokens=_most_tokens(answer),
        sampling={"temperature": sampling.temperature, "top_p": sampling.top_p, "seed": sampling.seed},
        stop=answer.stop if isinstance(answer, FreeText) else (),
        fields=fields,
        score=isinstance(answer, OneLabel),
    )


def _most_tokens(answer: AnswerForm) -> int:
    """A label needs no more tokens than it has bytes; two more for a quote or a full stop."""
    return max(len(label.encode()) for label in answer.labels) + 2 if isinstance(answer, OneLabel) else answer.max_tokens


def _to_blame(reason: str, asked_for: frozenset[str]) -> str | None:
    """The feature that the server's words speak of; when they speak of none, the optional one that was asked for."""
    said = reason.lower()
    spoken_of = [feature for feature, words in FEATURES.items() if feature in asked_for and any(word in said for word in words)]
    if spoken_of:
        return spoken_of[0]
    about_the_row = any(word in said for word in ("context", "too long", "filter", "policy", "safety", "moderation"))
    return None if about_the_row else next((feature for feature in FEATURES if feature in asked_for - NEEDED), None)


def _refused_row(refusal: RefusedError, row: str) -> RowRefusedError:
    return RowRefusedError(
        refusal.what,
        where=f"row {row}, {refusal.where}",
        remedy="shorten the row or serve the model with a longer context" if "context" in refusal.reason.lower() else refusal.remedy,
    )
