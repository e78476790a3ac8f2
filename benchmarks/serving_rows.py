"""Measured serving of one replica under load, from `fit/speed_serving.csv`: time per output token and to the first token.

Kept are aggregated deployments (prefill and decode on the same GPUs) without attention data parallelism, over at most 8 GPUs, with at
most 64 requests at once and vLLM or SGLang as engine, one row of every pair of times: exact copies are in the file under several ids.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from llmpick.estimate.shape import Shape
from speed_rows import read_csv, shape_of_row

# Bytes per second and dense 16-bit operations per second, by NVIDIA's data sheets; one direction of NVLink.
SYSTEMS = {
    "NVIDIA H100 SXM": (3.35e12, 989e12, 450e9),
    "NVIDIA H200 SXM": (4.8e12, 989e12, 450e9),
    "NVIDIA B200 SXM": (8.0e12, 2250e12, 900e9),
    "NVIDIA B300 SXM": (8.0e12, 2250e12, 900e9),
}
BITS = {"fp8": "FP8", "fp4": "NVFP4", "": "BF16"}
MOST_REQUESTS = 64
MOST_PARALLEL = 8
ENGINES = ("vllm", "sglang")


class ServingRow(NamedTuple):
    """Seconds. `fp8` says that products are computed in 8 bits or less, at twice the 16-bit rate."""

    model: str
    gpu: str
    engine: str
    shape: Shape
    bandwidth: float
    flops: float
    link: float
    tensor_parallel: int
    input_tokens: int
    output_tokens: int
    requests: int
    tpot_s: float
    ttft_s: float


def read_serving(folder: Path) -> list[ServingRow]:
    configs = {row["model_id"]: row for row in read_csv(folder / "model_configs.csv")}
    ids = {row["model_id"]: row["config_model_id"] for row in read_csv(folder / "model_id_map.csv")}
    shapes: dict[tuple[str, str], Shape | None] = {}
    seen = set[tuple[float, float]]()
    rows = list[ServingRow]()
    for raw in _usable(folder):
        times = round(float(raw["ttft_ms"]), 6), round(float(raw["tpot_ms"]), 6)
        if times in seen:
            continue
        seen.add(times)
        key = raw["model_id"], raw["precision"]
        if key not in shapes:
            config = _completed(configs[ids[raw["model_id"]]])
            shapes[key] = shape_of_row({"quant": BITS[raw["precision"]], "file_gib": "", "params_b": "671"}, config, "")
        shape = shapes[key]
        if shape is None:
            continue
        bandwidth, flops, link = SYSTEMS[raw["gpu"]]
        rate = flops * (1 if raw["precision"] == "" else 2)
        numbers = (int(raw[name]) for name in ("tp_size_count", "input_tokens", "output_tokens", "concurrency_requests"))
        tensor_parallel, tokens_in, tokens_out, requests = numbers
        rows.append(
            ServingRow(
                raw["model_id"], raw["gpu"], raw["engine"], shape, bandwidth, rate, link, tensor_parallel, tokens_in, tokens_out, requests,
                times[1] / 1e3, times[0] / 1e3,
            )
        )  # fmt: skip
    return rows


def _usable(folder: Path) -> Iterator[dict[str, str]]:
    for raw in read_csv(folder / "speed_serving.csv"):
        group = int(raw["tp_size_count"] or 1) <= MOST_PARALLEL
        alone = (
            group
            and raw["engine"] in ENGINES
            and raw["mode"] == "agg"
            and raw["attention_dp_size_count"] in ("", "1")
            and raw["pp_size_count"] in ("", "1")
        )
        measured = raw["tpot_ms"] and raw["ttft_ms"] and raw["wip"] != "yes"
        if alone and measured and raw["gpu"] in SYSTEMS and int(raw["concurrency_requests"] or 999) <= MOST_REQUESTS:
            yield raw


def _completed(config: dict[str, str]) -> dict[str, str]:
    """MiniMax's configuration calls the width of its experts `intermediate_size`."""
    return config | {"moe_intermediate_size": config["moe_intermediate_size"] or config["intermediate_size"]}
