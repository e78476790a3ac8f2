"""The ModelScope cache on this machine: one plain folder per model, `<owner>/<name>`, under `MODELSCOPE_CACHE` or ~/.cache/modelscope/hub.

Newer clients put a folder `models` between; a dot in a name is written `___`, since a folder is also imported as a Python module
(https://github.com/modelscope/modelscope, `hub/utils` and `hub/cache_manager.py`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_NO_OWNERS = {"models", "datasets", "hub", "temp"}


@dataclass(frozen=True, slots=True)
class CachedModel:
    """A model's id and its folder. The cache keeps one revision per model."""

    id: str
    path: Path


def cache_folders(environ: Mapping[str, str]) -> tuple[Path, ...]:
    """The folders in which owners' folders may stand: the older layout and the two places of the newer one."""
    home = environ.get("HOME") or str(Path.home())
    root = Path(environ.get("MODELSCOPE_CACHE") or f"{home}/.cache/modelscope/hub")
    return (root / "models", root / "hub" / "models", root)


def cached_models(environ: Mapping[str, str]) -> tuple[CachedModel, ...]:
    """Every model folder in the cache, by id, each id once. Unfinished downloads lie in dotted folders and are passed over."""
    found: dict[str, CachedModel] = {}
    for root in cache_folders(environ):
        for path in sorted(root.glob("*/*/")):
            owner, name = path.parent.name, path.name
            if owner in _NO_OWNERS or owner.startswith(".") or name.startswith("."):
                continue
            model = f"{owner}/{name.replace('___', '.')}"
            found.setdefault(model, CachedModel(model, path))
    return tuple(found[model] for model in sorted(found))
