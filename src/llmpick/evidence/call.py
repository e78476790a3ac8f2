"""One call to a model: what is asked, what came back, and the record that is kept of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal

from llmpick.evidence.task import Message


@dataclass(frozen=True, slots=True)
class FreeText:
    """Plain text, ended by the model, by one of `stop`, or after `max_tokens`."""

    max_tokens: int
    stop: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class OneLabel:
    """Exactly one of `labels`, with a probability for each where the engine can give it."""

    labels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class JsonObject:
    """An object that satisfies the JSON Schema `schema`."""

    schema: Mapping[str, Any]
    max_tokens: int


@dataclass(frozen=True, slots=True)
class Number:
    """A decimal number."""

    max_tokens: int = 24


AnswerForm = FreeText | OneLabel | JsonObject | Number


@dataclass(frozen=True, slots=True)
class Sampling:
    """Greedy when `temperature` is 0. The seed is recorded either way."""

    temperature: float = 0.0
    top_p: float = 1.0
    seed: int = 0


ENDING = "That is all the time there is for thinking; the answer follows from what stands above."
"""What closes a reasoning whose budget is spent (budget forcing, arXiv:2501.19393, section 3.1). Where it stands, the reasoning was cut."""


@dataclass(frozen=True, slots=True)
class Thinking:
    """Whether the model reasons before it answers, and how its template is told so.

    `arguments` are variables of the chat template, `system` a word of the system text; both are empty for a server, whose own switch is
    found by asking it. The reasoning stands between `opening` and `closing`, takes at most `max_tokens`, and is drawn with `temperature`
    and `top_p`: the makers of such models advise 0.6 and 0.95, and warn of endless repetition under greedy decoding (arXiv:2505.09388,
    section 4.6; the model card of DeepSeek-R1). The answer after it is drawn as the request says.
    """

    on: bool
    max_tokens: int = 0
    arguments: Mapping[str, Any] = field(default_factory=dict[str, Any])
    system: str = ""
    opening: str = "<think>\n"
    closing: str = "</think>\n\n"
    temperature: float = 0.6
    top_p: float = 0.95
    ending: str = ENDING


@dataclass(frozen=True, slots=True)
class CallRequest:
    """One row as it is put to a model.

    `messages` serves a model with a chat template of its own, `completion` a base model: the same words, never a borrowed template.
    """

    row: str
    messages: tuple[Message, ...]
    completion: str
    answer: AnswerForm
    sampling: Sampling = field(default_factory=Sampling)
    group: str = ""
    """Requests of one group begin with the same words (their few-shot rows), which an engine may compute once for all of them."""
    thinking: Thinking | None = None
    """None leaves it to the engine: ours ask a template that can switch not to think, a server does what it does by default."""


@dataclass(frozen=True, slots=True)
class Completion:
    """What the engine returned. Seconds are wall-clock; `prefill_seconds` and `decode_seconds` are None where the engine does not tell.

    `label_probabilities` sums to 1 over the asked labels; None when the answer is not a label or the engine cannot score.
    `finish` is "length" when the answer was cut off by its token limit. `prompt_tokens` counts all prompt tokens, cached ones
    included. `reasoning` is what was thought before the answer, never part of `text`; its tokens are among `output_tokens`, and
    `reasoning_cut` says that its budget ended it. Counts are of everything that was spent: of `unanswered` further attempts too, which
    were sent, broke off (a time-out, a lost connection) and may have been charged all the same.
    """

    text: str
    finish: Literal["stop", "length"]
    prompt_tokens: int
    output_tokens: int
    seconds: float
    prefill_seconds: float | None = None
    decode_seconds: float | None = None
    label_probabilities: Mapping[str, float] | None = None
    reasoning: str = ""
    reasoning_tokens: int = 0
    reasoning_cut: bool = False
    unanswered: int = 0


@dataclass(frozen=True, slots=True)
class EngineInfo:
    """Who answered, under which settings. `options` holds every setting that can change an output, by the engine's own names.

    `device` is what the engine computes on ("cpu"); `note` tells of a device that stands idle, and how to mend it.
    """

    name: str
    version: str
    device: str
    options: Mapping[str, Any] = field(default_factory=dict[str, Any])
    note: str | None = None


class Outcome(StrEnum):
    """How a call ended. All but `FAILED` are scored; `FAILED` is the machinery's fault and leaves the row missing."""

    ANSWERED = "answered"
    CUT_OFF = "cut off"
    EMPTY = "empty"
    UNPARSED = "unparsed"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class CallRecord:
    """One call, as it is stored. `key` is the hash of everything that can change the output; `score` is in [0, 1], None if failed.

    `output` begins with the model's reasoning, where there was one, between `<think>` and `</think>`; it is never scored.
    """

    key: str
    candidate: str
    row: str
    prompt_hash: str
    outcome: Outcome
    output: str
    score: float | None
    prompt_tokens: int
    output_tokens: int
    seconds: float
    seed: int
    prefill_seconds: float | None = None
    decode_seconds: float | None = None
    label_probabilities: Mapping[str, float] | None = None
    error: str | None = None
