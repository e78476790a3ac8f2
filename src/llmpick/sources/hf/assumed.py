"""What is assumed of a model type that llmpick does not know, and when the model's tensors contradict it."""

from collections import Counter
from collections.abc import Iterable

from llmpick.evidence.model import TensorGroup, TensorRole
from llmpick.sources.hf.reading import class_defaults

# Types without a class in transformers that are read by rules of their own; their sizes are compared with published ones in the tests.
_BESIDE = {
    "RefinedWeb",
    "RefinedWebModel",
    "baichuan",
    "chatglm",
    "deci",
    "minimax_m1",
    "minimax_text_01",
    "nemotron-nas",
    "qwen",
    "step3p5",
}
_ALIKE = 0.05
"""Biases and small parts of single families; a wrong number of KV heads or another head size moves more."""


def assumption(name: str) -> str | None:
    """What is assumed of the layers of a model type; None for one that is known."""
    if name in class_defaults() or name in _BESIDE:
        return None
    which = f"The model type {name[:60]!r} is not known to llmpick" if name else "config.json names no model type"
    return (
        f"{which}: where config.json says nothing else, its layers are taken to be those of a Llama (full attention, gated feed-forward)."
    )


def contradiction(name: str, counted: Iterable[TensorGroup], found: Iterable[TensorGroup]) -> str | None:
    """How the tensors that were `found` differ from those `counted` by that assumption; None where they do not, or nothing was assumed."""
    if assumption(name) is None:
        return None
    expected, there = _elements(counted), _elements(found)
    attention, unnamed = there["attention"], there["other"]
    low, high = expected["attention"] * (1 - _ALIKE), expected["attention"] * (1 + _ALIKE)
    if there["recurrent"] and not expected["recurrent"]:
        return f"The model type {name[:60]!r} is not known to llmpick, and its tensors are not those of a Llama: some are recurrent."
    if low <= attention + unnamed and attention <= high:
        return None
    return (
        f"The model type {name[:60]!r} is not known to llmpick, and its tensors are not those of a Llama: "
        f"its attention has {attention:,} weights, not {expected['attention']:,}."
    )


def _elements(groups: Iterable[TensorGroup]) -> Counter[TensorRole]:
    elements: Counter[TensorRole] = Counter()
    for group in groups:
        elements[group.role] += group.elements
    return elements
