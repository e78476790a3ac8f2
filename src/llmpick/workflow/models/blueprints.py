"""What the user names, as blueprints: everything that memory and speed are computed from, from the nearest place that knows it.

A path is read; `org/name` is taken from the caches of this machine, else its headers are read from the hub (no weights), else, offline or
where the hub does not have it, the catalog's published facts stand in; `ollama:tag` is read from Ollama's store, else as its server
describes it.
"""

from collections.abc import Mapping
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path

from llmpick.catalog.loader import find_model, load_models
from llmpick.evidence.errors import InputError, LlmpickError
from llmpick.evidence.model import Blueprint, ModelFacts, Weights
from llmpick.evidence.values import Source
from llmpick.sources import ollama, ollama_store
from llmpick.sources.gguf import read_description, read_gguf
from llmpick.sources.names import File, Hub, Ollama, Url, parse_model_name
from llmpick.workflow.models.weights_blueprint import blueprint_of


def find_blueprints(name: str, *, environ: Mapping[str, str]) -> tuple[Blueprint, ...]:
    """The models that `name` stands for: one, or all of a folder or repository.

    Raises `InputError` for a name that nothing knows, and the error of the file or hub that knows it but cannot be read.
    """
    if "/" not in name and ":" not in name and not Path(name).exists() and (known := find_model(name)):
        return (_by_facts(known),)
    try:
        meant = parse_model_name(name)
    except InputError as error:
        raise _unknown(name, error) from error
    match meant:
        case File(path):
            return _at_path(path)
        case Hub():
            return _of_repository(meant, name, environ)
        case Ollama(tag):
            return (_of_ollama(tag, name, environ),)
        case Url():
            raise InputError(
                f"{name} runs on another machine, whose memory cannot be seen from here",
                where="model name",
                remedy="name the model's files, its repository (org/name), or its config.json",
            )


def _of_ollama(tag: str, name: str, environ: Mapping[str, str]) -> Blueprint:
    """From Ollama's store on this machine, else as its server (OLLAMA_HOST) describes the model."""
    try:
        return blueprint_of(read_gguf(ollama_store.model_file(tag, environ)), name)
    except InputError:
        base = ollama.base_url(environ)
        described = ollama.describe_model(base, tag)
        if described is None:
            raise
    weights = read_description(*described, f"{base}/api/show, {tag}")
    return replace(blueprint_of(weights, name), source=Source(f"Ollama's description of {tag}", url=f"{base}/api/show"), path=None)


def _at_path(path: Path) -> tuple[Blueprint, ...]:
    if path.suffix == ".json":
        from llmpick.sources.hf import blueprint_of_config

        folder = path.parent if path.parent.name else path.resolve().parent
        return (blueprint_of_config(path, str(folder if path.name == "config.json" else path), Source(str(path))),)
    if path.suffix == ".gguf":
        return (blueprint_of(read_gguf(path), str(path)),)
    if path.is_dir() and (path / "config.json").is_file() and not any(path.glob("*.safetensors")) and not any(path.glob("*.gguf")):
        return _at_path(path / "config.json")
    return _gathered(str(path), {})


def _gathered(name: str, environ: Mapping[str, str]) -> tuple[Blueprint, ...]:
    """Models on this machine, by the same search as `pick`."""
    from llmpick.workflow.models.gather import gather

    found = gather([name], as_of=None, environ=environ).candidates
    return tuple(blueprint_of(one.run, one.id) for one in found if isinstance(one.run, Weights))


def _of_repository(meant: Hub, name: str, environ: Mapping[str, str]) -> tuple[Blueprint, ...]:
    try:
        return _gathered(name, environ)
    except InputError as error:
        not_cached = error
    from llmpick.workflow.models.download import is_offline
    from llmpick.workflow.models.remote_headers import read_remote

    known = find_model(meant.id)
    if is_offline(environ):
        if known:
            return (_by_facts(known),)
        raise not_cached
    try:
        return read_remote(meant.id, meant.revision, meant.file, environ=environ)
    except LlmpickError as error:
        if known:
            return (replace(_by_facts(known), notes=(f"Its files could not be looked at ({error.what}): these are the catalog's facts.",)),)
        raise


def _by_facts(facts: ModelFacts) -> Blueprint:
    from llmpick.workflow.fit.catalog import blueprint_of_facts

    blueprint = blueprint_of_facts(facts)
    if blueprint is None:
        raise InputError(
            f"the catalog does not know how large {facts.name} is", where="model name", remedy="name its files or its config.json"
        )
    return blueprint


def _unknown(name: str, error: InputError) -> InputError:
    """The same error, with models of the catalog whose names are near."""
    names = {known: model.id for model in load_models() for known in (model.id, model.name)}
    lower = {known.lower(): known for known in names}
    near = get_close_matches(name.lower(), list(lower), n=3, cutoff=0.6)
    if not near or "no model name" not in error.what:
        return error
    return InputError(error.what, where=error.where, remedy=f"did you mean {' or '.join(lower[one] for one in near)}? Else {error.remedy}")
