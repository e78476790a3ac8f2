"""Models read the user's text side by side, chunk by chunk in one random order, until it is clear which needs the fewest bits per byte.

At every look all models that are left have read the same chunks. Where they do not fit into memory together, one is loaded, reads its
batch, and makes room for the next. A chunk that was read before and kept is not read again. `stats/text_race.py` says who may leave and
when it is over; this file only reads.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from llmpick.decide.cost import cost_ranks
from llmpick.decide.race_answer import RaceStop
from llmpick.evidence.call import EngineInfo
from llmpick.evidence.errors import LlmpickError
from llmpick.evidence.likelihood import TextRead, TextScore
from llmpick.evidence.task import Budget
from llmpick.measure.likelihood import TextScorer
from llmpick.measure.text_chunk import COMPARED_CHUNKS, UNTOLD_TOKENS, read_chunk
from llmpick.stats.looks import looks
from llmpick.stats.ratios import LogRatios, log_ratios
from llmpick.stats.text_race import error_per_claim, judge_text


class HasText(Protocol):
    @property
    def text(self) -> str: ...


@dataclass(slots=True)
class Reader:
    """One model's way through the chunks; `scores[i]` is of chunk i of the race's order.

    `kept` holds what it made of chunks (by their place) in earlier races, `keep` is told what it makes of one now, and `new` are the scores
    of this race alone. `cost` is what it takes by the user's measure, None where that is not known; `seconds` are of reading all that is
    scored, whenever that was, `new_seconds` of what is new. `windowed` counts chunks that were longer than what it can read at once,
    `splits` stand for the token ids of the first chunks, None where they are not known. `beaten_by` names who drove it out, `gone` is the
    failure that ended it, or kept it from starting.
    """

    candidate: str
    open: Callable[[], TextScorer]
    cost: Callable[["Reader"], float | None]
    memory_bytes: int = 0
    kept: Mapping[int, TextRead] = field(default_factory=dict[int, TextRead])
    keep: Callable[[int, TextRead], None] = lambda _, __: None
    scores: list[TextScore] = field(default_factory=list[TextScore])
    new: list[TextScore] = field(default_factory=list[TextScore])
    splits: list[str | None] = field(default_factory=list[str | None])
    windowed: int = 0
    seconds: float = 0.0
    new_seconds: float = 0.0
    load_seconds: float = 0.0
    max_tokens: int | None = None
    engine: EngineInfo | None = None
    beaten_by: str | None = None
    gone: LlmpickError | None = None

    @property
    def processed_tokens(self) -> int:
        """In this race."""
        return sum(score.processed_tokens for score in self.new)

    @property
    def per_chunk(self) -> tuple[float, float]:
        """Tokens processed and seconds taken by a chunk, the mean of all that are scored; 0 before the first."""
        scored = max(len(self.scores), 1)
        return sum(score.processed_tokens for score in self.scores) / scored, self.seconds / scored

    def has_to_read(self, chunk: int) -> bool:
        return chunk >= len(self.scores) and chunk not in self.kept

    def bits(self, chunks: int) -> NDArray[np.float64]:
        return np.array([-score.nats for score in self.scores[:chunks]]) / np.log(2)

    def sizes(self, chunks: int) -> NDArray[np.float64]:
        return np.array([float(score.text_bytes) for score in self.scores[:chunks]])


@dataclass(frozen=True, slots=True)
class TextLook:
    """What is known after `chunks` of `population` chunks: the readers left in, and their ratios on the whole of the text."""

    readers: tuple[Reader, ...]
    chunks: int
    population: int
    ratios: LogRatios


@dataclass(frozen=True, slots=True)
class TextRaceEnd:
    """How it ended. `left` are the readers that neither were beaten nor failed, the leader first; `within` those of them that are shown
    to be within the tolerance of all others; `chosen` is None when nothing is decided, as where one is left that was compared with nobody.
    """

    stop: RaceStop
    left: tuple[Reader, ...]
    within: tuple[Reader, ...]
    chosen: Reader | None


def run_text_race(
    readers: Sequence[Reader],
    chunks: Sequence[HasText],
    *,
    tolerance: float,
    confidence: float,
    budget: Budget,
    capacity_bytes: int,
    on_look: Callable[[TextLook], None],
    on_read: Callable[[Reader, int], None] = lambda _, __: None,
) -> TextRaceEnd:
    """Reads until the race is decided, the budget is spent, or Ctrl-C. `chunks` stand in their random order. `on_read` is told which
    reader begins to read, up to how many chunks.

    A reader whose engine fails leaves alone; the end is `STUCK` when none is left.
    """
    shelf = _Shelf(capacity_bytes)
    error = error_per_claim(len(readers), len(chunks), confidence)
    try:
        for wanted in looks(len(chunks)):
            reach = _affordable(wanted, readers, budget)
            _read(_left(readers), chunks[:reach], shelf, on_read)
            left = _left(readers)
            if not left:
                return TextRaceEnd(RaceStop.STUCK, (), (), None)
            if reach < wanted:
                return _undecided(RaceStop.BUDGET, left)
            look = _look(left, reach, len(chunks))
            on_look(look)
            if sum(reader.gone is None for reader in readers) == 1:
                if reach == len(chunks) or _known_within(look.ratios, tolerance, confidence):
                    return _undecided(RaceStop.ALONE, left)
                continue
            if (end := _judged(look, tolerance, error)) is not None:
                return end
        raise AssertionError("the last look sees all chunks and decides")
    except KeyboardInterrupt:
        return _undecided(RaceStop.INTERRUPTED, _left(readers))
    finally:
        shelf.close()


def shared_ratios(
    readers: Sequence[Reader], chunks: int, *, groups: NDArray[np.int64] | None = None, population: int | None = None
) -> LogRatios:
    """The readers' bits per byte on the first `chunks`; `groups` and `population` as in `stats.ratios.log_ratios`."""
    bits, sizes = np.stack([reader.bits(chunks) for reader in readers]), np.stack([reader.sizes(chunks) for reader in readers])
    return log_ratios(bits, sizes, groups=None if groups is None else groups[:chunks], population=population)


def _left(readers: Sequence[Reader]) -> list[Reader]:
    return [reader for reader in readers if reader.beaten_by is None and reader.gone is None]


def _look(left: Sequence[Reader], chunks: int, population: int) -> TextLook:
    return TextLook(tuple(left), chunks, population, shared_ratios(left, chunks, population=population))


def _judged(look: TextLook, tolerance: float, error: float) -> TextRaceEnd | None:
    """Sends those that are beaten out of the race; how it ended if it is over."""
    ranks = np.array(cost_ranks([reader.cost(reader) for reader in look.readers]))
    standing = judge_text(look.ratios, ranks, tolerance=tolerance, error=error)
    for reader, rival in zip(look.readers, standing.beaten_by, strict=True):
        reader.beaten_by = look.readers[rival].candidate if rival >= 0 else None
    if standing.chosen is None:
        return None
    left, within = _left(look.readers), [reader for reader, shown in zip(look.readers, standing.within, strict=True) if shown]
    stop = RaceStop.ALL_ROWS if look.chunks == look.population else RaceStop.DECIDED
    return TextRaceEnd(stop, _ordered(left), _ordered(within), look.readers[standing.chosen])


def _known_within(ratios: LogRatios, tolerance: float, confidence: float) -> bool:
    """A model alone reads on until its figure is known well."""
    figure = ratios.interval(0, confidence)
    return figure.high <= figure.value * (1 + tolerance)


def _undecided(stop: RaceStop, left: Sequence[Reader]) -> TextRaceEnd:
    return TextRaceEnd(stop, _ordered(left), (), None)


def _ordered(readers: Sequence[Reader]) -> tuple[Reader, ...]:
    """Fewest bits per byte first, on the chunks that all of them have read."""
    shared = min((len(reader.scores) for reader in readers), default=0)
    if not shared:
        return tuple(readers)
    return tuple(sorted(readers, key=lambda reader: reader.bits(shared).sum() / reader.sizes(shared).sum()))


def _affordable(wanted: int, readers: Sequence[Reader], budget: Budget) -> int:
    """Up to which chunk the budget lets all that are left read, at what a chunk has cost each of them; at most `wanted`.

    What was kept costs nothing. Before the first chunk nothing is known of tokens and minutes, so that the first batch is bounded by the
    number of reads alone.
    """
    left = _left(readers)
    done = min((len(reader.scores) for reader in left), default=0)
    open_ = np.array([[reader.has_to_read(chunk) for chunk in range(done, wanted)] for reader in left]).reshape(len(left), wanted - done)
    rates = [reader.per_chunk for reader in left]
    minutes = sum(reader.new_seconds + reader.load_seconds for reader in readers) / 60
    room = [wanted - done]
    for bound, used, prices in (
        (budget.calls, sum(len(reader.new) for reader in readers), [1.0] * len(left)),
        (budget.tokens, sum(reader.processed_tokens for reader in readers), [tokens for tokens, _ in rates]),
        (budget.minutes, minutes, [seconds / 60 for _, seconds in rates]),
    ):
        if bound is not None:
            costs = np.cumsum(np.array(prices) @ open_)
            room.append(int(np.searchsorted(costs, max(bound - used, 0), side="right")))
    return done + min(room)


def _read(readers: Sequence[Reader], chunks: Sequence[HasText], shelf: "_Shelf", on_read: Callable[[Reader, int], None]) -> None:
    """Lets every reader go on to the end of `chunks`; those that are loaded already go first."""
    for reader in sorted(readers, key=lambda reader: not shelf.holds(reader)):
        if any(map(reader.has_to_read, range(len(chunks)))):
            on_read(reader, len(chunks))
        for i in range(len(reader.scores), len(chunks)):
            read = reader.kept.get(i)
            if read is None:
                try:
                    read = read_chunk(shelf.get(reader), chunks[i].text, i)
                except LlmpickError as error:
                    reader.gone = error
                    shelf.drop(reader)
                    break
                reader.keep(i, read)
                reader.new.append(read.score)
                reader.new_seconds += read.seconds
            _enter(reader, read)


def _enter(reader: Reader, read: TextRead) -> None:
    if len(reader.splits) < COMPARED_CHUNKS:
        reader.splits.append(read.split)
    reader.engine, reader.max_tokens = read.engine, read.max_tokens
    reader.windowed += read.score.tokens >= (read.max_tokens or UNTOLD_TOKENS)
    reader.seconds += read.seconds
    reader.scores.append(read.score)


class _Shelf:
    """The models that are loaded now. Closes the one unused for longest when memory would not hold all."""

    def __init__(self, capacity_bytes: int) -> None:
        self._capacity_bytes = capacity_bytes
        self._open: dict[str, tuple[Reader, TextScorer]] = {}

    def holds(self, reader: Reader) -> bool:
        return reader.candidate in self._open

    def get(self, reader: Reader) -> TextScorer:
        if reader.candidate in self._open:
            self._open[reader.candidate] = self._open.pop(reader.candidate)
            return self._open[reader.candidate][1]
        while self._open and reader.memory_bytes + sum(held.memory_bytes for held, _ in self._open.values()) > self._capacity_bytes:
            self.drop(next(iter(self._open.values()))[0])
        scorer = reader.open()
        self._open[reader.candidate] = (reader, scorer)
        reader.load_seconds += scorer.load_seconds
        reader.max_tokens, reader.engine = scorer.max_tokens, scorer.engine
        return scorer

    def drop(self, reader: Reader) -> None:
        held: Mapping[str, tuple[Reader, TextScorer]] = self._open
        if reader.candidate in held:
            self._open.pop(reader.candidate)[1].close()

    def close(self) -> None:
        for reader, _ in list(self._open.values()):
            self.drop(reader)
