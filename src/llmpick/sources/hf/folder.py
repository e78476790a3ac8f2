"""Reads a folder of safetensors files (a snapshot of the Hugging Face hub) into facts: headers and JSON only, no tensor is read.

All files are untrusted: sizes are compared with the file before anything of that size is read, and names in the index cannot leave the
folder.
"""

from collections import Counter
from pathlib import Path
from typing import Any

from llmpick.evidence.errors import ModelFileError
from llmpick.evidence.model import TensorGroup, Weights
from llmpick.sources.hf.assumed import contradiction
from llmpick.sources.hf.config import read_config
from llmpick.sources.hf.headers import DOWNLOAD_AGAIN, LENGTH_BYTES, Tensor, header_bytes, parse_header, parsed
from llmpick.sources.hf.roles import groups_of

_MAX_JSON_BYTES = 100_000_000


def read_safetensors_folder(path: Path) -> Weights:
    """Reads config.json, the headers of the weight files and the chat template of the model in the folder `path`.

    `quantization` is the catalog's name for the method of config.json's quantization_config (`awq-4bit-g128`), the method itself where the
    catalog does not know it, or the data type of most bytes (`BF16`). `architecture` is None where config.json is not understood, or where
    the tensors contradict what was assumed of an unknown model type; `notes` say so.
    Raises `ModelFileError` that names the file and what is wrong with it.
    """
    if not path.is_dir():
        raise ModelFileError("there is no such folder", where=str(path), remedy="name the folder that holds config.json")
    try:
        return _read(path)
    except OSError as error:
        raise ModelFileError(f"a file cannot be read: {error}", where=str(path), remedy="check the files and their permissions") from error


def _read(path: Path) -> Weights:
    config = _json_object(path / "config.json")
    quantized = path / "hf_quant_config.json"  # older ModelOpt checkpoints say it there
    if quantized.is_file() and "quantization_config" not in config:
        config = {**config, "quantization_config": _json_object(quantized).get("quantization")}
    files = _weight_files(path)
    groups = groups_of([tensor for file in files for tensor in _header_of(file)], config)
    model = read_config(config, str(path / "config.json"))
    wrong = contradiction(model.name, model.tensors, groups) if model.architecture else None
    return Weights(
        path=path,
        format="safetensors",
        weight_bytes=sum(file.stat().st_size for file in files),
        quantization=_quantization(config, model.quantization, groups),
        architecture=None if wrong else model.architecture,
        context_tokens=model.context_tokens,
        chat_template=_chat_template(path),
        parameters_total=sum(group.elements for group in groups),
        tensors=groups,
        notes=(wrong,) if wrong else model.notes,
    )


def _quantization(config: dict[str, Any], known: Any, groups: tuple[TensorGroup, ...]) -> str:
    """The catalog's name, else the method's own, else the data type of most bytes."""
    if known is not None and not isinstance(known, str):
        return known.name
    part = config.get("quantization_config")
    method = part.get("quant_method") if isinstance(part, dict) else None
    if isinstance(method, str):
        return method
    sizes: Counter[str] = Counter()
    for group in groups:
        sizes[group.data_type] += group.bytes
    return max(sizes, key=lambda name: sizes[name])


def _header_of(file: Path) -> list[Tensor]:
    size = file.stat().st_size
    with file.open("rb") as stream:
        beginning = stream.read(LENGTH_BYTES)
        rest = stream.read(header_bytes(beginning, size, str(file)))
    return parse_header(beginning + rest, size, str(file))


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
        raise ModelFileError(f"the index does not name a file of its folder: {str(name)[:80]!r}", where=str(index), remedy=DOWNLOAD_AGAIN)
    return name


def _json_object(file: Path) -> dict[str, Any]:
    if not file.is_file():
        raise ModelFileError(f"the folder has no {file.name}", where=str(file), remedy="name the folder of a whole model")
    if file.stat().st_size > _MAX_JSON_BYTES:
        raise ModelFileError("the file is too large to be what its name says", where=str(file), remedy=DOWNLOAD_AGAIN)
    return parsed(file.read_bytes(), str(file))


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
