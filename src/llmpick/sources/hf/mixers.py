"""One layer's token mixer: what it keeps for a sequence, and how many weights it has.

Formulas: attention arXiv:2211.05102; latent arXiv:2405.04434, section 2.1; Mamba arXiv:2312.00752 and Mamba-2 arXiv:2405.21060; gated delta
net arXiv:2412.06464; lightning attention arXiv:2501.08313; RG-LRU arXiv:2402.19427; Kimi Delta Attention arXiv:2510.26692.
"""

from typing import NamedTuple

from llmpick.evidence.model import AttentionLayer, RecurrentLayer
from llmpick.sources.hf.reading import Config


class Mixer(NamedTuple):
    """`keeps` has nothing where the layer keeps nothing of its own; `attention` and `recurrent` count weights."""

    keeps: tuple[AttentionLayer | RecurrentLayer, ...] = ()
    attention: int = 0
    recurrent: int = 0


class Heads(NamedTuple):
    """The heads of one attention layer; `gates` is how often the size of the queries the weights of an output gate have."""

    hidden: int
    heads: int
    kv_heads: int
    key: int
    value: int
    gates: float = 0.0
    shared_key_value: bool = False


def attention(heads: Heads, window: int | None, *, keeps: bool = True) -> Mixer:
    """Queries, keys, values, output; a layer that reuses an earlier layer's cache (`keeps` False) has no keys and values of its own."""
    queries = heads.heads * heads.key
    keys = heads.kv_heads * heads.key if keeps else 0
    values = heads.kv_heads * heads.value if keeps and not heads.shared_key_value else 0
    weights = heads.hidden * (queries * (1 + heads.gates) + keys + values + heads.heads * heads.value)
    kept = (AttentionLayer(heads.kv_heads, heads.key, heads.value, window),) if keeps else ()
    return Mixer(kept, attention=round(weights))


def latent_attention(config: Config, hidden: int, heads: int) -> Mixer | None:
    """None where a size is missing. The indexer of sparse attention (DeepSeek-V3.2) has weights here; its own cache is not counted."""
    latent, rotary = config.number("kv_lora_rank"), config.number("qk_rope_head_dim")
    plain, value = config.number("qk_nope_head_dim"), config.number("v_head_dim")
    if latent is None or rotary is None or plain is None or value is None:
        return None
    query_latent = config.number("q_lora_rank")
    queries = heads * (plain + rotary)
    weights = hidden * query_latent + query_latent * queries if query_latent else hidden * queries
    weights += hidden * (latent + rotary) + latent * heads * (plain + value) + heads * value * hidden
    index_heads, index_size = config.number("index_n_heads"), config.number("index_head_dim")
    if index_heads and index_size:
        weights += (query_latent or hidden) * index_heads * index_size + hidden * (index_size + index_heads)
    return Mixer((AttentionLayer(1, latent + rotary, 0, latent=True),), attention=weights)


def recurrent(config: Config, hidden: int, heads: int) -> Mixer | None:
    """The recurrent layer that the file has the sizes of; None where it has none that is known."""
    if config.name in ("minimax", "minimax_text_01", "minimax_m1"):
        return _lightning(hidden, heads, config.number("head_size") or hidden // heads)
    if config.number("linear_num_value_heads") or config.number("linear_num_key_heads") or config.name == "olmo_hybrid":
        return _gated_delta_net(config, hidden, heads)
    if config.name in ("kimi_linear", "bailing_hybrid") or config.values.get("linear_attn_config") is not None:
        return _kimi_delta(config, hidden, heads)
    if config.number("lru_width") or config.name == "recurrent_gemma":
        return _rg_lru(config, hidden)
    if config.number("mamba_n_heads") or config.number("mamba_num_heads") or config.name in ("nemotron_h", "mamba2"):
        return _mamba2(config, hidden)
    if config.name in ("jamba", "mamba", "falcon_mamba"):
        return _mamba(config, hidden)
    return None


def short_convolution(config: Config, hidden: int) -> Mixer | None:
    """LFM2: two gates around a convolution over the last inputs of each channel."""
    length = config.number("conv_L_cache")
    if length is None:
        return None
    return Mixer((RecurrentLayer(0, hidden * (length - 1)),), recurrent=4 * hidden * hidden + hidden * length)


def _mamba2(config: Config, hidden: int) -> Mixer | None:
    heads = config.number("mamba_n_heads") or config.number("mamba_num_heads") or config.number("num_heads")
    state = config.number("mamba_d_state") or config.number("ssm_state_size") or config.number("state_size")
    groups = config.number("mamba_n_groups") or config.number("n_groups") or 1
    kernel = config.number("mamba_d_conv") or config.number("conv_kernel")
    if heads is None or state is None or kernel is None:
        return None
    size = _mamba2_head_size(config, hidden, heads)
    inner = heads * size
    channels = inner + 2 * groups * state
    weights = hidden * (inner + channels + heads) + channels * (kernel + 1) + inner * hidden + 3 * heads + inner
    return Mixer((RecurrentLayer(inner * state, channels * (kernel - 1)),), recurrent=weights)


def _mamba2_head_size(config: Config, hidden: int, heads: int) -> int:
    size = config.get("mamba_d_head", "mamba_head_dim")
    if type(size) is int and size > 0:
        return size
    if config.name == "mamba2":
        size = config.number("head_dim")
        if size is not None:
            return size
    inner = config.number("mamba_d_ssm") or (config.number("mamba_expand") or config.number("expand") or 2) * hidden
    return inner // heads


def _mamba(config: Config, hidden: int) -> Mixer | None:
    state = config.number("mamba_d_state") or config.number("state_size")
    kernel = config.number("mamba_d_conv") or config.number("conv_kernel")
    if state is None or kernel is None:
        return None
    inner = (config.number("mamba_expand") or config.number("expand") or 2) * hidden
    steps = config.get("mamba_dt_rank", "time_step_rank")
    rank = steps if type(steps) is int and steps > 0 else -(-hidden // 16)
    weights = 2 * hidden * inner + inner * (kernel + 1) + inner * (rank + 2 * state) + rank * inner + inner * (state + 2) + inner * hidden
    return Mixer((RecurrentLayer(inner * state, inner * (kernel - 1)),), recurrent=weights)


def _gated_delta_net(config: Config, hidden: int, heads: int) -> Mixer | None:
    kernel = config.number("linear_conv_kernel_dim")
    key_heads = config.number("linear_num_key_heads") or heads
    value_heads = config.number("linear_num_value_heads") or heads
    key = config.number("linear_key_head_dim") or int(0.75 * hidden / key_heads)
    value = config.number("linear_value_head_dim") or 2 * key
    if kernel is None:
        return None
    keys, values = key_heads * key, value_heads * value
    channels = 2 * keys + values
    weights = hidden * (channels + values + 2 * value_heads) + channels * kernel + values * hidden + 2 * value_heads + value
    return Mixer((RecurrentLayer(value_heads * key * value, channels * (kernel - 1)),), recurrent=weights)


def _kimi_delta(config: Config, hidden: int, heads: int) -> Mixer | None:
    own = config.part("linear_attn_config")
    size = own.number("head_dim") or config.number("linear_head_dim") or config.number("head_size")
    count = own.number("num_heads") or config.number("linear_num_heads") or heads
    kernel = own.number("short_conv_kernel_size") or config.number("linear_conv_kernel_dim") or config.number("short_conv_kernel_size")
    if size is None or kernel is None:
        return None
    width = count * size
    weights = hidden * 4 * width + 3 * width * kernel + 2 * (hidden * size + size * width) + hidden * count + 2 * width
    return Mixer((RecurrentLayer(count * size * size, 3 * width * (kernel - 1)),), recurrent=weights)


def _lightning(hidden: int, heads: int, size: int) -> Mixer:
    width = heads * size
    return Mixer((RecurrentLayer(width * size, 0),), recurrent=5 * hidden * width + width)


def _rg_lru(config: Config, hidden: int) -> Mixer | None:
    width = config.number("lru_width") or hidden
    kernel = config.number("conv1d_width") or 4
    heads = config.number("heads")
    if heads is None:
        return None
    weights = 3 * hidden * width + 2 * width * width // heads + width * (kernel + 1) + 3 * width
    return Mixer((RecurrentLayer(width, width * (kernel - 1)),), recurrent=weights)
