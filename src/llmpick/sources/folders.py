"""Finds models in a folder by their names alone: GGUF files and folders of safetensors. Nothing is opened.

Left out are what is no model of its own: vision projectors (`mmproj*`), all but the first part of a split GGUF, hidden folders
(caches keep unfinished downloads there), adapters (a folder with no `config.json`).
"""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from llmpick.evidence.errors import InputError

MAX_DEPTH = 8
MAX_ENTRIES = 200_000

_PART = re.compile(r"-(\d{5})-of-(\d{5})(?=\.gguf$)", re.IGNORECASE)
_QUANTIZATION = re.compile(r"(?:I?Q\d|TQ\d)(?:_[A-Z0-9]+)*|MXFP4|NVFP4|BF16|F16|F32", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class ModelPath:
    """One model: a GGUF file (the first part of a split one), or the folder of a safetensors or PyTorch model."""

    path: Path
    format: Literal["gguf", "safetensors", "pytorch"]

    def weight_files(self) -> tuple[Path, ...]:
        """The files that tell whether two paths are the same model on disk."""
        if self.format == "gguf":
            return (self.path,)
        return tuple(sorted(self.path.glob("*.safetensors" if self.format == "safetensors" else "*.bin")))


def find_models(folder: Path, *, max_depth: int = MAX_DEPTH, max_entries: int = MAX_ENTRIES) -> tuple[ModelPath, ...]:
    """The models in `folder` and at most `max_depth` folders below it, sorted by path. A missing folder holds none.

    A folder that is reached twice (through a symbolic link, even one that points upwards) is read once. Raises `InputError` when
    there are more than `max_entries` files and folders, since a half-read folder would hide models.
    """
    found: list[ModelPath] = []
    seen = 0
    for here, files in _walk(folder, max_depth):
        seen += len(files) + 1
        if seen > max_entries:
            raise InputError(f"more than {max_entries:,} files are too many to search", where=str(folder), remedy="name a smaller folder")
        found.extend(ModelPath(here / name, "gguf") for name in files if is_model_file(name))
        if weights := _folder_format(files):
            found.append(ModelPath(here, weights))
    return tuple(sorted(found, key=lambda model: str(model.path)))


def is_model_file(name: str) -> bool:
    """Whether a file of this name is a model to itself, or the first part of one."""
    lower = name.lower()
    part = _PART.search(lower)
    return lower.endswith(".gguf") and "mmproj" not in lower and (part is None or int(part[1]) == 1)


def without_part(name: str) -> str:
    """What all parts of one split model share: "a-00001-of-00003.gguf" → "a.gguf".

    A name without a part stays as it is.
    """
    return _PART.sub("", name)


def quantization_in(name: str) -> str | None:
    """The quantisation that a GGUF's file name ends with, in capitals; None where the name tells none.

    "qwen2.5-0.5b-instruct-q4_k_m.gguf" → "Q4_K_M", "BF16/model-BF16-00001-of-00002.gguf" → "BF16".
    """
    stem = without_part(name).rpartition("/")[2].rpartition(".")[0]
    last = re.split(r"[-.]", stem)[-1]
    return last.upper() if _QUANTIZATION.fullmatch(last) else None


def _folder_format(files: list[str]) -> Literal["safetensors", "pytorch"] | None:
    if "config.json" not in files:
        return None
    if any(name.endswith(".safetensors") for name in files):
        return "safetensors"
    return "pytorch" if any(re.fullmatch(r"pytorch_model.*\.bin", name) for name in files) else None


def _walk(folder: Path, depth: int, seen: set[tuple[int, int]] | None = None) -> Iterator[tuple[Path, list[str]]]:
    """Each folder once, with the names of the files in it. A folder that may not be read counts as empty, as `find` and `ls -R` do."""
    seen = set() if seen is None else seen
    try:
        status = folder.stat()
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError:
        return
    if (status.st_dev, status.st_ino) in seen:
        return
    seen.add((status.st_dev, status.st_ino))
    yield folder, [entry.name for entry in entries if entry.is_file()]
    for entry in entries:
        if depth > 0 and entry.is_dir() and not entry.name.startswith("."):
            yield from _walk(folder / entry.name, depth - 1, seen)
