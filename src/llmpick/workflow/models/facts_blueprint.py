"""A model of the catalog as memory and speed are computed from it: its published numbers, in 16 bits."""

from dataclasses import replace

from llmpick.evidence.model import Architecture, Blueprint, Experts, ModelFacts, TensorGroup, TensorRole

SIXTEEN_BITS = 2
USUAL_ACTIVE = 8
"""Experts that one token uses in most mixtures (DeepSeek-V3, Qwen3)."""
TIED_FAMILIES = ("gemma", "command", "cohere", "aya")
TIED_BELOW = 4_100_000_000
"""Models up to about 4B share one table (Qwen2.5 and Qwen3 to 4B, Llama-3.2 to 3B, SmolLM, Phi-4-mini); from 7B on few do."""


def blueprint_of_facts(facts: ModelFacts) -> Blueprint | None:
    """The model as its published numbers describe it, in 16 bits; None where the number of parameters is not known.

    Of a mixture nothing says which weights are experts: all but the embedding are taken as such, and eight of as many as make up the active
    parameters are used by each token.
    """
    if facts.parameters_total is None:
        return None
    total = facts.parameters_total.value
    architecture = facts.architecture.value if facts.architecture else None
    table = _embedding(facts, architecture)
    tables = _tables(facts, total)
    embedding = min(total // 2, table * tables)
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
        tensors=(*_table_groups(embedding, tables), *rest),
        context_tokens=facts.context_tokens.value if facts.context_tokens else None,
        source=(facts.architecture or facts.parameters_total).source,
        active_parameters=active,
    )


def _experts(total: int, active: int) -> Experts:
    return Experts(max(USUAL_ACTIVE, round(USUAL_ACTIVE * total / max(active, 1))), USUAL_ACTIVE)


def _tables(facts: ModelFacts, total: int) -> int:
    """One table where it serves as input and output, as in Gemma, Command R and nearly all small models; else two."""
    return 1 if facts.family.startswith(TIED_FAMILIES) or total < TIED_BELOW else 2


def _table_groups(elements: int, tables: int) -> list[TensorGroup]:
    if not elements:
        return []
    return [_group(role, elements // tables) for role in (("embedding", "output")[:tables])]


def _group(role: TensorRole, elements: int) -> TensorGroup:
    return TensorGroup(role, "BF16", elements, elements * SIXTEEN_BITS)


def _embedding(facts: ModelFacts, architecture: Architecture | None) -> int:
    vocabulary = (architecture.vocabulary_size if architecture else None) or (facts.vocabulary_size.value if facts.vocabulary_size else 0)
    return vocabulary * architecture.hidden_size if architecture else 0
