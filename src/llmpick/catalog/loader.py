"""The front door of the catalog: models as they were known on a day, licences, quantisations, devices.

The facts are authored YAML beside this file; `facts.py` says what is visible when. Everything is read once and kept.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from llmpick.catalog.devices import KnownDevice, device_named, find_device, load_devices
from llmpick.catalog.facts import facts_on
from llmpick.catalog.files import CATALOG, read_file
from llmpick.catalog.names import plain_name
from llmpick.catalog.schema import ModelEntry, ModelsFile, SourceEntry
from llmpick.catalog.tables import (
    CommercialUse,
    Licence,
    TensorType,
    commercial_use,
    find_quantization,
    load_licences,
    load_quantizations,
    load_tensor_types,
)
from llmpick.evidence.errors import InputError
from llmpick.evidence.model import ModelFacts
from llmpick.evidence.quantization import Quantization

__all__ = [
    "CommercialUse",
    "KnownDevice",
    "Licence",
    "Quantization",
    "TensorType",
    "commercial_use",
    "device_named",
    "find_device",
    "find_entry",
    "find_model",
    "find_quantization",
    "load_devices",
    "load_licences",
    "load_models",
    "load_quantizations",
    "load_tensor_types",
    "read_models",
]


class _Entry(NamedTuple):
    model: ModelEntry
    sources: Mapping[str, SourceEntry]


@lru_cache(maxsize=8)
def load_models(as_of: date | None = None) -> tuple[ModelFacts, ...]:
    """All models whose weights could be had on `as_of` (None: today), with the facts known that day, in the order of the files."""
    known = (facts_on(entry.model, entry.sources, as_of) for entry in _entries())
    return tuple(facts for facts in known if facts is not None)


def find_model(name: str, as_of: date | None = None) -> ModelFacts | None:
    """The model that a hub name, an Ollama tag, a file name or the name inside a GGUF file means; None rather than a wrong one."""
    found = find_entry(name)
    return None if found is None else facts_on(found.model, found.sources, as_of)


def find_entry(name: str) -> "_Entry | None":
    """The whole entry that `find_model` takes its facts from: all blocks, aliases and the sources of its file."""
    by_id, by_name = _index()
    return by_id.get(name.strip().lower().partition("@")[0]) or by_name.get(plain_name(name))


def read_models(paths: Iterable[Path]) -> tuple[_Entry, ...]:
    """The checked entries of these files. Raises `InputError` naming file, model and key."""
    entries = list[_Entry]()
    places: dict[str, Path] = {}
    for path in paths:
        file = read_file(path, ModelsFile)
        for model in file.models:
            _check(model, file, path, places)
            places[model.id] = path
            entries.append(_Entry(model, file.sources))
    for entry in entries:
        base = entry.model.derived_from
        if base is not None and base not in places:
            raise InputError(
                f"the base model {base!r} is not in the catalog",
                where=f"{places[entry.model.id]}, {entry.model.id}, key derived_from",
                remedy="add the base model, or leave derived_from out",
            )
    return tuple(entries)


def _check(model: ModelEntry, file: ModelsFile, path: Path, places: Mapping[str, Path]) -> None:
    """What the shape of one entry cannot say: names that must be unique or must lead somewhere."""
    where = f"{path}, {model.id}"
    if model.id in places:
        raise InputError(
            f"the model is already in {places[model.id].name}", where=where, remedy="add the new facts as a further block to that entry"
        )
    for block in model.facts:
        if block.source not in file.sources:
            raise InputError(
                f"the source {block.source!r} is not among the file's sources", where=f"{where}, key source", remedy="add it under sources"
            )
        if block.licence is not None and block.licence not in load_licences():
            raise InputError(
                f"the licence {block.licence!r} is not in licences.yaml", where=f"{where}, key licence", remedy="add it to licences.yaml"
            )


@lru_cache(maxsize=1)
def _entries() -> tuple[_Entry, ...]:
    return read_models(sorted((CATALOG / "models").glob("*.yaml")))


@lru_cache(maxsize=1)
def _index() -> tuple[Mapping[str, _Entry], Mapping[str, _Entry]]:
    """Entries by exact id or Ollama tag, and by plain name; a plain name that two models share means neither."""
    by_id: dict[str, _Entry] = {}
    by_name: dict[str, list[_Entry]] = defaultdict(list)
    for entry in _entries():
        model = entry.model
        by_id[model.id.lower()] = entry
        if model.downloads.ollama is not None:
            by_id.setdefault(model.downloads.ollama.lower(), entry)
            by_id.setdefault(f"ollama:{model.downloads.ollama.lower()}", entry)
        for name in {plain_name(spelling) for spelling in (model.id, model.name, *model.aliases)}:
            by_name[name].append(entry)
    return by_id, {name: entries[0] for name, entries in by_name.items() if len(entries) == 1}
