"""Turns the bytes of a GGUF header into keys and a table of tensors. Nothing in the file is believed before it was checked.

Every count is compared with the bytes that are left before it is used, so that neither time nor memory can be made to grow beyond
what the file itself holds; long arrays (a vocabulary of 262,144 strings) are stepped over, not built. The layout is that of
https://github.com/ggml-org/ggml/blob/master/docs/gguf.md, versions 2 and 3, little-endian.
"""

import mmap
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeGuard

from llmpick.evidence.errors import ModelFileError
from llmpick.sources.gguf.types import TENSOR_TYPES

DOWNLOAD_AGAIN = "download the file again, it is damaged or incomplete"
NAME_A_MODEL = "name a GGUF model file"

# Bounds far above any real model (the largest have some 60 keys, 5,000 tensors and 1,000,000 vocabulary strings and merges).
_MAX_KEYS = 4_096
_MAX_TENSORS = 100_000
_MAX_STRINGS = 4_000_000
_MAX_DIMENSIONS = 4
_MAX_ALIGNMENT = 65_536
_MAX_KEPT_BYTES = 16_777_216
KEPT_NUMBERS = 1_024
KEPT_STRINGS = 256
_NUMBER_OBJECT_BYTES = 40

_STRING, _ARRAY = 8, 9
_SCALARS = {code: struct.Struct("<" + letter) for code, letter in enumerate("BbHhIif?")} | {
    code: struct.Struct("<" + letter) for code, letter in {10: "Q", 11: "q", 12: "d"}.items()
}
_U32, _U64 = struct.Struct("<I"), struct.Struct("<Q")

_OTHER_FILES: Sequence[tuple[bytes, str, str]] = (
    (b"version https://git-lfs", "a Git LFS pointer, not the model itself", "fetch the real file (git lfs pull, or hf download)"),
    (b"<", "a web page, not a model", "download the file itself, not the page that shows it"),
    (b"PK\x03\x04", "a ZIP or PyTorch archive", NAME_A_MODEL),
    (b"lmgg", "a GGML file from before GGUF", "convert it, or download the model as GGUF"),
    (b"fmgg", "a GGML file from before GGUF", "convert it, or download the model as GGUF"),
    (b"tjgg", "a GGML file from before GGUF", "convert it, or download the model as GGUF"),
)


class HeaderCutOffError(ModelFileError):
    """What was given of the file ends inside its header, of which at least the first `needed` bytes are needed."""

    def __init__(self, what: str, *, where: str, needed: int) -> None:
        super().__init__(what, where=where, remedy=DOWNLOAD_AGAIN)
        self.needed = needed


@dataclass(frozen=True, slots=True)
class SkippedArray:
    """An array that was stepped over: only its length is known."""

    length: int


Value = int | float | bool | str | tuple[int | float | bool | str, ...] | SkippedArray


@dataclass(frozen=True, slots=True)
class Tensor:
    """One row of the tensor table; `bytes` are those of its data."""

    name: str
    type_name: str
    elements: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Header:
    path: Path
    file_bytes: int
    values: dict[str, Value]
    tensors: tuple[Tensor, ...]


def read_header(path: Path, file_bytes: int | None = None) -> Header:
    """Reads and checks the header of one file. Raises `ModelFileError` for everything that is not a whole GGUF file.

    With `file_bytes` the file at `path` is only the beginning of one of so many bytes; `HeaderCutOffError` where it does not hold the whole
    header.
    """
    if path.is_dir():
        raise ModelFileError("this is a folder, not a GGUF file", where=str(path), remedy="name the .gguf file inside it")
    if not path.is_file():
        raise ModelFileError("there is no such file", where=str(path), remedy=NAME_A_MODEL)
    try:
        if path.stat().st_size == 0:
            raise ModelFileError("the file is empty", where=str(path), remedy=DOWNLOAD_AGAIN)
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            return _Reader(path, data, file_bytes or len(data)).header()
    except OSError as error:
        raise ModelFileError(f"the file cannot be read: {error}", where=str(path), remedy="check the file and its permissions") from error


def text(header: Header, key: str) -> str | None:
    """The string under `key`; None when it is not there. Raises `ModelFileError` when it is something else."""
    value = header.values.get(key)
    if value is None or isinstance(value, str):
        return value
    raise wrong_type(header, key, "a string")


def integer(header: Header, key: str, highest: int) -> int | None:
    """The whole number under `key`, 0 to `highest`; None when it is not there. Raises `ModelFileError` when it is something else."""
    value = header.values.get(key)
    if value is None or (is_integer(value) and 0 <= value <= highest):
        return value
    raise wrong_type(header, key, f"a whole number from 0 to {highest}")


def is_integer(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


def wrong_type(header: Header, key: str, expected: str) -> ModelFileError:
    found = repr(header.values[key])[:60]
    return ModelFileError(f"{key} is {found}, not {expected}", where=f"{header.path}: {key}", remedy=DOWNLOAD_AGAIN)


class _Reader:
    """Walks over the bytes of one file; `at` is the offset of the next one."""

    def __init__(self, path: Path, data: mmap.mmap, file_bytes: int) -> None:
        self.path = path
        self.data = data
        self.size = len(data)
        self.file_bytes = file_bytes
        self.at = 0
        self.strings_left = _MAX_STRINGS
        self.kept_bytes_left = _MAX_KEPT_BYTES

    def header(self) -> Header:
        tensor_count, key_count = self._counts()
        values: dict[str, Value] = {}
        for _ in range(key_count):
            key = self._string("a key")
            if key in values:
                raise self._damaged(f"the key {_shown(key)} stands there twice")
            values[key] = self._value(key, self._number(_U32))
        rows = [self._tensor() for _ in range(tensor_count)]
        self._check_data(rows, self._alignment(values))
        return Header(self.path, self.file_bytes, values, tuple(tensor for _, _, tensor in rows))

    def _counts(self) -> tuple[int, int]:
        magic = self.data[:4]
        if magic != b"GGUF":
            raise self._not_gguf()
        self.at = 4
        version = self._number(_U32)
        if version not in (2, 3):
            raise self._wrong_version(version)
        tensor_count, key_count = self._number(_U64), self._number(_U64)
        # A key takes at least 13 bytes (length, type, one byte), a tensor 24.
        self._bounded(key_count, _MAX_KEYS, 13, "keys")
        self._bounded(tensor_count, _MAX_TENSORS, 24, "tensors")
        return tensor_count, key_count

    def _number(self, layout: struct.Struct) -> int:
        (value,) = layout.unpack(self._take(layout.size, "a number"))
        return value

    def _take(self, count: int, what: str) -> bytes:
        if count > self.size - self.at:
            said = f"the file ends inside its header: {what} needs {count} bytes, {self.size - self.at} are left"
            raise self._cut_off(said, self.at + count)
        start, self.at = self.at, self.at + count
        return self.data[start : self.at]

    def _string(self, what: str) -> str:
        length = self._number(_U64)
        self._keep(length, what)
        return self._take(length, what).decode("utf-8", errors="replace")

    def _keep(self, count: int, what: str) -> None:
        """Accounts for what stays in memory; refuses a file that would make it grow beyond any model's needs."""
        if count > self.kept_bytes_left:
            raise self._damaged(f"{what} takes {count} bytes, more than the names and texts of any model")
        self.kept_bytes_left -= count

    def _value(self, key: str, code: int) -> Value:
        if code == _STRING:
            return self._string(_shown(key))
        if code == _ARRAY:
            return self._array(key)
        layout = _SCALARS.get(code)
        if layout is None:
            raise self._damaged(f"{_shown(key)} has the unknown type {code}")
        return layout.unpack(self._take(layout.size, _shown(key)))[0]

    def _array(self, key: str) -> Value:
        code, length = self._number(_U32), self._number(_U64)
        if code == _STRING:
            return self._string_array(key, length)
        layout = _SCALARS.get(code)
        if layout is None:
            raise self._damaged(f"{_shown(key)} is an array of the type {code}, which no model uses")
        self._bounded(length, self.file_bytes, layout.size, f"elements in {_shown(key)}")
        if length <= KEPT_NUMBERS:
            self._keep(length * _NUMBER_OBJECT_BYTES, _shown(key))
            taken = self._take(length * layout.size, _shown(key))
            return tuple(value for (value,) in layout.iter_unpack(taken))
        self.at += length * layout.size
        return SkippedArray(length)

    def _string_array(self, key: str, length: int) -> Value:
        self._bounded(length, self.strings_left, 8, f"strings in {_shown(key)}")
        self.strings_left -= length
        if length <= KEPT_STRINGS:
            return tuple(self._string(_shown(key)) for _ in range(length))
        at, data, unpack = self.at, self.data, _U64.unpack_from
        try:
            for _ in range(length):
                at += 8 + unpack(data, at)[0]
        except (struct.error, OverflowError):  # the next length would lie behind the end
            at = max(at + _U64.size, self.size + 1)
        if at > self.size:
            raise self._cut_off(f"the strings of {_shown(key)} reach beyond the end of the file", at)
        self.at = at
        return SkippedArray(length)

    def _tensor(self) -> tuple[str, int, Tensor]:
        """One row of the table: the tensor's name, the offset of its data, and what is kept of it."""
        name = self._string("a tensor's name")
        dimension_count = self._number(_U32)
        self._bounded(dimension_count, _MAX_DIMENSIONS, 8, f"dimensions of {_shown(name)}")
        dimensions = [self._number(_U64) for _ in range(dimension_count)]
        code, offset = self._number(_U32), self._number(_U64)
        block = TENSOR_TYPES.get(code)
        if block is None:
            raise ModelFileError(
                f"the tensor {_shown(name)} has the data type {code}, which llmpick does not know",
                where=self._where(),
                remedy="use another quantisation of the model, or a newer llmpick",
            )
        elements = 1
        for dimension in dimensions:
            elements *= dimension
        if dimensions and dimensions[0] % block.elements:
            raise self._damaged(f"the rows of {_shown(name)} have {dimensions[0]} weights, not whole blocks of {block.elements}")
        return name, offset, Tensor(name, block.name, elements, elements // block.elements * block.bytes)

    def _alignment(self, values: dict[str, Value]) -> int:
        alignment = values.get("general.alignment", 32)
        if is_integer(alignment) and 0 < alignment <= _MAX_ALIGNMENT and alignment.bit_count() == 1:
            return alignment
        raise self._damaged(f"general.alignment is {alignment!r}, not a power of two up to {_MAX_ALIGNMENT}")

    def _check_data(self, rows: Sequence[tuple[str, int, Tensor]], alignment: int) -> None:
        """Tensor data follow the header without gaps but for padding, in the order of the table, and end inside the file."""
        start = _padded(self.at, alignment)
        expected = 0
        for name, offset, tensor in rows:
            if offset != expected:
                raise self._damaged(f"the data of {_shown(name)} are said to start at {offset}, not at {expected}")
            end = start + offset + tensor.bytes
            if end > self.file_bytes:
                raise ModelFileError(
                    f"the file is cut off: the data of {_shown(name)} end at byte {end:,}, the file at {self.file_bytes:,}",
                    where=str(self.path),
                    remedy=DOWNLOAD_AGAIN,
                )
            expected = _padded(offset + tensor.bytes, alignment)

    def _bounded(self, count: int, highest: int, least_bytes: int, what: str) -> None:
        """Refuses a count above `highest`, or one whose items cannot fit into the bytes that are left."""
        if count > highest:
            raise self._damaged(f"{count} {what} are said to follow, more than any model has")
        if count * least_bytes > self.size - self.at:
            said = f"{count} {what} are said to follow, but only {self.size - self.at} bytes are left"
            raise self._cut_off(said, self.at + count * least_bytes)

    def _where(self) -> str:
        return f"{self.path}, byte {self.at}"

    def _cut_off(self, what: str, needed: int) -> ModelFileError:
        """More of the file would help where there is more of it, and where it holds as much as is needed."""
        if self.size < self.file_bytes and needed <= self.file_bytes:
            return HeaderCutOffError(what, where=self._where(), needed=needed)
        return self._damaged(what)

    def _damaged(self, what: str) -> ModelFileError:
        return ModelFileError(what, where=self._where(), remedy=DOWNLOAD_AGAIN)

    def _not_gguf(self) -> ModelFileError:
        for beginning, what, remedy in _OTHER_FILES:
            if self.data[: len(beginning)] == beginning:
                return ModelFileError(f"this is {what}", where=str(self.path), remedy=remedy)
        return ModelFileError(f"this is not a GGUF file, it begins with {self.data[:4]!r}", where=str(self.path), remedy=NAME_A_MODEL)

    def _wrong_version(self, version: int) -> ModelFileError:
        if version == 1:
            what, remedy = "this GGUF file has the format version 1 of August 2023", "download a newer conversion of the model"
        elif int.from_bytes(version.to_bytes(4, "little"), "big") <= 0xFFFF:
            what, remedy = "this GGUF file is big-endian", "download the little-endian file of the model"
        else:
            what, remedy = f"this GGUF file has the unknown format version {version}", "use a newer llmpick, or another file of the model"
        return ModelFileError(what, where=f"{self.path}, byte 4", remedy=remedy)


def _shown(name: str) -> str:
    """A name from the file, fit for a message: short, and without control characters."""
    return repr(name[:64])


def _padded(offset: int, alignment: int) -> int:
    return (offset + alignment - 1) // alignment * alignment
