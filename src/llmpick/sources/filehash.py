"""The SHA-256 of a model's file: what names it beyond doubt in the record of every call."""

import hashlib
from collections.abc import Callable
from pathlib import Path

from llmpick.evidence.errors import ModelFileError

_CHUNK_BYTES = 4 * 2**20


def sha256_of(path: Path, progress: Callable[[int], None] | None = None) -> str:
    """The hexadecimal SHA-256 of the file at `path`. `progress` is told the number of bytes after each chunk.

    Raises `ModelFileError` when the file cannot be read to its end.
    """
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK_BYTES):
                digest.update(chunk)
                if progress:
                    progress(len(chunk))
    except OSError as error:
        raise ModelFileError(f"the file cannot be read: {error}", where=str(path), remedy="check the file and its permissions") from error
    return digest.hexdigest()
