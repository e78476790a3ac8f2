"""The feed-forward part of every layer: dense, or routed experts with shared ones, or none."""

from typing import NamedTuple

from llmpick.evidence.model import Experts
from llmpick.sources.hf.reading import Config

# Two matrices instead of three: no gate (https://github.com/huggingface/transformers, the MLP of each class).
_UNGATED = {
    "apertus",
    "arcee",
    "biogpt",
    "bloom",
    "codegen",
    "ctrl",
    "falcon",
    "fuyu",
    "gpt-sw3",
    "gpt2",
    "gpt_bigcode",
    "gpt_neo",
    "gpt_neox",
    "gpt_neox_japanese",
    "gptj",
    "jais2",
    "mpt",
    "nanochat",
    "nemotron",
    "nemotron_h",
    "openai-gpt",
    "opt",
    "persimmon",
    "phi",
    "starcoder2",
    "xglm",
    "RefinedWeb",
    "RefinedWebModel",
}


class Feed(NamedTuple):
    """Weights of one layer's feed-forward part; `router` stays wide in every quantisation."""

    dense: int = 0
    experts: int = 0
    shared: int = 0
    router: int = 0


class FeedForward(NamedTuple):
    """All layers, the mixture that they have, and the width of a dense one."""

    layers: tuple[Feed, ...]
    experts: Experts | None
    width: int | None


def feed_forward(config: Config, hidden: int, count: int) -> FeedForward | None:
    """None where the widths, or the number of active experts, are not given."""
    width = _dense_width(config, hidden)
    matrices = 2 if config.name in _UNGATED or config.number("inner_hidden_size") else 3  # the latter: ChatGLM-6B
    experts = _experts(config)
    if experts is None:
        widths = _widths(config, count) or ((width,) * count if width else None)
        layers = tuple(Feed(dense=matrices * hidden * one) for one in widths) if widths else ()
        return FeedForward(layers, None, width) if widths else None
    expert_width = config.number("expert_size") or config.number("intermediate_size")
    if expert_width is None or not experts.active:
        return None
    sparse = _sparse_layers(config, count)
    # Gemma 4 and Arctic run a dense part beside the experts of the same layer.
    beside = config.flag("enable_moe_block")
    shared = _shared(config, hidden, expert_width, matrices)
    latent = config.number("moe_latent_size")
    one = matrices * (latent or hidden) * expert_width
    dense = Feed(dense=matrices * hidden * (width or 0))
    mixture = Feed(
        dense=(dense.dense if beside else 0) + (2 * hidden * latent if latent else 0),
        experts=experts.count * one,
        shared=shared,
        router=hidden * experts.count,
    )
    return FeedForward(tuple(mixture if is_sparse else dense for is_sparse in sparse), experts, width)


def _dense_width(config: Config, hidden: int) -> int | None:
    if config.name == "llama4_text":
        return config.number("intermediate_size_mlp")
    if config.name == "cohere2_moe":
        return config.number("prefix_dense_intermediate_size") or config.number("intermediate_size")
    dense = config.number("dense_intermediate_size")
    if dense is not None:
        return dense
    listed = _widths(config, 1)
    width = listed[0] if listed else config.number("inner_hidden_size") or config.number("intermediate_size")
    if width is None:
        times = config.get("expansion_ratio")
        width = round((times if isinstance(times, (int, float)) and 0 < times < 64 else 4) * hidden)
    if config.name in ("qwen", "recurrent_gemma"):  # they count gate and up together
        return width // 2
    return _lfm2_width(config, width)


def _widths(config: Config, count: int) -> tuple[int, ...] | None:
    """Gemma 3n writes one width per layer."""
    value = config.get("intermediate_size")
    if not isinstance(value, (list, tuple)):
        return None
    widths = config.numbers("intermediate_size")
    return widths[:count] if widths and len(widths) >= count else None


def _lfm2_width(config: Config, width: int) -> int:
    """LFM2 takes two thirds of the width, times a factor, up to a whole multiple."""
    if not config.flag("block_auto_adjust_ff_dim"):
        return width
    factor, multiple = config.get("block_ffn_dim_multiplier"), config.number("block_multiple_of") or 1
    width = int(2 * width / 3)
    if isinstance(factor, (int, float)) and 0 < factor < 64:
        width = int(factor * width)
    return -(-width // multiple) * multiple


def _experts(config: Config) -> Experts | None:
    count, active = config.number("experts"), config.number("active_experts")
    if config.name == "gemma4_text" and not config.flag("enable_moe_block"):
        return None
    if count is None or count < 2:
        return None
    return Experts(count, min(active or 0, count), config.number("shared_experts") or (1 if config.number("shared_size") else 0))


def _shared(config: Config, hidden: int, expert_width: int, matrices: int) -> int:
    width = config.number("shared_size")
    number = config.number("shared_experts")
    if config.name == "llama4_text":
        width = expert_width
    if width is None:
        width = (number or 0) * expert_width
    gate = hidden if config.name.startswith(("qwen2_moe", "qwen3_next", "qwen3_5_moe")) else 0
    return matrices * hidden * width + (gate if width else 0)


def _sparse_layers(config: Config, count: int) -> tuple[bool, ...]:
    """Which layers have experts."""
    kinds = config.strings("mlp_layer_types")
    if kinds and len(kinds) >= count:
        return tuple(kind != "dense" for kind in kinds[:count])
    frequency = config.get("moe_layer_freq")
    if isinstance(frequency, (list, tuple)) and len(frequency) >= count:
        return tuple(bool(item) for item in frequency[:count])
    listed = config.numbers("moe_layers") if config.name == "llama4_text" else None
    if listed is not None:
        return tuple(index in listed for index in range(count))
    if config.get("moe_layers_enum"):  # Step 3.x: "4,5,6…"
        chosen = {part.strip() for part in str(config.get("moe_layers_enum")).split(",")}
        return tuple(str(index) in chosen for index in range(count))
    return tuple(_is_sparse(config, index, frequency) for index in range(count))


def _is_sparse(config: Config, index: int, frequency: object) -> bool:
    dense_first = config.number("first_k_dense_replace") or config.number("num_dense_layers") or 0
    if config.name in ("mimo_v2_flash", "kimi_linear", "laguna", "hy_v4") and config.get("first_k_dense_replace") is None:
        dense_first = 1
    start, end = config.number("moe_layer_start_index") or 0, config.number("moe_layer_end_index")
    if index < max(dense_first, start) or (end is not None and index > end):
        return False
    if index in (config.numbers("mlp_only_layers") or ()):
        return False
    every = config.number("decoder_sparse_step") or config.number("interleave_moe_layer_step") or config.number("moe_layer_interval")
    if every:
        return (index + 1) % every == 0
    period, offset = config.number("expert_layer_period"), config.get("expert_layer_offset")
    if period:
        return index % period == (offset if type(offset) is int else 0)
    return not (type(frequency) is int and frequency > 1) or index % frequency == 0
