"""A model from its config.json alone: what its layers keep, and its weights counted by role.

config.json is untrusted. What is not understood gives no architecture, with the reason; it is never guessed. Layers that only predict
further tokens ahead (MTP) are not counted: engines load them for speculative decoding only.
"""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llmpick.estimate.weights import stored_as
from llmpick.evidence.errors import ModelFileError
from llmpick.evidence.model import Architecture, Blueprint, TensorGroup, TensorRole
from llmpick.evidence.quantization import Quantization
from llmpick.evidence.values import Source
from llmpick.sources.hf.assumed import assumption
from llmpick.sources.hf.decoder import read_decoder
from llmpick.sources.hf.quantized import quantization_of
from llmpick.sources.hf.reading import Config, class_defaults
from llmpick.sources.hf.vision import vision_elements

_DATA_TYPES = {"float32": ("F32", 4), "float": ("F32", 4), "float16": ("F16", 2), "half": ("F16", 2), "bfloat16": ("BF16", 2)}
_DECODERS = ("text_config", "language_config", "llm_config", "language_model_config", "thinker_config")
_MAX_BYTES = 100_000_000


@dataclass(frozen=True, slots=True)
class ConfigModel:
    """`tensors` are as stored unquantised, in `data_type`; empty where `architecture` is None for the `reason` given.

    `quantization` is how the file says that its weights are stored: None for as they are, a sentence where the method is not known.
    """

    name: str
    architecture: Architecture | None
    reason: str | None
    tensors: tuple[TensorGroup, ...]
    data_type: str
    quantization: Quantization | str | None
    context_tokens: int | None
    notes: tuple[str, ...] = ()


def read_config(config: Mapping[str, Any], where: str) -> ConfigModel:
    """Reads the object of a config.json; `where` names the file in errors. Raises `ModelFileError` for values that no model has."""
    whole = Config(config, where)
    decoder = decoder_config(config, where)
    data_type, size = _data_type(whole, decoder)
    assumed = assumption(decoder.name)
    notes = [assumed] if assumed else []
    found = read_decoder(decoder, tied=_tied(whole, decoder))
    context = decoder.number("context") or whole.number("context")
    stored = quantization_of(whole.values, decoder.layer_count() or 0) or quantization_of(decoder.values, decoder.layer_count() or 0)
    if isinstance(found, str):
        return ConfigModel(decoder.name, None, found, (), data_type, stored, context)
    elements = Counter(found.elements)
    elements["vision"] += vision_elements(whole, decoder)
    if whole.get("vision_config") is not None and not elements["vision"]:
        notes.append("The image tower is not counted: config.json does not give its size.")
    drafts = decoder.number("draft_layers")
    if drafts:
        notes.append(f"{drafts} layers that predict further tokens (MTP) are not counted; engines load them for speculative decoding only.")
    if decoder.number("index_head_dim") and decoder.number("kv_lora_rank"):
        notes.append("The indexer of sparse attention keeps a further, small cache that is not counted.")
    return ConfigModel(decoder.name, found.architecture, None, _groups(elements, data_type, size), data_type, stored, context, tuple(notes))


def blueprint_of_config(path: Path, name: str, source: Source) -> Blueprint:
    """The model of the file `path` (config.json), stored as the file says that it is.

    Raises `ModelFileError` where the file cannot be read, or its layers are not understood.
    """
    return blueprint_of_values(config_object(path), str(path), name, source)


def blueprint_of_values(config: Mapping[str, Any], where: str, name: str, source: Source) -> Blueprint:
    """The same from the object of a config.json that was read elsewhere."""
    model = read_config(config, where)
    if model.architecture is None:
        raise ModelFileError(
            f"the layers of the model are not understood: {model.reason}", where=where, remedy="name the model's files instead"
        )
    if isinstance(model.quantization, str):
        raise ModelFileError(model.quantization, where=f"{where}: quantization_config", remedy="name the model's files instead")
    wide = Blueprint(
        name=name,
        known_from="config",
        format="safetensors",
        quantization=model.data_type,
        architecture=model.architecture,
        tensors=model.tensors,
        context_tokens=model.context_tokens,
        source=source,
        notes=model.notes,
    )
    return wide if model.quantization is None else stored_as(wide, model.quantization)[0]


def config_object(path: Path) -> dict[str, Any]:
    """The JSON object of the file. Raises `ModelFileError` where it is missing, too large or no object."""
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise ModelFileError("the file is too large to be what its name says", where=str(path), remedy="download it again")
        value = json.loads(path.read_bytes())
    except OSError as error:
        raise ModelFileError(f"the file cannot be read: {error}", where=str(path), remedy="name a config.json") from error
    except (ValueError, RecursionError) as error:
        raise ModelFileError(f"the file's JSON cannot be read: {str(error)[:120]}", where=str(path), remedy="download it again") from error
    if not isinstance(value, dict):
        raise ModelFileError("the file's JSON is not an object", where=str(path), remedy="name a config.json")
    return value


def decoder_config(config: Mapping[str, Any], where: str) -> Config:
    """The part that describes the decoder: all of it, or the text part of a multimodal model."""
    for _ in range(3):  # thinker_config holds a text_config of its own
        key = next((key for key in _DECODERS if isinstance(config.get(key), dict) and config[key]), None)
        if key is None:
            break
        wrapper, config, where = config, config[key], f"{where}: {key}"
        if "model_type" not in config:
            config = {**config, "model_type": _text_type(wrapper)}
    return Config(_flat(config), where)


def _flat(config: Mapping[str, Any]) -> Mapping[str, Any]:
    """DBRX writes the sizes of its feed-forward part into an object of its own."""
    part = config.get("ffn_config")
    if not isinstance(part, dict):
        return config
    names = {"ffn_hidden_size": "intermediate_size", "moe_num_experts": "num_local_experts", "moe_top_k": "num_experts_per_tok"}
    return {**config, **{ours: part[theirs] for theirs, ours in names.items() if theirs in part}}


def _text_type(wrapper: Mapping[str, Any]) -> str:
    """Some wrappers leave out the type of their text part; it is mostly called after them."""
    name = str(wrapper.get("model_type", ""))
    return f"{name}_text" if f"{name}_text" in class_defaults() else name


def _tied(whole: Config, decoder: Config) -> bool:
    """Whether the output matrix is the embedding: as written, else the default of the class, else that of transformers (tied)."""
    for values in (decoder.values, whole.values):
        for key in ("tie_word_embeddings", "tie_embedding"):
            if isinstance(values.get(key), bool):
                return values[key]
    return decoder.flag("tie_word_embeddings", default=True)


def _data_type(whole: Config, decoder: Config) -> tuple[str, int]:
    for values in (whole.values, decoder.values):
        for key in ("dtype", "torch_dtype"):
            found = _DATA_TYPES.get(str(values.get(key)).removeprefix("torch."))
            if found is not None:
                return found
    return _DATA_TYPES["float16" if decoder.name in ("chatglm", "qwen") else "bfloat16"]


def _groups(elements: Counter[TensorRole], data_type: str, size: int) -> tuple[TensorGroup, ...]:
    found = [TensorGroup(role, data_type, number, number * size) for role, number in elements.items() if number]
    return tuple(sorted(found, key=lambda group: -group.bytes))
