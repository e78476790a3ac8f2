"""One model: what each source says of it, what its architecture means for memory, and what its files say; and the same as JSON."""

from collections.abc import Callable, Iterator
from dataclasses import asdict
from datetime import date
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from llmpick.catalog.answers import ModelInfo, Published
from llmpick.estimate.sequence_memory import Meaning, meaning_of
from llmpick.evidence.model import Architecture, Blueprint, ModelFacts
from llmpick.evidence.values import Fact
from llmpick.report import numbers
from llmpick.report.facts import Line, fact_document, print_facts, source_document, source_text
from llmpick.report.layers import kind_text
from llmpick.report.text import one_line

SCHEMA_VERSION = 1
KIB = 1024
NOT_SAID = "no source of the catalog gives it"
USE = {"yes": "commercial use allowed", "no": "no commercial use", "conditions": "commercial use under conditions"}
PLACES = {
    "huggingface": "https://huggingface.co/{}",
    "gguf": "https://huggingface.co/{} (GGUF files)",
    "modelscope": "https://modelscope.cn/models/{}",
    "ollama": "ollama pull {}",
}


def _architecture_text(architecture: Architecture) -> str:
    layers = numbers.counted(len(architecture.layers), "layer with a cache", "layers with a cache")
    return f"{architecture.name}, {numbers.count(architecture.hidden_size)} wide, {layers}"


LABELS: dict[str, tuple[str, Callable[[Any], str]]] = {
    "released": ("released", lambda day: day.isoformat()),
    "parameters_total": ("parameters", numbers.large),
    "parameters_active": ("parameters used per token", numbers.large),
    "training_tokens": ("tokens of training", numbers.large),
    "unique_tokens": ("different tokens among them", numbers.large),
    "context_tokens": ("tokens of context", numbers.count),
    "licence": ("licence", str),
    "languages": ("languages", ", ".join),
    "vocabulary_size": ("vocabulary", numbers.count),
    "architecture": ("architecture", _architecture_text),
}
"""Every fact in the order of the report: what it is called, and how it is written."""
RARELY_SAID = ("unique_tokens",)
"""That these are not known goes without saying in the terminal."""


def print_info(found: ModelInfo, console: Console) -> None:
    if found.published is not None:
        _print_published(found.published, console, read=bool(found.files))
    elif found.files:
        console.print(Text("The catalog does not know this model: what follows is what its files say."))
    for file in found.files:
        console.print()
        _print_file(file, console)
    named = one_line(found.name)
    console.print()
    console.print(Text(f'Will it run, how fast, at what price: llmpick fit "{named}" --device "RTX 4090"'))


def _print_published(published: Published, console: Console, *, read: bool) -> None:
    """`read`: the files follow, and say what a sequence keeps."""
    facts = published.facts
    base = f", made from {facts.derived_from}" if facts.derived_from else ""
    console.print(Text.assemble((one_line(facts.name), "bold"), f"  {facts.id}, family {facts.family}, {facts.tuning}{base}"))
    print_facts(list(_lines(published)), console)
    asked = {key: label for key, (label, _) in LABELS.items() if key not in RARELY_SAID}
    missing = [label for key, label in asked.items() if key not in published.history and not _follows(key, facts)]
    if missing:
        console.print(Text(f"Not known ({NOT_SAID}): {', '.join(missing)}."))
    for line in _words(published):
        console.print(Text(line))
    if facts.architecture is not None and not read:
        _print_meaning(facts.architecture.value, facts.context_tokens.value if facts.context_tokens else None, console)
    if published.aliases:
        console.print(Text(f"Passed on as: {', '.join(published.aliases)}"))
    if facts.downloads:
        console.print(Text("Where to get it"))
        for place, name in facts.downloads.items():
            console.print(Padding(Text(PLACES[place].format(name)), (0, 0, 0, 2)))


def _lines(published: Published) -> Iterator[Line]:
    for key, (label, write) in LABELS.items():
        for age, fact in enumerate(published.history.get(key, ())):
            licence = f" ({USE[published.licence.commercial_use]})" if key == "licence" and age == 0 and published.licence else ""
            yield Line(label, f"{write(fact.value)}{licence}", fact.source, older=age > 0)


def _follows(key: str, facts: ModelFacts) -> bool:
    """A dense model uses all its parameters for every token; nobody has to say so."""
    return key == "parameters_active" and facts.parameters_active is not None


def _words(published: Published) -> Iterator[str]:
    """What follows from two facts together."""
    facts = published.facts
    if published.licence is not None and published.licence.condition:
        yield f"Commercial use: {published.licence.condition}"
    if facts.parameters_total is not None:
        size = numbers.memory(2 * facts.parameters_total.value)
        yield f"Weights take about {size} at 16 bits each."
    if facts.training_tokens is not None and facts.parameters_total is not None:
        ratio = facts.training_tokens.value / facts.parameters_total.value
        yield f"It saw {ratio:,.0f} tokens per parameter."


def _print_meaning(architecture: Architecture, context_tokens: int | None, console: Console) -> None:
    meaning = meaning_of(architecture, context_tokens)
    console.print(Text("What a sequence keeps, with a cache of 16 bits"))
    for line in (*map(kind_text, meaning.kinds), *_cache_lines(meaning)):
        console.print(Padding(Text(line), (0, 0, 0, 2)))


def _cache_lines(meaning: Meaning) -> Iterator[str]:
    grows = f"{meaning.per_token_bytes / KIB:,.1f} KiB for each token of context" if meaning.per_token_bytes else "no more with the context"
    yield f"together {grows}{', beside the windows' if any(kind.window for kind in meaning.kinds) else ''}"
    yield f"{', '.join(f'{numbers.memory(size)} at {numbers.count(tokens)}' for tokens, size in meaning.at)} tokens"


def _print_file(file: Blueprint, console: Console) -> None:
    console.print(Text.assemble((one_line(file.name), "bold"), f"  {file.format}, {one_line(file.quantization)}"))
    console.print(Text(source_text_of(file)))
    said = [f"{numbers.large(file.parameters)} parameters", f"weights {numbers.memory(file.weights_bytes)}"]
    if file.context_tokens is not None:
        said.append(f"trained on {numbers.count(file.context_tokens)} tokens of context")
    console.print(Text(", ".join(said)))
    if file.tensors:
        console.print(_tensor_table(file))
    if file.architecture is None:
        console.print(Text("Its architecture is not known: what a sequence keeps cannot be told."))
    else:
        console.print(Text(_architecture_text(file.architecture)))
        _print_meaning(file.architecture, file.context_tokens, console)


def source_text_of(file: Blueprint) -> str:
    """The headers that were read; they have no date of their own."""
    return one_line(file.source.title) if file.known_from == "files" else source_text(file.source)


def _tensor_table(file: Blueprint) -> Table:
    table = Table(box=SIMPLE_HEAD)
    for heading in ("tensors", "stored as"):
        table.add_column(heading, no_wrap=True)
    for heading in ("number", "weights", "memory"):
        table.add_column(heading, justify="right", no_wrap=True)
    for group in file.tensors:
        cells = (numbers.count(group.tensors), numbers.large(group.elements), numbers.memory(group.bytes))
        table.add_row(group.role.replace("_", " "), Text(one_line(group.data_type)), *cells)
    return table


def info_document(found: ModelInfo) -> dict[str, Any]:
    """`published` is null for a model that the catalog does not know, `files` are those that were read; unknown facts have no history."""
    return {
        "schema_version": SCHEMA_VERSION,
        "name": found.name,
        "published": _published_document(found.published) if found.published else None,
        "files": [_file_document(file) for file in found.files],
    }


def _published_document(published: Published) -> dict[str, Any]:
    facts = published.facts
    context = facts.context_tokens.value if facts.context_tokens else None
    return {
        "id": facts.id,
        "name": facts.name,
        "family": facts.family,
        "tuning": facts.tuning,
        "derived_from": facts.derived_from,
        "aliases": list(published.aliases),
        "downloads": dict(facts.downloads),
        "commercial_use": published.licence.commercial_use if published.licence else None,
        "commercial_condition": published.licence.condition if published.licence else None,
        **{key: [_fact_document(fact, context) for fact in _history(published, key)] for key in LABELS},
        "unknown": {key: NOT_SAID for key in LABELS if key not in published.history and not _follows(key, facts)},
    }


def _history(published: Published, key: str) -> tuple[Fact[Any], ...]:
    """All that was said; that a dense model uses all its parameters need not be said."""
    active = published.facts.parameters_active
    return published.history.get(key, (active,) if key == "parameters_active" and active is not None else ())


def _fact_document(fact: Fact[Any], context_tokens: int | None) -> dict[str, Any]:
    value = fact.value
    if isinstance(value, Architecture):
        return fact_document(fact, _architecture_document(value, context_tokens))
    return fact_document(fact, value.isoformat() if isinstance(value, date) else value)


def _architecture_document(architecture: Architecture, context_tokens: int | None) -> dict[str, Any]:
    meaning = meaning_of(architecture, context_tokens)
    return {
        "name": architecture.name,
        "hidden_size": architecture.hidden_size,
        "vocabulary_size": architecture.vocabulary_size,
        "layers": [asdict(kind) for kind in meaning.kinds],
        "kv_bytes_per_token": meaning.per_token_bytes,
        "state_bytes": meaning.state_bytes,
        "kv_cache_bytes": {str(tokens): size for tokens, size in meaning.at},
    }


def _file_document(file: Blueprint) -> dict[str, Any]:
    return {
        "name": file.name,
        "path": str(file.path) if file.path else None,
        "format": file.format,
        "quantization": file.quantization,
        "known_from": file.known_from,
        "parameters": file.parameters,
        "weights_bytes": file.weights_bytes,
        "context_tokens": file.context_tokens,
        "architecture": _architecture_document(file.architecture, file.context_tokens) if file.architecture else None,
        "tensors": [asdict(group) for group in file.tensors],
        "source": source_document(file.source),
    }
