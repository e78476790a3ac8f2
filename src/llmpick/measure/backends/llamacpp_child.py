"""The child process that holds llama.cpp: `python -m llmpick.measure.backends.llamacpp_child`, started by `llamacpp_process`.

A damaged file can abort llama.cpp, a template can hang it and a huge context can take all memory, so it lives in a process of its own,
under a memory limit. It reads one line of JSON from standard input, answers one line of JSON on standard output once it serves on
loopback, and ends when standard input is closed, which the kernel does for every parent that dies. With the option `logits` it does not
serve on loopback: log-probabilities are asked for and told line by line.

Linux and macOS only, like the wheel.
"""

import ctypes
import json
import os
import resource
import shutil
import signal
import sys
from collections.abc import Mapping
from importlib import import_module
from typing import Any, TextIO

SETTINGS: tuple[tuple[str, Any, str], ...] = (
    ("n_parallel", 1, "one slot: requests that share a batch move each other's log-probabilities by 0.1 nats and more"),
    ("n_batch", 2048, "the batch shapes the order of sums: pinned, so that a new default does not change answers"),
    ("n_ubatch", 512, "the same"),
    ("swa_full", True, "sliding-window layers keep the whole prefix, else a cached prompt is evaluated again (1.6 instead of 6.8 calls/s)"),
    ("flash_attn_type", "LLAMA_FLASH_ATTN_TYPE_DISABLED", "with AUTO a cold request differs from its warm repeat by up to 0.3 nats"),
    ("cache_ram_mib", 0, "no second prompt cache: the default may take 8 GiB, and would be a hidden state"),
    ("ctx_shift", False, "a prompt that is too long is an error, never silently shortened"),
    ("enable_reasoning", 0, "templates that can think aloud are asked not to: answers are short and constrained"),
    ("use_jinja", True, "the model's own template, not a look-alike"),
    ("ui", False, "nothing but the API is served"),
    ("verbosity", 1, "errors go to standard error, where the reason of a failed start is read"),
)
"""(llama.cpp's name, value, why). Recorded with every call, because each can change an output or a cost."""

ENVIRONMENT: tuple[tuple[str, str, str], ...] = (
    ("GGML_NO_BACKTRACE", "1", "an abort says its reason and ends, instead of starting a debugger"),
    ("OMP_WAIT_POLICY", "passive", "waiting threads sleep: spinning is up to 70 times slower while another program uses the cores"),
)
"""(variable, value, why).

Sleeping has its price where nothing else runs: a model of 0.1 billion parameters then writes 1.6 times slower on two threads (9.5 ms
against 15 ms a token), because its layers are done faster than a thread wakes up. Prefill costs the same.
"""


def main() -> None:
    # Descriptor 1 is for our one line; whatever the engine prints goes to the log.
    answer = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    options = json.loads(sys.stdin.readline())
    follow_parent(options["parent"])

    xllamacpp: Any = import_module("xllamacpp")  # It has no type stubs.
    devices = xllamacpp.get_device_info()
    if all(device["type"].name.endswith("_CPU") for device in devices):
        # GPU drivers reserve address space far beyond what they use, so the limit is for CPUs.
        limit_memory(options["memory_limit_bytes"])
    ready = {"version": xllamacpp.__version__, "devices": [described(device) for device in devices]}
    if options.get("logits"):
        serve_logits(options, ready, answer)
    else:
        server = xllamacpp.Server(parameters(options))
        follow_parent(None)
        tell(answer, ready | {"address": server.listening_address})
        sys.stdin.read()
    shutil.rmtree(options["slot_save_path"], ignore_errors=True)
    # No destructors: the kernel frees a busy engine faster than it stops.
    os._exit(0)


def serve_logits(options: Mapping[str, Any], ready: Mapping[str, Any], answer: TextIO) -> None:
    """Instead of the server: one line of JSON asks, one answers, until standard input is closed. `unsupported` says why there is none."""
    logits: Any = import_module("llmpick.measure.llamacpp.logits")
    try:
        reader = logits.LogitsReader(options["path"], options["n_ctx"], options["n_threads"])
    except logits.UnsupportedError as reason:
        tell(answer, {**ready, "address": "", "unsupported": str(reason)})
        return
    follow_parent(None)
    tell(answer, {**ready, "address": ""})
    pieces: dict[int, bytes] = {}
    for line in sys.stdin:
        asked = json.loads(line)
        try:
            if "text" in asked:
                tokens = reader.tokens(asked["text"], special=asked["special"])
                new = {token: reader.piece(token) for token in set(tokens) - pieces.keys()}
                pieces |= new
                told = {"tokens": tokens, "new": [(token, piece.hex()) for token, piece in new.items()]}
            else:
                told = reader.nats(asked["before"], asked["scored"], asked["prefix"])
            tell(answer, {"told": told})
        except (RuntimeError, ValueError, MemoryError) as error:
            tell(answer, {"error": str(error) or type(error).__name__})


def parameters(options: Mapping[str, Any]) -> Any:
    """The engine's parameters: `SETTINGS`, and what differs from run to run."""
    xllamacpp: Any = import_module("xllamacpp")
    made = xllamacpp.CommonParams()
    for name, value, _ in SETTINGS:
        setattr(made, name, getattr(xllamacpp.llama_flash_attn_type, value) if name == "flash_attn_type" else value)
    made.model.path = options["path"]
    made.n_ctx = options["n_ctx"]
    made.cpuparams.n_threads = made.cpuparams_batch.n_threads = options["n_threads"]
    made.slot_save_path = options["slot_save_path"]
    made.api_keys = [options["api_key"]]
    if states_of_tokens := options.get("states_of_tokens"):
        made.embedding = True
        made.pooling_type = xllamacpp.llama_pooling_type.LLAMA_POOLING_TYPE_NONE
        made.n_batch = made.n_ubatch = states_of_tokens
    return made


def follow_parent(parent: int | None) -> None:
    """Linux: die when `parent` dies; None ends it. Needed only while the engine starts, when it holds the interpreter lock and a closed
    standard input would go unnoticed. Later it would be wrong: the kernel means the thread that started us, not its process.
    """
    if not sys.platform.startswith("linux"):
        return
    pr_set_pdeathsig = 1
    ctypes.CDLL(None, use_errno=True).prctl(pr_set_pdeathsig, signal.SIGKILL if parent else 0)
    if parent and os.getppid() != parent:
        os._exit(1)


def limit_memory(limit_bytes: int) -> None:
    """Bounds what the engine may allocate. The mapped file is not counted: its pages can be given back."""
    kind = resource.RLIMIT_DATA if sys.platform.startswith("linux") else resource.RLIMIT_AS
    hard = resource.getrlimit(kind)[1]
    limit = limit_bytes if hard == resource.RLIM_INFINITY else min(limit_bytes, hard)
    resource.setrlimit(kind, (limit, hard))


def described(device: Mapping[str, Any]) -> dict[str, str]:
    """A device as text: its `type` is CPU, GPU, IGPU or ACCEL."""
    return {"name": device["description"] or device["name"], "type": device["type"].name.rpartition("_")[2]}


def tell(answer: TextIO, message: Mapping[str, Any]) -> None:
    answer.write(json.dumps(message) + "\n")
    answer.flush()


if __name__ == "__main__":
    main()
