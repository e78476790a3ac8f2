"""Damages small GGUF files at random and reads them: python benchmarks/fuzz_gguf.py [--files 100000] [--seed 0].

A reader of untrusted files must end with a value or a ModelFileError, soon, and in little memory. Prints how the files ended, the slowest
reading and the peak memory; exits 1 when anything but a ModelFileError was raised.
"""

import argparse
import random
import resource
import struct
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from llmpick.evidence.errors import ModelFileError
from llmpick.sources.gguf import read_gguf

_CODES = {"u8": (0, "<B"), "u32": (4, "<I"), "i32": (5, "<i"), "f32": (6, "<f"), "bool": (7, "<?"), "u64": (10, "<Q")}
_EXTREMES = (0, 1, 2, 255, 2**16, 2**31 - 1, 2**31, 2**32 - 1, 2**62, 2**63 - 1, 2**63, 2**64 - 1)


def gguf_bytes(
    values: dict[str, tuple[str, Any]], tensors: list[tuple[str, tuple[int, ...], int, int]], *, version: int = 3, alignment: int = 32
) -> bytes:
    """A GGUF file. `values`: key → (type, value), type "str", one of `_CODES`, or one in brackets; `tensors`: name, shape, type, bytes."""
    header = b"GGUF" + struct.pack("<IQQ", version, len(tensors), len(values))
    for key, (kind, value) in values.items():
        header += _text(key) + _typed(kind, value)
    offset = 0
    for name, shape, code, size in tensors:
        header += _text(name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, code, offset)
        offset += size + -size % alignment
    return header + bytes(-len(header) % alignment) + bytes(offset)


def tiny_values(**changes: tuple[str, Any] | None) -> dict[str, tuple[str, Any]]:
    """The keys of a two-layer model; `changes` replaces them (dots written as __), None leaves a key out."""
    values: dict[str, tuple[str, Any] | None] = {
        "general.architecture": ("str", "llama"),
        "general.name": ("str", "Tiny"),
        "general.file_type": ("u32", 1),
        "general.languages": ("[str]", ["en", "zh"]),
        "llama.block_count": ("u32", 2),
        "llama.context_length": ("u32", 512),
        "llama.embedding_length": ("u32", 64),
        "llama.attention.head_count": ("u32", 4),
        "llama.attention.head_count_kv": ("[i32]", [2, 1]),
        "llama.rope.freq_base": ("f32", 1e4),
        "tokenizer.ggml.add_bos_token": ("bool", True),
        "tokenizer.ggml.tokens": ("[str]", [f"token {i}" for i in range(300)]),
        "tokenizer.ggml.token_type": ("[i32]", [1] * 300),
        "tokenizer.chat_template": ("str", "{% for message in messages %}{{ message.content }}{% endfor %}"),
    }
    values |= {key.replace("__", "."): value for key, value in changes.items()}
    return {key: value for key, value in values.items() if value is not None}


TINY_TENSORS = [
    ("token_embd.weight", (64, 300), 1, 38_400),
    ("blk.0.attn_q.weight", (64, 64), 8, 4_352),
    ("output_norm.weight", (64,), 0, 256),
]


def damaged(data: bytes, rng: random.Random) -> bytes:
    """One to four random injuries, most of them in the header."""
    result = bytearray(data)
    for _ in range(rng.randint(1, 4)):
        if len(result) < 2:
            break
        at = rng.randrange(min(len(result), 6_000))
        match rng.randrange(6):
            case 0:
                result[at] ^= 1 << rng.randrange(8)
            case 1:
                result[at : at + 8] = struct.pack("<Q", rng.choice(_EXTREMES))
            case 2:
                result[at : at + 4] = struct.pack("<I", rng.choice(_EXTREMES) & 0xFFFFFFFF)
            case 3:
                del result[at : at + rng.randint(1, 64)]
            case 4:
                result[at:at] = rng.randbytes(rng.randint(1, 64))
            case _:
                del result[rng.randrange(1, len(result)) :]
    return bytes(result)


@dataclass
class Report:
    """`ends` counts the files by how their reading ended; `unexpected` lists what must not happen: (number of the file, error)."""

    ends: Counter[str] = field(default_factory=Counter)
    unexpected: list[tuple[int, str]] = field(default_factory=list)
    slowest_s: float = 0.0
    peak_growth_bytes: int = 0


def fuzz(files: int, seed: int, folder: Path) -> Report:
    """Reads `files` damaged files; the same seed gives the same files."""
    rng = random.Random(seed)
    whole = gguf_bytes(tiny_values(), TINY_TENSORS)
    path = folder / "damaged.gguf"
    report = Report()
    before = _peak_bytes()
    for number in range(files):
        path.write_bytes(damaged(whole, rng))
        start = time.process_time()
        try:
            read_gguf(path)
            end = "read"
        except ModelFileError:
            end = "refused"
        except Exception as error:  # finding these is what this is for
            end = "UNEXPECTED"
            report.unexpected.append((number, repr(error)))
        report.slowest_s = max(report.slowest_s, time.process_time() - start)
        report.ends[end] += 1
    report.peak_growth_bytes = _peak_bytes() - before
    return report


def _text(text: str) -> bytes:
    encoded = text.encode()
    return struct.pack("<Q", len(encoded)) + encoded


def _typed(kind: str, value: Any) -> bytes:
    if kind == "str":
        return struct.pack("<I", 8) + _text(value)
    if kind == "[str]":
        return struct.pack("<IIQ", 9, 8, len(value)) + b"".join(map(_text, value))
    if kind.startswith("["):
        code, layout = _CODES[kind[1:-1]]
        return struct.pack("<IIQ", 9, code, len(value)) + b"".join(struct.pack(layout, item) for item in value)
    code, layout = _CODES[kind]
    return struct.pack("<I", code) + struct.pack(layout, value)


def _peak_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--files", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        report = fuzz(options.files, options.seed, Path(folder))
    print(f"{options.files} damaged files in {time.perf_counter() - start:.1f} s (seed {options.seed}): {dict(report.ends)}")
    print(f"slowest reading {report.slowest_s * 1000:.1f} ms, peak memory grew by {report.peak_growth_bytes / 2**20:.1f} MiB")
    for number, error in report.unexpected[:10]:
        print(f"file {number}: {error}")
    return 1 if report.unexpected else 0


if __name__ == "__main__":
    sys.exit(main())
