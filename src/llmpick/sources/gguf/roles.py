"""What a tensor of a GGUF file is for, by the names that llama.cpp gives them (gguf-py/gguf/constants.py, TENSOR_NAMES)."""

import re
from collections import defaultdict
from collections.abc import Iterable

from llmpick.evidence.model import TensorGroup, TensorRole
from llmpick.sources.gguf.header import Tensor

_BLOCK = re.compile(r"(?:blk|enc\.blk|dec\.blk)\.(\d+)\.(.+)")
_RULES: tuple[tuple[re.Pattern[str], TensorRole], ...] = tuple(
    (re.compile(pattern), role)
    for pattern, role in (
        (r"nextn\.", "draft"),
        (r"ffn_.*_exps", "experts"),
        (r"ffn_.*_shexp", "shared_experts"),
        (r"ffn_gate_inp", "mlp"),
        (r".*norm", "norm"),
        (r"(ssm|time_mix|shortconv|channel_mix)", "recurrent"),
        (r"ffn_|layer_output", "mlp"),
        (r"attn_|cross_attn", "attention"),
    )
)


def groups_of(tensors: Iterable[Tensor], draft_from: int | None = None) -> tuple[TensorGroup, ...]:
    """All tensors by role and data type, most bytes first. Blocks from number `draft_from` on only predict further tokens ahead."""
    sums: dict[tuple[TensorRole, str], list[int]] = defaultdict(lambda: [0, 0, 0])
    for tensor in tensors:
        total = sums[role_of(tensor.name, draft_from), tensor.type_name]
        total[0] += tensor.elements
        total[1] += tensor.bytes
        total[2] += 1
    groups = (TensorGroup(role, kind, *total) for (role, kind), total in sums.items())
    return tuple(sorted(groups, key=lambda group: (-group.bytes, group.role, group.data_type)))


def role_of(name: str, draft_from: int | None = None) -> TensorRole:
    """The role of a tensor; `other` for names that llama.cpp does not give."""
    block = _BLOCK.match(name)
    if block is None:
        return _outside(name)
    number, part = int(block[1]), block[2]
    if draft_from is not None and number >= draft_from:
        return "draft"
    return next((role for pattern, role in _RULES if pattern.match(part)), "other")


def _outside(name: str) -> TensorRole:
    if name.startswith(("token_embd.", "per_layer_token_embd.", "position_embd.", "token_types.")):
        return "embedding"
    if name.startswith("output."):
        return "output"
    if "norm" in name:
        return "norm"
    return "vision" if name.startswith(("v.", "mm.")) else "other"
