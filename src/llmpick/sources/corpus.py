"""The user's own text, cut into the chunks that a race by bits per byte runs on.

A file is a document, a folder is all the files in it. Every document is cut into chunks of about equal bytes: at the end of a paragraph if
there is one near, else of a line, of a sentence, of a word, and never inside a character. A chunk belongs to a cluster: its document; or,
where there is only one document, a run of neighbouring chunks of it, since neighbours are alike.

The text is untrusted: how much is read is bounded, and what is not UTF-8 is refused with its place. A byte order mark and the carriage
returns of Windows' line ends are dropped, for they are no part of what was written.
"""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from llmpick.evidence.errors import InputError

CHUNK_BYTES = 2048
MOST_BYTES = 64 * 2**20
MOST_FILES = 10_000
SECTIONS = 20
"""How many clusters a single document is cut into: enough to see its spread, few enough that neighbours stay together."""

_ENDS = (
    re.compile(rb"\n[ \t]*\n\s*"),
    re.compile(rb"\n"),
    re.compile(rb"[.!?][ \t]+|" + "。|！|？".encode()),
    re.compile(rb"[ \t]+"),
)
"""Where a text may be cut, the best places first; each match belongs to what stands before it."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of a document. `cluster` numbers what it is drawn together with; `place` says where it stands ("notes.txt, byte 4,096")."""

    text: str
    document: str
    cluster: int
    place: str

    @property
    def text_bytes(self) -> int:
        return len(self.text.encode())


@dataclass(frozen=True, slots=True)
class Corpus:
    """All chunks, in the order of the text. `clusters` are documents, or sections of the only document there is."""

    chunks: tuple[Chunk, ...]
    documents: int
    clusters: int

    @property
    def text_bytes(self) -> int:
        return sum(chunk.text_bytes for chunk in self.chunks)


def read_corpus(path: Path, *, chunk_bytes: int = CHUNK_BYTES) -> Corpus:
    """Reads a text file, or all files of a folder and its subfolders (hidden ones left out), and cuts them.

    Raises `InputError` for a text that is missing, empty, too long, or not UTF-8, naming the file and the byte.
    """
    documents = {name: pieces for name, text in _documents(path) if (pieces := _cut(text, chunk_bytes))}
    if not documents:
        raise InputError("there is no text in it", where=str(path), remedy="name a file or folder with UTF-8 text")
    chunks: list[Chunk] = []
    for number, (name, pieces) in enumerate(documents.items()):
        sections = min(len(pieces), SECTIONS)
        for i, (start, piece) in enumerate(pieces):
            cluster = number if len(documents) > 1 else i * sections // len(pieces)
            chunks.append(Chunk(piece.decode(), name, cluster, f"{name}, byte {start:,}"))
    return Corpus(tuple(chunks), len(documents), chunks[-1].cluster + 1)


def _documents(path: Path) -> Iterator[tuple[str, bytes]]:
    """(name, text) of every document, in the order of their names."""
    total = 0
    for file in _files(path):
        content = _read(file, MOST_BYTES - total)
        total += len(content)
        yield file.relative_to(path).as_posix() if file != path else file.name, content.replace(b"\r\n", b"\n")


def _files(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    if not path.is_dir():
        what = "it is neither a file nor a folder" if path.exists() else "there is no such file or folder"
        raise InputError(what, where=str(path), remedy="name a text file, or a folder of them")
    found: list[Path] = []
    for folder, subfolders, names in os.walk(path):
        subfolders[:] = [name for name in subfolders if not name.startswith(".")]
        found += [file for name in names if not name.startswith(".") and (file := Path(folder, name)).is_file()]
        if len(found) > MOST_FILES:
            raise InputError(f"the folder holds more than {MOST_FILES:,} files", where=str(path), remedy="name a folder with fewer")
    return sorted(found)


def _read(file: Path, most_bytes: int) -> bytes:
    try:
        with file.open("rb") as stream:
            content = stream.read(most_bytes + 1)
    except OSError as error:
        raise InputError(f"the text cannot be read: {error.strerror}", where=str(file), remedy="check its rights") from error
    if len(content) > most_bytes:
        remedy = "give a part of it: a race by bits per byte needs far less"
        raise InputError(f"the text is longer than {MOST_BYTES // 2**20} MiB", where=str(file), remedy=remedy)
    content = content.removeprefix(b"\xef\xbb\xbf")
    try:
        content.decode()
    except UnicodeDecodeError as error:
        raise InputError(
            "the file is not UTF-8 text", where=f"{file}, byte {error.start}", remedy="save it as UTF-8, or keep it out of the folder"
        ) from error
    if (at := content.find(b"\0")) >= 0:
        raise InputError("the file is not text: it holds a zero byte", where=f"{file}, byte {at}", remedy="keep it out of the folder")
    return content


def _cut(text: bytes, chunk_bytes: int) -> list[tuple[int, bytes]]:
    """(where it starts, piece): pieces of about `chunk_bytes` that together are the text, without those that are blank."""
    count = max(1, round(len(text) / chunk_bytes))
    starts = [0]
    for number in range(1, count):
        starts.append(_near(text, starts[-1], number * len(text) // count, slack=len(text) // count // 4))
    return [(start, piece) for start, end in pairwise([*starts, len(text)]) if (piece := text[start:end]).strip()]


def _near(text: bytes, start: int, wanted: int, slack: int) -> int:
    """The best place to cut that is at most `slack` bytes from `wanted`: of the best kind there is, the nearest."""
    low, high = max(start + 1, wanted - slack), wanted + slack
    for end in _ENDS:
        places = [match.end() for match in end.finditer(text, low, high)]
        if places:
            return min(places, key=lambda place: abs(place - wanted))
    while wanted < len(text) and text[wanted] & 0xC0 == 0x80:
        wanted += 1
    return wanted
