"""The user's text, cut into chunks: nothing is lost, cuts stand where a reader would cut, and bad input is named."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmpick.evidence.errors import InputError
from llmpick.sources import corpus as module
from llmpick.sources.corpus import SECTIONS, read_corpus


def write(path: Path, content: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


PARAGRAPH = "The miller sold flour by the sack.\nHe kept his books in chalk on the door.\n\n"
CHINESE = "磨坊主按袋卖面粉。他用粉笔把账记在门上。"


@pytest.mark.parametrize(
    ("text", "ends"),
    [
        (PARAGRAPH * 60, "\n\n"),
        ("A line of a list that never ends\n" * 120, "\n"),
        ("One sentence follows the next. " * 200, ". "),
        (CHINESE * 100, "。"),
        ("words " * 800, " "),
    ],
)
def test_cuts_at_the_best_end_there_is(tmp_path: Path, text: str, ends: str) -> None:
    chunks = read_corpus(write(tmp_path / "a.txt", text), chunk_bytes=500).chunks
    assert len(chunks) > 5
    assert all(chunk.text.endswith(ends) for chunk in chunks[:-1])
    assert all(350 <= chunk.text_bytes <= 650 for chunk in chunks)


@settings(max_examples=60, deadline=None)
@given(text=st.text(alphabet="ab 。\n.é磨", min_size=1, max_size=3000), size=st.integers(20, 400))
def test_the_chunks_are_the_text_without_blank_ones(tmp_path_factory: pytest.TempPathFactory, text: str, size: int) -> None:
    file = write(tmp_path_factory.mktemp("c") / "a.txt", text)
    if not text.strip():
        with pytest.raises(InputError, match="there is no text in it"):
            read_corpus(file, chunk_bytes=size)
        return
    chunks = read_corpus(file, chunk_bytes=size).chunks
    content = text.encode()
    rest = content
    for chunk in reversed(chunks):
        start = int(chunk.place.rpartition("byte ")[2].replace(",", ""))
        assert content[start:].startswith(chunk.text.encode())
        assert not rest[start + chunk.text_bytes :].strip()
        rest = rest[:start]
    assert not rest.strip()


def test_a_folder_is_its_files_and_a_document_a_cluster(tmp_path: Path) -> None:
    write(tmp_path / "b.txt", PARAGRAPH * 30)
    write(tmp_path / "sub/a.md", CHINESE * 20)
    write(tmp_path / "empty.txt", " \n")
    write(tmp_path / ".hidden", b"\xff")
    write(tmp_path / ".git/objects", b"\xff")
    corpus = read_corpus(tmp_path, chunk_bytes=500)
    assert (corpus.documents, corpus.clusters) == (2, 2)
    assert {(chunk.document, chunk.cluster) for chunk in corpus.chunks} == {("b.txt", 0), ("sub/a.md", 1)}


def test_sections_of_the_only_document_are_neighbours(tmp_path: Path) -> None:
    corpus = read_corpus(write(tmp_path / "a.txt", PARAGRAPH * 400), chunk_bytes=300)
    clusters = [chunk.cluster for chunk in corpus.chunks]
    assert clusters == sorted(clusters)
    assert set(clusters) == set(range(SECTIONS))
    assert corpus.clusters == SECTIONS
    assert read_corpus(write(tmp_path / "b.txt", PARAGRAPH)).clusters == 1


def test_windows_line_ends_and_the_byte_order_mark_are_no_text(tmp_path: Path) -> None:
    [chunk] = read_corpus(write(tmp_path / "a.txt", b"\xef\xbb\xbfone\r\ntwo\r\n")).chunks
    assert chunk.text == "one\ntwo\n"


@pytest.mark.parametrize(
    ("content", "what", "where"),
    [
        (b"caf\xe9 au lait", "not UTF-8 text", "byte 3"),
        (b"text\0text", "zero byte", "byte 4"),
        (b"\n \n", "no text in it", "a.txt"),
        (b"x" * 101, "longer than", "a.txt"),
    ],
)
def test_bad_files_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes, what: str, where: str) -> None:
    monkeypatch.setattr(module, "MOST_BYTES", 100)
    with pytest.raises(InputError, match=what) as caught:
        read_corpus(write(tmp_path / "a.txt", content))
    assert where in caught.value.where


def test_bad_places_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="no such file or folder"):
        read_corpus(tmp_path / "nothing")
    monkeypatch.setattr(module, "MOST_FILES", 3)
    for number in range(4):
        write(tmp_path / f"{number}.txt", "text")
    with pytest.raises(InputError, match="more than 3 files"):
        read_corpus(tmp_path)


def test_a_link_in_a_circle_ends(tmp_path: Path) -> None:
    write(tmp_path / "a.txt", "text")
    (tmp_path / "again").symlink_to(tmp_path, target_is_directory=True)
    assert read_corpus(tmp_path).documents == 1
