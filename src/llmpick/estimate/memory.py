"""How much memory a model needs to run here: its files, its KV cache, and what the engine adds.

The formula is that of llama.cpp as llmpick starts it (KV cache in 16 bits, the whole context kept in every layer, no flash attention),
for the resident memory of the engine's whole process. What the engine adds was fitted to measurements, see `_ADDED`.
"""

from datetime import date
from typing import Literal

from llmpick.evidence.device import Device, Load
from llmpick.evidence.model import Architecture, AttentionLayer, ModelFacts, Weights
from llmpick.evidence.values import Estimate, Interval, Source, Unknown

# Measured on 2 EPYC cores with xllamacpp 2026.10.11549 (swa_full, n_parallel 1, flash attention off) after a prompt of 80% of the context:
# resident MiB of the process at 1024 / 2048 / 4096 tokens, and what is left of it without file and KV cache:
#   SmolLM2-135M Q4_1   (file  93.8, vocabulary  49,152): 194.5 / 243.0 / 331.4, left  78 / 104 / 148; with flash attention 69 / - /  72
#   Gemma-3-270M Q4_K_M (file 241.4, vocabulary 262,144): 380.4 / 413.3 / 474.0, left 121 / 136 / 161; with flash attention 118 / - / 124
# 12.7 MiB of Gemma's rest are its Q4_K tensors a second time: on a CPU llama.cpp keeps a rearranged copy of such weights (without the
# copy: 461.3 at 4096). Attention scores grow by 4 bytes per head, token of the batch and token of the context. The remainder is
# fitted with a part for the vocabulary and one for the width; the fit is within 16% of every rest and 7% of every process above.
_PROCESS_BYTES = 49 * 2**20
_BYTES_PER_VOCABULARY_ENTRY = 172
_BYTES_PER_HIDDEN_ELEMENT = 20 * 1024
_BATCH_TOKENS = 512
_MASKS = 2
_CONTEXT_STEP = 256
_REARRANGED_TYPES = frozenset({"Q4_0", "Q4_K", "IQ4_NL"})
_ADDED = Source("files + KV cache + what xllamacpp 2026.10 adds, fitted to two models at three context lengths", checked=date(2026, 11, 24))

# Llama-3.1-8B in Q4_K_M; small models keep a larger share in the wider embedding (Gemma-3-270M: 7.55 bits).
DOWNLOAD_BITS_PER_WEIGHT = 4.89
_DOWNLOAD_BITS_LOW = 4.5
_DOWNLOAD_BITS_HIGH = 5.3
_SMALL_MODEL_PARAMETERS = 2_000_000_000
_SMALL_MODEL_BITS_HIGH = 8.0
_DOWNLOADED = Source(
    "parameters x bits per weight + KV cache + what llama.cpp adds",
    url="https://github.com/ggml-org/llama.cpp/blob/master/tools/quantize/README.md",
)

# The intervals cover all twelve measurements above; two models are too few to promise more than this.
_CONFIDENCE = 0.8
_ADDED_LOW, _ADDED_HIGH = 0.5, 1.6
_TYPICAL_VOCABULARY = 128_000


def kv_bytes_per_sequence(
    architecture: Architecture, context_tokens: int, bytes_per_element: int = 2, *, whole_context: bool = False
) -> int:
    """Bytes of the KV cache of one sequence of `context_tokens`.

    A layer with a sliding window keeps min(context, window) tokens, or all of them with `whole_context` (llama.cpp's swa_full, without
    which it cannot reuse a prefix). Sum over layers of KV heads x (key size + value size) x tokens x bytes; arXiv:2211.05102, section 2.
    """
    return sum(
        layer.kv_heads
        * (layer.key_size + layer.value_size)
        * (context_tokens if layer.window is None or whole_context else min(context_tokens, layer.window))
        * bytes_per_element
        for layer in architecture.layers
        if isinstance(layer, AttentionLayer)
    )


def estimate_memory(
    weights: Weights | None, facts: ModelFacts | None, device: Device, load: Load, *, bits_per_weight: float = DOWNLOAD_BITS_PER_WEIGHT
) -> Estimate | Unknown:
    """Bytes that running the model under `load` takes on `device`, from its files, else from its published facts.

    A model that is not on this machine is taken to be downloaded at `bits_per_weight`.
    """
    architecture = _architecture(weights, facts)
    parameters = _parameters(weights, facts)
    files = _file_bytes(weights, parameters, bits_per_weight)
    if files is None:
        return Unknown("neither its files nor its number of parameters are known")
    cache = _cache_bytes(architecture, parameters, load)
    if cache is None:
        return Unknown("its files do not tell how much it keeps for each token of the context")
    added = _added_bytes(architecture, weights, device, load)
    parts = (files, cache, added)
    interval = Interval(sum(p.value for p in parts), sum(p.low for p in parts), sum(p.high for p in parts), _CONFIDENCE)
    return Estimate(interval, "bytes", _ADDED if weights else _DOWNLOADED)


def fits(estimate: Estimate | Unknown, limit_bytes: int) -> Literal["yes", "marginal", "no", "unknown"]:
    """Whether what was estimated stays within `limit_bytes`; "marginal" when the limit lies inside the interval."""
    if isinstance(estimate, Unknown):
        return "unknown"
    if estimate.interval.high <= limit_bytes:
        return "yes"
    return "no" if estimate.interval.low > limit_bytes else "marginal"


def _architecture(weights: Weights | None, facts: ModelFacts | None) -> Architecture | None:
    if weights and weights.architecture:
        return weights.architecture
    return facts.architecture.value if facts and facts.architecture else None


def _parameters(weights: Weights | None, facts: ModelFacts | None) -> int | None:
    if weights and weights.parameters_total:
        return weights.parameters_total
    return facts.parameters_total.value if facts and facts.parameters_total else None


def _file_bytes(weights: Weights | None, parameters: int | None, bits_per_weight: float) -> Interval | None:
    if weights:
        return _exactly(weights.weight_bytes)
    if parameters is None:
        return None
    value = parameters * bits_per_weight / 8
    if bits_per_weight >= 16:
        return _exactly(value)
    high = _SMALL_MODEL_BITS_HIGH if parameters < _SMALL_MODEL_PARAMETERS else _DOWNLOAD_BITS_HIGH
    return Interval(value, value * _DOWNLOAD_BITS_LOW / DOWNLOAD_BITS_PER_WEIGHT, value * high / DOWNLOAD_BITS_PER_WEIGHT, _CONFIDENCE)


def _cache_bytes(architecture: Architecture | None, parameters: int | None, load: Load) -> Interval | None:
    if architecture:
        return _exactly(load.sequences * kv_bytes_per_sequence(architecture, _cells(load), whole_context=True))
    if parameters is None:
        return None
    # At most the cache of a LLaMA-1 of this size (no grouped queries; 12 x layers x width^2 parameters, of which width = 128 x layers,
    # arXiv:2302.13971 table 2), at least nothing (recurrent layers); grouped queries of today keep about a quarter.
    width = (parameters * 128 / 12) ** (1 / 3)
    most = load.sequences * _cells(load) * 4 * width * width / 128
    return Interval(most / 4, 0, most, _CONFIDENCE)


def _exactly(value: float) -> Interval:
    return Interval(value, value, value, _CONFIDENCE)


def _cells(load: Load) -> int:
    """Tokens of context as llama.cpp allocates them: whole steps of 256."""
    return -(-load.context_tokens // _CONTEXT_STEP) * _CONTEXT_STEP


def _added_bytes(architecture: Architecture | None, weights: Weights | None, device: Device, load: Load) -> Interval:
    vocabulary = (architecture.vocabulary_size if architecture else None) or _TYPICAL_VOCABULARY
    hidden_size = architecture.hidden_size if architecture else 4096
    base = _PROCESS_BYTES + _BYTES_PER_VOCABULARY_ENTRY * vocabulary + _BYTES_PER_HIDDEN_ELEMENT * hidden_size
    keys = [layer.key_size for layer in architecture.layers if isinstance(layer, AttentionLayer)] if architecture else []
    key_size = keys[0] if keys else 128
    # Query heads are not part of the facts; width / key size is right for most models and half of the truth for some (Gemma).
    heads = hidden_size / key_size
    scores = 4 * _BATCH_TOKENS * _cells(load) * (heads + _MASKS)
    copy = _rearranged_bytes(weights) if device.kind == "cpu" else 0
    return Interval(base + scores + copy, _ADDED_LOW * base, _ADDED_HIGH * base + 2 * scores + copy, _CONFIDENCE)


def _rearranged_bytes(weights: Weights | None) -> int:
    return sum(group.bytes for group in weights.tensors if group.data_type in _REARRANGED_TYPES) if weights else 0
