"""A model of the catalog as memory and speed are computed from it: its published numbers, in 16 bits."""

from dataclasses import replace

from llmpick.evidence.model import Architecture, Blueprint, Experts, ModelFacts, TensorGroup, TensorRole

SIXTEEN_BITS = 2
USUAL_ACTIVE = 8
"""Experts that one token uses in most mixtures (DeepSeek-V3, Qwen3)."""


def blueprint_of_facts(facts: ModelFacts) -> Blueprint | None:
    """The model as its published numbers describe it, in 16 bits; None where the number of parameters is not known.

    Of a mixture nothing says which weights are experts: all but the embedding are taken as such, and eight of as many as make up the active
    parameters are used by each token.
    """
    if facts.parameters_total is None:
        return None
    total = facts.parameters_total.value
    architecture = facts.architecture.value if facts.architecture else None
    embedding = min(total // 2, _embedding(facts, architecture))
    active = facts.parameters_active.value if facts.parameters_active else total
    rest: tuple[TensorGroup, ...] = (_group("other", total - embedding),)
    if architecture and active < total:
        rest = (_group("experts", total - embedding),)
        architecture = replace(architecture, experts=_experts(total - embedding, active - embedding))
    return Blueprint(
        name=facts.id,
        known_from="facts",
        format="safetensors",
        quantization="BF16",
        architecture=architecture,
        tensors=(*([_group("embedding", embedding)] if embedding else []), *rest),
        context_tokens=facts.context_tokens.value if facts.context_tokens else None,
        source=(facts.architecture or facts.parameters_total).source,
        active_parameters=active,
    )


def _experts(total: int, active: int) -> Experts:
    return Experts(max(USUAL_ACTIVE, round(USUAL_ACTIVE * total / max(active, 1))), USUAL_ACTIVE)


def _group(role: TensorRole, elements: int) -> TensorGroup:
    return TensorGroup(role, "BF16", elements, elements * SIXTEEN_BITS)


def _embedding(facts: ModelFacts, architecture: Architecture | None) -> int:
    vocabulary = (architecture.vocabulary_size if architecture else None) or (facts.vocabulary_size.value if facts.vocabulary_size else 0)
    return vocabulary * architecture.hidden_size if architecture else 0
