"""The measured rows of single-stream speed as the formula sees them, and the screen that keeps impossible ones out.

Rows come from `fit/speed_single_stream.csv` of the data folder and from `published_speeds.csv` beside this file. A model's shape is built
from its row of `fit/model_configs.csv`; bytes are those of its file where the row states them, else parameters x bits of the format.
"""

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from llmpick.catalog.speeds import llamacpp_build
from llmpick.estimate.rooflines import Layout, weights_read
from llmpick.estimate.shape import Shape, shape_of
from llmpick.evidence.model import Architecture, AttentionLayer, Blueprint, Experts, RecurrentLayer, TensorGroup
from llmpick.evidence.values import Source

PUBLISHED = Path(__file__).with_name("published_speeds.csv")
LLAMACPP_FAMILY = ("llama.cpp", "ollama", "lmstudio", "llama.cpp (Docker Model Runner)")
GIB = 2**30

# Total parameters of models whose configuration in the data does not state them, in 10^9: as their publishers round them.
PARAMETERS_B = {
    "nvidia/Qwen3.6-27B-NVFP4": 27.3,
    "Qwen/Qwen3.5-27B": 27.3,
    "nvidia/Qwen3.6-35B-A3B-NVFP4": 35.0,
    "Qwen/Qwen3.5-35B-A3B": 35.0,
}
# Bits per weight of whole files: llama.cpp's tools/quantize README for Llama-3.1-8B, blocks of the format for the others.
BITS = {
    "F16": 16.0, "BF16": 16.0, "bf16": 16.0, "FP8": 8.1, "NVFP4": 4.5, "MXFP4": 4.25, "AutoRound INT4": 4.3, "AWQ INT4": 4.3,
    "Q8_0": 8.50, "Q6_K": 6.56, "Q5_K_M": 5.70, "Q5_K_S": 5.57, "Q4_K_M": 4.89, "Q4_K_S": 4.67, "Q4_1": 5.0, "Q4_0": 4.5,
    "IQ4_NL": 4.68, "IQ4_XS": 4.46, "Q3_K_L": 4.30, "Q3_K_M": 3.91, "Q3_K_S": 3.64, "IQ3_M": 3.76, "IQ3_S": 3.66, "IQ3_XS": 3.50,
    "IQ3_XXS": 3.25, "Q2_K": 3.16, "Q2_K_S": 2.97, "IQ2_M": 2.93, "IQ2_S": 2.74, "IQ2_XS": 2.59, "IQ2_XXS": 2.38, "IQ1_M": 2.15,
    "IQ1_S": 2.00, "Q8_K_XL": 9.5, "Q5_K_XL": 5.8, "Q4_K_XL": 5.0, "Q3_K_XL": 4.1, "Q4_K_P": 4.9, "Q3_K_P": 4.0,
}  # fmt: skip
UNLISTED = {
    "microsoft/Phi-4-mini-reasoning": "phi-4-mini",
    "unsloth/Phi-4-mini-reasoning-GGUF": "phi-4-mini",
    "migtissera/Tess-4-35B-A3B": "nvidia/Qwen3.6-35B-A3B-NVFP4",
}
# microsoft/Phi-4-mini-reasoning, config.json: 32 layers, hidden 3072, 24 heads, 8 KV heads of 128, 200,064 tokens, tied.
PHI_4_MINI = {"n_layers": "32", "hidden_size": "3072", "n_heads": "24", "n_kv_heads": "8", "head_dim": "128", "intermediate_size": "8192"}
PHI_4_MINI |= {"vocab_size": "200064", "tied_embeddings": "true", "computed_params_b": "3.836"}


@dataclass(frozen=True)
class Row:
    """One measurement. `noise` is the standard deviation of its logarithm that its kind of source shows."""

    device: str
    vendor: str
    engine: str
    build: int | None
    model: str
    quant: str
    shape: Shape
    bandwidth: float
    context: float
    prompt: float | None
    decode: float
    prefill: float | None
    noise: float
    kind: str
    gpus: int = 1

    @property
    def configuration(self) -> tuple[object, ...]:
        """What two reports of one measurement have in common."""
        return self.device, self.engine, self.model, self.quant, round(self.context), self.gpus


class Screened(NamedTuple):
    """Rows to compare with, and how many were left out for which reason."""

    rows: list[Row]
    dropped: dict[str, int]


def read_rows(folder: Path) -> Screened:
    """All rows that can be compared with the formula, and how many were dropped for which reason."""
    configs = {row["model_id"]: row for row in read_csv(folder / "model_configs.csv")} | {"phi-4-mini": PHI_4_MINI}
    ids = {row["model_id"]: row["config_model_id"] for row in read_csv(folder / "model_id_map.csv")} | UNLISTED
    dropped: dict[str, int] = {}
    kept = list[Row]()
    for raw in read_csv(folder / "speed_single_stream.csv"):
        reason, row = _read(raw, configs.get(ids.get(raw["model_id"], "")), ids.get(raw["model_id"], ""))
        if row is None:
            dropped[reason] = dropped.get(reason, 0) + 1
        else:
            kept.append(row)
    kept += [_published(raw, configs["meta-llama/Llama-2-7b"]) for raw in read_csv(PUBLISHED)]
    return _spread_out(_screen_spilled(_screen_repeats(kept, dropped)))


def _read(raw: dict[str, str], config: dict[str, str] | None, config_id: str) -> tuple[str, Row | None]:
    if raw["quality_flag"] not in ("", "clean_bench"):
        return f"flagged {raw['quality_flag']}", None
    if not raw["bandwidth_gb_per_s"]:
        return "device or bandwidth not named", None
    engine = "llama.cpp" if raw["engine"] in LLAMACPP_FAMILY else raw["engine"]
    if engine not in ("llama.cpp", "vllm"):
        return f"engine {raw['engine']} has no formula", None
    gpus = int(raw["gpu_count"] or 1)
    if gpus > 1 and raw["split_mode"] != "layer":
        return "several GPUs, not split by layer", None
    shape = shape_of_row(raw, config, config_id) if config and config.get("hidden_size") else None
    if shape is None:
        return "no configuration of the model, or size of the format not known", None
    row = _row(raw, engine, shape, gpus)
    traffic = float(weights_read(shape, 1, Layout()).device)
    if traffic * row.decode > row.bandwidth:
        return "faster than reading its weights at the full bandwidth", None
    return "", row


def _row(raw: dict[str, str], engine: str, shape: Shape, gpus: int) -> Row:
    bench = raw["test_kind"].startswith("llama-bench")
    wraps = "wraps" in raw["test_kind"]
    generated = float(raw["generated_tokens"] or 512)
    prompt = float(raw["prompt_tokens"]) if raw["prompt_tokens"] else None
    # llama-bench's tgN starts with an empty cache; a context that wraps at 512 drops half and fills up again, 3/4 full on average.
    context = generated / 2 if bench or prompt is None else 384.0 if wraps else prompt + generated / 2
    kind = "clean bench" if bench else "main runs" if wraps else "user reports"
    # club-3090 measured prefill with another prompt; the F16 prefill of these two cards is off by ten in the source.
    off = raw["source"].startswith("noonghunna") or (raw["quant"] == "F16" and raw["gpu"] in ("A100 SXM 80GB", "L40S"))
    reads = raw["prompt_tok_per_s"] if prompt and prompt >= 256 and gpus == 1 and not off else ""
    return Row(
        device=raw["gpu"],
        vendor=vendor_of(raw["gpu"]),
        engine=engine,
        build=_build(raw),
        model=raw["model_id"],
        quant=raw["quant"],
        shape=shape,
        bandwidth=float(raw["bandwidth_gb_per_s"]) * 1e9,
        context=context,
        prompt=prompt,
        decode=float(raw["decode_tok_per_s"]),
        prefill=float(reads) if reads else None,
        noise={"clean bench": 0.05, "main runs": 0.07, "user reports": 0.2}[kind],
        kind=kind,
        gpus=gpus,
    )


def _build(raw: dict[str, str]) -> int | None:
    """llama.cpp's build; that of May 2024 where a row of 2024 names none."""
    return llamacpp_build(raw["engine_version"]) or (2824 if raw["source_date"].startswith(("2023", "2024")) else None)


def _published(raw: dict[str, str], config: dict[str, str]) -> Row:
    shape = shape_of_row({"quant": raw["quant"], "file_gib": raw["file_gib"], "params_b": "6.738"}, config, "")
    assert shape is not None
    build = int(raw["engine_version"][1:])
    speeds = float(raw["decode_tok_per_s"]), float(raw["prompt_tok_per_s"])
    return Row(
        raw["gpu"], vendor_of(raw["gpu"]), "llama.cpp", build, "meta-llama/Llama-2-7b", raw["quant"], shape,
        float(raw["bandwidth_gb_per_s"]) * 1e9, 64.0, 512.0, speeds[0], speeds[1], 0.05, "published table",
    )  # fmt: skip


def _screen_repeats(rows: list[Row], dropped: dict[str, int]) -> Screened:
    """Of user reports of one configuration the fastest stays: a slower one had a longer context, a power cap or spilled weights."""
    best: dict[tuple[object, ...], float] = {}
    for row in rows:
        best[row.configuration] = max(best.get(row.configuration, 0.0), row.decode)
    kept, seen = list[Row](), set[tuple[object, ...]]()
    for row in rows:
        exact = (*row.configuration, row.decode)
        if row.kind == "user reports" and row.decode < 0.9 * best[row.configuration]:
            reason = "the same configuration was reported 10% faster: what slowed this one is not stated"
        elif row.kind == "user reports" and exact in seen:
            reason = "repeated"
        else:
            kept.append(row)
            seen.add(exact)
            continue
        dropped[reason] = dropped.get(reason, 0) + 1
    return Screened(kept, dropped)


def _screen_spilled(screened: Screened) -> Screened:
    """A bigger model reaches more of the bandwidth on one device, its fixed costs being the same; far less means that it did not fit."""
    reached: dict[tuple[str, str], list[tuple[float, float]]] = {}
    for row in screened.rows:
        traffic = float(weights_read(row.shape, 1, Layout()).device)
        reached.setdefault((row.device, row.kind), []).append((traffic, traffic * row.decode / row.bandwidth))
    kept = list[Row]()
    for row in screened.rows:
        traffic = float(weights_read(row.shape, 1, Layout()).device)
        smaller = [share for other, share in reached[row.device, row.kind] if other < 0.9 * traffic]
        if not smaller or traffic * row.decode / row.bandwidth > 0.65 * max(smaller) or row.context > 16384 or row.gpus > 1:
            kept.append(row)
    reason = "slower per byte than a smaller model on the same device: did not fit its memory"
    return Screened(kept, screened.dropped | {reason: len(screened.rows) - len(kept)})


def _spread_out(screened: Screened) -> Screened:
    """Many reports of one model on one device are one user's machine: together they weigh as two."""
    counts: dict[tuple[str, str, str], int] = {}
    for row in screened.rows:
        counts[row.device, row.model, row.kind] = counts.get((row.device, row.model, row.kind), 0) + 1

    def noise(row: Row) -> float:
        many = counts[row.device, row.model, row.kind] / 2
        return row.noise * max(1.0, many) ** 0.5 if row.kind == "user reports" else row.noise

    return Screened([replace(row, noise=noise(row)) for row in screened.rows], screened.dropped)


def vendor_of(gpu: str) -> str:
    if re.match(r"(Apple )?M\d\b", gpu):
        return "apple"
    if re.match(r"(RX|MI|Radeon|AMD|Ryzen)", gpu):
        return "amd"
    return "intel" if re.match(r"(Arc|Intel)", gpu) else "nvidia"


def bits_of(quant: str) -> float | None:
    return BITS.get(quant.removeprefix("UD-").split(" (")[0])


def shape_of_row(raw: dict[str, str], config: dict[str, str], config_id: str) -> Shape | None:
    bits = bits_of(raw["quant"])
    if bits is None:
        return None
    parameters = 1e9 * float(
        config.get("computed_params_b") or PARAMETERS_B.get(config_id) or config.get("total_params_b") or raw["params_b"]
    )
    total = float(raw["file_gib"]) * GIB if raw["file_gib"] else parameters * bits / 8
    architecture = _architecture(config)
    groups = list(_groups(config, parameters, total, bits, architecture))
    source = Source("measured row")
    return shape_of(Blueprint(raw["quant"], "config", "gguf", raw["quant"], architecture, tuple(groups), None, source))


def _architecture(config: dict[str, str]) -> Architecture:
    layers, hidden = int(config["n_layers"]), int(config["hidden_size"])
    heads = int(config["n_heads"])
    full = int(config.get("n_full_attn_layers") or layers)
    size = int(config.get("head_dim") or hidden // heads)
    kept: list[AttentionLayer | RecurrentLayer]
    if config.get("kv_lora_rank"):
        kept = [AttentionLayer(1, int(config["kv_lora_rank"]) + int(config["qk_rope_head_dim"]), 0, latent=True)] * full
    else:
        kept = [AttentionLayer(int(config["n_kv_heads"]), size, size)] * full
    if config.get("n_linear_or_ssm_layers") and config.get("ssm_n_heads_v"):
        value, key = (
            int(config["ssm_n_heads_v"]) * int(config["ssm_head_dim_v"]),
            int(config["ssm_n_heads_k"]) * int(config["ssm_head_dim_k"]),
        )
        state = value * int(config["ssm_head_dim_k"])
        window = (int(config["ssm_conv_kernel"]) - 1) * (value + 2 * key)
        kept = kept + [RecurrentLayer(state, window)] * int(config["n_linear_or_ssm_layers"])
    experts = None
    if config.get("n_routed_experts"):
        experts = Experts(int(config["n_routed_experts"]), int(config["n_experts_active"]), int(config.get("n_shared_experts") or 0))
    inner = int(config.get("intermediate_size") or 4 * hidden)
    return Architecture("config", hidden, int(config["vocab_size"]), tuple(kept), layers, heads, inner, experts)


def _groups(config: dict[str, str], parameters: float, total: float, bits: float, architecture: Architecture) -> Iterator[TensorGroup]:
    """Tables in the type that the format gives them (llama.cpp keeps the output matrix at 6.56 bits or more), the rest in what is left."""
    table = architecture.hidden_size * (architecture.vocabulary_size or 0)
    wide = max(bits, 6.5625) if bits < 16 else 16.0
    tied = config.get("tied_embeddings") == "true"
    used = 0.0
    for role, width in (("embedding", wide if tied else bits),) + (() if tied else (("output", wide),)):
        used += table * width / 8
        yield TensorGroup(role, "stored", table, int(table * width / 8))  # type: ignore[arg-type]
    rest = parameters - table * (1 if tied else 2)
    left = total - used
    if architecture.experts:
        routed = (
            (architecture.blocks or 0) * architecture.experts.count * 3 * architecture.hidden_size * int(config["moe_intermediate_size"])
        )
        routed = min(routed, int(0.98 * rest))
        yield TensorGroup("experts", "stored", routed, int(left * routed / rest))
        left, rest = left * (1 - routed / rest), rest - routed
    yield TensorGroup("mlp", "stored", int(rest), int(left))


def read_csv(path: Path) -> Iterator[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as lines:
        yield from csv.DictReader(line for line in lines if not line.startswith("#"))
