"""How fast a model writes, before it has run: every token needs all active weights and the KV cache read once from memory.

The roofline of decoding at batch 1 (arXiv:2211.05102, section 2): tokens/s = efficiency x bandwidth / bytes read per token. The efficiency
is what was measured elsewhere: tokens/s x file bytes / bandwidth over single cards is 0.64 in the median for Llama-3-8B in Q4_K_M, 0.81 in
F16, and 0.32 to 0.53 on an A100 or H100.
"""

from datetime import date

from llmpick.estimate.memory import DOWNLOAD_BITS_PER_WEIGHT, kv_bytes_per_sequence
from llmpick.evidence.device import Device, Load
from llmpick.evidence.model import ModelFacts, Weights
from llmpick.evidence.values import Estimate, Interval, Source, Unknown

_EFFICIENCY, _EFFICIENCY_LOW, _EFFICIENCY_HIGH = 0.64, 0.3, 0.9
_CONFIDENCE = 0.8
_SOURCE = Source(
    "memory bandwidth / bytes read per token, at the efficiency of published llama.cpp measurements",
    url="https://github.com/XiongjieDai/GPU-Benchmarks-on-LLM-Inference",
    checked=date(2026, 11, 24),
)


def estimate_decode_speed(weights: Weights | None, facts: ModelFacts | None, device: Device, load: Load) -> Estimate | Unknown:
    """Tokens per second that one of `load.sequences` sequences receives on `device`.

    A model that is not on this machine is taken in Q4_K_M (4.89 bits per weight). Sequences share the reading of the weights, each reads
    its own KV cache, taken as half full.
    """
    if device.bandwidth_bytes_per_s is None:
        return Unknown(f"the memory bandwidth of {device.name} is not known")
    weight_bytes = _active_bytes(weights, facts)
    if weight_bytes is None:
        return Unknown("neither its files nor its number of parameters are known")
    architecture = (weights.architecture if weights else None) or (facts.architecture.value if facts and facts.architecture else None)
    cache = load.sequences * kv_bytes_per_sequence(architecture, load.context_tokens // 2) if architecture else 0
    at_full_bandwidth = device.bandwidth_bytes_per_s / (weight_bytes + cache)
    interval = Interval(
        _EFFICIENCY * at_full_bandwidth, _EFFICIENCY_LOW * at_full_bandwidth, _EFFICIENCY_HIGH * at_full_bandwidth, _CONFIDENCE
    )
    return Estimate(interval, "tokens/s", _SOURCE)


def _active_bytes(weights: Weights | None, facts: ModelFacts | None) -> float | None:
    """Bytes of the weights that one token uses: all of a dense model, the active share of a mixture of experts."""
    total = facts.parameters_total.value if facts and facts.parameters_total else None
    active = facts.parameters_active.value if facts and facts.parameters_active else total
    if weights:
        return weights.weight_bytes * (active / total if active and total else 1)
    return active * DOWNLOAD_BITS_PER_WEIGHT / 8 if active else None
