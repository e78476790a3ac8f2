"""The shape of the model that is trained: of a model that is named, else of the dense model of the catalog that is nearest in size."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

from llmpick.catalog.loader import load_models
from llmpick.estimate.training.shape import TrainingShape, shape_by_count
from llmpick.evidence.errors import InputError
from llmpick.evidence.model import AttentionLayer, Blueprint, ModelFacts
from llmpick.evidence.values import Unknown
from llmpick.workflow.models.facts_blueprint import blueprint_of_facts

USUAL_VOCABULARY = 32_000
"""Of LLaMA (arXiv:2302.13971), where the model's own is not known."""


@dataclass(frozen=True, slots=True)
class Trained:
    """`params` are those that a token passes; `origin` says where the shape comes from."""

    params: float
    params_total: float
    shape: TrainingShape | Unknown
    origin: str


def trained_model(params: float | None, params_total: float | None, model: str | None, *, environ: Mapping[str, str]) -> Trained:
    """By name (catalog, file, config.json, hub) or by size. Raises `InputError` for neither, for both, and for a total below the active."""
    if (params is None) == (model is None):
        raise InputError(
            "the size of the model is not clear",
            where="--params, --model",
            remedy="give the number of parameters or name a model, not both",
        )
    if model is not None:
        from llmpick.workflow.models.blueprints import find_blueprints  # readers of files are loaded only where there is one to read

        blueprint = find_blueprints(model, environ=environ)[0]
        total = float(blueprint.parameters)
        active = float(blueprint.active_parameters or total)
        return Trained(active, total, _shape(blueprint, active, total), blueprint.name)
    assert params is not None
    total = params if params_total is None else params_total
    if total < params:
        raise InputError("fewer parameters in all than a token passes", where="--params-total", remedy="give all parameters of the mixture")
    near = _nearest(params)
    return Trained(params, total, _shape(near, params, total), f"the shape of {near.name}, the dense model of the catalog nearest in size")


def _shape(blueprint: Blueprint, active: float, total: float) -> TrainingShape | Unknown:
    """Layers by the blueprint, the width of the feed-forward part by the count of parameters that a token passes."""
    architecture = blueprint.architecture
    if architecture is None:
        return Unknown("its layers are not known")
    attention = [layer for layer in architecture.layers if isinstance(layer, AttentionLayer) and not layer.latent]
    if not attention:
        return Unknown("its layers compress keys and values, or have none, which the formulas of activations do not know")
    try:
        shape = shape_by_count(
            active,
            layers=architecture.blocks or len(architecture.layers),
            hidden_size=architecture.hidden_size,
            kv_heads=attention[0].kv_heads,
            head_size=attention[0].key_size,
            heads=architecture.heads,
            vocabulary=architecture.vocabulary_size or USUAL_VOCABULARY,
            tables=2 if any(group.role == "output" for group in blueprint.tensors) else 1,
        )
    except InputError as error:
        return Unknown(f"{error.what} ({error.where})")
    return replace(shape, params=total, windows=tuple(layer.window for layer in attention))


def _nearest(params: float) -> Blueprint:
    """The dense base model with known layers whose size is nearest by ratio."""
    blueprints = (blueprint_of_facts(model) for model in load_models() if _is_plain(model))
    known = [blueprint for blueprint in blueprints if blueprint is not None]
    return min(known, key=lambda blueprint: abs(math.log(params / blueprint.parameters)))


def _is_plain(model: ModelFacts) -> bool:
    """A dense base model whose layers all keep whole keys and values."""
    if model.tuning != "base" or model.architecture is None or model.parameters_active != model.parameters_total:
        return False
    return all(isinstance(layer, AttentionLayer) and not layer.latent for layer in model.architecture.value.layers)
