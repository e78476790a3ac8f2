"""The hash of a file, against published test vectors of SHA-256 (FIPS 180-4 examples)."""

from pathlib import Path

import pytest

from llmpick.evidence.errors import ModelFileError
from llmpick.sources.filehash import sha256_of


@pytest.mark.parametrize(
    ("content", "digest"),
    [
        (b"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        (b"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        (b"a" * 1_000_000, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"),
    ],
)
def test_known_digests(tmp_path: Path, content: bytes, digest: str):
    (tmp_path / "file").write_bytes(content)
    assert sha256_of(tmp_path / "file") == digest


def test_progress_adds_up_to_the_file(tmp_path: Path):
    (tmp_path / "file").write_bytes(bytes(10_000_000))
    seen: list[int] = []
    sha256_of(tmp_path / "file", seen.append)
    assert sum(seen) == 10_000_000
    assert len(seen) > 1


def test_what_cannot_be_read_is_named(tmp_path: Path):
    with pytest.raises(ModelFileError) as raised:
        sha256_of(tmp_path)
    assert raised.value.where == str(tmp_path)
