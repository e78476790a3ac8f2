"""The Hugging Face cache on this machine, read as folders: nothing is downloaded and no library is loaded.

Its layout (https://huggingface.co/docs/huggingface_hub/guides/manage-cache): `models--org--name/snapshots/<commit>/` holds the files
of one revision as links to `blobs/`, and `refs/<branch or tag>` holds the commit that the name meant when it was downloaded.
"""

import difflib
import os
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from llmpick.evidence.errors import InputError

DEFAULT_ENDPOINT = "https://huggingface.co"
MAIN = "main"
_COMMIT_START = re.compile(r"[0-9a-f]{7,40}")


@dataclass(frozen=True, slots=True)
class CachedModel:
    """One snapshot. `revision` is "main", else a branch or tag that leads to it, else its commit; `path` its folder."""

    id: str
    revision: str
    path: Path


def cache_folder(environ: Mapping[str, str]) -> Path:
    """Where the hub's own tools keep models: HF_HUB_CACHE, else HUGGINGFACE_HUB_CACHE, HF_HOME/hub, XDG_CACHE_HOME, ~/.cache."""
    home = environ.get("HOME") or str(Path.home())
    xdg = environ.get("XDG_CACHE_HOME", f"{home}/.cache")
    hf_home = environ.get("HF_HOME", f"{xdg}/huggingface")
    folder = environ.get("HF_HUB_CACHE", environ.get("HUGGINGFACE_HUB_CACHE", f"{hf_home}/hub"))
    return Path(re.sub(r"^~(?=/|$)", lambda _: home, os.path.expandvars(folder)))


def endpoint(environ: Mapping[str, str]) -> str:
    """The hub's address: HF_ENDPOINT (a mirror), else huggingface.co. No slash at the end."""
    return (environ.get("HF_ENDPOINT") or DEFAULT_ENDPOINT).rstrip("/")


def download_command(environ: Mapping[str, str], id: str, *options: str) -> str:  # noqa: A002 - the hub calls it so
    """What to paste in a shell to get a repository, by way of the mirror when one is set."""
    mirror = "" if endpoint(environ) == DEFAULT_ENDPOINT else f"HF_ENDPOINT={shlex.quote(endpoint(environ))} "
    return mirror + shlex.join(["hf", "download", id, *options])


def published_sha256(path: Path) -> str | None:
    """The SHA-256 that the hub published for a file of its cache: the name of the blob that a weights file links to. None elsewhere."""
    blob = path.resolve()
    return blob.name if blob.parent.name == "blobs" and re.fullmatch("[0-9a-f]{64}", blob.name) else None


def cached_models(cache: Path) -> tuple[CachedModel, ...]:
    """Every snapshot of every model in the cache, by id, the main branch first."""
    found: list[CachedModel] = []
    for folder in sorted(cache.glob("models--*/")):
        names = _names_of_commits(folder)
        snapshots = [CachedModel(_id(folder), names.get(path.name, path.name), path) for path in sorted((folder / "snapshots").glob("*/"))]
        found.extend(sorted(snapshots, key=lambda model: (model.revision != MAIN, model.revision)))
    return tuple(found)


def find_snapshot(id: str, revision: str | None, *, environ: Mapping[str, str]) -> Path:  # noqa: A002 - the hub calls it so
    """The folder of this revision (None: the main branch); a commit may be shortened to 7 digits.

    Raises `InputError` with the command that downloads it, and what the cache holds instead.
    """
    cache = cache_folder(environ)
    folder = cache / f"models--{id.replace('/', '--')}"
    wanted = revision or MAIN
    if path := _snapshot(folder, wanted):
        return path
    here = [model for model in cached_models(cache) if model.id == id]
    command = download_command(environ, id, *(["--revision", revision] if revision else []))
    if here:
        others = " or ".join(f"{id}@{model.revision}" for model in here)
        raise InputError(
            f"revision {wanted} of {id} is not in the Hugging Face cache",
            where=str(folder),
            remedy=f"download it: {command}; or use {others}",
        )
    near = difflib.get_close_matches(id, sorted({model.id for model in cached_models(cache)}), n=1, cutoff=0.7)
    hint = f"; or did you mean {near[0]}?" if near else ""
    raise InputError(f"{id} is not in the Hugging Face cache", where=str(cache), remedy=f"download it: {command}{hint}")


def _snapshot(folder: Path, revision: str) -> Path | None:
    ref = folder / "refs" / revision
    commit = ref.read_text(encoding="ascii", errors="replace").strip() if ref.is_file() else revision
    snapshots = [path for path in (folder / "snapshots").glob("*/") if path.name == commit or _shortens(commit, path.name)]
    return snapshots[0] if len(snapshots) == 1 else None


def _shortens(start: str, commit: str) -> bool:
    return bool(_COMMIT_START.fullmatch(start)) and commit.startswith(start)


def _names_of_commits(folder: Path) -> dict[str, str]:
    """Commit → the name that leads to it; where several do, the main branch, else the last by name."""
    refs = folder / "refs"
    names = {path.relative_to(refs).as_posix(): path for path in refs.rglob("*") if path.is_file()}
    main_last = sorted(names, key=lambda name: (name == MAIN, name))
    return {names[name].read_text(encoding="ascii", errors="replace").strip(): name for name in main_last}


def _id(folder: Path) -> str:
    return folder.name.removeprefix("models--").replace("--", "/")
