"""What the reader of a race by bits per byte must know to read its figures right: what they mean, and where they are not on equal terms."""

from collections.abc import Iterator, Sequence
from itertools import combinations

from llmpick.evidence.model import Candidate, Weights
from llmpick.measure.text_race import Reader
from llmpick.sources.corpus import Corpus

FEW_DOCUMENTS = 10
MEANING = (
    "Bits per byte tells how well a model predicts this text: fewer is better, and models with different tokenizers compare. It ranks base "
    "models, and says nothing about following instructions."
)


def notes_of(candidates: Sequence[Candidate], readers: Sequence[Reader], corpus: Corpus) -> tuple[str, ...]:
    """The notes, what the measure means first. `candidates` and `readers` stand in the same order."""
    read = [reader for reader in readers if reader.scores]
    return (
        MEANING,
        *_instructed(candidates),
        *_few_documents(corpus),
        *(f"{reader.candidate}: {reader.engine.note}." for reader in read if reader.engine and reader.engine.note),
        *_unequal_context(read),
        *_unscored_starts(read),
        *_unlike_tokenizers(candidates, readers),
    )


def _instructed(candidates: Sequence[Candidate]) -> Iterator[str]:
    names = [one.id for one in candidates if isinstance(one.run, Weights) and one.run.chat_template is not None]
    if names:
        models = "has a chat template, so it was" if len(names) == 1 else "have a chat template, so they were"
        yield f"{', '.join(names)} {models} probably trained further to chat, which mostly costs bits on plain text."


def _few_documents(corpus: Corpus) -> Iterator[str]:
    if corpus.documents == 1:
        sections = f"{corpus.clusters} sections were compared"
        yield f"All text is one document: intervals for new text hold for more of it ({sections}), not for other documents."
    elif corpus.documents < FEW_DOCUMENTS:
        yield f"{corpus.documents} documents say little of new ones, so the intervals for new text are wide."


def _unequal_context(readers: Sequence[Reader]) -> Iterator[str]:
    """One chunk, one window, is what all are given; a model whose context is too short for that stands apart."""
    for reader in readers:
        if reader.windowed:
            yield (
                f"{reader.candidate} can read {reader.max_tokens or 'an unknown number of'} tokens at once, less than a chunk: "
                f"{reader.windowed:,} of its {len(reader.scores):,} chunks were read in overlapping windows, so it was given less context "
                "than the others."
            )


def _unscored_starts(readers: Sequence[Reader]) -> Iterator[str]:
    without = [reader for reader in readers if not all(score.first_token_scored for score in reader.scores)]
    if without and len(without) < len(readers):
        yield (
            f"{', '.join(reader.candidate for reader in without)}: the model knows no mark for the start of a text, so the first token of "
            "each chunk is left out, with its bytes; for the others it counts."
        )


def _unlike_tokenizers(candidates: Sequence[Candidate], readers: Sequence[Reader]) -> Iterator[str]:
    for one, other in _same_model(candidates, readers):
        both = [i for i, pair in enumerate(zip(one.splits, other.splits, strict=False)) if None not in pair]
        unlike = sum(one.splits[i] != other.splits[i] for i in both)
        if unlike:
            counts = [sum(reader.scores[i].tokens for i in both) for reader in (one, other)]
            yield (
                f"{one.candidate} and {other.candidate} are one model, but {_engine(one)} and {_engine(other)} split {unlike} of the first "
                f"{len(both)} chunks differently ({counts[0]:,} and {counts[1]:,} tokens): a part of their difference is the tokenizers'."
            )


def _same_model(candidates: Sequence[Candidate], readers: Sequence[Reader]) -> Iterator[tuple[Reader, Reader]]:
    """Pairs of readers that stand for one model, by what the catalog knows, else by the name in its files."""
    for (one, reader), (other, another) in combinations(zip(candidates, readers, strict=True), 2):
        if (name := _name(one)) is not None and name == _name(other):
            yield reader, another


def _name(candidate: Candidate) -> str | None:
    if candidate.facts:
        return candidate.facts.id
    return candidate.run.name if isinstance(candidate.run, Weights) else None


def _engine(reader: Reader) -> str:
    return reader.engine.name if reader.engine else "its engine"
