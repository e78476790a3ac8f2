"""A GGUF model that a server describes instead of handing out its file: the keys and the table of tensors as JSON (Ollama's /api/show).

What arrives is as untrusted as a file, and is brought into the form in which a file's header is read.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from llmpick.evidence.errors import ModelFileError
from llmpick.sources.gguf.header import KEPT_NUMBERS, KEPT_STRINGS, Header, SkippedArray, Tensor, Value
from llmpick.sources.gguf.types import TENSOR_TYPES, BlockType

_MAX_TENSORS = 100_000
_MAX_DIMENSIONS = 4
_MAX_ELEMENTS = 2**50
_TYPES = {block.name: block for block in TENSOR_TYPES.values()}
_REMEDY = "update the server, or name the model's file"


def described_header(keys: Mapping[str, Any], tensors: Sequence[Any], where: str) -> Header:
    """`tensors` are objects with `name`, `type` and `shape`. Raises `ModelFileError` for what no header can hold."""
    if len(tensors) > _MAX_TENSORS:
        raise _malformed(f"{len(tensors)} tensors, more than any model has", where)
    rows = tuple(_tensor(entry, where) for entry in tensors)
    values = {key: value for key, said in keys.items() if (value := _value(said)) is not None}
    return Header(Path(where), sum(row.bytes for row in rows), values, rows)


def _value(said: Any) -> Value | None:
    """None for what a server leaves out of its answer (null)."""
    if isinstance(said, list):
        texts = all(isinstance(item, str) for item in said)
        plain = texts or all(isinstance(item, int | float) for item in said)
        return tuple(said) if plain and len(said) <= (KEPT_STRINGS if texts else KEPT_NUMBERS) else SkippedArray(len(said))
    return said if isinstance(said, int | float | str) else None


def _tensor(entry: Any, where: str) -> Tensor:
    fields = entry if isinstance(entry, dict) else {}
    name, block, shape = fields.get("name"), _TYPES.get(str(fields.get("type"))), fields.get("shape")
    if not isinstance(name, str) or not isinstance(block, BlockType) or not isinstance(shape, list) or len(shape) > _MAX_DIMENSIONS:
        raise _malformed(f"a tensor described as {str(entry)[:80]!r}", where)
    elements = 1
    for size in shape:
        if type(size) is not int or not 0 <= size <= _MAX_ELEMENTS // max(elements, 1):
            raise _malformed(f"a tensor described as {str(entry)[:80]!r}", where)
        elements *= size
    return Tensor(name, block.name, elements, -(-elements // block.elements) * block.bytes)


def _malformed(what: str, where: str) -> ModelFileError:
    return ModelFileError(f"the server's answer has {what}", where=where, remedy=_REMEDY)
