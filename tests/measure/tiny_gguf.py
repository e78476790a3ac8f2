"""A real GGUF model of 0.3 million parameters, made on the spot: one layer of random weights, a vocabulary of bytes."""

from pathlib import Path
from typing import Any

import gguf
import numpy as np

WIDTH, HEADS, INNER, VOCABULARY, CONTEXT_TOKENS = 256, 4, 256, 260, 512
ATTENTION = ("attn_q", "attn_k", "attn_v", "attn_output")
LAYER: dict[str, dict[str, tuple[int, ...]]] = {
    "llama": {"ffn_norm": (WIDTH,)},
    "granite": {"ffn_norm": (WIDTH,)},
    "command-r": {},
    "gemma2": {"ffn_norm": (WIDTH,), "post_attention_norm": (WIDTH,), "post_ffw_norm": (WIDTH,)},
}
"""Architecture → the norms that a layer has beside the one before its attention."""


def make_tiny_gguf(
    path: Path, *, architecture: str = "llama", output_type: str = "Q8_0", tied: bool = False, keys: dict[str, float] | None = None
) -> Path:
    """Writes the model; `output_type` is that of the output matrix, `keys` are added under the architecture's name."""
    random = np.random.default_rng(0)
    writer = gguf.GGUFWriter(path, architecture)
    writer.add_context_length(CONTEXT_TOKENS)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(1)
    writer.add_feed_forward_length(INNER)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS)
    writer.add_rope_freq_base(10_000.0)
    writer.add_rope_dimension_count(WIDTH // HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_layer_norm_eps(1e-5)
    for key, value in (keys or {}).items():
        writer.add_float32(f"{architecture}.{key}", value)
    _write_vocabulary(writer)
    matrix = "token_embd.weight" if tied else "output.weight"
    if not tied:
        writer.add_tensor("token_embd.weight", _random(random, (VOCABULARY, WIDTH)))
    _add_matrix(writer, matrix, output_type, random)
    writer.add_tensor("output_norm.weight", np.ones(WIDTH, np.float32))
    shapes: dict[str, tuple[int, ...]] = {"attn_norm": (WIDTH,), **LAYER[architecture]}
    shapes |= dict.fromkeys(ATTENTION, (WIDTH, WIDTH)) | {"ffn_gate": (INNER, WIDTH), "ffn_up": (INNER, WIDTH), "ffn_down": (WIDTH, INNER)}
    for name, shape in shapes.items():
        writer.add_tensor(f"blk.0.{name}.weight", np.ones(shape, np.float32) if len(shape) == 1 else _random(random, shape))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _random(random: np.random.Generator, shape: tuple[int, ...]) -> Any:
    return (random.standard_normal(shape) * 0.15).astype(np.float32)


def _add_matrix(writer: gguf.GGUFWriter, name: str, type_name: str, random: np.random.Generator) -> None:
    kind = gguf.GGMLQuantizationType[type_name]
    if type_name.endswith("_K"):
        # The library only reads these: any bytes are weights, once the block's scales are small numbers.
        elements, size = gguf.GGML_QUANT_SIZES[kind]
        stored = random.integers(0, 256, (VOCABULARY, WIDTH // elements, size), dtype=np.uint8)
        scale = np.array([2e-4], np.float16).view(np.uint8)
        places = {"Q6_K": (208,), "Q4_K": (0, 2), "Q5_K": (0, 2)}[type_name]
        for place in places:
            stored[..., place : place + 2] = scale
        data = stored.reshape(VOCABULARY, -1)
    else:
        data = gguf.quants.quantize(_random(random, (VOCABULARY, WIDTH)), kind)
    writer.add_tensor(name, data, raw_dtype=kind)


def _write_vocabulary(writer: gguf.GGUFWriter) -> None:
    """The bytes by GPT-2's names, a beginning, and an end."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    names = {byte: chr(byte) for byte in plain} | {byte: chr(256 + i) for i, byte in enumerate(sorted({*range(256)} - {*plain}))}
    tokens = [names[byte] for byte in range(256)] + ["<s>", "</s>", "th", "<unk>"]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(tokens)
    writer.add_token_types([1] * 256 + [3, 3, 1, 2])
    writer.add_token_merges(["t h"])
    writer.add_bos_token_id(256)
    writer.add_eos_token_id(257)
    writer.add_unk_token_id(259)
    writer.add_add_bos_token(True)
