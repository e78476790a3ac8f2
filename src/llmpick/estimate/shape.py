"""A model as the numbers that the formulas of memory and speed take, one model or many at once.

Every field is a number, or an array with one entry per configuration; the formulas are plain arithmetic, so that one formula serves a
single model and 10,000 configurations alike.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from llmpick.evidence.model import Architecture, AttentionLayer, Blueprint, RecurrentLayer

Number: TypeAlias = float | np.ndarray[Any, Any]
"""A number, or an array of them; arrays of one formula broadcast."""


class Range(NamedTuple):
    """A value and the interval that holds it with probability 0.9."""

    value: Number
    low: Number
    high: Number

    @classmethod
    def exact(cls, value: Number) -> "Range":
        return cls(value, value, value)

    @classmethod
    def relative(cls, value: Number, spread: Number) -> "Range":
        """`value` within a factor of 1 - spread to 1 + spread."""
        return cls(value, value * (1 - spread), value * (1 + spread))


class Shape(NamedTuple):
    """Bytes, and elements (to be multiplied by the bytes of the cache's data type).

    `kv_elements` are kept per token of context by all full-attention layers, `latent_elements` by all latent ones. `window_elements` and
    `windows` have one more axis, last: the layers that slide, by distinct window (elements 0 where a model has fewer windows).
    `state_elements` and `convolution_elements` are kept per sequence. `kv_heads` is the smallest number of KV heads of a layer.
    `expert_share` is the part of the routed experts that one token uses; `intermediate_size` the widest feed-forward part one token passes.
    `active_experts` is how many routed experts one token uses, `expert_size` the width of one of them, `mlp_outputs` what the
    feed-forward part outside the routed experts writes per token before it narrows (twice its width, three times with a gate),
    `sliding_layers` how many of `kv_layers` slide, `vision_bytes` the image tower. `rearranged_bytes` are in types of which llama.cpp
    keeps a second, rearranged copy on a CPU; `merges` the pairs that a BPE tokenizer merges. `table_share` is the part of the embedding
    that has one vector per token, and can be the output matrix; the rest (Gemma 3n's vectors for every layer) is only looked up.
    """

    weights: Range
    parameters: Number
    active_parameters: Number
    embedding_bytes: Number
    output_bytes: Number
    expert_bytes: Number
    expert_share: Number
    draft_bytes: Number
    tied: Number
    blocks: Number
    hidden_size: Number
    vocabulary_size: Number
    intermediate_size: Number
    heads: Number
    kv_heads: Number
    head_size: Number
    kv_layers: Number
    kv_elements: Number
    latent_elements: Number
    window_elements: "np.ndarray[Any, Any]"
    windows: "np.ndarray[Any, Any]"
    state_elements: Number
    convolution_elements: Number
    active_experts: Number = 0.0
    expert_size: Number = 0.0
    mlp_outputs: Number = 0.0
    sliding_layers: Number = 0.0
    vision_bytes: Number = 0.0
    rearranged_bytes: Number = 0.0
    merges: Number = 0.0
    table_share: Number = 1.0

    @property
    def read_bytes(self) -> Number:
        """Bytes of weights that decoding one token reads: all but the input table (one row of it), unused experts and draft layers."""
        lookup = self.embedding_bytes * (1 - self.tied * self.table_share)
        return self.weights.value - lookup - self.draft_bytes - self.expert_bytes * (1 - self.expert_share)


def shape_of(blueprint: Blueprint, *, spread: float = 0.0) -> Shape | None:
    """The numbers of one model; None where its architecture is not known. `spread` is that of its weights (`Quantization.spread`)."""
    architecture = blueprint.architecture
    if architecture is None:
        return None
    attention = [layer for layer in architecture.layers if isinstance(layer, AttentionLayer)]
    recurrent = [layer for layer in architecture.layers if isinstance(layer, RecurrentLayer)]
    sizes = dict.fromkeys(("embedding", "output", "experts", "draft", "vision"), 0)
    for group in blueprint.tensors:
        if group.role in sizes:
            sizes[group.role] += group.bytes
    full = [layer for layer in attention if layer.window is None and not layer.latent]
    windows = sorted({layer.window for layer in attention if layer.window is not None}) or [1]
    slid = [sum(_elements(layer) for layer in attention if layer.window == window) for window in windows]
    head_size = max(
        (layer.key_size for layer in attention if not layer.latent), default=max(1, architecture.hidden_size // _heads(architecture))
    )
    return Shape(
        weights=Range.relative(float(blueprint.weights_bytes), spread),
        parameters=float(blueprint.parameters),
        active_parameters=float(_active(blueprint, architecture)),
        embedding_bytes=float(sizes["embedding"]),
        output_bytes=float(sizes["output"]),
        expert_bytes=float(sizes["experts"]),
        expert_share=_expert_share(architecture),
        draft_bytes=float(sizes["draft"]),
        tied=float(sizes["output"] == 0),
        blocks=float(architecture.blocks or len(architecture.layers)),
        hidden_size=float(architecture.hidden_size),
        vocabulary_size=float(architecture.vocabulary_size or _vocabulary(blueprint, architecture)),
        intermediate_size=float(architecture.intermediate_size or 4 * architecture.hidden_size),
        heads=float(_heads(architecture)),
        kv_heads=float(min((layer.kv_heads for layer in attention), default=1)),
        head_size=float(head_size),
        kv_layers=float(len(attention)),
        kv_elements=float(sum(map(_elements, full))),
        latent_elements=float(sum(_elements(layer) for layer in attention if layer.latent)),
        window_elements=np.array(slid, dtype=float),
        windows=np.array(windows, dtype=float),
        state_elements=float(sum(layer.state_elements for layer in recurrent)),
        convolution_elements=float(sum(layer.convolution_elements for layer in recurrent)),
        active_experts=float(architecture.experts.active if architecture.experts else 0),
        expert_size=_expert_size(blueprint, architecture),
        mlp_outputs=_mlp_outputs(blueprint, architecture),
        sliding_layers=float(sum(layer.window is not None for layer in attention)),
        vision_bytes=float(sizes["vision"]),
        rearranged_bytes=float(_rearranged(blueprint, tied=sizes["output"] == 0)),
        merges=float(_merges(blueprint, architecture)),
        table_share=_table_share(blueprint, architecture),
    )


def stack(shapes: Sequence[Shape]) -> Shape:
    """Many models as one shape, whose fields have one entry per model."""
    widest = max(shape.windows.size for shape in shapes)

    def column(name: str) -> "np.ndarray[Any, Any]":
        return np.array([getattr(shape, name) for shape in shapes])

    def padded(name: str, filling: float) -> "np.ndarray[Any, Any]":
        rows = [getattr(shape, name) for shape in shapes]
        return np.array([np.pad(row, (0, widest - row.size), constant_values=filling) for row in rows])

    def ranges(part: int) -> "np.ndarray[Any, Any]":
        return np.array([shape.weights[part] for shape in shapes])

    columns: dict[str, Any] = {name: column(name) for name in Shape._fields if name not in ("weights", "window_elements", "windows")}
    columns |= {"weights": Range(ranges(0), ranges(1), ranges(2))}
    columns |= {"window_elements": padded("window_elements", 0), "windows": padded("windows", 1)}
    return Shape(**columns)


def take(shape: Shape, rows: "np.ndarray[Any, Any]") -> Shape:
    """The entries `rows` of a stacked shape, repeated as often as they are named."""
    fields: dict[str, Any] = shape._asdict()
    chosen: dict[str, Any] = {name: fields[name][rows] for name in Shape._fields if name != "weights"}
    return Shape(weights=Range(*(part[rows] for part in fields["weights"])), **chosen)


def _elements(layer: AttentionLayer) -> int:
    return layer.kv_heads * (layer.key_size + layer.value_size)


def _heads(architecture: Architecture) -> int:
    if architecture.heads:
        return architecture.heads
    attention = [layer for layer in architecture.layers if isinstance(layer, AttentionLayer) and not layer.latent]
    return max(1, architecture.hidden_size // attention[0].key_size) if attention else max(1, architecture.hidden_size // 128)


REARRANGED_TYPES = frozenset({"Q4_0", "Q4_K", "IQ4_NL", "MXFP4"})
"""What llama.cpp rearranges on a processor with AVX2 (found by loading a file of every type; Q2_K needs AVX-512, ARM has further ones)."""


def _rearranged(blueprint: Blueprint, *, tied: bool) -> int:
    """Bytes of matrices in such types; the input table is one only where it is the output matrix too."""
    groups = (group for group in blueprint.tensors if group.role != "embedding" or tied)
    return sum(group.bytes for group in groups if group.data_type in REARRANGED_TYPES)


def _merges(blueprint: Blueprint, architecture: Architecture) -> int:
    """As many as tokens where nothing is known: nearly every token of a BPE vocabulary comes from one merge."""
    return blueprint.merges if blueprint.merges is not None else architecture.vocabulary_size or 0


def _table_share(blueprint: Blueprint, architecture: Architecture) -> float:
    elements = sum(group.elements for group in blueprint.tensors if group.role == "embedding")
    return (
        min(1.0, (architecture.vocabulary_size or 0) * architecture.hidden_size / elements)
        if architecture.vocabulary_size and elements
        else 1.0
    )


def _vocabulary(blueprint: Blueprint, architecture: Architecture) -> int:
    return sum(group.elements for group in blueprint.tensors if group.role == "embedding") // architecture.hidden_size


def _expert_share(architecture: Architecture) -> float:
    experts = architecture.experts
    return experts.active / experts.count if experts else 1.0


def _expert_size(blueprint: Blueprint, architecture: Architecture) -> float:
    """Width of one routed expert, from its three matrices; taken as if every layer had experts (at most the first few have none)."""
    if architecture.experts is None:
        return 0.0
    routed = sum(group.elements for group in blueprint.tensors if group.role == "experts")
    return routed / (3 * architecture.hidden_size * architecture.experts.count * (architecture.blocks or len(architecture.layers)))


def _mlp_outputs(blueprint: Blueprint, architecture: Architecture) -> float:
    """Input, gate and product of the widest feed-forward part that is no routed expert; without a gate (OPT, Phi-2) two of them.

    Whether there is a gate is seen from the weights over layers x width x width. A mixture without dense or shared part has none of it.
    """
    elements = {role: sum(group.elements for group in blueprint.tensors if group.role == role) for role in ("mlp", "shared_experts")}
    hidden, blocks = architecture.hidden_size, architecture.blocks or len(architecture.layers)
    width = architecture.intermediate_size or 4 * hidden
    if architecture.experts is None:
        gated = not elements["mlp"] or elements["mlp"] >= 2.5 * blocks * hidden * width
        return (3.0 if gated else 2.0) * width
    dense = 3.0 * width if elements["mlp"] >= 1.5 * hidden * width else 0.0  # less than a layer is the router
    return max(dense, elements["shared_experts"] / (hidden * blocks))


def _active(blueprint: Blueprint, architecture: Architecture) -> float:
    if blueprint.active_parameters is not None:
        return blueprint.active_parameters
    routed = sum(group.elements for group in blueprint.tensors if group.role == "experts")
    draft = sum(group.elements for group in blueprint.tensors if group.role == "draft")
    return blueprint.parameters - draft - routed * (1 - _expert_share(architecture))
