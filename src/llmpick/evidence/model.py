"""What is known about a model before it runs: its published facts, its files, and the address at which it is served."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Literal

from llmpick.evidence.call import Thinking
from llmpick.evidence.values import Fact, Source


@dataclass(frozen=True, slots=True)
class AttentionLayer:
    """What one attention layer keeps per token of context.

    `key_size` and `value_size` are elements per KV head; `window` is the sliding window in tokens, None for full attention. A layer
    with latent attention (MLA, arXiv:2405.04434) keeps one compressed vector and its rotary key: one KV head, `key_size` = latent +
    rotary elements, no value, `latent`; every device of a tensor-parallel group keeps the whole of it.
    """

    kv_heads: int
    key_size: int
    value_size: int
    window: int | None = None
    latent: bool = False


@dataclass(frozen=True, slots=True)
class RecurrentLayer:
    """What one recurrent layer (Mamba, gated delta net, short convolution) keeps per sequence, however long the context is.

    Elements of the state, and of the last inputs that its convolution still needs.
    """

    state_elements: int
    convolution_elements: int


@dataclass(frozen=True, slots=True)
class Experts:
    """A mixture of experts: of `count` routed experts per layer each token uses `active`, and all of `shared`."""

    count: int
    active: int
    shared: int = 0


@dataclass(frozen=True, slots=True)
class Architecture:
    """The numbers of a decoder that memory and speed depend on; None where the source does not tell.

    `layers` has one entry per layer that keeps something for the sequence (not those that use an earlier layer's cache). `blocks` counts
    all layers, `heads` query heads; `intermediate_size` is the width of the feed-forward part, of the dense layers in a mixture.
    """

    name: str
    hidden_size: int
    vocabulary_size: int | None
    layers: tuple[AttentionLayer | RecurrentLayer, ...]
    blocks: int | None = None
    heads: int | None = None
    intermediate_size: int | None = None
    experts: Experts | None = None


TensorRole = Literal[
    "embedding", "output", "attention", "recurrent", "mlp", "experts", "shared_experts", "norm", "vision", "draft", "other"
]


@dataclass(frozen=True, slots=True)
class TensorGroup:
    """All tensors of one role that are stored in one data type. `elements` are weights, not packed words.

    `embedding` is the table of input vectors, also where it serves as output matrix too; `output` is there only where the output matrix
    has tensors of its own. `experts` are the routed ones, `draft` the layers that only predict further tokens ahead (MTP).
    """

    role: TensorRole
    data_type: str
    elements: int
    bytes: int
    tensors: int = 1


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """Published facts of one model, each with its source; None where nothing is known.

    `parameters_active` is the number used per token (equal to `parameters_total` for a dense model). `training_tokens` counts
    tokens seen, repeats included, `unique_tokens` those of the corpus, each once. `licence` is an SPDX id where one exists, else an id
    of `catalog/licences.yaml`.
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
    unique_tokens: Fact[int] | None = None
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
    tensors: tuple[TensorGroup, ...] = ()
    """All tensors, by role and data type, most bytes first; empty when they were not read."""
    merges: int | None = None
    """Pairs that the tokenizer merges (BPE), 0 for a tokenizer of another kind; None when it was not read."""
    notes: tuple[str, ...] = ()
    """What was assumed, and what is not counted."""


@dataclass(frozen=True, slots=True)
class Blueprint:
    """What memory and speed are computed from: the shape of a model and its tensors, wherever they are known from.

    `known_from` says how good it is: `files` (headers; bytes are exact), `config` (counted from config.json, stored as `quantization`),
    or `facts` (published numbers only: `architecture` may be None and `tensors` one group of role `other`). `data_types` of the tensors
    are those of the format: llama.cpp's names for GGUF, those of safetensors otherwise. `active_parameters` is what one token uses,
    None where that follows from `architecture.experts` or is all. `source` says where all of this was read.
    """

    name: str
    known_from: Literal["files", "config", "facts"]
    format: Literal["gguf", "safetensors"]
    quantization: str
    architecture: Architecture | None
    tensors: tuple[TensorGroup, ...]
    context_tokens: int | None
    source: Source
    active_parameters: int | None = None
    path: Path | None = None
    merges: int | None = None
    """Pairs that the tokenizer merges (BPE), 0 for a tokenizer of another kind; None where the source does not tell."""
    notes: tuple[str, ...] = ()
    """What the reader should know of where this comes from, or of what it leaves out."""

    @property
    def weights_bytes(self) -> int:
        return sum(group.bytes for group in self.tensors)

    @property
    def parameters(self) -> int:
        return sum(group.elements for group in self.tensors)


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

    `id` is what the user types to name it. `run` is None for a model that is known only from the catalog. `thinking` is None where
    nothing was said of it: the same model with and without is two candidates.
    """

    id: str
    run: Runnable | None
    facts: ModelFacts | None = None
    thinking: Thinking | None = None
