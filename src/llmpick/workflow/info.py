"""All that is known of one model: what the catalog's sources say of it, and what the headers of its files say."""

from collections.abc import Mapping
from pathlib import Path

from llmpick.catalog.answers import ModelInfo, Published
from llmpick.catalog.facts import history_of
from llmpick.catalog.loader import find_entry, find_model, load_licences
from llmpick.evidence.model import Blueprint

_FILES = (".gguf", ".json", ".safetensors")


def model_info(name: str, *, environ: Mapping[str, str]) -> ModelInfo:
    """A file is read; a name is looked for in the catalog, and only where that does not know it, on this machine and the hub.

    Raises `InputError` for a name that nothing knows, and the error of a file that cannot be read.
    """
    if not _is_file(name):
        published = published_of(name)
        if published is not None:
            return ModelInfo(name, published)
    from llmpick.workflow.models.blueprints import find_blueprints  # readers of files are loaded only where there is one to read

    files = find_blueprints(name, environ=environ)
    return ModelInfo(name, _published_of_files(name, files), files)


def published_of(name: str) -> Published | None:
    facts, entry = find_model(name), find_entry(name)
    if facts is None or entry is None:
        return None
    licence = load_licences()[facts.licence.value] if facts.licence else None
    return Published(facts, entry.model.aliases, history_of(entry.model, entry.sources), licence)


def _is_file(name: str) -> bool:
    return name.endswith(_FILES) or Path(name).exists()


def _published_of_files(name: str, files: tuple[Blueprint, ...]) -> Published | None:
    """What the catalog knows of a file: by the name in its header, else by its own."""
    names = [names for file in files[:1] for names in (file.name, file.path.name if file.path else "")]
    return next((found for found in map(published_of, (*names, name)) if found is not None), None)
