"""A decoder's layers and weights, counted from its configuration."""

from collections import Counter
from dataclasses import dataclass

from llmpick.evidence.model import Architecture, AttentionLayer, RecurrentLayer, TensorRole
from llmpick.sources.hf.decilm import decilm_decoder
from llmpick.sources.hf.feeds import Feed, FeedForward, feed_forward
from llmpick.sources.hf.kinds import Kind, layer_kinds
from llmpick.sources.hf.mixers import Heads, Mixer, attention, latent_attention, recurrent, short_convolution
from llmpick.sources.hf.reading import Config

_FOUR_NORMS = {"gemma2", "gemma3", "gemma3_text", "gemma3n_text", "gemma4_text", "olmo2", "olmo3", "glm4", "afmoe"}
# Positions that are learned (with the two rows that OPT keeps free), not computed.
_LEARNED_POSITIONS = {"gpt2", "gpt-sw3", "gpt_bigcode", "gpt_neo", "opt", "openai-gpt", "biogpt"}
# The classes whose attention has an output gate as wide as the queries.
_GATED = {"afmoe", "qwen3_next", "qwen3_5_text", "qwen3_5_moe_text"}
# Layers of these families do more than the keys of their files say.
_NOT_MODELLED = {
    "deepseek_v4": "it keeps keys compressed along the context",
    "dots3_note_text": "its layers share or compress their cache",
    "hrm_text": "it runs its layers repeatedly",
    "inkling_text": "its attention keeps convolution states",
    "inkling2_text": "its attention keeps convolution states",
    "qwen4_exp_text": "it indexes n-grams beside its attention",
    "rwkv": "its recurrent state is not modelled",
    "xlstm": "its recurrent state is not modelled",
    "zamba": "its attention layers share weights",
    "zamba2": "its attention layers share weights",
    "zaya": "its attention keeps convolution states",
    "blt": "it works on bytes in patches",
    "longcat_flash": "its layers have two attentions and experts that do nothing",
    "jetmoe": "its attention is a mixture of experts",
}
_UNKNOWN_KEYS = ("compress_ratios", "rwkv_version", "ssm_cfg", "kda_layers", "attention_window_pattern", "time_mix_extra_dim")


@dataclass(frozen=True, slots=True)
class Decoder:
    """`elements` are weights by role."""

    architecture: Architecture
    elements: Counter[TensorRole]


def read_decoder(config: Config, *, tied: bool) -> Decoder | str:
    """The decoder, or a sentence that says what is not understood of it."""
    if config.name in _NOT_MODELLED:
        return f"{config.name}: {_NOT_MODELLED[config.name]}"
    for key in _UNKNOWN_KEYS:
        if config.values.get(key) is not None:
            return f"{config.name or 'this model type'}: {key} is not known to llmpick"
    count, hidden, heads = _count(config), config.number("hidden_size"), config.number("heads")
    if config.name in ("mamba", "mamba2", "falcon_mamba"):
        heads = heads or 1
    if count is None or hidden is None or heads is None:
        missing = "num_hidden_layers" if count is None else "hidden_size" if hidden is None else "num_attention_heads"
        return f"config.json gives no {missing}"
    if config.values.get("block_configs") is not None:
        found = decilm_decoder(config, count, hidden, heads)
        if isinstance(found, str):
            return found
        mixers, feeds = found
    else:
        kinds = layer_kinds(config, count)
        if isinstance(kinds, str):
            return kinds
        mixed = [_mixer(config, kind, index, count, hidden, heads) for index, kind in enumerate(kinds)]
        wrong = next((mixer for mixer in mixed if isinstance(mixer, str)), None)
        if wrong is not None:
            return wrong
        mixers = [mixer for mixer in mixed if isinstance(mixer, Mixer)]
        found_feeds = _feeds(config, kinds, hidden, count)
        if found_feeds is None:
            return "config.json gives no width of the feed-forward part, or not how many experts are active"
        feeds = found_feeds
    return _assembled(config, mixers, feeds, hidden, heads, tied=tied)


def _count(config: Config) -> int | None:
    """Nemotron-H counts its layers by the pattern."""
    pattern = config.values.get("hybrid_override_pattern")
    if isinstance(pattern, str):
        return min(len(pattern.replace("|", "")), 1024) or None
    names = config.strings("layers_block_type") if config.name == "nemotron_h" else None
    return len(names) if names else config.layer_count()


def _mixer(config: Config, kind: Kind, index: int, count: int, hidden: int, heads: int) -> Mixer | str:
    if kind in ("mlp", "moe"):
        return Mixer()
    found: Mixer | None
    if kind == "recurrent":
        found = recurrent(config, hidden, heads)
    elif kind == "convolution":
        found = short_convolution(config, hidden)
    elif kind == "both":
        one, other = _attention(config, "full", index, count, hidden, heads), recurrent(config, hidden, heads)
        found = Mixer(one.keeps + other.keeps, one.attention, other.recurrent) if other else None
    elif config.number("kv_lora_rank"):
        found = latent_attention(config, hidden, heads)
    else:
        found = _attention(config, kind, index, count, hidden, heads)
    return found or f"{config.name or 'this model type'}: the sizes of its {kind} layers are not known to llmpick"


def _attention(config: Config, kind: Kind, index: int, count: int, hidden: int, heads: int) -> Mixer:
    key = config.number("head_size") or hidden // heads
    value = config.number("v_head_dim") or key
    kv_heads = _kv_heads(config, heads)
    shared = False
    if kind == "sliding" and config.number("swa_num_key_value_heads"):  # MiMo-V2, Inkling
        heads = config.number("swa_num_attention_heads") or heads
        kv_heads = config.number("swa_num_key_value_heads") or kv_heads
        key = config.number("swa_head_dim") or key
        value = config.number("swa_v_head_dim") or value
    other = config.part("attention_other_setting")
    if kind == "sliding" and other.number("heads"):  # Step 3.x
        heads = other.number("heads") or heads
        kv_heads = other.number("num_attention_groups") or kv_heads
    if config.name.startswith("gemma4") and kind == "full":
        key = value = config.number("global_head_dim") or 512
        if config.flag("attention_k_eq_v"):
            kv_heads, shared = config.number("num_global_key_value_heads") or kv_heads, True
    per_layer = config.numbers("num_attention_heads_per_layer")
    if per_layer and len(per_layer) >= count:
        heads = per_layer[index] or heads
    window = config.number("window") if kind == "sliding" else config.number("attention_chunk_size") if kind == "chunked" else None
    gated = config.name in _GATED or config.get("attn_output_gate") is True
    own = index < count - (config.number("num_kv_shared_layers") or 0)
    return attention(Heads(hidden, heads, kv_heads, key, value, float(gated), shared), window, keeps=own)


def _kv_heads(config: Config, heads: int) -> int:
    if config.get("multi_query_attention") is True:  # ChatGLM2 and on
        return config.number("multi_query_group_num") or 1
    attention_part = config.part("attn_config")  # MPT, DBRX
    if attention_part.number("kv_n_heads"):
        return attention_part.number("kv_n_heads") or heads
    if config.name in ("falcon", "RefinedWeb", "RefinedWebModel", "gpt_bigcode"):
        if config.get("new_decoder_architecture") is True or config.name == "RefinedWeb":
            return config.number("kv_heads") or heads
        return 1 if config.get("multi_query") is not False else heads
    return config.number("kv_heads") or config.number("num_attention_groups") or heads


def _feeds(config: Config, kinds: tuple[Kind, ...], hidden: int, count: int) -> FeedForward | None:
    if config.name in ("mamba", "mamba2", "falcon_mamba"):
        return FeedForward((Feed(),) * count, None, None)
    found = feed_forward(config, hidden, count)
    if found is None or not {"mlp", "moe"} & set(kinds):
        return found
    # Nemotron-H: a layer mixes tokens or feeds forward, never both.
    width = config.number("intermediate_size") or 0
    mixture = next((feed for feed in found.layers if feed.experts), Feed())
    parts = {"mlp": Feed(dense=2 * hidden * width), "moe": mixture}
    return FeedForward(tuple(parts.get(kind, Feed()) for kind in kinds), found.experts, found.width)


def _assembled(config: Config, mixers: list[Mixer], feeds: FeedForward, hidden: int, heads: int, *, tied: bool) -> Decoder:
    vocabulary = config.number("vocabulary_size")
    blocks = len(mixers)
    elements: Counter[TensorRole] = Counter()
    elements["embedding"] = (vocabulary or 0) * (config.number("word_embed_proj_dim") or hidden) + _further_embeddings(
        config, hidden, blocks
    )
    elements["output"] = 0 if tied else (vocabulary or 0) * hidden
    elements["attention"] = sum(mixer.attention for mixer in mixers)
    elements["recurrent"] = sum(mixer.recurrent for mixer in mixers)
    elements["mlp"] = sum(feed.dense for feed in feeds.layers) + _further_mlp(config, hidden, blocks)
    elements["experts"] = sum(feed.experts for feed in feeds.layers)
    elements["shared_experts"] = sum(feed.shared for feed in feeds.layers)
    norms = (4 if config.name in _FOUR_NORMS else 2) * blocks + 1
    elements["norm"] = norms * hidden + sum(feed.router for feed in feeds.layers)
    kept: list[AttentionLayer | RecurrentLayer] = [layer for mixer in mixers for layer in mixer.keeps]
    experts = feeds.experts if elements["experts"] else None
    architecture = Architecture(config.name or "unknown", hidden, vocabulary, tuple(kept), blocks, heads, feeds.width, experts)
    return Decoder(architecture, Counter({role: number for role, number in elements.items() if number}))


def _further_embeddings(config: Config, hidden: int, blocks: int) -> int:
    """Learned positions, and the tables that Gemma 3n and Gemma 4 have for every layer."""
    positions = (config.number("context") or 0) * hidden if config.name in _LEARNED_POSITIONS else 0
    size = config.number("hidden_size_per_layer_input")
    vocabulary = config.number("vocab_size_per_layer_input")
    return positions + (blocks * size * vocabulary if size and vocabulary and config.name.startswith("gemma") else 0)


def _further_mlp(config: Config, hidden: int, blocks: int) -> int:
    """What brings the tables of every layer into the layers, and the low-rank and alternating parts of Gemma 3n."""
    size = config.number("hidden_size_per_layer_input") if config.name.startswith("gemma") else None
    if size is None:
        return 0
    weights = hidden * blocks * size + blocks * 2 * hidden * size
    inputs, rank = config.number("altup_num_inputs"), config.number("laurel_rank")
    if inputs and rank:
        weights += 2 * (inputs - 1) * hidden * hidden + blocks * (2 * hidden * rank + hidden * inputs)
    return weights
