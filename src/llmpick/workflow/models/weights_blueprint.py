"""Files on this machine as one blueprint: what their headers describe."""

from llmpick.evidence.model import Blueprint, Weights
from llmpick.evidence.values import Source


def blueprint_of(weights: Weights, name: str | None = None, *, active_parameters: int | None = None) -> Blueprint:
    """Files on this machine, as their headers describe them."""
    return Blueprint(
        name=name or weights.name or weights.path.stem,
        known_from="files",
        format=weights.format,
        quantization=weights.quantization,
        architecture=weights.architecture,
        tensors=weights.tensors,
        context_tokens=weights.context_tokens,
        source=Source(f"headers of {weights.path.name}"),
        active_parameters=active_parameters,
        path=weights.path,
        merges=weights.merges,
        notes=weights.notes,
    )
