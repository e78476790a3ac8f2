"""What the ability prior reads: facts of models, and scores that somebody published of them."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum


class TaskFamily(StrEnum):
    """What a task asks of a model; the value is what the user types."""

    KNOWLEDGE = "knowledge"
    SCIENCE = "science"
    MATH = "math"
    CODE = "code"
    CONTEST_CODE = "contest-code"
    INSTRUCTIONS = "instructions"
    CHAT = "chat"
    WRITING = "writing"
    SUMMARIZE = "summarize"
    REWRITE = "rewrite"
    EXTRACT = "extract"
    TRANSLATE = "translate"
    TOOLS = "tools"
    LONG_CONTEXT = "long-context"
    REASONING = "reasoning"
    CLASSIFY = "classify"


@dataclass(frozen=True, slots=True)
class AbilityFacts:
    """What the prior reads of a model; None = not known.

    `parameters` (total) and `active` (used by one token) are counts, `tokens` those that the model was pretrained on. `tuned`: it follows
    instructions; `code`: made for code. `bits_per_weight`: as quantised; None is the model as published.
    """

    id: str
    family: str
    parameters: float
    active: float | None
    tokens: float | None
    released: date | None
    tuned: bool
    languages: tuple[str, ...] | None
    code: bool = False
    bits_per_weight: float | None = None


@dataclass(frozen=True, slots=True)
class PublishedScore:
    """One published figure: the score in [0, 1] of a model (the id of its facts) on a benchmark, and where it was published."""

    model: str
    benchmark: str
    score: float
    source: str
