"""The safetensors reader on small folders made here, whole and damaged."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from llmpick.evidence.errors import ModelFileError
from llmpick.evidence.model import AttentionLayer, TensorGroup
from llmpick.sources.hf import read_safetensors_folder

LLAMA = {
    "model_type": "llama",
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "hidden_size": 64,
    "intermediate_size": 128,
    "vocab_size": 300,
    "tie_word_embeddings": True,
    "max_position_embeddings": 512,
}
TENSORS = {"model.embed_tokens.weight": ("BF16", (300, 64)), "model.norm.weight": ("F32", (64,))}
SIZES = {"BF16": 2, "F16": 2, "F32": 4, "I32": 4}


def safetensors_bytes(tensors: dict[str, tuple[str, tuple[int, ...]]]) -> bytes:
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    end = 0
    for name, (dtype, shape) in tensors.items():
        start, size = end, SIZES[dtype]
        for dimension in shape:
            size *= dimension
        end = start + size
        header[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [start, end]}
    return framed(json.dumps(header).encode()) + bytes(end)


def framed(header: bytes) -> bytes:
    return len(header).to_bytes(8, "little") + header


WHOLE = safetensors_bytes(TENSORS)


def folder(path: Path, config: Any = LLAMA, weights: bytes = WHOLE, **files: str) -> Path:
    (path / "config.json").write_text(json.dumps(config))
    (path / "model.safetensors").write_bytes(weights)
    for name, content in files.items():
        (path / name.replace("__", ".")).write_text(content)
    return path


def refusal(path: Path) -> ModelFileError:
    with pytest.raises(ModelFileError) as raised:
        read_safetensors_folder(path)
    assert str(path) in raised.value.where
    return raised.value


def test_a_whole_model_is_read(tmp_path: Path):
    weights = read_safetensors_folder(folder(tmp_path, chat_template__jinja="{{ messages }}"))
    assert weights.architecture is not None
    assert weights.architecture.layers == (AttentionLayer(2, 16, 16),) * 2
    assert (weights.architecture.hidden_size, weights.architecture.vocabulary_size) == (64, 300)
    assert (weights.format, weights.quantization, weights.context_tokens) == ("safetensors", "BF16", 512)
    assert weights.parameters_total == 300 * 64 + 64
    assert weights.weight_bytes == len(WHOLE)
    assert weights.tensors == (TensorGroup("embedding", "BF16", 19_200, 38_400), TensorGroup("norm", "F32", 64, 256))
    assert weights.chat_template == "{{ messages }}"


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        (None, None),
        ({"chat_template": "one"}, "one"),
        ({"chat_template": [{"name": "tool_use", "template": "two"}, {"name": "default", "template": "one"}]}, "one"),
        ({"chat_template": None}, None),
    ],
)
def test_the_chat_template_of_the_tokenizer_config(tmp_path: Path, config: Any, expected: str | None):
    extra = {} if config is None else {"tokenizer_config__json": json.dumps(config)}
    assert read_safetensors_folder(folder(tmp_path, **extra)).chat_template == expected


def test_the_decoder_of_a_multimodal_model_is_described(tmp_path: Path):
    weights = read_safetensors_folder(folder(tmp_path, {"model_type": "gemma3", "text_config": LLAMA | {"head_dim": 32}}))
    assert weights.architecture is not None
    assert weights.architecture.layers[0] == AttentionLayer(2, 32, 32)


def test_packed_weights_are_named_and_counted(tmp_path: Path):
    packed = {
        "model.layers.0.mlp.up_proj.qweight": ("I32", (64, 16)),
        "model.layers.0.mlp.up_proj.qzeros": ("I32", (1, 16)),
        "model.layers.0.mlp.up_proj.scales": ("F16", (1, 128)),
    }
    awq = {"quantization_config": {"quant_method": "awq", "bits": 4, "group_size": 64}}
    weights = read_safetensors_folder(folder(tmp_path, LLAMA | awq, safetensors_bytes(packed)))
    assert (weights.quantization, weights.parameters_total) == ("awq-4bit-g64", 64 * 128)
    assert sum(group.bytes for group in weights.tensors) == 64 * 16 * 4 + 16 * 4 + 128 * 2


def test_an_unknown_method_is_named_as_it_names_itself(tmp_path: Path):
    weights = read_safetensors_folder(folder(tmp_path, LLAMA | {"quantization_config": {"quant_method": "quark"}}))
    assert weights.quantization == "quark"


def test_a_copy_of_a_tied_embedding_is_not_counted(tmp_path: Path):
    twice = TENSORS | {"lm_head.weight": ("BF16", (300, 64))}
    weights = read_safetensors_folder(folder(tmp_path, weights=safetensors_bytes(twice)))
    assert weights.parameters_total == 300 * 64 + 64
    apart = read_safetensors_folder(folder(tmp_path, LLAMA | {"tie_word_embeddings": False}, safetensors_bytes(twice)))
    assert apart.parameters_total == 2 * 300 * 64 + 64


def sharded(path: Path, weight_map: Any) -> Path:
    folder(path)
    (path / "model.safetensors").rename(path / "a.safetensors")
    (path / "b.safetensors").write_bytes(WHOLE)
    (path / "model.safetensors.index.json").write_text(json.dumps({"weight_map": weight_map}))
    return path


def test_the_files_of_the_index_are_the_model(tmp_path: Path):
    weights = read_safetensors_folder(sharded(tmp_path, {"embed": "a.safetensors", "norm": "b.safetensors"}))
    assert weights.weight_bytes == 2 * len(WHOLE)


@pytest.mark.parametrize("name", ["../a.safetensors", "/etc/passwd", "sub/a.safetensors", "..", 7])
def test_an_index_cannot_leave_its_folder(tmp_path: Path, name: Any):
    assert "does not name a file of its folder" in refusal(sharded(tmp_path, {"embed": name})).what


def test_a_missing_shard_is_named(tmp_path: Path):
    assert "c.safetensors" in refusal(sharded(tmp_path, {"embed": "c.safetensors"})).where


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"", "not a whole safetensors file"),
        (WHOLE[:100], "not a whole safetensors file"),
        (b"\xff" * 8 + WHOLE[8:], "18446744073709551615 bytes"),
        (WHOLE[:-1], "its tensors end at byte"),
        (WHOLE + b"x", "its tensors end at byte"),
        (framed(b"{not json"), "JSON cannot be read"),
        (framed(b'"' + b"\xff" * 10 + b'"'), "JSON cannot be read"),
        (framed(b"[" * 100_000), "JSON cannot be read"),
        (framed(b"[1, 2]"), "not an object"),
        (framed(b"{}"), "no tensors"),
        (framed(b'{"t": 1}'), "malformed"),
        (framed(b'{"t": {"dtype": "F32", "shape": [1], "data_offsets": [0, "4"]}}') + bytes(4), "malformed"),
        (framed(b'{"t": {"dtype": "F32", "shape": [true], "data_offsets": [0, 4]}}') + bytes(4), "malformed"),
        (framed(b'{"t": {"dtype": "F99", "shape": [1], "data_offsets": [0, 4]}}') + bytes(4), "unknown data type 'F99'"),
        (framed(b'{"t": {"dtype": "F32", "shape": [2], "data_offsets": [0, 4]}}') + bytes(4), "do not fit its shape"),
        (framed(b'{"t": {"dtype": "F32", "shape": [1], "data_offsets": [4, 0]}}') + bytes(4), "do not fit its shape"),
    ],
)
def test_a_damaged_weight_file_is_refused_with_the_reason(tmp_path: Path, content: bytes, what: str):
    assert what in refusal(folder(tmp_path, weights=content)).what


@pytest.mark.parametrize(
    ("config", "what"),
    [
        ("text", "not an object"),
        (LLAMA | {"num_hidden_layers": 10**9}, "layers are too many"),
        (LLAMA | {"num_hidden_layers": "two"}, "num_hidden_layers is 'two'"),
        (LLAMA | {"hidden_size": -1}, "hidden_size is '-1'"),
        (LLAMA | {"max_position_embeddings": -1}, "max_position_embeddings is '-1'"),
    ],
)
def test_a_damaged_config_is_refused_with_the_reason(tmp_path: Path, config: Any, what: str):
    assert what in refusal(folder(tmp_path, config)).what


def test_folders_without_a_model_are_refused(tmp_path: Path):
    assert "no such folder" in refusal(tmp_path / "missing").what
    assert "config.json" in refusal(tmp_path).what
    (tmp_path / "config.json").write_text("{}")
    assert "no safetensors files" in refusal(tmp_path).what


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(at=st.integers(0, 200), value=st.binary(min_size=1, max_size=8), cut=st.integers(0, 200))
def test_a_damaged_file_is_read_or_refused_but_never_crashes(tmp_path: Path, at: int, value: bytes, cut: int):
    path = folder(tmp_path, weights=(WHOLE[:at] + value + WHOLE[at + len(value) :])[: len(WHOLE) - cut])
    try:
        weights = read_safetensors_folder(path)
    except ModelFileError:
        return
    assert weights.weight_bytes == len(WHOLE) - cut
