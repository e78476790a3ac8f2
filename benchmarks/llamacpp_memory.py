"""Measures what llama.cpp takes on this machine and compares it with the estimate: real files, and files made for the purpose.

The made files have every tensor of a real model of that shape, but zeros for weights, and the file system stores zeros without disk space.
Each is loaded in a process of its own with the very options that the estimate states, generates eight tokens, and its resident memory
is read, less that of a process that has only loaded the library. The shapes of `FITTED` were used to find the formula, those of `TESTED`
were not. `--write` keeps the measurements in tests/data/llamacpp_resident.csv, where the tests find them.

    python benchmarks/llamacpp_memory.py [--write] [FILE.gguf ...]
"""

import csv
import json
import math
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np

from llmpick.estimate.engines.llamacpp import engine_options, footprint
from llmpick.estimate.shape import shape_of
from llmpick.evidence.deployment import Deployment
from llmpick.evidence.device import Device

MIB = 2**20
CPU = Device("this machine", "cpu", 64 * 2**30, 64 * 2**30)
KEPT = Path(__file__).parent.parent / "tests" / "data" / "llamacpp_resident.csv"

CHILD = """
import json, os, sys
import xllamacpp

def resident():
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmRSS"))

path, options = sys.argv[1], json.loads(sys.argv[2])
idle = resident()
params = xllamacpp.CommonParams()
params.model.path, params.n_ctx, params.n_parallel = path, options["n_ctx"], options["n_parallel"]
params.n_ubatch, params.swa_full, params.verbosity = options["n_ubatch"], options["swa_full"], -1
params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 2
for side in [name for name in ("cache_type_k", "cache_type_v") if name in options]:
    setattr(params, side, getattr(xllamacpp.ggml_type, "GGML_TYPE_" + options[side].upper()))
server = xllamacpp.Server(params)
server.handle_completions({"prompt": "one two three", "n_predict": 8, "ignore_eos": True})
print("resident", resident() - idle, flush=True)
os._exit(0)
"""


@dataclass(frozen=True, slots=True)
class Made:
    """The shape of a file that is made: `mix` is the type of its matrices, with Q6_K for half of some in Q4_K_M as llama.cpp does."""

    architecture: str = "llama"
    vocabulary: int = 49_152
    hidden: int = 1024
    feed_forward: int = 2816
    blocks: int = 8
    heads: int = 16
    kv_heads: int = 4
    head_size: int = 64
    mix: str = "Q4_K_M"
    tied: bool = True
    window: int = 0
    experts: int = 0  # routed ones of each layer, of which a token uses four; `feed_forward` is the width of one
    state: int = 0  # Mamba-2: size of the state per channel; there are 2 x hidden channels in heads of 64


FITTED = (
    (Made(), (512, 4096, 32_768)),
    *((Made(mix=mix), (4096,)) for mix in ("F16", "Q8_0", "Q4_0", "IQ4_NL", "Q6_K", "Q5_K", "Q2_K", "Q4_1")),
    (Made(mix="Q8_0", blocks=4, feed_forward=8192), (4096,)),
    (Made(mix="Q8_0", blocks=4, hidden=2048), (4096,)),
    (Made(mix="Q8_0", blocks=4, vocabulary=151_936), (4096,)),
    (Made(mix="Q8_0", blocks=4, vocabulary=262_144, tied=False), (4096,)),
)
TESTED = (
    (Made("qwen2", 151_936, 896, 4864, 24, 14, 2, 64, "Q4_K_M"), (2048, 8192, 32_768)),  # as Qwen2.5-0.5B
    (Made("qwen2", 151_936, 1536, 8960, 28, 12, 2, 128, "Q4_K_M"), (2048, 8192, 32_768)),  # as Qwen2.5-1.5B
    (Made("llama", 128_256, 2048, 8192, 16, 32, 8, 64, "Q4_K_M"), (2048, 8192, 32_768)),  # as Llama-3.2-1B
    (Made("llama", 32_000, 2048, 5632, 22, 32, 4, 64, "Q4_0", tied=False), (512, 2048, 4096)),  # as TinyLlama
    (Made("qwen3", 151_936, 1024, 3072, 28, 16, 8, 128, "Q8_0"), (2048, 8192, 32_768)),  # as Qwen3-0.6B
    (Made("gemma3", 262_144, 1152, 6912, 26, 4, 1, 256, "Q4_K_M", window=512), (2048, 8192, 32_768)),  # as Gemma-3-1B
    (Made("llama", 49_152, 960, 2560, 32, 15, 5, 64, "Q6_K"), (1024, 8192)),  # as SmolLM2-360M
    (Made("qwen3moe", 151_936, 1024, 512, 12, 16, 4, 128, "Q4_K_M", tied=False, experts=32), (2048, 8192)),
    (Made("mamba2", 50_288, 1024, 0, 48, 0, 0, 64, "Q8_0", state=128), (2048, 8192)),  # as Mamba2-370M
)


def main(words: list[str]) -> int:
    rows = list(made_rows()) if "--made" in words or "--write" in words or len(words) == 0 else []
    real = [Path(word) for word in words if not word.startswith("--")] or sorted(Path("examples/models").glob("*.gguf"))
    rows += [row for path in real for row in real_rows(path)]
    print(f"{'file':34} {'context':>7} {'measured':>9} {'estimate':>9} {'error':>7}  interval (MiB)")
    for row in rows:
        error = row["value_mib"] / row["resident_mib"] - 1
        inside = "" if row["low_mib"] <= row["resident_mib"] <= row["high_mib"] else "  outside"
        print(
            f"{row['name']:34} {row['context']:7} {row['resident_mib']:9.1f} {row['value_mib']:9.1f} {error:+7.1%}"
            f"  [{row['low_mib']:.0f}, {row['high_mib']:.0f}]{inside}"
        )
    for part in ("fitted", "tested", "real"):
        errors = [abs(row["value_mib"] / row["resident_mib"] - 1) for row in rows if row["part"] == part]
        if errors:
            held = [row["low_mib"] <= row["resident_mib"] <= row["high_mib"] for row in rows if row["part"] == part]
            print(
                f"{part:7} n={len(errors):3} mean {np.mean(errors):.1%} worst {max(errors):.1%} inside the 90% interval {np.mean(held):.0%}"
            )
    if "--write" in words:
        _keep(rows)
    return 0


def _keep(rows: "list[dict]") -> None:
    names = ["part", *(field.name for field in fields(Made)), "context", "resident_mib"]
    with KEPT.open("w", encoding="utf-8", newline="") as file:
        file.write(
            "# Resident MiB of xllamacpp 2026.10.11549 above an idle process, two EPYC cores; by benchmarks/llamacpp_memory.py --write\n"
        )
        table = csv.DictWriter(file, names, extrasaction="ignore")
        table.writeheader()
        table.writerows({**row, "resident_mib": f"{row['resident_mib']:.1f}"} for row in rows if row["part"] != "real")


def made_rows(parts: tuple[str, ...] = ("fitted", "tested")) -> "Iterator[dict]":
    for part in parts:
        for made, contexts in {"fitted": FITTED, "tested": TESTED}[part]:
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / "made.gguf"
                write_made(path, made)
                name = f"{made.architecture} {made.hidden}x{made.blocks} {made.vocabulary // 1000}k {made.mix}"
                for row in _measured(path, contexts):
                    yield {"part": part, "name": name, **asdict(made), **row}


def real_rows(path: Path) -> "Iterator[dict]":
    for row in _measured(path, (512, 2048, 8192)):
        yield {"part": "real", "name": path.stem, **row}


def _measured(path: Path, contexts: tuple[int, ...]) -> "Iterator[dict]":
    from llmpick.sources.gguf import read_gguf
    from llmpick.workflow.models.weights_blueprint import blueprint_of

    shape = shape_of(blueprint_of(read_gguf(path)))
    assert shape is not None
    for context in contexts:
        deployment = Deployment("llama.cpp")
        total = footprint(shape, CPU, deployment, context_tokens=context).total
        options = engine_options(deployment, CPU, context)
        low, value, high = (float(part) / MIB for part in (total.low, total.value, total.high))
        yield {"context": context, "resident_mib": resident_mib(path, options), "value_mib": value, "low_mib": low, "high_mib": high}


def resident_mib(path: Path, options: "dict") -> float:
    """Resident MiB above an idle process after eight tokens, loaded with `options`."""
    command = [sys.executable, "-c", CHILD, str(path), json.dumps(options)]
    environ = os.environ | {"OMP_WAIT_POLICY": "passive"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False, env=environ)
    found = [line for line in done.stdout.splitlines() if line.startswith("resident")]
    if not found:
        raise SystemExit(f"llama.cpp did not load {path}: {done.stderr[-500:]}")
    return int(found[0].split()[1]) / 1024


def write_made(path: Path, made: Made) -> None:
    """A GGUF file with zeros for weights: a header as the converter writes it, then nothing but length."""
    import gguf

    writer = gguf.GGUFWriter(path, made.architecture)
    writer.add_name("made")
    writer.add_context_length(131_072)
    writer.add_embedding_length(made.hidden)
    writer.add_block_count(made.blocks)
    writer.add_feed_forward_length(made.feed_forward)
    writer.add_head_count(made.heads)
    if made.state:
        writer.add_ssm_conv_kernel(4)
        writer.add_ssm_inner_size(2 * made.hidden)
        writer.add_ssm_state_size(made.state)
        writer.add_ssm_time_step_rank(2 * made.hidden // made.head_size)
        writer.add_ssm_group_count(1)
    else:
        writer.add_head_count_kv(made.kv_heads)
        writer.add_key_length(made.head_size)
        writer.add_value_length(made.head_size)
    if made.experts:
        writer.add_expert_count(made.experts)
        writer.add_expert_used_count(4)
        writer.add_expert_feed_forward_length(made.feed_forward)
    writer.add_layer_norm_rms_eps(1e-5)
    if made.window:
        writer.add_sliding_window(made.window)
    # Byte letters first, then words of seven letters that no text holds; each word but the first comes from one merge.
    letters = [chr(code) for code in (*range(33, 127), *range(161, 173), *range(174, 256), *range(256, 324))]
    tokens = ["<unk>", "<s>", "</s>", *letters]
    merges = [f"{a} {b}" for a in letters for b in letters]
    tokens += [f"{number:07d}" for number in range(made.vocabulary - len(tokens))]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("smollm")
    writer.add_token_list(tokens)
    writer.add_token_types([3, 3, 3] + [1] * (made.vocabulary - 3))
    writer.add_token_merges([*_distinct(merges, made.vocabulary - 300)])
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    for name, rows, columns, kind in _tensors(made):
        block, size = gguf.GGML_QUANT_SIZES[gguf.GGMLQuantizationType[kind]]
        stacked = [made.experts] if "_exps" in name else []
        shape = [columns // block * size if kind not in ("F32", "F16") else columns]
        dtype = {"F32": np.float32, "F16": np.float16}.get(kind, np.uint8)
        nbytes = rows * columns // block * size * math.prod(stacked)
        writer.add_tensor_info(
            name, [*stacked, rows, *shape] if rows > 1 else shape, np.dtype(dtype), nbytes, raw_dtype=gguf.GGMLQuantizationType[kind]
        )
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()
    assert writer.fout is not None
    start = -(-writer.fout[0].tell() // 32) * 32
    writer.fout[0].close()
    data = sum(-(-info.nbytes // 32) * 32 for part in writer.tensors for info in part.values())
    os.truncate(path, start + data)


def _distinct(merges: list[str], count: int) -> "Iterator[str]":
    """`count` different merges of two pieces."""
    for number in range(count):
        yield merges[number] if number < len(merges) else f"{number:07d} {number % 97}"


def _tensors(made: Made) -> "Iterator[tuple[str, int, int, str]]":
    base = "Q4_K" if made.mix == "Q4_K_M" else made.mix
    wide = "Q6_K" if made.mix == "Q4_K_M" else made.mix
    table = wide if made.tied else base
    hidden = made.hidden

    def kind(name: str, columns: int) -> str:
        # Blocks of 256 do not divide every width; llama.cpp then takes a type with blocks of 32.
        return (
            name
            if columns % 256 == 0 or not name.endswith("_K")
            else {"Q4_K": "Q5_0", "Q6_K": "Q8_0", "Q5_K": "Q5_1", "Q2_K": "Q4_0"}[name]
        )

    yield "token_embd.weight", made.vocabulary, hidden, kind(table, hidden)
    if not made.tied:
        yield "output.weight", made.vocabulary, hidden, kind(wide, hidden)
    for block in range(made.blocks):
        more = wide if block % 2 else base
        parts = _recurrent(made) if made.state else _attention_and_feed_forward(made, base, more)
        for part, rows, columns, name in parts:
            yield f"blk.{block}.{part}", rows, columns, kind(name, columns)
    yield "output_norm.weight", 1, hidden, "F32"


def _attention_and_feed_forward(made: Made, base: str, more: str) -> "Iterator[tuple[str, int, int, str]]":
    hidden, inner, queries, keys = made.hidden, made.feed_forward, made.heads * made.head_size, made.kv_heads * made.head_size
    for part in ("attn_norm", "ffn_norm", *(("post_attention_norm", "post_ffw_norm") if made.architecture == "gemma3" else ())):
        yield f"{part}.weight", 1, hidden, "F32"
    if made.architecture in ("qwen3", "qwen3moe", "gemma3"):
        yield "attn_q_norm.weight", 1, made.head_size, "F32"
        yield "attn_k_norm.weight", 1, made.head_size, "F32"
    if made.architecture == "qwen2":
        for part, width in (("q", queries), ("k", keys), ("v", keys)):
            yield f"attn_{part}.bias", 1, width, "F32"
    yield "attn_k.weight", keys, hidden, base
    yield "attn_output.weight", hidden, queries, base
    yield "attn_q.weight", queries, hidden, base
    yield "attn_v.weight", keys, hidden, more
    routed = "_exps" if made.experts else ""
    yield f"ffn_down{routed}.weight", hidden, inner, more
    yield f"ffn_gate{routed}.weight", inner, hidden, base
    yield f"ffn_up{routed}.weight", inner, hidden, base
    if made.experts:
        yield "ffn_gate_inp.weight", made.experts, hidden, "F32"


def _recurrent(made: Made) -> "Iterator[tuple[str, int, int, str]]":
    hidden, inner, heads = made.hidden, 2 * made.hidden, 2 * made.hidden // made.head_size
    channels = inner + 2 * made.state
    yield "attn_norm.weight", 1, hidden, "F32"
    yield "ssm_in.weight", 2 * inner + 2 * made.state + heads, hidden, made.mix
    yield "ssm_conv1d.weight", channels, 4, "F32"
    yield "ssm_conv1d.bias", 1, channels, "F32"
    yield "ssm_dt.bias", 1, heads, "F32"
    yield "ssm_a", heads, 1, "F32"
    yield "ssm_d", heads, 1, "F32"
    yield "ssm_norm.weight", 1, inner, "F32"
    yield "ssm_out.weight", hidden, inner, made.mix


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
