"""Which constants are fitted, which are shared between classes of devices, and what is believed of them before any row is seen.

A parameter is positive; its prior is normal in its logarithm, with a mean from published or earlier measurements and a standard deviation
that says how far it may move. Thin data leaves it where physics put it.
"""

from typing import NamedTuple


class Parameter(NamedTuple):
    """Prior mean and standard deviation of the logarithm."""

    mean: float
    spread: float


HBM = ("P100", "V100", "A30", "A100", "A800", "H100", "H800", "H20", "H200", "GH200", "B100", "B200", "B300", "GB200", "GB300")
ECC = ("A10", "A10G", "A16", "A2", "A40", "L4", "L20", "L40", "L40S", "T4")
AMPERE = (
    *(
        "P40",
        "GTX 1060",
        "GTX 1070",
        "GTX 1080",
        "GTX 1660",
        "GTX 1650",
        "RTX 2060",
        "RTX 2070",
        "RTX 2080",
        "RTX 3050",
        "RTX 3060",
        "RTX 3070",
        "RTX 3080",
        "RTX 3090",
    ),
    *("RTX A2000", "RTX A4000", "RTX A4500", "RTX A5000", "RTX A5500", "RTX A6000", "Orin", "Quadro", "TITAN"),
)
EARLY_APPLE = ("M1", "M2")

DECODE = {
    # Shares of the rated bandwidth. Vector products of llama.cpp keep GDDR busy; with ECC memory loses 6% or more to its check bits.
    "gddr": Parameter(0.90, 0.04),
    "gddr.new": Parameter(0.93, 0.04),
    "ecc": Parameter(0.83, 0.05),
    "hbm.old": Parameter(0.55, 0.2),
    "hbm": Parameter(0.65, 0.15),
    "apple": Parameter(0.85, 0.06),
    "amd": Parameter(0.70, 0.15),
    # Seconds per layer: about ten kernels of 3 to 8 microseconds; CUDA graphs and fused kernels (2024-2025) took half away.
    "layer.old": Parameter(75e-6, 0.2),
    "layer.old.ampere": Parameter(75e-6, 0.2),
    "layer.ampere": Parameter(58e-6, 0.2),
    "layer.new": Parameter(36e-6, 0.2),
    "layer.hbm": Parameter(60e-6, 0.2),
    "layer.apple.old": Parameter(130e-6, 0.25),
    "layer.apple": Parameter(90e-6, 0.3),
    "layer.amd": Parameter(70e-6, 0.3),
    "experts": Parameter(35e-6, 0.4),
    "experts.apple": Parameter(60e-6, 0.5),
    "recurrent": Parameter(20e-6, 0.4),
    "recurrent.apple": Parameter(40e-6, 0.4),
    "token": Parameter(150e-6, 0.5),
    "cache.old": Parameter(0.35, 0.3),
    "cache": Parameter(0.85, 0.15),
    "cache.apple.old": Parameter(0.35, 0.3),
    "cache.apple": Parameter(0.60, 0.3),
    # Operations to unpack a weight, where the 16-bit rate of the GPU is small for its bandwidth.
    "unpack.apple.old": Parameter(20.0, 0.2),
    "unpack.apple": Parameter(20.0, 0.2),
}

PREFILL = {
    "scaling.old": Parameter(0.6, 0.15),
    "scaling": Parameter(0.85, 0.1),
    "compute.hbm.old": Parameter(0.25, 0.4),
    "compute.ecc.old": Parameter(0.30, 0.4),
    "compute.old": Parameter(0.38, 0.4),
    "compute.hbm": Parameter(0.20, 0.4),
    "compute.ecc": Parameter(0.35, 0.4),
    "compute.ampere": Parameter(0.50, 0.4),
    "compute.new": Parameter(0.50, 0.4),
    "compute.apple": Parameter(0.65, 0.3),
    "compute.amd": Parameter(0.40, 0.4),
    "attention.old": Parameter(0.05, 0.5),
    "attention": Parameter(0.25, 0.5),
    "attention.apple": Parameter(0.20, 0.5),
    "experts.prefill": Parameter(0.35, 0.4),
    "experts.prefill.apple": Parameter(0.60, 0.4),
    "prompt": Parameter(5e-3, 0.7),
}

SERVING = {
    "vllm": Parameter(0.80, 0.03),
    "vllm.cache": Parameter(0.80, 0.05),
    "vllm.token": Parameter(500e-6, 0.5),
    "vllm.layer": Parameter(35e-6, 0.3),
    "vllm.experts": Parameter(60e-6, 0.4),
    "vllm.sequence": Parameter(20e-6, 0.5),
    "vllm.compute": Parameter(0.50, 0.3),
    "vllm.attention": Parameter(0.35, 0.4),
    "vllm.experts.compute": Parameter(0.5, 0.3),
    "vllm.allreduce": Parameter(12e-6, 0.4),
    "vllm.request": Parameter(30e-3, 0.5),
}


class Class(NamedTuple):
    """One entry of the catalog: for what it holds, and which parameter stands for which constant. Numbers are fixed constants."""

    name: str
    engines: tuple[str, ...]
    vendors: tuple[str, ...]
    devices: tuple[str, ...]
    before_build: int | None
    constants: dict[str, str | float]
    family: str
    """Classes of one family share their stated intervals."""


def _nvidia(name: str, devices: tuple[str, ...], old: bool, weight: str, layer: str, compute: str) -> Class:
    constants: dict[str, str | float] = {
        "token_s": "token",
        "layer_s": layer,
        "expert_layer_s": "experts",
        "recurrent_layer_s": "recurrent",
        "weight_efficiency": weight,
        "kv_efficiency": "cache.old" if old else "cache",
        "compute_efficiency": compute,
        "compute_exponent": "scaling.old" if old else "scaling",
        "attention_efficiency": "attention.old" if old else "attention",
        "expert_efficiency": "experts.prefill",
        "prefill_s": "prompt",
        "allreduce_s": 15e-6,
    }
    label = f"llama.cpp, {name}" + (", before build 4000" if old else "")
    return Class(label, ("llama.cpp",), ("nvidia",), devices, 4000 if old else None, constants, "nvidia.old" if old else "nvidia")


def _apple(name: str, devices: tuple[str, ...], old: bool, unpack: str | float) -> Class:
    constants: dict[str, str | float] = {
        "token_s": "token",
        "layer_s": "layer.apple.old" if old else "layer.apple",
        "expert_layer_s": "experts.apple",
        "recurrent_layer_s": "recurrent.apple",
        "weight_efficiency": "apple",
        "kv_efficiency": "cache.apple.old" if old else "cache.apple",
        "unpack_ops": unpack,
        "compute_efficiency": "compute.apple",
        "attention_efficiency": "attention.apple",
        "expert_efficiency": "experts.prefill.apple",
        "prefill_s": "prompt",
    }
    label = f"llama.cpp, {name}" + (", before build 4000" if old else "")
    return Class(label, ("llama.cpp",), ("apple",), devices, 4000 if old else None, constants, "apple")


CLASSES = (
    _nvidia("NVIDIA with HBM", HBM, True, "hbm.old", "layer.old", "compute.hbm.old"),
    _nvidia("NVIDIA with ECC GDDR", ECC, True, "ecc", "layer.old", "compute.ecc.old"),
    _nvidia("NVIDIA up to Ampere", AMPERE, True, "gddr", "layer.old.ampere", "compute.old"),
    _nvidia("NVIDIA from Ada on", (), True, "gddr.new", "layer.old", "compute.old"),
    _nvidia("NVIDIA with HBM", HBM, False, "hbm", "layer.hbm", "compute.hbm"),
    _nvidia("NVIDIA with ECC GDDR", ECC, False, "ecc", "layer.ampere", "compute.ecc"),
    _nvidia("NVIDIA up to Ampere", AMPERE, False, "gddr", "layer.ampere", "compute.ampere"),
    _nvidia("NVIDIA from Ada on", (), False, "gddr.new", "layer.new", "compute.new"),
    _apple("Apple M1 and M2", EARLY_APPLE, True, "unpack.apple.old"),
    _apple("Apple", (), True, 0.0),
    _apple("Apple M1 and M2", EARLY_APPLE, False, "unpack.apple"),
    _apple("Apple", (), False, 0.0),
    Class(
        "llama.cpp, AMD",
        ("llama.cpp",),
        ("amd",),
        (),
        None,
        {
            "token_s": "token",
            "layer_s": "layer.amd",
            "expert_layer_s": "experts",
            "recurrent_layer_s": "recurrent",
            "weight_efficiency": "amd",
            "kv_efficiency": "cache",
            "compute_efficiency": "compute.amd",
            "attention_efficiency": "attention",
            "expert_efficiency": "experts.prefill",
            "prefill_s": "prompt",
            "allreduce_s": 15e-6,
        },
        "amd",
    ),
    Class(
        "vLLM and SGLang, NVIDIA",
        ("vllm", "sglang"),
        ("nvidia",),
        (),
        None,
        {
            "token_s": "vllm.token",
            "layer_s": "vllm.layer",
            "expert_layer_s": "vllm.experts",
            "recurrent_layer_s": 20e-6,
            "sequence_s": "vllm.sequence",
            "weight_efficiency": "vllm",
            "kv_efficiency": "vllm.cache",
            "compute_efficiency": "vllm.compute",
            "attention_efficiency": "vllm.attention",
            "expert_efficiency": "vllm.experts.compute",
            "request_s": "vllm.request",
            "allreduce_s": "vllm.allreduce",
        },
        "serving",
    ),
)

_OTHER_GPU: dict[str, str | float] = {
    "token_s": 200e-6,
    "layer_s": 110e-6,
    "expert_layer_s": 40e-6,
    "recurrent_layer_s": 40e-6,
    "weight_efficiency": 0.6,
    "kv_efficiency": 0.6,
    "compute_efficiency": 0.35,
    "attention_efficiency": 0.15,
    "expert_efficiency": 0.35,
    "prefill_s": 10e-3,
    "request_s": 5e-3,
    "allreduce_s": 20e-6,
}
# Vector units of a core: 2 x 8 lanes x 2 operations at 3 GHz. Two EPYC cores with AVX2 ran SmolLM2-135M at 8.9 ms per token, and 266 tokens
# of prompt in 1.1 s: 1e10 weights unpacked per second and core, 0.3 of the rate.
_CPU: dict[str, str | float] = {
    "token_s": 300e-6,
    "layer_s": 40e-6,
    "expert_layer_s": 30e-6,
    "recurrent_layer_s": 40e-6,
    "weight_efficiency": 0.75,
    "kv_efficiency": 0.5,
    "unpack_ops": 10.0,
    "compute_efficiency": 0.3,
    "attention_efficiency": 0.2,
    "expert_efficiency": 0.7,
    "prefill_s": 5e-3,
    "request_s": 5e-3,
    "core_flops": 96e9,
}
# Python issues every kernel by itself: about 25 of 20 microseconds per layer (arXiv:2407.00079 and others report 20-30 tokens/s for 7B).
_TRANSFORMERS = _OTHER_GPU | {
    "token_s": 2e-3,
    "layer_s": 600e-6,
    "expert_layer_s": 3e-3,
    "recurrent_layer_s": 600e-6,
    "weight_efficiency": 0.7,
}

UNMEASURED = (
    (Class("llama.cpp, CPU", ("llama.cpp",), ("cpu",), (), None, _CPU, "cpu"), (0.6, 0.8)),
    (Class("llama.cpp, other GPUs", ("llama.cpp",), (), (), None, _OTHER_GPU, "other"), (0.6, 1.0)),
    (Class("vLLM and SGLang, other devices", ("vllm", "sglang"), (), (), None, _OTHER_GPU | {"request_s": 30e-3}, "other"), (0.6, 1.0)),
    (Class("transformers, GPUs", ("transformers",), ("nvidia", "amd", "apple", "intel"), (), None, _TRANSFORMERS, "other"), (0.6, 1.0)),
    (Class("transformers, CPU", ("transformers",), (), (), None, _CPU | {"layer_s": 200e-6, "weight_efficiency": 0.5}, "cpu"), (0.8, 1.0)),
)
"""Classes without a row, and the half-widths stated for decode and for prefill: a factor of 1.8 to 2.7 either way."""
