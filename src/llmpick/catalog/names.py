"""Recognises a model behind the many spellings of its name: hub names, file names, the name inside a GGUF file. Pure.

A wrong match is worse than none: only what says nothing about the model (folder, file type, quantisation, who re-uploaded it)
is dropped, so that `X` never becomes `X-Instruct` or `X-it`.
"""

import re

_PART_OF_SPLIT = re.compile(r"-\d{5}-of-\d{5}$")
_FILE_TYPE = re.compile(r"\.(gguf|safetensors|bin)$")
_QUANTIZATION = re.compile(
    r"[-_. ]("
    r"(ud-)?(i1-)?(i?q\d(_[0-9a-z]+)*|tq\d_0|mxfp4(_moe)?|nvfp4)|f16|f32|fp16|bf16|b?float16|fp8|mxfp8|w[48]a(8|16)|int[48]|nf4|"
    r"gguf|ggml|awq|gptq|(gptq|awq)-int4|[48]bit|mlx|imat"
    r")$"
)
_SEPARATORS = re.compile(r"[-_ ]+")


def plain_name(name: str) -> str:
    """The name without what says nothing about the model: both "bartowski/Qwen3-8B-GGUF" and "Qwen3 8B.Q4_K_M.gguf" give "qwen3-8b"."""
    plain = name
    while (plainer := _plainer(plain)) != plain:
        plain = plainer
    return plain


def _plainer(name: str) -> str:
    base = re.split(r"[/\\]", name.strip().lower().partition("@")[0])[-1]
    stem = _PART_OF_SPLIT.sub("", _FILE_TYPE.sub("", base))
    return _SEPARATORS.sub("-", _QUANTIZATION.sub("", stem)).strip("-")
