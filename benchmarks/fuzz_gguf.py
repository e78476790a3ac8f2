"""Damages headers of small model files at random and reads them: python benchmarks/fuzz_gguf.py [--files 100000] [--seed 0].

A reader of untrusted files must end with a value or a ModelFileError, soon, and in little memory. In turn the bytes of a GGUF file are
injured, keys of a GGUF file of some kind of layers get senseless values, the bytes of a safetensors header are injured, and keys of a
config.json get senseless values. Prints how the readings ended, the slowest one and the peak memory; exits 1 when anything but a
ModelFileError was raised.
"""

import argparse
import json
import random
import resource
import struct
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from llmpick.evidence.errors import ModelFileError
from llmpick.evidence.values import Source
from llmpick.sources.gguf import read_gguf
from llmpick.sources.hf import blueprint_of_config, groups_of, parse_header
from tiny_models import (
    CONFIG_JSON,
    KINDS,
    TENSOR_BYTES,
    TENSORS_JSON,
    TINY_TENSORS,
    gguf_bytes,
    kind_values,
    safetensors_bytes,
    tiny_values,
)

_EXTREMES = (0, 1, 2, 255, 2**16, 2**31 - 1, 2**31, 2**32 - 1, 2**62, 2**63 - 1, 2**63, 2**64 - 1)


def distorted(values: dict[str, tuple[str, Any]], rng: random.Random) -> dict[str, tuple[str, Any]]:
    """One to four keys with another value: extreme, of another type, or an array of some length."""
    result = dict(values)
    for key in rng.sample(sorted(result), rng.randint(1, 4)):
        match rng.randrange(5):
            case 0:
                result[key] = ("u32", rng.choice(_EXTREMES) & 0xFFFFFFFF)
            case 1:
                result[key] = ("u64", rng.choice(_EXTREMES))
            case 2:
                result[key] = ("[i32]", [rng.choice((-1, 0, 1, 4, 2**31 - 1)) for _ in range(rng.choice((0, 1, 2, 3, 1_025)))])
            case 3:
                result[key] = rng.choice([("str", ""), ("str", "nan"), ("f32", float("inf")), ("bool", True), ("[str]", ["a"] * 3)])
            case _:
                del result[key]
    return result


_MODEL_TYPES = (
    "deepseek_v3",
    "llama",
    "gemma3_text",
    "qwen3_next",
    "mamba2",
    "jamba",
    "falcon_h1",
    "minimax",
    "nemotron_h",
    "zamba2",
    "lfm2",
)
_SENSELESS = (None, -1, 0, 1, 2**31, 2**63, 1.5, float("inf"), True, "", "x" * 200, [], [[]], {}, [1] * 2_000, ["full_attention"] * 5)


def senseless(config: dict[str, Any], rng: random.Random) -> dict[str, Any]:
    """One to four keys with a value that no model has, in one of several kinds of model."""
    result = {**config, "model_type": rng.choice(_MODEL_TYPES)}
    for key in rng.sample(sorted(result), rng.randint(1, 4)):
        result[key] = rng.choice(_SENSELESS)
    return result


def misstated(rng: random.Random) -> dict[str, Any]:
    """A safetensors header in which one to three fields of tensors have another value."""
    header: dict[str, Any] = {name: dict(entry) for name, entry in TENSORS_JSON.items()}
    for name in rng.choices(sorted(header), k=rng.randint(1, 3)):
        values = (*_SENSELESS, "F4", "I32", [64, 2**62], [0, 4_096], [64, 64, 1], [-1, 5])
        header[name][rng.choice(("dtype", "shape", "data_offsets", "format"))] = rng.choice(values)
    return header


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
    """`ends` counts readings by how they ended, `ways` also by what was damaged.

    `unexpected` lists what must not happen: (number of the file, error).
    """

    ends: Counter[str] = field(default_factory=Counter)
    ways: Counter[str] = field(default_factory=Counter)
    unexpected: list[tuple[int, str]] = field(default_factory=list)
    slowest_s: float = 0.0
    peak_growth_bytes: int = 0


def fuzz(files: int, seed: int, folder: Path) -> Report:
    """Reads `files` damaged headers, the four ways in turn; the same seed gives the same ones."""
    rng = random.Random(seed)
    tiny = gguf_bytes(tiny_values(), TINY_TENSORS)
    kinds = [kind_values(architecture, keys) for architecture, keys in KINDS]
    header = safetensors_bytes(json.dumps(TENSORS_JSON).encode())
    gguf, config = folder / "damaged.gguf", folder / "config.json"
    report = Report()
    before = _peak_bytes()
    for number in range(files):
        match number % 4:
            case 0:
                gguf.write_bytes(damaged(tiny, rng))
                _read(report, number, "gguf bytes", lambda: read_gguf(gguf))
            case 1:
                gguf.write_bytes(gguf_bytes(distorted(rng.choice(kinds), rng), TINY_TENSORS))
                _read(report, number, "gguf keys", lambda: read_gguf(gguf))
            case 2:
                data = damaged(header, rng) if rng.random() < 0.5 else safetensors_bytes(json.dumps(misstated(rng)).encode())
                _read(report, number, "safetensors", partial(_read_safetensors, data))
            case _:
                config.write_text(json.dumps(senseless(CONFIG_JSON, rng)), encoding="utf-8")
                _read(report, number, "config", lambda: blueprint_of_config(config, "damaged", Source("damaged")))
    report.peak_growth_bytes = _peak_bytes() - before
    return report


def _read_safetensors(data: bytes) -> None:
    groups_of(parse_header(data, len(data) + TENSOR_BYTES, "damaged"), CONFIG_JSON)


def _read(report: Report, number: int, what: str, read: Callable[[], object]) -> None:
    start = time.process_time()
    try:
        read()
        end = "read"
    except ModelFileError:
        end = "refused"
    except Exception as error:  # finding these is what this is for
        end = "UNEXPECTED"
        report.unexpected.append((number, f"{what}: {error!r}"))
    report.slowest_s = max(report.slowest_s, time.process_time() - start)
    report.ends[end] += 1
    report.ways[f"{what} {end}"] += 1


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
    print(
        f"{options.files} damaged headers in {time.perf_counter() - start:.1f} s (seed {options.seed}): {dict(sorted(report.ways.items()))}"
    )
    print(f"slowest reading {report.slowest_s * 1000:.1f} ms, peak memory grew by {report.peak_growth_bytes / 2**20:.1f} MiB")
    for number, error in report.unexpected[:10]:
        print(f"file {number}: {error}")
    return 1 if report.unexpected else 0


if __name__ == "__main__":
    sys.exit(main())
