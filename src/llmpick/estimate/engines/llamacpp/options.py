"""Load options of llama.cpp by its own names, and what builds of different age do where nothing is said."""

import re

from llmpick.estimate.engine_versions import Checked
from llmpick.evidence.deployment import Deployment, Option
from llmpick.evidence.device import Device

_BATCH, _UBATCH = 2048, 512
OFF_WORDS = ("off", "false", "0", "no", "disabled", "llama_flash_attn_type_disabled")

# Builds (the number in b9272, and the last part of xllamacpp's version) from which on llama.cpp behaves as today.
FUSED_GATE_FROM = 5782  # https://github.com/ggml-org/llama.cpp/pull/14181: gate and input are multiplied into a third vector
FLASH_BY_ITSELF_FROM = 6325  # https://github.com/ggml-org/llama.cpp/pull/15434: flash attention "auto"
FEW_LOGITS_FROM = 9430  # https://github.com/ggml-org/llama.cpp/pull/23861: logits of one token per sequence are reserved


OPTIONS = frozenset({"n_ubatch", "swa_full", "flash_attn", "flash_attn_type", "n_ctx_checkpoints"})
"""The load options that enter the estimate, beside those that `fit` has options of its own for."""
_CHECKED = Checked(None, (11549,), prefix="b")
_FIRST_BUILD = 1000  # builds of the time when GGUF files came (August 2023)


def version_note(version: str | None) -> str | None:
    """What is to be said of an estimate for a build that nobody compared, or a version that names none."""
    if version is None:
        return None
    number = int(build(Deployment("llama.cpp", version)))
    if number < _FIRST_BUILD:
        return f"llama.cpp's versions are builds (b9272, xllamacpp's 2026.10.11549): {version} is taken for one before b{FUSED_GATE_FROM}."
    return _CHECKED.note("llama.cpp", version, (number,))


def engine_options(deployment: Deployment, device: Device, context_tokens: int, sequences: int = 1) -> dict[str, Option]:
    """The load options that `footprint` assumes, by the names of llama.cpp's parameters; what is not named has the engine's default.

    `n_ctx` is shared by all sequences. `flash_attn` is auto, on or off.
    """
    options: dict[str, Option] = {
        "n_ctx": context_tokens * sequences,
        "n_parallel": sequences,
        "n_batch": _BATCH,
        "n_ubatch": _UBATCH,
        "kv_unified": False,
        "swa_full": False,
        "flash_attn": "auto",
    }
    if deployment.kv_type not in ("auto", "f16"):
        options |= {"cache_type_k": deployment.kv_type, "cache_type_v": deployment.kv_type}
    if device.kind == "gpu":
        options["n_gpu_layers"] = -1 if deployment.gpu_layers is None else deployment.gpu_layers
        if deployment.cpu_expert_layers:
            options["n_cpu_moe"] = deployment.cpu_expert_layers
    return options | dict(deployment.options)


def build(deployment: Deployment) -> float:
    """The number of the build: of `b9272`, `9272` or xllamacpp's `2026.10.11549`; infinite where no version is named."""
    numbers = re.findall(r"\d+", deployment.version or "")
    return float(numbers[-1]) if numbers else float("inf")


def ubatch(deployment: Deployment) -> float:
    return float(deployment.option("n_ubatch", _UBATCH))


def flash_attention(deployment: Deployment) -> bool:
    """`auto` uses it on every device since it exists; before, nobody used it who did not ask."""
    word = str(deployment.option("flash_attn", deployment.option("flash_attn_type", "auto"))).lower()
    if word in ("auto", "-1", "llama_flash_attn_type_auto"):
        return build(deployment) >= FLASH_BY_ITSELF_FROM
    return word not in OFF_WORDS
