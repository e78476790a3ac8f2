"""The GGUF reader against the `gguf` library on real files, on files made here, and on files that were damaged."""

import os
import random
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fuzz_gguf import damaged, fuzz
from llmpick.evidence.errors import ModelFileError
from llmpick.evidence.model import Architecture, AttentionLayer, RecurrentLayer, Weights
from llmpick.sources.gguf import read_gguf
from llmpick.sources.gguf.types import FILE_TYPES, TENSOR_TYPES
from tiny_models import TINY_TENSORS, gguf_bytes, tiny_values


def written(folder: Path, content: bytes, name: str = "model.gguf") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def tiny(folder: Path, **changes: tuple[str, Any] | None) -> Weights:
    return read_gguf(written(folder, gguf_bytes(tiny_values(**changes), TINY_TENSORS)))


def refusal(path: Path) -> ModelFileError:
    with pytest.raises(ModelFileError) as raised:
        read_gguf(path)
    assert str(path.parent) in raised.value.where
    assert raised.value.remedy
    return raised.value


# The tables of the format


def test_block_sizes_are_those_of_the_gguf_library():
    import gguf

    theirs = {int(code): (code.name, *sizes) for code, sizes in gguf.GGML_QUANT_SIZES.items()}
    assert {code: tuple(block) for code, block in TENSOR_TYPES.items()} == theirs


def test_recipe_names_are_those_of_the_gguf_library():
    import gguf

    theirs = {int(code): code.name.removeprefix("MOSTLY_").removeprefix("ALL_") for code in gguf.LlamaFileType if code.name != "GUESSED"}
    assert theirs == FILE_TYPES


# Real models


def test_smollm2_is_read_as_the_gguf_library_reads_it(smollm2_path: Path):
    import gguf

    reader = gguf.GGUFReader(smollm2_path)
    weights = read_gguf(smollm2_path)

    def value(key: str) -> Any:
        field = reader.get_field(key)
        assert field is not None
        return field.contents()

    assert weights.architecture is not None
    assert (weights.name, weights.licence, list(weights.languages or ())) == tuple(
        value(f"general.{key}") for key in ("name", "license", "languages")
    )
    assert weights.chat_template == value("tokenizer.chat_template")
    assert weights.context_tokens == value("llama.context_length")
    assert weights.architecture.vocabulary_size == len(value("tokenizer.ggml.tokens"))
    assert weights.architecture.hidden_size == value("llama.embedding_length")
    assert weights.architecture.layers == (AttentionLayer(value("llama.attention.head_count_kv"), 64, 64),) * value("llama.block_count")
    assert weights.quantization == "Q4_1"
    assert weights.parameters_total == sum(int(tensor.n_elements) for tensor in reader.tensors)
    assert sum(group.bytes for group in weights.tensors) == sum(int(tensor.n_bytes) for tensor in reader.tensors)
    assert weights.weight_bytes == smollm2_path.stat().st_size


def test_gemma_is_read_with_its_sliding_windows(gemma_path: Path):
    """The library needs 14 s for this file, so its values stand here; they were compared once."""
    weights = read_gguf(gemma_path)
    full = AttentionLayer(kv_heads=1, key_size=256, value_size=256)
    local = replace(full, window=512)
    assert weights.architecture is not None
    assert weights.architecture.layers == ((local,) * 5 + (full,)) * 3
    assert (weights.architecture.name, weights.architecture.hidden_size, weights.architecture.vocabulary_size) == ("gemma3", 640, 262_144)
    assert (weights.quantization, weights.context_tokens, weights.parameters_total) == ("Q4_K_M", 32_768, 268_098_176)
    assert (weights.licence, weights.languages, weights.chat_template) == ("gemma", None, None)
    assert (weights.tensors[0].role, weights.tensors[0].data_type, weights.tensors[0].bytes) == ("embedding", "Q8_0", 178_257_920)
    assert sum(group.bytes for group in weights.tensors if group.data_type == "Q8_0") == 179_824_640
    assert weights.merges == 0


def test_the_header_of_a_vocabulary_of_262144_is_read_in_half_a_second(gemma_path: Path):
    start = time.process_time()
    read_gguf(gemma_path)
    assert time.process_time() - start < 0.5


@pytest.mark.parametrize("kept", [3, 100, 1_000_000, 50_000_000])
def test_a_real_model_that_was_cut_off_is_refused(smollm2_path: Path, tmp_path: Path, kept: int):
    path = tmp_path / "cut.gguf"
    with smollm2_path.open("rb") as whole:
        path.write_bytes(whole.read(min(kept, 4_000_000)))
    os.truncate(path, kept)  # what was not copied is never looked at
    error = refusal(path)
    assert "download" in error.remedy or kept < 4


# What a file says about itself


def test_a_tiny_model_is_read(tmp_path: Path):
    weights = tiny(tmp_path)
    assert weights.architecture is not None
    assert weights.architecture.layers == (AttentionLayer(2, 16, 16), AttentionLayer(1, 16, 16))
    assert weights.architecture.vocabulary_size == 300
    assert weights.parameters_total == 64 * 300 + 64 * 64 + 64
    assert tuple((group.data_type, group.bytes) for group in weights.tensors) == (("F16", 38_400), ("Q8_0", 4_352), ("F32", 256))
    assert (weights.quantization, weights.languages) == ("F16", ("en", "zh"))


def test_without_a_recipe_the_type_of_most_bytes_names_the_quantisation(tmp_path: Path):
    assert tiny(tmp_path, general__file_type=None).quantization == "F16"
    assert tiny(tmp_path, general__file_type=("u32", 1024)).quantization == "F16"


def sliding(folder: Path, name: str, layers: int, **more: tuple[str, Any]) -> list[int | None]:
    """The windows of a model of this architecture with `layers` layers and the given keys."""
    keys = {
        "block_count": ("u32", layers),
        "embedding_length": ("u32", 64),
        "attention.head_count": ("u32", 4),
        "attention.sliding_window": ("u32", 128),
    } | {f"attention.{key}": value for key, value in more.items()}
    values = {"general.architecture": ("str", name)} | {f"{name}.{key}": value for key, value in keys.items()}
    weights = read_gguf(written(folder, gguf_bytes(values, TINY_TENSORS)))
    assert weights.architecture is not None
    return [layer.window for layer in weights.architecture.layers if isinstance(layer, AttentionLayer)]


@pytest.mark.parametrize(
    ("name", "more", "windows"),
    [
        ("gemma2", {}, [128, None] * 3),
        ("gemma3", {}, [128, 128, 128, 128, 128, None]),
        ("gpt-oss", {}, [128, None] * 3),
        ("cohere2", {}, [128, 128, 128, None, 128, 128]),
        ("gemma3", {"sliding_window": ("u32", 0)}, [None] * 6),
        ("gemma3", {"sliding_window_pattern": ("u32", 2)}, [128, None] * 3),
        ("gemma4", {"sliding_window_pattern": ("[bool]", [True, False, True, False, True, False])}, [128, None] * 3),
        ("gemma4", {"sliding_window_pattern": ("[bool]", [True, False] * 3), "shared_kv_layers": ("u32", 4)}, [128, None]),
        ("phi3", {}, [None] * 6),  # llama.cpp switches the window of this architecture off
        ("no-such-architecture", {}, [None] * 6),
    ],
)
def test_which_layers_slide(tmp_path: Path, name: str, more: dict[str, tuple[str, Any]], windows: list[int | None]):
    assert sliding(tmp_path, name, 6, **more) == windows


def keys_only(folder: Path, name: str, **keys: tuple[str, Any]) -> Architecture | None:
    """The architecture of a file of this name; keys without their prefix."""
    dropped = {key: None for key in tiny_values() if key.startswith("llama.")}
    values = {key: value for key, value in tiny_values().items() if key not in dropped}
    values |= {"general.architecture": ("str", name), **{f"{name}.{key.replace('__', '.')}": value for key, value in keys.items()}}
    return read_gguf(written(folder, gguf_bytes(values, TINY_TENSORS))).architecture


def u32(**numbers: int) -> dict[str, tuple[str, Any]]:
    return {key: ("u32", value) for key, value in numbers.items()}


DEEPSEEK_V2_LITE = u32(block_count=27, embedding_length=2048, attention__head_count=16, attention__kv_lora_rank=512)


def test_latent_attention_keeps_its_latent_vector_or_in_old_files_all_heads(tmp_path: Path):
    """A load of DeepSeek-V2-Lite from before the newer keys took 8,640 MiB at 32,768 tokens."""
    heads = u32(attention__head_count_kv=16, attention__key_length=192, attention__value_length=128)
    old = keys_only(tmp_path, "deepseek2", **DEEPSEEK_V2_LITE, **heads)
    assert old is not None
    assert set(old.layers) == {AttentionLayer(16, 192, 128)}
    assert len(old.layers) * 16 * (192 + 128) * 2 * 32_768 == 8640 * 2**20
    latent = u32(attention__head_count_kv=1, attention__key_length=576, attention__value_length=512, attention__key_length_mla=192)
    new = keys_only(tmp_path, "deepseek2", **DEEPSEEK_V2_LITE, **latent)
    assert new is not None
    assert new.layers == (AttentionLayer(1, 576, 0, latent=True),) * 27


def test_a_hybrid_keeps_states_and_every_fourth_cache(tmp_path: Path):
    """Loads of Qwen3.6-27B: 149.62 MiB of state for each sequence, 2,048 MiB of cache at 32,768 tokens."""
    attention = u32(attention__head_count=24, attention__head_count_kv=4, attention__key_length=256, attention__value_length=256)
    state = u32(ssm__conv_kernel=4, ssm__state_size=128, ssm__group_count=16, ssm__time_step_rank=48, ssm__inner_size=6144)
    found = keys_only(tmp_path, "qwen35", **u32(block_count=65, nextn_predict_layers=1, embedding_length=5120), **attention, **state)
    assert found is not None
    states = [layer for layer in found.layers if isinstance(layer, RecurrentLayer)]
    assert round(sum(4 * (layer.state_elements + layer.convolution_elements) for layer in states) / 2**20, 2) == 149.62
    assert [index for index, layer in enumerate(found.layers) if isinstance(layer, AttentionLayer)] == list(range(3, 64, 4))
    assert 16 * 4 * (256 + 256) * 2 * 32_768 == 2048 * 2**20


@pytest.mark.parametrize(
    ("name", "keys", "kinds"),
    [
        ("mamba", u32(ssm__conv_kernel=4, ssm__state_size=16, ssm__inner_size=128), "RR"),
        ("rwkv7", u32(wkv__head_size=64, token_shift_count=1), "RR"),
        ("lfm2", {**u32(shortconv__l_cache=3, attention__head_count=4), "attention__head_count_kv": ("[i32]", [0, 2])}, "RA"),
        ("falcon-h1", u32(ssm__conv_kernel=4, ssm__state_size=8, ssm__inner_size=64, attention__head_count=4), "RARA"),
    ],
)
def test_which_layers_keep_a_state(tmp_path: Path, name: str, keys: dict[str, tuple[str, Any]], kinds: str):
    found = keys_only(tmp_path, name, **u32(block_count=2, embedding_length=64), **keys)
    assert found is not None
    assert "".join("R" if isinstance(layer, RecurrentLayer) else "A" for layer in found.layers) == kinds


def test_layers_that_draft_keep_no_cache_and_are_set_apart(tmp_path: Path):
    values = tiny_values(llama__block_count=("u32", 3), llama__nextn_predict_layers=("u32", 1))
    tensors = [*TINY_TENSORS, ("blk.2.attn_q.weight", (64, 64), 8, 4_352), ("blk.2.nextn.eh_proj.weight", (128, 64), 8, 8_704)]
    weights = read_gguf(written(tmp_path, gguf_bytes(values, tensors)))
    assert weights.architecture is not None
    assert (weights.architecture.blocks, len(weights.architecture.layers)) == (3, 2)
    assert [(group.tensors, group.bytes) for group in weights.tensors if group.role == "draft"] == [(2, 13_056)]


@pytest.mark.parametrize("state", ["llama.ssm.conv_kernel", "llama.attention.compress_ratios", "llama.wkv.head_size"])
def test_a_kind_of_layer_that_is_not_known_is_not_guessed(tmp_path: Path, state: str):
    assert tiny(tmp_path, **{state.replace(".", "__"): ("u32", 4)}).architecture is None


def test_layers_without_kv_heads_keep_no_cache(tmp_path: Path):
    architecture = tiny(tmp_path, llama__attention__head_count_kv=("[i32]", [0, 3])).architecture
    assert architecture is not None
    assert architecture.layers == (AttentionLayer(3, 16, 16),)


# Split models


def parts(folder: Path, count: int) -> list[Path]:
    paths = []
    for number in range(count):
        split = {"split.no": ("u32", number), "split.count": ("u32", count), "split.tensors.count": ("i32", len(TINY_TENSORS))}
        values = (tiny_values() if number == 0 else {}) | split
        paths.append(written(folder, gguf_bytes(values, TINY_TENSORS[number : number + 1]), f"m-{number + 1:05d}-of-{count:05d}.gguf"))
    return paths


@pytest.mark.parametrize("named", [0, 2])
def test_a_split_model_counts_all_its_parts_whichever_is_named(tmp_path: Path, named: int):
    paths = parts(tmp_path, 3)
    weights = read_gguf(paths[named])
    assert weights.path == paths[0]
    assert weights.weight_bytes == sum(path.stat().st_size for path in paths)
    assert weights.parameters_total == 64 * 300 + 64 * 64 + 64


def test_a_missing_part_is_named(tmp_path: Path):
    paths = parts(tmp_path, 3)
    paths[1].unlink()
    error = refusal(paths[0])
    assert "part 2 of 3" in error.what
    assert error.where == str(paths[1])


def test_a_part_of_another_model_is_noticed(tmp_path: Path):
    paths = parts(tmp_path, 3)
    paths[2].write_bytes(paths[1].read_bytes())
    assert "part 1 (from 0) of 3" in refusal(paths[0]).what


def test_a_renamed_part_is_noticed(tmp_path: Path):
    renamed = parts(tmp_path, 3)[0].rename(tmp_path / "model.gguf")
    assert "names they were published with" in refusal(renamed).remedy


# What is refused, and how

WHOLE = gguf_bytes(tiny_values(), TINY_TENSORS)


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"", "empty"),
        (b"hello, I am a text file", "not a GGUF file"),
        (bytes(1000), "not a GGUF file"),
        (b"<!DOCTYPE html><html></html>", "web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00", "Git LFS pointer"),
        (b"PK\x03\x04rest", "ZIP"),
        (b"tjgg" + bytes(100), "before GGUF"),
        (gguf_bytes(tiny_values(), TINY_TENSORS, version=1), "version 1"),
        (gguf_bytes(tiny_values(), TINY_TENSORS, version=0x03000000), "big-endian"),
        (gguf_bytes(tiny_values(), TINY_TENSORS, version=9_999_999), "unknown format version"),
        (b"GGUF", "a number needs 4 bytes, 0 are left"),
        (WHOLE[:400], "bytes"),
        (WHOLE[:-100], "cut off: the data of 'output_norm.weight' end at byte"),
        (WHOLE[:8] + b"\xff" * 8 + WHOLE[16:], "18446744073709551615 tensors"),
        (WHOLE[:16] + b"\xff" * 8 + WHOLE[24:], "18446744073709551615 keys"),
        (WHOLE[:16] + (4000).to_bytes(8, "little") + WHOLE[24:], ""),
        (WHOLE[:24] + b"\xff" * 8 + WHOLE[32:], "a key takes 18446744073709551615 bytes"),
        (gguf_bytes(tiny_values(), []), "no tensors"),
        (gguf_bytes(tiny_values(), [("t", (64, 2), 99, 0)]), "data type 99"),
        (gguf_bytes(tiny_values(), [("t", (31, 2), 8, 68)]), "not whole blocks of 32"),
        (gguf_bytes(tiny_values(), [("t", (2**40, 2**40), 0, 4)]), "cut off"),
        (gguf_bytes(tiny_values(general__alignment=("u32", 24)), TINY_TENSORS), "alignment is 24"),
        (gguf_bytes(tiny_values(general__alignment=("u32", 0)), TINY_TENSORS), "alignment is 0"),
        (gguf_bytes(tiny_values(general__type=("str", "adapter")), TINY_TENSORS), "adapter"),
        (gguf_bytes(tiny_values(general__architecture=("str", "clip")), TINY_TENSORS), "vision part"),
        (gguf_bytes(tiny_values(general__architecture=None), TINY_TENSORS), "architecture"),
        (gguf_bytes(tiny_values(llama__block_count=("u32", 0)), TINY_TENSORS), "no layers"),
        (gguf_bytes(tiny_values(llama__block_count=("u32", 2**32 - 1)), TINY_TENSORS), "whole number from 0 to 1024"),
        (gguf_bytes(tiny_values(llama__block_count=("str", "two")), TINY_TENSORS), "block_count is 'two'"),
        (gguf_bytes(tiny_values(llama__context_length=("u32", 0)), TINY_TENSORS), "context_length is 0"),
        (gguf_bytes(tiny_values(llama__context_length=("u32", 2**32 - 1)), TINY_TENSORS), "context_length is 4294967295"),
        (gguf_bytes(tiny_values(llama__attention__head_count_kv=("[i32]", [1])), TINY_TENSORS), "one number for each of the 2 layers"),
        (gguf_bytes(tiny_values(llama__attention__head_count_kv=("[i32]", [1, -5])), TINY_TENSORS), "one number for each"),
        (gguf_bytes(tiny_values(tokenizer__chat_template=("u32", 1)), TINY_TENSORS), "not a string"),
    ],
)
def test_what_is_not_a_whole_model_is_refused_with_the_reason(tmp_path: Path, content: bytes, what: str):
    assert what in refusal(written(tmp_path, content)).what


def test_a_key_that_stands_there_twice_is_refused(tmp_path: Path):
    content = gguf_bytes(tiny_values(general__nam2=("str", "Tiny")), TINY_TENSORS).replace(b"general.nam2", b"general.name")
    assert "'general.name' stands there twice" in refusal(written(tmp_path, content)).what


def test_folders_and_missing_files_are_refused(tmp_path: Path):
    assert "folder" in refusal(tmp_path).what
    assert "no such file" in refusal(tmp_path / "missing.gguf").what
    os.mkfifo(tmp_path / "pipe.gguf")
    assert "no such file" in refusal(tmp_path / "pipe.gguf").what


def test_names_from_the_file_cannot_write_to_the_terminal(tmp_path: Path):
    path = written(tmp_path, gguf_bytes(tiny_values(), [("\x1b[2Jt" + "x" * 5000, (64, 2), 99, 0)]))
    error = refusal(path)
    assert "\x1b" not in error.what
    assert len(error.what) < 300


# Properties


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    layers=st.integers(1, 40),
    heads=st.integers(1, 16),
    kv_heads=st.integers(1, 8),
    vocabulary=st.integers(1, 600),
    name=st.text(min_size=1, max_size=20).filter(lambda text: "\0" not in text and text.isprintable()),
    rows=st.integers(1, 50),
    version_two=st.booleans(),
)
def test_what_the_gguf_library_writes_is_read_back(
    tmp_path: Path, layers: int, heads: int, kv_heads: int, vocabulary: int, name: str, rows: int, version_two: bool
):
    import gguf
    import numpy as np

    path = tmp_path / "written.gguf"
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_name(name)
    writer.add_block_count(layers)
    writer.add_embedding_length(heads * 8)
    writer.add_head_count(heads)
    writer.add_head_count_kv([kv_heads] * layers)
    writer.add_context_length(4096)
    writer.add_token_list([f"t{index}" for index in range(vocabulary)])
    writer.add_tensor("token_embd.weight", np.zeros((rows, 32), dtype=np.float16))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    if version_two:
        path.write_bytes(path.read_bytes().replace(b"GGUF\x03", b"GGUF\x02", 1))
    weights = read_gguf(path)
    assert weights.architecture is not None
    assert weights.name == name
    assert weights.architecture.layers == (AttentionLayer(kv_heads, 8, 8),) * layers
    assert weights.architecture.vocabulary_size == vocabulary
    assert weights.parameters_total == rows * 32
    assert weights.weight_bytes == path.stat().st_size


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32), cut=st.integers(0, len(WHOLE)))
def test_a_damaged_file_is_read_or_refused_but_never_crashes(tmp_path: Path, seed: int, cut: int):
    for content in (damaged(WHOLE, random.Random(seed)), WHOLE[:cut]):
        path = written(tmp_path, content)
        with suppress(ModelFileError):
            assert read_gguf(path).weight_bytes == len(content)


def test_fifteen_hundred_damaged_files(tmp_path: Path):
    """The small form of `benchmarks/fuzz_gguf.py`."""
    report = fuzz(1_500, seed=7, folder=tmp_path)
    assert report.unexpected == []
    assert report.ends["refused"] > 1_000
    assert report.ends["read"] > 30
    assert report.slowest_s < 2.0
    assert report.peak_growth_bytes < 200 * 2**20


@pytest.mark.parametrize("kind", ["[str]", "[u8]"])
def test_counts_beyond_the_file_take_neither_time_nor_memory(tmp_path: Path, kind: str):
    content = gguf_bytes(tiny_values(tokenizer__ggml__tokens=(kind, [])), TINY_TENSORS)
    at = content.index(b"tokenizer.ggml.tokens") + len("tokenizer.ggml.tokens") + 8
    for count in (10**6, 2**40, 2**64 - 1):
        start = time.process_time()
        refusal(written(tmp_path, content[:at] + count.to_bytes(8, "little") + content[at + 8 :]))
        assert time.process_time() - start < 0.2
