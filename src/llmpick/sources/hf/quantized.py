"""The quantisation that a config.json says its weights are stored in, as a record of the catalog, with what it leaves wide.

Which modules stay wide is a list of names, globs or regular expressions. The file is untrusted, so regular expressions are not run: those
that only leave something open are read as globs, others are passed over.
"""

import fnmatch
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from llmpick.evidence.model import TensorRole
from llmpick.evidence.quantization import Quantization

_WIDE_BITS = 16.0
_MOST_GLOBS, _MOST_NAMES = 300, 20_000
_PREFIXES = ("model.", "model.language_model.", "language_model.model.", "backbone.")
_MODULES: Mapping[TensorRole, tuple[str, ...]] = {
    "attention": ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj"),
    "recurrent": ("linear_attn.in_proj_qkv", "linear_attn.out_proj", "mixer.in_proj", "mixer.out_proj"),
    "mlp": ("mlp.gate_proj", "mlp.up_proj", "mlp.down_proj"),
    "experts": ("mlp.experts.0.gate_proj", "mlp.experts.0.up_proj", "mlp.experts.0.down_proj"),
    "shared_experts": ("mlp.shared_expert.up_proj", "mlp.shared_experts.up_proj"),
}
_ANY_OF = {"recurrent", "shared_experts"}  # two spellings, of which a model has one
_LISTS = ("modules_to_not_convert", "ignore", "exclude_modules", "ignored_layers", "llm_int8_skip_modules")


def quantization_of(config: Mapping[str, Any], blocks: int) -> Quantization | str | None:
    """The quantisation of the object that a config.json (or hf_quant_config.json) holds; None where the weights are not quantised.

    A sentence where its method is not known. `blocks` is the number of layers, for lists that name them one by one.
    """
    part = config.get("quantization_config", config.get("compression_config", config.get("quantization")))
    if not isinstance(part, dict):
        return None
    method = str(part.get("quant_method", "modelopt" if "quant_algo" in part else ""))
    name = _name(method, part)
    if name is None:
        return f"the quantisation {method[:40]!r} of config.json is not known to llmpick"
    from llmpick.catalog.quantizations import find_quantization  # the catalog takes long to load; most models are not quantised

    found = find_quantization(name)
    wide = _wide_shares([item for key in _LISTS for item in _names(part.get(key))], blocks)
    changed = {role: _mean(share, found.bits_by_role.get(role, found.bits_per_weight)) for role, share in wide.items()}
    if part.get("lm_head") is True:
        changed["output"] = found.bits_per_weight
    if not changed:
        return found
    return replace(found, bits_by_role=MappingProxyType({**found.bits_by_role, **changed}))


def _mean(wide_share: float, bits: float) -> float:
    return wide_share * _WIDE_BITS + (1 - wide_share) * bits


def _name(method: str, part: Mapping[str, Any]) -> str | None:
    """The name in the catalog; None where the method, or its width, is not known."""
    if method in ("gptq", "awq", "auto-round", "auto_round", "intel/auto-round", "gptq_marlin", "awq_marlin"):
        kind = "awq" if method.startswith("awq") else "gptq"
        return _integers(kind, part.get("bits", part.get("w_bit", 4)), part.get("group_size", part.get("q_group_size", 128)))
    if method == "bitsandbytes":
        if part.get("load_in_8bit") is True:
            return "int8"
        return "nf4-double-quant" if part.get("bnb_4bit_use_double_quant") is True else "nf4"
    if method in ("fp8", "fbgemm_fp8"):
        return "fp8-block" if part.get("weight_block_size") else "fp8"
    if method in ("mxfp4", "eetq"):
        return {"mxfp4": "mxfp4", "eetq": "int8"}[method]
    if method.startswith(("modelopt", "compressed-tensors", "compressed_tensors")):
        return _algorithm(str(part.get("quant_algo", ""))) or _groups(part)
    return None


def _algorithm(name: str) -> str | None:
    known = {"FP8": "fp8", "NVFP4": "nvfp4", "NVFP4_AWQ": "nvfp4", "W4A16_AWQ": "awq-4bit-g128", "FP8_PB_WO": "fp8-block", "MXFP8": "mxfp8"}
    return known.get(name)


def _groups(part: Mapping[str, Any]) -> str | None:
    """compressed-tensors: the weights of the only group of modules, or of several that agree."""
    groups = part.get("config_groups")
    found = {_weights(group.get("weights")) for group in groups.values() if isinstance(group, dict)} if isinstance(groups, dict) else set()
    return found.pop() if len(found) == 1 else None


def _weights(weights: Any) -> str | None:
    if not isinstance(weights, dict):
        return None
    bits, group = weights.get("num_bits"), weights.get("group_size")
    if weights.get("type") == "float":
        if bits == 8:
            return "fp8-block" if weights.get("strategy") == "block" else "fp8"
        return ("mxfp4-linear" if group == 32 else "nvfp4") if bits == 4 else None
    if bits == 8 and group in (None, -1):
        return "w8a8"
    if bits == 4 and weights.get("symmetric") is not False and group in (32, 64, 128):
        return "w4a16" if group == 128 else f"w4a16-g{group}"
    return _integers("gptq", bits, group)


def _integers(kind: str, bits: Any, group: Any) -> str | None:
    if group in (None, -1, 0):
        return f"gptq-{bits}bit-no-groups" if bits in (2, 3, 4, 8) else None
    known = bits in (2, 3, 4, 8) and group in (32, 64, 128) and (kind == "gptq" or bits == 4)
    return f"{kind}-{bits}bit-g{group}" if known else None


def _names(value: Any) -> Iterator[str]:
    if isinstance(value, (list, tuple)):
        yield from (item for item in value[:_MOST_NAMES] if isinstance(item, str) and len(item) < 200)


def _wide_shares(patterns: Sequence[str], blocks: int) -> dict[TensorRole, float]:
    """The share of each role's modules that some pattern names."""
    plain = {pattern for pattern in patterns if not pattern.startswith("re:") and "*" not in pattern}
    globs = [glob for pattern in patterns if pattern not in plain if (glob := _as_glob(pattern)) is not None][:_MOST_GLOBS]
    matchers = [re.compile(fnmatch.translate(glob)).match for glob in globs]

    def is_wide(module: str) -> bool:
        words = module.split(".")
        parts = {".".join(words[start:end]) for start in range(len(words)) for end in range(start + 1, len(words) + 1)}
        return not parts.isdisjoint(plain) or any(matcher(module) for matcher in matchers)

    def layer_is_wide(index: int, module: str) -> bool:
        return any(is_wide(f"{prefix}layers.{index}.{module}") for prefix in _PREFIXES)

    if not plain and not matchers:
        return {}
    shares: dict[TensorRole, float] = {}
    for role, modules in _MODULES.items():
        found = [sum(layer_is_wide(index, module) for index in range(blocks)) / max(blocks, 1) for module in modules]
        share = max(found) if role in _ANY_OF else sum(found) / len(found)
        if share:
            shares[role] = share
    return shares


def _as_glob(pattern: str) -> str | None:
    """A glob, or a regular expression of words, digits and `.*` only, as a glob; None for any other."""
    if not pattern.startswith("re:"):
        return pattern if re.fullmatch(r"[\w.*-]+", pattern) else None
    expression = re.sub(
        r"\\d\+|\.\*|\\\.", lambda found: "." if found[0] == "\\." else "*", pattern[3:].removeprefix("^").removesuffix("$")
    )
    return expression if re.fullmatch(r"[\w.*-]+", expression) else None
