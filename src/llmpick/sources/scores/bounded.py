"""Files that others wrote, read whole but never beyond a bound: a small compressed file may unpack to more than the memory."""

import gzip
import zlib
from io import BytesIO
from pathlib import Path
from typing import Protocol

from llmpick.evidence.errors import InputError

MAX_BYTES = 2**30
"""More than any log of 50 models on 100,000 rows; what is larger is better written as Parquet, or in parts."""


def read_bounded(path: Path, limit: int = MAX_BYTES) -> bytes:
    """The content of `path`, unpacked where it is gzip (known by its first bytes). Raises `InputError` if there is more than `limit`."""
    try:
        with path.open("rb") as file:
            content = read_to(file, limit, path)
        if not content.startswith(b"\x1f\x8b"):
            return content
        with gzip.open(BytesIO(content)) as unpacked:
            return read_to(unpacked, limit, path)
    except FileNotFoundError as error:
        raise InputError("there is no such file", where=str(path), remedy="check the path") from error
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise InputError(f"the file cannot be unpacked: {error}", where=str(path), remedy="fetch or write the file again") from error
    except OSError as error:
        raise InputError(f"the file cannot be read: {error.strerror or error}", where=str(path), remedy="check its rights") from error


class Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


def read_to(file: Readable, limit: int, where: Path | str) -> bytes:
    """All bytes of `file`. Raises `InputError` if there are more than `limit`."""
    content = file.read(limit + 1)
    if len(content) > limit:
        raise InputError(
            f"there are more than {limit // 2**20:,} MiB to read", where=str(where), remedy="split the file, or keep fewer columns"
        )
    return content
