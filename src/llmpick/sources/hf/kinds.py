"""Which kind each layer is of: full or sliding attention, recurrent, short convolution, or one that only feeds forward.

Newer files write it into a list, older ones leave it to the class of transformers: `_PERIODS` has those rules.
"""

from collections.abc import Iterable, Mapping
from typing import Literal, NamedTuple

from llmpick.sources.hf.reading import Config

Kind = Literal["full", "sliding", "chunked", "recurrent", "convolution", "both", "mlp", "moe"]

_NAMED: dict[str, Kind] = {
    "full_attention": "full",
    "attention": "full",
    "global": "full",
    "indexed_attention": "full",
    "deepseek_sparse_attention": "full",
    "minimax_m3_sparse": "full",
    "sliding_attention": "sliding",
    "local": "sliding",
    "chunked_attention": "chunked",
    "linear_attention": "recurrent",
    "recurrent": "recurrent",
    "mamba": "recurrent",
    "mamba2": "recurrent",
    "conv": "convolution",
    "moe": "moe",
    "mlp": "mlp",
}
_LETTERS: dict[str, Kind] = {"M": "recurrent", "*": "full", "-": "mlp", "E": "moe"}  # Nemotron-H


class _Period(NamedTuple):
    """Of every `length` layers the one at `full` has full attention, the rest are `others`; `key` is what the file calls the length."""

    length: int
    full: int
    others: Kind = "sliding"
    key: str = "sliding_window_pattern"


_PERIODS = {
    "afmoe": _Period(4, 3, key="global_attn_every_n_layers"),
    "bailing_hybrid": _Period(4, 3, "recurrent", "layer_group_size"),
    "beam": _Period(6, 5),
    "cohere2": _Period(4, 3),
    "cohere2_moe": _Period(4, 3),
    "exaone4": _Period(4, 3),
    "exaone_moe": _Period(4, 3),
    "gemma2": _Period(2, 1),
    "gemma3": _Period(6, 5),
    "gemma3_text": _Period(6, 5),
    "gemma3n_text": _Period(5, 4),
    "gemma4_text": _Period(6, 5),
    "gemma4_unified_text": _Period(6, 5),
    "gpt_oss": _Period(2, 1),
    "granite_swa": _Period(4, 0),
    "granitemoe_swa": _Period(4, 0),
    "jamba": _Period(8, 4, "recurrent", "attn_layer_period"),
    "kolibri1": _Period(5, 4),
    "llama4_text": _Period(4, 3, "chunked", "no_rope_layer_interval"),
    "minimax": _Period(2, 0, "recurrent", ""),
    "olmo3": _Period(4, 3),
    "olmo_hybrid": _Period(4, 3, "recurrent", ""),
    "qwen3_5_moe_text": _Period(4, 3, "recurrent", "full_attention_interval"),
    "qwen3_5_text": _Period(4, 3, "recurrent", "full_attention_interval"),
    "qwen3_next": _Period(4, 3, "recurrent", "full_attention_interval"),
    "vaultgemma": _Period(2, 1),
}
_LAST_IS_FULL = {"beam", "gemma4_text", "gemma4_unified_text"}
_ALL_SLIDE = {"ministral", "mistral", "mixtral", "phi3", "phi4_multimodal", "phimoe", "starcoder2"}
_ALL_RECURRENT = {"falcon_mamba", "mamba", "mamba2"}
_SIDE_BY_SIDE = {"falcon_h1"}  # attention and Mamba-2 side by side in every layer


def layer_kinds(config: Config, count: int) -> tuple[Kind, ...] | str:
    """One kind per layer; a sentence that says what is not understood where some layer is of no known kind."""
    listed = _listed(config, count)
    if isinstance(listed, str):
        return listed
    kinds = listed or _by_rule(config, count)
    if isinstance(kinds, str) or _window(config) is not None:
        return kinds
    unwindowed: list[Kind] = ["full" if kind == "sliding" else kind for kind in kinds]
    return tuple(unwindowed)


def _window(config: Config) -> int | None:
    return None if config.get("use_sliding_window") is False else config.number("window")


def _listed(config: Config, count: int) -> tuple[Kind, ...] | str | None:
    """From a list or a pattern in the file; None where there is none."""
    pattern = config.values.get("hybrid_override_pattern")
    if isinstance(pattern, str):
        wrong = set(pattern) - set(_LETTERS) - {"|"}
        return f"hybrid_override_pattern has {sorted(wrong)[0]!r}" if wrong else _kinds(_LETTERS, pattern.replace("|", ""))
    if config.name in _SIDE_BY_SIDE:
        return ("both",) * count
    names = config.strings("layer_types", "layers_block_type", "block_types")
    if names:
        unknown = next((name for name in names if name not in _NAMED), None)
        if unknown is not None:
            return f"layers of the type {unknown[:40]!r} are not known to llmpick"
        kinds = _kinds(_NAMED, names)
        if config.get("layer_types", "layers_block_type") is None:  # RecurrentGemma repeats its block
            kinds = (kinds * count)[:count]
        return kinds[:count] if len(kinds) >= count else f"layer_types names {len(kinds)} of {count} layers"
    return _by_numbers(config, count)


def _by_numbers(config: Config, count: int) -> tuple[Kind, ...] | None:
    """From a list of zeros and ones, or of the layers of one kind."""
    flags: dict[str, tuple[Kind, Kind]] = {"attn_type_list": ("recurrent", "full"), "hybrid_layer_pattern": ("full", "sliding")}
    for key, (zero, one) in flags.items():
        numbers = config.numbers(key)
        if numbers and len(numbers) >= count:
            return _where((number for number in numbers[:count]), one, zero)
    linear = config.part("linear_attn_config")
    full = linear.numbers("full_attn_layers")
    if full is not None:  # Kimi Linear counts from 1
        return _where((index + 1 in full for index in range(count)), "full", "recurrent")
    lists: dict[str, Kind] = {"attn_layer_indices": "recurrent", "full_attn_idxs": "convolution"}
    for key, others in lists.items():
        indices = config.numbers(key)
        if indices is not None:
            return _where((index in indices for index in range(count)), "full", others)
    no_rope = config.numbers("no_rope_layers")
    if no_rope and config.name == "llama4_text" and len(no_rope) >= count:
        return _where((rotary for rotary in no_rope[:count]), "chunked", "full")
    return None


def _by_rule(config: Config, count: int) -> tuple[Kind, ...] | str:
    name = config.name
    period = _PERIODS.get(name)
    if period is not None:
        return _periodic(config, name, period, count)
    if name in _ALL_RECURRENT:
        return ("recurrent",) * count
    if name == "mimo_v2_flash":
        return _where((index == 0 or (index + 1) % 6 == 0 for index in range(count)), "full", "sliding")
    if name == "muse_spark_text":
        return _where(((count - 1 - index) % 4 == 0 for index in range(count)), "full", "sliding")
    if name == "flint":
        return _where((index < 2 or index % 4 == 1 or index == count - 1 for index in range(count)), "full", "sliding")
    if name == "gpt_neo":
        return _where((index % 2 for index in range(count)), "sliding", "full")
    if name in _ALL_SLIDE:
        return ("sliding",) * count
    if config.get("use_sliding_window") is True:  # Qwen2 and its kin: the first max_window_layers are full
        first = config.get("max_window_layers")
        return _where((type(first) is int and index < first for index in range(count)), "full", "sliding")
    return _with_own_pattern(config, count)


def _with_own_pattern(config: Config, count: int) -> tuple[Kind, ...] | str:
    """A family that is not known here, whose file may give the period itself; without one all layers count as full attention."""
    for key in ("full_attention_interval", "attn_layer_period", "linear_attn_config", "ssm_cfg", "mamba_d_state", "mamba_num_heads"):
        if config.values.get(key) is not None:
            return f"which layers are recurrent is not known of {config.name or 'this model type'}"
    length = config.values.get("sliding_window_pattern")
    if type(length) is int and length > 1:
        return _where((index % length == length - 1 for index in range(count)), "full", "sliding")
    return ("full",) * count


def _periodic(config: Config, name: str, period: _Period, count: int) -> tuple[Kind, ...]:
    length = config.get(period.key) if period.key else None
    if isinstance(length, str) and set(length) <= {"L", "G"}:  # EXAONE: "LLLG"
        return _where((length[index % len(length)] == "L" for index in range(count)), "sliding", "full")
    size = length if isinstance(length, int) and 0 < length <= count else period.length
    full = 0 if period.full == 0 else size - 1
    if name == "jamba":
        offset = config.get("attn_layer_offset")
        full = offset if isinstance(offset, int) else period.full
    last = count - 1 if name in _LAST_IS_FULL else -1
    return _where((index % size == full or index == last for index in range(count)), "full", period.others)


def _kinds(meanings: Mapping[str, Kind], names: Iterable[str]) -> tuple[Kind, ...]:
    return tuple(meanings[name] for name in names)


def _where(conditions: Iterable[object], holds: Kind, fails: Kind) -> tuple[Kind, ...]:
    return tuple(holds if condition else fails for condition in conditions)
