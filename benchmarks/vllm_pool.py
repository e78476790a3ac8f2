"""vLLM's KV pool and activation peak, predicted against logged boots.

    python benchmarks/vllm_pool.py [--folder ../shared/data/fit]

The pool is predicted twice: with the weights that the boot logged (then all of the error is that of activations and of the memory outside
torch), and with weights counted from the model's configuration, for models stored in 16 bits. The formulas have one kind of constant that
is taken from these boots, the memory outside torch; "left out" takes its median anew without the family that is predicted.
"""

import argparse
import csv
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from statistics import mean, median

import numpy as np

from llmpick.estimate.engines import vllm
from llmpick.estimate.footprint import Footprint
from llmpick.estimate.shape import Range, Shape, shape_of
from llmpick.evidence.deployment import Deployment, Option
from llmpick.evidence.device import Device
from llmpick.evidence.model import Architecture, AttentionLayer, Blueprint, Experts, RecurrentLayer, TensorGroup, TensorRole
from llmpick.evidence.values import Source

GIB = 2**30
FOLDER = Path(__file__).resolve().parents[2] / "shared" / "data" / "fit"
HERE = Source("model_configs.csv", checked=date(2026, 11, 24))
NO_GATE = ("PhiForCausalLM", "OPTForCausalLM")
UNKNOWN_LENGTH = 8192
Row = dict[str, str]


@dataclass(frozen=True)
class Boot:
    """One logged start of vLLM and its estimate; sizes in GiB. `pool_counted` is the pool with weights counted from the configuration."""

    row: Row
    footprint: Footprint
    pool_counted: float | None

    @property
    def name(self) -> str:
        """What tells the boot from others."""
        row = self.row
        model = row["model_id"].split("/")[-1][:38]
        return f"{model} {row['quantization'] or '?'} tp{row['tp']} pp{row['pp'] or 1} {row['engine_version'][:6]}"

    @property
    def pool(self) -> Range:
        """The estimated pool, in GiB."""
        assert self.footprint.kv_pool is not None
        return Range(*(float(np.asarray(part)) / GIB for part in self.footprint.kv_pool))

    @property
    def outside(self) -> float:
        """The estimated memory outside torch, in GiB."""
        return _gib(self.line("outside torch"))

    @property
    def measured_pool(self) -> float | None:
        """Of the fullest rank, which limits the others: for pipeline stages the claim less the largest total in the notes."""
        if not self.row["kv_pool_gib"]:
            return None
        totals = [float(total) for total in re.findall(r"=([\d.]+)/[\d.]+/[\d.]+/[\d.]+", self.row["notes"])]
        return float(self.row["requested_gib"]) - max(totals) if totals else float(self.row["kv_pool_gib"])

    def line(self, name: str) -> Range:
        """The bytes of one line of the estimate."""
        return next(line.bytes for line in self.footprint.lines if line.name.startswith(name))


def read(folder: Path = FOLDER, *, configs: str = "model_configs.csv", rows: str = "memory_vllm.csv") -> list[Boot]:
    """All boots that have a known configuration and a total memory, each with its estimate."""
    known = {row["model_id"]: row for row in _table(folder / configs)}
    names = {row["model_id"]: row["config_model_id"] for row in _table(folder / "model_id_map.csv")}
    found = [(row, known.get(names.get(row["model_id"], ""))) for row in _table(folder / rows)]
    return [_boot(row, config) for row, config in found if config and row["gpu_total_gib"] and row["gpu_memory_utilization_ratio"]]


def blueprint(config: Row, vision: bool = False) -> Blueprint:
    """The model of a configuration row, its tensors counted; sizes of 16-bit weights."""
    hidden, blocks, width = _int(config, "hidden_size"), _int(config, "n_layers"), _int(config, "intermediate_size")
    heads, vocabulary = _int(config, "n_heads"), _int(config, "vocab_size")
    experts = _int(config, "n_routed_experts")
    dense = _int(config, "n_dense_layers_first") if experts else blocks
    expert_width = _int(config, "moe_intermediate_size") or width
    shared = _int(config, "shared_expert_intermediate_size") or expert_width * _int(config, "n_shared_experts")
    matrices = 2 if config["architecture"] in NO_GATE else 3
    counted: dict[TensorRole, int] = {
        "embedding": vocabulary * hidden,
        "output": 0 if config["tied_embeddings"] == "true" else vocabulary * hidden,
        "experts": (blocks - dense) * experts * 3 * hidden * expert_width,
        "shared_experts": (blocks - dense) * 3 * hidden * shared if experts else 0,
        "mlp": dense * matrices * hidden * width,
    }
    stated = float(config["computed_params_b"] or 0) if not vision else 0.0
    total = round((stated or float(config["total_params_b"] or 0)) * 1e9)
    counted["attention"] = max(0, total - sum(counted.values()))
    counted["vision"] = 1_000_000 if vision else 0  # that there is one is what matters; its size is in the rest
    architecture = Architecture(
        config["model_id"],
        hidden,
        vocabulary,
        _layers(config, blocks),
        blocks=blocks,
        heads=heads,
        intermediate_size=width,
        experts=Experts(experts, _int(config, "n_experts_active"), _int(config, "n_shared_experts")) if experts else None,
    )
    tensors = tuple(TensorGroup(role, "BF16", count, 2 * count) for role, count in counted.items() if count)
    return Blueprint(config["model_id"], "config", "safetensors", "BF16", architecture, tensors, None, HERE)


def relative(predicted: float | None, measured: float | None) -> float | None:
    """Predicted over measured, minus 1; None where either is missing or nothing was measured."""
    return predicted / measured - 1 if measured and predicted is not None and measured > 0 else None


def left_out(boots: Sequence[Boot]) -> dict[str, list[float]]:
    """Errors of the pool by family, the memory outside torch taken as the median over the other families' boots of the same kind."""
    errors: dict[str, list[float]] = {}
    for boot in boots:
        others = [float(other.row["non_torch_gib"]) for other in boots if _alike(boot, other) and other.row["family"] != boot.row["family"]]
        error = relative(boot.pool.value + boot.outside - median(others or [boot.outside]), boot.measured_pool)  # type: ignore[operator]
        errors.setdefault(boot.row["family"], []).extend([] if error is None else [error])
    return errors


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=FOLDER)
    boots = read(parser.parse_args().folder)
    print(f"{'boot':62}{'activation':>16}{'outside':>13}{'graphs':>13}{'pool, logged weights':>26}{'counted':>10}  tokens")
    for boot in boots:
        print(_printed(boot))
    current = [boot for boot in boots if boot.row["engine_version"] == "0.19.0" and boot.measured_pool]
    _summary("0.19 on H100, logged weights", [relative(float(boot.pool.value), boot.measured_pool) for boot in current])
    _summary("0.19 on H100, counted weights", [relative(boot.pool_counted, boot.measured_pool) for boot in current])
    families = left_out(current)
    for family, errors in families.items():
        print(f"  left out: {family:28} {mean(errors):+6.1%} worst {max(errors, key=abs):+6.1%} of {len(errors)}")
    _summary("0.19, outside torch from other families", [error for errors in families.values() for error in errors])
    _summary("all other versions, logged weights", [relative(float(b.pool.value), b.measured_pool) for b in boots if b not in current])
    held = [boot.pool.low <= boot.measured_pool <= boot.pool.high for boot in boots if boot.measured_pool and boot.measured_pool > 0]
    print(f"90% intervals of the pool hold {sum(held)} of {len(held)} boots")


def _boot(row: Row, config: Row) -> Boot:
    named = config["architecture"] + row["model_id"]
    model = blueprint(
        config, vision=any(word in named for word in ("VL", "vision", "Llama4", "Mistral3", "Gemma3ForCond", "Gemma4ForCond"))
    )
    shape = shape_of(model)
    assert shape is not None
    device = Device(row["gpu"], "gpu", int(float(row["gpu_total_gib"]) * GIB), int(float(row["gpu_total_gib"]) * GIB), vendor="nvidia")
    options: dict[str, Option] = {key: int(row[column]) for key, column in _OPTIONS.items() if row[column]}
    options |= {"dtype": "float32"} if row["dtype"] == "float32" else {}
    deployment = Deployment(
        "vllm",
        row["engine_version"] or None,
        kv_type=row["kv_cache_dtype"] or "auto",
        tensor_parallel=int(row["tp"]),
        pipeline_parallel=int(row["pp"] or 1),
        memory_utilization=float(row["gpu_memory_utilization_ratio"]),
        options=options,
    )
    tokens = int(row["max_model_len_tokens"] or UNKNOWN_LENGTH)
    counted = vllm.footprint(shape, device, deployment, context_tokens=tokens)
    exact = vllm.footprint(_logged(shape, row), device, deployment, context_tokens=tokens)
    assert counted.kv_pool is not None
    plain = row["quantization"] in ("none", "") and row["dtype"] != "float32" and not _is_quantized(row)
    return Boot(row, exact, _gib(counted.kv_pool) if plain else None)


_OPTIONS = {"max_num_batched_tokens": "max_num_batched_tokens", "max_num_seqs": "max_num_seqs"}


def _logged(shape: Shape, row: Row) -> Shape:
    """The shape with the weights that the boot logged; of several stages the mean, as each logs its own."""
    if not row["weights_gib"]:
        return shape
    ranks = [float(weights) for weights in re.findall(r"=[\d.]+/[\d.]+/[\d.]+/([\d.]+)", row["notes"])] or [float(row["weights_gib"])]
    stages = int(row["pp"] or 1)
    ends = shape.embedding_bytes if stages > 1 and np.asarray(shape.tied) else 0.0
    total = mean(ranks) * stages * int(row["tp"]) * GIB - ends
    return shape._replace(weights=Range.exact(total))


def _layers(config: Row, blocks: int) -> tuple[AttentionLayer | RecurrentLayer, ...]:
    if config["kv_lora_rank"]:
        return (AttentionLayer(1, _int(config, "kv_lora_rank") + _int(config, "qk_rope_head_dim"), 0, latent=True),) * blocks
    size = _int(config, "head_dim") or _int(config, "hidden_size") // _int(config, "n_heads")
    sliding, recurrent = _int(config, "n_sliding_layers"), _int(config, "n_linear_or_ssm_layers")
    local = AttentionLayer(_int(config, "n_kv_heads"), size, size)
    large = _int(config, "global_head_dim") or size
    full = AttentionLayer(_int(config, "global_n_kv_heads") or local.kv_heads, large, large)
    slid = AttentionLayer(local.kv_heads, size, size, _int(config, "sliding_window_tokens") or None)
    value = _int(config, "ssm_n_heads_v") * _int(config, "ssm_head_dim_v")
    key = _int(config, "ssm_n_heads_k") * _int(config, "ssm_head_dim_k")
    state = RecurrentLayer(value * _int(config, "ssm_head_dim_k"), (value + 2 * key) * max(0, _int(config, "ssm_conv_kernel") - 1))
    return (slid,) * sliding + (state,) * recurrent + (full,) * (blocks - sliding - recurrent)


def _alike(one: Boot, other: Boot) -> bool:
    def kind(boot: Boot) -> tuple[bool, bool]:
        return int(boot.row["tp"]) > 1, int(boot.row["pp"] or 1) > 1

    return kind(one) == kind(other) and bool(other.row["non_torch_gib"])


def _printed(boot: Boot) -> str:
    row = boot.row

    def pair(predicted: Range, measured: str) -> str:
        return f"{_gib(predicted):7.2f} ({measured or '-':>5})"

    error, counted = relative(float(boot.pool.value), boot.measured_pool), relative(boot.pool_counted, boot.measured_pool)
    tokens = float(np.asarray(boot.footprint.pool_tokens)) if boot.footprint.pool_tokens is not None else None
    off = relative(tokens, float(row["kv_tokens"]) if row["kv_tokens"] else None)
    pool = f"{boot.pool.value:8.2f} ({boot.measured_pool or 0:6.2f}) {_percent(error)}"
    parts = (
        pair(boot.line("activation"), row["activation_peak_gib"]),
        pair(boot.line("outside"), row["non_torch_gib"]),
        pair(boot.line("CUDA"), row["cuda_graph_gib"]),
    )
    return f"{boot.name:62} {parts[0]:>15}{parts[1]:>15}{parts[2]:>15} {pool:>25} {_percent(counted)} {_percent(off)}"


def _percent(value: float | None) -> str:
    return "       -" if value is None else f"{value:+8.1%}"


def _summary(title: str, errors: Iterable[float | None]) -> None:
    known = [error for error in errors if error is not None]
    print(f"{title:45} mean {mean(map(abs, known)):5.1%}  worst {max(known, key=abs):+6.1%}  n {len(known)}")


def _is_quantized(row: Row) -> bool:
    return re.search(r"fp8|w8a8|w4a16|awq|int4|nvfp4", row["model_id"].lower()) is not None


def _gib(range_: Range) -> float:
    return float(np.asarray(range_.value)) / GIB


def _int(row: Row, column: str) -> int:
    return int(float(row[column] or 0))


def _table(file: Path) -> list[Row]:
    with file.open(newline="", encoding="utf-8") as opened:
        return list(csv.DictReader(opened))


if __name__ == "__main__":
    main()
