"""Reads a folder of safetensors files (a snapshot of the Hugging Face hub) into facts: headers and JSON only, no tensor is read.

Format: https://github.com/huggingface/safetensors#format (8 bytes of length, that many bytes of JSON, the data). All files are untrusted:
sizes are compared with the file before anything of that size is read, and names in the index cannot leave the folder.
"""

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from llmpick.evidence.errors import ModelFileError
from llmpick.evidence.model import Architecture, AttentionLayer, TensorGroup, Weights

_DOWNLOAD_AGAIN = "download the model again, its files are damaged or incomplete"
_MAX_HEADER_BYTES = 100_000_000  # the format's own limit
_MAX_JSON_BYTES = 100_000_000
_MAX_LAYERS = 1_024
_MAX_SIZE = 2**31 - 1

_TYPE_BITS = {"BOOL": 8, "U8": 8, "I8": 8, "F8_E4M3": 8, "F8_E5M2": 8, "F8_E8M0": 8, "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6}
_TYPE_BITS |= {"I16": 16, "U16": 16, "F16": 16, "BF16": 16, "I32": 32, "U32": 32, "F32": 32, "I64": 64, "U64": 64, "F64": 64, "C64": 64}

# Of every so many layers the last one has full attention, where config.json gives a window but neither layer_types nor a pattern
# (the defaults of the config classes of https://github.com/huggingface/transformers); 0: all layers slide.
_SLIDING_PERIOD = {"gemma2": 2, "gemma3_text": 6, "gemma3": 6, "cohere2": 4, "mistral": 0, "mixtral": 0, "phi3": 0, "starcoder2": 0}


class _Content(NamedTuple):
    """What the header of one file says: elements and bytes by data type."""

    elements: Counter[str]
    bytes: Counter[str]


def read_safetensors_folder(path: Path) -> Weights:
    """Reads config.json, the headers of the weight files and the chat template of the model in the folder `path`.

    `quantization` is the data type of most bytes (`BF16`), or the method of config.json's quantization_config (`awq`). `architecture` is
    None where config.json does not describe a plain KV cache. Raises `ModelFileError` that names the file and what is wrong with it.
    """
    if not path.is_dir():
        raise ModelFileError("there is no such folder", where=str(path), remedy="name the folder that holds config.json")
    try:
        return _read(path)
    except OSError as error:
        raise ModelFileError(f"a file cannot be read: {error}", where=str(path), remedy="check the files and their permissions") from error


def _read(path: Path) -> Weights:
    config = _json_object(path / "config.json")
    files = _weight_files(path)
    contents = [_read_header(file) for file in files]
    bytes_by_type = sum((content.bytes for content in contents), Counter[str]())
    method = config.get("quantization_config")
    named = method.get("quant_method") if isinstance(method, dict) else None
    text_config = config.get("text_config")
    decoder = text_config if isinstance(text_config, dict) else config
    return Weights(
        path=path,
        format="safetensors",
        weight_bytes=sum(file.stat().st_size for file in files),
        quantization=named if isinstance(named, str) else max(bytes_by_type, key=lambda name: bytes_by_type[name]),
        architecture=_architecture(decoder, path / "config.json"),
        context_tokens=_whole(decoder, "max_position_embeddings", path / "config.json"),
        chat_template=_chat_template(path),
        # Packed weights (4 bits in an I32) hide how many there are.
        parameters_total=None if named else sum((content.elements for content in contents), Counter[str]()).total(),
        tensors=tuple(TensorGroup("other", name, 0, size) for name, size in bytes_by_type.most_common()),
    )


def _weight_files(folder: Path) -> list[Path]:
    """The files of the model: those of the index; else model.safetensors; else all there are."""
    index = folder / "model.safetensors.index.json"
    single = folder / "model.safetensors"
    if index.exists():
        weight_map = _json_object(index).get("weight_map")
        names = list(weight_map.values()) if isinstance(weight_map, dict) else []
        files = sorted({folder / _plain_name(name, index) for name in names})
    else:
        files = [single] if single.exists() else sorted(folder.glob("*.safetensors"))
    if not files:
        raise ModelFileError("the folder holds no safetensors files", where=str(folder), remedy="name a folder that holds a model")
    for file in files:
        if not file.is_file():
            raise ModelFileError("a weight file of the model is missing", where=str(file), remedy="download the model's remaining files")
    return files


def _plain_name(name: Any, index: Path) -> str:
    if not isinstance(name, str) or Path(name).name != name or "\0" in name or not name.endswith(".safetensors"):
        raise ModelFileError(f"the index does not name a file of its folder: {str(name)[:80]!r}", where=str(index), remedy=_DOWNLOAD_AGAIN)
    return name


def _read_header(file: Path) -> _Content:
    """Reads and checks the header of one file: every tensor's bytes fit its shape, and the data end where the file ends."""
    size = file.stat().st_size
    with file.open("rb") as stream:
        beginning = stream.read(8)
        header_bytes = int.from_bytes(beginning, "little")
        if len(beginning) < 8 or not 2 <= header_bytes <= _MAX_HEADER_BYTES or header_bytes > size - 8:
            raise ModelFileError(
                f"this is not a whole safetensors file: a header of {header_bytes} bytes in a file of {size}",
                where=str(file),
                remedy=_DOWNLOAD_AGAIN,
            )
        header = _parsed(stream.read(header_bytes), file)
    content = _Content(Counter(), Counter())
    end = 0
    for name, tensor in header.items():
        if name != "__metadata__":
            end = max(end, _add(content, name, tensor, file))
    if not content.bytes:
        raise ModelFileError("the file holds no tensors", where=str(file), remedy=_DOWNLOAD_AGAIN)
    if 8 + header_bytes + end != size:
        raise ModelFileError(
            f"the file has {size:,} bytes, its tensors end at byte {8 + header_bytes + end:,}", where=str(file), remedy=_DOWNLOAD_AGAIN
        )
    return content


def _add(content: _Content, name: str, tensor: Any, file: Path) -> int:
    """Counts one tensor in; returns where its data end."""
    entry = tensor if isinstance(tensor, dict) else {}
    dtype, shape, offsets = entry.get("dtype"), _whole_list(entry.get("shape")), _whole_list(entry.get("data_offsets"))
    if not isinstance(dtype, str) or shape is None or offsets is None or len(offsets) != 2:
        raise ModelFileError(f"the entry of the tensor {name[:80]!r} is malformed", where=str(file), remedy=_DOWNLOAD_AGAIN)
    if dtype not in _TYPE_BITS:
        raise ModelFileError(
            f"the tensor {name[:80]!r} has the unknown data type {dtype[:20]!r}", where=str(file), remedy="use other weights of the model"
        )
    elements = 1
    for dimension in shape:
        elements *= dimension
    if elements * _TYPE_BITS[dtype] != 8 * (offsets[1] - offsets[0]):
        raise ModelFileError(f"the bytes of the tensor {name[:80]!r} do not fit its shape", where=str(file), remedy=_DOWNLOAD_AGAIN)
    content.elements[dtype] += elements
    content.bytes[dtype] += offsets[1] - offsets[0]
    return offsets[1]


def _whole_list(value: Any) -> list[int] | None:
    """`value` if it is a short list of whole numbers from 0, else None."""
    valid = isinstance(value, list) and len(value) <= 16 and all(type(item) is int and 0 <= item < 2**63 for item in value)
    return value if valid else None


def _json_object(file: Path) -> dict[str, Any]:
    if not file.is_file():
        raise ModelFileError(f"the folder has no {file.name}", where=str(file), remedy="name the folder of a whole model")
    if file.stat().st_size > _MAX_JSON_BYTES:
        raise ModelFileError("the file is too large to be what its name says", where=str(file), remedy=_DOWNLOAD_AGAIN)
    return _parsed(file.read_bytes(), file)


def _parsed(data: bytes, file: Path) -> dict[str, Any]:
    try:
        value = json.loads(data)
    except (ValueError, RecursionError) as error:  # ValueError: no JSON, or no UTF-8
        raise ModelFileError(f"the file's JSON cannot be read: {str(error)[:120]}", where=str(file), remedy=_DOWNLOAD_AGAIN) from error
    if not isinstance(value, dict):
        raise ModelFileError("the file's JSON is not an object", where=str(file), remedy=_DOWNLOAD_AGAIN)
    return value


def _whole(config: Mapping[str, Any], key: str, file: Path) -> int | None:
    """The positive whole number under `key`; None when it is missing or null."""
    value = config.get(key)
    if value is None or (type(value) is int and 0 < value <= _MAX_SIZE):
        return value
    raise ModelFileError(f"{key} is {str(value)[:40]!r}, not a positive whole number", where=f"{file}: {key}", remedy=_DOWNLOAD_AGAIN)


def _architecture(config: Mapping[str, Any], file: Path) -> Architecture | None:
    """The KV cache of a decoder with plain or grouped-query attention; None for every other kind (latent, recurrent, encoder)."""
    if any(key in config for key in ("kv_lora_rank", "ssm_cfg", "mamba_d_state", "linear_num_key_heads")):
        return None
    name = config.get("model_type")
    layer_count = _whole(config, "num_hidden_layers", file)
    heads = _whole(config, "num_attention_heads", file)
    hidden_size = _whole(config, "hidden_size", file)
    if not isinstance(name, str) or layer_count is None or heads is None or hidden_size is None:
        return None
    if layer_count > _MAX_LAYERS:
        raise ModelFileError(f"{layer_count} layers are too many", where=f"{file}: num_hidden_layers", remedy=_DOWNLOAD_AGAIN)
    kv_heads = _whole(config, "num_key_value_heads", file) or heads
    head_size = _whole(config, "head_dim", file) or hidden_size // heads
    windows = _windows(config, name, layer_count, file)
    if windows is None:
        return None
    layers = tuple(AttentionLayer(kv_heads, head_size, head_size, window) for window in windows)
    return Architecture(name, hidden_size, _whole(config, "vocab_size", file), layers)


def _windows(config: Mapping[str, Any], name: str, layer_count: int, file: Path) -> tuple[int | None, ...] | None:
    """The sliding window of each layer; None when some layer keeps something else than keys and values."""
    window = None if config.get("use_sliding_window") is False else _whole(config, "sliding_window", file)
    types = config.get("layer_types")
    if isinstance(types, list) and len(types) == layer_count:
        known = {"full_attention": None, "sliding_attention": window}
        return tuple(known[kind] for kind in types) if all(isinstance(kind, str) and kind in known for kind in types) else None
    period = config.get("sliding_window_pattern", _SLIDING_PERIOD.get(name))
    if window is None or type(period) is not int or period < 0:
        return (None,) * layer_count
    return tuple(window if period == 0 or index % period < period - 1 else None for index in range(layer_count))


def _chat_template(folder: Path) -> str | None:
    """The model's own template: chat_template.jinja, else the one in tokenizer_config.json (the default of several); None without."""
    own_file = folder / "chat_template.jinja"
    if own_file.is_file() and own_file.stat().st_size <= _MAX_JSON_BYTES:
        return own_file.read_text(encoding="utf-8", errors="replace")
    tokenizer = folder / "tokenizer_config.json"
    template = _json_object(tokenizer).get("chat_template") if tokenizer.exists() else None
    if isinstance(template, list):
        named = {item.get("name"): item.get("template") for item in template if isinstance(item, dict)}
        template = named.get("default")
    return template if isinstance(template, str) else None
