"""Every kind of layer: what the reader says that a model keeps, against what llama.cpp allocates for the same file.

`tests/data/llamacpp_kinds.json` has, for each kind, the keys and tensors of a tiny model and the caches that llama.cpp logged
(benchmarks/llamacpp_kinds.py made it). The installed llama.cpp is asked again, in one process for all of them.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from llamacpp_cases import CASES
from llamacpp_kinds import BATCH, CONTEXT, RECORDS, SEQUENCES, caches_in, file_of, said, shapes_of
from llmpick.evidence.model import Architecture, AttentionLayer, RecurrentLayer
from llmpick.sources.gguf import read_gguf
from llmpick.sources.gguf.roles import role_of

KINDS: dict[str, Any] = json.loads(RECORDS.read_text(encoding="utf-8"))
MIB = 2**20
ROUNDING = 0.0051  # the engine logs two decimals


def written(folder: Path, name: str) -> Path:
    path = folder / f"{name}.gguf"
    path.write_bytes(file_of(KINDS[name]["keys"], shapes_of(KINDS[name])))
    return path


def architecture_of(folder: Path, name: str) -> Architecture:
    architecture = read_gguf(written(folder, name)).architecture
    assert architecture is not None
    return architecture


def expected_mib(architecture: Architecture) -> tuple[float, float, float, float]:
    """MiB of keys, values, convolutions and states, with the sequences and the context of the records, F16 keys and values."""
    keys = values = convolutions = states = 0
    for layer in architecture.layers:
        if isinstance(layer, RecurrentLayer):
            convolutions += 4 * SEQUENCES * layer.convolution_elements
            states += 4 * SEQUENCES * layer.state_elements
        else:
            cells = CONTEXT if layer.window is None else min(CONTEXT, -(-(layer.window + BATCH) // 256) * 256)
            keys += 2 * SEQUENCES * cells * layer.kv_heads * layer.key_size
            values += 2 * SEQUENCES * cells * layer.kv_heads * layer.value_size
    return keys / MIB, values / MIB, convolutions / MIB, states / MIB


def logged_mib(caches: Sequence[Sequence[Any]]) -> tuple[float, ...]:
    attention = [cache for cache in caches if cache[0] == "attention"]
    recurrent = [cache for cache in caches if cache[0] == "recurrent"]
    return tuple(sum(cache[part] for cache in kind) for kind in (attention, recurrent) for part in (2, 3))


def test_every_case_is_recorded():
    assert set(KINDS) == set(CASES)


@pytest.mark.parametrize("name", KINDS)
def test_a_kind_keeps_what_llamacpp_allocated(tmp_path: Path, name: str):
    caches = KINDS[name]["caches"]
    assert expected_mib(architecture_of(tmp_path, name)) == pytest.approx(logged_mib(caches), abs=ROUNDING * len(caches))


@pytest.mark.parametrize("name", KINDS)
def test_all_tensors_of_the_layers_have_a_role(tmp_path: Path, name: str):
    weights = read_gguf(written(tmp_path, name))
    assert sum(group.tensors for group in weights.tensors) == len(shapes_of(KINDS[name]))
    assert sum(group.elements for group in weights.tensors) == weights.parameters_total
    roles = {group.role for group in weights.tensors}
    assert {role_of(name) for name in shapes_of(KINDS[name]) if name.startswith("blk.")} <= roles - {"other"}
    assert weights.architecture is not None
    assert ("recurrent" in roles) <= any(isinstance(layer, RecurrentLayer) for layer in weights.architecture.layers)
    assert ("attention" in roles) >= any(isinstance(layer, AttentionLayer) for layer in weights.architecture.layers)
    assert ("experts" in roles) <= (weights.architecture.experts is not None)
    assert ("draft" in roles) == ("draft" in name)


def test_the_installed_llamacpp_still_allocates_the_same(tmp_path: Path):
    """Of some kinds the end of the log is lost (see `said`): what is there must agree, and of most kinds all must be there."""
    pytest.importorskip("xllamacpp", reason="xllamacpp is not installed")
    names = list(KINDS)[::2]  # half of them, for the time it takes
    logs = said(written(tmp_path, name) for name in names)
    found = {name: [list(cache) for cache in caches_in(log)] for name, log in zip(names, logs, strict=True)}
    assert found == {name: KINDS[name]["caches"][: len(caches)] for name, caches in found.items()}
    assert sum(found[name] == KINDS[name]["caches"] for name in names) > 0.7 * len(names)


def test_deepseek_v4_keeps_recent_tokens_compressed_ones_and_a_state(tmp_path: Path):
    """llama.cpp logged 9.00 + 12.00 + 3.00 MiB of caches and 0.19 + 1.50 + 0.05 MiB of states for such a model at 16,384 tokens."""
    keys = {
        "general.architecture": "deepseek4",
        "deepseek4.block_count": 12,
        "deepseek4.embedding_length": 64,
        "deepseek4.attention.head_count": 4,
        "deepseek4.attention.head_count_kv": 1,
        "deepseek4.attention.key_length": 512,
        "deepseek4.attention.sliding_window": 256,
        "deepseek4.attention.indexer.key_length": 128,
        "deepseek4.attention.compress_ratios": [0, 0, 4, 128] * 3,
    }
    path = tmp_path / "deepseek4.gguf"
    path.write_bytes(file_of(keys, {"token_embd.weight": (64, 64)}))
    architecture = read_gguf(path).architecture
    assert architecture is not None
    attention = [layer for layer in architecture.layers if isinstance(layer, AttentionLayer)]
    recent = sum(layer.key_size for layer in attention if layer.window == 256)
    compressed = sum(layer.key_size for layer in attention if layer.window is None)
    states = sum(layer.state_elements for layer in architecture.layers if isinstance(layer, RecurrentLayer))
    assert recent * 2 * (256 + 512) / MIB == 9.0
    assert compressed * 2 * 16_384 / MIB == 12.0 + 3.0 + 0.375  # of the cache for ratio 128 llama.cpp rounds 128 cells up to 256
    assert states * 4 / MIB == pytest.approx(0.19 + 1.50 + 0.05, abs=3 * ROUNDING)
