"""Puts the end of a race by bits per byte together into the one record that reports show."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from llmpick.decide.race_answer import Place, RaceStop, RaceVerdict
from llmpick.decide.text_answer import TextCostBy, TextDifference, TextFigures, TextRaceAnswer, TextRacer, TextSpending
from llmpick.evidence.model import Candidate, Weights
from llmpick.evidence.values import Interval, Unknown
from llmpick.measure.text_race import Reader, TextRaceEnd, shared_ratios
from llmpick.sources.corpus import Chunk, Corpus
from llmpick.stats.ratios import LogRatios
from llmpick.workflow.models.gather import Broken
from llmpick.workflow.text.notes import notes_of

LEAST_CHUNKS = 2
"""Nobody leads before all have read so many: one chunk says nothing of how far others differ from it."""
MOST_UNITS = 1_000_000
"""A number beyond is no advice."""


@dataclass(frozen=True, slots=True)
class TextRace:
    """All that a race was and came to. `chunks` stand in its order, `readers` in that of the candidates."""

    text: str
    corpus: Corpus
    chunks: tuple[Chunk, ...]
    candidates: tuple[Candidate, ...]
    broken: tuple[Broken, ...]
    readers: tuple[Reader, ...]
    end: TextRaceEnd
    tolerance: float
    confidence: float
    cost_by: TextCostBy
    seed: int

    @property
    def clusters(self) -> NDArray[np.int64]:
        return np.array([chunk.cluster for chunk in self.chunks])

    @property
    def best(self) -> Reader | None:
        """The winner, or who leads where nothing is decided; None where nobody is left, or too little was read to name a leader."""
        read = min((len(reader.scores) for reader in self.end.left), default=0)
        leader = self.end.left[0] if read >= min(LEAST_CHUNKS, len(self.chunks)) else None
        return self.end.chosen or leader


def assemble_text(race: TextRace) -> TextRaceAnswer:
    """The answer. Assumes that some model has read something."""
    spent = [_spent(reader) for reader in race.readers]
    tie = _tie(race)
    return TextRaceAnswer(
        text=race.text,
        verdict=_verdict(race, tie),
        stop=race.end.stop,
        winner=race.best.candidate if race.best else None,
        tie=tie,
        reasons=_reasons(race),
        racers=(*_in_order(race), *(_broken(one) for one in race.broken)),
        chunks=len(race.chunks),
        text_bytes=race.corpus.text_bytes,
        documents=race.corpus.documents,
        units=race.corpus.clusters,
        confidence=race.confidence,
        tolerance=race.tolerance,
        cost_by=race.cost_by,
        seed=race.seed,
        spent=TextSpending(
            sum(part.reads for part in spent),
            sum(part.bytes for part in spent),
            sum(part.processed_tokens for part in spent),
            sum(part.seconds for part in spent),
            sum(part.load_seconds for part in spent),
            sum(part.reused for part in spent),
        ),
        more_chunks=_more_chunks(race),
        notes=notes_of(race.candidates, race.readers, race.corpus),
    )


def _verdict(race: TextRace, tie: tuple[str, ...]) -> RaceVerdict:
    if race.end.chosen is not None:
        return RaceVerdict.TIE if tie else RaceVerdict.WON
    opposed = sum(reader.gone is None for reader in race.readers) > 1 or not race.end.left
    return RaceVerdict.UNDECIDED if opposed else RaceVerdict.ALONE


def _tie(race: TextRace) -> tuple[str, ...]:
    """The winner first, then the others that are shown to be within the tolerance, the best first."""
    if race.end.chosen is None or len(race.end.within) < 2:
        return ()
    return (race.end.chosen.candidate, *(reader.candidate for reader in race.end.within if reader is not race.end.chosen))


def _reasons(race: TextRace) -> tuple[str, ...]:
    stopped = {
        RaceStop.BUDGET: "the budget is spent",
        RaceStop.INTERRUPTED: "it was interrupted",
        RaceStop.STUCK: "the engines of all models that were left failed",
    }.get(race.end.stop)
    alone = _verdict(race, ()) is RaceVerdict.ALONE
    only = f"only {race.end.left[0].candidate} took part: it was compared with nothing" if alone else None
    return tuple(reason for reason in (only, stopped) if reason)


def _in_order(race: TextRace) -> list[TextRacer]:
    """The winner, then who needs the fewest bits per byte; at last those that read nothing."""
    racers = [_racer(reader, candidate, race) for reader, candidate in zip(race.readers, race.candidates, strict=True)]

    def rank(racer: TextRacer) -> tuple[bool, float]:
        difference = racer.difference.on_text if racer.difference else None
        apart = difference.value if isinstance(difference, Interval) else math.inf
        return racer.candidate != (race.best.candidate if race.best else None), apart

    return sorted(racers, key=rank)


def _racer(reader: Reader, candidate: Candidate, race: TextRace) -> TextRacer:
    weights = candidate.run if isinstance(candidate.run, Weights) else None
    compared = race.best is not None and reader is not race.best and bool(reader.scores) and bool(race.best.scores)
    return TextRacer(
        candidate=reader.candidate,
        place=_place(reader, race),
        reasons=_why(reader, race),
        figures=_figures(reader, race) if reader.scores else Unknown("it read nothing"),
        spent=_spent(reader),
        difference=_difference(reader, race.best, race) if compared and race.best else None,
        engine=reader.engine,
        weight_bytes=weights.weight_bytes if weights else None,
        instructed=weights.chat_template is not None if weights else None,
        error=reader.gone,
    )


def _broken(one: Broken) -> TextRacer:
    why = f"{one.error.what} ({one.error.where}); {one.error.remedy}"
    return TextRacer(one.id, Place.FAILED, (why,), Unknown("it cannot be read"), TextSpending(), error=one.error)


def _place(reader: Reader, race: TextRace) -> Place:
    end = race.end
    if reader.gone is not None:
        return Place.FAILED
    if reader.beaten_by is not None:
        return Place.BEATEN
    if end.chosen is None:
        return Place.LEADER if reader is race.best else Place.OPEN
    if reader is end.chosen:
        return Place.CHOSEN
    return Place.TIED if any(reader is one for one in end.within) else Place.BEHIND


def _why(reader: Reader, race: TextRace) -> tuple[str, ...]:
    if reader.gone is not None:
        return (f"{reader.gone.what} ({reader.gone.where}); {reader.gone.remedy}",)
    if reader.beaten_by is not None:
        return (f"{reader.beaten_by} is shown to need fewer bits by more than {100 * race.tolerance:g}%",)
    return ()


def _figures(reader: Reader, race: TextRace) -> TextFigures:
    read = len(reader.scores)
    tokens, size = sum(score.tokens for score in reader.scores), sum(score.text_bytes for score in reader.scores)
    return TextFigures(
        bits_per_byte=_interval(shared_ratios([reader], read, groups=race.clusters), race),
        on_text=_interval(shared_ratios([reader], read, population=len(race.chunks)), race),
        perplexity_per_token=math.exp(min(-sum(score.nats for score in reader.scores) / tokens, _LARGEST_EXPONENT)),
        bytes_per_token=size / tokens,
        tokens=tokens,
        bytes=size,
        chunks=read,
        seconds=reader.seconds,
    )


def _interval(ratios: LogRatios, race: TextRace) -> Interval | Unknown:
    return _too_few(race) if _single(ratios) else ratios.interval(0, race.confidence)


def _difference(reader: Reader, best: Reader, race: TextRace) -> TextDifference:
    shared = min(len(reader.scores), len(best.scores))
    new = shared_ratios([reader, best], shared, groups=race.clusters)
    on_text = shared_ratios([reader, best], shared, population=len(race.chunks))
    return TextDifference(
        on_new_text=_too_few(race) if _single(new) else new.relative_difference(0, 1, race.confidence),
        on_text=_too_few(race) if _single(on_text) else on_text.relative_difference(0, 1, race.confidence),
        more_units=_more_units(new, race.confidence),
    )


def _single(ratios: LogRatios) -> bool:
    return ratios.units < 2 and not ratios.exact


def _too_few(race: TextRace) -> Unknown:
    unit = "document" if race.corpus.documents > 1 else "section of the text"
    return Unknown(f"one {unit} says nothing of how far others differ from it")


def _more_units(new: LogRatios, confidence: float) -> int | None:
    """The error falls with the root of the number of units: how many it takes until the interval would leave out "no difference"."""
    if _single(new):
        return None
    apart = abs(float(new.log[0] - new.log[1]))
    reach = new.reach((1 - confidence) / 2) * float(new.errors_of_differences()[0, 1])
    if reach < apart:
        return 0
    needed = new.units * (reach / apart) ** 2 if apart > 0 else math.inf
    return math.ceil(needed - new.units) if needed < MOST_UNITS else None


def _more_chunks(race: TextRace) -> int | None:
    """How many more of the text's chunks an undecided race would probably need: until each rival's bound is past the tolerance, or short
    of it. The error of n of N chunks falls as 1/n - 1/N.
    """
    left, population = race.end.left, len(race.chunks)
    read = min((len(reader.scores) for reader in left), default=0)
    if race.end.chosen is not None or len(left) < 2 or read < 2 or read == population:
        return None
    ratios = shared_ratios(left, read, population=population)
    needed = [float(read)]
    for rival in range(1, len(left)):
        room = abs(float(ratios.log[rival] - ratios.log[0]) - math.log1p(race.tolerance))
        reach = ratios.reach((1 - race.confidence) / 2) * float(ratios.errors_of_differences()[0, rival])
        if reach > room:
            needed.append(1 / (1 / population + (1 / read - 1 / population) * (room / reach) ** 2))
    return math.ceil(max(needed)) - read


def _spent(reader: Reader) -> TextSpending:
    return TextSpending(
        len(reader.new),
        sum(score.text_bytes for score in reader.new),
        reader.processed_tokens,
        reader.new_seconds,
        reader.load_seconds,
        len(reader.scores) - len(reader.new),
    )


_LARGEST_EXPONENT = 700.0
