"""Ollama's own store on disk: a manifest per tag names the blobs, and the model's blob is a GGUF file.

Layout (https://github.com/ollama/ollama/blob/main/docs/faq.md, "Where are models stored"): `manifests/HOST/NAMESPACE/MODEL/TAG` is JSON
with `layers`; a layer's file is `blobs/sha256-<digest>`. Nothing is asked of a server.
"""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from llmpick.evidence.errors import InputError, ModelFileError

_MAX_MANIFEST_BYTES = 1_000_000
_MODEL_LAYER = "application/vnd.ollama.image.model"
_DIGEST = re.compile(r"sha256[:-][0-9a-f]{64}")
_SYSTEM_STORES = (Path("/usr/share/ollama/.ollama/models"), Path("/var/lib/ollama/models"))
_PART = re.compile(r"[A-Za-z0-9][\w.-]*", re.ASCII)


def stores(environ: Mapping[str, str]) -> tuple[Path, ...]:
    """The folders where Ollama keeps models: OLLAMA_MODELS alone if set, else the user's and the service's."""
    if environ.get("OLLAMA_MODELS"):
        return (Path(environ["OLLAMA_MODELS"]).expanduser(),)
    return (Path(environ.get("HOME") or Path.home()) / ".ollama" / "models", *_SYSTEM_STORES)


def model_file(tag: str, environ: Mapping[str, str]) -> Path:
    """The GGUF blob of the model with this full tag (`llama3.2:1b`, `user/model:tag`, `hf.co/org/name:tag`).

    Raises `InputError` where no store has it, `ModelFileError` where its manifest is damaged.
    """
    places = stores(environ)
    for store in places:
        manifest = store / "manifests" / _manifest_path(tag)
        if manifest.is_file():
            return _blob(store, manifest)
    raise InputError(
        f"Ollama's store has no model {tag}",
        where=" or ".join(map(str, places)),
        remedy=f"get it (ollama pull {tag}), or set OLLAMA_MODELS to the folder where Ollama keeps its models",
    )


def _manifest_path(tag: str) -> Path:
    name, _, version = tag.rpartition(":")
    parts = name.split("/")
    if not all(_PART.fullmatch(part) for part in (*parts, version)):
        raise InputError(
            f"{tag!r} names no Ollama model", where="model name", remedy="use ollama:model:tag, for example ollama:llama3.2:1b"
        )
    if len(parts) == 1:
        parts = ["library", *parts]
    if len(parts) == 2:
        parts = ["registry.ollama.ai", *parts]
    return Path(*parts, version)


def _blob(store: Path, manifest: Path) -> Path:
    damaged = ModelFileError("Ollama's manifest of the model is damaged", where=str(manifest), remedy="pull the model again")
    if manifest.stat().st_size > _MAX_MANIFEST_BYTES:
        raise damaged
    try:
        content: Any = json.loads(manifest.read_bytes())
        digest = next(str(layer["digest"]) for layer in content["layers"] if layer["mediaType"] == _MODEL_LAYER)
    except (ValueError, KeyError, TypeError, StopIteration, RecursionError):
        raise damaged from None
    if not _DIGEST.fullmatch(digest):
        raise damaged
    blob = store / "blobs" / digest.replace(":", "-")
    if not blob.is_file():
        raise ModelFileError("the blob of the model is missing from Ollama's store", where=str(blob), remedy="pull the model again")
    return blob
