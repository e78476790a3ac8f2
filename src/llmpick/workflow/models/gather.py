"""Gathers the candidates: the models that the user names, or else all that are found on this machine, and the catalog's for comparison.

Finding (by names and folders), reading (of headers) and knowing (the catalog) live elsewhere; here they are joined. Each model on
disk becomes one candidate, however many links, caches or names lead to it.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from pathlib import Path

from llmpick.catalog.loader import find_model, load_models
from llmpick.evidence.call import Thinking
from llmpick.evidence.errors import InputError, LlmpickError, ModelFileError
from llmpick.evidence.model import Candidate, Endpoint, ModelFacts, Weights
from llmpick.measure.thinking import DEFAULT_MAX_THINKING_TOKENS, find_switch
from llmpick.sources import hub, lmstudio, modelscope, ollama
from llmpick.sources.folders import ModelPath, find_models, quantization_in
from llmpick.sources.gguf import read_gguf
from llmpick.sources.hf import read_safetensors_folder
from llmpick.sources.names import File, Hub, Ollama, Url, parse_model_name
from llmpick.sources.names_settings import AskedThinking, split_settings

TWICE = "named more than once"


@dataclass(frozen=True, slots=True)
class Broken:
    """A model, or a place where models may be, that was found but cannot be read."""

    id: str
    error: LlmpickError


@dataclass(frozen=True, slots=True)
class Gathered:
    """`candidates` can be run, `broken` could not be read, `catalog` is known but not on this machine (empty when models were named).
    `notes` tell of names that stand for one model.
    """

    candidates: tuple[Candidate, ...]
    broken: tuple[Broken, ...] = ()
    catalog: tuple[Candidate, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Found:
    """A model on disk before it is read: how the user would name it, the repository that it belongs to, and what was said of thinking."""

    id: str
    model: ModelPath
    repository: str | None = None
    thinking: AskedThinking | None = None


def gather(models: Sequence[str], *, directories: Sequence[Path] = (), as_of: date | None, environ: Mapping[str, str]) -> Gathered:
    """The candidates in a fixed order: as named, else Hugging Face cache, ModelScope cache, LM Studio, directories, Ollama.

    With `models`, exactly these and what `directories` hold: a name that cannot be read raises its error (`InputError`,
    `ModelFileError`, or `LlmpickError` of a server), so that nothing named is lost. Without, everything on this machine and the
    catalog; what cannot be read is `broken`. Facts are those visible on `as_of`.
    """
    for directory in directories:
        if not directory.is_dir():
            raise InputError("there is no such directory", where=str(directory), remedy="name a folder that exists")
    if models:
        return _named(models, directories, as_of, environ)
    candidates, broken = _everything(directories, as_of, environ)
    here = {candidate.facts.id for candidate in candidates if candidate.facts}
    catalog = tuple(Candidate(facts.id, None, facts) for facts in load_models(as_of) if facts.id not in here)
    return Gathered(candidates, broken, catalog)


def _named(names: Sequence[str], directories: Sequence[Path], as_of: date | None, environ: Mapping[str, str]) -> Gathered:
    meant = [thing for name in names for thing in _meant_by(name, as_of, environ)]
    wanted = [*meant, *(found for directory in directories for found in _in_folder(directory))]
    candidates = tuple(thing if isinstance(thing, Candidate) else _read(thing, as_of) for thing in _each_once(wanted))
    return Gathered(candidates, notes=_twice(meant))


def _twice(meant: Sequence[_Found | Candidate]) -> tuple[str, ...]:
    """That several of the names stand for one model, which takes part once: somebody may have meant another."""
    names: dict[object, list[str]] = {}
    for thing in meant:
        names.setdefault(_identity(thing), []).append(thing.id)
    several = [tuple(dict.fromkeys(ids)) for ids in names.values() if len(ids) > 1]
    return tuple(
        f"{' and '.join(ids)} {'is' if len(ids) == 1 else 'are one model, which is'} {TWICE}, and takes part once" for ids in several
    )


def _meant_by(name: str, as_of: date | None, environ: Mapping[str, str]) -> Sequence[_Found | Candidate]:
    """What one name stands for: a served model, one model on disk, or all models of a repository or folder."""
    bare, asked = split_settings(name)
    meant = parse_model_name(bare)
    match meant:
        case Url(url, model):
            return [Candidate(name, Endpoint(url, model), find_model(model, as_of), _served_thinking(asked))]
        case Ollama(tag):
            return [replace(_ollama_named(name, tag, as_of, environ), thinking=_served_thinking(asked))]
        case File(path):
            found = _at_path(path)
        case Hub():
            found = _in_cache(meant, environ)
    if len(found) == 1:
        return [replace(found[0], id=name, thinking=asked)]
    setting = name[len(bare) :]
    return [replace(one, id=f"{one.id}{setting}", thinking=asked) for one in found]


def _everything(
    directories: Sequence[Path], as_of: date | None, environ: Mapping[str, str]
) -> tuple[tuple[Candidate, ...], tuple[Broken, ...]]:
    """All that is on this machine; a place or a file that cannot be read hides none of the others."""
    found: list[_Found] = []
    broken: list[Broken] = []
    for place, search in _places(directories, environ):
        try:
            found.extend(search())
        except LlmpickError as error:
            broken.append(Broken(place, error))
    served: list[Candidate] = []
    try:
        served = _of_ollama(as_of, environ)
    except LlmpickError as error:
        broken.append(Broken("ollama", error))
    candidates: list[Candidate] = []
    for thing in _each_once([*found, *served]):
        try:
            candidates.append(thing if isinstance(thing, Candidate) else _read(thing, as_of))
        except LlmpickError as error:
            broken.append(Broken(thing.id, error))
    return tuple(candidates), tuple(broken)


def _places(directories: Sequence[Path], environ: Mapping[str, str]) -> Iterator[tuple[str, Callable[[], list[_Found]]]]:
    """Where models may lie on this machine, each with the search that lists them."""
    for cached in hub.cached_models(hub.cache_folder(environ)):
        revision = None if cached.revision == hub.MAIN else cached.revision
        yield f"{cached.id}@{cached.revision}", partial(_in_repository, Hub(cached.id, revision), cached.path)
    for cached in modelscope.cached_models(environ):
        yield str(cached.path), partial(_in_repository, Hub(cached.id), cached.path)
    yield "LM Studio", lambda: [found for folder in lmstudio.model_folders(environ) for found in _in_folder(folder)]
    for directory in directories:
        yield str(directory), partial(_in_folder, directory)


def _in_folder(folder: Path) -> list[_Found]:
    return [_Found(str(model.path), model) for model in find_models(folder)]


def _at_path(path: Path) -> list[_Found]:
    """The model in a file, or the models in a folder."""
    if path.is_dir():
        if found := _in_folder(path):
            return found
        raise InputError("the folder holds no GGUF and no safetensors model", where=str(path), remedy="name a folder or file with weights")
    if path.suffix == ".safetensors":
        raise InputError("a safetensors model is its whole folder", where=str(path), remedy=f"name the folder: {path.parent}")
    return [_Found(str(path), ModelPath(path, "gguf"))]


def _in_cache(name: Hub, environ: Mapping[str, str]) -> list[_Found]:
    """The models of a repository in the Hugging Face cache, else in ModelScope's, where revisions have no names."""
    try:
        folder = hub.find_snapshot(name.id, name.revision, environ=environ)
    except InputError:
        elsewhere = [cached.path for cached in modelscope.cached_models(environ) if cached.id == name.id]
        if name.revision or not elsewhere:
            raise
        folder = elsewhere[0]
    if found := _in_repository(name, folder):
        return found
    all_files = [found.id for found in _in_repository(Hub(name.id, name.revision), folder)]
    there = f"use one of {', '.join(all_files)}, or " if all_files else ""
    wanted = f"no GGUF file {name.file!r}" if name.file else "no weights"
    remedy = f"{there}download it: {hub.download_command(environ, name.id)}"
    raise InputError(f"the cache holds {wanted} of {name.id}", where=str(folder), remedy=remedy)


def _in_repository(name: Hub, folder: Path) -> list[_Found]:
    """The models of one repository, each named in full: a GGUF file by its quantisation where no other file has the same."""
    models = [model for model in find_models(folder) if model.format == "gguf" or model.path == folder]
    same = Counter(quantization_in(model.path.name) for model in models if model.format == "gguf")
    at = f"@{name.revision}" if name.revision else ""
    found: list[_Found] = []
    for model in models:
        file = model.path.relative_to(folder).as_posix()
        quantization = quantization_in(file)
        if name.file is not None and (model.format != "gguf" or not _names(name.file, file, quantization)):
            continue
        short = quantization if quantization and same[quantization] == 1 else file
        id = f"{name.id}{at}" if model.format != "gguf" else f"{name.id}:{short}{at}"  # noqa: A001
        found.append(_Found(id, model, name.id))
    return found


def _names(typed: str, file: str, quantization: str | None) -> bool:
    return typed in (file, file.rpartition("/")[2]) or (quantization is not None and typed.upper() == quantization)


def _each_once(things: Iterable[_Found | Candidate]) -> Iterator[_Found | Candidate]:
    """Each model once, under the name found first; a name that another model has already gives way to the path."""
    seen: set[object] = set()
    taken: set[str] = set()
    for thing in things:
        identity = _identity(thing)
        if identity in seen:
            continue
        seen.add(identity)
        if isinstance(thing, _Found) and thing.id in taken:
            thing = replace(thing, id=str(thing.model.path))
        taken.add(thing.id)
        yield thing


def _identity(thing: _Found | Candidate) -> object:
    """What makes a model itself; with and without thinking it is two candidates."""
    return thing.run if isinstance(thing, Candidate) else _on_disk(thing.model), str(thing.thinking)


def _on_disk(model: ModelPath) -> tuple[tuple[int, int], ...]:
    """Device and inode of the weight files: the same for every link that leads to them."""
    stats = [file.stat() for file in model.weight_files()]
    return tuple((stat.st_dev, stat.st_ino) for stat in stats)


def _read(found: _Found, as_of: date | None) -> Candidate:
    """Reads the headers and links the catalog's facts. Raises `ModelFileError`."""
    path = found.model.path
    if found.model.format == "pytorch":
        raise ModelFileError(
            "its weights are only there as PyTorch .bin files, which can run code when they are loaded",
            where=str(path),
            remedy="get a GGUF or safetensors version of the model",
        )
    try:
        weights = read_gguf(path) if found.model.format == "gguf" else read_safetensors_folder(path)
    except OSError as error:
        raise ModelFileError(f"it cannot be read: {error.strerror}", where=str(path), remedy="check the file's permissions") from error
    return Candidate(found.id, weights, _facts(found, weights, as_of), _thinking(found, weights))


def _thinking(found: _Found, weights: Weights) -> Thinking | None:
    """The setting of the model's own switch; where nothing was said, that a model thinks whose template leaves it no choice.

    Raises `InputError` for a setting that its template does not know.
    """
    switch = find_switch(weights.chat_template)
    if found.thinking is None:
        return switch.set_to(True) if switch and switch.always else None
    if switch is None:
        what = "its chat template knows no switch for thinking" if weights.chat_template else "a base model has no switch for thinking"
        raise InputError(what, where=f"model name {found.id!r}", remedy="leave ?thinking out of its name")
    try:
        return switch.set_to(found.thinking.on, found.thinking.max_tokens)
    except InputError as error:
        raise InputError(error.what, where=f"model name {found.id!r}", remedy=error.remedy) from error


def _served_thinking(asked: AskedThinking | None) -> Thinking | None:
    """A server has a switch or none: its backend finds out before the first row."""
    if asked is None:
        return None
    return Thinking(asked.on, (asked.max_tokens or DEFAULT_MAX_THINKING_TOKENS) if asked.on else 0)


def _facts(found: _Found, weights: Weights, as_of: date | None) -> ModelFacts | None:
    """What the catalog knows, by the repository, else the name in the file, else the file's own name."""
    names = (found.repository, weights.name, found.model.path.name)
    return next((facts for name in names if name and (facts := find_model(name, as_of))), None)


def _of_ollama(as_of: date | None, environ: Mapping[str, str]) -> list[Candidate]:
    served = ollama.list_models(ollama.base_url(environ)) or ()
    return [Candidate(f"ollama:{run.model}", run, find_model(run.model, as_of)) for run in served]


def _ollama_named(name: str, tag: str, as_of: date | None, environ: Mapping[str, str]) -> Candidate:
    base = ollama.base_url(environ)
    served = ollama.list_models(base)
    if served is None:
        raise InputError(
            f"no Ollama server answers, so {name} cannot run", where=base, remedy="start it (ollama serve), or set OLLAMA_HOST"
        )
    for run in served:
        if run.model == tag:
            return Candidate(name, run, find_model(tag, as_of))
    others = ", ".join(run.model for run in served) or "none"
    raise InputError(f"Ollama has no model {tag} (it has: {others})", where=base, remedy=f"get it: ollama pull {tag}")
