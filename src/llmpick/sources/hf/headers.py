"""The header of a safetensors file: names, types and sizes of its tensors, checked against the file's size.

Format: https://github.com/huggingface/safetensors#format (8 bytes of length, that many bytes of JSON, the data). The bytes may come from
anywhere (a file, a range request); they are untrusted.
"""

import json
from typing import Any, NamedTuple

from llmpick.evidence.errors import ModelFileError

DOWNLOAD_AGAIN = "download the model again, its files are damaged or incomplete"
LENGTH_BYTES = 8
MAX_HEADER_BYTES = 25_000_000  # the largest published headers have some 2 MB; reading JSON takes about eight times its bytes
TYPE_BITS = {"BOOL": 8, "U8": 8, "I8": 8, "F8_E4M3": 8, "F8_E5M2": 8, "F8_E8M0": 8, "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6}
TYPE_BITS |= {"I16": 16, "U16": 16, "F16": 16, "BF16": 16, "I32": 32, "U32": 32, "F32": 32, "I64": 64, "U64": 64, "F64": 64, "C64": 64}


class Tensor(NamedTuple):
    """One tensor of a file; `elements` counts what is stored, so that of packed weights it counts the words."""

    name: str
    data_type: str
    shape: tuple[int, ...]
    elements: int
    bytes: int


def header_bytes(beginning: bytes, file_size: int, where: str) -> int:
    """Bytes of the JSON that follows the first eight, which `beginning` starts with. Raises `ModelFileError` where they cannot be right."""
    length = int.from_bytes(beginning[:LENGTH_BYTES], "little")
    if len(beginning) < LENGTH_BYTES or not 2 <= length <= MAX_HEADER_BYTES or length > file_size - LENGTH_BYTES:
        raise ModelFileError(
            f"this is not a whole safetensors file: a header of {length} bytes in a file of {file_size}", where=where, remedy=DOWNLOAD_AGAIN
        )
    return length


def parse_header(data: bytes, file_size: int, where: str) -> list[Tensor]:
    """The tensors of a file of `file_size` bytes that begins with `data`, which holds at least the whole header.

    Raises `ModelFileError` unless every tensor's bytes fit its shape and the data end where the file ends.
    """
    length = header_bytes(data, file_size, where)
    text = data[LENGTH_BYTES : LENGTH_BYTES + length]
    if len(text) < length:
        raise ModelFileError(f"the header has {length} bytes, {len(text)} were read", where=where, remedy=DOWNLOAD_AGAIN)
    tensors = list[Tensor]()
    end = 0
    for name, entry in parsed(text, where).items():
        if name != "__metadata__":
            tensor, tensor_end = _tensor(name, entry, where)
            tensors.append(tensor)
            end = max(end, tensor_end)
    if not tensors:
        raise ModelFileError("the file holds no tensors", where=where, remedy=DOWNLOAD_AGAIN)
    if LENGTH_BYTES + length + end != file_size:
        raise ModelFileError(
            f"the file has {file_size:,} bytes, its tensors end at byte {LENGTH_BYTES + length + end:,}", where=where, remedy=DOWNLOAD_AGAIN
        )
    return tensors


def parsed(data: bytes, where: str) -> dict[str, Any]:
    """The JSON object in `data`. Raises `ModelFileError` where it is none."""
    try:
        value = json.loads(data)
    except (ValueError, RecursionError) as error:  # ValueError: no JSON, or no UTF-8
        raise ModelFileError(f"the file's JSON cannot be read: {str(error)[:120]}", where=where, remedy=DOWNLOAD_AGAIN) from error
    if not isinstance(value, dict):
        raise ModelFileError("the file's JSON is not an object", where=where, remedy=DOWNLOAD_AGAIN)
    return value


def _tensor(name: str, entry: Any, where: str) -> tuple[Tensor, int]:
    """One tensor, and where its data end."""
    fields = entry if isinstance(entry, dict) else {}
    dtype, shape, offsets = fields.get("dtype"), _whole_list(fields.get("shape")), _whole_list(fields.get("data_offsets"))
    if not isinstance(dtype, str) or shape is None or offsets is None or len(offsets) != 2:
        raise ModelFileError(f"the entry of the tensor {name[:80]!r} is malformed", where=where, remedy=DOWNLOAD_AGAIN)
    if dtype not in TYPE_BITS:
        raise ModelFileError(
            f"the tensor {name[:80]!r} has the unknown data type {dtype[:20]!r}", where=where, remedy="use other weights of the model"
        )
    elements = 1
    for dimension in shape:
        elements *= dimension
    if elements * TYPE_BITS[dtype] != 8 * (offsets[1] - offsets[0]):
        raise ModelFileError(f"the bytes of the tensor {name[:80]!r} do not fit its shape", where=where, remedy=DOWNLOAD_AGAIN)
    return Tensor(name, dtype, tuple(shape), elements, offsets[1] - offsets[0]), offsets[1]


def _whole_list(value: Any) -> list[int] | None:
    """`value` if it is a short list of whole numbers from 0, else None."""
    valid = isinstance(value, list) and len(value) <= 16 and all(type(item) is int and 0 <= item < 2**63 for item in value)
    return value if valid else None
