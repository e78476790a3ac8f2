"""What `llmpick fit` promises, beside what was measured: weights, KV cache, memory of two engines, decode speed, and its own time.

    python benchmarks/fit.py [--data ../shared/data/fit] [--quick]

Only rows that are given for development are compared. Speeds are those of fits that had not seen the device (`benchmarks/fit_speed.py`);
`--quick` leaves them out, and loads no model. The parts by themselves: `vllm_pool.py`, `llamacpp_memory.py`, `fit_speed.py`.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

import fit_speed
import llamacpp_memory
import speed_rows
import vllm_pool
from llmpick.sources.gguf import read_gguf
from llmpick.sources.hf import read_config

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT.parent / "shared" / "data" / "fit"
MODELS = ROOT / "examples" / "models"


class Check(NamedTuple):
    """One line of the table: relative errors, how many rows lay inside their 90% interval (None: exact figures), and the aim."""

    what: str
    errors: Sequence[float]
    inside: Sequence[bool] | None
    aim: str

    def line(self) -> str:
        """The line as it is printed."""
        size = np.abs(self.errors)
        held = "" if self.inside is None else f"{np.mean(self.inside):6.0%}"
        return f"{self.what:58}{len(size):5}{size.mean():9.2%}{size.max():9.2%}{held:>9}  {self.aim}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=FOLDER)
    parser.add_argument("--quick", action="store_true")
    arguments = parser.parse_args()
    print(f"{'':58}{'rows':>5}{'mean':>9}{'worst':>9}{'inside':>9}  aim")
    for check in _checks(arguments.data, quick=arguments.quick):
        print(check.line(), flush=True)
    for name in sorted(MODELS.glob("*.gguf")):
        print(f"llmpick fit {name.name}: {_seconds(name):.2f} s, whole process, best of five (aim: 1 s)")
    return 0


def _checks(data: Path, *, quick: bool) -> Iterator[Check]:
    yield Check("weights of GGUF files, against the length of their data", list(_gguf_weights()), None, "0.1%")
    yield Check("weights of safetensors, against the length of their data", list(_safetensors_weights()), None, "0.1%")
    if (data / "model_configs.csv").exists():
        yield Check("KV cache per token, full-attention layers of configs", list(_caches(data)), None, "exact")
        boots = [boot for boot in vllm_pool.read(data) if boot.row["engine_version"] == "0.19.0" and boot.measured_pool]
        errors = [float(boot.pool.value) / boot.measured_pool - 1 for boot in boots if boot.measured_pool]
        held = [boot.pool.low <= boot.measured_pool <= boot.pool.high for boot in boots if boot.measured_pool]
        yield Check("vLLM 0.19 KV pool on H100, TP included", errors, held, "3% mean, 12% worst")
    if not quick:
        rows = [
            *llamacpp_memory.made_rows(("tested",)),
            *(row for path in MODELS.glob("*.gguf") for row in llamacpp_memory.real_rows(path)),
        ]
        errors = [row["value_mib"] / row["resident_mib"] - 1 for row in rows]
        held = [row["low_mib"] <= row["resident_mib"] <= row["high_mib"] for row in rows]
        yield Check("llama.cpp resident on this machine, shapes not fitted", errors, held, "5%")
    if not quick and (data / "speed_single_stream.csv").exists():
        yield from _speeds(data)


def _gguf_weights() -> Iterator[float]:
    """The tensors' bytes against the file: what follows the header is data and padding, and nothing else."""
    import gguf

    for path in sorted(MODELS.glob("*.gguf")):
        tensors = gguf.GGUFReader(path).tensors
        yield sum(group.bytes for group in read_gguf(path).tensors) / sum(int(tensor.n_bytes) for tensor in tensors) - 1


def _safetensors_weights() -> Iterator[float]:
    """A small Llama written by the safetensors library itself, in three types."""
    from safetensors.numpy import save_file

    from llmpick.sources.hf import read_safetensors_folder

    config = {"model_type": "llama", "num_hidden_layers": 1, "num_attention_heads": 2, "hidden_size": 64, "vocab_size": 100}
    for dtype in (np.float32, np.float16, np.int8):
        arrays = {
            "model.embed_tokens.weight": np.zeros((100, 64), dtype),
            "lm_head.weight": np.zeros((100, 64), dtype),
            "model.layers.0.mlp.up_proj.weight": np.zeros((128, 64), dtype),
            "model.norm.weight": np.zeros(64, np.float32),
        }
        with tempfile.TemporaryDirectory() as folder:
            save_file(arrays, Path(folder) / "model.safetensors")
            (Path(folder) / "config.json").write_text(json.dumps(config | {"tie_word_embeddings": False}))
            groups = read_safetensors_folder(Path(folder)).tensors
        yield sum(group.bytes for group in groups) / sum(array.nbytes for array in arrays.values()) - 1


def _caches(data: Path) -> Iterator[float]:
    """Full-attention layers alone, which is what the table counts; rows whose figure the table itself derived wrongly are named in
    tests/sources/hf/test_rows_of_table.py and left out here too.
    """
    sys.path.insert(0, str(ROOT))
    from tests.sources.hf import test_rows_of_table as table
    from tests.sources.hf.from_row import config_of_row

    for row in table.rows_of(data / "model_configs.csv"):
        told = int(row["kv_bytes_per_token_bf16_full_layers"] or 0)
        architecture = read_config(config_of_row(row), row["model_id"]).architecture
        if told and architecture and not table.is_one_of(row, table.COUNTED_AS_FULL):
            yield table.full_cache_per_token(architecture) / told - 1


def _speeds(data: Path) -> Iterator[Check]:
    """Single GPUs; every error is of a fit without that device. Rows beyond contexts of 8,192 tokens are left out."""
    screened = speed_rows.read_rows(data)
    found = fit_speed.fit_all(data, screened.rows)
    spreads = fit_speed.spreads_of(found)
    families = [fit_speed.CLASSES[index].family for index in found.decode.classes]
    widths = np.array([spreads[family][0] for family in families])
    vendor = np.array([row.vendor for row in found.decode.rows])
    kinds = np.array([row.kind for row in found.decode.rows])
    for name, aim in (("nvidia", "7%"), ("apple", "12%")):
        for kind in sorted(set(kinds[vendor == name])):
            chosen = (vendor == name) & (kinds == kind)
            errors = np.expm1(found.unseen_decode[chosen])
            held = np.abs(found.unseen_decode[chosen]) <= widths[chosen]
            yield Check(f"decode speed, {name}, {kind}, device left out", errors.tolist(), held.tolist(), aim)


def _seconds(path: Path) -> float:
    taken = list[float]()
    for _ in range(5):
        began = time.perf_counter()
        subprocess.run([sys.executable, "-m", "llmpick", "fit", str(path)], check=True, capture_output=True)
        taken.append(time.perf_counter() - began)
    return min(taken)


if __name__ == "__main__":
    sys.exit(main())
