"""Asks llama.cpp's own allocator what a model takes, without loading its weights.

Before it loads a model, llama.cpp plans the memory of every device and prints the plan; told not to allocate, it then aborts its process,
so it is asked in a child. The plan has the tensors, the rearranged copy, the cache and the compute buffer. It leaves out what the process
itself takes (library, tokenizer, logits, checkpoints) and that a file is mapped whole, with those tensors too that it holds rearranged;
and it counts the whole compute buffer, of which a CPU's process holds only what was written.
"""

import importlib.metadata
import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from llmpick.estimate.engines.llamacpp.options import OFF_WORDS
from llmpick.evidence.errors import EngineError
from llmpick.measure.backends.llamacpp_child import ENVIRONMENT
from llmpick.measure.llamacpp.process import default_memory_limit_bytes

_TIMEOUT_S = 120
_MIB = 2**20
_CHILD = """
import json, sys
from importlib import import_module
from llmpick.measure.backends.llamacpp_child import follow_parent, limit_memory
asked = json.loads(sys.argv[1])
follow_parent(asked["parent"])
xllamacpp = import_module("xllamacpp")
if all(device["type"].name.endswith("_CPU") for device in xllamacpp.get_device_info()):
    limit_memory(asked["memory_limit_bytes"])
options = asked["options"]
params = xllamacpp.CommonParams()
params.model.path, params.verbosity, params.no_alloc = asked["path"], 4, True
for name in ("n_ctx", "n_parallel", "n_batch", "n_ubatch", "kv_unified", "swa_full", "n_gpu_layers"):
    if name in options:
        setattr(params, name, options[name])
for name in ("cache_type_k", "cache_type_v"):
    if name in options:
        setattr(params, name, getattr(xllamacpp.ggml_type, "GGML_TYPE_" + options[name].upper()))
params.flash_attn_type = getattr(xllamacpp.llama_flash_attn_type, "LLAMA_FLASH_ATTN_TYPE_" + asked["flash_attention"])
xllamacpp.Server(params)
"""
_ROW = re.compile(
    r"common_memory_breakdown_print: \|\s+- (?P<name>[^|]+?)\s*\|.*?\d+ =\s*(?P<model>\d+) \+\s*(?P<context>\d+) \+\s*(?P<compute>\d+)"
)


@dataclass(frozen=True, slots=True)
class PlannedMemory:
    """Bytes on one device (`Host`, `CPU_REPACK`, `CUDA0`…) as llama.cpp plans them, to the MiB."""

    device: str
    model_bytes: int
    context_bytes: int
    compute_bytes: int

    @property
    def total_bytes(self) -> int:
        return self.model_bytes + self.context_bytes + self.compute_bytes


@dataclass(frozen=True, slots=True)
class Plan:
    """What the engine said, and which version of it."""

    devices: tuple[PlannedMemory, ...]
    engine: str

    @property
    def total_bytes(self) -> int:
        return sum(device.total_bytes for device in self.devices)


def confirm(path: Path, options: "dict[str, int | float | str | bool]") -> Plan:
    """The plan for the GGUF file at `path` with `options` (`estimate.engines.llamacpp.engine_options`).

    Raises `EngineError` where llama.cpp is not installed, refuses the file, or does not answer in two minutes.
    """
    where = f"llama.cpp, asked about {path}"
    try:
        version = importlib.metadata.version("xllamacpp")
    except importlib.metadata.PackageNotFoundError:
        raise EngineError("llama.cpp is not installed here", where=where, remedy="pip install xllamacpp") from None
    said = _said(path, options, where)
    devices = tuple(_planned(row) for row in _ROW.finditer(said))
    if not devices:
        raise EngineError(f"it made no plan: {_last_error(said)}", where=where, remedy="see whether the file loads: llmpick pick") from None
    return Plan(devices, f"xllamacpp {version}")


def _said(path: Path, options: "dict[str, int | float | str | bool]", where: str) -> str:
    word = str(options.get("flash_attn", "auto")).lower()
    asked = {
        "path": str(path),
        "options": options,
        "flash_attention": "AUTO" if word == "auto" else "DISABLED" if word in OFF_WORDS else "ENABLED",
        "parent": os.getpid(),
        "memory_limit_bytes": default_memory_limit_bytes(),
    }
    # -P: a file of the working directory must not stand in for a module of Python's own.
    command = [sys.executable, "-P", "-c", _CHILD, json.dumps(asked)]
    environ = {**os.environ, **{name: value for name, value, _ in ENVIRONMENT}}
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=_TIMEOUT_S, check=False, env=environ)
    except subprocess.TimeoutExpired as error:
        raise EngineError(f"no answer in {_TIMEOUT_S} s", where=where, remedy="leave --confirm out") from error
    return done.stderr


def _planned(row: "re.Match[str]") -> PlannedMemory:
    return PlannedMemory(row["name"], *(int(row[part]) * _MIB for part in ("model", "context", "compute")))


def _last_error(said: str) -> str:
    lines = [line for line in said.splitlines() if " E " in line or "Error" in line]
    return lines[-1][-200:] if lines else "and did not say why"
