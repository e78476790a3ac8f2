"""Members of a ZIP archive that others wrote: read one by one in memory, each under a bound, never unpacked to files.

Inspect writes its members with Zstandard (method 93), which Python's `zipfile` reads from 3.14 on; before that one of the packages
`backports.zstd` and `zstandard` does it.
"""

import importlib
import zipfile
import zlib
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from llmpick.evidence.errors import InputError
from llmpick.sources.scores.bounded import read_bounded, read_to

MAX_MEMBER_BYTES = 2**28
_ZSTANDARD = 93
_LOCAL_HEADER = 30
"""Bytes of a member's header before its name and extra field, whose lengths stand in bytes 26 to 29 (PKWARE APPNOTE, 4.3.7)."""


class Archive:
    """An open archive. `names` are its members'; where one is there twice, the later one counts."""

    def __init__(self, path: Path) -> None:
        """Raises `InputError` for a file that is no ZIP archive."""
        self.path = path
        self._content = read_bounded(path)
        try:
            self._zip = zipfile.ZipFile(BytesIO(self._content))
        except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
            raise InputError(f"this is no whole ZIP archive: {error}", where=str(path), remedy="fetch or write the log again") from error
        self.names = tuple(dict.fromkeys(self._zip.namelist()))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._zip.close()

    def place(self, name: str) -> str:
        return f"{self.path}, member {name}"

    def read(self, name: str) -> bytes:
        """The content of one member. Raises `InputError` if it is damaged, or larger than a log's member can reasonably be."""
        info = self._zip.getinfo(name)
        where = self.place(name)
        try:
            if info.compress_type == _ZSTANDARD and not hasattr(zipfile, "ZIP_ZSTANDARD"):
                return self._read_zstandard(info, where)
            with self._zip.open(info) as member:
                return read_to(member, MAX_MEMBER_BYTES, where)
        except (zipfile.BadZipFile, zlib.error, EOFError, ValueError, RuntimeError, NotImplementedError) as error:
            raise InputError(f"the member cannot be unpacked: {error}", where=where, remedy="fetch or write the log again") from error

    def _read_zstandard(self, info: zipfile.ZipInfo, where: str) -> bytes:
        start = info.header_offset + _LOCAL_HEADER
        header = self._content[info.header_offset : start]
        start += int.from_bytes(header[26:28], "little") + int.from_bytes(header[28:30], "little")
        packed = BytesIO(self._content[start : start + info.compress_size])
        try:
            content = read_to(_zstandard_opener(where)(packed), MAX_MEMBER_BYTES, where)
        except InputError:
            raise
        except Exception as error:  # each of the packages has an error of its own
            raise zipfile.BadZipFile(str(error)) from error
        if zlib.crc32(content) != info.CRC:
            raise zipfile.BadZipFile("its checksum is wrong")
        return content


def _zstandard_opener(where: str) -> Callable[[IO[bytes]], Any]:
    """A function from a packed file to an unpacked one."""
    try:
        return importlib.import_module("backports.zstd").open
    except ModuleNotFoundError:
        pass
    try:
        unpacker = importlib.import_module("zstandard").ZstdDecompressor()
    except ModuleNotFoundError as error:
        remedy = "pip install zstandard; or let Inspect write it as JSON: inspect log convert --to json --output-dir OUT FILE"
        raise InputError("the log is packed with Zstandard, which this Python cannot unpack", where=where, remedy=remedy) from error
    return lambda packed: unpacker.stream_reader(packed, read_across_frames=True)
