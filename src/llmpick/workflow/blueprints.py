"""What the user names, as blueprints: everything that memory and speed are computed from, wherever it is known from."""

from llmpick.evidence.model import Blueprint, Weights
from llmpick.evidence.values import Source


def blueprint_of(weights: Weights) -> Blueprint:
    """Files on this machine, as their headers describe them."""
    return Blueprint(
        name=weights.name or weights.path.stem,
        known_from="files",
        format=weights.format,
        quantization=weights.quantization,
        architecture=weights.architecture,
        tensors=weights.tensors,
        context_tokens=weights.context_tokens,
        source=Source(f"headers of {weights.path.name}"),
        path=weights.path,
        merges=weights.merges,
    )
