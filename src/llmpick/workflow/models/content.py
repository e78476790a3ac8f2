"""Models named by the content of their files: each file is hashed once, and again only when its size or time has changed."""

from collections.abc import Callable
from pathlib import Path

from llmpick.evidence.errors import ModelFileError
from llmpick.sources.filehash import sha256_of
from llmpick.sources.hub import published_sha256
from llmpick.store.store import Store


def file_hasher(store: Store, note: Callable[[str], None]) -> Callable[[Path], str]:
    """A file → its SHA-256. It raises `ModelFileError` for one that cannot be read, or is not what the hub published."""

    def file_hash(path: Path) -> str:
        status = path.stat()
        kept = store.file_hash(path, status.st_size, status.st_mtime_ns)
        if kept is None:
            note(f"computing the SHA-256 of {path.name}")
            kept = sha256_of(path)
            store.remember_file_hash(path, status.st_size, status.st_mtime_ns, kept)
        published = published_sha256(path)
        if published not in (None, kept):
            remedy = "the file is damaged: delete it and download it again"
            raise ModelFileError(f"its SHA-256 is {kept}, the hub published {published}", where=str(path), remedy=remedy)
        return kept

    return file_hash
