"""A task: the user's examples, how they are put to a model, how an answer is scored, and what limits the choice."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal

from llmpick.evidence.ability import TaskFamily


class TaskKind(StrEnum):
    CHOICE = "choice"
    SHORT_ANSWER = "short-answer"
    NUMBER = "number"
    EXTRACT = "extract"
    GENERATE = "generate"


CostBy = Literal["money", "memory", "seconds"]
AnswerBy = Literal["generation", "likelihood"]
Normalisation = Literal["none", "tokens", "bytes", "calibrated"]
"""What the log-likelihood of an answer is divided by; `calibrated` takes away that after an empty context (`measure/choices.py`)."""


@dataclass(frozen=True, slots=True)
class Message:
    role: Literal["system", "user", "assistant"]
    content: str


@dataclass(frozen=True, slots=True)
class Example:
    """One row. `reference` is a label, a string, a number or an object by the task's kind; `place` is where the row stands in its
    file ("examples.jsonl line 7"). `messages` replaces the rendered template when the row is a whole conversation. `cluster` names what
    it shares with other rows, such as a document.
    """

    id: str
    fields: Mapping[str, Any]
    reference: Any
    place: str
    language: str | None = None
    messages: tuple[Message, ...] | None = None
    cluster: str | None = None


@dataclass(frozen=True, slots=True)
class Prompt:
    """`template` is Jinja2 text, rendered in a sandbox with the row's fields; few-shot rows carry their reference as the answer."""

    template: str
    system: str | None = None
    fewshot: tuple[Example, ...] = ()


@dataclass(frozen=True, slots=True)
class Metric:
    """`name` is a file of `measure/metrics/`; `options` are its keyword arguments (for example the tolerance of `number`)."""

    name: str
    options: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True)
class Limits:
    """Hard conditions. None means no limit. `licence` is "commercial" or a tuple of accepted licence ids."""

    device: str = "this machine"
    memory_bytes: int | None = None
    decode_tokens_per_s: float | None = None
    ttft_s: float | None = None
    users: int = 1
    price_per_million_tokens: float | None = None
    licence: Literal["commercial"] | tuple[str, ...] | None = None
    context_tokens: int | None = None
    tuning: Literal["base", "instruct"] | None = None


@dataclass(frozen=True, slots=True)
class Budget:
    """What the race may spend at most; None means no bound. `money` is in the currency of the candidates' prices."""

    calls: int | None = None
    tokens: int | None = None
    minutes: float | None = None
    money: float | None = None


@dataclass(frozen=True, slots=True)
class Price:
    """Money per million tokens read (`input`) and written (`output`)."""

    input: float
    output: float


@dataclass(frozen=True, slots=True)
class HumanLabel:
    """What a person says of one model's answer to one row: 1 better than the opponent's, 0 worse, 0.5 neither.

    `answers` marks the two answers that were compared, as the sheet of `--draw-labels` does; None where the file does not say.
    """

    row: str
    model: str
    score: float
    place: str
    answers: str | None = None


@dataclass(frozen=True, slots=True)
class Judge:
    """Who scores free text that has no right answer: the model `model` compares each answer with that of the model `opponent`.

    Both are named as on the command line; a file that stands beside the task file is named by its path. `criteria` completes "say ...".
    `labels` correct the judge: people's word on rows that a coin drew, each with the probability `label_share`.
    """

    model: str
    opponent: str
    criteria: str | None = None
    labels: tuple[HumanLabel, ...] = ()
    label_share: float = 0.2


StageBy = Literal["likelihood", "generation", "judge"]


@dataclass(frozen=True, slots=True)
class Stage:
    """Evidence on a row that is cheaper than what the task itself says of it, which is the truth (`workflow/cascade/race.py`).

    `by` likelihood: how probable the model finds the right answer. `generation`: what it writes in `max_tokens`, scored by `metric`,
    without thinking first where `thinking` says so. `judge`: the verdict of another judge, `model`. None leaves what the task says.
    """

    by: StageBy
    normalise: Normalisation = "bytes"
    metric: Metric | None = None
    max_tokens: int | None = None
    thinking: Literal["off"] | None = None
    model: str | None = None


@dataclass(frozen=True, slots=True)
class Task:
    """Everything `pick` needs to know about the job. `content_hash` is the SHA-256 of all that the task was read from."""

    name: str
    kind: TaskKind
    languages: tuple[str, ...]
    examples: tuple[Example, ...]
    prompt: Prompt
    metric: Metric
    content_hash: str
    labels: tuple[str, ...] = ()
    schema: Mapping[str, Any] | None = None
    max_output_tokens: int = 64
    limits: Limits = field(default_factory=Limits)
    budget: Budget = field(default_factory=Budget)
    confidence: float = 0.95
    tolerance: float = 0.02
    cost_by: CostBy | None = None
    slices: tuple[str, ...] = ()
    rules: Mapping[str, str] = field(default_factory=dict[str, str])
    seed: int = 0
    prices: Mapping[str, Price] = field(default_factory=dict[str, Price])
    """What a served model costs, by the name that the user types for it (`URL#model`)."""
    model_directories: tuple[str, ...] = ()
    """Folders in which the author of the task keeps models for it; looked through when no model is named."""
    answer_by: AnswerBy = "generation"
    """Of a choice: the model writes a label, or the label is taken that it finds most likely."""
    normalise: Normalisation = "bytes"
    """Of a choice by likelihood: how labels of different length are compared."""
    judge: Judge | None = None
    """None where a metric compares with the reference. With a judge the reference may be "", which is none."""
    cluster: str | None = None
    """The column by which rows belong together; new inputs are then rows of new clusters."""
    stages: tuple[Stage, ...] = ()
    """Cheaper evidence for `race --cascade`, the cheapest first."""
    family: TaskFamily | None = None
    """What the author says that the task asks of a model; None: it is guessed (`estimate/task_family.py`)."""
