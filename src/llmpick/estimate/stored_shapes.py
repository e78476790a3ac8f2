"""Many models in many quantisations as one stacked shape: what `estimate/weights.py` says of one, for all in one pass.

Bytes of a role are its elements x the bits that the quantisation gives the role / 8. How many bits depends on little of a model (whether
its rows are whole blocks, how its heads are grouped), so that the recipe is followed once for each kind of model.
"""

from collections.abc import Hashable, Sequence
from typing import Any, get_args

import numpy as np

from llmpick.estimate.shape import REARRANGED_TYPES, Range, Shape, stack, take
from llmpick.estimate.weights import stored_as
from llmpick.evidence.model import AttentionLayer, Blueprint, TensorRole
from llmpick.evidence.quantization import Quantization

ROLES: tuple[TensorRole, ...] = get_args(TensorRole)
BLOCK = 256
"""The widest block of any data type: rows are looked at modulo this."""
Array = np.ndarray[Any, Any]


def stored_shapes(
    shapes: Sequence[Shape], blueprints: Sequence[Blueprint], quantizations: Sequence[Quantization], models: Array, stored: Array
) -> Shape:
    """One entry per configuration: model number `models[i]` in quantisation number `stored[i]`."""
    elements, (bits, rearranged) = role_elements(blueprints), role_bits(blueprints, quantizations)
    size = elements[models] * bits[models, stored] / 8
    column = {role: size[:, number] for number, role in enumerate(ROLES)}
    again = elements[models] * rearranged[models, stored] / 8
    spread = np.array([one.spread for one in quantizations])[stored]
    chosen = take(stack(shapes), models)
    embedding = ROLES.index("embedding")
    again[:, embedding] *= np.asarray(chosen.tied)  # an input table that is no output matrix is only looked up
    return chosen._replace(
        weights=Range.relative(size.sum(axis=1), spread),
        embedding_bytes=column["embedding"],
        output_bytes=column["output"],
        expert_bytes=column["experts"],
        draft_bytes=column["draft"],
        vision_bytes=column["vision"],
        rearranged_bytes=again.sum(axis=1),
    )


def role_elements(blueprints: Sequence[Blueprint]) -> Array:
    """Weights by role; shape (models, roles)."""
    return np.array([_by_role(blueprint) for blueprint in blueprints])


def role_bits(blueprints: Sequence[Blueprint], quantizations: Sequence[Quantization]) -> tuple[Array, Array]:
    """Bits per weight by role, and those of them in types that llama.cpp rearranges; shapes (models, quantisations, roles)."""
    kinds: dict[Hashable, int] = {}
    of_model = [kinds.setdefault(_kind(blueprint), len(kinds)) for blueprint in blueprints]
    examples = [blueprints[of_model.index(number)] for number in range(len(kinds))]
    found = np.array([[_bits(example, quantization) for quantization in quantizations] for example in examples])
    return found[of_model, :, 0], found[of_model, :, 1]


def _kind(blueprint: Blueprint) -> Hashable:
    """All that the recipes look at."""
    architecture = blueprint.architecture
    roles = tuple((group.role, group.data_type) for group in blueprint.tensors)
    if architecture is None:
        return roles
    kept = [layer.kv_heads for layer in architecture.layers if isinstance(layer, AttentionLayer) and not layer.latent]
    routed = sum(group.elements for group in blueprint.tensors if group.role == "experts")
    return (
        roles,
        architecture.hidden_size % BLOCK,
        (architecture.intermediate_size or 0) % BLOCK,
        architecture.heads and kept and architecture.heads // max(kept),
        architecture.experts and (architecture.experts.count, architecture.blocks, architecture.hidden_size, routed),
    )


def _bits(blueprint: Blueprint, quantization: Quantization) -> Array:
    """Shape (2, roles): bits per weight, and those in rearranged types."""
    held, _ = stored_as(blueprint, quantization)
    own = np.maximum(_by_role(blueprint), 1.0)
    sizes: dict[str, dict[TensorRole, float]] = {"all": {}, "rearranged": {}}
    for group in held.tensors:
        for name, counts in (("all", True), ("rearranged", group.data_type in REARRANGED_TYPES)):
            sizes[name][group.role] = sizes[name].get(group.role, 0.0) + group.bytes * counts
    return np.array([[8 * sizes[name].get(role, 0.0) for role in ROLES] for name in ("all", "rearranged")]) / own


def _by_role(blueprint: Blueprint) -> Array:
    found: dict[TensorRole, float] = {}
    for group in blueprint.tensors:
        found[group.role] = found.get(group.role, 0.0) + group.elements
    return np.array([found.get(role, 0.0) for role in ROLES])
