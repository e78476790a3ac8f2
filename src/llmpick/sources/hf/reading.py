"""Bounded access to the values of a config.json: by all names that a value goes by, with the defaults of its config class.

A config.json leaves out what is the default of its class in https://github.com/huggingface/transformers, multimodal ones most of their
decoder's shape; `class_defaults.json` (written by `tests/sources/hf/make_class_defaults.py`) holds those. The file is untrusted: a value of
the wrong kind or beyond any model's size is refused with its key.
"""

import json
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from llmpick.evidence.errors import ModelFileError

MAX_LAYERS = 1_024
_MAX_SIZE = 2**31 - 1
_DEFAULTS = Path(__file__).parent / "class_defaults.json"
_REMEDY = "download the model's config.json again"

# What one value is called by different families; the first name is the one that errors name.
NAMES: Mapping[str, tuple[str, ...]] = {
    "hidden_size": ("hidden_size", "n_embd", "d_model", "embedding_dim"),
    "layers": ("num_hidden_layers", "n_layer", "num_layers", "n_layers"),
    "heads": ("num_attention_heads", "n_head", "n_heads", "num_heads"),
    "kv_heads": ("num_key_value_heads", "num_kv_heads", "n_head_kv", "kv_n_heads"),
    "head_size": ("head_dim", "kv_channels", "attention_head_dim"),
    "intermediate_size": ("intermediate_size", "ffn_hidden_size", "ffn_dim", "n_inner", "block_ff_dim"),
    "vocabulary_size": ("padded_vocab_size", "vocab_size"),
    "context": (
        "max_position_embeddings",
        "n_positions",
        "model_max_length",
        "max_sequence_length",
        "seq_length",
        "max_seq_len",
        "n_ctx",
        "seq_len",
    ),
    "window": ("sliding_window", "sliding_window_size", "attention_window_size", "window_size"),
    "experts": ("n_routed_experts", "num_local_experts", "num_experts", "moe_num_experts"),
    "active_experts": (
        "num_experts_per_tok",
        "num_experts_per_token",
        "moe_topk",
        "moe_top_k",
        "moe_k",
        "top_k_experts",
        "num_selected_experts",
    ),
    "shared_experts": ("n_shared_experts", "num_shared_experts", "moe_num_shared_experts"),
    "expert_size": ("moe_intermediate_size", "expert_ffn_hidden_size"),
    "shared_size": (
        "shared_expert_intermediate_size",
        "moe_shared_expert_intermediate_size",
        "shared_experts_intermediate_size",
        "shared_intermediate_size",
        "share_expert_dim",
    ),
    "draft_layers": ("num_nextn_predict_layers", "mtp_num_hidden_layers", "num_mtp_layers", "mtp_num_layers"),
}


class Config:
    """One decoder's configuration. `where` names the file in errors."""

    def __init__(self, values: Mapping[str, Any], where: str) -> None:
        self.values = values
        self.where = where
        name = values.get("model_type")
        self.name = name if isinstance(name, str) else ""
        self._defaults = class_defaults().get(self.name, {})

    def get(self, *keys: str) -> Any:
        """The value under the first of `keys` that the file has, else the class has a default for; null counts as a value of the file."""
        for source in (self.values, self._defaults):
            for key in keys:
                if key in source:
                    return source[key]
        return None

    def number(self, name: str) -> int | None:
        """The whole number from 1 that goes by `name`, one of `NAMES` or a key; None where there is none, or it is null or 0."""
        keys = NAMES.get(name, (name,))
        value = next((value for key in keys if (value := self.values.get(key)) is not None), None)
        if value is None and not any(key in self.values for key in keys):
            value = next((value for key in keys if (value := self._defaults.get(key)) is not None), None)
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if value is None or value is False or value == 0:
            return None
        if type(value) is int and 0 < value <= _MAX_SIZE:
            return value
        raise self.wrong(keys[0], value, "a positive whole number")

    def flag(self, key: str, *, default: bool = False) -> bool:
        value = self.get(key)
        return value if isinstance(value, bool) else default

    def strings(self, *keys: str) -> tuple[str, ...] | None:
        """A list of short strings, at most one per layer; None where there is none."""
        return self._list(str, *keys)

    def numbers(self, *keys: str) -> tuple[int, ...] | None:
        """A list of whole numbers from 0; None where there is none."""
        found = self._list(int, *keys)
        if found is not None and not all(0 <= item <= _MAX_SIZE for item in found):
            raise self.wrong(keys[0], found, "a list of whole numbers from 0")
        return found

    def part(self, key: str) -> "Config":
        """The object under `key` as a configuration of its own, empty where there is none."""
        value = self.get(key)
        return Config(value if isinstance(value, dict) else {}, f"{self.where}: {key}")

    def layer_count(self) -> int | None:
        count = self.number("layers")
        if count is not None and count > MAX_LAYERS:
            raise ModelFileError(f"{count} layers are too many", where=f"{self.where}: num_hidden_layers", remedy=_REMEDY)
        return count

    def wrong(self, key: str, value: Any, expected: str) -> ModelFileError:
        return ModelFileError(f"{key} is {str(value)[:40]!r}, not {expected}", where=f"{self.where}: {key}", remedy=_REMEDY)

    def _list(self, kind: type, *keys: str) -> tuple[Any, ...] | None:
        value = self.get(*keys)
        if not isinstance(value, (list, tuple)):
            return None
        if len(value) > MAX_LAYERS or not all(type(item) is kind for item in value):
            raise self.wrong(keys[0], value, f"a list of up to {MAX_LAYERS} entries of one kind")
        return tuple(value)


@lru_cache(maxsize=1)
def class_defaults() -> Mapping[str, Mapping[str, Any]]:
    return json.loads(_DEFAULTS.read_text(encoding="utf-8"))["defaults"]
