"""What a user types to name a model, and what it means.

| typed | means |
|---|---|
| `models/a.gguf`, `./folder`, `~/a.gguf` | a GGUF file, or a folder of GGUF files or of a safetensors model |
| `org/name`, `org/name@revision` | a hub repository in the local cache: all models in it |
| `org/name:Q4_K_M`, `org/name:file.gguf@revision` | one GGUF file of a hub repository, by its quantisation or its file name |
| `ollama:model:tag` | a model of the Ollama server |
| `https://host/v1#model` | a model behind an OpenAI-compatible endpoint |

Behind each may stand `?thinking=on`, `?thinking=off` or a budget of tokens, `?thinking=2048`: `names_settings.py` takes that off first.

A path that exists always wins. A colon cannot stand in a repository's name, so the file of a repository is never mistaken for a path.
"""

import difflib
import os
import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from llmpick.evidence.errors import InputError

_REPOSITORY = r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*"
_HUB = re.compile(rf"(?P<id>{_REPOSITORY})(?::(?P<file>[^@]*))?(?:@(?P<revision>.*))?", re.ASCII)
_REVISION = re.compile(r"[A-Za-z0-9][\w./+-]*", re.ASCII)
_FORMS = "use org/name@revision, the path of a file or folder, ollama:model:tag, or URL#model"


@dataclass(frozen=True, slots=True)
class Hub:
    """A repository of the hub. `revision` None is its main branch; `file` names one GGUF by file name or quantisation, None means all."""

    id: str
    revision: str | None = None
    file: str | None = None


@dataclass(frozen=True, slots=True)
class File:
    """A file or folder that exists."""

    path: Path


@dataclass(frozen=True, slots=True)
class Ollama:
    """A model of the Ollama server, by its full tag (`llama3.2:1b`)."""

    tag: str


@dataclass(frozen=True, slots=True)
class Url:
    """A model called `model` at the base address `url` (which usually ends in /v1)."""

    url: str
    model: str


ModelName = Hub | File | Ollama | Url


def parse_model_name(text: str) -> ModelName:
    """What `text` names. Only `File` has been looked up; the others may turn out not to exist.

    Raises `InputError` for a text of none of the forms and for a path that does not exist, with the nearest existing name.
    """
    text = text.strip()
    if not text.isprintable():
        raise InputError(f"{text!r} holds a character that no name has", where="model name", remedy=_FORMS)
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", text):
        return _url(text)
    if text and os.path.exists(path := _path(text)):  # noqa: PTH110 - pathlib's raises for a name that is too long
        return File(path)
    if text.startswith("ollama:"):
        return _ollama(text)
    if _looks_like_path(text):
        raise _no_such_path(text)
    if match := _HUB.fullmatch(text):
        return _hub(text, match)
    raise InputError(f"{text!r} is no model name", where="model name", remedy=_FORMS + _did_you_mean(Path(text)))


def _looks_like_path(text: str) -> bool:
    r"""A name that can only be meant as a path: `./x`, `~/x`, `/x`, `a.gguf`, `C:\x`."""
    in_repository = re.match(_REPOSITORY + ":", text, re.ASCII)
    return text.startswith((".", "~", "/")) or "\\" in text or (text.lower().endswith(".gguf") and not in_repository)


def _url(text: str) -> Url:
    address, _, model = text.partition("#")
    parts = _http(address)
    if parts is None:
        raise InputError(
            f"{text!r} is no http address", where="model name", remedy="an endpoint is named like http://127.0.0.1:8000/v1#model"
        )
    if parts.username or parts.password:
        shown = text.replace(parts.netloc, parts.netloc.rpartition("@")[2])
        raise InputError(
            "an endpoint's name is stored and shown, so it must hold no key", where=shown, remedy="put the key in OPENAI_API_KEY"
        )
    address = address.rstrip("/")
    if not model:
        remedy = f"add the name under which the server knows it: {address}#NAME ({address}/models lists the names)"
        raise InputError("the endpoint's address names no model", where=text, remedy=remedy)
    return Url(address, model)


def _http(address: str) -> SplitResult | None:
    try:
        parts = urlsplit(address)
        return parts if parts.scheme in ("http", "https") and parts.hostname and parts.port != 0 else None
    except ValueError:  # an open bracket, a port that is no number
        return None


def _ollama(text: str) -> Ollama:
    tag = text.removeprefix("ollama:")
    name, colon, version = tag.partition(":")
    if not name or (colon and not version) or re.search(r"\s", tag):
        raise InputError(
            f"{text!r} names no Ollama model", where="model name", remedy="use ollama:model:tag, for example ollama:llama3.2:1b"
        )
    return Ollama(tag if colon else f"{name}:latest")


def _hub(text: str, match: re.Match[str]) -> Hub:
    revision, file = match["revision"], match["file"]
    if revision is not None and (not _REVISION.fullmatch(revision) or ".." in revision):
        remedy = "a revision is a branch, a tag or a commit: org/name@main"
        raise InputError(f"{revision!r} is no revision", where=f"model name {text!r}", remedy=remedy)
    if file == "":
        remedy = "name a GGUF file or its quantisation, org/name:Q4_K_M, or leave the colon out"
        raise InputError("nothing stands after the colon", where=f"model name {text!r}", remedy=remedy)
    return Hub(match["id"], revision, file)


def _path(text: str) -> Path:
    try:
        return Path(text).expanduser()
    except RuntimeError:  # "~somebody", and there is nobody of this name
        return Path(text)


def _no_such_path(text: str) -> InputError:
    """Names the first part of the path that does not exist, and what stands there instead."""
    path = _path(text)
    folder = next(parent for parent in path.parents if os.path.isdir(parent))  # noqa: PTH112 - as above
    missing = folder / path.relative_to(folder).parts[0]
    kind = "file or folder" if missing == path else "folder"
    return InputError(f"there is no {kind} {missing}", where=f"model name {text!r}", remedy=f"check the path{_did_you_mean(missing)}")


def _did_you_mean(path: Path) -> str:
    """The nearest names in the folder where the missing one should be; "" when none is near."""
    try:
        names = sorted(entry.name for entry in path.parent.iterdir())
    except OSError:
        return ""
    near = difflib.get_close_matches(path.name, names, n=2, cutoff=0.6)
    return f"; did you mean {' or '.join(str(path.parent / name) for name in near)}?" if near else ""
