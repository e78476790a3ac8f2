"""Asks llama.cpp what it allocates for every kind of model: python benchmarks/llamacpp_kinds.py [NAME ...].

For each case of `llamacpp_cases.py` a tiny GGUF file is made of its keys alone: llama.cpp is asked to load it, says which key or tensor is
missing or misshapen, and gets it in the next file, until it loads and logs its caches. So the tensors and the caches are its own, not ours.
Takes about 10 s per case; needs xllamacpp. Writes tests/data/llamacpp_kinds.json; with names, only these cases are asked again.
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

from llamacpp_cases import ASKED_FOR, CASES, COMMON, OPTIONAL, VOCABULARY, Keys
from tiny_models import gguf_bytes

RECORDS = Path(__file__).parents[1] / "tests" / "data" / "llamacpp_kinds.json"
SEQUENCES, CONTEXT, BATCH = 32, 1024, 512
_ROUNDS = 200

Shapes = dict[str, tuple[int, ...]]

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
    """What llama.cpp logs while it loads each of these files.

    Files without optional tensors can make it crash when it plans its first graph, after it has made its caches. A thread of its own writes
    the log, so that of such a file may lack its last lines.
    """
    left, logs = list(paths), list[str]()
    environ = {**os.environ, "GGML_NO_BACKTRACE": "1", "OMP_WAIT_POLICY": "passive"}
    while left:
        command = [sys.executable, "-P", "-c", _CHILD, *map(str, (SEQUENCES, CONTEXT, BATCH)), *map(str, left)]
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False, env=environ, timeout=600)
        found = re.split(r"^FILE .*$", done.stderr, flags=re.MULTILINE)[1:]
        if not found:
            raise RuntimeError(f"xllamacpp did not start: {done.stderr[-300:]}")
        logs += found
        left = left[len(found) :]
    return logs


def caches_in(log: str) -> list[Cache]:
    """The caches that the engine allocated, in its order."""
    numbers = r"MiB \(\s*\d+ cells,\s*(\d+) layers,.*?(?:K|R) \(\w+\):\s*([\d.]+) MiB, (?:V|S) \(\w+\):\s*([\d.]+) MiB"
    rows = re.finditer(rf"llama_(kv_cache|memory_recurrent): size =\s*[\d.]+ {numbers}", log)
    return [Cache("attention" if row[1] == "kv_cache" else "recurrent", int(row[2]), float(row[3]), float(row[4])) for row in rows]


def ask(name: str) -> Record:
    """The case as llama.cpp completes it. Raises `RuntimeError` with its words where it cannot be completed."""
    architecture = name.partition(" ")[0]
    own = {key: value for key, value in (COMMON | CASES[name]).items() if value is not None}
    keys: Keys = {"general.architecture": architecture, "tokenizer.ggml.model": "no_vocab"}
    keys |= {f"{architecture}.{key}": value for key, value in own.items()}
    blocks = own["block_count"]
    shapes: Shapes = {"token_embd.weight": (64, VOCABULARY), "output_norm.weight": (64,)}
    seeds = (*OPTIONAL.get(name, ()), *(("attn_norm.weight",) if "draft" in name else ()))
    shapes |= {f"blk.{layer}.{tensor}": (1,) for tensor in seeds for layer in range(blocks)}
    log = ""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.gguf"
        for _ in range(_ROUNDS):
            path.write_bytes(file_of(keys, shapes))
            (log,) = said([path])
            if not _complete(log, keys, shapes, architecture, blocks):
                break
        caches = max((caches_in(one) for one in (log, *said([path] * 3))), key=len)
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
        value = ASKED_FOR.get(found[1].removeprefix(f"{architecture}."))
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
