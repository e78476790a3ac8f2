"""What is known about a model before it runs: its published facts, its files, and the address at which it is served."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Literal

from llmpick.evidence.values import Fact


@dataclass(frozen=True, slots=True)
class AttentionLayer:
    """What one layer keeps per token of context.

    `key_size` and `value_size` are elements per KV head; `window` is the sliding window in tokens, None for full attention.
    """

    kv_heads: int
    key_size: int
    value_size: int
    window: int | None = None


@dataclass(frozen=True, slots=True)
class Architecture:
    """The numbers of a decoder that memory and speed depend on. `layers` has one entry per layer that keeps a KV cache."""

    name: str
    hidden_size: int
    vocabulary_size: int | None
    layers: tuple[AttentionLayer, ...]


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """Published facts of one model, each with its source; None where nothing is known.

    `parameters_active` is the number used per token (equal to `parameters_total` for a dense model). `training_tokens` counts
    tokens seen, repeats included. `licence` is an SPDX id where one exists, else an id of `catalog/licences.yaml`.
    """

    id: str
    name: str
    family: str
    tuning: Literal["base", "instruct"]
    parameters_total: Fact[int] | None = None
    parameters_active: Fact[int] | None = None
    training_tokens: Fact[int] | None = None
    context_tokens: Fact[int] | None = None
    licence: Fact[str] | None = None
    languages: Fact[tuple[str, ...]] | None = None
    released: Fact[date] | None = None
    vocabulary_size: Fact[int] | None = None
    architecture: Fact[Architecture] | None = None
    derived_from: str | None = None
    downloads: Mapping[str, str] = field(default_factory=dict[str, str])
    """Where the weights can be had: keys `huggingface`, `gguf` (a hub repository of GGUF files), `modelscope`, `ollama`."""


@dataclass(frozen=True, slots=True)
class Weights:
    """A model's files on this machine, as read from their headers.

    `path` is the GGUF file (the first one of a split model) or the folder of a safetensors model; `weight_bytes` the bytes of
    all its files; `quantization` the field's name for the data type that holds most of the weights (`Q4_K_M`, `BF16`).
    `chat_template` is the text of the model's own template, which is untrusted; None for a base model.
    """

    path: Path
    format: Literal["gguf", "safetensors"]
    weight_bytes: int
    quantization: str
    architecture: Architecture | None
    context_tokens: int | None
    chat_template: str | None
    parameters_total: int | None = None
    name: str | None = None
    licence: str | None = None
    languages: tuple[str, ...] | None = None
    tensor_bytes: tuple[tuple[str, int], ...] = ()
    """(data type, bytes of all tensors of that type), most bytes first; empty when it was not read."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A model served at an OpenAI-compatible address. Prices are money per million tokens; None when unknown.

    `server` names who answers (`openai-compatible`, `ollama`). The key is read from the environment variable `api_key_variable`.
    """

    url: str
    model: str
    server: str = "openai-compatible"
    api_key_variable: str = "OPENAI_API_KEY"
    input_price: float | None = None
    output_price: float | None = None


@dataclass(frozen=True, slots=True)
class Baseline:
    """A predictor that needs no language model: `majority`, `tfidf` or `rules`."""

    name: str


Runnable = Weights | Endpoint | Baseline


@dataclass(frozen=True, slots=True)
class Candidate:
    """One row of the choice: a model (or baseline) and the way it would run here.

    `id` is what the user types to name it. `run` is None for a model that is known only from the catalog.
    """

    id: str
    run: Runnable | None
    facts: ModelFacts | None = None
