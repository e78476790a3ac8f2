"""What a tensor of a GGUF file is for, by the names that llama.cpp gives them (gguf-py/gguf/constants.py, TENSOR_NAMES)."""

import re
from collections import defaultdict
from collections.abc import Iterable

from llmpick.evidence.model import TensorGroup, TensorRole
from llmpick.sources.gguf.header import Tensor

_BLOCK = re.compile(r"(?:blk|enc\.blk|dec\.blk)\.(\d+)\.(.+)")
_ROLES: tuple[tuple[TensorRole, str], ...] = (
    ("draft", r"nextn\."),
    ("experts", r"ffn_.*_(exps|chexps)"),
    ("shared_experts", r"ffn_.*_shexp"),
    ("mlp", r"ffn_gate_inp|exp_probs_b"),
    ("norm", r".*norm"),
    ("recurrent", r"ssm|time_mix|shortconv|channel_mix"),
    ("mlp", r"ffn_|layer_output|hc_ffn|inp_gate|proj\.|laurel|altup"),
    ("attention", r"attn_|cross_attn|hc_attn|indexer"),
)
_RULES: tuple[tuple[TensorRole, re.Pattern[str]], ...] = tuple((role, re.compile(pattern)) for role, pattern in _ROLES)
"""The first rule that the name within the block fits decides."""


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
    for role, pattern in _RULES:
        if pattern.match(part):
            return role
    return "other"


def _outside(name: str) -> TensorRole:
    if name.startswith(("token_embd.", "per_layer_token_embd.", "position_embd.", "token_types.")):
        return "embedding"
    if name.startswith("output."):
        return "output"
    if "norm" in name:
        return "norm"
    return "vision" if name.startswith(("v.", "mm.")) else "other"
