"""`race --text`: which model finds the user's own text least surprising, with no labels at all.

The text is cut into chunks (`sources/corpus.py`), the models read them side by side in a random order (`measure/text_race.py`) until the
rules of `stats/text_race.py` decide, and `workflow/text/assemble.py` says what was found. What a model made of a chunk is kept, so that
the same command goes on after Ctrl-C or `kill`, and another race reads only what is new (`workflow/text/kept.py`).

The measure is bits per byte: it compares models with different tokenizers, it ranks base models, and it says nothing about following
instructions.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Protocol

import numpy as np

from llmpick.decide.race_answer import RaceStop
from llmpick.decide.text_answer import TextCostBy, TextRaceAnswer
from llmpick.evidence.errors import InputError, ModelFileError
from llmpick.evidence.model import Candidate, Weights
from llmpick.evidence.task import Budget
from llmpick.measure.likelihood import TextScorer
from llmpick.measure.scorers import READS, open_scorer
from llmpick.measure.text_chunk import ROOM_FOR_MARKS
from llmpick.measure.text_race import Reader, TextLook, run_text_race
from llmpick.measure.windows import led
from llmpick.sources.corpus import CHUNK_BYTES, Corpus, read_corpus
from llmpick.sources.hardware import this_machine
from llmpick.store.store import Store
from llmpick.workflow.models.content import file_hasher
from llmpick.workflow.models.gather import gather
from llmpick.workflow.text.assemble import TextRace, assemble_text
from llmpick.workflow.text.kept import KeptText, reader_identity, text_keys
from llmpick.workflow.text.memory import reading_bytes

CONFIDENCE = 0.95
TOLERANCE = 0.01
"""A share: models that need at most 1% more bits than the best are a tie."""
LEAST_BYTES = 512
"""On a shorter text it hangs on the passage how two models compare: between two real models on 18 passages of 512 bytes the difference has
a standard deviation of 4% in English and 6% in Chinese, so that it is off by a tenth 1 time in 20; on 256 bytes 7% and 10%
(`benchmarks/short_texts.py`)."""
LONGEST_CHUNK = 1.5
"""Chunks are cut within a quarter of their length on either side."""
Opener = Callable[..., TextScorer]
"""As `measure.scorers.open_scorer`."""


class Noted(Protocol):
    """Whoever is told what goes on."""

    note: Callable[[str], None]


@dataclass(frozen=True, slots=True)
class TextRaceOptions:
    """What the user asked for; None stands for the usual. `tolerance` is a share of the best model's bits per byte.

    Of the budget, `calls` counts chunks read by a model, `tokens` what the engines process, and `money` cannot be kept: no price is known.
    What was read before costs nothing of it.
    """

    text: Path
    models: tuple[str, ...] = ()
    directories: tuple[Path, ...] = ()
    as_of: date | None = None
    seed: int | None = None
    confidence: float | None = None
    tolerance: float | None = None
    cost_by: TextCostBy | None = None
    budget: Budget | None = None
    chunk_bytes: int = CHUNK_BYTES
    engines: tuple[str, ...] = ()
    """Read with each of these engines that can, every one a candidate of its own; empty stands for each model's usual engine."""
    store_url: str | None = None


def race_text(
    options: TextRaceOptions,
    *,
    environ: Mapping[str, str],
    watch: Noted | None = None,
    opener: Opener = open_scorer,
) -> TextRaceAnswer:
    """Races. After Ctrl-C the answer is undecided and names who leads; a model whose engine fails loses alone.

    Raises `InputError` for a text or a name that cannot be used, and the first failure when no model read anything.
    """
    note = watch.note if watch else lambda _: None
    budget = options.budget or Budget()
    if budget.money is not None:
        raise InputError("nothing is known of prices", where="--budget", remedy="give calls (chunks read by a model), tokens or minutes")
    corpus = _long_enough(read_corpus(options.text, chunk_bytes=options.chunk_bytes), options.text)
    found = gather(options.models, directories=options.directories, as_of=options.as_of, environ=environ)
    if not found.candidates:
        raise found.broken[0].error if found.broken else _nobody()
    seed = options.seed or 0
    order = np.random.default_rng(seed).permutation(len(corpus.chunks))
    chunks = tuple(corpus.chunks[i] for i in order)
    cost_by = options.cost_by or "memory"
    entrants = _entrants(found.candidates, options.engines)
    tolerance = TOLERANCE if options.tolerance is None else options.tolerance
    confidence = CONFIDENCE if options.confidence is None else options.confidence
    with Store.open(options.store_url) as store:
        readers = [_reader(candidate, engine, cost_by, options.chunk_bytes, opener) for candidate, engine in entrants]
        for reader, (candidate, engine) in zip(readers, entrants, strict=True):
            _find_kept(reader, candidate, engine, [chunk.text for chunk in chunks], options.chunk_bytes, store, note)
        end = run_text_race(
            readers,
            chunks,
            tolerance=tolerance,
            confidence=confidence,
            budget=budget,
            capacity_bytes=this_machine().memory_free_bytes,
            on_look=lambda look: note(_progress(look)),
            on_read=lambda reader, end: note(f"{reader.candidate} reads up to {end:,} of {len(chunks):,} chunks"),
        )
    _refuse_if_nothing_was_read(readers, end.stop)
    return assemble_text(
        TextRace(
            text=str(options.text),
            corpus=corpus,
            chunks=chunks,
            candidates=tuple(candidate for candidate, _ in entrants),
            broken=found.broken,
            readers=tuple(readers),
            end=end,
            tolerance=tolerance,
            confidence=confidence,
            cost_by=cost_by,
            seed=seed,
        )
    )


def _long_enough(corpus: Corpus, text: Path) -> Corpus:
    """Without chunks that are a single word, of which nothing is scored. Raises `InputError` for a text that is too short to compare on."""
    chunks = tuple(chunk for chunk in corpus.chunks if led(chunk.text)[1])
    scored = sum(len(led(chunk.text)[1].encode()) for chunk in chunks)
    if scored < LEAST_BYTES:
        raise InputError(
            f"{scored:,} bytes are scored of this text (all but the first word of each part), too few to tell models apart",
            where=str(text),
            remedy=f"give at least {LEAST_BYTES} bytes; some tens of thousands, from several documents, tell much more",
        )
    clusters = {cluster: number for number, cluster in enumerate(dict.fromkeys(chunk.cluster for chunk in chunks))}
    kept = tuple(replace(chunk, cluster=clusters[chunk.cluster]) for chunk in chunks)
    return Corpus(kept, len({chunk.document for chunk in kept}), len(clusters))


def _entrants(candidates: Sequence[Candidate], engines: Sequence[str]) -> list[tuple[Candidate, str]]:
    """Every candidate with its engine, the usual one where the user names none that can; one that reads on several is named by them too."""
    entrants: list[tuple[Candidate, str]] = []
    for candidate in candidates:
        able = READS.get(candidate.run.format, ()) if isinstance(candidate.run, Weights) else ("endpoint",)
        chosen = [engine for engine in engines if engine in able]
        if len(chosen) > 1:
            entrants += [(replace(candidate, id=f"{candidate.id} on {engine}"), engine) for engine in chosen]
        else:
            entrants.append((candidate, (chosen or able)[0]))
    return entrants


def _reader(candidate: Candidate, engine: str, cost_by: TextCostBy, chunk_bytes: int, opener: Opener) -> Reader:
    weights = candidate.run if isinstance(candidate.run, Weights) else None
    context = _context_tokens(candidate, chunk_bytes)

    def opened() -> TextScorer:
        return opener(candidate.run, engine=engine, context_tokens=context)

    def cost(reader: Reader) -> float | None:
        if cost_by == "memory":
            return weights.weight_bytes if weights else None
        read = sum(score.text_bytes for score in reader.scores)
        return reader.seconds / read if read else None

    return Reader(candidate.id, opened, cost, reading_bytes(candidate, engine, context))


def _context_tokens(candidate: Candidate, chunk_bytes: int) -> int:
    """Enough for the longest chunk, or all that the model reads at once."""
    wanted = int(LONGEST_CHUNK * chunk_bytes) + ROOM_FOR_MARKS
    own = candidate.run.context_tokens if isinstance(candidate.run, Weights) else None
    return min(wanted, own) if own else wanted


def _find_kept(
    reader: Reader,
    candidate: Candidate,
    engine: str,
    texts: Sequence[str],
    chunk_bytes: int,
    store: Store,
    note: Callable[[str], None],
) -> None:
    """Gives the reader what it read before. A model whose file cannot be read is out of the race before it begins."""
    try:
        identity = reader_identity(candidate, engine, file_hash=file_hasher(store, note))
    except ModelFileError as error:
        reader.gone = error
        return
    kept = KeptText(store, text_keys(identity, texts, context_tokens=_context_tokens(candidate, chunk_bytes)))
    reader.kept, reader.keep = kept.found(), kept.keep
    if reader.kept:
        note(f"{reader.candidate}: {len(reader.kept):,} of {len(texts):,} chunks were read before and are not read again")


def _progress(look: TextLook) -> str:
    names = [reader.candidate for reader in look.readers]
    leader = int(np.argmin(look.ratios.log))
    figure = float(np.exp(look.ratios.log[leader]))
    others = f"{len(names)} models are left" if len(names) > 1 else "no other model is left"
    return f"{look.chunks:,} of {look.population:,} chunks read: {names[leader]} leads with {figure:.3f} bits per byte, {others}"


def _refuse_if_nothing_was_read(readers: Sequence[Reader], stop: RaceStop) -> None:
    if any(reader.scores for reader in readers):
        return
    if stop is RaceStop.INTERRUPTED:
        raise KeyboardInterrupt
    if stop is RaceStop.BUDGET:
        raise InputError("the budget does not reach for one chunk of every model", where="--budget", remedy="raise it")
    failures = [reader.gone for reader in readers if reader.gone]
    raise failures[0]


def _nobody() -> InputError:
    return InputError("there is no model to race", where="this machine", remedy="name at least two with --model")
