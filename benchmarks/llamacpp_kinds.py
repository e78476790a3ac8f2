"""Asks llama.cpp what it allocates for every kind of model: python benchmarks/llamacpp_kinds.py [NAME ...].

For each case below a tiny GGUF file is made of its keys alone: llama.cpp is asked to load it, says which key or tensor is missing or
misshapen, and gets it in the next file, until it loads and logs its caches. So the tensors and the caches are its own, not ours. Takes
about 10 s per case; needs xllamacpp. Writes tests/data/llamacpp_kinds.json; with names, only these cases are asked again.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from tiny_models import gguf_bytes

RECORDS = Path(__file__).parents[1] / "tests" / "data" / "llamacpp_kinds.json"
SEQUENCES, CONTEXT, BATCH = 32, 1024, 512
LAYERS, VOCABULARY = 12, 64
_ROUNDS = 200

Keys = dict[str, Any]
Shapes = dict[str, tuple[int, ...]]

_COMMON: Keys = {
    "vocab_size": VOCABULARY,
    "context_length": 32_768,
    "block_count": LAYERS,
    "embedding_length": 64,
    "feed_forward_length": 128,
    "attention.head_count": 4,
    "attention.head_count_kv": 2,
    "attention.layer_norm_rms_epsilon": 1e-5,
    "attention.layer_norm_epsilon": 1e-5,
}
_LATENT: Keys = {
    "attention.q_lora_rank": 24,
    "attention.kv_lora_rank": 32,
    "attention.head_count_kv": 1,
    "attention.key_length": 48,
    "attention.value_length": 32,
    "attention.key_length_mla": 32,
    "attention.value_length_mla": 16,
    "rope.dimension_count": 16,
}
_LATENT_AS_HEADS: Keys = {
    "attention.q_lora_rank": 24,
    "attention.kv_lora_rank": 32,
    "attention.head_count_kv": 4,
    "attention.key_length": 32,
    "attention.value_length": 16,
    "rope.dimension_count": 16,
}
_EXPERTS: Keys = {
    "expert_count": 4,
    "expert_used_count": 2,
    "expert_feed_forward_length": 32,
    "expert_shared_feed_forward_length": 32,
    "expert_shared_count": 1,
    "leading_dense_block_count": 1,
    "expert_weights_scale": 1.0,
    "expert_gating_func": 2,
}
_SSM: Keys = {"ssm.conv_kernel": 4, "ssm.inner_size": 128, "ssm.state_size": 16, "ssm.time_step_rank": 8, "ssm.group_count": 2}
_DELTA: Keys = _SSM | {"ssm.group_count": 4}
_KDA: Keys = _LATENT | _EXPERTS | {"attention.head_count_kv": [0, 0, 0, 1] * 3, "ssm.conv_kernel": 4, "kda.head_dim": 16}
_INDEXER: Keys = {"attention.indexer.head_count": 2, "attention.indexer.key_length": 16, "attention.indexer.top_k": 8}
_WINDOW: Keys = {"attention.sliding_window": 256}
_EVERY_THIRD: Keys = _WINDOW | {"attention.sliding_window_pattern": [True, True, False] * 4}
_EVERY_FOURTH: Keys = {"attention.head_count_kv": [0, 0, 0, 2] * 3}
_DRAFT: Keys = {"block_count": LAYERS + 1, "nextn_predict_layers": 1}
_RWKV: Keys = {"wkv.head_size": 16, "attention.gate_lora_rank": 8}
_SHORT: Keys = _EVERY_FOURTH | {"shortconv.l_cache": 3}
_GEMMA4: Keys = _EVERY_THIRD | {
    "attention.key_length": 32,
    "attention.value_length": 32,
    "attention.key_length_swa": 16,
    "attention.value_length_swa": 16,
    "attention.shared_kv_layers": 3,
}
_DOTS3NOTE: Keys = {
    "attention.kv_lora_rank_swa": 16,
    "attention.key_length_mla_swa": 32,
    "attention.value_length_mla_swa": 8,
    "attention.key_length_swa": 32,
    "attention.value_length_swa": 16,
    "attention.indexer.types": [False, False, True] * 4,
}
_MIMO2: Keys = {
    "attention.head_count_kv": [4, 4, 2] * 4,
    "attention.key_length": 24,
    "attention.value_length": 16,
    "attention.key_length_swa": 16,
    "attention.value_length_swa": 8,
}
_DECI: Keys = {
    "attention.head_count": [4, 0, 4] * 4,
    "attention.head_count_kv": [2, 0, 1] * 4,
    "feed_forward_length": [128, 128, 0] * 4,
}
_FUSED = "time_mix_lerp_fused.weight"

CASES: dict[str, Keys] = {
    # latent attention, and indexers of sparse attention
    "deepseek2": _LATENT | _EXPERTS,
    "deepseek2 of old": _LATENT_AS_HEADS | _EXPERTS,
    "deepseek2 with a draft layer": _LATENT | _EXPERTS | _DRAFT,
    "deepseek32": _LATENT | _EXPERTS | _INDEXER,
    "glm-dsa": _LATENT | _EXPERTS | _INDEXER,
    "glm-dsa with shared indexers": _LATENT | _EXPERTS | _INDEXER | {"attention.indexer.types": [True, False, False, False] * 3},
    "dots3note": _LATENT | _EXPERTS | _INDEXER | _EVERY_THIRD | _DOTS3NOTE,
    "minicpm3": _LATENT_AS_HEADS,
    "minimax-m3": _EXPERTS | _INDEXER | {"leading_dense_block_count": 3, "attention.indexer.key_length": 24},
    # recurrent layers, alone and with attention
    "mamba": _SSM | {"attention.head_count": 0, "attention.head_count_kv": 0, "feed_forward_length": 0},
    "mamba2": _SSM | {"attention.head_count": 0, "attention.head_count_kv": 0, "feed_forward_length": 0},
    "jamba": _SSM | _EVERY_FOURTH,
    "granitehybrid": _SSM | _EVERY_FOURTH,
    "plamo2": _SSM | _EVERY_FOURTH | {"attention.key_length": 16, "attention.value_length": 16},
    "nemotron_h": _SSM | _EVERY_FOURTH | {"feed_forward_length": [0, 128, 0, 0] * 3},
    "nemotron_h_moe": _SSM | _EXPERTS | _EVERY_FOURTH | {"feed_forward_length": [0, 128, 0, 0] * 3},
    "falcon-h1": _SSM,
    "lfm2": _SHORT,
    "lfm2 with a window": _SHORT | _WINDOW,
    "lfm2moe": _SHORT | _EXPERTS,
    "rwkv6": _RWKV,
    "rwkv6 with one shift": _RWKV | {"token_shift_count": 1},
    "rwkv7": _RWKV,
    "rwkv6qwen2": _RWKV,
    "arwkv7": _RWKV,
    "qwen3next": _DELTA | _EXPERTS,
    "qwen35": _DELTA,
    "qwen35 with a draft layer": _DELTA | _DRAFT,
    "qwen35 with an interval": _DELTA | {"full_attention_interval": 3},
    "qwen35 with a list": _DELTA | {"attention.recurrent_layers": [True, True, False] * 4},
    "qwen35moe": _DELTA | _EXPERTS,
    "qwen4exp": _DELTA | _EXPERTS | _INDEXER,
    "minimax-01": _EXPERTS,
    "kimi-linear": _KDA | {"attention.q_lora_rank": None},
    "bailingmoe3": _KDA,
    "glm5-next": _KDA
    | _INDEXER
    | {"rope.dimension_count": 0, "attention.key_length": 32, "attention.indexer.kpool": 4, "hyper_connection.count": 4},
    # sliding windows
    "gemma2": {"attention.sliding_window": None},
    "gemma3": _WINDOW,
    "gemma3 with a period": _WINDOW | {"attention.sliding_window_pattern": 3},
    "gemma3 with a list": _EVERY_THIRD,
    "gemma3n": _WINDOW | {"block_count": 24},
    "gemma4": _GEMMA4,
    "gpt-oss": _WINDOW | _EXPERTS,
    "llama4": _EXPERTS | {"interleave_moe_layer_step": 1},
    "llama4 without windows": _EXPERTS | {"interleave_moe_layer_step": 1, "attention.sliding_window": 0},
    "cohere2": _WINDOW,
    "cohere2moe": _WINDOW | _EXPERTS,
    "exaone4": _WINDOW,
    "exaone4 with 64 layers": _WINDOW | {"block_count": 64},
    "exaone-moe": _WINDOW | _EXPERTS,
    "afmoe": _WINDOW | _EXPERTS,
    "mimo2": _EVERY_THIRD | _EXPERTS | _MIMO2,
    "step35 with a draft layer": _WINDOW | _EXPERTS | _DRAFT | {"attention.sliding_window_pattern": [True, True, False] * 4 + [True]},
    "olmo2": _WINDOW,
    "plamo3": _WINDOW,
    "smallthinker": _WINDOW | _EXPERTS,
    "mellum": _WINDOW | _EXPERTS,
    "granite_swa": _EVERY_THIRD,
    "phi3": _WINDOW,
    # sizes that differ from layer to layer
    "deci": _DECI,
    "openelm": {"attention.head_count": [4, 2, 4] * 4, "attention.head_count_kv": [2, 1, 1] * 4, "feed_forward_length": [128] * 12},
    "glm4moe with a draft layer": _EXPERTS | _DRAFT,
    "qwen2moe": _EXPERTS,
}
_OPTIONAL = {"rwkv6": (_FUSED,), "rwkv6 with one shift": (_FUSED,)}
"""Tensors that llama.cpp calls optional and yet insists on."""
_ASKED_FOR: Keys = {
    "activation.situ_beta": 1.0,
    "attention.clamp_kqv": 1.0,
    "attention.decay_lora_rank": 8,
    "attention.iclr_lora_rank": 8,
    "attention.indexer.block_size": 16,
    "attention.indexer.local_blocks": 1,
    "attention.value_residual_mix_lora_rank": 8,
    "embedding_length_per_layer_input": 8,
    "expert_feed_forward_length": 32,
    "hyper_connection.count": 2,
    "hyper_connection.epsilon": 1e-5,
    "hyper_connection.low_rank": 4,
    "hyper_connection.sinkhorn_iterations": 3,
    "kda.gate_lower_bound": -5.0,
    "logit_scale": 1.0,
    "residual_scale": 1.0,
    "rope.dimension_sections": [2, 2, 2, 2],
    "rope.freq_base_swa": 1e4,
    "time_decay_extra_dim": 8,
    "time_mix_extra_dim": 8,
}
"""Values of keys that llama.cpp misses; none of them has a part in the caches."""

_CHILD = """
import os, sys, time, xllamacpp
sequences, context, batch = map(int, sys.argv[1:4])
for path in sys.argv[4:]:
    params = xllamacpp.CommonParams()
    params.model.path, params.verbosity, params.warmup, params.fit_params = path, 5, False, False
    params.n_ctx, params.n_parallel, params.n_ubatch = sequences * context, sequences, batch
    params.kv_unified, params.use_jinja, params.cache_ram_mib = False, False, 0
    os.write(2, f"\\nFILE {path}\\n".encode())
    try:
        server = xllamacpp.Server(params)
    except RuntimeError:
        server = None
    time.sleep(0.1)  # its log is written by a thread of its own
    del server
os._exit(0)
"""


class Cache(NamedTuple):
    """One cache as logged: MiB of keys and values, or of convolutions and states."""

    kind: str
    layers: int
    first_mib: float
    second_mib: float


class Record(NamedTuple):
    """`tensors` are those outside of layers and, by name within a layer, shape and layers (a string of 0 and 1)."""

    keys: Keys
    tensors: dict[str, Any]
    caches: list[Cache]


def file_of(keys: Mapping[str, Any], shapes: Shapes) -> bytes:
    """The GGUF file with these keys and with tensors of zeros in F32."""
    tensors = [(name, shape, 0, 4 * _product(shape)) for name, shape in shapes.items()]
    return gguf_bytes({key: _typed(value) for key, value in keys.items()}, tensors)


def said(paths: Iterable[Path]) -> list[str]:
    """What llama.cpp logs while it loads each of these files; what follows a crash is missing."""
    command = [sys.executable, "-P", "-c", _CHILD, *map(str, (SEQUENCES, CONTEXT, BATCH)), *map(str, paths)]
    environ = {**os.environ, "GGML_NO_BACKTRACE": "1", "OMP_WAIT_POLICY": "passive"}
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False, env=environ, timeout=600)
    return re.split(r"^FILE .*$", done.stderr, flags=re.MULTILINE)[1:]


def caches_in(log: str) -> list[Cache]:
    """The caches that the engine allocated, in its order."""
    numbers = r"MiB \(\s*\d+ cells,\s*(\d+) layers,.*?(?:K|R) \(\w+\):\s*([\d.]+) MiB, (?:V|S) \(\w+\):\s*([\d.]+) MiB"
    rows = re.finditer(rf"llama_(kv_cache|memory_recurrent): size =\s*[\d.]+ {numbers}", log)
    return [Cache("attention" if row[1] == "kv_cache" else "recurrent", int(row[2]), float(row[3]), float(row[4])) for row in rows]


def ask(name: str) -> Record:
    """The case as llama.cpp completes it. Raises `RuntimeError` with its words where it cannot be completed."""
    architecture = name.partition(" ")[0]
    own = {key: value for key, value in (_COMMON | CASES[name]).items() if value is not None}
    keys: Keys = {"general.architecture": architecture, "tokenizer.ggml.model": "no_vocab"}
    keys |= {f"{architecture}.{key}": value for key, value in own.items()}
    blocks = own["block_count"]
    shapes: Shapes = {"token_embd.weight": (64, VOCABULARY), "output_norm.weight": (64,)}
    shapes |= {f"blk.{layer}.{tensor}": (1,) for tensor in _OPTIONAL.get(name, ()) for layer in range(blocks)}
    log = ""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.gguf"
        for _ in range(_ROUNDS):
            path.write_bytes(file_of(keys, shapes))
            (log,) = said([path])
            if not _complete(log, keys, shapes, architecture, blocks):
                break
    caches = caches_in(log)
    if not caches:
        raise RuntimeError(f"{name}: {[line for line in log.splitlines() if ' E ' in line or 'ASSERT' in line][:2]}")
    return Record(keys, _compact(shapes, blocks), caches)


def shapes_of(record: Mapping[str, Any]) -> Shapes:
    """The tensors of a record, by their full names, in layer order."""
    outside, inside = record["tensors"]["outside"], record["tensors"]["inside"]
    shapes = {name: tuple(shape) for name, shape in outside.items()}
    for layer in range(max((len(where) for _, _, where in inside), default=0)):
        shapes |= {f"blk.{layer}.{name}": tuple(shape) for name, shape, where in inside if where[layer] == "1"}
    return shapes


def _complete(log: str, keys: Keys, shapes: Shapes, architecture: str, blocks: int) -> bool:
    """Does what the log asks for; whether anything was done."""
    if found := re.search(r"key not found in model: (\S+)", log):
        value = _ASKED_FOR.get(found[1].removeprefix(f"{architecture}."))
        if value is None or found[1] in keys:
            return False
        keys[found[1]] = value
        return True
    if found := re.search(r"tensor '([^ ]+)' not found", log):
        _add(found[1], shapes, blocks)
        return True
    if found := re.search(r"tensor '([^ ]+)' has wrong shape; expected\s+([\d, ]+), got", log):
        return _reshape(found[1], tuple(int(size) for size in found[2].split(",")), shapes, blocks)
    if "wrong number of tensors" in log:  # not all layers have what their neighbours have
        loaded = set(re.findall(r"loading tensor (\S+)", log))
        surplus = [name for name in shapes if name not in loaded]
        for name in surplus:
            del shapes[name]
        return bool(surplus)
    return False


def _add(name: str, shapes: Shapes, blocks: int) -> None:
    """The tensor, and in all later layers what this layer and the one before it have: they are mostly alike."""
    layer, tensor = _place(name)
    if layer is None:
        shapes[name] = (1,)
        return
    alike = [shape for other, shape in shapes.items() if _place(other)[1] == tensor]
    for later in range(layer, blocks if layer else 1):
        shapes.setdefault(f"blk.{later}.{tensor}", alike[-1] if alike else (1,))
    if layer and sum(_place(other)[0] == layer for other in shapes) == 1:
        before = [(other, shape) for other, shape in shapes.items() if _place(other)[0] == layer - 1]
        shapes.update({f"blk.{later}.{_place(other)[1]}": shape for other, shape in before for later in range(layer, blocks)})


def _reshape(name: str, shape: tuple[int, ...], shapes: Shapes, blocks: int) -> bool:
    while len(shape) > 1 and shape[-1] == 1:
        shape = shape[:-1]
    if shapes[name] == shape:
        return False
    layer, tensor = _place(name)
    wrong = shapes[name]
    shapes[name] = shape
    for later in range(layer + 1, blocks) if layer is not None else ():
        if shapes.get(f"blk.{later}.{tensor}") == wrong:
            shapes[f"blk.{later}.{tensor}"] = shape
    return True


def _place(name: str) -> tuple[int | None, str]:
    found = re.fullmatch(r"blk\.(\d+)\.(.+)", name)
    return (int(found[1]), found[2]) if found else (None, name)


def _compact(shapes: Shapes, blocks: int) -> dict[str, Any]:
    outside = {name: shape for name, shape in shapes.items() if _place(name)[0] is None}
    kinds = dict.fromkeys((_place(name)[1], shape) for name, shape in shapes.items() if name not in outside)
    inside = [
        (tensor, shape, "".join(str(int(shapes.get(f"blk.{layer}.{tensor}") == shape)) for layer in range(blocks)))
        for tensor, shape in kinds
    ]
    return {"outside": outside, "inside": inside}


def _typed(value: Any) -> tuple[str, Any]:
    if isinstance(value, list):
        return ("[bool]" if isinstance(value[0], bool) else "[i32]"), value
    return {bool: "bool", int: "u32", float: "f32", str: "str"}[type(value)], value


def _product(shape: Iterable[int]) -> int:
    product = 1
    for size in shape:
        product *= size
    return product


def _lines(records: Mapping[str, Any]) -> str:
    """JSON with one record per line, so that a difference can be read."""
    rows = [f"{json.dumps(name)}: {json.dumps(record, separators=(',', ':'))}" for name, record in records.items()]
    return "{\n" + ",\n".join(rows) + "\n}\n"


def main() -> int:
    names = sys.argv[1:] or list(CASES)
    records: dict[str, Any] = json.loads(RECORDS.read_text()) if sys.argv[1:] and RECORDS.exists() else {}
    failed = 0
    for name in names:
        try:
            records[name] = ask(name)._asdict()
        except RuntimeError as error:
            failed += 1
            print(error, file=sys.stderr)
        else:
            print(name, *records[name]["caches"], file=sys.stderr)
    RECORDS.write_text(_lines({name: records[name] for name in CASES if name in records}), encoding="utf-8")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
