"""What was known about one model on one day: from the dated blocks of its catalog entry to `ModelFacts`.

A model is there from the day its weights could be had, whatever says so: its being there was the evidence. Any other fact is
visible once its source was published. A source without a date of its own came with the model. The newest visible fact wins;
among equals the one written later.
"""

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any, TypeVar

from llmpick.catalog.schema import ArchitectureEntry, FactBlock, ModelEntry, SourceEntry
from llmpick.evidence.model import Architecture, AttentionLayer, ModelFacts, RecurrentLayer
from llmpick.evidence.values import Fact, Source

V = TypeVar("V")

Sources = Mapping[str, SourceEntry]


def release_day(entry: ModelEntry, sources: Sources) -> Fact[date]:
    """The newest statement of the day on which the weights could first be had; every entry has one."""
    said = [block for block in entry.facts if block.released is not None]
    newest = max(said, key=lambda block: sources[block.source].published or date.min)
    assert newest.released is not None
    return Fact(newest.released, as_source(sources[newest.source], newest.released))


def facts_on(entry: ModelEntry, sources: Sources, as_of: date | None) -> ModelFacts | None:
    """None where the model was not released by `as_of`; `as_of` None stands for today."""
    released = release_day(entry, sources)
    if as_of is not None and released.value > as_of:
        return None

    def newest(key: str, convert: Callable[[Any, FactBlock], V] = lambda value, _: value) -> Fact[V] | None:
        found: Fact[V] | None = None
        for block in entry.facts:
            value = getattr(block, key)
            source = as_source(sources[block.source], released.value)
            if value is None or (as_of is not None and _day(source) > as_of):
                continue
            if found is None or _day(source) >= _day(found.source):
                found = Fact(convert(value, block), source)
        return found

    total: Fact[int] | None = newest("parameters_total")
    return ModelFacts(
        id=entry.id,
        name=entry.name,
        family=entry.family,
        tuning=entry.tuning,
        parameters_total=total,
        parameters_active=newest("parameters_active") if entry.mixture else total,
        training_tokens=newest("training_tokens"),
        unique_tokens=newest("unique_tokens"),
        context_tokens=newest("context_tokens"),
        licence=newest("licence"),
        languages=newest("languages"),
        released=released,
        vocabulary_size=newest("vocabulary_size"),
        architecture=newest("architecture", lambda value, block: as_architecture(value, block.vocabulary_size)),
        derived_from=entry.derived_from,
        downloads=entry.downloads.model_dump(exclude_none=True),
    )


FACTS = (
    *("released", "parameters_total", "parameters_active", "training_tokens", "unique_tokens", "context_tokens", "licence", "languages"),
    *("vocabulary_size", "architecture"),
)
"""The facts that a block may hold, in the order of the catalog's files."""


def history_of(entry: ModelEntry, sources: Sources) -> dict[str, tuple[Fact[Any], ...]]:
    """Everything that was ever said of one model, by fact, as `facts_on` ranks it: the newest first, later ones of a day before earlier."""
    released = release_day(entry, sources).value
    said: dict[str, list[Fact[Any]]] = {}
    for block in entry.facts:
        source = as_source(sources[block.source], released)
        for key in FACTS:
            value = getattr(block, key)
            if value is not None:
                known = as_architecture(value, block.vocabulary_size) if isinstance(value, ArchitectureEntry) else value
                said.setdefault(key, []).append(Fact(known, source))
    return {key: tuple(_newest_first(facts)) for key, facts in said.items()}


def _newest_first(facts: list[Fact[Any]]) -> list[Fact[Any]]:
    ranked = sorted(enumerate(facts), key=lambda pair: (_day(pair[1].source), pair[0]), reverse=True)
    return [fact for _, fact in ranked]


def as_source(entry: SourceEntry, came_with_model: date | None = None) -> Source:
    return Source(
        title=entry.title,
        url=str(entry.url) if entry.url else None,
        published=entry.published or came_with_model,
        checked=entry.checked,
    )


def as_architecture(entry: ArchitectureEntry, vocabulary_size: int | None) -> Architecture:
    pattern = entry.window_pattern or (entry.window or 0,)
    attention = tuple(_layer(entry, pattern[number % len(pattern)]) for number in range(entry.layers))
    recurrent = tuple(
        RecurrentLayer(entry.state_elements or 0, entry.convolution_elements or 0) for _ in range(entry.recurrent_layers or 0)
    )
    layers = (*recurrent, *attention)
    return Architecture(name=entry.name, hidden_size=entry.hidden_size, vocabulary_size=vocabulary_size, layers=layers)


def _layer(entry: ArchitectureEntry, window: int) -> AttentionLayer:
    kv_heads, head_size = entry.kv_heads, entry.head_size
    if window == 0:
        kv_heads, head_size = entry.full_kv_heads or kv_heads, entry.full_head_size or head_size
    key_size = head_size if head_size is not None else entry.key_size
    value_size = head_size if head_size is not None else entry.value_size
    assert key_size is not None
    assert value_size is not None
    return AttentionLayer(kv_heads, key_size, value_size, window or None, latent=value_size == 0)


def _day(source: Source) -> date:
    assert source.published is not None
    return source.published
