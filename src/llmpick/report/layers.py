"""Layers and tensors of a model in words."""

from llmpick.estimate.sequence_memory import LayerKind
from llmpick.evidence.model import TensorGroup
from llmpick.report import numbers
from llmpick.report.text import one_line


def kind_text(kind: LayerKind) -> str:
    """For example, 10 layers with full attention: 1,024 elements per token."""
    layers = numbers.counted(kind.count, "layer", "layers")
    if kind.kind == "recurrent":
        return f"{layers}, recurrent: a state of {numbers.count(kind.state)} elements each, however long the context"
    window = f", of the last {numbers.count(kind.window)} tokens" if kind.window else ""
    return f"{layers} with {kind.kind}: {numbers.count(kind.per_token)} elements per token{window}"


def group_text(group: TensorGroup) -> str:
    """For example, mlp in Q4_K: 90 tensors, 79,626,240 weights, 44,789,760 bytes."""
    role, stored = group.role.replace("_", " "), one_line(group.data_type)
    tensors = f"{numbers.counted(group.tensors, 'tensor', 'tensors')}, " if group.tensors > 1 else ""
    return f"{role} in {stored}: {tensors}{numbers.count(group.elements)} weights, {numbers.count(group.bytes)} bytes"
