"""Reads what a GGUF file says about itself, in well under half a second and without trusting any number in it.

`header` turns bytes into keys and a table of tensors, `types` holds the two tables of the format, `architecture` turns the keys into
the numbers that memory and speed depend on; this file joins them, over all parts of a split model. No tensor is read.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from llmpick.evidence.errors import ModelFileError
from llmpick.evidence.model import Weights
from llmpick.sources.gguf.architecture import architecture_name, draft_layers, read_architecture, read_context_tokens
from llmpick.sources.gguf.described import described_header
from llmpick.sources.gguf.header import DOWNLOAD_AGAIN, Header, HeaderCutOffError, SkippedArray, Tensor, is_integer, read_header, text
from llmpick.sources.gguf.roles import groups_of
from llmpick.sources.gguf.types import FILE_TYPES

_PART_NAME = re.compile(r"(?P<stem>.+)-(?P<part>\d{5})-of-(?P<parts>\d{5})\.gguf")
_NO_MODEL = {"adapter": "an adapter (LoRA)", "imatrix": "an importance matrix", "mmproj": "the vision part of a model"}


def read_gguf(path: Path) -> Weights:
    """Reads the header of the GGUF file at `path`, and of its other parts when the model is split.

    `weight_bytes` are the bytes of all parts' files, `parameters_total` the elements of all tensors. `architecture` is None where
    the keys do not tell what some layer keeps (a kind that llmpick does not know).
    Raises `ModelFileError` for whatever is not a whole GGUF file of a language model; the error names the part, key or tensor.
    """
    paths = _part_paths(path)
    return _weights(paths, [read_header(part) for part in paths])


def read_gguf_beginnings(paths: Sequence[Path], file_bytes: Sequence[int]) -> Weights:
    """The same from files that hold only the beginnings of a model's parts, headers included, and the sizes of the whole files.

    Raises `HeaderCutOffError` where a header goes on behind its file's end; `missing_bytes` asks for one file.
    """
    return _weights(paths, [read_header(path, size) for path, size in zip(paths, file_bytes, strict=True)])


def missing_bytes(path: Path, file_bytes: int) -> int:
    """How many bytes, counted from the file's begin, must be there for the reader to get further; 0 where the header is whole.

    Raises `ModelFileError` for a header that no further bytes would mend.
    """
    try:
        read_header(path, file_bytes)
    except HeaderCutOffError as error:
        return error.needed
    return 0


def read_description(keys: Mapping[str, Any], tensors: Sequence[Any], where: str) -> Weights:
    """The same from a server's description of the model, in JSON. `path` is only the name `where`, there is no file."""
    header = described_header(keys, tensors, where)
    return _weights([header.path], [header])


def _weights(paths: Sequence[Path], headers: Sequence[Header]) -> Weights:
    first = headers[0]
    _check_parts(paths, headers)
    tensors = [tensor for header in headers for tensor in header.tensors]
    _check_is_model(first, tensors)
    bytes_by_type = _bytes_by_type(tensors)
    languages = first.values.get("general.languages")
    return Weights(
        path=paths[0],
        format="gguf",
        weight_bytes=sum(header.file_bytes for header in headers),
        quantization=_quantization(first, bytes_by_type),
        architecture=read_architecture(first),
        context_tokens=read_context_tokens(first),
        chat_template=text(first, "tokenizer.chat_template"),
        parameters_total=sum(tensor.elements for tensor in tensors),
        name=text(first, "general.name"),
        licence=text(first, "general.license"),
        languages=tuple(language for language in languages if isinstance(language, str)) if isinstance(languages, tuple) else None,
        tensors=groups_of(tensors, _draft_from(first)),
        merges=_merges(first),
    )


def _part_paths(path: Path) -> list[Path]:
    """All parts of the model, the first one first; any part may be named."""
    match = _PART_NAME.fullmatch(path.name)
    if match is None:
        return [path]
    stem, parts = match["stem"], int(match["parts"])
    return list(_parts(path, stem, parts)) or [path]


def _parts(path: Path, stem: str, parts: int) -> Iterator[Path]:
    for number in range(1, parts + 1):
        part = path.with_name(f"{stem}-{number:05d}-of-{parts:05d}.gguf")
        if not part.exists():
            raise ModelFileError(
                f"part {number} of {parts} of this split model is missing", where=str(part), remedy="download all parts into one folder"
            )
        yield part


def _check_is_model(header: Header, tensors: Sequence[Tensor]) -> None:
    kind = "mmproj" if text(header, "general.architecture") == "clip" else text(header, "general.type")
    content = _NO_MODEL.get(kind or "model") or ("no tensors" if not tensors else None)
    if content:
        raise ModelFileError(
            f"this GGUF file holds {content}, not a language model",
            where=f"{header.path}: general.type",
            remedy="name the file that holds the model's weights",
        )


def _check_parts(paths: Sequence[Path], headers: Sequence[Header]) -> None:
    """A split model says in every part how many there are and which one it is (split.no counts from 0)."""
    for number, (path, header) in enumerate(zip(paths, headers, strict=True)):
        count = header.values.get("split.count", len(paths))
        place = header.values.get("split.no", number)
        if count not in (0, len(paths)) or place != number:
            raise ModelFileError(
                f"the file says that it is part {place} (from 0) of {count}, its name says part {number} of {len(paths)}",
                where=f"{path}: split.count, split.no",
                remedy="give the parts the names they were published with (…-00001-of-0000N.gguf)",
            )
    expected = headers[0].values.get("split.tensors.count")
    found = sum(len(header.tensors) for header in headers)
    if len(paths) > 1 and expected is not None and expected != found:
        raise ModelFileError(
            f"the parts hold {found} tensors, not {expected}", where=f"{paths[0]}: split.tensors.count", remedy=DOWNLOAD_AGAIN
        )


def _draft_from(header: Header) -> int | None:
    """The number of the first block that only predicts tokens further ahead (MTP); None where there is none."""
    blocks = header.values.get(f"{architecture_name(header)}.block_count")
    ahead = draft_layers(header, blocks) if is_integer(blocks) else 0
    return blocks - ahead if ahead and is_integer(blocks) else None


def _merges(header: Header) -> int:
    merges = header.values.get("tokenizer.ggml.merges")
    if isinstance(merges, SkippedArray):
        return merges.length
    return len(merges) if isinstance(merges, tuple) else 0


def _bytes_by_type(tensors: Sequence[Tensor]) -> tuple[tuple[str, int], ...]:
    total = Counter[str]()
    for tensor in tensors:
        total[tensor.type_name] += tensor.bytes
    return tuple(sorted(total.items(), key=lambda item: (-item[1], item[0])))


def _quantization(header: Header, bytes_by_type: Sequence[tuple[str, int]]) -> str:
    """The name of the recipe (`Q4_K_M`) where the file gives it, else the data type of most bytes."""
    file_type = header.values.get("general.file_type")
    if isinstance(file_type, int) and file_type in FILE_TYPES:
        return FILE_TYPES[file_type]
    return bytes_by_type[0][0]
