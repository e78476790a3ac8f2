"""The bytes of a model in another quantisation: every role's weights x the bits that the quantisation stores them in.

For GGUF the recipe of llama.cpp is followed part by part (its `llama_tensor_get_type`): which data type the values' matrix, the down
projection, the output have depends on the model's shape, and rows that are no whole blocks of a type are stored in a wider one.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import NamedTuple

from llmpick.evidence.model import AttentionLayer, Blueprint, TensorGroup, TensorRole
from llmpick.evidence.quantization import Case, Mix, Quantization, StoredType, TensorPart

# Architectures whose GGUF files hold queries, keys and values in one matrix, which the recipes treat like the values' (model names of
# https://github.com/huggingface/transformers and of llama.cpp).
_FUSED = {
    "bloom", "chatglm", "codeshell", "dbrx", "falcon", "glm", "glm4", "gpt2", "gpt_bigcode", "gpt_neox", "gptneox", "jais", "mpt", "phi",
    "phi2", "phi3", "plamo3", "qwen", "starcoder", "RefinedWeb", "RefinedWebModel",
}  # fmt: skip
_GROUPED, _EIGHT = 4, 8
_F16 = StoredType("F16", 16.0)


class _Piece(NamedTuple):
    """A share of one role's weights that a recipe treats alike; rows of `columns` weights (0: not known, taken as whole blocks)."""

    part: TensorPart
    share: float
    columns: int


def stored_as(blueprint: Blueprint, quantization: Quantization) -> tuple[Blueprint, float]:
    """The blueprint with its tensors as `quantization` stores them, and the relative half-width that holds 90% of such files.

    Element counts stay; bytes are rounded. Roles that such a file does not hold (an image tower in GGUF) are left out. Adapters, extra
    tensors of single publishers and recipes other than the standard one are what the spread covers.
    """
    groups: Counter[tuple[TensorRole, str]] = Counter()
    sizes: Counter[tuple[TensorRole, str]] = Counter()
    for group in blueprint.tensors:
        for name, share, bits in _types(blueprint, quantization, group):
            groups[group.role, name] += round(group.elements * share)
            sizes[group.role, name] += round(group.elements * share * bits / 8)
    tensors = [TensorGroup(role, name, groups[role, name], size) for (role, name), size in sizes.items() if size]
    tensors.sort(key=lambda group: -group.bytes)
    stored = replace(blueprint, format=quantization.format, quantization=quantization.name, tensors=tuple(tensors), path=None)
    return stored, quantization.spread


def role_bits(blueprint: Blueprint, quantization: Quantization) -> dict[TensorRole, float]:
    """Bits per weight by role as `stored_as` gives them; 0 for a role that the model or the file does not have."""
    elements: Counter[TensorRole] = Counter()
    bits: dict[TensorRole, float] = {}
    for group in blueprint.tensors:
        elements[group.role] += group.elements
    for group in blueprint.tensors:
        own = sum(share * width for _, share, width in _types(blueprint, quantization, group))
        bits[group.role] = bits.get(group.role, 0.0) + own * group.elements / max(elements[group.role], 1)
    return bits


def _types(blueprint: Blueprint, quantization: Quantization, group: TensorGroup) -> Iterator[tuple[str, float, float]]:
    """Data type, share and bits per weight of the pieces of one group."""
    own = 8 * group.bytes / group.elements if group.elements else 0.0
    bits = quantization.bits_by_role.get(group.role, quantization.bits_per_weight)
    if bits == 0 or not group.elements:
        return
    if not quantization.parts or group.role == "vision":
        # What stays wide is stored as it was: no quantisation makes 16 bits out of 8, or 32 out of 16.
        stays = group.role in quantization.bits_by_role and bits >= 16 and 0 < own <= 32
        yield (group.data_type, 1.0, own) if stays and own >= 16 else (quantization.name, 1.0, bits)
        return
    recipe = _recipe(blueprint, quantization)
    for piece in _pieces(blueprint, group.role):
        for stored, share in _mix(recipe, piece.part):
            fitting = _fitting(stored, piece.columns)
            yield fitting.name, piece.share * share, fitting.bits


def _fitting(stored: StoredType, columns: int) -> StoredType:
    """The type that rows of `columns` weights can be stored in."""
    while columns and columns % stored.block:
        stored = stored.otherwise or _F16
    return stored


def _recipe(blueprint: Blueprint, quantization: Quantization) -> Mapping[TensorPart, Mix]:
    recipe = dict(quantization.parts)
    for case in _cases(blueprint):
        recipe.update(quantization.cases.get(case, {}))
    return recipe


def _cases(blueprint: Blueprint) -> Iterator[Case]:
    architecture = blueprint.architecture
    if architecture is None:
        yield "grouped queries"  # as most models since 2023
        return
    kept = [layer.kv_heads for layer in architecture.layers if isinstance(layer, AttentionLayer) and not layer.latent]
    if architecture.heads and kept and architecture.heads // max(kept) >= _GROUPED:
        yield "grouped queries"
    if architecture.experts and architecture.experts.count == _EIGHT:
        yield "eight experts"


def _mix(recipe: Mapping[TensorPart, Mix], part: TensorPart) -> Mix:
    general: dict[TensorPart, TensorPart] = {"expert_up": "up", "expert_down": "down"}
    return recipe.get(part) or recipe.get(general.get(part, "default")) or recipe["default"]


def _pieces(blueprint: Blueprint, role: TensorRole) -> Iterator[_Piece]:
    architecture = blueprint.architecture
    hidden = architecture.hidden_size if architecture else 0
    if role == "embedding":
        yield _Piece("output" if _serves_as_output(blueprint) else "embedding", 1.0, hidden)
    elif role == "output":
        yield _Piece("output", 1.0, hidden)
    elif role == "norm":
        yield _Piece("norm", 1.0, 0)
    elif role == "attention":
        yield from _attention_pieces(blueprint, hidden)
    elif role in ("mlp", "shared_experts"):
        width = (architecture.intermediate_size or 0) if architecture and role == "mlp" else 0
        down = 1 / _matrices(blueprint, role, hidden, width)
        yield _Piece("up", 1 - down, hidden)
        yield _Piece("down", down, width)
    elif role == "experts":
        yield _Piece("expert_up", 2 / 3, hidden)
        yield _Piece("expert_down", 1 / 3, _expert_width(blueprint, hidden))
    elif role == "other":  # nothing tells the parts apart: those of a typical decoder
        yield _Piece("query", 0.17 * 0.4, hidden)
        yield _Piece("key", 0.17 * 0.1, hidden)
        yield _Piece("value", 0.17 * 0.1, hidden)
        yield _Piece("attention_output", 0.17 * 0.4, 0)
        yield _Piece("up", 0.83 * 2 / 3, hidden)
        yield _Piece("down", 0.83 / 3, 0)
    else:
        yield _Piece("default", 1.0, hidden)


def _serves_as_output(blueprint: Blueprint) -> bool:
    """A tied embedding is stored as the output would be; of published facts alone nobody knows whether it is tied."""
    return blueprint.known_from != "facts" and not any(group.role == "output" for group in blueprint.tensors)


def _attention_pieces(blueprint: Blueprint, hidden: int) -> Iterator[_Piece]:
    """The four matrices by their sizes; latent attention has parts of its own, which the recipes do not tell apart."""
    architecture = blueprint.architecture
    layers = [layer for layer in architecture.layers if isinstance(layer, AttentionLayer)] if architecture else []
    heads = architecture.heads if architecture else None
    if not layers or not heads or layers[0].latent:
        yield _Piece("default", 1.0, hidden)
        return
    queries = heads * sum(layer.key_size for layer in layers)
    keys = sum(layer.kv_heads * layer.key_size for layer in layers)
    values = sum(layer.kv_heads * layer.value_size for layer in layers)
    outputs = heads * sum(layer.value_size for layer in layers)
    total = queries + keys + values + outputs
    fused = architecture is not None and architecture.name in _FUSED
    yield _Piece("value" if fused else "query", queries / total, hidden)
    yield _Piece("value" if fused else "key", keys / total, hidden)
    yield _Piece("value", values / total, hidden)
    yield _Piece("attention_output", outputs / total, heads * layers[0].value_size)


def _matrices(blueprint: Blueprint, role: TensorRole, hidden: int, width: int) -> int:
    """Three with a gate, else two: seen from the weights over layers x width x width."""
    architecture = blueprint.architecture
    if role != "mlp" or architecture is None or not width or architecture.experts is not None:
        return 3
    elements = sum(group.elements for group in blueprint.tensors if group.role == "mlp")
    return 2 if elements < 2.5 * (architecture.blocks or len(architecture.layers)) * hidden * width else 3


def _expert_width(blueprint: Blueprint, hidden: int) -> int:
    """Width of one expert from its three matrices, if the layers with experts come out whole; else 0."""
    architecture = blueprint.architecture
    if architecture is None or architecture.experts is None or not hidden:
        return 0
    routed = sum(group.elements for group in blueprint.tensors if group.role == "experts")
    blocks = architecture.blocks or len(architecture.layers)
    for sparse in range(blocks, max(blocks - 8, 0), -1):  # the first few layers may be dense
        width, rest = divmod(routed, 3 * hidden * architecture.experts.count * sparse)
        if rest == 0:
            return width
    return 0
