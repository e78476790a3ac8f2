"""What the reader of a race by bits per byte must know to read its figures right: what they mean, and where they are not on equal terms."""

from collections.abc import Iterator, Sequence
from itertools import combinations

from llmpick.evidence.model import Candidate, Weights
from llmpick.measure.text_race import Reader
from llmpick.sources.corpus import Corpus

FEW_DOCUMENTS = 10
MEANING = (
    "Bits per byte tells how well a model predicts this text: fewer is better, and models with different tokenizers compare. It ranks base "
    "models, and says nothing about following instructions. The first word of each chunk is read and not scored, so that all models are "
    "scored on the same bytes, those included that have no mark for the start of a text."
)


def notes_of(candidates: Sequence[Candidate], readers: Sequence[Reader], corpus: Corpus) -> tuple[str, ...]:
    """The notes, what the measure means first. `candidates` and `readers` stand in the same order."""
    read = [reader for reader in readers if reader.scores]
    return (
        MEANING,
        *_instructed(candidates),
        *_few_documents(corpus),
        *(f"{reader.candidate}: {reader.engine.note}." for reader in read if reader.engine and reader.engine.note),
        *_unequal_context(candidates, readers),
        *_unlike_tokenizers(candidates, readers),
    )


def _instructed(candidates: Sequence[Candidate]) -> Iterator[str]:
    names = [one.id for one in candidates if isinstance(one.run, Weights) and one.run.chat_template is not None]
    if names:
        models = "has a chat template, so it was" if len(names) == 1 else "have a chat template, so they were"
        yield f"{', '.join(names)} {models} probably trained further to chat, which mostly costs bits on plain text."


def _few_documents(corpus: Corpus) -> Iterator[str]:
    if corpus.documents == 1:
        sections = "there is only one section of it" if corpus.clusters == 1 else f"{corpus.clusters} sections were compared"
        yield f"All text is one document: intervals for new text hold for more of it ({sections}), not for other documents."
    elif corpus.documents < FEW_DOCUMENTS:
        yield f"{corpus.documents} documents say little of new ones, so the intervals for new text are wide."


def _unequal_context(candidates: Sequence[Candidate], readers: Sequence[Reader]) -> Iterator[str]:
    """One chunk, one window, is what all are given; models that cannot hold a chunk stand apart, and from each other."""
    cut = [(candidate, reader) for candidate, reader in zip(candidates, readers, strict=True) if reader.windowed]
    for candidate, reader in cut:
        yield (
            f"{reader.candidate} reads {f'{reader.max_tokens:,}' if reader.max_tokens else 'an unknown number of'} tokens at once"
            f"{_why_no_more(candidate, reader)}: {reader.windowed:,} of its {len(reader.scores):,} chunks did not fit, and were read in "
            "overlapping windows."
        )
    rest = sum(bool(reader.scores) for reader in readers) - len(cut)
    sizes = {reader.max_tokens for _, reader in cut}
    if cut and rest:
        names = ", ".join(reader.candidate for _, reader in cut)
        yield f"So the words of {names} had less context than those of the models that read a chunk as a whole."
    if len(sizes) > 1 and None not in sizes:
        least = min((reader for _, reader in cut), key=lambda reader: reader.max_tokens or 0)
        yield f"Of the models read in windows, {least.candidate} had the least context."


def _why_no_more(candidate: Candidate, reader: Reader) -> str:
    own = candidate.run.context_tokens if isinstance(candidate.run, Weights) else None
    if reader.max_tokens is None:
        return ""
    if own is not None and reader.max_tokens >= own:
        return " (its own context)"
    if isinstance(candidate.run, Weights):
        return " (a limit of the engine, not of the model: it holds the logits of so many tokens of this vocabulary)"
    return " (as its server is set)"


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
