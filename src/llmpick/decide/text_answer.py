"""The answer of `race --text` as one immutable record: which model finds the user's text least surprising, and how sure that is.

Reports are functions of this record alone.
"""

from dataclasses import dataclass, field
from typing import Literal

from llmpick.decide.race_answer import Place, RaceStop, RaceVerdict
from llmpick.evidence.call import EngineInfo
from llmpick.evidence.errors import LlmpickError
from llmpick.evidence.values import Interval, Unknown

TextCostBy = Literal["memory", "seconds"]


@dataclass(frozen=True, slots=True)
class TextSpending:
    """What reading took. `reads` counts chunks read by a model, `bytes` those of the text read, every model's own; `processed_tokens`
    counts all that the engines had to read, overlapping windows included; `seconds` are of reading, `load_seconds` of loading. `reused`
    counts chunks that a model had read before this race; they took nothing.
    """

    reads: int = 0
    bytes: int = 0
    processed_tokens: int = 0
    seconds: float = 0.0
    load_seconds: float = 0.0
    reused: int = 0


@dataclass(frozen=True, slots=True)
class TextFigures:
    """What one model was seen to do on the `chunks` that it read.

    `bits_per_byte` holds for new text like the user's, `on_text` for the whole of the user's own text (a point once all of it is read).
    `perplexity_per_token` and `bytes_per_token` belong to the model's own tokenizer. `seconds` are of reading, whenever that was.
    """

    bits_per_byte: Interval | Unknown
    on_text: Interval | Unknown
    perplexity_per_token: float
    bytes_per_token: float
    tokens: int
    bytes: int
    chunks: int
    seconds: float


@dataclass(frozen=True, slots=True)
class TextDifference:
    """How many bits more than the winner a model needs, as a share of the winner's, on the chunks that both read.

    `more_units`: about so many more documents (or sections) like these would show whether the two differ on new text; 0 when it is shown
    already, None where that cannot be said.
    """

    on_new_text: Interval | Unknown
    on_text: Interval | Unknown
    more_units: int | None


@dataclass(frozen=True, slots=True)
class TextRacer:
    """One candidate's part of the answer. `figures` are Unknown for one that read nothing, `difference` is None for the winner.

    `instructed` says that the model has a chat template of its own, so that it is probably no base model; None where it is not known.
    """

    candidate: str
    place: Place
    reasons: tuple[str, ...]
    figures: TextFigures | Unknown
    spent: TextSpending
    difference: TextDifference | None = None
    engine: EngineInfo | None = None
    weight_bytes: int | None = None
    instructed: bool | None = None
    error: LlmpickError | None = None


@dataclass(frozen=True, slots=True)
class TextRaceAnswer:
    """Everything `race --text` found out. `winner` is who leads where the verdict is "undecided", who took part where it is "alone", None
    where nobody leads.

    `tie` holds all that are shown to be within the tolerance of the best, the winner first; it is empty where there is only one.
    `units` is what intervals for new text count: documents, or sections of the only document.
    """

    text: str
    verdict: RaceVerdict
    stop: RaceStop
    winner: str | None
    tie: tuple[str, ...]
    reasons: tuple[str, ...]
    racers: tuple[TextRacer, ...]
    chunks: int
    text_bytes: int
    documents: int
    units: int
    confidence: float
    tolerance: float
    cost_by: TextCostBy
    seed: int
    spent: TextSpending
    more_chunks: int | None = None
    """About so many more chunks would decide, where the race was stopped before; None where it is decided or nothing can be said."""
    notes: tuple[str, ...] = field(default=())

    @property
    def unit(self) -> str:
        return "document" if self.documents > 1 else "section"

    @property
    def decided(self) -> bool:
        return self.verdict in (RaceVerdict.WON, RaceVerdict.TIE)

    @property
    def unopposed(self) -> bool:
        """Whether failures of the others left one model that was compared with nothing."""
        return self.verdict is RaceVerdict.ALONE and any(racer.place is Place.FAILED for racer in self.racers)
